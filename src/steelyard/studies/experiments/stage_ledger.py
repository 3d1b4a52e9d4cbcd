"""What was done to each experiment's ramp, by whom and why: kept in the ledger, and read back as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError, DefinitionError
from steelyard.studies.experiments.segments import Range

if TYPE_CHECKING:
    from steelyard.warehouse import Entry, Ledger

__all__ = ["ENDED", "KIND", "StageLedger"]

KIND = "stage"
ENDED = ("rollback", "launch")
"""Acts after which an experiment enrols nobody; its buckets of the layer are free again."""
Row = Mapping[str, Any]


class StageLedger:
    """The acts of all experiments, as they stand when it is made.

    An act names the one that it followed, in its layer or, without a layer, of its experiment. Of two acts that follow
    one and the same (two people at once, or two ledgers that were merged) only the first counts, so that no bucket ever
    has two owners; the other stays in the ledger and is listed by `void`. A rollback takes no bucket: it always counts.

    Args:
        ledger: The ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._last: dict[str, str] = {}
        self._rows: dict[str, list[Row]] = {}
        self._void: dict[str, list[Entry]] = {}
        for entry in ledger.entries(kind=KIND):
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        chain, follows = entry.body["chain"], entry.body["after"] == self._last.get(entry.body["chain"], "")
        if not (self._may_follow(entry) and (follows or entry.body["act"] == "rollback")):
            self._void.setdefault(entry.name, []).append(entry)
            return
        if follows:
            self._last[chain] = entry.digest
        row = {**entry.body, "study": entry.name, "since": entry.at, "entry": entry.digest}
        self._rows.setdefault(entry.name, []).append(row)

    def _may_follow(self, entry: Entry) -> bool:
        """Whether the experiment is in a state for the act: what has ended is only rolled back, and that once."""
        acts, act = self._rows.get(entry.name, []), entry.body["act"]
        if act == "rollback":
            return bool(acts) and acts[-1]["act"] != "rollback"
        return not acts or acts[-1]["act"] not in ENDED

    def rows(self, study: str) -> tuple[Row, ...]:
        """The acts of one experiment, oldest first; `since` is when each was recorded."""
        return tuple(self._rows.get(study, ()))

    def by_study(self) -> Mapping[str, tuple[Row, ...]]:
        """The acts of every experiment."""
        return {name: tuple(rows) for name, rows in self._rows.items()}

    def void(self, study: str) -> tuple[Entry, ...]:
        """The experiment's acts that do not count, because another one came first."""
        return tuple(self._void.get(study, ()))

    def running(self) -> Mapping[str, tuple[Row, ...]]:
        """The acts of the experiments that enrol units now."""
        return {name: tuple(rows) for name, rows in self._rows.items() if rows[-1]["act"] not in ENDED}

    def taken(self, layer: str, *, besides: str) -> tuple[Range, ...]:
        """The buckets of a layer that running experiments have, besides one."""
        return tuple(
            (int(begin), int(end))
            for name, rows in self.running().items()
            for row in rows
            if name != besides and layer and row["layer"] == layer
            for begin, end in row.get("ranges", ())
        )

    def append(self, study: str, act: str, *, layer: str, who: str, why: str, body: Mapping[str, Any]) -> Row:
        """Records an act, for good.

        Args:
            study: The experiment.
            act: `advance`, `rollback` or `launch`.
            layer: Its layer; empty where it has none.
            who: Who did it.
            why: The reason.
            body: What else is to be known of it.

        Raises:
            DefinitionError: Nobody, or no reason, is named.
            DataError: Another act came between; this one does not count.
        """
        for name, text in (("who", who), ("why", why)):
            if not text.strip():
                raise DefinitionError(
                    f"the {act} of {study!r} does not say {name}", where=f"ramp {study}", hint=f"give --{name}"
                )
        chain = f"layer {layer}" if layer else f"study {study}"
        said = {"act": act, "chain": chain, "after": self._last.get(chain, ""), "layer": layer, "who": who, "why": why}
        entry = self._ledger.append(KIND, study, {**body, **said})
        now = StageLedger(self._ledger)
        self._last, self._rows, self._void = now._last, now._rows, now._void
        if any(lost.digest == entry.digest for lost in self.void(study)):
            raise DataError(
                f"another act on the {chain} was recorded at the same time, so the {act} of {study!r} does not count",
                where=f"ramp {study}",
                hint="look where it stands now, and do it again if it is still meant",
            )
        return self.rows(study)[-1]
