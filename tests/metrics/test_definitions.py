"""Definitions in YAML and in Python, and what is said of wrong ones."""
# ruff: noqa: E501 - definitions as people write them

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import DefinitionError, PolicyError, SteelyardError, UnknownNameError
from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio, read_metrics
from steelyard.warehouse import TableDeclaration

GOOD = """
tables:
  orders:    {key: order_id, time: ordered_at, entities: {customer: customer_id, session: session_id}, dimensions: [channel, device]}
  sessions:  {key: session_id, time: started_at, entities: {customer: customer_id}, dimensions: [channel, device]}
  customers: {key: customer_id, entity: customer, dimensions: [country, joined_on]}
metrics:
  revenue:         {sum: orders.amount, exclude: "status = 'cancelled'", measured_in: USD, better: up, owner: growth, question: "What did customers pay us?"}
  conversion_rate: {ratio: {numerator: {distinct: orders.session_id}, denominator: {count: sessions}}, better: up}
  orders: {count: orders}
  visitors: {distinct: sessions.customer_id, entity: customer, window: 2 weeks, grain: a visit}
  orders_per_visitor: {ratio: {numerator: orders, denominator: visitors}}
  average_order: {ratio: {numerator: revenue, denominator: orders}}
trees:
  revenue: visitors * orders_per_visitor * average_order
"""


def read(folder: Path, *texts: str, **settings: object) -> MetricCatalog:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"m{number}.yml")
        paths[-1].write_text(text.lstrip("\n"), encoding="utf-8")
    return read_metrics(paths, **settings)  # type: ignore[arg-type]


def test_the_shape_of_the_design_is_read(tmp_path: Path) -> None:
    catalog = read(tmp_path, GOOD, zone="Europe/Berlin", currency="EUR")
    assert catalog.problems == ()
    assert catalog.metrics["revenue"].defined_at.endswith("m0.yml:6")
    assert catalog.trees["revenue"].kind == "product"
    assert catalog.dimensions("revenue") == ("channel", "device", "country", "joined_on")
    assert catalog.names_by_table()["sessions"] == ("conversion_rate", "orders_per_visitor", "visitors")
    assert catalog.metrics["visitors"].window_days() == 14


def test_yaml_and_python_define_the_same(tmp_path: Path) -> None:
    read_there = read(tmp_path, GOOD).metrics["conversion_rate"]
    made_here = Metric(
        name="conversion_rate",
        ratio=Ratio(numerator=Measure(distinct="orders.session_id"), denominator=Measure(count="sessions")),
        better="up",
    )
    assert read_there.digest() == made_here.digest()


