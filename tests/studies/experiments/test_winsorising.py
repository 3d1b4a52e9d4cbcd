"""Winsorised means are means of the cut values, nothing missing is hidden, and the cut is said by arm; counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from steelyard.errors import DefinitionError
from steelyard.studies.experiments import Baseline, Count, Effect, Looks, Mean, MetricUse, Ratio, Share, Winsorise
from steelyard.studies.run import plan, run

Make = Callable[..., Any]


def heavy(n: int = 4_000) -> dict[str, Any]:
    random = np.random.default_rng(3)
    arm = np.where(np.arange(n) % 2, "b", "control")
    return {"user_id": np.arange(n), "arm": arm, "spend": random.lognormal(0, 1.5, n)}


@pytest.mark.parametrize("limit", [Winsorise(quantile=0.99), Winsorise(above=8.0), 0.99])
def test_a_winsorised_mean_is_welch_on_the_cut_values(limit: Any, answered: Make) -> None:
    columns = heavy()
    result = answered(columns, primary=Mean("spend", winsorise=limit))
    cap = 8.0 if limit == Winsorise(above=8.0) else float(np.quantile(columns["spend"], 0.99))
    cut = np.minimum(columns["spend"], cap)
    arms = [cut[columns["arm"] == arm] for arm in ("b", "control")]
    found = result.estimate(scale="absolute")
    assert found.value == pytest.approx(arms[0].mean() - arms[1].mean())
    assert found.p_value == pytest.approx(stats.ttest_ind(*arms, equal_var=False).pvalue)
    (said,) = [check for check in result.checks if check.name == "winsorised"]
    assert (said.status, said.severity) == ("passed", "note")
    assert said.value == pytest.approx(cap)
    for arm in ("b", "control"):
        beyond = (columns["spend"][columns["arm"] == arm] > cap).sum()
        assert f"{arm!r} {beyond:,} of 2,000" in said.says
    assert "winsorised at" in result.tables["methods"].to_pylist()[0]["method"]
    assert "outliers" not in {check.name for check in result.checks}


@pytest.mark.parametrize("hole", [None, math.nan, math.inf])
@pytest.mark.parametrize("limit", [Winsorise(quantile=0.99), Winsorise(above=8.0)])
def test_what_is_missing_or_infinite_is_not_cut_to_a_number(hole: Any, limit: Any, answered: Make) -> None:
    columns = heavy()
    values = columns["spend"].tolist()
    values[3] = hole
    result = answered({**columns, "spend": values}, primary=Mean("spend", winsorise=limit))
    assert result.verdict.answer == "invalid"
    assert "values_present" in [check.name for check in result.checks if check.stops]
    assert result.estimate(scale="absolute").value is None


def test_other_metrics_and_segments_are_left_alone(units: Make, answered: Make, full: Any) -> None:
    columns = units()
    plain = answered(columns, **full)
    cut = answered(columns, **{**full, "primary": Mean("spend", winsorise=0.9, covariate="spend_before")})
    for metric in ("converted", "orders / sessions", "latency"):
        one, other = (found.estimate(metric=metric, segment="all", scale="absolute") for found in (plain, cut))
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    phones = columns["device"] == "phone"
    cap = np.quantile(columns["spend"], 0.9)
    treated = columns["arm"] == "b"
    value = np.minimum(columns["spend"], cap)
    found = cut.estimate(metric="spend", segment="device = phone", scale="absolute")
    raw = value[phones & treated].mean() - value[phones & ~treated].mean()
    assert found.value == pytest.approx(raw, abs=3 * found.std_error)


def test_replays_of_the_past_cut_alike(study: Make) -> None:
    found = plan(study(primary=Mean("spend", winsorise=0.99)), pa.table(heavy()), replays=200)
    (title,) = [name for name in found.tables if name.startswith("A/A")]
    rate = found.tables[title].to_pylist()[0]["rate"]
    assert abs(rate - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize("words", [{}, {"quantile": 0.9, "above": 3.0}, {"quantile": 0.4}, {"quantile": 1.0},
                                   {"above": math.inf}])  # fmt: skip
def test_a_limit_that_cannot_be_is_refused(words: Any) -> None:
    with pytest.raises(DefinitionError, match="winsorising"):
        Winsorise(**words)


@pytest.mark.parametrize("make", [lambda: Share("a", winsorise=0.9), lambda: Ratio("a", "b", winsorise=0.9)])
def test_shares_and_ratios_are_not_winsorised(make: Callable[[], MetricUse]) -> None:
    with pytest.raises(DefinitionError, match="cannot be winsorised"):
        make()


def test_a_count_is_compared_by_its_mean(units: Make, answered: Make) -> None:
    columns = units()
    one, other = (answered(columns, primary=kind("orders")).estimate(scale="absolute") for kind in (Count, Mean))
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)


def test_a_count_without_a_deviation_is_planned_as_poisson_s_and_says_so(units: Make, study: Make) -> None:
    words: dict[str, Any] = {"expected_effect": Effect(relative=0.1)}
    bare = plan(study(primary=Count("orders", baseline=Baseline(level=4.0), **words)), pa.table(units(20)))
    said = plan(study(primary=Count("orders", baseline=Baseline(level=4.0, std_dev=2.0), **words)), pa.table(units(20)))
    assert bare.sample["units needed"] == said.sample["units needed"]
    assert any("Poisson" in warning for warning in bare.warnings)
    assert not any("Poisson" in warning for warning in said.warnings)


def skewed(n: int = 4_000) -> dict[str, Any]:
    random = np.random.default_rng(4)
    arm = np.where(np.arange(n) % 10 == 0, "b", "control")
    return {"user_id": np.arange(n), "arm": arm, "spend": random.lognormal(0, 1.8, n)}


def test_a_skewed_mean_in_unequal_arms_is_compared_by_the_bootstrap(answered: Make, study: Make) -> None:
    columns, split = skewed(), {"arms": {"control": 0.9, "b": 0.1}}
    result = answered(columns, primary=Mean("spend"), **split)
    method = result.tables["methods"].to_pylist()[0]["method"]
    assert method == "bootstrap-t of 512 buckets of units (2,000 draws, seed 0)"
    arms = [columns["spend"][columns["arm"] == arm] for arm in ("b", "control")]
    found = result.estimate(scale="absolute")
    assert found.value == pytest.approx(arms[0].mean() - arms[1].mean())
    # Brute force: whole units drawn again, each time with a t of its own.
    random, drawn = np.random.default_rng(9), []
    for _ in range(2_000):
        again = [values[random.integers(0, len(values), len(values))] for values in arms]
        error = math.sqrt(sum(values.var(ddof=1) / len(values) for values in again))
        drawn.append((again[0].mean() - again[1].mean() - found.value) / error)
    high, low = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(
        (found.value - low * found.std_error, found.value - high * found.std_error), abs=0.35 * found.std_error
    )
    assert found.high - found.value > 1.2 * (found.value - found.low)
    again = run(study(primary=Mean("spend"), **split), pa.table(columns)).estimate(scale="absolute")
    assert again == found


@pytest.mark.parametrize(
    "words",
    [
        {"arms": {"control": 0.6, "b": 0.4}},
        {"arms": {"control": 0.9, "b": 0.1}, "primary": Mean("spend", winsorise=0.99)},
        {"arms": {"control": 0.9, "b": 0.1}, "unit": ""},
        {"arms": {"control": 0.9, "b": 0.1}, "looks": Looks(every="daily", units=9_000), "stopping": "pocock"},
    ],
    ids=["like sizes", "winsorised", "no ids", "several looks"],
)
def test_other_means_keep_their_closed_form(words: Any, answered: Make) -> None:
    result = answered(skewed(), **{"primary": Mean("spend"), **words})
    assert "bootstrap" not in result.tables["methods"].to_pylist()[0]["method"]
    assert "buckets" not in {read.name for read in result.provenance.reads}


def test_gaps_are_no_less_a_stop_where_the_bootstrap_compares(answered: Make) -> None:
    columns = skewed()
    spend = [None if i == 7 else x for i, x in enumerate(columns["spend"].tolist())]
    result = answered({**columns, "spend": spend}, primary=Mean("spend"), arms={"control": 0.9, "b": 0.1})
    assert result.verdict.answer == "invalid"
    assert result.estimate(scale="absolute").value is None
