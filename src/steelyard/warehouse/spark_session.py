"""Spark sessions: one opened for a URL and shared in the process, and copies of one with our own settings."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from steelyard.errors import DefinitionError, MissingExtraError, WarehouseError
from steelyard.warehouse.spark_errors import from_spark

__all__ = ["close_session", "open_session", "own_copy"]

_SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.groupByAliases": "true",
    "spark.sql.legacy.exponentLiteralAsDecimal.enabled": "false",
    "spark.sql.legacy.statisticalAggregate": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.variable.substitute": "false",
}
_QUIET = {"spark.ui.showConsoleProgress": "false"}
_PATIENCE = 5.0
_GUARD = threading.Lock()
_OPEN: dict[str, int] = {}


def open_session(url: str, *, where: str) -> tuple[Any, str]:
    """The session of this process on the cluster, and its master's address.

    A process has one Spark application at most: what is opened twice is shared, and ends with the last that closes.

    Args:
        url: `spark://host:port`; what follows a `?` are settings of Spark, as `?spark.executor.memory=4g&...`.
        where: The URL without secrets, for errors.

    Raises:
        MissingExtraError: pyspark is not installed.
        WarehouseError: Nobody answers there, or the process has another application.
        DefinitionError: A setting is none of Spark's.
    """
    split = urlsplit(url)
    master, settings = f"spark://{split.netloc}", dict(parse_qsl(split.query, keep_blank_values=True))
    if strange := next((name for name in settings if not name.startswith("spark.")), None):
        hint = "settings of Spark start with `spark.`, as ?spark.executor.memory=4g"
        raise DefinitionError(f"{strange!r} is no setting of Spark", where=where, hint=hint)
    builder = _builder(where)
    with _GUARD:
        if master not in _OPEN:
            _refuse_another(builder, master, where)
            _knock(split.hostname or "", split.port, where)
        for name, value in {**_QUIET, **settings}.items():
            builder.config(name, value)
        try:
            session = builder.master(master).appName("steelyard").getOrCreate()
            session.sparkContext.setLogLevel("FATAL")
        except Exception as error:  # noqa: BLE001  Spark's own, Java's and the system's errors, all told alike
            raise from_spark(error, where=where) from None
        _OPEN[master] = _OPEN.get(master, 0) + 1
    # pyspark logs each error that it raises, with Java's whole stack.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    return session, master


def close_session(session: Any, master: str) -> None:
    """Lets go of what `open_session` gave: the last to do so ends the application."""
    with _GUARD:
        _OPEN[master] -= 1
        if not _OPEN[master]:
            del _OPEN[master]
            session.stop()


@contextmanager
def own_copy(session: Any) -> Iterator[Any]:
    """A copy of the session: it sees the same tables and temporary views, and only the copy has our settings.

    Spark makes the session that is used last the thread's active one; afterwards that is again what it was.
    """
    python, java = type(session), type(session)._get_j_spark_session_class(session._jvm)
    before, active = python._activeSession, java.getActiveSession()
    made = python(session.sparkContext, session._jsparkSession.cloneSession())
    try:
        for name, value in _SETTINGS.items():
            made.conf.set(name, value)
        yield made
    finally:
        python._activeSession = before
        if active.isDefined():
            java.setActiveSession(active.get())
        else:
            java.clearActiveSession()


def _builder(where: str) -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        hint = "pip install 'steelyard[spark]'; it needs Java 17 too"
        raise MissingExtraError("Spark's driver is not installed", where=where, hint=hint) from error
    return SparkSession.Builder()


def _refuse_another(builder: Any, master: str, where: str) -> None:
    from pyspark import SparkContext

    running = SparkContext._active_spark_context
    if running is not None:
        raise WarehouseError(
            f"this process runs a Spark application on {running.master} already",
            where=where,
            hint="give connect() that SparkSession, or stop it first",
        )


def _knock(host: str, port: int | None, where: str) -> None:
    """Spark itself tries for a minute and then stops without a word."""
    try:
        socket.create_connection((host, port or 7077), timeout=_PATIENCE).close()
    except OSError as error:
        hint = "check that the master runs, and its host and port"
        raise WarehouseError(f"no Spark master answers at {host}:{port or 7077}", where=where, hint=hint) from error
