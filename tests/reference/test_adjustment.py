"""Regression adjustment, strata and posteriors against R's estimatr, GrowthBook and closed forms."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.stats.cuped import cuped
from steelyard.stats.gaussian_posterior import gaussian_posterior
from steelyard.stats.heterogeneity import heterogeneity
from steelyard.stats.interval import Interval
from steelyard.stats.lin import lin
from steelyard.stats.linearise import Linear, linear_mean, linear_ratio
from steelyard.stats.moments import Moments
from steelyard.stats.sample import Sample
from steelyard.stats.two_levels import TwoLevels, weighted_levels
from steelyard.stats.welch import welch

CLOSE = 1e-6
COLUMNS = ("revenue", "sessions", "orders", "pre_revenue", "pre_orders", "pre_sessions")


@lru_cache(maxsize=1)
def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def _arm(folder: Path, variant: str, platform: str | None = None) -> Moments:
    rows = [
        row
        for row in _rows(folder / "data" / "users.csv")
        if row["variant"] == variant and platform in {None, row["platform"]}
    ]
    return Moments.of_rows({name: [float(row[name]) for row in rows] for name in COLUMNS})


Arm = tuple[Linear, list[Linear]]


def _arms(folder: Path, *covariates: str) -> tuple[Arm, Arm]:
    treated, control = (
        (linear_mean(m, "revenue"), [linear_mean(m, name) for name in covariates])
        for m in (_arm(folder, "1"), _arm(folder, "0"))
    )
    return treated, control


def test_lin_s_adjustment_equals_estimatr(reference: dict[str, Any], folder: Path) -> None:
    (entry,) = [item for item in reference["agreements"] if item["what"].startswith("Lin (2013)")]
    found = lin(*_arms(folder, "pre_revenue")).levels.difference()
    assert found.value == pytest.approx(entry["values"]["estimatr_lm_lin"], abs=1e-12)


def test_lin_s_error_is_that_of_robust_least_squares(folder: Path) -> None:
    """HC2, to two parts in a thousand: ours takes one residual variance an arm, and adds the covariates' own means."""
    import statsmodels.api as sm

    rows = _rows(folder / "data" / "users.csv")
    y = np.array([float(row["revenue"]) for row in rows])
    arm = np.array([float(row["variant"]) for row in rows])
    x = np.array([[float(row["pre_revenue"]), float(row["pre_sessions"])] for row in rows])
    x -= x.mean(axis=0)
    fit = sm.OLS(y, np.column_stack([np.ones(len(y)), arm, x, arm[:, None] * x]))
    found = lin(*_arms(folder, "pre_revenue", "pre_sessions"))
    plain = fit.fit(cov_type="HC2")
    assert found.levels.difference().value == pytest.approx(plain.params[1], abs=1e-10)
    assert found.levels.difference().std_error == pytest.approx(plain.bse[1], rel=2e-3)
    gaps = [t - c for t, c in zip(found.thetas, found.control_thetas, strict=True)]
    assert gaps == pytest.approx(plain.params[4:], abs=1e-9)


def test_several_covariates_are_near_analysis_of_covariance(peers: dict[str, Any], folder: Path) -> None:
    """Its slopes are pooled by units; ours by units turned round. With arms as equal as these both come to the same."""
    peer = peers["sm.ancova3.HC2"]
    gap = cuped(*_arms(folder, "pre_revenue", "pre_orders", "pre_sessions")).levels.difference()
    assert gap.value == pytest.approx(peer["est"], abs=0.005 * peer["se"])
    assert gap.std_error == pytest.approx(peer["se"], rel=2e-3)


def test_one_covariate_is_the_closed_form(reference: dict[str, Any], folder: Path) -> None:
    (entry,) = [item for item in reference["agreements"] if item["what"].startswith("CUPED with contrast-optimal")]
    value = cuped(*_arms(folder, "pre_revenue")).levels.difference().value
    assert value == pytest.approx(entry["values"]["closed_form"], abs=entry["tol_for_ours"])


