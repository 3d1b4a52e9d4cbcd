"""The SQL of paths: an entity's steps in order, and beside each start the steps that follow it or lead to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from steelyard.errors import DefinitionError
from steelyard.metrics.names import sql_name
from steelyard.metrics.product.paths import Paths
from steelyard.metrics.product.reading import Reading, steps_sql
from steelyard.metrics.product.source import moments_of

__all__ = ["PathsSql"]

SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
DAY = 86_400


class PathsSql:
    """Paths on their way to SQL.

    Args:
        reading: The question's reading.
        paths: The definition.
        entity: Whose steps they are.
        by: Dimensions of the anchor's row.
        where: A condition on dimensions of the anchor's row; None for none.
        since: First local day of the anchor.
        until: Last local day of the anchor.
    """

    def __init__(
        self,
        reading: Reading,
        paths: Paths,
        entity: str,
        *,
        by: Sequence[str] = (),
        where: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        self.reading, self.paths, self.by = reading, paths, tuple(by)
        self.source = reading.source(paths, entity)
        self.condition = self.source.condition(paths)
        self.step = self.source.named(paths.step)
        self.moments = moments_of([self.source], paths.defined_at)
        if self.moments.dated and paths.seconds and paths.seconds % DAY:
            problem = (
                f"the rows of {paths.table!r} are dated by day, and the window of {paths.name!r} is {paths.window!r}"
            )
            raise DefinitionError(problem, where=paths.defined_at, hint="give the window in days")
        self.segments = {f"segment_{n}": self.source.attribute(name) for n, name in enumerate(by)}
        starts = [self.source.within(since, until), self.source.asked(where)]
        if paths.anchor:
            starts.append(f"{self.step} = {reading.value(paths.anchor, 'anchor')}")
        self.starts = " AND ".join(text for text in starts if text != "TRUE") or "TRUE"
        self.columns = [f"step_{number}" for number in range(paths.length + 1)]
        self.made: dict[str, str] = {}
        self.counted = self._counted()

    @property
    def _over(self) -> str:
        keys = ["moment", *(["sequence"] if self.source.sequence else []), "step"]
        return f"OVER (PARTITION BY entity ORDER BY {', '.join(keys)}"

    def _name(self, wanted: str, sql: str) -> str:
        name = self.reading.step(wanted)
        self.made[name] = sql
        return name

    def _counted(self) -> str:
        """The steps up to the one that has a row a segment and path, with its count."""
        outputs = {"entity": self.source.owner, "moment": self.moments.each[0], "step": self.step, **self.segments}
        if self.source.sequence:
            outputs["sequence"] = self.source.sequence
        outputs["starts"] = f"({self.starts}) IS TRUE"
        rows = self._name("rows_in_order", self.source.select(outputs, [self.source.known, self.condition]))
        if self.paths.collapse:
            inner = f"SELECT *, lag(step) {self._over}) AS step_before\n  FROM {rows}"
            rows = self._name(
                "collapsed", f"SELECT *\nFROM (\n  {inner}\n) AS compared\nWHERE step IS DISTINCT FROM step_before"
            )
        followed = self._name("followed", self._followed(rows))
        start = "starts AND starts_so_far = 1" if self.paths.starts == "first" else "starts"
        keys = ", ".join([*self.segments, *self.columns])
        return self._name("paths", f"SELECT {keys}, count(*) AS times\nFROM {followed}\nWHERE {start}\nGROUP BY {keys}")

    def _followed(self, rows: str) -> str:
        call = "lead" if self.paths.direction == "after" else "lag"
        sign, near = ("+", "<=") if self.paths.direction == "after" else ("-", ">=")
        outputs = ["starts", *self.segments, "step AS step_0"]
        for number in range(1, self.paths.length + 1):
            told = f"{call}(step, {number}) {self._over})"
            if self.paths.seconds is not None:
                edge = f"moment {sign} INTERVAL {self.paths.seconds} SECOND"
                told = f"CASE WHEN {call}(moment, {number}) {self._over}) {near} {edge} THEN {told} END"
            outputs.append(f"{told} AS step_{number}")
        outputs.append(f"count(CASE WHEN starts THEN 1 END) {self._over} {SO_FAR}) AS starts_so_far")
        listed = ",\n  ".join(outputs)
        return f"SELECT\n  {listed}\nFROM {rows}"

    def query(self, top: int) -> str:
        """The most common paths of each segment, and how many there are in all."""
        keys = ", ".join([*self.segments, *self.columns])
        each = f"PARTITION BY {', '.join(self.segments)}" if self.segments else ""
        inner = (
            f"SELECT {keys}, times, sum(times) OVER ({each}) AS total, count(*) OVER ({each}) AS kinds,\n"
            f"    row_number() OVER ({each} ORDER BY times DESC, {', '.join(self.columns)}) AS place\n"
            f"  FROM {self.counted}"
        )
        named = [f"{name} AS {sql_name(told)}" for name, told in zip(self.segments, self.by, strict=True)]
        listed = ", ".join([*named, *self.columns, "times", "total", "kinds", "place"])
        order = ", ".join([*self.segments, "place"])
        return steps_sql(
            self.made, f"SELECT {listed}\nFROM (\n  {inner}\n) AS ranked\nWHERE place <= {top}\nORDER BY {order}"
        )

    def transitions(self) -> str:
        """How often each step was next to each other step, over all paths."""
        after = self.paths.direction == "after"
        edge = "(end)" if after else "(start)"
        pairs = []
        for number in range(self.paths.length):
            here, there = f"step_{number}", f"coalesce(step_{number + 1}, '{edge}')"
            one, other = (here, there) if after else (there, here)
            segments = "".join(f"{name}, " for name in self.segments)
            pairs.append(
                f"SELECT {segments}{one} AS one, {other} AS other, times\nFROM {self.counted}\nWHERE {here} IS NOT NULL"
            )
        steps = {**self.made, self.reading.step("pairs"): "\nUNION ALL\n".join(pairs)}
        named = [f"{name} AS {sql_name(told)}" for name, told in zip(self.segments, self.by, strict=True)]
        listed = ", ".join([*named, 'one AS "from"', 'other AS "to"', "CAST(sum(times) AS BIGINT) AS times"])
        groups = ", ".join(str(number + 1) for number in range(len(named) + 2))
        return steps_sql(steps, f"SELECT {listed}\nFROM {list(steps)[-1]}\nGROUP BY {groups}\nORDER BY {groups}")
