"""What Spark says when it fails, in Steelyard's errors."""

from __future__ import annotations

import re

from steelyard.errors import DataError, DefinitionError, SteelyardError, WarehouseError

__all__ = ["from_spark"]

_CONDITION = re.compile(r"^\[(?P<name>[A-Z_.]+)\]\s*")
_ADVICE = re.compile(r"\s*(?:Use `?'?try_\w+.*|To tolerate .*|If necessary set .*|SQLSTATE: .*)", re.DOTALL)
_HINTS = {
    "ARITHMETIC_OVERFLOW": "Spark sums whole numbers in 64 bits: sum(CAST(x AS DECIMAL(38, 0)))",
    "INVALID_TIMEZONE": "a name as Europe/Berlin",
    "JAVA_GATEWAY_EXITED": "install Java 17, and let JAVA_HOME say where it is",
    "CAST_INVALID_INPUT": "a value does not fit its type: filter it out, or clean it in a table",
}


def from_spark(error: BaseException, *, where: str) -> SteelyardError:
    """The Steelyard error for what pyspark raised.

    Args:
        error: What pyspark raised.
        where: The warehouse's name.
    """
    text = str(error).strip()
    found = _CONDITION.match(text)
    name = found["name"] if found else ""
    problem = _ADVICE.sub("", (text[found.end() :] if found else text)).split("\n")[0].strip().rstrip(".;")
    return _class_of(error)(problem or type(error).__name__, where=where, hint=_HINTS.get(name, _hint(text)))


def _class_of(error: BaseException) -> type[SteelyardError]:
    state = _state(error)
    if state.startswith("22"):
        return DataError
    if state.startswith(("42", "0A")):
        return DefinitionError
    return WarehouseError


def _state(error: BaseException) -> str:
    told = getattr(error, "getSqlState", None)
    return str(told() or "") if callable(told) else ""


def _hint(text: str) -> str:
    if "OutOfMemoryError" in text or "maxResultSize" in text:
        return "group by less, or give Spark more memory: ?spark.executor.memory=4g"
    if "stopped SparkContext" in text or "Connection refused" in text:
        return "the application has ended: connect again"
    return ""
