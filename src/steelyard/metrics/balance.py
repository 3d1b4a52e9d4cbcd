"""Balances: levels that add up over things and never over time, by a named policy."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import DefinitionError
from steelyard.metrics.facts import Fact
from steelyard.metrics.formula import Leaf
from steelyard.metrics.graph import Place
from steelyard.metrics.kinds import Balance, days_of
from steelyard.metrics.names import sql_name
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
        rule: The policy.

    Raises:
        DefinitionError: The table does not name a key of thing and time, so that a thing could have two levels at once.
    """

    def __init__(self, fact: Fact, name: str, rule: Balance) -> None:
        super().__init__(fact, name)
        self.rule = rule
        if fact.links or fact.share:
            raise DefinitionError(
                f"a balance of {fact.table!r} by what one row has many of would count its level more than once",
                where=fact.catalog.tables[fact.table].where,
                hint="ask by dimensions of which each row has one",
            )
        self.per = self._things()

    def counts(self) -> Mapping[str, str]:
        """Rows that stand for a period, group by group."""
        rows = f"{self.fact.name}_rows"
        return {rows: f"{sql_name(self.name)}.{sql_name(rows)}"}

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
        if self.rule.policy in ("last_in_period", "carried_forward") and not set(declared.key) <= {*found, time}:
            raise self._wrong(found, time)
        if not declared.key:
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
            nothing = self._nothing(grain)
            return [*self.fact.steps, (self.name, nothing)]
        carried = self.rule.policy == "carried_forward"
        self.fact.within(None if carried else spine.since, spine.until)
        levels = (f"{self.name}_levels", self._levels())
        made: list[Step] = getattr(self, f"_{self.rule.policy}")(grain, spine)
        return [*self.fact.steps, levels, *made]

    def _levels(self) -> str:
        fact = self.fact
        clock = fact.clock()
        columns = [f"{clock.day} AS balance_day", f"{clock.moment} AS balance_moment"]
        columns += [
            f"{fact.column(Place(fact.table, item))} AS {sql_name(f'thing_{n}')}" for n, item in enumerate(self.per)
        ]
        columns += [f"{sql} AS {sql_name(key)}" for key, sql in fact.keys.items()]
        for name, leaf in self.leaves.items():
            columns.append(f"{fact.value_where(leaf.aggregate)} AS {sql_name(name)}")
        kept = " AND ".join(fact.conditions)
        columns.append(f"({kept or 'TRUE'}) IS TRUE AS balance_kept")
        where = [*fact.ranges, f"{clock.day if clock.day_zone else clock.column} IS NOT NULL"]
        return "SELECT\n  " + ",\n  ".join(columns) + "\n" + "\n".join([*fact.lines(), f"WHERE {' AND '.join(where)}"])

    def _nothing(self, grain: str | None) -> str:
        self.fact.clock()
        columns = ["CAST(NULL AS DATE) AS period"] if grain else []
        columns += [f"{sql} AS {sql_name(key)}" for key, sql in self.fact.keys.items()]
        columns += [f"{self.fact.value(leaf.aggregate)} AS {sql_name(name)}" for name, leaf in self.leaves.items()]
        columns.append(f"0 AS {sql_name(f'{self.fact.name}_rows')}")
        return "SELECT " + ", ".join(columns) + "\n" + "\n".join([*self.fact.lines(), "WHERE FALSE"])

    def _period(self, grain: str, spine: Spine) -> str:
        return spine.clock("balance_day").period(grain)

    def _summed(self, grain: str | None, source: list[str], *, period: str, form: str = "sum({0})") -> Step:
        columns = [period] if grain else []
        columns += [f"levels.{sql_name(key)}" for key in self.outputs]
        grouped = f"\nGROUP BY {', '.join(str(n + 1) for n in range(len(columns)))}" if columns else ""
        columns += [f"{form.format(f'levels.{sql_name(name)}')} AS {sql_name(name)}" for name in self.leaves]
        columns.append(f"count(*) AS {sql_name(f'{self.fact.name}_rows')}")
        lines = "\n".join([*source, "WHERE levels.balance_kept"])
        return self.name, "SELECT\n  " + ",\n  ".join(columns) + "\n" + lines + grouped

    # The policies

    def _end_of_period(self, grain: str | None, spine: Spine) -> list[Step]:
        days, levels = sql_name(f"{self.name}_last_days"), sql_name(f"{self.name}_levels")
        period = f"{self._period(grain, spine)} AS period, " if grain else ""
        grouped = "\nGROUP BY 1" if grain else ""
        return [
            (f"{self.name}_last_days", f"SELECT {period}max(balance_day) AS day\nFROM {levels}{grouped}"),
            self._summed(
                grain,
                [f"FROM {levels} AS levels", f"JOIN {days} ON {days}.day = levels.balance_day"],
                period=f"{days}.period",
            ),
        ]

    def _last_in_period(self, grain: str | None, spine: Spine) -> list[Step]:
        levels = sql_name(f"{self.name}_levels")
        period = [f"{self._period(grain, spine)}"] if grain else []
        apart = ", ".join([*period, *(f"thing_{n}" for n in range(len(self.per)))])
        shown = f"{period[0]} AS period, " if grain else ""
        place = f"row_number() OVER (PARTITION BY {apart} ORDER BY balance_moment DESC) AS place"
        return [
            (f"{self.name}_placed", f"SELECT *, {shown}{place}\nFROM {levels}"),
            self._summed(
                grain,
                [f"FROM (SELECT * FROM {sql_name(f'{self.name}_placed')} WHERE place = 1) AS levels"],
                period="levels.period",
            ),
        ]

    def _carried_forward(self, grain: str | None, spine: Spine) -> list[Step]:
        spans, ends = sql_name(f"{self.name}_spans"), sql_name(f"{self.name}_ends")
        apart = ", ".join(f"thing_{n}" for n in range(len(self.per)))
        following = f"lead(balance_day) OVER (PARTITION BY {apart} ORDER BY balance_moment) AS next_day"
        on = [f"levels.balance_day <= {ends}.day", f"(levels.next_day IS NULL OR levels.next_day > {ends}.day)"]
        if self.rule.within:
            on.append(f"{ends}.day <= add_days(levels.balance_day, {days_of(self.rule.within, 'within')})")
        return [
            (f"{self.name}_spans", f"SELECT *, {following}\nFROM {sql_name(f'{self.name}_levels')}"),
            (f"{self.name}_ends", spine.ends(self.fact.parameters)),
            self._summed(
                grain, [f"FROM {ends}", f"JOIN {spans} AS levels ON {' AND '.join(on)}"], period=f"{ends}.period"
            ),
        ]

    def _average(self, grain: str | None, spine: Spine) -> list[Step]:
        days, levels = sql_name(f"{self.name}_days"), sql_name(f"{self.name}_levels")
        period = f"{self._period(grain, spine)} AS period, " if grain else ""
        grouped = "\nGROUP BY 1" if grain else ""
        on = f"{days}.period = {self._period(grain, spine)}" if grain else "TRUE"
        return [
            (f"{self.name}_days", f"SELECT {period}count(DISTINCT balance_day) AS days\nFROM {levels}{grouped}"),
            self._summed(
                grain,
                [f"FROM {levels} AS levels", f"JOIN {days} ON {on}" if grain else f"CROSS JOIN {days}"],
                period=f"{days}.period",
                form=f"CAST(sum({{0}}) AS DOUBLE) / max({days}.days)",
            ),
        ]
