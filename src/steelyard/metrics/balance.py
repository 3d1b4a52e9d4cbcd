"""Balances: levels that add up over things and never over time, by a named policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from steelyard.errors import DefinitionError
from steelyard.metrics.facts import Fact
from steelyard.metrics.formula import Leaf
from steelyard.metrics.graph import Place
from steelyard.metrics.kinds import Balance, days_of
from steelyard.metrics.marks import row_marks
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.relation import Relation, Step
from steelyard.metrics.spine import Coverage, Spine

__all__ = ["BalanceRelation"]


class BalanceRelation(Relation):
    """Leaves of one table of levels under one policy.

    Which rows stand for a period is chosen among all rows of a thing; only then do conditions hold. So a thing whose
    last row says `closed` does not come back with an older row that says `open`.

    Args:
        fact: The table of levels.
        name: The name of its last step.
        taken: Names of steps that are taken.
        rule: The policy. Carried forward, all leaves are of one level.

    Raises:
        DefinitionError: Neither the table's key nor `per` says of which thing a level is, so that a thing could have
            two levels at once.
    """

    def __init__(self, fact: Fact, name: str, taken: set[str], rule: Balance) -> None:
        super().__init__(fact, name, taken)
        self.rule = rule
        if fact.links or fact.share:
            raise DefinitionError(
                f"a balance of {fact.table!r} by what one row has many of would count its level more than once",
                where=fact.catalog.tables[fact.table].where,
                hint="ask by dimensions of which each row has one",
            )
        self.per = self._things()

    def counts(self) -> Mapping[str, str]:
        """Rows that stand for a period, and references found, group by group."""
        return {name: f"{sql_name(self.name)}.{sql_name(name)}" for name in self.fact.counts()}

    def may_be_missing(self, leaf: Leaf) -> bool:
        """A level that nobody wrote down is not 0."""
        return True

    def _things(self) -> tuple[str, ...]:
        """The columns that name the thing whose level a row is."""
        declared, said = self.fact.catalog.tables[self.fact.table], self.rule.per
        time = declared.time if self.fact.time is None or self.fact.time.path else self.fact.time.column
        if not said:
            found = tuple(column for column in declared.key if column != time)
        elif said in declared.entities:
            found = declared.entities[said]
        else:
            found = (said,)
        by_thing = self.rule.policy in ("last_in_period", "carried_forward")
        self.key = declared.key
        if by_thing and not said and time not in declared.key:
            raise self._wrong(found, time)
        if by_thing and not set(declared.key) <= {*found, time}:
            if not said or self.fact.time is None or self.fact.time.path:
                raise self._wrong(found, time)
            self.key = (*found, time)
        if not self.key:
            raise self._wrong(found, time)
        return found

    def _wrong(self, things: tuple[str, ...], time: str) -> DefinitionError:
        declared = self.fact.catalog.tables[self.fact.table]
        wanted = ", ".join([*things, time]) if things else f"the thing, {time}"
        return DefinitionError(
            f"{self.fact.table!r} has the key {', '.join(declared.key) or 'nothing'}, so one thing could have two "
            f"levels at once",
            where=declared.where,
            hint=f"declare `key: [{wanted}]`; it is proved before it is used",
        )

    def steps(self, grain: str | None, spine: Spine | None, coverage: Coverage | None) -> list[Step]:
        """The levels, then those that stand for each period, added up."""
        if spine is None:
            nothing = self.fact.select(grain, nothing=True)
            return [*self.fact.steps, (self.name, nothing)]
        carried = self.rule.policy == "carried_forward"
        self.fact.within(None if carried else spine.since, spine.until)
        self._name_columns()
        levels = (self.step("levels"), self._levels())
        made: list[Step] = getattr(self, f"_{self.rule.policy}")(grain, spine)
        return [*self.fact.steps, levels, *made]

    def _name_columns(self) -> None:
        """Names of its own columns that no dimension and no metric of the question has."""
        taken = {"period", *(name.lower() for name in (*self.outputs, *self.leaves))}
        self.day, self.moment, self.kept = (sql_name(free_name(name, taken)) for name in ("day", "moment", "kept"))
        self.moment = self.day if self.fact.clock().kind == "DATE" else self.moment
        self.next_day = sql_name(free_name("next_day", taken))
        self.things = tuple(free_name(name.lower(), taken) for name in self.per)

    def _levels(self) -> str:
        fact, clock = self.fact, self.fact.clock()
        columns = {self.day: clock.day}
        if self.rule.policy in ("last_in_period", "carried_forward"):
            columns |= {} if self.moment == self.day else {self.moment: clock.moment}
            columns |= {
                name: fact.column(Place(fact.table, own)) for name, own in zip(self.things, self.per, strict=True)
            }
        columns |= fact.keys
        columns |= {name: fact.value_where(leaf.aggregate) for name, leaf in self.leaves.items()}
        if fact.conditions:
            columns[self.kept] = f"({' AND '.join(fact.conditions)}) IS TRUE"
        columns |= {**row_marks(fact), **fact.found()}
        where = [*fact.ranges, f"{clock.day if clock.day_zone else clock.column} IS NOT NULL"]
        if self.rule.policy == "carried_forward":
            where.append(f"{self._level()} IS NOT NULL")
        own = {self.day, self.moment, self.kept}
        named = {name: name if name in own else sql_name(name) for name in columns}
        listed = ",\n  ".join(f"{sql} AS {named[name]}" for name, sql in columns.items())
        return f"SELECT\n  {listed}\n" + "\n".join([*fact.lines(), f"WHERE {' AND '.join(where)}"])

    def _level(self) -> str:
        """What is carried, as it stands in the table: a NULL is no level."""
        level = next(iter(self.leaves.values())).aggregate
        return self.fact.value(replace(level, convert=None))

    def _period(self, grain: str, spine: Spine, day: str) -> str:
        return spine.clock(day).period(grain)

    def _summed(self, grain: str | None, source: list[str], *, period: str, form: str = "sum({0})") -> Step:
        columns = [f"{period} AS period"] if grain else []
        columns += [f"levels.{sql_name(key)}" for key in self.outputs]
        grouped = f"\nGROUP BY {', '.join(str(n + 1) for n in range(len(columns)))}" if columns else ""
        columns += [f"{form.format(f'levels.{sql_name(name)}')} AS {sql_name(name)}" for name in self.leaves]
        columns.append(f"count(*) AS {sql_name(f'{self.fact.name}_rows')}")
        marks = {**row_marks(self.fact), **self.fact.found()}
        columns += [f"count(*) FILTER (WHERE levels.{sql_name(name)}) AS {sql_name(name)}" for name in marks]
        lines = [*source, f"WHERE levels.{self.kept}"] if self.fact.conditions else source
        return self.name, "SELECT\n  " + ",\n  ".join(columns) + "\n" + "\n".join(lines) + grouped

    # The policies

    def _end_of_period(self, grain: str | None, spine: Spine) -> list[Step]:
        last, levels, day = self.step("last_days"), sql_name(self.step("levels")), self.day
        period = f"{self._period(grain, spine, day)} AS period, " if grain else ""
        grouped = "\nGROUP BY 1" if grain else ""
        source = [f"FROM {levels} AS levels", f"JOIN {sql_name(last)} ON {sql_name(last)}.day = levels.{day}"]
        return [
            (last, f"SELECT {period}max({day}) AS day\nFROM {levels}{grouped}"),
            self._summed(grain, source, period=f"{sql_name(last)}.period"),
        ]

    def _latest(self, grain: str | None, spine: Spine) -> tuple[Step, str]:
        """The last moment of each thing in each period, and the line that joins it to the levels."""
        latest, things = self.step("latest"), [sql_name(name) for name in self.things]
        columns = [f"{self._period(grain, spine, self.day)} AS period", *things] if grain else things
        grouped = f"\nGROUP BY {', '.join(str(n + 1) for n in range(len(columns)))}" if columns else ""
        listed = ", ".join([*columns, f"max({self.moment}) AS {self.moment}"])
        on = " AND ".join(f"{sql_name(latest)}.{name} = levels.{name}" for name in (*things, self.moment))
        text = f"SELECT {listed}\nFROM {sql_name(self.step('levels'))}{grouped}"
        return (latest, text), f"JOIN {sql_name(latest)} ON {on}"

    def _last_in_period(self, grain: str | None, spine: Spine) -> list[Step]:
        latest, join = self._latest(grain, spine)
        source = [f"FROM {sql_name(self.step('levels'))} AS levels", join]
        return [latest, self._summed(grain, source, period=f"{sql_name(latest[0])}.period")]

    def _carried_forward(self, grain: str | None, spine: Spine) -> list[Step]:
        (latest, join), spans, ends = self._latest(grain, spine), self.step("spans"), self.step("ends")
        things = [f"levels.{sql_name(name)}" for name in self.things]
        parted = f"PARTITION BY {', '.join(things)} " if things else ""
        following = f"lead(levels.{self.day}) OVER ({parted}ORDER BY levels.{self.moment}) AS {self.next_day}"
        end, levels = f"{sql_name(ends)}.day", sql_name(self.step("levels"))
        on = [f"levels.{self.day} <= {end}", f"(levels.{self.next_day} IS NULL OR levels.{self.next_day} > {end})"]
        if self.rule.within:
            on.append(f"{end} <= add_days(levels.{self.day}, {days_of(self.rule.within, 'within')})")
        source = [f"FROM {sql_name(ends)}", f"JOIN {sql_name(spans)} AS levels ON {' AND '.join(on)}"]
        return [
            latest,
            (spans, f"SELECT levels.*, {following}\nFROM {levels} AS levels\n{join}"),
            (ends, spine.ends(self.fact.parameters)),
            self._summed(grain, source, period=f"{sql_name(ends)}.period"),
        ]

    def _average(self, grain: str | None, spine: Spine) -> list[Step]:
        days, levels, day = self.step("days"), sql_name(self.step("levels")), self.day
        period = f"{self._period(grain, spine, day)} AS period, " if grain else ""
        grouped = "\nGROUP BY 1" if grain else ""
        beside = f"CROSS JOIN {sql_name(days)}"
        if grain:
            own = self._period(grain, spine, f"levels.{day}")
            beside = f"JOIN {sql_name(days)} ON {sql_name(days)}.period = {own}"
        return [
            (days, f"SELECT {period}count(DISTINCT {day}) AS days\nFROM {levels}{grouped}"),
            self._summed(
                grain,
                [f"FROM {levels} AS levels", beside],
                period=f"{sql_name(days)}.period",
                form=f"CAST(sum({{0}}) AS DOUBLE) / max({sql_name(days)}.days)",
            ),
        ]
