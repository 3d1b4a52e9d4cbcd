"""Peers whose convention is another one: each is stated, and their value met after the conversion that it asks for."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from steelyard.stats.always_valid import always_valid, ratio_for_units
from steelyard.stats.cuped import cuped
from steelyard.stats.decision_power import Hurdle, decision_power
from steelyard.stats.equal_rates import equal_rates
from steelyard.stats.interval import Interval
from steelyard.stats.linearise import linear_mean, linear_ratio
from steelyard.stats.moments import Moments, merged
from steelyard.stats.power import power_of_means, smallest_mean_effect, units_for_means
from steelyard.stats.proportions import pooled_z
from steelyard.stats.quantile_difference import QuantileSample, quantile_relative
from steelyard.stats.quantile_ranks import quantile_ranks
from steelyard.stats.sample import Sample
from steelyard.stats.two_levels import TwoLevels
from steelyard.stats.welch import welch

CLOSE = 1e-6
COLUMNS = ("revenue", "orders", "sessions", "latency_ms", "converted", "pre_revenue", "pre_orders", "pre_sessions")
Z = float(ndtri(0.975))


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "data" / "users.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def arms(rows: list[dict[str, str]]) -> tuple[Moments, Moments]:
    """The treated arm and control of `users.csv`."""
    one, other = (
        Moments.of_rows({name: [float(row[name]) for row in rows if row["variant"] == arm] for name in COLUMNS})
        for arm in ("1", "0")
    )
    return one, other


def revenue(arms: tuple[Moments, Moments]) -> TwoLevels:
    return TwoLevels.of(*(linear_mean(arm, "revenue") for arm in arms))


def converted(arms: tuple[Moments, Moments]) -> tuple[int, int, int, int]:
    (x1, n1), (x0, n0) = ((round(arm.mean("converted") * arm.rows), arm.rows) for arm in arms)
    return x1, n1, x0, n0


def wald(x1: int, n1: int, x0: int, n0: int) -> Interval:
    """The difference of two shares with the unpooled error, their variances with the divisor n."""
    shares = [Sample(n=n, mean=x / n, variance=x / n * (1 - x / n)) for x, n in ((x1, n1), (x0, n0))]
    return TwoLevels.of_samples(shares[0], shares[1]).difference()


def test_a_one_sided_test_at_5_percent_is_ours_at_a_level_of_90(peers: dict[str, Any]) -> None:
    """R's `alternative = "one.sided"` spends all of its error on one side; ours is two-sided, counted on one."""
    n = units_for_means(1.0, 1.0, power=0.9, level=0.9, one_sided=True)
    assert n == pytest.approx(peers["power.t.test.doc3"]["n"], rel=CLOSE)
    power = power_of_means(0.6, 1.0, 90, ratio=60 / 90, level=0.9, one_sided=True)
    assert power == pytest.approx(peers["pwr.t2n"]["power"], rel=CLOSE)


def both_ways(gap: float, n: float, ratio: float, level: float = 0.95) -> float:
    """Our power of a normal difference of unit variance, with the rejections on the wrong side, which peers count."""
    hurdle = Hurdle(metric="m", gap=gap, std_dev=1.0, std_dev_treated=1.0, normal=True, level=level)
    shift = gap / math.sqrt(1 / n + 1 / (n * ratio))
    return decision_power([hurdle], n, ratio=ratio) + float(ndtr(-shift - ndtri((1 + level) / 2)))


def test_a_normal_power_of_two_sides_counts_the_wrong_one_too(peers: dict[str, Any]) -> None:
    """pwr's effect of two shares, h, is their difference on the arcsine scale, whose variance is 1 / n."""
    h = 2 * math.asin(math.sqrt(0.11)) - 2 * math.asin(math.sqrt(0.1))
    assert h == pytest.approx(peers["pwr.2p.h"]["h"], rel=CLOSE)
    assert both_ways(h, peers["pwr.2p.h"]["n"], 1.0) == pytest.approx(0.8, rel=CLOSE)
    assert both_ways(0.3, 80, 245 / 80) == pytest.approx(peers["pwr.2p2n"]["power"], rel=CLOSE)
    solved = peers["pwr.2p2n.solve"]["n2"] / 1_600
    assert both_ways(0.2, 1_600, solved, 0.99) == pytest.approx(0.9, rel=CLOSE)
    normal = peers["power.z.means.d0.1.ratio0.111111"]
    assert both_ways(0.1, normal["n_control"], 1 / 9) == pytest.approx(0.8, rel=CLOSE)
    assert normal["n_treat"] == pytest.approx(normal["n_control"] / 9, rel=CLOSE)


