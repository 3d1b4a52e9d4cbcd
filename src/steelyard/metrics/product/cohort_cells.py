"""The SQL of cohorts: their sizes, and who was active in each cell."""

from __future__ import annotations

from datetime import date
from typing import Any

from steelyard.errors import DefinitionError
from steelyard.metrics.calendar import Clock
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.cohorts import Cohorts
from steelyard.metrics.product.first_rows import first_rows
from steelyard.metrics.product.reading import Reading, steps_sql
from steelyard.warehouse import Warehouse

__all__ = ["BEFORE", "LATER", "UNKNOWN_ENTITY", "CohortCells", "Key"]

UNKNOWN_ENTITY, BEFORE, LATER, NOT_ASKED = -1, -2, -3, -4
MONTHS = {"month": 1, "quarter": 3, "year": 12}
Key = tuple[Any, ...]


class CohortCells:
    """The queries: cohort sizes, and what was active in each cell."""

    def __init__(
        self,
        catalog: MetricCatalog,
        warehouse: Warehouse,
        cohorts: Cohorts,
        by: tuple[str, ...],
        where: str | None,
        since: date | None,
        until: date | None,
    ) -> None:
        self.cohorts, self.by = cohorts, by
        entity = cohorts.check(catalog)
        self.reading = reading = Reading(catalog, warehouse, cohorts.defined_at)
        self.start, self.activity = reading.source(cohorts.start, entity), reading.source(cohorts.activity, entity)
        self.conditions = [self.start.condition(cohorts.start), self.activity.condition(cohorts.activity)]
        told = {f"segment_{n}": self.start.attribute(name) for n, name in enumerate(by)}
        self.segments = list(told)
        if (kept := self.start.asked(where)) != "TRUE":
            told["meets"] = f"CASE WHEN {kept} THEN 1 ELSE 0 END"
        self.starts = first_rows(self.start, self.conditions[0], told)
        self.value = self.activity.value(cohorts.value) if cohorts.value else ""
        self.names = (reading.step("starts"), reading.step("activity_days"), reading.step("placed"))
        ranged = reading.within(self._days(f"{self.names[0]}.day"), since, until)
        bounds = [ranged, f"{self.names[0]}.meets = 1" if "meets" in told else "TRUE"]
        self.kept = " AND ".join(text for text in bounds if text != "TRUE") or "TRUE"
        self.ignored: dict[int, int] = dict.fromkeys((UNKNOWN_ENTITY, BEFORE, LATER, NOT_ASKED), 0)
        reading.survey(self.start, "start", self.conditions[0])
        reading.survey(self.activity, "activity", self.conditions[1])

    def _days(self, column: str) -> Clock:
        """The clock of a column of local days."""
        catalog = self.reading.catalog
        return Clock(column=column, kind="DATE", zone=catalog.zone, week_start=catalog.week_start)

    def last_day(self) -> date:
        """The earlier of the days through which both tables are complete."""
        pairs = zip((self.start, self.activity), self.reading.rows, strict=True)
        days = [day for source, read in pairs if (day := self.reading.complete_day(source, read)) is not None]
        if not days:
            problem = f"neither {self.cohorts.start.table!r} nor {self.cohorts.activity.table!r} has a row with a time"
            raise DefinitionError(problem, where=self.cohorts.defined_at, hint="give `complete_through`")
        return min(days)

    def fetch(self, through: date) -> tuple[dict[Key, int], dict[Key, dict[str, Any]], int]:
        """Sizes by segment and cohort, cells by segment, cohort and k, and the entities that began too late."""
        limit = self.reading.value(through, "complete_through")
        starts = self.names[0]
        listed = "".join(f"{name}, " for name in self.segments)
        sizes = self.reading.fetch(
            steps_sql(
                {starts: self.starts},
                f"SELECT {listed}{self._days('day').period(self.cohorts.cohort)} AS cohort, "
                f"count(CASE WHEN day <= {limit} THEN 1 END) AS size, "
                f"count(CASE WHEN day > {limit} THEN 1 END) AS later\n"
                f"FROM {starts}\nWHERE {self.kept}\nGROUP BY {_numbers(len(self.segments) + 1)}",
            ),
            "sizes",
        ).to_pylist()
        found = self.reading.fetch(self._cells_sql(limit), "cells").to_pylist()
        cells: dict[Key, dict[str, Any]] = {}
        for row in found:
            if int(row["k"]) < 0:
                self.ignored[int(row["k"])] += int(row["counted"])
            else:
                cells[*(row[name] for name in self.segments), row["cohort"], int(row["k"])] = row
        sized = {
            (*(row[name] for name in self.segments), row["cohort"]): int(row["size"]) for row in sizes if row["size"]
        }
        return sized, cells, sum(int(row["later"]) for row in sizes)

    def _cells_sql(self, limit: str) -> str:
        outputs = {"entity": self.activity.owner, "day": self.activity.clock.day}
        if self.value:
            outputs["value"] = self.value
        rows = self.activity.select(outputs, [self.activity.known, self.conditions[1]])
        starts, activity, placed = self.names
        tests = [
            (f"{starts}.entity IS NULL", UNKNOWN_ENTITY),
            (f"{activity}.day > {limit}", LATER),
            (f"NOT ({self.kept})", NOT_ASKED),
            (f"{activity}.day < {starts}.day", BEFORE),
        ]
        whens = "\n    ".join(f"WHEN {test} THEN {number}" for test, number in tests)
        columns = [f"{starts}.{name}" for name in self.segments] + [
            f"{starts}.day AS day",
            f"{activity}.entity AS entity",
        ]
        columns += [f"{activity}.value AS value"] if self.value else []
        whole = (
            f"SELECT {', '.join(columns)},\n  CASE {whens}\n    ELSE {self._period(starts, activity)} END AS k\n"
            f"FROM {activity}\nLEFT JOIN {starts} ON {starts}.entity = {activity}.entity"
        )
        total = ", sum(value) AS value" if self.value else ""
        listed = "".join(f"CASE WHEN k >= 0 THEN {name} END AS {name}, " for name in self.segments)
        cohort = f"CASE WHEN k >= 0 THEN {self._days('day').period(self.cohorts.cohort)} END"
        last = (
            f"SELECT {listed}{cohort} AS cohort, k, count(DISTINCT entity) AS retained, count(*) AS counted{total}\n"
            f"FROM {placed}\nWHERE k < {self.cohorts.periods}\nGROUP BY {_numbers(len(self.segments) + 2)}"
        )
        return steps_sql({starts: self.starts, activity: rows, placed: whole}, last)

    def _period(self, starts: str, activity: str) -> str:
        """The SQL of the number of the period in which an active day lies."""
        first, then = f"{starts}.day", f"{activity}.day"
        if self.cohorts.days is not None:
            return f"days_between({first}, {then}) // {self.cohorts.days}"
        grain = self.cohorts.every
        one, other = (self._days(column).period(grain) for column in (first, then))
        if grain in ("day", "week"):
            return f"days_between({one}, {other}) // {1 if grain == 'day' else 7}"
        months = f"((year({other}) - year({one})) * 12 + month({other}) - month({one}))"
        return f"{months} // {MONTHS[grain]}"


def _numbers(count: int) -> str:
    return ", ".join(str(number + 1) for number in range(count))
