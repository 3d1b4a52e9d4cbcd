"""Leaves that look back: rolling, cumulative and period to date, over calendar days and not over rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from steelyard.metrics.facts import Fact
from steelyard.metrics.formula import Leaf, Window
from steelyard.metrics.names import sql_name
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
        window: The window.
        adds_up: Whether its leaves do.
    """

    def __init__(self, fact: Fact, name: str, window: Window, *, adds_up: bool) -> None:
        super().__init__(fact, name)
        self.window, self.adds_up = window, adds_up

    def may_be_missing(self, leaf: Leaf) -> bool:
        """A window that must be whole is NULL before it is."""
        return self.window.whole

    def counts(self) -> Mapping[str, str]:
        """None: a row is looked at by many windows."""
        return {}

    @property
    def repeated(self) -> Mapping[str, str]:
        """Rows of all days that are looked at."""
        if not self.adds_up:
            return super().repeated
        days = sql_name(f"{self.name}_days")
        own = {name: f"(SELECT sum({sql_name(name)}) FROM {days})" for name in self.fact.counts()}
        return {**own, **super().repeated}

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
        if spine is None or coverage is None or coverage.first is None:
            nothing = _empty(self.fact.select(grain, counts=False))
            return [*self.fact.steps, (self.name, nothing)]
        first = self.first_day(spine, coverage)
        self.fact.within(first, spine.until)
        ends = (f"{self.name}_ends", spine.ends(self.fact.parameters))
        if self.adds_up:
            made = [*self._added(first, spine, coverage), ends, self._picked(grain)]
        else:
            made = [*self._rows(), ends, self._gathered(grain, spine, coverage)]
        return [*self.fact.steps, *made]

    # What adds up: a row a day and group, and a frame over them

    def _added(self, first: date, spine: Spine, coverage: Coverage) -> list[Step]:
        days, calendar, groups = (f"{self.name}_{what}" for what in ("days", "calendar", "groups"))
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
        columns = [f"{sql_name(calendar)}.day AS day", *shown]
        columns += [f"coalesce({sql_name(days)}.{sql_name(name)}, 0) AS {sql_name(name)}" for name in self.leaves]
        source.append(f"LEFT JOIN {sql_name(days)} ON {' AND '.join(on)}")
        steps.append((f"{self.name}_daily", "SELECT " + ", ".join(columns) + "\n" + "\n".join(source)))
        steps.append((f"{self.name}_rolled", self._framed(spine, coverage)))
        return steps

    def _framed(self, spine: Spine, coverage: Coverage) -> str:
        apart = [sql_name(key) for key in self.outputs]
        if self.window.period:
            apart.append(spine.clock("day").period(self.window.period))
        parted = f"PARTITION BY {', '.join(apart)} " if apart else ""
        back = "UNBOUNDED" if self.window.days is None else str(self.window.days - 1)
        over = f"OVER ({parted}ORDER BY day ROWS BETWEEN {back} PRECEDING AND CURRENT ROW)"
        columns = ["day", *(sql_name(key) for key in self.outputs)]
        columns += [
            f"{self._shown(f'sum({sql_name(name)}) {over}', coverage)} AS {sql_name(name)}" for name in self.leaves
        ]
        return f"SELECT {', '.join(columns)}\nFROM {sql_name(f'{self.name}_daily')}"

    def _shown(self, sql: str, coverage: Coverage) -> str:
        """The window's sum, or mean a day, where the window is whole."""
        assert coverage.first is not None  # noqa: S101 - a spine has days
        days = self.window.days
        if days is None:
            return sql
        if self.window.average:
            begin = self.fact.parameters.add(coverage.first, "data_from").sql(dialect="duckdb")
            reached = f"least({days}, days_between({begin}, day) + 1)"
            sql = f"CAST({sql} AS DOUBLE) / {days if self.window.whole else reached}"
        return f"CASE WHEN day >= {self._whole_from(coverage)} THEN {sql} END" if self.window.whole else sql

    def _whole_from(self, coverage: Coverage) -> str:
        """The first day whose window lies within the data."""
        assert coverage.first is not None  # noqa: S101 - a spine has days
        first = coverage.first + timedelta(days=(self.window.days or 1) - 1)
        return self.fact.parameters.add(first, "whole_from").sql(dialect="duckdb")

    def _picked(self, grain: str | None) -> Step:
        rolled, ends = (sql_name(f"{self.name}_{what}") for what in ("rolled", "ends"))
        columns = [f"{ends}.period"] if grain else []
        columns += [f"{rolled}.{sql_name(name)}" for name in (*self.outputs, *self.leaves)]
        return self.name, f"SELECT {', '.join(columns)}\nFROM {rolled}\nJOIN {ends} ON {ends}.day = {rolled}.day"

    # What does not: the rows of every window

    def _rows(self) -> list[Step]:
        columns = [
            f"{self.fact.clock().day} AS day",
            *(f"{sql} AS {sql_name(key)}" for key, sql in self.fact.keys.items()),
        ]
        columns += [
            f"{self.fact.value_where(leaf.aggregate)} AS {sql_name(name)}" for name, leaf in self.leaves.items()
        ]
        where = " AND ".join(self.fact.kept)
        return [
            (
                f"{self.name}_rows",
                "SELECT " + ", ".join(columns) + "\n" + "\n".join([*self.fact.lines(), f"WHERE {where}"]),
            )
        ]

    def _gathered(self, grain: str | None, spine: Spine, coverage: Coverage) -> Step:
        rows, ends = (sql_name(f"{self.name}_{what}") for what in ("rows", "ends"))
        columns = [f"{ends}.period"] if grain else []
        columns += [f"{rows}.{sql_name(key)}" for key in self.outputs]
        grouped = f"\nGROUP BY {', '.join(str(n + 1) for n in range(len(columns)))}" if columns else ""
        forms = {"distinct": "count(DISTINCT {0})", "quantile": "quantile_cont({0}, {1})"}
        for name, leaf in self.leaves.items():
            form = forms.get(leaf.aggregate.function, leaf.aggregate.function + "({0})")
            sql = form.format(f"{rows}.{sql_name(name)}", leaf.aggregate.share)
            if self.window.whole:
                sql = f"CASE WHEN min({ends}.day) >= {self._whole_from(coverage)} THEN {sql} END"
            columns.append(f"{sql} AS {sql_name(name)}")
        on = [f"{rows}.day <= {ends}.day"]
        if self.window.days is not None:
            on.append(f"{rows}.day > add_days({ends}.day, -{self.window.days})")
        elif self.window.period:
            on.append(f"{rows}.day >= {spine.clock(f'{ends}.day').period(self.window.period)}")
        return self.name, f"SELECT {', '.join(columns)}\nFROM {ends}\nJOIN {rows} ON {' AND '.join(on)}{grouped}"


def _empty(select: str) -> str:
    """The SELECT without its rows: there is no day to look back from."""
    return f"SELECT * FROM (\n{select}\n) AS nothing\nWHERE FALSE"