@pytest.mark.parametrize("kind", ["mean", "cuped", "ratio"])
def test_tea_tasting_s_power_is_that_of_the_spread_over_all_units(
    kind: str, peers: dict[str, Any], arms: tuple[Moments, Moments]
) -> None:
    """Its units are those of both arms, rounded up; its standard deviation is that of all, whatever their arm."""
    everybody = merged(list(arms))
    form = linear_ratio(everybody, "orders", "sessions") if kind == "ratio" else linear_mean(everybody, "revenue")
    level, variance = form.sample().level, form.variance
    if kind == "cuped":
        before = linear_mean(everybody, "pre_revenue")
        variance -= form.covariance(before) ** 2 / before.variance
    spread, half = math.sqrt(variance), 5_000
    powered, least = peers[f"tt.power.{kind}.power"], peers[f"tt.power.{kind}.rel_effect_size"]
    assert 0.1 * level == pytest.approx(powered["effect_size"], rel=CLOSE)
    assert power_of_means(0.1 * level, spread, half) == pytest.approx(powered["power"], rel=CLOSE)
    assert smallest_mean_effect(spread, half) == pytest.approx(least["effect_size"], rel=CLOSE)
    assert smallest_mean_effect(spread, half) / level == pytest.approx(least["rel_effect_size"], rel=CLOSE)
    if kind != "mean":
        peer = peers[f"tt.power.{kind}.n_obs"]
        assert math.ceil(2 * units_for_means(0.05 * level, spread)) == peer["n_obs"]


def test_spotify_takes_the_normal_law_and_control_as_known(
    peers: dict[str, Any], arms: tuple[Moments, Moments]
) -> None:
    """Its relative interval is the absolute one divided by control's mean; ours knows that this is estimated too."""
    gap, control = revenue(arms).difference(), arms[1].mean("revenue")
    normal = [gap.value - Z * gap.std_error, gap.value + Z * gap.std_error]
    p_value = 2 * float(ndtr(-abs(gap.value) / gap.std_error))
    for entry, ends, by, p in (
        ("sc.ztest.revenue.abs", normal, 1.0, p_value),
        ("sc.ztest.revenue.rel", normal, control, p_value),
        ("sc.ttest.revenue.rel", [gap.low, gap.high], control, gap.p_value),
    ):
        peer = peers[entry]
        assert peer["diff"] == pytest.approx(gap.value / by, rel=CLOSE)
        assert peer["ci"] == pytest.approx([end / by for end in ends], rel=CLOSE), entry
        assert peer["p"] == pytest.approx(p, rel=CLOSE)
    delta = revenue(arms).relative(method="delta")
    assert delta is not None
    assert delta.low != pytest.approx(peers["sc.ttest.revenue.rel"]["ci"][0], rel=1e-3)


def test_spotify_s_non_inferiority_is_wald_s_with_a_margin_of_control_s_own_share(
    peers: dict[str, Any], arms: tuple[Moments, Moments]
) -> None:
    x1, n1, x0, n0 = converted(arms)
    found, peer = wald(x1, n1, x0, n0), peers["sc.ztest.converted.nim05"]
    margin = 0.05 * x0 / n0
    assert peer["null_hypothesis"] == pytest.approx(-margin, rel=CLOSE)
    assert peer["difference"] == pytest.approx(found.value, rel=CLOSE)
    assert peer["ci_lower"] == pytest.approx(found.value - float(ndtri(0.95)) * found.std_error, rel=CLOSE)
    assert peer["p-value"] == pytest.approx(float(ndtr(-(found.value + margin) / found.std_error)), rel=CLOSE)


def test_wald_s_non_inferiority_is_the_unpooled_z_beside_a_score_that_errs(peers: dict[str, Any]) -> None:
    """statsmodels' score tests of this entry are wrong for a shifted null (`test_small_counts`); Wald's is right."""
    peer, found = peers["ni.diff_score.980_10000__1000_10000.m0.005"], wald(980, 10_000, 1_000, 10_000)
    z = (found.value + 0.005) / found.std_error
    assert (z, float(ndtr(-z))) == pytest.approx((peer["z_wald"], peer["p_wald"]), rel=CLOSE)
    assert peer["z_score_MN"] == pytest.approx(peer["z_score"] * math.sqrt(19_999 / 20_000), rel=CLOSE)


