"""The traps that every other metrics layer falls into: each question is answered right, or refused with its reason."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import DataError, DefinitionError, SteelyardError
from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio, analyse, offending_keys, query, read_metrics
from steelyard.metrics.attribution import lmdi, shapley
from steelyard.metrics.local_hours import day_bounds
from steelyard.warehouse import TableDeclaration, Warehouse, connect
from steelyard.warehouse.wall_clock import wall_clock_kind

Rows = list[tuple[Any, ...]]


@dataclass
class Case:
    """One trap, loaded: its tables in a warehouse, and the folder for definitions of its own."""

    warehouse: Warehouse
    folder: Path

    def yaml(self, text: str, **settings: Any) -> MetricCatalog:
        path = self.folder / "metrics.yml"
        path.write_text(text, encoding="utf-8")
        return read_metrics([path], **settings)

    def rows(self, catalog: MetricCatalog, metrics: Sequence[str], **asked: Any) -> Rows:
        return [tuple(row.values()) for row in query(catalog, self.warehouse, metrics, **asked).rows()]


# 01: fan-out

ORDERS = TableDeclaration(name="orders", key=("order_id",), entity="order", time="order_date", dimensions=("order_id",))
ITEMS = TableDeclaration(
    name="order_items",
    key=("order_id", "line_no"),
    entities={"order": ("order_id",), "product": ("product_id",)},
    dimensions=("product_id",),
)
PRODUCTS = TableDeclaration(name="products", key=("product_id",), entity="product", dimensions=("category",))
FANOUT = MetricCatalog.of(
    tables=[ORDERS, ITEMS, PRODUCTS],
    metrics=[
        Metric(name="shipping_fee", sum="orders.shipping_fee"),
        Metric(name="revenue", sum="order_items.qty * order_items.unit_price"),
        Metric(name="orders", count="orders"),
        Metric(name="orders_with_lines", distinct="order_items.order_id"),
        Metric(name="lines", count="order_items"),
        Metric(name="aov", ratio=Ratio(numerator="revenue", denominator="orders")),
        Metric(name="avg_fee", mean="orders.shipping_fee"),
    ],
)


def fanout_q1(case: Case) -> Rows:
    return case.rows(FANOUT, ["shipping_fee", "revenue", "orders", "lines"])


def fanout_q2(case: Case) -> Rows:
    return case.rows(FANOUT, ["revenue", "orders_with_lines"], by="category")


def fanout_q3(case: Case) -> Rows:
    """Of the orders that contain any; the parts overlap, and the answer says so."""
    answer = query(FANOUT, case.warehouse, ["shipping_fee"], by="category", where="category IS NOT NULL")
    assert any("overlap" in note for note in answer.notes)
    return [tuple(row.values()) for row in answer.rows()]


def fanout_q4(case: Case) -> Rows:
    return case.rows(FANOUT, ["aov", "avg_fee"])


# 03: balances


BALANCES = """
tables:
  accounts: {key: account_id, entity: account, dimensions: [region]}
  balances: {key: [account_id, snapshot_date], time: snapshot_date, entities: {account: account_id}}
metrics:
  end_of_period: {balance: {of: balances.balance, policy: end_of_period}}
  last_in_period: {balance: {of: balances.balance, policy: last_in_period}}
  carried_forward: {balance: {of: balances.balance, policy: carried_forward, per: account}}
"""


def balance(policy: str) -> Callable[[Case], Rows]:
    def answer(case: Case) -> Rows:
        return [(month(at), level) for at, level in case.rows(case.yaml(BALANCES), [policy], by="month")]

    return answer


def balance_q4(case: Case) -> Rows:
    return case.rows(case.yaml(BALANCES), ["carried_forward"], by="region", until="2025-03-31")


# 04: ratios

RATIO = MetricCatalog.of(
    tables=[TableDeclaration(name="daily", key=("day", "country"), time="day", dimensions=("country",))],
    metrics=[
        Metric(name="cr", ratio=Ratio(numerator=Measure(sum="daily.orders"), denominator=Measure(sum="daily.sessions")))
    ],
)


def iso_week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def ratio_q3(case: Case) -> Rows:
    return [(iso_week(day), value) for day, value in case.rows(RATIO, ["cr"], by="week")]


# 07: deduplication


ONCE = """
tables:
  raw_orders:
    key: order_key
    dimensions: [order_key, is_ambiguous]
    deduplicate: {key: [upper(trim(order_key))], latest: [updated_at, seq], deleted: "op = 'D'"}