def test_a_digest_follows_everything_that_a_number_depends_on(tmp_path: Path) -> None:
    base = read(tmp_path, GOOD)
    moved = read(tmp_path, "\n# a comment\n" + GOOD)
    assert moved.digest("revenue") == base.digest("revenue"), "a line number is no part of a definition"
    for change in (
        read(tmp_path, GOOD.replace("'cancelled'", "'canceled'")),
        read(tmp_path, GOOD, zone="Asia/Tokyo"),
        read(tmp_path, GOOD, week_start="sunday"),
        read(tmp_path, GOOD.replace("time: ordered_at", "time: paid_at")),
    ):
        assert change.digest("revenue") != base.digest("revenue")
    part = read(tmp_path, GOOD.replace("{count: orders}", "{count: orders, where: \"channel = 'web'\"}"))
    assert part.digest("average_order") != base.digest("average_order")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("  a: {sum: orders.amount, betterr: up}", "no key named 'betterr'"),
        ("  a: {sum: orders.amount, better: sideways}", "better"),
        ("  a: {sum: order.amount}", "no table named 'order'"),
        ("  a: {count: order}", "no table named 'order'"),
        ("  a: {count: orders.amount}", "counts a column"),
        ("  a: {sum: amount}", "does not say of which table"),
        ("  a: {sum: orders.amount - sessions.length}", "mixes the rows of orders and sessions"),
        ("  a: {sum: orders.amount, count: orders}", "sum and count"),
        ("  a: {owner: me}", "of no kind"),
        ("  a: 5", "not a mapping"),
        ('  a: {sum: orders.amount, where: "status ="}', "does not parse"),
        ('  a: {sum: orders.amount, where: "status = (SELECT 1)"}', "may not stand"),
        ('  a: {sum: orders.amount, where: "status = NULL"}', "nothing equals NULL"),
        ('  a: {sum: "count(orders.amount)"}', "may not stand"),
        ("  a: {balance: orders.amount}", "'metrics.a.balance'"),
        ("  a: {balance: {of: orders.amount, policy: last}}", "policy"),
        ("  a: {balance: {of: orders.amount, policy: average, within: 3 days}}", "`within` means nothing"),
        ("  a: {rolling: {sum: orders.amount}}", "no key named 'sum'"),
        ("  a: {rolling: {of: revenue, days: 0}}", "a window of 0 days"),
        ("  a: {rolling: {of: revenu, days: 7}}", "no metric named 'revenu'"),
        ("  a: {rolling: {of: a, days: 7}}", "refers to itself: a -> a"),
        ("  a: {rolling: {of: conversion_rate, days: 7, average: true}}", "average of averages"),
        ("  a: {cumulative: revenue, where: status = 'x'}", "'where' means nothing to 'a'"),
        ("  a: {period_to_date: {of: revenue, period: day}}", "period"),
        ("  a: {quantile: {of: orders.amount, share: 90}}", "a quantile of 90"),
        ("  a: {share: {of: conversion_rate}}", "a group has no share"),
        ("  a: {derived: revenue - refund}", "no metric named 'refund'"),
        ("  a: {derived: orders.amount + 1}", "arithmetic is over metrics"),
        ("  a: {derived: '1 + 1'}", "names no metric"),
        ("  a: {fixed: {of: revenue, per: persona}}", "no entity with a table of its own named 'persona'"),
        ("  a: {conversion: {base: orders, then: orders, entity: customer, within: soon}}", "'soon' is no within"),
        ("  a: {retention: {base: orders, then: orders, entity: customer, from_day: 3, to_day: 2}}", "are no range"),
        ("  a: {target: {of: orders.amount, grain: hour}}", "grain"),
        ("  a: {sum: orders.amount, limits: {low: 1}}", "'low' is no limit"),
        ("  a: {count: orders, convert: {to: EUR, rates: fx}}", "no money to convert"),
        ("  a: {ratio: {numerator: {mean: orders.amount}, denominator: {count: orders}}}", "average of averages"),
        ("  a: {ratio: {numerator: conversion_rate, denominator: orders}}", "average of averages"),
        ("  a: {ratio: {numerator: a, denominator: orders}}", "refers to itself: a -> a"),
        ("  a: {ratio: {numerator: revenu, denominator: orders}}", "no metric named 'revenu'"),
        ("  a: {ratio: {numerator: orders}}", "missing: 'denominator'"),
        ("  a: {sum: orders.amount, time: customers.joined}", ""),
        ("  a: {sum: sessions.x, time: orders.ordered_at}", "no reference leads from 'sessions' to 'orders'"),
        ("  a: {sum: orders.amount, window: a while}", "no window"),
        ("  a: {sum: orders.amount, entity: persona}", "no entity named 'persona'"),
        ("  A b: {sum: orders.amount}", "cannot be named"),
    ],
)
def test_a_wrong_metric_is_placed_and_the_rest_works(tmp_path: Path, line: str, problem: str) -> None:
    catalog = read(tmp_path, GOOD.replace("metrics:\n", f"metrics:\n{line}\n"))
    if not problem:
        return
    assert len(catalog.problems) == 1
    error = catalog.problems[0]
    assert problem in error.problem
    assert error.where.endswith("m0.yml:6"), error.where
    assert "revenue" in catalog.metrics
    assert "a" not in catalog.metrics


