"""Three real experiments, against the figures that are published for them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from steelyard.result import Check, Result
from steelyard.studies.experiments import Assignment, Experiment, Mean, Share
from steelyard.studies.run import run
from steelyard.warehouse import connect


def check_of(result: Result, name: str) -> Check:
    (found,) = [check for check in result.checks if check.name == name]
    return found


def reading(shared: Path, path: str, select: str = "SELECT * FROM source") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW source AS SELECT * FROM read_parquet('{shared / 'data' / path}')")
    connection.execute(f"CREATE TABLE data AS {select}")
    return connection


def test_hillstrom_three_arms_and_identical_rows(shared: Path) -> None:
    connection = reading(shared, "hillstrom/hillstrom.parquet")
    third = {"No E-Mail": 1 / 3, "Mens E-Mail": 1 / 3, "Womens E-Mail": 1 / 3}
    result = run(
        Experiment(
            name="hillstrom", question="Does an e-mail bring visits?", arms=third, control="No E-Mail", table="data",
            assignment=Assignment(arm="segment"), primary=Share("visit"),
            secondary=(Share("conversion"), Mean("spend", measured_in="USD")),
        ),
        connect(connection),
    )  # fmt: skip
    levels = {(row["arm"], row["metric"]): round(row["level"], 5) for row in result.tables["arms"].to_pylist()}
    assert levels["Mens E-Mail", "visit"] == 0.18276
    assert levels["Womens E-Mail", "visit"] == 0.15140
    assert levels["No E-Mail", "visit"] == 0.10617
    assert levels["Mens E-Mail", "conversion"] == 0.01253
    assert round(levels["Womens E-Mail", "spend"], 4) == 1.0772
    lifts = {
        ("visit", "Mens E-Mail"): (0.07659, 0.00339), ("visit", "Womens E-Mail"): (0.04523, 0.00323),
        ("spend", "Mens E-Mail"): (0.770, 0.145), ("spend", "Womens E-Mail"): (0.424, 0.130),
    }  # fmt: skip
    for (metric, arm), (lift, error) in lifts.items():
        digits = 5 if metric == "visit" else 3
        found = result.estimate(metric=metric, contrast=f"{arm} - No E-Mail", scale="absolute")
        assert round(found.value, digits) == lift
        assert round(found.std_error, digits) == error
    assert check_of(result, "sample_ratio").value == pytest.approx(0.904, abs=5e-4)
    assert sum(row["units"] for row in result.tables["arms"].to_pylist() if row["metric"] == "visit") == 64_000
    assert (result.verdict.answer, result.verdict.action) == ("yes", "ship")
    assert "'Mens E-Mail'" in result.verdict.says


def test_cookie_cats_sample_ratio_is_caught(shared: Path) -> None:
    connection = reading(shared, "cookie_cats/cookie_cats.parquet")
    result = run(
        Experiment(
            name="cookie_cats", question="Should the gate move to level 40?", unit="userid", table="data",
            arms={"gate_30": 0.5, "gate_40": 0.5}, assignment=Assignment(arm="version"), primary=Share("retention_7"),
            secondary=(Share("retention_1"), Mean("sum_gamerounds")),
        ),
        connect(connection),
    )  # fmt: skip
    week = result.estimate(metric="retention_7", scale="absolute")
    assert round(week.p_value, 5) == 0.00155
    assert round(week.value, 6) == round(0.182000 - 0.190201, 6)
    assert round(result.estimate(metric="retention_1", scale="absolute").p_value, 4) == 0.0744
    ratio = check_of(result, "sample_ratio")
    assert (ratio.status, ratio.severity) == ("failed", "doubt")
    assert ratio.value == pytest.approx(0.0086, abs=5e-5)
    assert "44,700" in ratio.says
    assert result.verdict.answer == "unclear"
    assert all(not clause.holds for clause in result.verdict.clauses)


UDACITY = {"old_page": 0.5, "new_page": 0.5}


def udacity(select: str, shared: Path) -> Result:
    return run(
        Experiment(
            name="landing", question="Does the new page convert better?", unit="user_id", table="data", arms=UDACITY,
            control="old_page", assignment=Assignment(arm="landing_page"), primary=Share("converted"),
        ),
        connect(reading(shared, "udacity_ab_data/ab_data.parquet", select)),
    )  # fmt: skip


def test_udacity_after_cleaning(shared: Path) -> None:
    agree = "(\"group\" = 'treatment') = (landing_page = 'new_page')"
    first = "row_number() OVER (PARTITION BY user_id ORDER BY timestamp)"
    result = udacity(f"SELECT * FROM (SELECT *, {first} AS seen FROM source WHERE {agree}) WHERE seen = 1", shared)
    found = result.estimate(scale="absolute")
    assert found.n == 290_584
    assert round(found.p_value, 4) == 0.1899
    levels = {row["arm"]: round(row["level"], 6) for row in result.tables["arms"].to_pylist()}
    assert levels == {"old_page": 0.120386, "new_page": 0.118808}
    assert result.verdict.answer != "invalid"


def test_udacity_uncleaned_is_invalid_and_says_how_many(shared: Path) -> None:
    result = udacity("SELECT * FROM source", shared)
    assert result.verdict.answer == "invalid"
    assert check_of(result, "one_arm_each").stops
    assert check_of(result, "one_row_each").stops
    repeated = 294_478 - 290_584
    assert check_of(result, "one_row_each").value == repeated