metrics:
  revenue: {sum: raw_orders.amount}
  amount: {mean: raw_orders.amount}
  keys: {count: raw_orders}
  ambiguous: {count: raw_orders, where: is_ambiguous}
"""


def once_q1(case: Case) -> Rows:
    found = case.rows(case.yaml(ONCE), ["amount"], by=["order_key", "is_ambiguous"])
    return [(key, amount, ambiguous) for key, ambiguous, amount in found]


def once_q2(case: Case) -> Rows:
    """The raw rows are those that count and those that do not, which every answer counts."""
    found = query(case.yaml(ONCE), case.warehouse, ["revenue", "keys", "ambiguous"])
    fact = found.how.facts[0]
    return [(*found.rows()[0].values(), fact.rows + fact.superseded)]


# 08: time zones


def zoned(zone: str) -> MetricCatalog:
    return MetricCatalog.of(
        tables=[
            TableDeclaration(name="events", key=("event_id",), time="ts_utc", zone="UTC", dimensions=("store_id",))
        ],
        metrics=[Metric(name="events", count="events"), Metric(name="amount", sum="events.amount")],
        zone=zone,
    )


def zone_q1(case: Case) -> Rows:
    found = case.rows(zoned("America/New_York"), ["events"], by="day", where="store_id = 'ny'", fill=False)
    return [(str(day), count) for day, count in found]


OWN_ZONES = """
tables:
  stores: {key: store_id, entity: store}
  events: {key: event_id, time: ts_utc, zone: UTC, zone_of_day: stores.tz, entities: {store: store_id}}
metrics:
  amount: {sum: events.amount}
"""


def zone_q2(case: Case) -> Rows:
    found = case.rows(case.yaml(OWN_ZONES), ["amount"], by=["day", "store"], fill=False)
    return [(store, str(day), amount) for day, store, amount in found]


def zone_q3(case: Case) -> Rows:
    day = date(2025, 11, 2)
    found = case.rows(zoned("America/New_York"), ["events"], by="hour", where="store_id = 'ny'", since=day, until=day)
    return [(f"{hour:%Y-%m-%d %H:%M}", f"{hour:%z}", count) for hour, count in found if count]


def zone_q4(case: Case) -> Rows:
    """The length of a local day, from its bounds."""
    days = (date(2025, 3, 8), date(2025, 3, 9), date(2025, 11, 1), date(2025, 11, 2))
    bounds = {day: day_bounds(day, "America/New_York") for day in days}
    return [(str(day), (after - first) / timedelta(hours=1)) for day, (first, after) in bounds.items()]


def zone_q5(case: Case) -> Rows:
    """What each wall clock time is; a question to a metric of these rows says how many of them are doubtful."""
    rows = case.warehouse.fetch("SELECT row_id, ts_local FROM local_log").to_pylist()
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="local_log", key=("row_id",), time="ts_local", zone="America/New_York")],
        metrics=[Metric(name="logged", count="local_log")],
    )
    notes = query(catalog, case.warehouse, "logged", by="day").notes
    kinds = [(row["row_id"], wall_clock_kind(row["ts_local"], "America/New_York")) for row in rows]
    for kind, says in (("ambiguous", "came twice"), ("nonexistent", "never came")):
        count = sum(found == kind for _, found in kinds)
        assert any(f"{count} rows of local_log have a wall clock time that {says}" in note for note in notes)
    return kinds


# 10: windows


SALES = """
tables:
  sales: {key: [day, store], time: day, dimensions: [store]}
metrics:
  amount: {sum: sales.amount}
  r7: {rolling: {of: amount, days: 7}}
  a7: {rolling: {of: amount, days: 7, average: true, warm_up: missing}}
  mtd: {period_to_date: {of: amount, period: month}}