def _over(strata: Sequence[tuple[Sample, Sample]], weights: Sequence[float]) -> Interval:
    """The difference within strata, by weights that need not add up to one."""
    shares = [weight / sum(weights) for weight in weights]
    return weighted_levels([TwoLevels.of_samples(*pair) for pair in strata], shares).difference()


def test_post_stratification_equals_growthbook_up_to_its_error_of_strata_sizes(
    peers: dict[str, Any], folder: Path
) -> None:
    strata = [
        (
            linear_mean(_arm(folder, "1", platform), "revenue").sample(),
            linear_mean(_arm(folder, "0", platform), "revenue").sample(),
        )
        for platform in ("android", "ios", "web")
    ]
    peer = peers["gb.poststrat.revenue.platform.absolute"]
    found = _over(strata, [t.n + c.n for t, c in strata])
    assert found.value == pytest.approx(peer["estimate"], rel=CLOSE)
    assert found.std_error == pytest.approx(peer["se"], rel=5e-3)


def test_segments_equal_the_interaction_test(peers: dict[str, Any], folder: Path) -> None:
    peer = peers["hte.platform.revenue"]
    effects = []
    for platform, segment in peer["segments"].items():
        found = welch(*(linear_mean(_arm(folder, arm, platform), "revenue").sample() for arm in ("1", "0")))
        assert (found.value, found.std_error) == pytest.approx((segment["diff"], segment["se"]), rel=CLOSE)
        effects.append(found)
    test = heterogeneity([one.value for one in effects], [one.std_error for one in effects])
    assert (test.statistic, test.df, test.p_value) == pytest.approx(
        (peer["cochran_Q"], peer["df"], peer["p"]), rel=CLOSE
    )
    assert test.effect == pytest.approx(peer["ivw_effect"], rel=CLOSE)


def test_a_ramp_that_turns_the_sign_comes_out_right(peers: dict[str, Any]) -> None:
    peer = peers["ramp.simpson.kohavi"]

    def share(x: int, n: int) -> Sample:
        return Sample(n=n, mean=x / n, variance=x / n * (1 - x / n))

    strata = [(share(xt, nt), share(xc, nc)) for xc, nc, xt, nt in peer["stages_control_x_n_treat_x_n"]]
    assert peer["pooled_diff"] < 0
    whole = _over(strata, [t.n + c.n for t, c in strata])
    tested = _over(strata, [t.n * c.n / (t.n + c.n) for t, c in strata])
    sharp = _over(strata, [1 / (t.squared_error + c.squared_error) for t, c in strata])
    assert (whole.value, whole.std_error) == pytest.approx(
        (peer["poststratified_diff_population_weights"], peer["poststratified_se"]), rel=CLOSE
    )
    assert whole.low > 0
    assert tested.value == pytest.approx(peer["mantel_haenszel_risk_difference"], rel=CLOSE)
    assert (sharp.value, sharp.std_error) == pytest.approx(
        (peer["inverse_variance_diff"], peer["inverse_variance_se"]), rel=CLOSE
    )


def test_posteriors_equal_growthbook(peers: dict[str, Any], folder: Path) -> None:
    treated, control = (_arm(folder, arm) for arm in ("1", "0"))
    flat = TwoLevels.of(*(linear_mean(m, "revenue") for m in (treated, control))).relative(method="delta")
    ratio = TwoLevels.of(*(linear_ratio(m, "orders", "sessions") for m in (treated, control))).relative(method="delta")
    cases = (
        ("gb.bayes.mean.revenue.relative.prior_flat", flat, math.inf),
        ("gb.bayes.ratio.orders_per_session.relative.prior_N0_0.3", ratio, 0.3),
    )
    for name, found, std_dev in cases:
        assert found is not None
        peer = peers[name]
        ours = gaussian_posterior(found.value, found.std_error, prior_std_dev=std_dev)
        assert (ours.mean, ours.std_dev) == pytest.approx((peer["mean"], peer["sd"]), rel=CLOSE), name
        assert [ours.low, ours.high] == pytest.approx(peer["ci"], rel=CLOSE)
        assert ours.probability_better == pytest.approx(peer["chance_to_win"], rel=CLOSE)
        assert [ours.loss_if_kept, ours.loss_if_shipped] == pytest.approx(peer["risk"], rel=CLOSE)