@pytest.mark.parametrize("entry", ["prop.test.15_25_50.correct_TRUE", "users.prop.test.correct_TRUE"])
def test_r_s_continuity_correction_takes_half_a_unit_off(
    entry: str, peers: dict[str, Any], arms: tuple[Moments, Moments]
) -> None:
    """The correction makes the test and Wald's interval wider than their level says; ours has none."""
    x1, n1, x0, n0 = (15, 50, 25, 50) if "25" in entry else converted(arms)
    peer, off = peers[entry], (1 / n1 + 1 / n0) / 2
    z, _ = pooled_z(x1, n1, x0, n0)
    plain = wald(x1, n1, x0, n0)
    corrected = abs(z) * (abs(plain.value) - off) / abs(plain.value)
    assert (corrected**2, 2 * float(ndtr(-corrected))) == pytest.approx((peer["statistic"], peer["p"]), rel=CLOSE)
    reach = Z * plain.std_error + off
    assert peer["ci"] == pytest.approx([plain.value - reach, plain.value + reach], rel=CLOSE)


def test_tea_tasting_s_test_of_shares_is_corrected_too(peers: dict[str, Any], arms: tuple[Moments, Moments]) -> None:
    """Pearson's has the p-value of R's corrected test; G counts half a unit nearer to what was expected."""
    x1, n1, x0, n0 = converted(arms)
    for entry in ("tt.prop_pearson", "tt.prop_g"):
        levels = (peers[entry]["control"], peers[entry]["treatment"], peers[entry]["effect_size"])
        assert levels == pytest.approx((x0 / n0, x1 / n1, x1 / n1 - x0 / n0), rel=CLOSE)
        assert peers[entry]["rel_effect_size"] == pytest.approx((x1 / n1) / (x0 / n0) - 1, rel=CLOSE)
    assert peers["tt.prop_pearson"]["pvalue"] == pytest.approx(peers["users.prop.test.correct_TRUE"]["p"], rel=CLOSE)


def test_a_bound_of_one_side_is_an_end_of_the_interval_at_90_percent(
    peers: dict[str, Any], arms: tuple[Moments, Moments]
) -> None:
    peer, gap = peers["tt.mean_revenue_greater"], revenue(arms).difference(0.9)
    lift = revenue(arms).relative(0.9)
    assert lift is not None
    assert gap.low == pytest.approx(peer["effect_size_ci_lower"], rel=CLOSE)
    assert lift.low == pytest.approx(peer["rel_effect_size_ci_lower"], rel=CLOSE)
    assert gap.value < 0
    assert 1 - gap.p_value / 2 == pytest.approx(peer["pvalue"], rel=CLOSE)
    assert gap.value / gap.std_error == pytest.approx(peer["statistic"], rel=CLOSE)


def test_student_s_pooled_test_has_our_levels_and_a_spread_over_both_arms(
    peers: dict[str, Any], arms: tuple[Moments, Moments]
) -> None:
    """Not offered: it misleads where arms differ in size and spread. Welch's parts give it."""
    from scipy.special import stdtr, stdtrit

    peer, gap = peers["tt.mean_revenue_pooled"], revenue(arms).difference().value
    df = sum(arm.rows - 1 for arm in arms)
    pooled = sum((arm.rows - 1) * arm.variance("revenue") for arm in arms) / df
    error = math.sqrt(pooled * sum(1 / arm.rows for arm in arms))
    reach = float(stdtrit(df, 0.975)) * error
    assert [peer["effect_size_ci_lower"], peer["effect_size_ci_upper"]] == pytest.approx(
        [gap - reach, gap + reach], rel=CLOSE
    )
    assert peer["pvalue"] == pytest.approx(2 * float(stdtr(df, -abs(gap) / error)), rel=CLOSE)
    of_r = peers["users.welch.revenue"]
    assert (of_r["pooled_df"], abs(of_r["pooled_t"])) == pytest.approx((df, abs(gap) / error), rel=CLOSE)


