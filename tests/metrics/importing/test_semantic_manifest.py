"""dbt semantic manifests: dbt's own files are read back, and give the numbers that MetricFlow gives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.metrics.importing.conftest import KINDS_TO_COME

from steelyard.errors import DefinitionError
from steelyard.metrics import MetricCatalog, query
from steelyard.metrics.importing import Imported, import_definitions, import_ossie, import_semantic_manifest
from steelyard.warehouse import Warehouse, connect

FIXTURES = Path(__file__).parent / "fixtures"
PROJECTS = ("shop", "shop_without_measures")
ReadBack = Callable[[Imported], MetricCatalog]


def dimension(name: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "type": "categorical", **said}


def day(name: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "type": "time", "type_params": {"time_granularity": "day"}, **said}


def model(name: str = "orders", **said: Any) -> dict[str, Any]:
    return {
        "name": name,
        "node_relation": {"alias": name, "schema_name": "main"},
        "defaults": {"agg_time_dimension": "made_on"},
        "entities": [
            {"name": "order", "type": "primary", "expr": "order_id"},
            {"name": "customer", "type": "foreign", "expr": "customer_id"},
        ],
        "dimensions": [day("made_on"), dimension("status"), dimension("big", expr="amount > 10")],
        "measures": [],
        **said,
    }


CUSTOMERS = model(
    "customers",
    defaults=None,
    entities=[{"name": "customer", "type": "primary", "expr": "customer_id"}],
    dimensions=[dimension("country"), dimension("group", expr="tier"), day("joined_on")],
)


def simple(name: str = "m", agg: str = "sum", expr: str | None = "amount", **said: Any) -> dict[str, Any]:
    aggregation = {"semantic_model": "orders", "agg": agg, "agg_time_dimension": "made_on", **said.pop("agg_said", {})}
    params = {"expr": expr, "metric_aggregation_params": aggregation, **said.pop("params", {})}
    return {"name": name, "type": "simple", "type_params": params, **said}


def other(name: str, kind: str, params: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "type_params": params, **said}


def imported(
    *metrics: dict[str, Any], models: tuple[dict[str, Any], ...] = (model(), CUSTOMERS), **said: Any
) -> Imported:
    return import_semantic_manifest({"semantic_models": list(models), "metrics": list(metrics), **said}, "m.json")


def why(made: Imported, name: str) -> str:
    return next(f"{item.reason} | {item.nearest}" for item in made.of("left out") if item.name == name)


def differs(made: Imported, name: str) -> str:
    return next(item.reason for item in made.of("differs") if item.name == name)


# dbt's own manifests


@pytest.mark.parametrize("project", PROJECTS)
def test_what_was_carried_over_is_read_without_a_problem(project: str, read_back: ReadBack) -> None:
    made = import_definitions(FIXTURES / f"{project}.semantic_manifest.json")
    assert read_back(made).problems == ()
    names = {item.name for item in made.items if item.what == "metric"}
    said = json.loads((FIXTURES / f"{project}.semantic_manifest.json").read_text())
    assert names == {item["name"] for item in said["metrics"]}, "every metric is accounted for, once"


@pytest.fixture(scope="module")
def shop() -> Warehouse:
    tables = {}
    for path in sorted((FIXTURES / "shop" / "seeds").glob("*.csv")):
        nothing = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
        tables[f"shop_{path.stem}"] = pyarrow.csv.read_csv(path, convert_options=nothing)
    return connect(tables)


def number(value: Any) -> Decimal | None:
    """A value to compare: MetricFlow has NULL where nothing is added up, and a sum of nothing is 0 here."""
    if value is None or value == "":
        return None
    return Decimal(str(value))


BY = {"metric_time__month": "month", "metric_time__day": "day", "customer__country": "country"}


def keyed(column: str, value: Any) -> Any:
    if column.startswith("metric_time") and value:
        return value.isoformat() if isinstance(value, date) else value[:10]
    return value or "(unknown)"


@pytest.mark.parametrize("project", PROJECTS)
def test_the_numbers_are_those_of_metricflow(project: str, shop: Warehouse, read_back: ReadBack) -> None:
    catalog = read_back(import_definitions(FIXTURES / f"{project}.semantic_manifest.json"))
    if balances := catalog.tables.get("shop_balances"):  # what the import says of `last_balance`, done
        keyed_by_account = replace(balances, key=("account_id", "balance_on"))
        catalog = replace(catalog, tables={**catalog.tables, "shop_balances": keyed_by_account})
    compared = 0
    for answer in json.loads((FIXTURES / f"{project}.answers.json").read_text())["answers"]:
        by = answer["by"]
        peers: dict[tuple[Any, ...], dict[str, str]] = {}
        for row in answer["rows"]:
            said = dict(zip(answer["columns"], row, strict=True))
            peers[tuple(keyed(column, said[column]) for column in by)] = said
        for metric in answer["metrics"]:
            if metric not in catalog.metrics:
                assert KINDS_TO_COME, f"{metric} is not in the catalog"
                continue
            since, until = (
                (date(2026, 1, 1), date(2026, 2, 28)) if "revenue_ever" in answer["metrics"] else (None, None)
            )
            table = query(catalog, shop, [metric], by=[BY[column] for column in by], since=since, until=until)
            rows = {
                tuple(keyed(column, row[{"country": "country"}.get(BY[column], "period")]) for column in by): row[
                    metric
                ]
                for row in table.rows()
            }
            ends = "" if since is None else max(key[0] for key in rows)
            for key in rows.keys() | {key for key in peers if not ends or key[0] <= ends}:
                if (metric, key) == ("revenue_7_days", ("2026-01-01",)) and by == ["metric_time__month"]:
                    assert (rows[key], peers[key][metric]) == (0, "50.0"), "as of 31 January here, of 27 January there"
                    continue
                ours, theirs = number(rows.get(key)), number(peers.get(key, {}).get(metric))
                assert (ours or 0) == pytest.approx(theirs or 0, rel=Decimal("1e-12")), (metric, key, answer["sql"])
                compared += theirs is not None
            carried = {number(said.get(metric)) for key, said in peers.items() if ends and key[0] > ends}
            if metric == "revenue_ever":
                assert carried == {number(rows[(ends,)])}, "after the last day of the data theirs goes on, unchanged"
    assert compared > (20 if project == "shop_without_measures" else 200)


def test_a_condition_loses_the_rows_without_a_value_as_it_does_in_sql() -> None:
    made = import_definitions(FIXTURES / "shop.semantic_manifest.json")
    assert made.metrics["not_cancelled"]["where"] == "status <> 'cancelled' AND NOT status IS NULL"


# One thing at a time


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (simple(), {"sum": "orders.amount"}),
        (simple(expr=None, name="amount"), {"sum": "orders.amount"}),
        (simple(expr="1"), {"count": "orders"}),
        (simple(agg="count", expr="1"), {"count": "orders"}),
        (simple(agg="count", expr="*"), {"count": "orders"}),
        (simple(agg="count", expr="amount"), {"count": "orders", "where": "NOT amount IS NULL"}),
        (simple(agg="count", expr="a + b"), {"count": "orders", "where": "NOT (a + b) IS NULL"}),
        (simple(agg="sum_boolean", expr="paid"), {"count": "orders", "where": "paid"}),
        (
            simple(agg="sum_boolean", expr="status != 'x'"),
            {"count": "orders", "where": "status <> 'x' AND NOT status IS NULL"},
        ),
        (simple(agg="count_distinct", expr="customer_id"), {"distinct": "orders.customer_id"}),
        (simple(agg="average"), {"mean": "orders.amount"}),
        (simple(agg="median"), {"quantile": {"of": "orders.amount", "share": 0.5}}),
        (
            simple(agg="percentile", agg_said={"agg_params": {"percentile": 0.9}}),
            {"quantile": {"of": "orders.amount", "share": 0.9}},
        ),
        (
            simple(expr="CASE WHEN status <> 'x' THEN amount END"),
            {"sum": "CASE WHEN orders.status <> 'x' AND NOT orders.status IS NULL THEN orders.amount END"},
        ),
        (simple(expr='"Net Amount" * 2'), {"sum": 'orders."Net Amount" * 2'}),
    ],
)
def test_an_aggregation_becomes_what_gives_its_numbers(said: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert imported(said).metrics[said["name"]] == becomes


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (simple(agg="max"), "no maximum"),
        (simple(agg="min"), "no minimum"),
        (simple(agg="stddev"), "'stddev' is not known"),
        (simple(expr="2"), "adds 2 for each row"),
        (simple(expr="date_part('day', made_on)"), "may not stand in"),
        (simple(expr="amount FROM"), "does not parse"),
        (simple(agg="percentile", agg_said={"agg_params": {"percentile": 90}}), "not a share from 0 to 1"),
        (
            simple(agg="percentile", agg_said={"agg_params": {"percentile": 0.9, "use_discrete_percentile": True}}),
            "discrete percentile",
        ),
        (simple(agg_said={"semantic_model": "ordrs"}), "no semantic model named 'ordrs' | did you mean 'orders'?"),
        (simple(agg_said={"agg_time_dimension": "nowhen"}), "no time dimension of 'orders' named 'nowhen'"),
        (other("m", "simple", {"measure": {"name": "gone"}}), "no measure named 'gone'"),
        (other("m", "simple", {}), "neither a measure nor an aggregation"),
        (other("m", "pyramid", {}), "no type of metric named 'pyramid'"),
        (other("m", "ratio", {"numerator": {"name": "gone"}, "denominator": {"name": "m"}}), "no metric named 'gone'"),
        (other("m", "cumulative", {}), "of no measure and of no metric"),
        (other("m", "derived", {"expr": "a", "metrics": [{}]}), "its input is no metric"),
    ],
)
def test_what_has_no_equal_is_left_out_with_the_reason(said: dict[str, Any], reason: str) -> None:
    made = imported(said)
    assert "m" not in made.metrics
    assert reason in why(made, "m")


def test_what_is_asked_to_be_approximate_is_exact_and_that_is_said() -> None:
    approximate = {"agg_params": {"percentile": 0.9, "use_approximate_percentile": True}}
    assert "exact here" in differs(imported(simple(agg="percentile", agg_said=approximate)), "m")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{{ Dimension('order__status') }} = 'paid'", "status = 'paid'"),
        ("{{Dimension('order__status')}} IN ('a', 'b')", "status IN ('a', 'b')"),
        ("{{ Dimension('customer__country') }} = 'DE'", "customers.country = 'DE'"),
        ("{{ Dimension('order__customer__country') }} = 'DE'", "customers.country = 'DE'"),
        ("{{ Dimension('country', entity_path=['order', 'customer']) }} = 'DE'", "customers.country = 'DE'"),
        ("{{ Dimension('customer__group') }} = 'gold'", "customers.tier = 'gold'"),
        ("{{ TimeDimension('order__made_on', 'day') }} >= '2026-01-01'", "made_on >= '2026-01-01'"),
        ("{{ TimeDimension('metric_time') }} >= '2026-01-01'", "made_on >= '2026-01-01'"),
        ("{{ Dimension('metric_time').grain('day') }} >= '2026-01-01'", "made_on >= '2026-01-01'"),
        ("{{ Dimension('order__made_on__day') }} >= '2026-01-01'", "made_on >= '2026-01-01'"),
        ("{{ TimeDimension('customer__joined_on', 'day') }} > '2026-01-01'", "customers.joined_on > '2026-01-01'"),
        ("{{ Entity('customer') }} IS NOT NULL", "NOT customer_id IS NULL"),
        ("{{ Dimension('order__big') }}", "amount > 10"),
        ("NOT {{ Dimension('order__big') }}", "amount <= 10"),
        (
            "{{ Dimension('order__status') }} <> 'x' OR {{ Dimension('order__big') }}",
            "(status <> 'x' AND NOT status IS NULL) OR amount > 10",
        ),
    ],
)
def test_a_filter_becomes_a_condition(text: str, where: str, read_back: ReadBack) -> None:
    made = imported(simple(filter={"where_filters": [{"where_sql_template": text}]}))
    assert made.metrics["m"]["where"] == where
    assert read_back(made).problems == ()


@pytest.mark.parametrize("shape", [lambda text: text, lambda text: [text], lambda text: {"where_sql_template": text}])
def test_older_shapes_of_a_filter_are_read(shape: Callable[[str], Any]) -> None:
    made = imported(simple(filter=shape("{{ Dimension('order__status') }} = 'paid'")))
    assert made.metrics["m"]["where"] == "status = 'paid'"


def test_filters_are_joined() -> None:
    texts = [
        "{{ Dimension('order__status') }} = 'a' OR {{ Dimension('order__status') }} = 'b'",
        "{{ Entity('order') }} > 3",
    ]
    assert imported(simple(filter=texts)).metrics["m"]["where"] == "(status = 'a' OR status = 'b') AND order_id > 3"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "{{ TimeDimension('order__made_on', 'month') }} >= '2026-01-01'",
            "cuts 'made_on' (exact to the day) to the month",
        ),
        ("{{ Dimension('order__made_on').date_part('year') }} = 2026", "takes the year out"),
        ("{{ Metric('n', group_by=['customer']) }} > 3", "by the value of the metric 'n' for each customer"),
        ("status = 'paid'", "names the column 'status' itself"),
        ("{% if x %} {{ Dimension('order__status') }} = 1 {% endif %}", "more than references"),
        ("{{ Dimension('order__statuss') }} = 1", "no dimension of 'orders' named 'statuss' | did you mean 'status'?"),
        ("{{ Dimension('shop__country') }} = 1", "no entity of 'orders' named 'shop'"),
        ("{{ Dimensions('order__status') }} = 1", "no reference"),
        ("{{ Dimension(__import__('os')) }} = 1", "no plain value"),
        ("{{ Dimension('order__status') }} ILIKE 'p%'", "no condition"),
        ("{{ Dimension('order__status') }} = '(unknown)'", "stands for what is not known"),
        ("{{ Dimension('order__status') }} = (SELECT 1)", "may not stand"),
        ("{{ Dimension('order__status') }} =", "does not parse"),
        ("1 = 1", "names no column"),
    ],
)
def test_a_filter_that_means_nothing_here_leaves_its_metric_out(text: str, reason: str) -> None:
    made = imported(simple(filter=text))
    assert not made.metrics
    assert reason in why(made, "m")


def test_a_ratio_of_filtered_sides_has_the_conditions_on_its_sides() -> None:
    paid = "{{ Dimension('order__status') }} = 'paid'"
    german = "{{ Dimension('customer__country') }} = 'DE'"
    sides = {"numerator": {"name": "a", "filter": paid}, "denominator": {"name": "a"}}
    made = imported(simple("a"), other("r", "ratio", sides, filter=german))
    assert made.metrics["r"]["ratio"] == {
        "numerator": {"sum": "orders.amount", "where": "status = 'paid' AND customers.country = 'DE'"},
        "denominator": {"sum": "orders.amount", "where": "customers.country = 'DE'"},
    }


def test_a_ratio_of_what_is_no_sum_is_divided_after_aggregation() -> None:
    sides = {"numerator": {"name": "a"}, "denominator": {"name": "b"}}
    made = imported(simple("a", agg="average"), simple("b"), other("r", "ratio", sides))
    assert made.metrics["r"] == {"derived": "a / b"}


def test_a_derived_metric_carries_its_filter_into_its_parts() -> None:
    inputs = {"expr": "x - b", "metrics": [{"name": "a", "alias": "x"}, {"name": "b"}]}
    paid = "{{ Dimension('order__status') }} = 'paid'"
    made = imported(simple("a"), simple("b", agg="count", expr="1"), other("d", "derived", inputs, filter=paid))
    assert made.metrics["d"] == {"derived": "x - b_filtered"}
    assert made.metrics["x"] == {"sum": "orders.amount", "where": "status = 'paid'"}
    assert made.metrics["b_filtered"] == {"count": "orders", "where": "status = 'paid'"}
    assert {item.name for item in made.items if item.what == "helper"} == {"x", "b_filtered"}


def test_what_is_made_for_a_metric_that_is_left_out_goes_with_it() -> None:
    paid = "{{ Dimension('order__status') }} = 'paid'"
    inputs = {"expr": "a - gone", "metrics": [{"name": "a", "filter": paid}, {"name": "gone"}]}
    made = imported(simple("a"), other("d", "derived", inputs))
    assert set(made.metrics) == {"a"}
    assert "it needs 'gone', which is not carried over: no metric named 'gone'" in why(made, "d")


@pytest.mark.parametrize(
    ("expr", "becomes"),
    [
        ("a / b", "a / b"),
        ("a / NULLIF(b, 0)", "a / b"),
        ("-(a + 2) * b", "-(a + 2) * b"),
        ("COALESCE(a, 0)", None),
        ("a - c", None),
    ],
)
def test_a_derived_expression_is_arithmetic_or_left_out(expr: str, becomes: str | None) -> None:
    made = imported(
        simple("a"), simple("b"), other("d", "derived", {"expr": expr, "metrics": [{"name": "a"}, {"name": "b"}]})
    )
    assert made.metrics.get("d") == (becomes and {"derived": becomes})


@pytest.mark.parametrize(
    ("params", "becomes", "note"),
    [
        ({}, {"cumulative": "a"}, "the first day's"),
        ({"period_agg": "average"}, {"cumulative": "a"}, "the average"),
        ({"period_agg": "last"}, {"cumulative": "a"}, ""),
        (
            {"window": "2 weeks", "period_agg": "last"},
            {"rolling": {"of": "a", "days": 14, "warm_up": "partial"}},
            "the last day whose window has a row",
        ),
        (
            {"window": {"count": 7, "granularity": "days"}, "period_agg": "last"},
            {"rolling": {"of": "a", "days": 7, "warm_up": "partial"}},
            "the last day whose window has a row",
        ),
        (
            {"grain_to_date": "MONTH", "period_agg": "last"},
            {"period_to_date": {"of": "a", "period": "month"}},
            "the last day whose window has a row",
        ),
    ],
)
def test_a_window(params: dict[str, Any], becomes: dict[str, Any], note: str) -> None:
    nested = {"cumulative_type_params": {"metric": {"name": "a"}, **params}}
    made = imported(simple("a"), other("w", "cumulative", nested))
    assert made.metrics["w"] == becomes
    assert (note in differs(made, "w")) if note else "w" not in {item.name for item in made.of("differs")}


@pytest.mark.parametrize(("agg", "kind"), [("count_distinct", "distinct"), ("average", "mean")])
def test_a_window_of_what_does_not_add_up_is_one_of_its_rows(agg: str, kind: str) -> None:
    nested = {"cumulative_type_params": {"metric": {"name": "a"}, "window": "7 days"}}
    made = imported(simple("a", agg=agg, expr="customer_id"), other("w", "cumulative", nested))
    assert made.metrics["a"] == {kind: "orders.customer_id"}
    assert made.metrics["w"] == {"rolling": {"of": "a", "days": 7, "warm_up": "partial"}}


def test_a_window_of_a_quantile_is_left_out() -> None:
    nested = {"cumulative_type_params": {"metric": {"name": "a"}, "window": "7 days"}}
    made = imported(simple("a", agg="median", expr="amount"), other("w", "cumulative", nested))
    assert "a quantile has no window here" in why(made, "w")


def test_a_window_of_a_measure_that_no_metric_is_makes_the_metric() -> None:
    measured = model(measures=[{"name": "amount_sum", "agg": "sum", "expr": "amount"}])
    made = imported(other("w", "cumulative", {"measure": {"name": "amount_sum"}}), models=(measured,))
    assert made.metrics == {"amount_sum": {"sum": "orders.amount"}, "w": {"cumulative": "amount_sum"}}


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ({"name": "made_on", "window_choice": "max"}, {"of": "orders.amount", "policy": "end_of_period"}),
        (
            {"name": "made_on", "window_choice": "max", "window_groupings": ["customer"]},
            {"of": "orders.amount", "policy": "last_in_period", "per": "customer"},
        ),
        ({"name": "made_on", "window_choice": "min"}, "first 'made_on' of each period"),
        ({"name": "made_on"}, "first 'made_on' of each period"),
        ({"name": "other_day", "window_choice": "max"}, "not additive over 'other_day'"),
        ({"name": "made_on", "window_choice": "max", "window_groupings": ["a", "b"]}, "`per` is one entity"),
    ],
)
def test_a_semi_additive_measure(said: dict[str, Any], becomes: dict[str, Any] | str) -> None:
    made = imported(simple(agg_said={"non_additive_dimension": said}))
    if isinstance(becomes, str):
        assert becomes in why(made, "m")
    else:
        assert made.metrics["m"] == {"balance": becomes}


def test_another_conversion_is_left_out_with_the_nearest() -> None:
    params = {
        "base_metric": {"name": "a"},
        "conversion_metric": {"name": "b"},
        "entity": "customer",
        "window": "7 days",
    }
    made = imported(simple("a"), simple("b"), other("c", "conversion", {"conversion_type_params": params}))
    assert "`conversion: {base: a, then: b, entity: customer, within: 7 days}`" in why(made, "c")


@pytest.mark.parametrize(
    "offset", [{"offset_window": {"count": 1, "granularity": "month"}}, {"offset_to_grain": "month"}]
)
def test_an_offset_is_left_out(offset: dict[str, Any]) -> None:
    inputs = {"expr": "a - b", "metrics": [{"name": "a"}, {"name": "a", "alias": "b", **offset}]}
    assert "it takes 'a' as it was" in why(imported(simple("a"), other("d", "derived", inputs)), "d")


@pytest.mark.parametrize(("fill", "note"), [(0, ""), (None, ""), (5, "not filled with 5")])
def test_what_is_put_in_place_of_nothing(fill: int | None, note: str) -> None:
    made = imported(simple(params={"fill_nulls_with": fill, "join_to_timespine": True}))
    assert (note in differs(made, "m")) if note else "m" in {item.name for item in made.of("carried")}


# Tables


def test_entities_become_keys_and_references() -> None:
    twin = model(
        "profiles",
        defaults=None,
        dimensions=[],
        entities=[
            {"name": "customer", "type": "unique", "expr": "customer_id"},
            {"name": "region", "type": "foreign", "expr": "upper(region)"},
        ],
    )
    made = imported(models=(model(), CUSTOMERS, twin))
    assert made.tables["orders"]["key"] == "order_id"
    assert made.tables["orders"]["entities"] == {"customer": "customer_id"}
    assert made.tables["profiles"] == {
        "key": "customer_id",
        "entities": {"customer": "customer_id"},
        "one_to_one": ["customer"],
    }
    assert "the own table of 'customer' is 'customers'" in differs(made, "profiles")
    assert "not a column" in why(made, "region")


def test_a_slowly_changing_table_becomes_history() -> None:
    validity = {"time_granularity": "day", "validity_params": {"is_start": True, "is_end": False}}
    ends = {"time_granularity": "day", "validity_params": {"is_start": False, "is_end": True}}
    plans = model(
        "plans",
        defaults=None,
        entities=[{"name": "plan", "type": "natural", "expr": "plan_id"}],
        dimensions=[day("since", type_params=validity), day("until", type_params=ends), dimension("tier")],
    )
    assert imported(models=(plans,)).tables["plans"] == {
        "key": "plan_id",
        "entity": "plan",
        "history": {"valid_from": "since", "valid_to": "until"},
        "dimensions": ["tier"],
    }


def test_a_metric_dated_by_another_column_says_so() -> None:
    two = model(dimensions=[day("made_on"), day("shipped", expr="shipped_on"), day("cut", expr="date_trunc('day', t)")])
    made = imported(
        simple("a"),
        simple("b", agg_said={"agg_time_dimension": "shipped"}),
        simple("c", agg_said={"agg_time_dimension": "cut"}),
        models=(two,),
    )
    assert made.metrics == {"a": {"sum": "orders.amount"}, "b": {"sum": "orders.amount", "time": "shipped_on"}}
    assert "its time 'cut' is the expression" in why(made, "c")


def test_without_a_default_the_time_that_most_metrics_name_dates_the_table() -> None:
    two = model(defaults=None, dimensions=[day("made_on"), day("shipped")])
    late = {"agg_time_dimension": "shipped"}
    made = imported(simple("a"), simple("b", agg_said=late), simple("c", agg_said=late), models=(two,))
    assert made.tables["orders"]["time"] == "shipped"
    assert made.metrics["a"]["time"] == "made_on"


def test_a_saved_query_is_named_with_the_question_to_ask() -> None:
    params = {"metrics": ["a"], "group_by": ["TimeDimension('metric_time', 'week')", "Dimension('order__status')"]}
    made = imported(simple("a"), saved_queries=[{"name": "weekly", "query_params": params}])
    assert "`steelyard query a --by week --by status`" in why(made, "weekly")


def test_what_is_not_known_is_said() -> None:
    made = imported(
        {**simple("a"), "threshold": 3, "config": {"meta": {"tier": 1}}, "time_granularity": "week"}, hooks=[1]
    )
    said = {item.name for item in made.of("left out") if item.what == "key"}
    assert said == {"threshold", "meta", "time_granularity", "hooks"}


def test_what_is_no_mapping_in_a_list_is_said() -> None:
    made = imported(simple("a"), models=(model(entities=["order"], measures={"a": 1}),), saved_queries=["weekly"])
    said = {item.place: item.reason for item in made.of("left out") if item.what == "entry"}
    assert "'weekly' is not one of" in said[""]
    assert set(said) == {"", "semantic_models.orders"}


NONSENSE = st.sampled_from([None, 3, "x", "", True, [], [1], [[]], [{}], {"a": 1}, "{{ x", "a b;c", [None]])


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(["shop_without_measures.semantic_manifest.json", "shop_without_measures.osi_document.json"]),
    data=st.data(),
)
def test_a_file_with_nonsense_anywhere_is_read_or_refused_and_never_breaks(name: str, data: st.DataObject) -> None:
    said = json.loads((FIXTURES / name).read_text())
    *way, last = data.draw(st.sampled_from(list(places(said))))
    inner = said
    for key in way:
        inner = inner[key]
    inner[last] = data.draw(NONSENSE)
    read = import_ossie if "osi" in name else import_semantic_manifest
    try:
        text = read(said, name).yaml()
    except DefinitionError as error:
        text = f"where: {error.where}"
    assert isinstance(yaml.safe_load(text) or {}, dict)


# Names and circles


def test_a_name_that_no_metric_can_have_is_changed_and_that_is_said(read_back: ReadBack) -> None:
    made = imported(simple("Net Revenue"), simple("net_revenue"), simple("7day"))
    assert list(made.metrics) == ["net_revenue", "net_revenue_2", "m_7day"]
    assert next(item.reason for item in made.of("renamed") if item.name == "7day") == "it is called m_7day here"
    assert read_back(made).problems == ()


def test_a_circle_of_metrics_is_left_out_and_the_rest_carried() -> None:
    made = imported(
        other("a", "derived", {"expr": "b", "metrics": [{"name": "b"}]}),
        other("b", "derived", {"expr": "a", "metrics": [{"name": "a"}]}),
        simple("c"),
    )
    assert set(made.metrics) == {"c"}
    assert "it goes in a circle: a -> b -> a" in why(made, "a")
    assert "it goes in a circle: a -> b -> a" in why(made, "b")


def test_two_of_one_name_are_both_left_out() -> None:
    made = imported(simple("a"), simple("a", agg="count", expr="1"), models=(model(), CUSTOMERS, model("customers")))
    assert not made.metrics
    assert "two metrics of the name 'a'" in why(made, "a")
    assert set(made.tables) == {"orders"}


def test_two_models_of_one_table_are_one_table() -> None:
    twin = model("twin", node_relation={"alias": "orders", "schema_name": "main"})
    made = imported(simple("a", agg_said={"semantic_model": "twin"}), models=(model(), twin))
    assert set(made.tables) == {"orders"}
    assert "was not carried over: its table 'orders' is the semantic model 'orders' already" in why(made, "a")


# Files that are none


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "this is not JSON"),
        ("[]", "not an object"),
        ("{}", "of no format that is known; it has nothing"),
        ('{"rows": []}', "of no format that is known; it has rows"),
        ('{"nodes": {}, "metadata": {}}', "this is dbt's manifest.json"),
        (
            '{"semantic_models": [], "metrics": [], "project_configuration": {"dsi_package_version": '
            '{"major_version": "2", "minor_version": "1", "patch_version": null}}}',
            "of the version '2.1'",
        ),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(DefinitionError, match=says) as caught:
        import_definitions(path)
    assert str(path) in caught.value.where


def test_a_format_that_is_asked_for_and_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"version": "0.2.0.dev0", "semantic_model": []}')
    with pytest.raises(DefinitionError, match="no semantic manifest"):
        import_definitions(path, format="semantic-manifest")
    with pytest.raises(DefinitionError, match="no format named 'ossi'"):
        import_definitions(path, format="ossi")
    with pytest.raises(DefinitionError, match="no file"):
        import_definitions(tmp_path / "gone.json")


@pytest.mark.parametrize("broken", [None, 3, "x", [1], {"a": 1}])
@pytest.mark.parametrize("key", ["defaults", "node_relation", "entities", "dimensions", "measures", "config"])
def test_a_manifest_with_nonsense_in_it_is_read_as_far_as_it_goes(key: str, broken: Any) -> None:
    made = imported(simple("a"), models=(model(**{key: broken}), CUSTOMERS))
    assert "a" in {item.name for item in made.items}


@pytest.mark.parametrize("broken", [None, 3, "x", [1], {"a": 1}])
@pytest.mark.parametrize(
    "key", ["measure", "numerator", "metrics", "expr", "cumulative_type_params", "conversion_type_params", "filter"]
)
def test_a_metric_with_nonsense_in_it_is_left_out(key: str, broken: Any) -> None:
    for kind in ("simple", "ratio", "derived", "cumulative", "conversion"):
        made = imported(other("a", kind, {key: broken}), other("b", kind, {}, filter=broken))
        assert {"a", "b"} <= {item.name for item in made.of("left out")}


@pytest.mark.parametrize(("text", "code"), [("a\x00b", "U+0000"), ("\ud800", "U+D800"), ("\x1b[31m", "U+001B")])
def test_text_that_no_file_can_hold_is_refused_with_its_place(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"semantic_models": [model()], "metrics": [{"name": text}]}))
    with pytest.raises(DefinitionError, match=re.escape(f"metrics[0].name has the character {code}")):
        import_definitions(path)


def test_a_name_of_any_length_is_written_as_one_key(tmp_path: Path, read_back: ReadBack) -> None:
    name = "t" * 200
    said = {**model(), "node_relation": {"alias": name, "schema_name": "marts"}}
    made = imported(simple("a"), models=(said,))
    assert list(read_back(made).tables) == [name]


def test_a_saved_query_that_lists_nothing_is_left_out_as_any(tmp_path: Path) -> None:
    saved = {"name": "s", "query_params": {"group_by": -1, "metrics": True}}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"semantic_models": [model()], "metrics": [], "saved_queries": [saved]}))
    left = [item.nearest for item in import_definitions(path).of("left out") if item.what == "saved query"]
    assert left == ["`steelyard query`"]


@pytest.mark.parametrize("expr", ["-1", "NULL", "'a'", "1 + 1"])
@pytest.mark.parametrize("agg", ["sum", "average", "median", "count_distinct", "sum_boolean"])
def test_an_aggregate_of_no_column_is_left_out(agg: str, expr: str) -> None:
    made = imported(simple("a", agg=agg, expr=expr))
    assert "a" not in made.metrics
    assert "column" in why(made, "a")


def test_a_window_without_end_is_left_out() -> None:
    nested = {"cumulative_type_params": {"metric": {"name": "a"}, "window": {"count": 1e400, "granularity": "day"}}}
    assert "is no window" in why(imported(simple("a"), other("w", "cumulative", nested)), "w")


def test_a_semantic_model_without_a_name_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"semantic_models": [{"measures": []}], "metrics": []}))
    assert [item.what for item in import_definitions(path).of("left out")] == ["semantic model"]
