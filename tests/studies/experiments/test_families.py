"""Which family each p-value was adjusted in, what segments may claim, and what posteriors say and never decide."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from steelyard.errors import DefinitionError
from steelyard.result import Result
from steelyard.stats.dunnett import dunnett, dunnett_loading
from steelyard.stats.false_discovery import benjamini_hochberg, benjamini_yekutieli
from steelyard.studies.experiments import Effect, Looks, Mean, Prior, Quantile, Share, Stopping

Make = Callable[..., Any]


def _table(result: Result, name: str) -> list[dict[str, Any]]:
    return result.tables[name].to_pylist()  # type: ignore[no-any-return]


@pytest.fixture
def many(units: Make) -> dict[str, Any]:
    """Units with ten more metrics, of which three move."""
    columns = units(4_000)
    random = np.random.default_rng(12)
    for number in range(10):
        columns[f"m{number}"] = random.normal(size=4_000) + (0.15 if number < 3 else 0.0) * (columns["arm"] == "b")
    return columns


def test_every_p_value_says_its_family(units: Make, answered: Make, full: Any) -> None:
    result = answered(units(), **full)
    rows = _table(result, "p_values")
    families = {(row["family"], row["metric"]) for row in rows}
    assert ("primary", "spend") in families
    assert ("guardrail 'latency'", "latency") in families
    assert {row["metric"] for row in rows if row["family"] == "secondary"} == {"converted", "orders / sessions"}
    segments = [row for row in rows if row["family"] == "segments"]
    assert len(segments) == 3 * 4 == segments[0]["tests"]
    shown = [row for row in result.estimates if row.scale == "absolute"]
    assert {(row.metric, row.segment, row.p_value) for row in shown} == {
        (row["metric"], row["segment"], row["p_value"]) for row in rows
    }


@pytest.mark.parametrize("method", ["bh", "by", "none"])
def test_what_a_family_finds_has_intervals_that_pay_for_the_choice(
    method: str, many: dict[str, Any], answered: Make
) -> None:
    """Benjamini and Yekutieli (2005): R found of m have intervals at 1 - R q / m."""
    names = tuple(f"m{number}" for number in range(10))
    result = answered(many, secondary=names, false_discovery=method)
    rows = [row for row in _table(result, "p_values") if row["family"] == "secondary"]
    raw = [row["p_value"] for row in rows]
    adjust = {"bh": benjamini_hochberg, "by": benjamini_yekutieli, "none": tuple}[method]
    assert [row["adjusted"] for row in rows] == pytest.approx(adjust(raw))
    found = [row for row in rows if row["adjusted"] <= 0.05]
    assert {"m0", "m1", "m2"} <= {row["metric"] for row in found}
    assert all(row["low"] is None for row in rows if row not in found)
    harmonic = sum(1 / rank for rank in range(1, 11)) if method == "by" else 1
    level = 0.95 if method == "none" else 1 - len(found) * 0.05 / 10 / harmonic
    for row in found:
        plain = result.estimate(metric=row["metric"], scale="absolute", segment="all")
        assert row["level"] == pytest.approx(level)
        assert row["low"] <= plain.low <= plain.high <= row["high"]
        # Selected intervals that pay for it agree with the adjusted p-values: none holds zero.
        assert row["low"] * row["high"] > 0


def test_intervals_of_findings_miss_no_more_than_the_level_says(answered: Make) -> None:
    """Over 60 experiments of ten metrics, of which half move a little: the mean share of misses among findings."""
    shares, truth = [], np.array([0.0] * 5 + [0.12] * 5)
    for seed in range(60):
        random = np.random.default_rng(seed)
        arm = np.arange(1_200) % 2
        columns: dict[str, Any] = {"user_id": np.arange(1_200), "arm": np.where(arm, "b", "control")}
        columns |= {f"m{i}": random.normal(size=1_200) + truth[i] * arm for i in range(10)}
        columns["spend"] = random.normal(5.0, 1.0, 1_200)
        rows = _table(answered(columns, secondary=tuple(f"m{i}" for i in range(10))), "p_values")
        found = [row for row in rows if row["low"] is not None]
        missed = [row for row in found if not row["low"] <= truth[int(row["metric"][1])] <= row["high"]]
        shares.append(len(missed) / len(found) if found else 0.0)
    assert np.mean(shares) < 0.05 + 3 * np.std(shares) / math.sqrt(60)


@pytest.mark.parametrize("correction", ["hochberg", "hommel"])
def test_step_up_corrections_decide_and_say_what_they_want(correction: str, units: Make, answered: Make) -> None:
    result = answered(units(3_000, lift=0.3), primary=(Mean("spend"), Share("converted")), correction=correction)
    assert f"by {correction.capitalize()}, which wants tests that depend positively" in result.verdict.rule
    rows = [row for row in _table(result, "p_values") if row["family"] == "primary"]
    assert [row["method"] for row in rows] == [correction] * 2
    for row in rows:
        clause = next(c for c in result.verdict.clauses if c.name == f"primary_excludes_zero_{row['metric']}")
        assert f"adjusted p = {row['adjusted']:.3g}" in clause.says


def test_arms_of_one_primary_may_be_corrected_by_hommel(units: Make, answered: Make, study: Make) -> None:
    shares = {"control": 0.4, "a": 0.3, "b": 0.3}
    result = answered(units(3_000, arms=("control", "a", "b")), arms=shares, correction="hommel")
    assert {row["method"] for row in _table(result, "p_values")} == {"hommel"}
    with pytest.raises(DefinitionError, match="nothing to correct"):
        study(arms=shares, correction="all")


@pytest.mark.parametrize("correction", ["sidak", "dunnett"])
def test_intervals_that_match_their_correction_exclude_zero_where_it_rejects(
    correction: str, units: Make, answered: Make
) -> None:
    shares, arms = {"control": 0.4, "a": 0.3, "b": 0.3}, ("control", "a", "b")
    seen = set()
    for lift in (0.0, 0.2, 0.3, 0.5):
        result = answered(units(1_500, lift=lift, arms=arms), arms=shares, correction=correction)
        adjusted = {row["contrast"]: row for row in _table(result, "p_values") if row["family"] == "primary"}
        for row in result.estimates:
            if row.role == "primary" and row.scale == "absolute":
                rejects = adjusted[row.contrast]["adjusted"] <= 0.05
                seen.add(rejects)
                assert rejects == (row.low > 0 or row.high < 0)
                assert 0.95 < row.level < 0.975 if correction == "dunnett" else row.level == pytest.approx(0.95**0.5)
        assert {row["method"] for row in adjusted.values()} == {correction}
        assert f"adjusted over 2 arms by {correction.capitalize()}, is at most 0.05" in result.verdict.rule
    assert seen == {True, False}


def test_arms_that_share_a_control_are_judged_as_the_split_says(units: Make, answered: Make) -> None:
    shares = {"control": 0.5, "a": 0.2, "b": 0.3}
    result = answered(units(1_500, arms=tuple(shares)), arms=shares, correction="dunnett")
    rows = [row for row in _table(result, "p_values") if row["family"] == "primary"]
    loadings = [dunnett_loading(shares[row["contrast"].split(" ")[0]], 0.5) for row in rows]
    assert [row["adjusted"] for row in rows] == pytest.approx(dunnett([row["p_value"] for row in rows], loadings))
    words = {"arms": shares, "primary": Mean("spend", min_effect=Effect(absolute=0.1)), "correction": "dunnett"}
    assert "Dunnett's over the arms" in answered(units(1_500, arms=tuple(shares)), **words).verdict.rule


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"correction": "dunet"}, "did you mean 'dunnett'"),
        ({"correction": "dunnett", "primary": (Mean("spend"), Share("converted"))}, "2 primaries and the correction"),
        ({"correction": "dunnett", "looks": "daily", "stopping": "pocock"}, "joint law"),
        (
            {"correction": "sidak", "looks": "daily", "stopping": Stopping(success="pocock", harm="always_valid")},
            "two laws",
        ),
    ],
)
def test_corrections_that_do_not_hold_there_are_refused(words: Any, says: str, study: Make) -> None:
    with pytest.raises((DefinitionError, KeyError), match=says):
        study(arms={"control": 0.4, "a": 0.3, "b": 0.3}, **words)


# --- segments


def _by_device(columns: dict[str, Any], effect: float) -> dict[str, Any]:
    phone = (columns["device"] == "phone") & (columns["arm"] == "b")
    return {**columns, "spend": columns["spend"] + effect * phone}


def test_a_segment_that_differs_is_claimed_after_correction_and_shrunk(units: Make, answered: Make) -> None:
    columns = _by_device(units(6_000, lift=0.0), 1.5)
    result = answered(columns, primary=Mean("spend", covariate="spend_before"), segments=("device",))
    (test,) = _table(result, "interactions")
    assert test["adjusted"] < 0.001
    rows = {row["segment"]: row for row in _table(result, "segments")}
    assert rows["device = phone"]["claimed"]
    assert not rows["device = desktop"]["claimed"]
    middle = test["effect"]
    for row in rows.values():
        assert abs(row["shrunk"] - middle) < abs(row["value"] - middle)
        assert row["shrunk_error"] <= row["std_error"]


def test_segments_never_enter_the_verdict_and_unregistered_ones_are_not_there(units: Make, answered: Make) -> None:
    columns = _by_device(units(6_000, lift=0.0), 1.5)
    use = Mean("spend", covariate="spend_before")
    cut, whole = (answered(columns, primary=use, segments=by) for by in (("device",), ()))
    assert (cut.verdict.says, cut.verdict.clauses) == (whole.verdict.says, whole.verdict.clauses)
    assert "device" not in cut.verdict.says
    assert {"segments", "interactions"}.isdisjoint(whole.tables)
    assert {row.role for row in cut.estimates if row.segment != "all"} == {"exploratory"}
    standing = next(check for check in cut.checks if check.name == "registered_beforehand")
    assert "Exploratory" in standing.says


def test_segments_that_do_nothing_are_rarely_claimed(answered: Make) -> None:
    claims = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        columns: dict[str, Any] = {"user_id": np.arange(1_000), "spend": random.normal(5.0, 1.0, 1_000)}
        columns |= {"arm": np.where(np.arange(1_000) % 2, "b", "control")}
        columns |= {"device": random.integers(0, 6, 1_000).astype(str)}
        claims += any(row["claimed"] for row in _table(answered(columns, segments=("device",)), "segments"))
    assert claims <= 40 * 0.05 + 3 * math.sqrt(40 * 0.05 * 0.95)


def test_at_several_looks_segments_are_shown_and_not_claimed(units: Make, answered: Make) -> None:
    result = answered(
        _by_device(units(), 1.0), segments=("device",), looks=Looks(planned=4, units=8_000),
        stopping=Stopping(success="obrien_fleming", harm="pocock"),
    )  # fmt: skip
    assert {row["claimed"] for row in _table(result, "segments")} == {False}
    assert [row["p_value"] for row in _table(result, "interactions")] == [None]
    assert {row["family"] for row in _table(result, "p_values")} == {"primary"}


def test_a_split_that_fails_in_one_segment_alone_stops_the_answer(units: Make, answered: Make) -> None:
    """Every tenth treated tablet is lost, and as many desktops are doubled in: the whole split looks fine."""
    columns = units(20_000)
    lost = (columns["device"] == "tablet") & (columns["arm"] == "b") & (np.arange(20_000) % 5 == 1)
    columns["device"] = np.where(lost, "desktop", columns["device"])
    result = answered(columns, segments=("device",))
    by_name = {check.name: check for check in result.checks}
    assert by_name["sample_ratio"].status == "passed"
    found = by_name["sample_ratio_by_segment"]
    assert (found.status, found.severity) == ("failed", "blocking")
    assert "device = desktop" in found.says
    assert "e-BH" in found.says
    assert result.verdict.answer == "invalid"
    clean = answered(units(20_000), segments=("device",))
    assert {check.status for check in clean.checks if check.name == "sample_ratio_by_segment"} == {"passed"}


# --- posteriors


def test_a_posterior_is_shown_and_decides_nothing(units: Make, answered: Make) -> None:
    columns = units(lift=0.05)
    plain = answered(columns)
    sure = answered(columns, primary=Mean("spend", measured_in="USD", prior=Prior(mean=5.0, std_dev=0.01)))
    (row,) = _table(sure, "posteriors")
    assert row["chance_to_beat_control"] > 0.999
    assert sure.verdict.clauses == plain.verdict.clauses
    assert (sure.verdict.answer, sure.verdict.action) == (plain.verdict.answer, plain.verdict.action)
    assert "posteriors" not in plain.tables


@pytest.mark.parametrize("better", ["up", "down"])
def test_a_beta_posterior_is_that_of_draws_whichever_way_is_better(better: str, units: Make, answered: Make) -> None:
    columns = units(2_000)
    result = answered(columns, primary=Share("converted", better=better, prior=Prior(alpha=2, beta=8)))
    (row,) = _table(result, "posteriors")
    random = np.random.default_rng(4)
    draws = []
    for arm in ("control", "b"):
        values = columns["converted"][columns["arm"] == arm]
        draws.append(random.beta(2 + values.sum(), 8 + len(values) - values.sum(), 400_000))
    gap = (draws[1] - draws[0]) * (1 if better == "up" else -1)
    assert row["chance_to_beat_control"] == pytest.approx((gap > 0).mean(), abs=0.003)
    assert row["expected_loss"] == pytest.approx(np.maximum(-gap, 0).mean(), abs=2e-4)
    assert row["expected_loss_of_control"] == pytest.approx(np.maximum(gap, 0).mean(), abs=2e-4)
    assert row["mean"] == pytest.approx(draws[1].mean(), abs=1e-3)
    assert [row["low"], row["high"]] == pytest.approx(np.quantile(draws[1], [0.025, 0.975]).tolist(), abs=2e-3)


def test_a_normal_posterior_turns_with_the_direction(units: Make, answered: Make) -> None:
    prior = Prior(mean=0.01, std_dev=0.05)
    up, down = (
        _table(answered(units(), primary=Mean("latency", better=better, prior=prior)), "posteriors")[0]
        for better in ("up", "down")
    )
    assert down["mean"] == pytest.approx(up["mean"])
    assert [down["low"], down["high"]] == pytest.approx([up["low"], up["high"]])
    assert down["chance_to_beat_control"] == pytest.approx(1 - up["chance_to_beat_control"])
    assert down["expected_loss"] == pytest.approx(up["expected_loss_of_control"])


@pytest.mark.parametrize(
    "words",
    [{}, {"std_dev": 0.0}, {"std_dev": 0.1, "alpha": 1.0, "beta": 1.0}, {"alpha": 1.0}, {"alpha": -1.0, "beta": 1.0},
     {"flat": True, "std_dev": 1.0}, {"std_dev": 0.1, "scale": "log"}, {"std_dev": 0.1, "mean": math.inf}],
)  # fmt: skip
def test_a_prior_that_is_no_law_is_refused(words: Any) -> None:
    with pytest.raises(DefinitionError):
        Prior(**words)


def test_a_beta_prior_is_of_shares_as_they_are(study: Make) -> None:
    prior = Prior(alpha=1, beta=1)
    with pytest.raises(DefinitionError, match="no share without covariates"):
        Share("converted", covariate="spend_before", prior=prior)
    with pytest.raises(DefinitionError, match="over all strata"):
        study(primary=Share("converted", prior=prior), strata=("device",))
    with pytest.raises(DefinitionError, match="not independent"):
        study(primary=Share("converted", prior=prior), cluster="store")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"strata": ("device",), "cluster": "store", "secondary": (Quantile("latency", 0.9),)}, "'latency p90' within"),
        ({"false_discovery": "fdr"}, "fdr"),
    ],
)
def test_what_does_not_go_together_is_refused(words: Any, says: str, study: Make) -> None:
    with pytest.raises((DefinitionError, KeyError), match=says):
        study(**words)