def test_asking_for_a_broken_metric_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    catalog = read(tmp_path, GOOD + "  x: y\n", "metrics:\n  a: {rolling: {sum: orders.amount}}\n")
    with pytest.raises(DefinitionError, match="no key named 'sum'"):
        catalog.metric("a")


def test_a_file_that_is_no_yaml_does_not_stop_the_others(tmp_path: Path) -> None:
    catalog = read(tmp_path, "metrics: [", GOOD)
    assert "not YAML" in catalog.problems[0].problem
    assert "revenue" in catalog.metrics


def test_two_definitions_of_one_name_are_a_problem(tmp_path: Path) -> None:
    catalog = read(tmp_path, GOOD, "metrics:\n  revenue: {count: orders}\ntables:\n  orders: {key: order_id}\n")
    assert sorted(error.problem.split(" is defined")[0] for error in catalog.problems) == [
        "the metric 'revenue'",
        "the table 'orders'",
    ]
    assert catalog.metrics["revenue"].kind == "sum"


def test_a_table_is_declared_in_one_place(tmp_path: Path) -> None:
    built = TableDeclaration(name="orders", key=("order_id",), where="tables/orders.sql:1")
    catalog = read(tmp_path, GOOD, tables=[built])
    assert any("'orders' is defined already at tables/orders.sql:1" in error.problem for error in catalog.problems)


def test_an_unknown_section_is_said_and_an_empty_one_is_none(tmp_path: Path) -> None:
    catalog = read(tmp_path, GOOD + "metricks: {}\nalerts: {}\nannotations:\n")
    assert [error.problem for error in catalog.problems] == ["no section named 'metricks'"]


def test_a_tree_of_what_is_not_there_is_a_problem(tmp_path: Path) -> None:
    for text, says in (
        ("revenue: visitor * average_order", "no metric named 'visitor'"),
        ("revenue: visitors * (average_order + orders)", "says"),
        ("revenue: revenue * orders", "names itself"),
        ("revenue: visitors", "says"),
    ):
        changed = GOOD.replace("revenue: visitors * orders_per_visitor * average_order", text)
        assert says in read(tmp_path, changed).problems[0].problem, text


def test_a_sensitive_column_may_not_be_a_filter_of_a_definition(tmp_path: Path) -> None:
    catalog = read(tmp_path, GOOD, sensitive=("orders.status",))
    assert isinstance(catalog.problems[0], PolicyError)
    assert catalog.problems[0].where.endswith("m0.yml:6")


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"zone": "Europe/Berlim"}, DefinitionError), ({"week_start": "mondy"}, UnknownNameError)],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, settings: dict[str, str], error: type[SteelyardError]
) -> None:
    with pytest.raises(error):
        read(tmp_path, GOOD, **settings)


def test_two_own_tables_of_one_entity_are_a_problem(tmp_path: Path) -> None:
    text = GOOD.replace("metrics:\n", "  people: {key: id, entity: customer}\nmetrics:\n")
    assert "are the own table of 'customer'" in read(tmp_path, text).problems[0].problem


def test_a_catalog_made_in_python_raises_at_once() -> None:
    with pytest.raises(UnknownNameError, match="no table named 'orders'"):
        MetricCatalog.of(metrics=[Metric(name="n", count="orders")], tables=[])
    with pytest.raises(DefinitionError, match="two definitions of the metric 'n'"):
        MetricCatalog.of(
            metrics=[Metric(name="n", count="t"), Metric(name="n", count="t")], tables=[TableDeclaration(name="t")]
        )


def test_a_sensitive_column_may_be_counted_and_may_decide_nothing(tmp_path: Path) -> None:
    counted = GOOD.replace("trees:", "  addresses: {distinct: orders.email}\ntrees:")
    assert read(tmp_path, counted, sensitive=("email",)).problems == ()
    deciding = counted.replace("orders.email}", "\"CASE WHEN orders.email = 'a@x' THEN orders.order_id END\"}")
    found = read(tmp_path, deciding, sensitive=("email",))
    assert isinstance(found.problems[0], PolicyError)
