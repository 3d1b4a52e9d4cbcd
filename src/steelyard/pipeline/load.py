"""One load: everything that a source has for it, or nothing, in one transaction of the store."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from steelyard.errors import DefinitionError
from steelyard.pipeline.catcher import catching
from steelyard.pipeline.load_report import LoadReport
from steelyard.pipeline.load_run import LoadRun, ReadAgain
from steelyard.pipeline.progress import Progress
from steelyard.pipeline.source_definition import SourceDefinition
from steelyard.warehouse import ConflictError, Store

__all__ = ["LoadReport", "load"]

_MOST_READINGS = 6
_MOST_CONFLICTS = 3


def load(
    definition: SourceDefinition,
    store: Store,
    *,
    project_folder: str | Path,
    since: date | str | float | None = None,
    until: date | str | float | None = None,
    full: bool = False,
    progress: Progress | None = None,
    now: datetime | None = None,
    memory_limit: str | None = None,
) -> LoadReport:
    """Loads what is new at a source into its table.

    The table, `<table>_rejects`, the identity mapping, the cursor and the list of loaded files are published in one
    step. A load that is killed, or fails, leaves everything as it was; the next one does the same work again. A load
    that finds nothing new publishes nothing.

    Args:
        definition: The source.
        store: Where the table is.
        project_folder: What paths and modules of the definition are relative to.
        since: First value of the cursor of a back-fill: the rows of the range become what the source says now, and the
            cursor stays where it is.
        until: Last value; a date takes its whole day.
        full: Load everything again, as if for the first time; the table and its rejects are replaced.
        progress: Is told what is being done.
        now: The load's moment, with a zone; the clock's by default. Cursors later than a day after it do not move the
            cursor.
        memory_limit: The most memory that the engine may take, such as `"2GB"`; it spills to the disk beyond.

    Returns:
        What was done, with a check for everything that a person should know.

    Raises:
        DefinitionError: The definition cannot be followed.
        DataError: A file is missing or unreadable, too many rows are rejected, the key or the cursor is missing.
        WarehouseError: The disk is full, or other loads of the same table were published first, three times over.

    >>> from steelyard.pipeline.source_definition import source_definition
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "orders.csv").write_text("order_id,amount\\n1,9.90\\n2,abc\\n")
    >>> columns = {"order_id": "BIGINT", "amount": "DECIMAL(9,2)"}
    >>> orders = source_definition("orders", {"kind": "files", "path": "orders.csv", "columns": columns})
    >>> report = load(orders, Store.open(folder / "store"), project_folder=folder)
    >>> report.rows, report.rejected, load(orders, Store.open(folder / "store"), project_folder=folder).skipped
    (1, 1, 1)
    """
    _check_range(definition, since, until, full)
    started, moment = time.monotonic(), (now or datetime.now(UTC)).astimezone(UTC)
    careful: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
    conflicts = 0
    for _ in range(_MOST_READINGS):
        try:
            with (
                tempfile.TemporaryDirectory(prefix="steelyard-load-") as scratch,
                store.transaction(f"load {definition.name}", memory_limit=memory_limit) as transaction,
                catching(transaction.connection) as catcher,
            ):
                run = LoadRun(
                    definition=definition,
                    transaction=transaction,
                    catcher=catcher,
                    folder=Path(project_folder).absolute(),
                    scratch=Path(scratch),
                    since="" if since is None else str(since),
                    until="" if until is None else str(until),
                    full=full,
                    careful=careful,
                    keys=keys,
                    now=moment,
                    progress=progress,
                )
                report = run.go(started)
        except ConflictError:
            # Another process loaded the same table meanwhile: what is new since is looked for from there.
            conflicts += 1
            if conflicts == _MOST_CONFLICTS:
                raise
        except ReadAgain as again:
            careful, keys = careful | again.careful, (*keys, *again.keys)
        else:
            return report
    raise DefinitionError(f"{definition.name!r} changes while it is read", where=definition.where, hint="run it again")


def _check_range(
    definition: SourceDefinition, since: date | str | float | None, until: date | str | float | None, full: bool
) -> None:
    if since is None and until is None:
        return
    if full:
        raise DefinitionError("a full load has no range", hint="leave out `full`, or `since` and `until`")
    if not definition.cursor:
        problem = f"the source {definition.name!r} has no cursor, so no range of it can be loaded"
        raise DefinitionError(problem, where=definition.where, hint="add `cursor:`")
