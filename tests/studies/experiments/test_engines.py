"""An experiment has the same numbers on every engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.metrics import Metric, MetricCatalog
from steelyard.metrics.kinds import Quantile as RowsQuantile
from steelyard.studies.experiments import Assignment, Experiment, Exposure, Mean, Quantile
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import plan, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

NOW = datetime(2026, 4, 1, tzinfo=UTC)
Make = Callable[..., Any]


@pytest.mark.postgres
@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "with gaps"])
@pytest.mark.parametrize("how", ["unit table", "by hash", "elsewhere, exposed", "heavy", "winsorised", "quantiles"])
def test_postgres_and_duckdb_agree(
    how: str, gaps: bool, postgres_url: str, units: Make, study: Callable[..., Experiment], full: Any
) -> None:
    columns = units(900)
    if how == "heavy":
        columns["spend"] = np.exp(columns["spend"])
    if gaps:
        columns["spend"] = [
            None if i % 50 == 0 else float("nan") if i % 51 == 1 else x for i, x in enumerate(columns["spend"])
        ]
    at = [NOW - timedelta(hours=int(i)) for i in range(900)]
    tables = {
        "experiment_units": pa.table(columns),
        "experiment_flags": pa.table({"user_id": np.arange(900), "flag": columns["arm"], "at": at}),
        "experiment_seen": pa.table({"user_id": np.arange(0, 900, 3), "seen_at": at[::3]}),
    }
    words: dict[str, Any] = {**full, "table": "experiment_units", "segments": ("device",)}
    if how == "by hash":
        words["assignment"] = "steelyard"
    elif how == "elsewhere, exposed":
        words["assignment"] = Assignment(table="experiment_flags", arm="flag", at="at")
        words["exposure"] = Exposure(table="experiment_seen", at="seen_at")
        words["primary"] = Mean("spend", window="7 days")
    elif how == "winsorised":
        words["primary"] = Mean("spend", covariate="spend_before", winsorise=0.95)
    elif how == "quantiles":
        words["primary"] = Quantile("spend", 0.5)
        words["secondary"] = (Quantile("latency", 0.9), Quantile("latency", 0.25), Mean("spend"))
    one = study(**words)
    with connect(postgres_url) as warehouse:
        for name, table in tables.items():
            warehouse.write(name, table)
        there = run(one, warehouse, as_of=NOW)
    here = run(one, connect(tables), as_of=NOW)
    assert list(numbers_moved(here, there)) == []
    assert there.verdict.answer == here.verdict.answer
    assert there.estimates[0].n > 0
    assert set(there.tables) == set(here.tables)
    assert ("largest" in here.tables) == (how == "heavy" and not gaps)


@pytest.mark.postgres
def test_both_replay_the_past_alike(
    postgres_url: str, units: Make, study: Callable[..., Experiment], full: Any
) -> None:
    table = pa.table(units(600))
    one = study(**{**full, "table": "replayed_units", "primary": Mean("spend", winsorise=0.95)})
    with connect(postgres_url) as warehouse:
        warehouse.write("replayed_units", table)
        there = plan(one, warehouse, as_of=NOW, replays=60)
    here = plan(one, connect({"replayed_units": table}), as_of=NOW, replays=60)
    (title,) = here.tables
    assert here.tables[title].equals(there.tables[title])


@pytest.mark.postgres
def test_quantiles_of_rows_are_the_same_on_both(postgres_url: str) -> None:
    catalog = MetricCatalog.of(
        metrics=[Metric(name="slow", quantile=RowsQuantile(of="quantile_views.ms", share=0.9), better="down")],
        tables=[
            TableDeclaration(name="quantile_views", key=("id",), time="at", entities={"visitor": ("visitor",)}),
            TableDeclaration(name="quantile_visitors", key=("visitor",), entity="visitor"),
        ],
    )
    random = np.random.default_rng(2)
    owner = random.integers(0, 200, 2_000)
    tables = {
        "quantile_views": pa.table(
            {"id": np.arange(2_000), "visitor": owner, "ms": random.gamma(2.0, 50.0, 200)[owner] + random.random(2_000),
             "at": pa.array([NOW - timedelta(hours=1)] * 2_000, pa.timestamp("us", "UTC"))}
        ),
        "quantile_visitors": pa.table(
            {"visitor": np.arange(200), "arm": np.where(np.arange(200) % 2, "b", "control"),
             "device": random.choice(["phone", "desktop"], 200)}
        ),
    }  # fmt: skip
    one = Experiment(
        name="slow_pages", question="Is it slower?", unit="visitor", arms={"control": 0.5, "b": 0.5}, primary="slow",
        assignment=Assignment(table="quantile_visitors", arm="arm"), segments=("device",),
    )  # fmt: skip
    with connect(postgres_url) as warehouse:
        for name, table in tables.items():
            warehouse.write(name, table)
        there = run(one, Setting(warehouse=warehouse, metrics=catalog), as_of=NOW)
    here = run(one, Setting(warehouse=connect(tables), metrics=catalog), as_of=NOW)
    assert list(numbers_moved(here, there)) == []
    assert here.estimates[0].value is not None
