"""Every cohort and every period of every segment: the triangle, and what it pools to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from steelyard.metrics.calendar import periods
from steelyard.metrics.product.cohort_cells import Key
from steelyard.metrics.product.cohorts import Cohorts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "CohortGrid"]

COLUMNS = (
    "cohort", "k", "size", "retained", "rate", "value", "value_per_member", "cumulative_per_member", "cohorts",
    "eligible",
)  # fmt: skip
"""The columns of the triangle and of what it pools to, beside dimensions."""


@dataclass(frozen=True)
class CohortGrid:
    """Every cohort and every period, of every segment."""

    cohorts: Cohorts
    by: tuple[str, ...]
    sizes: Mapping[Key, int]
    cells: Mapping[Key, Mapping[str, Any]]
    through: date
    until: date | None
    week_start: str

    def _segments(self) -> list[Key]:
        return sorted({key[:-1] for key in self.sizes}, key=lambda key: tuple((v is None, str(v)) for v in key))

    def _cohort_days(self) -> list[date]:
        days = [key[-1] for key in self.sizes]
        return list(periods(min(days), max(days), self.cohorts.cohort, self.week_start)) if days else []

    def complete(self, cohort: date, k: int) -> bool:
        """Whether period k is over for the latest member that the cohort can have."""
        return self.cohorts.ends(cohort, k, self.until, self.week_start) <= self.through

    @property
    def _zero(self) -> Any:
        known = [cell["value"] for cell in self.cells.values() if cell.get("value") is not None]
        return Decimal(0) if known and isinstance(known[0], Decimal) else 0

    def _rows(self) -> Iterator[dict[str, Any]]:
        for segment in self._segments():
            for cohort in self._cohort_days():
                size, total = self.sizes.get((*segment, cohort), 0), self._zero
                for k in range(self.cohorts.periods):
                    cell = self.cells.get((*segment, cohort, k), {})
                    known = self.complete(cohort, k)
                    row: dict[str, Any] = {
                        **dict(zip(self.by, segment, strict=True)),
                        "cohort": cohort,
                        "k": k,
                        "size": size,
                    }
                    row["retained"] = int(cell.get("retained") or 0) if known else None
                    row["rate"] = row["retained"] / size if known and size else None
                    if self.cohorts.value:
                        row["value"] = (cell.get("value") or self._zero) if known else None
                        total = total + row["value"] if known else total
                        row["value_per_member"] = float(row["value"]) / size if known and size else None
                        row["cumulative_per_member"] = float(total) / size if known and size else None
                    yield row

    def _columns(self, *names: str) -> dict[str, list[Any]]:
        return {name: [] for name in (*self.by, *names)}

    def table(self) -> pa.Table:
        """The triangle."""
        value = ("value", "value_per_member", "cumulative_per_member") if self.cohorts.value else ()
        columns = self._columns("cohort", "k", "size", "retained", "rate", *value)
        for row in self._rows():
            for name, column in columns.items():
                column.append(row[name])
        return _arrow(columns)

    def pooled(self) -> pa.Table:
        """Over the cohorts that are complete at k: members, those who were active, and their rate."""
        value = ("value", "value_per_member") if self.cohorts.value else ()
        columns = self._columns("k", "cohorts", "eligible", "retained", "rate", *value)
        groups: dict[Key, list[dict[str, Any]]] = {}
        for row in self._rows():
            groups.setdefault((*(row[name] for name in self.by), row["k"]), [])
            if row["retained"] is not None:
                groups[*(row[name] for name in self.by), row["k"]].append(row)
        for key, rows in groups.items():
            eligible, retained = sum(row["size"] for row in rows), sum(row["retained"] for row in rows)
            found = {**dict(zip((*self.by, "k"), key, strict=True)), "cohorts": len(rows), "eligible": eligible}
            found |= {"retained": retained, "rate": retained / eligible if eligible else None}
            if self.cohorts.value:
                found["value"] = sum((row["value"] for row in rows), self._zero)
                found["value_per_member"] = float(found["value"]) / eligible if eligible else None
            for name, column in columns.items():
                column.append(found[name])
        return _arrow(columns)

    def notes(self) -> Iterator[str]:
        """What a reader must know of the cohorts."""
        for cohort in self._cohort_days()[-1:]:
            if self.cohorts.latest(cohort, self.until) > self.through:
                yield f"The cohort of {cohort} is not closed: more members may still begin."
        if not self.sizes:
            yield "No entity began in the range."


def _arrow(columns: Mapping[str, list[Any]]) -> pa.Table:
    import pyarrow as pa

    whole, shares = (
        ("k", "size", "retained", "cohorts", "eligible"),
        ("rate", "value_per_member", "cumulative_per_member"),
    )
    types = {"cohort": pa.date32(), **dict.fromkeys(whole, pa.int64()), **dict.fromkeys(shares, pa.float64())}
    return pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})
