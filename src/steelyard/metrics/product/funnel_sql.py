"""The SQL of a funnel: for each row, the latest start of a chain of steps that it ends.

A chain is a row of each step, each after the one before it, none later than the window after the first. Of the chains
that end in a row the one that starts latest is as good as any: what can follow an earlier start within the window can
follow it. So each step needs one running maximum over an entity's rows in their order, and no rows are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from steelyard.errors import DefinitionError
from steelyard.metrics.names import sql_name
from steelyard.metrics.product.events import EventRows
from steelyard.metrics.product.funnel import Exclusion, Funnel
from steelyard.metrics.product.reading import Reading, steps_sql
from steelyard.metrics.product.source import Source, moments_of

__all__ = ["FunnelSql"]

BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
DAY = 86_400


@dataclass
class _Group:
    """The steps and exclusions that are rows of one table by one time: they are read in one scan."""

    source: Source
    flags: dict[str, str] = field(default_factory=dict)

    @property
    def any_row(self) -> str:
        return " OR ".join(f"({text})" if " AND " in text else text for text in dict.fromkeys(self.flags.values()))


class FunnelSql:
    """A funnel on its way to SQL.

    Args:
        reading: The question's reading.
        funnel: The funnel.
        entity: Who is followed.
        by: Dimensions of the first step's rows.
        where: A condition on dimensions of the first step's rows; None for none.
        since: First local day of the first step.
        until: Last local day of the first step.
    """

    def __init__(
        self,
        reading: Reading,
        funnel: Funnel,
        entity: str,
        *,
        by: Sequence[str] = (),
        where: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        self.reading, self.funnel, self.entity = reading, funnel, entity
        self.since, self.until, self.by = since, until, tuple(by)
        self.groups: dict[tuple[str, str, str], _Group] = {}
        self.flags = [f"step_{number + 1}" for number in range(len(funnel.steps))]
        for flag, step in zip(self.flags, funnel.each, strict=True):
            self._flag(flag, step)
        self.gaps: dict[int, str] = {}
        for item in funnel.excluded:
            for gap in self._gaps(item):
                self.gaps[gap] = f"excluded_{gap}"
                self._flag(self.gaps[gap], item)
        self.first = next(iter(self.groups.values()))
        self.surveyed = {key: group.any_row for key, group in self.groups.items()}
        start = [self.first.flags["step_1"], self.first.source.within(since, until), self.first.source.asked(where)]
        self.first.flags["step_1"] = " AND ".join(text for text in start if text != "TRUE") or "TRUE"
        self.attributes = {name: self.first.source.attribute(name) for name in self.by}
        self.moments = moments_of([group.source for group in self.groups.values()], funnel.defined_at)
        self.sequenced = any(group.source.sequence for group in self.groups.values())

    def _flag(self, name: str, rows: EventRows) -> None:
        key = (rows.table, rows.time, rows.sequence)
        if key not in self.groups:
            bare = EventRows(table=rows.table, time=rows.time, sequence=rows.sequence)
            self.groups[key] = _Group(self.reading.source(bare, self.entity))
        group = self.groups[key]
        text = group.source.condition(rows)
        group.flags[name] = f"({group.flags[name]}) OR ({text})" if name in group.flags else text

    def _gaps(self, item: Exclusion) -> Iterator[int]:
        names = [step.name for step in self.funnel.steps]
        yield from [names.index(item.after) + 1] if item.after else range(1, len(names))

    # The rows

    @property
    def order(self) -> list[str]:
        """What an entity's rows are ordered by."""
        return ["moment", *(["sequence"] if self.sequenced else []), "pattern"]

    def _prefilter(self, source: Source) -> str:
        """The days in which a row can matter at all."""
        seconds = self.funnel.seconds
        days = None if seconds is None else timedelta(days=-(-seconds // DAY) + 1)
        back = days if self.funnel.order == "any" and days else timedelta()
        try:
            since = self.since - back if self.since else None
            until = self.until + days if self.until and days else None
        except OverflowError:
            return "TRUE"
        return source.within(since, until)

    def marked(self) -> str:
        """Every row that is a step or an exclusion, with what it is."""
        every = [*self.flags, *self.gaps.values()]
        selects = []
        for group, moment in zip(self.groups.values(), self.moments.each, strict=True):
            outputs = {"entity": group.source.owner, "moment": moment}
            if self.sequenced:
                outputs["sequence"] = group.source.sequence
            outputs |= {flag: f"({group.flags[flag]}) IS TRUE" if flag in group.flags else "FALSE" for flag in every}
            kept = [group.source.known, group.any_row, self._prefilter(group.source)]
            selects.append(group.source.select(outputs, kept))
        return "\nUNION ALL\n".join(selects)

    def patterned(self, marked: str) -> str:
        """The rows with the place that they take among those of one moment: the first step that they are, first."""
        every = [*self.flags, *self.gaps.values()]
        terms = [f"CASE WHEN {flag} THEN 0 ELSE {2 ** (len(every) - 1 - n)} END" for n, flag in enumerate(every)]
        return f"SELECT *, {' + '.join(terms)} AS pattern\nFROM {marked}"

    # Its steps

    def steps(self) -> tuple[dict[str, str], list[str]]:
        """The named steps of the SQL, and the names of those that hold who reached which step."""
        made: dict[str, str] = {}
        marked = self._name(made, "marked", self.marked())
        events = self._name(made, "events_in_order", self.patterned(marked))
        if self.funnel.order == "any":
            return made, [self._name(made, "reached", self._in_any_order(events))] * len(self.flags)
        if self.gaps or self.funnel.start == "first":
            events = self._name(made, "numbered", self._numbered(events))
        reached = [self._name(made, "reached_1", self._started(events))]
        for number in range(2, len(self.flags) + 1):
            reached.append(self._name(made, f"reached_{number}", self._next(number, reached[-1])))
        return made, reached

    def _name(self, made: dict[str, str], wanted: str, sql: str) -> str:
        name = self.reading.step(wanted)
        made[name] = sql
        return name

    @property
    def _ordered(self) -> str:
        numbered = self.gaps or self.funnel.start == "first"
        return f"PARTITION BY entity ORDER BY {'position' if numbered else ', '.join(self.order)}"

    def _numbered(self, events: str) -> str:
        over = f"OVER (PARTITION BY entity ORDER BY {', '.join(self.order)}"
        outputs = ["*", f"row_number() {over}) AS position"]
        if self.funnel.start == "first":
            outputs.append(f"count(CASE WHEN step_1 THEN 1 END) {over} {SO_FAR}) AS starts")
        return f"SELECT {', '.join(outputs)}\nFROM {events}"

    def _started(self, events: str) -> str:
        start = "step_1 AND starts = 1" if self.funnel.start == "first" else "step_1"
        return f"SELECT *, CASE WHEN {start} THEN moment END AS started\nFROM {events}"

    def _next(self, number: int, before: str) -> str:
        """The rows that reach a step: it comes after a row that reached the one before, and in the window."""
        gap = self.gaps.get(number - 1)
        over = f"OVER ({self._ordered} {BEFORE})"
        came = "latest_start"
        carried = [f"max(started) {over} AS latest_start"]
        if number > 2:
            came = "came"
            carried.append(f"max(CASE WHEN started IS NOT NULL THEN moment END) {over} AS came")
        if gap:
            carried += [
                f"max(CASE WHEN started IS NOT NULL THEN position END) {over} AS came_position",
                f"max(CASE WHEN {gap} THEN position END) {over} AS excluded_position",
            ]
        needed = self._needed(number)
        rows = " OR ".join(
            ["started IS NOT NULL", *self.flags[number - 1 :], *([gap] if gap else []), *self._later(number)]
        )
        reaches = [f"step_{number}", "latest_start IS NOT NULL"]
        if self.funnel.seconds is not None:
            reaches.append(f"latest_start >= moment - INTERVAL {self.funnel.seconds} SECOND")
        if gap:
            reaches.append("(excluded_position IS NULL OR came_position >= excluded_position)")
        test = " AND ".join(reaches)
        inner = f"SELECT {', '.join([*needed, f'step_{number}', *carried])}\n  FROM {before}\n  WHERE {rows}"
        return (
            f"SELECT {', '.join(needed)},\n  CASE WHEN {test} THEN latest_start END AS started,\n"
            f"  CASE WHEN {test} THEN {came} END AS previous\nFROM (\n  {inner}\n) AS carried"
        )

    def _later(self, number: int) -> list[str]:
        return [flag for gap, flag in self.gaps.items() if gap >= number]

    def _needed(self, number: int) -> list[str]:
        """The columns that later steps need."""
        keys = ["position"] if self.gaps or self.funnel.start == "first" else self.order[1:]
        return ["entity", "moment", *keys, *self.flags[number:], *self._later(number)]

    def _in_any_order(self, events: str) -> str:
        """Each row with the first moment of its last window that holds all of the first k steps."""
        seconds = self.funnel.seconds
        last = [
            f"max(CASE WHEN {flag} THEN moment END) OVER (PARTITION BY entity ORDER BY moment) AS last_{number + 1}"
            for number, flag in enumerate(self.flags)
        ]
        outputs = []
        for number in range(1, len(self.flags) + 1):
            names = [f"last_{n + 1}" for n in range(number)]
            test = " AND ".join(f"{name} >= moment - INTERVAL {seconds} SECOND" for name in names)
            least = f"least({', '.join(names)})" if number > 1 else names[0]
            outputs.append(f"CASE WHEN {test} THEN {least} END AS started_{number}")
        inner = f"SELECT entity, moment, {', '.join(last)}\n  FROM {events}"
        return f"SELECT entity, moment, {', '.join(outputs)}\nFROM (\n  {inner}\n) AS carried"

    def _first_reached(self, number: int, reached: str) -> str:
        """One row an entity that reached the step: when it first did, and from where."""
        if self.funnel.order == "any":
            started, previous = f"started_{number}", f"min(started_{number})"
        else:
            started, previous = "started", "min(previous)" if number > 1 else "min(moment)"
        last = f"max({started})" if number == 1 else f"CAST(NULL AS {self.moments.kind})"
        return (
            f"SELECT {number} AS step, entity, min(moment) AS reached_at, min({started}) AS started_at, "
            f"{previous} AS previous_at, {last} AS last_start\nFROM {reached}\n"
            f"WHERE {started} IS NOT NULL\nGROUP BY entity"
        )

    def segments(self) -> str:
        """Each entity's segment: the attributes of the first row that may start, of one moment the smallest."""
        outputs = {
            "entity": self.first.source.owner,
            **{f"segment_{n}": sql for n, sql in enumerate(self.attributes.values())},
        }
        keys = [
            self.moments.each[0],
            *([self.first.source.sequence] if self.sequenced else []),
            *self.attributes.values(),
        ]
        outputs["place"] = f"row_number() OVER (PARTITION BY {self.first.source.owner} ORDER BY {', '.join(keys)})"
        kept = [self.first.source.known, self.first.flags["step_1"]]
        names = ", ".join(list(outputs)[:-1])
        inner = self.first.source.select(outputs, kept).replace("\n", "\n  ")
        return f"SELECT {names}\nFROM (\n  {inner}\n) AS starts\nWHERE place = 1"

    def query(self, cutoff: str) -> str:
        """The whole: one row a segment and step that somebody reached.

        Args:
            cutoff: The SQL of the moment after which a start's window is not over in the data; empty for none.
        """
        made, reached = self.steps()
        whole = "\nUNION ALL\n".join(self._first_reached(n + 1, name) for n, name in enumerate(reached))
        reach = self._name(made, "reached_first", whole)
        keys = [f"segments.segment_{n} AS {sql_name(name)}" for n, name in enumerate(self.by)]
        open_starts = f"count(CASE WHEN last_start > {cutoff} THEN 1 END)" if cutoff else "0"
        outputs = [*keys, "step", "count(*) AS entities", f"{open_starts} AS open_starts"]
        for name, since in (("step", "previous_at"), ("total", "started_at")):
            for number, share in enumerate(self.funnel.quantiles):
                seconds = f"seconds_between({since}, reached_at)"
                outputs.append(f"quantile_cont({seconds}, {share!r}) AS {name}_{number}")
        lines = ["SELECT\n  " + ",\n  ".join(outputs), f"FROM {reach}"]
        if self.by:
            segments = self._name(made, "segments", self.segments())
            lines.append(f"JOIN {segments} AS segments ON segments.entity = {reach}.entity")
        groups = ", ".join(str(number + 1) for number in range(len(keys) + 1))
        lines += [f"GROUP BY {groups}", f"ORDER BY {groups}"]
        return steps_sql(made, "\n".join(lines))


def check_window(funnel: Funnel, dated: bool) -> None:
    """Refuses a window of hours where the steps have days only.

    Raises:
        DefinitionError: Every time is a date, and the window is not of whole days.
    """
    if dated and funnel.seconds is not None and funnel.seconds % DAY:
        raise DefinitionError(
            f"the steps of {funnel.name!r} are dated by day, and its window is {funnel.window!r}",
            where=funnel.defined_at,
            hint="give the window in days, or steps with a timestamp",
        )
