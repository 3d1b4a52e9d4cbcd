"""Money of many currencies, brought to one: each amount against plain Python with bisect and exact fractions."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.metrics.brute_force import FIRST, UNKNOWN, Group, check, quantile, start_of

from steelyard.errors import DataError, DefinitionError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.metrics.kinds import Balance, Convert, Quantile, Rolling
from steelyard.warehouse import Rates, TableDeclaration, connect


@dataclass(frozen=True)
class Sale:
    sale_id: int
    day: date | None
    currency: str | None
    amount: int | None


@dataclass(frozen=True)
class Rate:
    currency: str
    day: date
    rate: float | None


sales = st.lists(
    st.tuples(
        st.none() | st.integers(0, 12).map(lambda n: FIRST + timedelta(days=n)),
        st.sampled_from(["EUR", "USD", "GBP", "XXX", None]),
        st.none() | st.integers(-20, 20),
    ),
    max_size=10,
).map(lambda rows: [Sale(n, *row) for n, row in enumerate(rows)])
rates = st.dictionaries(
    st.tuples(st.sampled_from(["USD", "GBP"]), st.integers(-5, 12).map(lambda n: FIRST + timedelta(days=n))),
    st.sampled_from([0.5, 0.8, 1.25, 2.0, 0.0, -1.0, float("inf"), float("nan"), None]),
    max_size=8,
).map(lambda known: [Rate(*key, rate) for key, rate in known.items()])


def catalog_of(convert: Convert) -> MetricCatalog:
    tables = [
        TableDeclaration(
            name="sales", key=("sale_id",), time="day", dimensions=("currency",), currencies={"amount": "currency"}
        ),
        TableDeclaration(
            name="fx", key=("day", "currency"), time="day", rates=Rates(currency="currency", rate="rate", base="EUR")
        ),
    ]
    level = Balance(of="sales.amount", policy="average")
    return MetricCatalog.of(
        tables=tables,
        metrics=[
            Metric(name="revenue", sum="sales.amount", convert=convert),
            Metric(name="average", mean="sales.amount", convert=convert),
            Metric(name="middle", quantile=Quantile(of="sales.amount"), convert=convert),
            Metric(name="level", balance=level, convert=convert),
            Metric(name="so_far", cumulative="revenue"),
            Metric(name="average_so_far", cumulative="average"),
            Metric(name="middle_so_far", cumulative="middle"),
            Metric(name="last_3", rolling=Rolling(of="revenue", days=3)),
        ],
    )


class Oracle:
    """The last rate known on a day, found by bisection."""

    def __init__(self, known: list[Rate], convert: Convert) -> None:
        self.convert = convert
        self.known: dict[str, tuple[list[date], list[Fraction]]] = {}
        for code in ("USD", "GBP"):
            own = sorted(
                (r.day, Fraction(r.rate))
                for r in known
                if r.currency == code and r.rate is not None and 0 < r.rate < float("inf")
            )
            self.known[code] = ([day for day, _ in own], [rate for _, rate in own])

    def rate(self, currency: str | None, day: date | None) -> tuple[Fraction, bool] | None:
        """Units for one euro, and whether it is stale."""
        if currency == "EUR":
            return Fraction(1), False
        days, values = self.known.get(currency or "", ([], []))
        at = self.convert.at or day
        place = bisect_right(days, at) if at is not None else 0
        if place == 0 or at is None:
            return None
        most = int(self.convert.stale_after.split()[0])
        return values[place - 1], (at - days[place - 1]).days > most

    def converted(self, sale: Sale) -> tuple[Fraction | None, bool]:
        """The amount in the one currency, and whether a rate was stale."""
        if sale.amount is None:
            return None, False
        if sale.currency == self.convert.to:
            return Fraction(sale.amount), False
        found = (self.rate(sale.currency, sale.day), self.rate(self.convert.to, sale.day))
        if sale.currency is None or found[0] is None or found[1] is None:
            return None, found[0] is not None and sale.currency is not None and found[0][1]
        return sale.amount / found[0][0] * found[1][0], found[0][1] or found[1][1]


def table_of(rows: list[Sale], known: list[Rate]) -> dict[str, pa.Table]:
    return {
        "sales": pa.table(
            {
                "sale_id": pa.array([row.sale_id for row in rows], pa.int64()),
                "day": pa.array([row.day for row in rows], pa.date32()),
                "currency": pa.array([row.currency for row in rows], pa.string()),
                "amount": pa.array([row.amount for row in rows], pa.int64()),
            }
        ),
        "fx": pa.table(
            {
                "currency": pa.array([rate.currency for rate in known], pa.string()),
                "day": pa.array([rate.day for rate in known], pa.date32()),
                "rate": pa.array([rate.rate for rate in known], pa.float64()),
            }
        ),
    }


def value_of(name: str, converted: list[Fraction | None], days: int) -> float | None:
    known = [amount for amount in converted if amount is not None]
    if name in ("revenue", "so_far", "last_3"):
        return float(sum(known, Fraction()))
    if not known:
        return None
    if name.startswith("middle"):
        return quantile([float(amount) for amount in known], 0.5)
    return float(sum(known, Fraction()) / (days if name == "level" else len(known)))


@settings(max_examples=80, deadline=None)
@given(
    rows=sales,
    known=rates,
    to=st.sampled_from(["EUR", "USD"]),
    at=st.none() | st.integers(-5, 12).map(lambda n: FIRST + timedelta(days=n)),
    stale=st.sampled_from(["1 days", "5 days"]),
    grain=st.sampled_from([None, "month"]),
    by=st.sampled_from([(), ("currency",)]),
    names=st.lists(
        st.sampled_from(
            ["revenue", "average", "middle", "level", "so_far", "average_so_far", "middle_so_far", "last_3"]
        ),
        min_size=1,
        max_size=2,
        unique=True,
    ),
)
@example([], [], "USD", None, "1 days", None, (), ["revenue", "level"])
@example([Sale(0, None, "USD", 3), Sale(1, None, "EUR", 4)], [], "EUR", None, "1 days", None, (), ["revenue"])
def test_money_is_converted_at_the_last_rate_known_on_its_day(
    rows: list[Sale],
    known: list[Rate],
    to: str,
    at: date | None,
    stale: str,
    grain: str | None,
    by: tuple[str, ...],
    names: list[str],
) -> None:
    convert = Convert(to=to, rates="fx", at=at, stale_after=stale)
    oracle = Oracle(known, convert)
    timed = grain is not None or names[0] not in ("revenue", "average", "middle")
    dated = [row for row in rows if row.day is not None]
    end = max((row.day for row in dated if row.day), default=None)

    def value(name: str, period: date | None, group: Group) -> float | None:
        looking = name in ("level", "so_far", "average_so_far", "middle_so_far", "last_3")
        pool = [row for row in (dated if looking else rows) if not by or (row.currency or UNKNOWN,) == group]
        last = end
        if grain and period is not None and end is not None:
            following = start_of(period + timedelta(days=32), "month")
            last = min(end, following - timedelta(days=1))
        if looking and last is not None:
            pool = [row for row in pool if row.day is not None and row.day <= last]
            if name == "last_3":
                pool = [row for row in pool if row.day is not None and (last - row.day).days < 3]
            if name == "level" and period is not None:
                pool = [row for row in pool if row.day is not None and row.day >= period]
        elif grain:
            pool = [row for row in pool if (start_of(row.day, grain) if row.day else None) == period]
        every = [row.day for row in dated if last and row.day and row.day <= last and (not period or row.day >= period)]
        found = [oracle.converted(row)[0] for row in pool]
        if looking and grain and period is None:
            return value_of(name, [], 1)
        return value_of(name, found, len(set(every)) or 1)

    with connect(table_of(rows, known)) as warehouse:
        answer = query(catalog_of(convert), warehouse, names, by=[*([grain] if grain else []), *by])
    check(answer, value, [] if grain or by else [(None, ())])
    if names == ["revenue"] and not timed:
        (fact,) = [item for item in answer.how.facts if item.table == "sales"]
        money = [row for row in rows if row.amount is not None]
        lost = [row for row in money if oracle.converted(row)[0] is None]
        old = [row for row in money if oracle.converted(row)[1]]
        assert (fact.unconverted, fact.stale) == (len(lost), len(old))


def test_the_last_rate_of_a_day_is_the_day_s() -> None:
    tables = table_of([Sale(0, FIRST, "USD", 10)], [])
    at = [datetime(2026, 1, 28, 9), datetime(2026, 1, 28, 17), datetime(2026, 1, 28, 12)]
    tables["fx"] = pa.table({"currency": ["USD"] * 3, "day": pa.array(at, pa.timestamp("us")), "rate": [1.0, 2.0, 4.0]})
    with connect(tables) as warehouse:
        for rule in (Convert(to="EUR", rates="fx"), Convert(to="EUR", rates="fx", at=FIRST)):
            assert query(catalog_of(rule), warehouse, "revenue").rows() == [{"revenue": 5.0}]


def test_two_rates_of_a_currency_on_a_day_are_refused() -> None:
    tables = table_of([Sale(0, FIRST, "USD", 10)], [Rate("USD", FIRST, 1.0), Rate("USD", FIRST, 2.0)])
    with connect(tables) as warehouse, pytest.raises(DataError, match="unique"):
        query(catalog_of(Convert(to="EUR", rates="fx")), warehouse, "revenue")


def test_rows_that_another_metric_leaves_out_are_not_counted_as_unconverted() -> None:
    rule = Convert(to="EUR", rates="fx")
    catalog = catalog_of(rule)
    only = Metric(name="in_euros", sum="sales.amount", convert=rule, where="currency = 'EUR'")
    catalog = MetricCatalog.of(tables=catalog.tables.values(), metrics=[*catalog.metrics.values(), only])
    rows = [Sale(0, FIRST, "XXX", 10), Sale(1, FIRST, "XXX", None), Sale(2, FIRST, "EUR", 5)]
    with connect(table_of(rows, [])) as warehouse:
        assert not [note for note in query(catalog, warehouse, "in_euros").notes if "exchange" in note]
        notes = query(catalog, warehouse, ["in_euros", "revenue"]).notes
        assert "1 of 3 rows of sales find no exchange rate: they are in no sum." in notes


def test_one_currency_by_two_rules_stands_side_by_side() -> None:
    strict, loose = (Convert(to="EUR", rates="fx", stale_after=f"{days} days") for days in (1, 9))
    tables = catalog_of(strict).tables.values()
    metrics = [Metric(name=name, sum="sales.amount", convert=rule) for name, rule in (("a", strict), ("b", loose))]
    rows, known = [Sale(0, FIRST + timedelta(days=5), "USD", 10)], [Rate("USD", FIRST, 2.0)]
    with connect(table_of(rows, known)) as warehouse:
        answer = query(MetricCatalog.of(tables=tables, metrics=metrics), warehouse, ["a", "b"])
    assert answer.rows() == [{"a": 5.0, "b": 5.0}]
    assert "1 of 1 rows of sales are converted at a rate older than allowed." in answer.notes


def test_what_cannot_be_converted_is_refused_with_what_is_missing() -> None:
    with connect(table_of([], [])) as warehouse:
        with pytest.raises(UnknownNameError, match="table of rates"):
            query(catalog_of(Convert(to="EUR", rates="sales")), warehouse, "revenue")
        catalog = MetricCatalog.of(
            tables=[
                TableDeclaration(name="sales", key=("sale_id",), time="day"),
                catalog_of(Convert(to="EUR", rates="fx")).tables["fx"],
            ],
            metrics=[Metric(name="revenue", sum="sales.amount", convert=Convert(to="EUR", rates="fx"))],
        )
        with pytest.raises(DefinitionError, match="no currency is declared"):
            query(catalog, warehouse, "revenue")
    with pytest.raises(DefinitionError, match="is no currency"):
        Convert(to="euro", rates="fx")