"""


def window(metric: str, **asked: Any) -> Callable[[Case], Rows]:
    def answer(case: Case) -> Rows:
        found = query(case.yaml(SALES), case.warehouse, metric, **{"by": "day", **asked}).rows()
        return [tuple(str(value) if isinstance(value, date) else value for value in row.values()) for row in found]

    return answer


def by_store(case: Case) -> Rows:
    asked = window("r7", by=["store", "day"], since="2025-02-05", until="2025-02-12")
    return [(store, day, amount) for day, store, amount in asked(case)]


# 12, 17: retention, funnels


COHORTS = """
tables:
  signups: {key: user_id, entity: user, time: signup_date}
  activity: {time: activity_date, entities: {user: user_id}}
cohorts:
  retained: {start: {table: signups}, activity: {table: activity}, cohort: week, every: 7 days, periods: 4}
"""


def triangle(case: Case) -> Rows:
    found = analyse(case.yaml(COHORTS), case.warehouse, "retained", complete_through="2025-03-30").rows()
    return [(str(row["cohort"]), row["k"], row["size"], row["retained"], row["rate"]) for row in found]


def pooled(case: Case) -> Rows:
    found = analyse(case.yaml(COHORTS), case.warehouse, "retained", complete_through="2025-03-30").rows("pooled")
    return [(row["retained"], row["eligible"], row["rate"]) for row in found if row["k"] == 1]


FUNNEL = """
tables:
  events: {key: [user_id, ts, seq], time: ts, entities: {user: user_id}, dimensions: [step]}
funnels:
  buying:
    table: events
    sequence: seq
    window: 24 hours
    start: START
    steps:
      - {name: view, where: "step = 'view'"}
      - {name: cart, where: "step = 'cart'"}
      - {name: purchase, where: "step = 'purchase'"}
"""


def funnel(start: str) -> Callable[[Case], Rows]:
    def answer(case: Case) -> Rows:
        found = analyse(case.yaml(FUNNEL.replace("START", start)), case.warehouse, "buying").rows()
        return [(row["step"], row["entities"]) for row in found]

    return answer


# 14: attribution

FACTORS = ("visitors", "visit_to_cart", "cart_to_checkout", "checkout_to_order", "aov")


def scenarios(case: Case) -> Iterator[tuple[str, list[float], list[float]]]:
    rows = case.warehouse.fetch("SELECT * FROM tree").to_pylist()
    for scenario in sorted({row["scenario"] for row in rows}):
        sides = {row["period"]: [float(row[name]) for name in FACTORS] for row in rows if row["scenario"] == scenario}
        yield scenario, sides["before"], sides["after"]


def by_shapley(case: Case) -> Rows:
    return [
        (name, factor, part)
        for name, before, after in scenarios(case)
        for factor, part in zip(FACTORS, shapley(before, after), strict=True)
    ]


def by_lmdi(case: Case) -> Rows:
    return [
        (name, factor, part)
        for name, before, after in scenarios(case)
        for factor, part in zip(FACTORS, lmdi(before, after) or (None,) * len(FACTORS), strict=True)
    ]


def changes(case: Case) -> Rows:
    found = [(name, math.prod(before), math.prod(after)) for name, before, after in scenarios(case)]
    return [(name, before, after, after - before) for name, before, after in found]


# 20: NULLs and exclusion

STATUS = MetricCatalog.of(
    tables=[
        TableDeclaration(name="orders", key=("order_id",), dimensions=("status", "country")),
        TableDeclaration(name="blocklist", dimensions=("country",)),
    ],
    metrics=[
        Metric(name="revenue", sum="orders.amount", exclude="status IN ('cancelled', 'test')"),
        Metric(name="orders", count="orders", exclude="status IN ('cancelled', 'test')"),
        Metric(name="all_revenue", sum="orders.amount"),
        Metric(name="avg_ignore_null", mean="orders.amount"),
        Metric(name="avg_null_as_zero", mean="coalesce(orders.amount, 0)"),
    ],
)


def null_q1(case: Case) -> Rows:
    return case.rows(STATUS, ["revenue", "orders"])


def null_q2(case: Case) -> Rows:
    """The list in a table, whose NULLs match nothing; SQL of one's own is refused."""
    with pytest.raises(DefinitionError):
        case.rows(STATUS, ["all_revenue"], where="country NOT IN (SELECT country FROM blocklist)")
    return case.rows(STATUS, ["all_revenue"], where="country NOT IN blocklist.country")


