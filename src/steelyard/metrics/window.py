"""Leaves that look back: rolling, cumulative and period to date, over calendar days and not over rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.facts import Fact
from steelyard.metrics.formula import Leaf, Window
from steelyard.metrics.marks import row_marks
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.relation import Relation, Step
from steelyard.metrics.spine import Coverage, Spine

__all__ = ["WindowRelation"]


class WindowRelation(Relation):
    """Leaves of one window. Every day has a row, so that a window of seven days is seven days.

    Sums and counts are added up a day first and then over days; what does not add up (a distinct count, a quantile) is
    computed from the rows of all days of the window.

    Args:
        fact: The fact.
        name: The name of its last step.
        taken: Names of steps that are taken.
        window: The window.
        adds_up: Whether its leaves do.
    """

    def __init__(self, fact: Fact, name: str, taken: set[str], window: Window, *, adds_up: bool) -> None:
        super().__init__(fact, name, taken)
        self.window, self.adds_up, self.looked = window, adds_up, True

    def may_be_missing(self, leaf: Leaf) -> bool:
        """A window that must be whole is NULL before it is."""
        return self.window.whole

    def counts(self) -> Mapping[str, str]:
        """None: a row is looked at by many windows."""
        return {}

    @property
    def repeated(self) -> Mapping[str, str]:
        """Rows of all days that are looked at, references found, and rows whose group is not known."""
        source = sql_name(self.step("days" if self.adds_up else "rows"))
        form = "sum({0})" if self.adds_up else "count(*) FILTER (WHERE {0})"
        own = {name: form.format(sql_name(name)) for name in self.fact.counts()}
        rows = f"{self.fact.name}_rows"
        own[rows] = own[rows] if self.adds_up else "count(*)"
        found = {name: f"(SELECT {sql} FROM {source})" for name, sql in own.items()}
        for key in self.outputs:
            unknown = f"{sql_name(key)} = '{UNKNOWN}'" if self.labelled(key) else f"{sql_name(key)} IS NULL"
            found[f"{self.fact.name}_unknown_{key}"] = f"(SELECT {own[rows]} FROM {source} WHERE {unknown})"
        return {**found, **super().repeated} if self.looked else super().repeated

    @property
    def day(self) -> str:
        """The name of the day of a row or a window, which no dimension and no metric of the question has."""
        return free_name("day", {name.lower() for name in (*self.outputs, *self.leaves)})

    def first_day(self, spine: Spine, coverage: Coverage) -> date:
        """The first day that any of its windows reaches back to, and the data has."""
        assert coverage.first is not None  # noqa: S101 - a spine has days
        end = spine.first_end
        if self.window.days is not None:
            return max(end - timedelta(days=self.window.days - 1), coverage.first)
        if self.window.period:
            return max(spine.start_of(end, self.window.period), coverage.first)
        return coverage.first

    def steps(self, grain: str | None, spine: Spine | None, coverage: Coverage | None) -> list[Step]:
        """Days, then windows, then the last day of each period."""
        if spine is None or coverage is None or coverage.first is None or coverage.first > spine.until:
            self.looked = False
            nothing = self.fact.select(grain, counts=False, nothing=True)
            return [*self.fact.steps, (self.name, nothing)]
        first = self.first_day(spine, coverage)
        self.fact.within(first, spine.until)
        ends = (self.step("ends"), spine.ends(self.fact.parameters))
        if self.adds_up:
            made = [*self._added(first, spine, coverage), ends, self._picked(grain)]
        else:
            made = [*self._rows(), ends, self._gathered(grain, spine, coverage)]
        return [*self.fact.steps, *made]

    # What adds up: a row a day and group, and a frame over them

    def _added(self, first: date, spine: Spine, coverage: Coverage) -> list[Step]:
        days, calendar, groups = (self.step(what) for what in ("days", "calendar", "groups"))
        start = self.fact.parameters.add(first, "first_day").sql(dialect="duckdb")
        further = self.fact.parameters.add((spine.until - first).days, "further_days").sql(dialect="duckdb")
        steps = [
            (days, self.fact.select("day")),
            (calendar, f"SELECT add_days({start}, number) AS day\nFROM number_series(0, {further})"),
        ]
        shown = [f"{groups}.{sql_name(key)}" for key in self.outputs]
        source = [f"FROM {sql_name(calendar)}"]
        on = [f"{sql_name(days)}.period = {sql_name(calendar)}.day"]
        if self.outputs:
            names = ", ".join(sql_name(key) for key in self.outputs)
            steps.append((groups, f"SELECT DISTINCT {names}\nFROM {sql_name(days)}"))
            source.append(f"CROSS JOIN {sql_name(groups)}")
            on += [
                f"{sql_name(days)}.{sql_name(key)} {'=' if self.labelled(key) else 'IS NOT DISTINCT FROM'} "
                f"{sql_name(groups)}.{sql_name(key)}"
                for key in self.outputs
            ]
        columns = [f"{sql_name(calendar)}.day AS {self.day}", *shown]
        columns += [f"coalesce({sql_name(days)}.{sql_name(name)}, 0) AS {sql_name(name)}" for name in self.leaves]
        source.append(f"LEFT JOIN {sql_name(days)} ON {' AND '.join(on)}")
        steps.append((self.step("daily"), "SELECT " + ", ".join(columns) + "\n" + "\n".join(source)))
        steps.append((self.step("windows"), self._framed(spine, coverage)))
        return steps

    def _framed(self, spine: Spine, coverage: Coverage) -> str:
        apart = [sql_name(key) for key in self.outputs]
        if self.window.period:
            apart.append(spine.clock(self.day).period(self.window.period))
        parted = f"PARTITION BY {', '.join(apart)} " if apart else ""
        back = "UNBOUNDED" if self.window.days is None else str(self.window.days - 1)
        over = f"OVER ({parted}ORDER BY {self.day} ROWS BETWEEN {back} PRECEDING AND CURRENT ROW)"
        columns = [self.day, *(sql_name(key) for key in self.outputs)]
        columns += [
            f"{self._shown(f'sum({sql_name(name)}) {over}', coverage)} AS {sql_name(name)}" for name in self.leaves
        ]
        return f"SELECT {', '.join(columns)}\nFROM {sql_name(self.step('daily'))}"

    def _shown(self, sql: str, coverage: Coverage) -> str:
        """The window's sum, or mean a day, where the window is whole."""
        assert coverage.first is not None  # noqa: S101 - a spine has days
        days = self.window.days
        if days is None:
            return sql
        if self.window.average:
            begin = self.fact.parameters.add(coverage.first, "data_from").sql(dialect="duckdb")
            reached = f"least({days}, days_between({begin}, {self.day}) + 1)"
            sql = f"CAST({sql} AS DOUBLE) / {days if self.window.whole else reached}"
        return f"CASE WHEN {self.day} >= {self._whole_from(coverage)} THEN {sql} END" if self.window.whole else sql

    def _whole_from(self, coverage: Coverage) -> str:
        """The first day whose window lies within the data."""
        assert coverage.first is not None  # noqa: S101 - a spine has days
        first = coverage.first + timedelta(days=(self.window.days or 1) - 1)
        return self.fact.parameters.add(first, "whole_from").sql(dialect="duckdb")

    def _picked(self, grain: str | None) -> Step:
        rolled, ends = (sql_name(self.step(what)) for what in ("windows", "ends"))
        columns = [f"{ends}.period"] if grain else []
        columns += [f"{rolled}.{sql_name(name)}" for name in (*self.outputs, *self.leaves)]
        return self.name, f"SELECT {', '.join(columns)}\nFROM {rolled}\nJOIN {ends} ON {ends}.day = {rolled}.{self.day}"

    # What does not: the rows of every window

    def _rows(self) -> list[Step]:
        columns = {self.day: self.fact.clock().day, **self.fact.keys}
        columns |= {name: self.fact.value_where(leaf.aggregate) for name, leaf in self.leaves.items()}
        columns |= {**row_marks(self.fact), **self.fact.found()}
        listed = ", ".join(f"{sql} AS {sql_name(name)}" for name, sql in columns.items())
        where = " AND ".join(self.fact.kept)
        return [(self.step("rows"), "\n".join([f"SELECT {listed}", *self.fact.lines(), f"WHERE {where}"]))]

    def _gathered(self, grain: str | None, spine: Spine, coverage: Coverage) -> Step:
        rows, ends = (sql_name(self.step(what)) for what in ("rows", "ends"))
        columns = [f"{ends}.period"] if grain else []
        columns += [f"{'groups' if self.window.whole else rows}.{sql_name(key)}" for key in self.outputs]
        grouped = f"\nGROUP BY {', '.join(str(n + 1) for n in range(len(columns)))}" if columns else ""
        forms = {"distinct": "count(DISTINCT {0})", "quantile": "quantile_cont({0}, {1})"}
        for name, leaf in self.leaves.items():
            form = forms.get(leaf.aggregate.function, leaf.aggregate.function + "({0})")
            sql = form.format(f"{rows}.{sql_name(name)}", leaf.aggregate.share)
            if self.window.whole:
                sql = f"CASE WHEN min({ends}.day) >= {self._whole_from(coverage)} THEN {sql} END"
            columns.append(f"{sql} AS {sql_name(name)}")
        on = [f"{rows}.{self.day} <= {ends}.day"]
        if self.window.days is not None:
            on.append(f"{rows}.{self.day} > add_days({ends}.day, -{self.window.days})")
        elif self.window.period:
            on.append(f"{rows}.{self.day} >= {spine.clock(f'{ends}.day').period(self.window.period)}")
        source = f"FROM {ends}\nJOIN {rows}"
        if self.window.whole:  # a whole window without rows is one of nothing, and not one that is not whole
            source = f"FROM {ends}{self._every_group(rows)}\nLEFT JOIN {rows}"
            on += [f"{rows}.{sql_name(key)} IS NOT DISTINCT FROM groups.{sql_name(key)}" for key in self.outputs]
        return self.name, f"SELECT {', '.join(columns)}\n{source} ON {' AND '.join(on)}{grouped}"

    def _every_group(self, rows: str) -> str:
        if not self.outputs:
            return ""
        listed = ", ".join(sql_name(key) for key in self.outputs)
        return f"\nCROSS JOIN (SELECT DISTINCT {listed} FROM {rows}) AS groups"
