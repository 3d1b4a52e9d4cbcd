"""Spark gives the same numbers as DuckDB: on a cluster of its own, whose sessions have other settings than ours."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, WarehouseError
from steelyard.metrics import UnitMetric, query, unit_table
from steelyard.studies.experiments import (
    Assignment,
    Count,
    Effect,
    Experiment,
    Exposure,
    Mean,
    Quantile,
    Ratio,
    Share,
)
from steelyard.studies.experiments.allocation import Allocation
from steelyard.studies.experiments.assignment import drawn
from steelyard.studies.experiments.assignment_sql import assignment_select
from steelyard.studies.experiments.many_buckets import many_buckets
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import run
from steelyard.warehouse import Query, Store, Warehouse, connect
from steelyard.warehouse.arrow_types import settle_types
from steelyard.warehouse.bucket import bucket

pytestmark = pytest.mark.spark
TESTS = Path(__file__).parents[1]


def _module(place: str) -> ModuleType:
    spec = spec_from_file_location(Path(place).stem, TESTS / place)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ENGINES = _module("contract/test_engines.py")
LIMITS = _module("warehouse/test_engine_limits.py")
SHOP = _module("metrics/conftest.py")
PLAIN = "hostile"  # Spark's own catalog gives a table no other name than of letters, digits and _
BEYOND_64_BITS = "big whole numbers"


@pytest.fixture(scope="module")
def spark(spark_url: str) -> Iterator[Warehouse]:
    with connect(spark_url) as warehouse:
        yield warehouse


def _in_views(tables: Mapping[str, pa.Table]) -> Warehouse:
    """The tables as temporary views of a session of their own, which `connect` is given open."""
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    assert active is not None
    session = active.newSession()
    session.conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ")
    for name, table in tables.items():
        session.createDataFrame(settle_types(table)).createOrReplaceTempView(name)
    return connect(session)


@pytest.fixture(scope="module")
def both(spark: Warehouse) -> tuple[Warehouse, Warehouse]:
    tables = dict(ENGINES._tables())
    plain = {PLAIN: tables[ENGINES.HOSTILE], **{name: table for name, table in tables.items() if name.isidentifier()}}
    return connect(tables), _in_views(plain)


def _asked(shape: str) -> Query:
    query = ENGINES._query(shape)
    sql = query.sql.replace(f'"{ENGINES.HOSTILE}"', PLAIN).replace('"Ünïcode.with.dots"', PLAIN)
    return Query(sql=sql, parameters=query.parameters)


@pytest.mark.parametrize("shape", [shape for shape in ENGINES.SHAPES if shape != BEYOND_64_BITS])
def test_a_shape_has_one_answer(shape: str, both: tuple[Warehouse, Warehouse]) -> None:
    duck, spark = both
    ENGINES._same(duck.fetch(ENGINES._query(shape)), spark.fetch(_asked(shape)))


def test_a_sum_beyond_64_bits_is_an_error_that_says_what_to_do(both: tuple[Warehouse, Warehouse]) -> None:
    duck, spark = both
    with pytest.raises(DataError, match="overflow") as caught:
        spark.fetch(ENGINES.SHAPES[BEYOND_64_BITS])
    assert "DECIMAL(38, 0)" in caught.value.hint
    told = "SELECT sum(CAST(big AS DECIMAL(38, 0))) AS s, max(big) AS m FROM orders"
    ENGINES._same(duck.fetch(told), spark.fetch(told))


# What an engine does at its limits


@pytest.fixture(scope="module")
def limits(spark: Warehouse) -> Warehouse:
    spark.write("limits", LIMITS.ORDERS)
    return spark


@pytest.mark.parametrize(
    "promise",
    [
        LIMITS.test_it_says_where_it_is_and_what_it_is,
        LIMITS.test_more_rows_than_the_limit_are_an_error_and_never_cut,
        LIMITS.test_a_time_limit_ends_the_query_and_nothing_else,
        LIMITS.test_another_thread_may_cancel,
        LIMITS.test_an_unknown_name_says_what_is_near,
    ],
    ids=lambda promise: promise.__name__,
)
def test_a_promise_of_every_engine_is_kept(promise: Any, limits: Warehouse) -> None:
    promise(limits)


def test_rows_are_replaced_and_appended_by_name(spark: Warehouse) -> None:
    assert spark.write("written", pa.table({"a": [1, 2], "b": ["x", None]})) == 2
    assert spark.write("written", pa.table({"b": ["y"], "a": [3]}), mode="append") == 1
    assert spark.fetch("SELECT a, b FROM written ORDER BY a")["b"].to_pylist() == ["x", None, "y"]
    with pytest.raises(DataError, match="written"):
        spark.write("written", pa.table({"c": [1]}), mode="append")
    spark.write("written", pa.table({"c": [1]}))
    assert spark.columns("written") == {"c": "BIGINT"}
    with pytest.raises(DefinitionError, match="drop table"):
        spark.write("order; drop table x", pa.table({"a": [1]}))


@pytest.mark.parametrize(
    ("sql", "words"),
    [("SELECT CAST('10:00' AS TIME) AS t", "TIME"), ("SELECT clock AT TIME ZONE 'UTC' AS t FROM orders", "ZONE")],
)
def test_what_spark_cannot_tell_is_refused(sql: str, words: str, both: tuple[Warehouse, Warehouse]) -> None:
    with pytest.raises(DefinitionError, match=words):
        both[1].fetch(sql)


def test_an_open_session_is_read_with_its_views_and_none_of_its_settings_changes(spark: Warehouse) -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    session.createDataFrame([(1, "a"), (2, None)], "id INT, label STRING").createOrReplaceTempView("shown")
    before = session.conf.get("spark.sql.session.timeZone")
    with connect(session) as warehouse:
        assert "shown" in warehouse.tables()
        assert warehouse.columns("shown") == {"id": "INTEGER", "label": "VARCHAR"}
        sql = (
            "SELECT count(label) AS n, local_date(CAST('2026-01-01 23:00:00+00' AS TIMESTAMPTZ), 'UTC') AS d FROM shown"
        )
        [row] = warehouse.fetch(sql).to_pylist()
        assert (row["n"], str(row["d"])) == (1, "2026-01-01")
    assert session.conf.get("spark.sql.session.timeZone") == before == "Asia/Tokyo"
    assert session.sql("SELECT 1").count() == 1


def test_an_address_at_which_nobody_listens_is_said_at_once(spark: Warehouse) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(WarehouseError, match="already"):  # one process, one application
            connect(f"spark://127.0.0.1:{silent.getsockname()[1]}")
    with pytest.raises(DefinitionError, match=r"executor\.memory"):
        connect("spark://127.0.0.1:7077?executor.memory=1g")


# The same bucket, the same arm

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=80)
_IDS = st.one_of(_TEXTS, st.uuids().map(str), st.integers().map(str), st.text("ab", min_size=60, max_size=70))
_NASTY = ["", " ", "'", "\\", "\\'", '"', "${x}", "a:b", ":", "ä", "東京", "👩‍👩‍👧", "é", "é", "-0", "-17", "x" * 5_000]
_WHOLE = [0, 1, -1, 42, -17, 2**31, -(2**31) - 1, 2**62, 2**63 - 1, -(2**63)]


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres), "spark"])
def engine(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    if request.param == "spark":
        yield request.getfixturevalue("spark")
        return
    source = request.getfixturevalue("postgres_url") if request.param == "postgres" else "duckdb://"
    with connect(source) as warehouse:
        yield warehouse


@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(salt=st.sampled_from(["checkout:arm", "it's", "\\ä:"]), ids=st.lists(_IDS, min_size=10, max_size=40))
def test_a_text_has_one_bucket_everywhere(engine: Warehouse, salt: str, ids: list[str]) -> None:
    every = sorted({*ids, *_NASTY, str(UUID(int=7))})
    engine.write("bucket_texts", pa.table({"id": every}))
    asked = Query(sql="SELECT id, bucket($salt, id) AS b FROM bucket_texts", parameters={"salt": salt})
    found = {row["id"]: row["b"] for row in engine.fetch(asked).to_pylist()}
    assert found == dict(zip(every, many_buckets(salt, every).tolist(), strict=True))
    assert found == {identity: bucket(salt, identity) for identity in every}


def test_a_whole_number_has_one_bucket_everywhere(engine: Warehouse) -> None:
    engine.write("bucket_numbers", pa.table({"id": pa.array(_WHOLE, pa.int64())}))
    rows = engine.fetch("SELECT id, bucket('checkout', id) AS b FROM bucket_numbers").to_pylist()
    assert {row["id"]: row["b"] for row in rows} == {identity: bucket("checkout", identity) for identity in _WHOLE}
    assert many_buckets("checkout", _WHOLE).tolist() == [bucket("checkout", identity) for identity in _WHOLE]


def test_a_unit_has_one_arm_and_stage_over_a_ramp_everywhere(engine: Warehouse) -> None:
    ramp = Allocation(name="one_page", layer="checkout", layer_held_out=0.05, held_out=0.02)
    for share, arms in (
        (0.05, {"control": 0.9, "a": 0.1}),
        (0.20, {"control": 0.5, "a": 0.25, "b": 0.25}),
        (1.00, {"control": 0.5, "a": 0.25, "b": 0.25}),
    ):
        ramp = ramp.with_stage(share, arms, "control")
    ids = [*range(-400, 400), *_WHOLE[5:]]
    engine.write("ramp_units", pa.table({"id": pa.array([*ids, None], pa.int64())}))
    rows = engine.fetch(assignment_select(ramp, "ramp_units", "id")).to_pylist()
    found = drawn(ramp, ids)
    want = {
        identity: (arm, stage)
        for identity, arm, stage in zip(ids, found.arms.to_pylist(), found.stages.tolist(), strict=True)
        if stage
    }
    assert {row["unit"]: (row["arm"], row["stage"]) for row in rows} == want
    assert {arm for arm, _ in want.values()} == {"control", "a", "b"}


# Metrics, stores, experiments

QUESTIONS: tuple[dict[str, Any], ...] = (
    {"metrics": ["revenue", "orders", "average_order", "buyers", "line_value", "visits"]},
    {"metrics": ["orders", "visits", "orders_per_visit"], "by": ["month", "channel"]},
    {"metrics": ["revenue", "average_order"], "by": ["week"], "since": "2026-01-05", "until": "2026-01-25"},
)


@pytest.fixture(scope="module")
def shops(spark: Warehouse) -> tuple[Warehouse, Warehouse]:
    return connect(SHOP.shop_tables()), _in_views(SHOP.shop_tables())


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_a_question_to_the_metrics_has_one_answer(shops: tuple[Warehouse, Warehouse], question: dict[str, Any]) -> None:
    asked = {name: value for name, value in question.items() if name != "metrics"}
    catalog = SHOP.shop_catalog(week_start="sunday", zone="America/New_York")
    duck, there = (query(catalog, one, question["metrics"], **asked) for one in shops)
    ENGINES._same(duck.table, there.table)


def test_a_governed_unit_table_is_the_same(shops: tuple[Warehouse, Warehouse]) -> None:
    values = {
        "spend": UnitMetric(metric="revenue", at="seen_at", after=7),
        "visited": UnitMetric(metric="visits", at="seen_at", before=7, part="any"),
        "mean": UnitMetric(metric="average_order"),
    }
    units = "SELECT customer_id AS customer, CAST('2026-01-06T00:00:00Z' AS TIMESTAMPTZ) AS seen_at FROM customers"
    found = []
    for one in shops:
        types = {name: one.columns(name) for name in SHOP.shop_tables()}
        catalog = SHOP.shop_catalog(zone="Asia/Tokyo")
        sql = unit_table(catalog, entity="customer", units=units, values=values, types=types)
        found.append(one.fetch(sql).sort_by("customer"))
    ENGINES._same(*found)


def test_spark_reads_the_files_of_a_store(spark: Warehouse, tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    store, orders = Store.open(tmp_path / "store"), ENGINES._orders()
    store.write("first", lambda change: change.create("orders", orders))
    store.write("more", lambda change: change.create("orders", orders.slice(0, 5), mode="append"))
    files = [str(store.folder / file.path) for file in store.table("orders").files]
    assert len(files) == 2
    active = SparkSession.getActiveSession()
    assert active is not None
    session = active.newSession()
    session.read.parquet(*files).createOrReplaceTempView("orders")
    sql = "SELECT * FROM orders ORDER BY id, amount"
    ENGINES._same(store.warehouse().fetch(sql), connect(session).fetch(sql))


NOW = datetime(2026, 4, 1, tzinfo=UTC)


def _experiment_tables() -> dict[str, pa.Table]:
    random, n = np.random.default_rng(1), 600
    arm = np.array(["control", "b"])[np.arange(n) % 2]
    before = random.gamma(2.0, 2.0, n)
    sessions = random.poisson(2.0, n) + 1
    at = [NOW - timedelta(hours=int(i)) for i in range(n)]
    units = {
        "user_id": np.arange(n),
        "store": np.arange(n) // 10,
        "arm": arm,
        "device": np.array(["phone", "desktop"])[random.integers(0, 2, n)],
        "spend": [None if i % 50 == 0 else x for i, x in enumerate(before + random.normal(size=n) + (arm == "b"))],
        "spend_before": before,
        "converted": (random.random(n) < 0.2 + 0.05 * (arm == "b")).astype(int),
        "orders": random.binomial(sessions, 0.3).astype(float),
        "sessions": sessions.astype(float),
        "latency": random.gamma(9.0, 20.0, n),
    }
    return {
        "units": pa.table(units),
        "flags": pa.table({"user_id": np.arange(n), "flag": arm, "at": at}),
        "seen": pa.table({"user_id": np.arange(0, n, 3), "seen_at": at[::3]}),
    }


EXPERIMENTS: dict[str, dict[str, Any]] = {
    "by hash, with CUPED, a ratio and segments": {
        "assignment": "steelyard",
        "primary": Mean("spend", covariate="spend_before", min_effect=Effect(relative=0.01)),
        "secondary": (Share("converted"), Ratio("orders", "sessions")),
        "guardrails": (Mean("latency", better="down", margin=Effect(relative=0.05)),),
        "segments": ("device",),
    },
    "assigned elsewhere, exposed, with a window": {
        "assignment": Assignment(table="flags", arm="flag", at="at"),
        "exposure": Exposure(table="seen", at="seen_at"),
        "primary": Mean("spend", window="7 days", covariate="spend_before"),
        "secondary": (Ratio("orders", "sessions"),),
    },
    "quantiles and counts": {
        "assignment": Assignment(),
        "primary": Mean("latency"),
        "secondary": (Quantile("latency", 0.9), Count("orders")),
        "segments": ("device",),
    },
    "quantiles within strata": {
        "assignment": Assignment(),
        "primary": Quantile("latency", 0.5),
        "secondary": (Quantile("latency", 0.9),),
        "strata": ("device",),
    },
    "clusters by hash": {
        "assignment": "steelyard",
        "cluster": "store",
        "primary": Mean("latency"),
        "secondary": (Ratio("orders", "sessions"),),
    },
    "winsorised": {"assignment": Assignment(), "primary": Mean("latency", winsorise=0.95)},
}


@pytest.mark.parametrize("how", EXPERIMENTS)
def test_an_experiment_has_the_same_numbers(how: str, spark: Warehouse) -> None:
    arms = {"control": 0.5, "b": 0.5}
    study = Experiment(
        name="test", question="Does it help?", arms=arms, table="units", unit="user_id", **EXPERIMENTS[how]
    )
    tables = _experiment_tables()
    there, here = run(study, _in_views(tables), as_of=NOW), run(study, connect(tables), as_of=NOW)
    assert list(numbers_moved(here, there)) == []
    assert there.verdict == here.verdict
    assert there.estimates[0].n > 0
    assert set(there.tables) == set(here.tables)