def null_q3(case: Case) -> Rows:
    return case.rows(STATUS, ["avg_ignore_null", "avg_null_as_zero"])


def null_q4(case: Case) -> Rows:
    found = case.rows(STATUS, ["all_revenue"], by="country")
    return [(None if country == "(unknown)" else country, value) for country, value in found]


# 30: a false key

FALSE_KEY = MetricCatalog.of(
    tables=[
        TableDeclaration(
            name="sales", key=("sale_id",), entities={"product": ("product_id",)}, dimensions=("sale_id",)
        ),
        PRODUCTS,
    ],
    metrics=[Metric(name="amount", sum="sales.amount")],
)


def false_key_q1(case: Case) -> Rows:
    return [tuple(row.values()) for row in offending_keys(case.warehouse, PRODUCTS).to_pylist()]


def false_key_q2(case: Case) -> Rows:
    """By category it is refused, naming the keys; the total is not touched by them."""
    with pytest.raises(DataError, match=r"'p2' \(2 rows\).*'p3' \(2 rows\).*NULL \(1 row\)"):
        case.rows(FALSE_KEY, ["amount"], by="category")
    return case.rows(FALSE_KEY, ["amount"])


# 33: two time columns

TWO_TIMES = MetricCatalog.of(
    tables=[
        TableDeclaration(name="orders", key=("order_id",), entity="order", time="ordered_on"),
        TableDeclaration(name="refunds", key=("refund_id",), entities={"order": ("order_id",)}, time="refunded_on"),
    ],
    metrics=[
        Metric(name="ordered", sum="orders.amount"),
        Metric(name="shipped", sum="orders.amount", time="shipped_on", where="shipped_on IS NOT NULL"),
        Metric(name="refunds", sum="refunds.amount"),
        Metric(name="refunds_of_orders", sum="refunds.amount", time="orders.ordered_on"),
        Metric(name="rate", ratio=Ratio(numerator="refunds_of_orders", denominator="ordered")),
    ],
)


def month(day: date) -> str:
    return f"{day:%Y-%m}"


def times_q1(case: Case) -> Rows:
    found = case.rows(TWO_TIMES, ["ordered", "shipped", "refunds"], by="month")
    return [(month(at), ordered, shipped, back, ordered - back) for at, ordered, shipped, back in found]


def times_q2(case: Case) -> Rows:
    return [
        (month(at), *rest) for at, *rest in case.rows(TWO_TIMES, ["ordered", "refunds_of_orders", "rate"], by="month")
    ]


ADAPTER: dict[str, dict[str, Callable[[Case], Rows]]] = {
    "01_fanout_order_items": {"q1": fanout_q1, "q2": fanout_q2, "q3": fanout_q3, "q4": fanout_q4},
    "03_snapshot_balance": {
        "q1": balance("end_of_period"),
        "q2": balance("last_in_period"),
        "q3": balance("carried_forward"),
        "q4": balance_q4,
    },
    "04_ratio_of_sums": {
        "q1": lambda case: case.rows(RATIO, ["cr"]),
        "q2": lambda case: case.rows(RATIO, ["cr"], by="country"),
        "q3": ratio_q3,
    },
    "07_dedupe_ties": {"q1": once_q1, "q2": once_q2},
    "08_dst_time_zone": {"q1": zone_q1, "q2": zone_q2, "q3": zone_q3, "q4": zone_q4, "q5": zone_q5},
    "10_rolling_missing_dates": {
        "q1": window("r7"),
        "q2": window("a7"),
        "q3": window("r7", since="2025-02-02", until="2025-02-05"),
        "q4": window("mtd"),
        "q5": by_store,
    },
    "12_cohort_retention": {"q1": triangle, "q2": pooled},
    "14_lmdi_shapley_zero": {"q1": by_shapley, "q2": by_lmdi, "q3": changes},
    "17_funnel": {"q1": funnel("any"), "q2": funnel("first")},
    "20_null_exclusion": {"q1": null_q1, "q2": null_q2, "q3": null_q3, "q4": null_q4},
    "30_declared_key_is_false": {"q1": false_key_q1, "q2": false_key_q2},
    "33_two_time_columns": {"q1": times_q1, "q2": times_q2},
}


