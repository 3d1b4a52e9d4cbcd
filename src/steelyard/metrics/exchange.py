"""Money in many currencies, brought to one: the joins to the rates, the converted value, and what could not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.expression import columns_of
from steelyard.metrics.graph import Place
from steelyard.metrics.kinds import Convert, days_of
from steelyard.metrics.names import free_name, sql_name
from steelyard.warehouse import Rates, quote_text

if TYPE_CHECKING:
    from steelyard.metrics.aggregate import Aggregate
    from steelyard.metrics.facts import Fact

__all__ = ["Exchange", "currency_of", "exchange"]


@dataclass(frozen=True)
class Exchange:
    """How one measure's money is brought to one currency.

    Args:
        steps: The steps that come before its fact: the rates.
        joins: Lines that join the rates to the fact's rows.
        value: The converted value, where `{0}` is the value in its own currency; NULL where a rate is missing.
        missing: The condition that a row has no rate.
        stale: The condition that a row's rate is older than it may be.
    """

    steps: tuple[tuple[str, str], ...]
    joins: tuple[str, ...]
    value: str
    missing: str
    stale: str


def currency_of(fact: Fact, aggregate: Aggregate) -> str:
    """The column that holds the currency of what is aggregated; empty where none is declared.

    Raises:
        DefinitionError: It mixes columns whose currencies stand in different columns.
    """
    declared = fact.catalog.tables[aggregate.table].currencies
    tree = aggregate.expression
    found = {declared[name.name] for name in columns_of(tree) if name.name in declared} if tree is not None else set()
    if len(found) > 1:
        raise DefinitionError(
            f"what is added up has its currency in {' and in '.join(sorted(found))}",
            where=aggregate.place,
            hint="make a measure of each, and add them up with `derived:` once they are in one currency",
        )
    return found.pop() if found else ""


def exchange(fact: Fact, aggregate: Aggregate, convert: Convert) -> Exchange:
    """How the measure's money is brought to one currency, at the last rate known on a day.

    Args:
        fact: The fact; with a time, unless the rates are those of one day.
        aggregate: The measure.
        convert: The rule.

    Raises:
        DefinitionError: No currency is declared for the measure, or the table of rates is none.
        UnknownNameError: There is no such table of rates.
    """
    column = currency_of(fact, aggregate)
    if not column:
        raise DefinitionError(
            "no currency is declared for what is to be converted",
            where=aggregate.place,
            hint=f"say it of {aggregate.table!r}: `currencies: {{amount: currency}}`",
        )
    tables = fact.catalog.tables
    known = [name for name, table in tables.items() if table.rates is not None]
    rates = tables[convert.rates].rates if convert.rates in tables else None
    if rates is None:
        raise unknown_name("table of rates", convert.rates, known, where=aggregate.place)
    return _Exchanging(fact, convert, rates, column).exchange()


class _Exchanging:
    """One conversion on its way to SQL."""

    def __init__(self, fact: Fact, convert: Convert, rates: Rates, column: str) -> None:
        self.fact, self.convert, self.rates = fact, convert, rates
        self.table = fact.catalog.tables[convert.rates]
        self.own = fact.column(Place(fact.table, column))
        day = "" if convert.at is None else f"_{convert.at:%Y%m%d}"
        taken = {name.removesuffix("_rates") for name, _ in fact.before} | {
            table.lower() for table in fact.catalog.tables
        }
        self.prefix = free_name(f"{fact.name}_{convert.to.lower()}{day}", taken)
        for item in (self.table.time, rates.currency, rates.rate):
            fact.type_at(Place(convert.rates, item), self.table.where)
        if not set(self.table.key) or not set(self.table.key) <= {self.table.time, rates.currency}:
            raise DefinitionError(
                f"the rates {convert.rates!r} have the key {', '.join(self.table.key) or 'nothing'}, so a currency "
                f"could have two rates on one day",
                where=self.table.where,
                hint=f"declare `key: [{self.table.time}, {rates.currency}]`; it is proved before it is used",
            )

    def exchange(self) -> Exchange:
        if self.convert.at is not None:
            return self._constant()
        day = self.fact.clock().day
        steps = [(f"{self.prefix}_rates", self._rates())]
        joins = [self._asof("from", f"{{0}}.currency = {self.own} AND {{0}}.day <= {day}")]
        to = "1"
        if self.convert.to != self.rates.base:
            target = quote_text(self.convert.to)
            joins.append(self._asof("to", f"{{0}}.currency = {target} AND {{0}}.day <= {day}"))
            to = f"{self._name('to')}.rate"
        stale = f"add_days({{0}}.day, {days_of(self.convert.stale_after, 'stale_after')}) < {day}"
        return self._made(steps, joins, to, stale)

    def _constant(self) -> Exchange:
        """The rates of one day, a currency each."""
        at = self.fact.parameters.add(self.convert.at, "rates_at").sql(dialect="duckdb")
        known = f"{self.prefix}_rates"
        every = f"{self.prefix}_every_rate"
        newest = "row_number() OVER (PARTITION BY currency ORDER BY day DESC) AS place"
        ranked = f"SELECT *, {newest} FROM {sql_name(every)} WHERE day <= {at}"
        steps = [
            (every, self._rates()),
            (known, f"SELECT currency, rate, day\nFROM (\n  {ranked}\n) AS placed\nWHERE place = 1"),
        ]
        joins = [f"LEFT JOIN {sql_name(known)} AS {self._name('from')} ON {self._name('from')}.currency = {self.own}"]
        to = "1"
        if self.convert.to != self.rates.base:
            target = quote_text(self.convert.to)
            joins.append(f"LEFT JOIN {sql_name(known)} AS {self._name('to')} ON {self._name('to')}.currency = {target}")
            to = f"{self._name('to')}.rate"
        stale = f"add_days({{0}}.day, {days_of(self.convert.stale_after, 'stale_after')}) < {at}"
        return self._made(steps, joins, to, stale)

    def _made(self, steps: list[tuple[str, str]], joins: list[str], to: str, stale: str) -> Exchange:
        own, target, base = self.own, quote_text(self.convert.to), quote_text(self.rates.base)
        rate = f"{self._name('from')}.rate"
        known, old = f"{rate} IS NOT NULL", stale.format(self._name("from"))
        converted = f"CAST({{0}} AS DOUBLE) / {rate}"
        if to != "1":
            converted = f"CAST({{0}} AS DOUBLE) / CASE WHEN {own} = {base} THEN 1 ELSE {rate} END * {to}"
            known = f"({own} = {base} OR {known}) AND {to} IS NOT NULL"
            old = f"({own} <> {base} AND {old}) OR {stale.format(self._name('to'))}"
        return Exchange(
            steps=tuple(steps),
            joins=tuple(joins),
            value=f"CASE WHEN {own} = {target} THEN {{0}} ELSE {converted} END",
            missing=f"NOT ({own} = {target} OR ({known})) IS TRUE",
            stale=f"({own} <> {target} AND ({old})) IS TRUE",
        )

    def _rates(self) -> str:
        """The rates, one a currency and day: the last of the day. What is not above 0, or not finite, is no rate."""
        table, rates = self.table, self.rates
        time, rate = sql_name(table.time), sql_name(rates.rate)
        columns = f"{sql_name(rates.currency)} AS currency, {rate} AS rate, CAST({time} AS DATE) AS day"
        kept = f"{rate} > 0 AND {rate} < CAST('Infinity' AS DOUBLE)"
        if self.fact.type_at(Place(table.name, table.time)) == "DATE":
            return f"SELECT {columns} FROM {sql_name(table.name)} WHERE {kept}"
        apart = f"PARTITION BY {sql_name(rates.currency)}, CAST({time} AS DATE) ORDER BY {time} DESC"
        ranked = f"SELECT {columns}, row_number() OVER ({apart}) AS place FROM {sql_name(table.name)} WHERE {kept}"
        return f"SELECT currency, rate, day FROM (\n  {ranked}\n) AS placed WHERE place = 1"

    def _asof(self, which: str, on: str) -> str:
        name = self._name(which)
        return f"ASOF LEFT JOIN {sql_name(f'{self.prefix}_rates')} AS {name} ON {on.format(name)}"

    def _name(self, which: str) -> str:
        return sql_name(f"{self.prefix}_{which}")
