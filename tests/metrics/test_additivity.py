"""What adds up, checked by adding up: an answer's values over a column, against the same question without it."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import Any

import pytest
from tests.metrics.brute_force import ACCOUNTS, FIRST, Event, same, warehouse_of

from steelyard.metrics import Metric, MetricCatalog, MetricTable, Ratio, query
from steelyard.metrics.kinds import Balance, Conversion, Fixed, PeriodToDate, Quantile, Rolling, Share
from steelyard.warehouse import TableDeclaration

LEVELS = TableDeclaration(name="events", key=("account_id", "day"), time="day", entities={"account": ("account_id",)},
                          dimensions=("channel",))  # fmt: skip
METRICS = (
    Metric(name="total", sum="events.amount"),
    Metric(name="events", count="events"),
    Metric(name="accounts", distinct="events.channel"),
    Metric(name="average", mean="events.amount"),
    Metric(name="middle", quantile=Quantile(of="events.amount")),
    Metric(name="rate", ratio=Ratio(numerator="total", denominator="events")),
    Metric(name="so_far", cumulative="total"),
    Metric(name="last_9", rolling=Rolling(of="total", days=9, average=True)),
    Metric(name="of_month", period_to_date=PeriodToDate(of="events")),
    Metric(name="accounts_so_far", cumulative="accounts"),
    Metric(name="part", share=Share(of="events")),
    Metric(name="part_of_channel", share=Share(of="events", within=("channel",))),
    Metric(name="net", derived="2 * total - events / 4 + (-total)"),
    Metric(name="product", derived="total * events"),
    Metric(name="shifted", derived="total + 5"),
    Metric(name="again", conversion=Conversion(base="events", then="events", entity="account", within="9 days")),
    Metric(name="level", balance=Balance(of="events.amount", policy="carried_forward", per="account_id")),
    Metric(name="mean_level", balance=Balance(of="events.amount", policy="average", per="account_id")),
    Metric(name="each", fixed=Fixed(of="total", per="account", then="sum")),
)
ROWS = [
    Event(n, n % 3 + 1, ("web", "app", None)[n * 7 % 3], FIRST + timedelta(days=n * 5 % 37), n * n % 11 - 3)
    for n in range(30)
]
NEVER = frozenset({"period", "channel", "region"})
FLAGS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("total", "events", "net"), frozenset()),
    **dict.fromkeys(("so_far", "last_9", "of_month", "level", "mean_level", "part"), frozenset({"period"})),
    "part_of_channel": frozenset({"period", "channel"}),
    **dict.fromkeys(("accounts", "average", "middle", "rate", "accounts_so_far", "product", "shifted", "again"), NEVER),
}


def asked(metric: str, *by: str) -> MetricTable:
    catalog = MetricCatalog.of(metrics=METRICS, tables=[LEVELS, ACCOUNTS])
    unique = list({(row.account, row.day): row for row in ROWS}.values())
    with warehouse_of(unique) as warehouse:
        return query(catalog, warehouse, metric, by=by)


@pytest.mark.parametrize("metric", FLAGS)
def test_what_is_not_flagged_adds_up(metric: str) -> None:
    by = ("month", "channel", "region")
    answer = asked(metric, *by)
    assert set(answer.non_additive.get(metric, ())) == FLAGS[metric]
    for column in {"period", "channel", "region"} - FLAGS[metric]:
        rest = [name for name in ("period", "channel", "region") if name != column]

        def key(row: dict[str, Any], rest: list[str] = rest) -> tuple[str, ...]:
            return tuple(str(row[name]) for name in rest)

        whole = {
            key(row): row[metric]
            for row in asked(metric, *(n for n in by if n != ("month" if column == "period" else column))).rows()
        }
        for place, rows in groupby(sorted(answer.rows(), key=key), key=key):
            known = [row[metric] for row in rows if row[metric] is not None]
            assert same(sum(known) if known else None, whole[place]), (column, place)


def test_a_sum_over_entities_adds_up_over_what_each_has_one_of() -> None:
    answer = asked("each", "region")
    assert answer.non_additive == {}
    assert sum(row["each"] for row in answer.rows()) == asked("each").rows()[0]["each"]