def load(folder: Path, case: dict[str, Any], into: Path) -> Case:
    """The case's tables with their declared types in DuckDB's memory; an empty field is NULL."""
    import duckdb

    connection = duckdb.connect()
    for name, table in case["tables"].items():
        columns = ", ".join(f'"{column}" {kind}' for column, kind in table["columns"].items())
        connection.execute(f'CREATE TABLE "{name}" ({columns})')
        with (folder / table["file"]).open(newline="", encoding="utf-8") as file:
            rows = [[value if value != "" else None for value in row] for row in list(csv.reader(file))[1:] if row]
        connection.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(table["columns"]))})', rows)
    return Case(connect(connection), into)


def matches(found: Rows, answer: list[list[Any]], tolerance: float) -> bool:
    """The same rows, in any order, within the tolerance of each number."""
    left = list(found)
    if len(left) != len(answer):
        return False
    for row in answer:
        hit = next((item for item in left if all(close(a, b, tolerance) for a, b in zip(item, row, strict=True))), None)
        if hit is None:
            return False
        left.remove(hit)
    return True


def close(one: Any, other: Any, tolerance: float) -> bool:
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(float(one), float(other), rel_tol=max(tolerance, 1e-8), abs_tol=max(tolerance, 1e-9))


def outcome(case: Case, answer: Callable[[Case], Rows], question: dict[str, Any]) -> str:
    try:
        found = answer(case)
    except SteelyardError as error:
        return "refused" if error.problem else "refused without a reason"
    return "right" if matches(found, question["answer"], question["tolerance"]) else f"silently wrong: {found}"


def test_every_trap_is_answered_right_or_refused(shared: Path, tmp_path: Path) -> None:
    folder = shared / "reference" / "metrics" / "traps"
    score: Counter[str] = Counter()
    for path in sorted(folder.glob("*/case.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        questions = {question["id"]: question for question in case["questions"]}
        assert set(ADAPTER[case["id"]]) == set(questions)
        loaded = load(path.parent, case, tmp_path)
        for name, question in questions.items():
            result = outcome(loaded, ADAPTER[case["id"]][name], question)
            score[result.split(":")[0]] += 1
            assert not result.startswith("silently wrong"), (case["id"], name, question["ask"], result)
            assert result == "right", (case["id"], name, question["ask"])
        loaded.warehouse.close()
    assert score == {"right": 38}


def test_the_adapter_finds_a_wrong_answer() -> None:
    assert not matches([("coats", 15)], [["coats", 12.5]], 1e-9)
    assert not matches([("a", 1), ("a", 1)], [["a", 1], ["b", 1]], 1e-9)
    assert matches([("b", 2), ("a", None)], [["a", None], ["b", 2.0]], 1e-9)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_sum_of_a_nan_is_an_error_that_names_the_metric(value: float) -> None:
    import pyarrow as pa

    orders = pa.table({"id": [1, 2, 3], "amount": [1.0, value, None], "country": ["DE", "FR", "DE"]})
    catalog = MetricCatalog.of(
        metrics=[Metric(name="revenue", sum="orders.amount")],
        tables=[TableDeclaration(name="orders", key=("id",), dimensions=("country",))],
    )
    with connect({"orders": orders}) as warehouse:
        with pytest.raises(DataError) as caught:
            query(catalog, warehouse, "revenue", by="country")
        assert "'revenue' is NaN or infinite in 1 of 2 rows" in caught.value.problem
        assert caught.value.hint
        assert query(catalog, warehouse, "revenue", where="country = 'DE'").rows() == [{"revenue": 1.0}]
