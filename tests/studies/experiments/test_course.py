"""The effect and the split day by day, against the same arithmetic on the rows of those who had come in by then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.document import LineChart
from steelyard.result import Result
from steelyard.result.charts import result_charts
from steelyard.stats.always_valid import always_valid, ratio_for_units
from steelyard.stats.moments import Moments
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.studies.experiments import Assignment, Mean, Ratio, Winsorise
from steelyard.studies.experiments.course import COURSE, SPLIT, TUNED_FOR

Units = dict[str, Any]
FIRST = date(2026, 3, 2)


@pytest.fixture
def dated(units: Callable[..., Units]) -> Units:
    """Units that came in on one of six days, more of them on later ones."""
    made = units(3_000)
    days = np.minimum(np.arange(3_000) // 300, 5)
    made["at"] = [datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(days=int(day)) for day in days]
    return made


def rows(result: Result, scale: str) -> list[dict[str, Any]]:
    return [row for row in result.tables[COURSE].to_pylist() if row["scale"] == scale]


def until(made: Units, day: date, arm: str, *columns: str) -> Moments:
    kept = [i for i, at in enumerate(made["at"]) if at.date() <= day and made["arm"][i] == arm]
    return Moments.of_rows({name: np.asarray(made[name], dtype=float)[kept] for name in columns})


def test_each_day_holds_the_effect_of_all_who_had_come_in(answered: Callable[..., Result], dated: Units) -> None:
    result = answered(dated, assignment=Assignment(at="at"))
    found = rows(result, "absolute")
    assert [row["day"] for row in found] == [FIRST + timedelta(days=i) for i in range(6)]
    for row in found:
        treated, control = (until(dated, row["day"], arm, "spend") for arm in ("b", "control"))
        gap = treated.mean("spend") - control.mean("spend")
        error = (treated.variance("spend") / treated.rows + control.variance("spend") / control.rows) ** 0.5
        assert row["n"] == treated.rows + control.rows
        assert row["value"] == pytest.approx(gap, rel=1e-9)
        # Each end is a one-sided sequence at half of the error; Welch's t differs from the normal by its degrees.
        ratio = ratio_for_units(row["n"], TUNED_FOR, level=0.975, bound="above")
        bounds = always_valid(gap, error, ratio, level=0.975, bound="above")
        assert row["low"] == pytest.approx(bounds.low, rel=0.05, abs=0.02)


def test_the_last_day_has_the_value_of_the_whole(answered: Callable[..., Result], dated: Units) -> None:
    result = answered(dated, assignment=Assignment(at="at"), primary=Mean("spend", covariate="spend_before"))
    for scale in ("absolute", "relative"):
        last, whole = rows(result, scale)[-1], result.estimate(metric="spend", scale=scale)
        assert last["value"] == pytest.approx(whole.value, rel=1e-9)
        assert last["low"] < whole.low < whole.high < last["high"]


@pytest.mark.parametrize(
    "primary", [Ratio("orders", "sessions"), Mean("spend", winsorise=Winsorise(quantile=0.95))], ids=["ratio", "cut"]
)
def test_ratios_and_cut_values_take_the_same_course(
    answered: Callable[..., Result], dated: Units, primary: Any
) -> None:
    result = answered(dated, assignment=Assignment(at="at"), primary=primary)
    whole = result.estimate(metric=primary.metric, scale="absolute")
    assert rows(result, "absolute")[-1]["value"] == pytest.approx(whole.value, rel=1e-9)


def test_the_split_is_judged_day_by_day(answered: Callable[..., Result], dated: Units) -> None:
    arm = np.array(dated["arm"])
    arm[1_500:1_900] = "b"
    result = answered({**dated, "arm": arm}, assignment=Assignment(at="at"))
    found = result.tables[SPLIT].to_pylist()
    assert found[-1]["units"] == 3_000
    for row in found:
        seen = [at.date() <= row["day"] for at in dated["at"]]
        counts = [int(sum(arm[seen] == name)) for name in ("control", "b")]
        alone = sequential_ratio([counts], [[0.5, 0.5]])
        assert row["log10_evidence"] == pytest.approx(alone.log_evidence / np.log(10))
    assert [row["p_value"] for row in found] == sorted((row["p_value"] for row in found), reverse=True)
    assert found[-1]["p_value"] < 0.001 < found[2]["p_value"]


def test_without_a_moment_of_entry_there_is_no_course(
    answered: Callable[..., Result], units: Callable[..., Units]
) -> None:
    assert not {COURSE, SPLIT} & set(answered(units(400)).tables)


def test_row_order_does_not_matter(answered: Callable[..., Result], dated: Units) -> None:
    turned = pa.table(dated).take(pa.array(np.random.default_rng(3).permutation(3_000)))
    one, other = (
        answered(columns, assignment=Assignment(at="at"))
        for columns in (dated, {c: turned[c] for c in turned.column_names})
    )
    for here, there in zip(rows(one, "absolute"), rows(other, "absolute"), strict=True):
        assert here["value"] == pytest.approx(there["value"], rel=1e-9)
        assert here["n"] == there["n"]


def test_the_result_is_drawn_with_its_course_and_its_split(answered: Callable[..., Result], dated: Units) -> None:
    charts = [
        chart
        for chart in result_charts(answered(dated, assignment=Assignment(at="at")))
        if isinstance(chart, LineChart)
    ]
    assert [chart.title for chart in charts] == [
        "Effect on spend of all who came in until each day, with bounds that hold on every day: b - control",
        "Evidence against the split so far (log10 of the e-value)",
    ]
    assert charts[0].series[0].low is not None
    assert [line.name for chart in charts for line in chart.thresholds] == ["no effect", "stops the experiment"]
