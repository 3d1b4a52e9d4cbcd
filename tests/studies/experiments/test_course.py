"""The effect and the split day by day, against the same arithmetic on the rows of those who had come in by then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.document import LineChart
from steelyard.result import Result
from steelyard.result.charts import result_charts, table_charts
from steelyard.stats.always_valid import always_valid, ratio_for_units
from steelyard.stats.moments import Moments
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.studies.experiments import Assignment, Experiment, Mean, Ratio, Share, Winsorise
from steelyard.studies.experiments.course import COURSE, SPLIT, TUNED_FOR
from steelyard.studies.result_moved import result_moved
from steelyard.studies.run import conclude, read, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import connect, quote_name
from steelyard.warehouse.moments import moments, shifts_of

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


def test_every_metric_has_its_course_and_those_that_decide_come_first(
    answered: Callable[..., Result], dated: Units, full: dict[str, Any]
) -> None:
    result = answered(dated, assignment=Assignment(at="at"), **full)
    of_days = dict.fromkeys((row["metric"], row["role"]) for row in result.tables[COURSE].to_pylist())
    of_all = dict.fromkeys((row.metric, row.role) for row in result.estimates if row.segment == "all")
    assert list(of_days) == list(of_all)
    drawn = [chart.title for chart in table_charts(result, COURSE)]
    assert len(drawn) == 1
    assert drawn[0].startswith("Effect on spend ")


HOW: dict[str, dict[str, Any]] = {
    "plain": {},
    "segments": {"segments": ("device",)},
    "strata": {"strata": ("device",)},
    "strata and segments": {"strata": ("device",), "segments": ("browser", "device")},
    "clusters": {"cluster": "household", "unit": ""},
    "clusters and segments": {"cluster": "household", "unit": "", "segments": ("device",)},
}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), gaps=st.booleans())
def test_the_last_day_is_the_result(how: dict[str, Any], seed: int, gaps: bool) -> None:
    random, n = np.random.default_rng(seed), 240
    household = random.integers(0, 60, n)
    device = ["phone" if one else "desktop" for one in random.random(n) < 0.5]
    columns = {
        "user_id": np.arange(n),
        "household": household,
        "arm": np.where(household % 2, "b", "control"),
        "device": [None if gaps and place % 9 == 0 else one for place, one in enumerate(device)],
        "browser": random.choice(["old", "new"], n),
        "spend": 1e6 + random.normal(size=n),
        "spend_before": random.normal(size=n),
        "converted": (random.random(n) < 0.4).astype(int),
        "orders": random.poisson(2.0, n).astype(float),
        "sessions": random.poisson(2.0, n) + 1.0,
        "at": [datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(days=int(day)) for day in random.integers(0, 4, n)],
    }
    one = Experiment(
        **{
            "name": "test", "question": "Does it help?", "arms": {"control": 0.5, "b": 0.5}, "table": "data",
            "unit": "user_id", "assignment": Assignment(at="at"), "primary": Mean("spend", covariate="spend_before"),
            "secondary": (Share("converted"), Ratio("orders", "sessions")), **how,
        }
    )  # fmt: skip
    result = run(one, pa.table(columns))
    last = {(row["metric"], row["scale"]): row for row in result.tables[COURSE].to_pylist()}
    whole = [row for row in result.estimates if row.segment == "all" and row.value is not None]
    assert len(last) == len(whole) == 6
    for row in whole:
        found = last[row.metric, row.scale]
        assert found["n"] == row.n == n
        assert found["value"] == pytest.approx(row.value, rel=1e-7, abs=1e-9)


def test_strata_are_compared_within_on_every_day(answered: Callable[..., Result], dated: Units) -> None:
    result = answered(dated, assignment=Assignment(at="at"), strata=("device",))
    for row in rows(result, "absolute"):
        gap = 0.0
        for device in ("phone", "desktop", "tablet"):
            kept = [i for i, one in enumerate(dated["device"]) if one == device]
            mine = {name: [values[i] for i in kept] for name, values in dated.items()}
            treated, control = (until(mine, row["day"], arm, "spend") for arm in ("b", "control"))
            gap += (treated.rows + control.rows) / row["n"] * (treated.mean("spend") - control.mean("spend"))
        assert row["value"] == pytest.approx(gap, rel=1e-9)


def test_with_many_strata_evenly_spaced_days_stand_for_all(answered: Callable[..., Result], dated: Units) -> None:
    places = [str(place // 2 % 150) for place in range(3_000)]
    result = answered({**dated, "place": places}, assignment=Assignment(at="at"), strata=("place",))
    found = rows(result, "absolute")
    assert [row["day"] for row in found] == [FIRST + timedelta(days=i) for i in (1, 3, 5)], "six days in 150 strata"
    assert found[-1]["value"] == pytest.approx(result.estimate(metric="spend", scale="absolute").value, rel=1e-9)


@pytest.mark.parametrize("segments", [(), ("device",)], ids=["alone", "in segments"])
def test_a_cluster_comes_in_whole_with_its_first_unit(
    answered: Callable[..., Result], dated: Units, segments: tuple[str, ...]
) -> None:
    random = np.random.default_rng(5)
    household = random.integers(0, 300, 3_000)
    made = {**dated, "household": household, "arm": np.where(household % 2, "b", "control")}
    words: dict[str, Any] = {"cluster": "household", "unit": "", "assignment": Assignment(at="at")}
    first = {
        one: min(at.date() for at, own in zip(made["at"], household, strict=True) if own == one) for one in household
    }
    found = rows(answered(made, **words, segments=segments), "absolute")
    assert [row["day"] for row in found] == sorted(set(first.values()))
    for row in found[:-1]:
        kept = [place for place, own in enumerate(household) if first[own] <= row["day"]]
        alone = answered({name: [values[i] for i in kept] for name, values in made.items()}, **words)
        whole = alone.estimate(metric="spend", scale="absolute")
        assert row["n"] == whole.n == len(kept)
        assert row["value"] == pytest.approx(whole.value, rel=1e-9)


def test_days_and_segments_come_back_beside_each_other_of_one_scan(
    answered: Callable[..., Result], dated: Units, full: dict[str, Any]
) -> None:
    result = answered(dated, assignment=Assignment(at="at"), **full)
    (read,) = [read for read in result.provenance.reads if "spend" in read.sql and "cross_0_0" in read.sql]
    assert read.sql.count('"data"') == 1
    assert read.rows == 2 * 3 + 2 * 6, "arms times devices, and arms times days"


def test_units_are_counted_by_day_with_those_of_whom_no_day_is_known(
    answered: Callable[..., Result], dated: Units
) -> None:
    at = [None if place % 100 == 0 else moment for place, moment in enumerate(dated["at"])]
    result = answered({**dated, "at": at}, assignment=Assignment(at="at"))
    assert [read.name for read in result.provenance.reads].count("units") == 1
    assert "days" not in {read.name for read in result.provenance.reads}
    entered = {(row["day"], row["arm"]): row["units"] for row in result.tables["entries"].to_pylist()}
    arms = [str(arm) for arm in dated["arm"]]
    assert entered == Counter((moment.date(), arm) for moment, arm in zip(at, arms, strict=True) if moment)
    assert {row["arm"]: row["units"] for row in result.tables["arms"].to_pylist()} == Counter(arms)
    assert rows(result, "absolute")[-1]["n"] == result.estimate(metric="spend", scale="absolute").n == 2_970
    assert any("30" in check.says and check.status == "failed" for check in result.checks)


def test_what_was_kept_with_days_as_a_question_of_their_own_replays(
    study: Callable[..., Experiment], dated: Units, full: dict[str, Any]
) -> None:
    one, table = study(assignment=Assignment(at="at"), **full), pa.table(dated)
    now, source = run(one, table), connect(table)
    setting = Setting(warehouse=source)
    kept = dict(read(one, setting.context(one), setting).data)
    names = {"spend": "spend", "spend:before": "spend_before", "converted": "converted", "latency": "latency"}
    names |= {"orders / sessions": "orders", "orders / sessions:per": "sessions"}
    listed = ", ".join(f"{column} AS {quote_name(name)}" for name, column in names.items())
    units = f'(SELECT arm, device, CAST("at" AS DATE) AS entered_on, {listed} FROM data)'
    shifts, pairs = shifts_of(kept["sample"]), [("spend", "spend:before"), (list(names)[4], list(names)[5])]
    kept["moments"] = source.fetch(
        moments(units, by=("arm", "device"), values=tuple(names), products=pairs, shifts=shifts)
    )
    kept["by_day"] = source.fetch(
        moments(units, by=("arm", "entered_on"), values=list(names)[:2], products=pairs[:1], shifts=shifts)
    )
    counted = 'count(*) AS n, sum(CASE WHEN "at" IS NULL THEN 1 ELSE 0 END) AS without_start'
    kept["units"] = source.fetch(f"SELECT arm, {counted} FROM data GROUP BY arm ORDER BY arm")
    days = 'SELECT arm, CAST("at" AS DATE) AS day FROM data'
    kept["days"] = source.fetch(
        f"SELECT arm, day, count(*) AS n FROM ({days}) AS entries GROUP BY arm, day ORDER BY arm, day"
    )
    again = conclude(one, kept, provenance=now.provenance)
    assert result_moved(now, again) == ([], [])
    assert again.tables["entries"].equals(now.tables["entries"])
    assert again.tables[SPLIT].equals(now.tables[SPLIT])
    course = [row for row in now.tables[COURSE].to_pylist() if row["role"] == "primary"]
    for was, is_now in zip(again.tables[COURSE].to_pylist(), course, strict=True):
        for name, value in is_now.items():
            assert was[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)


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
