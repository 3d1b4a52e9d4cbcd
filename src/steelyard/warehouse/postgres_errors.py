"""What PostgreSQL and its driver say when they fail, in Steelyard's errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from steelyard.errors import DataError, DefinitionError, LockedError, SteelyardError, WarehouseError, unknown_name
from steelyard.warehouse.secrets import scrub

__all__ = ["from_postgres", "lost_connection"]

_PRIMARY = re.compile(r"(?:ERROR|FATAL|PANIC):\s+(?P<text>.+?)(?:\n|$)")
_QUOTED = re.compile(r'"(?P<name>.+?)"')
_WORDS = {
    "out of range": "22003",
    "invalid input syntax": "22P02",
    "field value": "22008",
    "time zone": "22023",
    "division by zero": "22012",
    "invalid value": "22023",
    "overflow": "22003",
    "out of memory": "53200",
    "No space left": "53100",
    "terminating connection": "57P01",
}
_HINTS = {
    "28": "check the user and the password (PGPASSWORD, ~/.pgpass or ${NAME} in the URL)",
    "3D": "check the database's name",
    "42501": "ask for the right to do this",
    "53100": "free space on the server; nothing was committed",
    "53200": "group by less, or give the server more memory",
    "53300": "close other connections, or raise max_connections",
    "25006": "the warehouse is open for reading only",
    "2BP01": "drop or change what depends on it first",
}


def from_postgres(
    error: BaseException,
    *,
    where: str,
    url: str,
    tables: Callable[[], Iterable[str]] = tuple,
    columns: Callable[[], Iterable[str]] = tuple,
) -> SteelyardError:
    """The Steelyard error for what the driver raised; nothing secret of the URL is in it.

    Args:
        error: What the driver raised.
        where: The warehouse's name.
        url: The URL with its secrets, so that they can be taken out of the message.
        tables: Gives the known tables, asked only where one is unknown.
        columns: Gives the known columns, asked only where one is unknown.
    """
    state, problem = _state(error), scrub(_primary(str(error)), url)
    quoted = _QUOTED.search(problem)
    if state == "42P01" and quoted:
        return unknown_name("table", quoted["name"], tables(), where=where)
    if state == "42703":
        name = quoted["name"] if quoted else problem.removeprefix("column ").split(" does not exist")[0]
        return unknown_name("column", name.split(".")[-1], columns(), where=where)
    hint = _HINTS.get(state) or _HINTS.get(state[:2], "")
    return _class_of(state)(problem, where=where, hint=hint or _connecting(str(error)))


def lost_connection(error: BaseException) -> bool:
    """Whether the connection is of no more use."""
    state = _state(error)
    return state.startswith(("08", "57P")) or not state


def _state(error: BaseException) -> str:
    """The SQLSTATE; the driver drops that of what fails while rows come, where the words must do."""
    state = str(getattr(error, "sqlstate", None) or "")
    return state or next((state for words, state in _WORDS.items() if words in str(error)), "")


def _class_of(state: str) -> type[SteelyardError]:
    if state.startswith("22"):
        return DataError
    if state == "55P03":
        return LockedError
    if state.startswith("42") and state != "42501":
        return DefinitionError
    return WarehouseError


def _primary(message: str) -> str:
    found = _PRIMARY.search(message)
    text = found["text"] if found else message.strip().split("\n")[0]
    return re.sub(r"^[A-Z_]+: (?:\[libpq\] )?", "", text).strip()


def _connecting(message: str) -> str:
    """The hint for a connection that failed, for which there is no SQLSTATE."""
    for words, state in (("role ", "28"), ("password", "28"), ("database ", "3D")):
        if "FATAL" in message and words in message:
            return _HINTS[state]
    return "check that the server runs, and its host and port" if "connect" in message.lower() else ""
