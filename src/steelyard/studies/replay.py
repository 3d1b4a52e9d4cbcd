"""Recomputes a stored result, and says same, or what differs: data, definition or code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from steelyard.errors import SteelyardError
from steelyard.result import Provenance, Read, Result
from steelyard.studies.kept import parameters_from_plain, table_from_bytes
from steelyard.studies.result_moved import result_moved
from steelyard.studies.run import PACKAGES, conclude
from steelyard.studies.study import Study
from steelyard.studies.tables_differ import tables_differ
from steelyard.warehouse import Entry, Ledger, Query, Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

__all__ = ["Difference", "Replay", "replay"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as it was.

    Args:
        kind: `data`, `definition`, `code`, or `note` for what changed without changing a number.
        says: What, in one sentence.
    """

    kind: Literal["data", "definition", "code", "note"]
    says: str


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What came of recomputing a stored result.

    Args:
        study: The study.
        entry: Digest of the ledger's entry.
        from_kept: Whether the numbers are the same when recomputed from the kept fetches.
        from_data: `same`, `differs`, or `gone` when the versions that were read do not remain.
        differences: What is not as it was.
        result: The recomputed result.
    """

    study: str
    entry: str
    from_kept: bool
    from_data: Literal["same", "differs", "gone", "not tried"]
    differences: tuple[Difference, ...]
    result: Result

    @property
    def same(self) -> bool:
        """Whether nothing but notes differs."""
        return self.from_kept and all(item.kind == "note" for item in self.differences)

    @property
    def says(self) -> str:
        """The outcome in words."""
        kinds = sorted({item.kind for item in self.differences if item.kind != "note"})
        head = "same" if self.same else f"differs: {', '.join(kinds) or 'code'}"
        return " ".join([head + ".", *(item.says for item in self.differences)])


def replay(
    entry: Entry,
    ledger: Ledger,
    *,
    build: Callable[[Mapping[str, Any]], Study],
    reopen: Callable[[Provenance], Warehouse] | None = None,
    now: Study | None = None,
    metrics_now: Mapping[str, str] | None = None,
) -> Replay:
    """Recomputes a stored result from its kept fetches, and from the data where its versions remain.

    Doubles are the same within a relative 1e-9 (sums of doubles differ in their last digits from run to run);
    integers, decimals, texts and dates must be equal.

    Args:
        entry: The ledger's entry of the result.
        ledger: Where the fetches are kept.
        build: Makes a study of a stored definition.
        reopen: Opens the data as the result read it; raises a SteelyardError that says why when it is gone.
        now: The study as the project defines it today; None when it is not defined any more.
        metrics_now: Today's digests of the governed metrics; None where there are none.
    """
    stored = Result.from_dict(entry.body["result"])
    data = {read.name: table_from_bytes(ledger.kept(read.kept)) for read in stored.provenance.reads}
    study = build(stored.provenance.definition)
    again = conclude(study, data, provenance=stored.provenance)
    moved, notes = result_moved(stored, again)
    differences = [Difference(kind="code", says=f"From the kept fetches, {item}.") for item in moved]
    differences += [Difference(kind="note", says=item) for item in notes]
    from_data: Literal["same", "differs", "gone", "not tried"] = "not tried"
    if reopen is not None:
        from_data, found = _from_data(stored, data, reopen)
        differences += found
    differences += _definition_changes(stored, now, metrics_now)
    differences += _package_changes(stored)
    return Replay(
        study=stored.name,
        entry=entry.digest,
        from_kept=not moved,
        from_data=from_data,
        differences=tuple(differences),
        result=again,
    )


def _from_data(
    stored: Result, data: Mapping[str, pa.Table], reopen: Callable[[Provenance], Warehouse]
) -> tuple[Literal["same", "differs", "gone"], list[Difference]]:
    try:
        warehouse = reopen(stored.provenance)
    except SteelyardError as error:
        says = f"It cannot be recomputed from the data: {error.problem}."
        return "gone", [Difference(kind="data", says=says)]
    with warehouse:
        found = [item for read in stored.provenance.reads for item in _reread(read, data[read.name], warehouse)]
    return ("differs" if found else "same"), found


def _reread(read: Read, before: pa.Table, warehouse: Warehouse) -> Iterator[Difference]:
    for table in read.tables:
        present = warehouse.version(table.name)
        if table.fingerprint and present.fingerprint and present.fingerprint != table.fingerprint:
            yield Difference(
                kind="data",
                says=f"{table.name} had fingerprint {table.fingerprint[:12]} and has {present.fingerprint[:12]}.",
            )
    query = Query(sql=read.sql, parameters=parameters_from_plain(read.parameters))
    how = tables_differ(before, warehouse.fetch(query))
    if how:
        yield Difference(kind="data", says=f"The query {read.name!r} gives something else: {how}.")


def _definition_changes(
    stored: Result, now: Study | None, metrics_now: Mapping[str, str] | None
) -> Iterator[Difference]:
    provenance = stored.provenance
    if now is not None and now.digest() != provenance.digest:
        old, new = dict(provenance.definition), now.definition()
        fields = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        yield Difference(kind="definition", says=f"The study has been edited since: {', '.join(fields)}.")
    for name, digest in provenance.context.get("metrics", {}).items():
        current = (metrics_now or {}).get(name)
        if metrics_now is not None and current != digest:
            how = "is not defined any more" if current is None else "is defined otherwise now"
            yield Difference(kind="definition", says=f"The metric {name!r} {how}.")


def _package_changes(stored: Result) -> Iterator[Difference]:
    for name in PACKAGES:
        old, new = stored.provenance.packages.get(name), version(name)
        if old != new:
            yield Difference(kind="note", says=f"{name} was {old} and is {new}.")