def test_growthbook_s_sequential_intervals_are_ours_up_to_its_coefficient_and_divisor(
    peers: dict[str, Any], arms: tuple[Moments, Moments]
) -> None:
    """CUPED's coefficient is pooled there, a share's variance divided by n, and adjusted arms taken as independent."""

    def adjusted(y: Callable[[Moments], Any], x: Callable[[Moments], Any]) -> TwoLevels:
        one, other = ((y(arm), [x(arm)]) for arm in arms)
        return cuped(one, other).levels

    spend = adjusted(lambda m: linear_mean(m, "revenue"), lambda m: linear_mean(m, "pre_revenue"))
    orders = adjusted(
        lambda m: linear_ratio(m, "orders", "sessions"), lambda m: linear_ratio(m, "pre_orders", "pre_sessions")
    )
    share = TwoLevels.of(*(linear_mean(arm, "converted") for arm in arms))
    for entry, fixed in (
        ("cuped.revenue.relative", spend.relative(method="delta")),
        ("cuped_ratio.orders_per_session.absolute", orders.difference()),
        ("prop.converted.relative", share.relative(method="delta")),
    ):
        peer = peers[f"gb.sequential5000.{entry}"]
        assert fixed is not None
        found = always_valid(fixed.value, fixed.std_error, ratio_for_units(peer["n"], 5_000))
        assert (found.high - found.low) / 2 == pytest.approx(peer["halfwidth"], rel=2e-3), entry
        assert found.value == pytest.approx(sum(peer["ci"]) / 2, abs=0.01 * fixed.std_error), entry
        assert found.p_value == pytest.approx(peer["p"], rel=0.01)


def test_growthbook_s_relative_quantile_is_the_plain_delta_method(peers: dict[str, Any]) -> None:
    """Its arms' errors are half the distance of the bounds by z, times the root of (n - 1) / n; ours is on logs."""
    peer = peers["gb.quantile_unit.latency.p99.relative"]
    (n0, value0, *ends0), (n1, value1, *ends1) = peer["inputs"]
    errors = [(high - low) / (2 * Z) * math.sqrt((n - 1) / n) for n, (low, high) in ((n0, ends0), (n1, ends1))]
    error = math.hypot(errors[1] / value0, value1 * errors[0] / value0**2)
    assert error == pytest.approx(peer["se"], rel=1e-3)
    one, other = (
        QuantileSample(ranks=quantile_ranks(n, 0.99), value=value, low=low, high=high)
        for n, value, (low, high) in ((n1, value1, ends1), (n0, value0, ends0))
    )
    lift = quantile_relative(one, other)
    assert lift is not None
    assert lift.value == pytest.approx(peer["estimate"], rel=CLOSE)
    assert lift.std_error == pytest.approx(peer["se"], rel=0.1)


def test_increment_s_median_is_ours_with_an_error_of_another_estimate(
    peers: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    """It bootstraps the error of the logarithm; ours comes from the ranks. The lift is the same."""
    peer, samples = peers["inc.p50"], []
    for arm in ("1", "0"):
        ordered = np.sort([float(row["latency_ms"]) for row in rows if row["variant"] == arm])
        ranks = quantile_ranks(len(ordered), 0.5)
        low, high = ordered[ranks.low - 1], ordered[ranks.high - 1]
        samples.append(QuantileSample(ranks=ranks, value=float(np.median(ordered)), low=float(low), high=float(high)))
    lift = quantile_relative(samples[0], samples[1])
    assert lift is not None
    assert lift.value == pytest.approx(peer["lift"], rel=CLOSE)
    assert lift.std_error / (1 + lift.value) == pytest.approx(peer["log_se"], rel=0.15)


def test_smokers_in_r_s_documentation(reference: dict[str, Any]) -> None:
    (entry,) = [item for item in reference["published"] if item["id"] == "r.prop.test.smokers"]
    found = equal_rates(entry["inputs"]["x"], entry["inputs"]["n"])
    assert found == pytest.approx(entry["expected"][2], abs=5e-7)


def test_a_large_mean_loses_no_digits(reference: dict[str, Any], arms: tuple[Moments, Moments]) -> None:
    """A peer's trap: the error of values moved far from zero is that of the values."""
    assert reference["peer_defects_demonstrated"]["trap.tt.large_mean"]["value"]["halfwidth"] > 0
    random = np.random.default_rng(2)
    near = [random.normal(size=2_000), random.normal(size=500)]
    there, here = (
        TwoLevels.of(*(linear_mean(Moments.of_rows({"x": (x + off).tolist()}), "x") for x in near)).difference()
        for off in (1e9, 0.0)
    )
    assert (there.value, there.std_error) == pytest.approx((here.value, here.std_error), rel=1e-5)


def test_welch_from_summaries_equals_scipy(peers: dict[str, Any]) -> None:
    """The entry has t and p alone, which determine 1,862.45858 degrees of freedom; of summaries of round units and of
    standard deviations in tenths that were searched, these alone have both, to all digits."""
    peer = peers["welch.summary"]
    one, other = Sample(n=900, mean=0.22, variance=3.1**2), Sample(n=1_000, mean=0.0, variance=3.0**2)
    found = welch(one, other)
    assert found.value / found.std_error == pytest.approx(peer["t"], rel=1e-12)
    assert found.p_value == pytest.approx(peer["p"], rel=1e-11)
