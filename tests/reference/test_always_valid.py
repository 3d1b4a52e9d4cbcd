"""Normal mixtures, asymptotic confidence sequences and the mSPRT against confseq, GrowthBook and the closed forms."""

from __future__ import annotations

import csv
import math
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from scipy.optimize import brentq, minimize_scalar

from steelyard.stats.always_valid import always_valid, ratio_for_effects, ratio_for_units
from steelyard.stats.gamma_mixture import Tail, gamma_bound, gamma_evidence
from steelyard.stats.normal_mixture import best_ratio, critical_value, log_evidence
from steelyard.stats.share_sequence import concentration_for, share_evidence, share_sequence
from steelyard.stats.stitching import stitched_bound

CLOSE = 1e-6


def test_mixture_bounds_equal_confseq(peers: dict[str, Any]) -> None:
    entries = [name for name in peers if name.startswith("confseq.normal_mixture.two")]
    assert len(entries) == 7
    for name in entries:
        v, v_opt = (float(part.lstrip("vopt")) for part in name.split(".")[-2:])
        peer = peers[name]
        root = math.sqrt(v)
        rho = v_opt / best_ratio(0.05)
        assert root * critical_value(v / rho, 0.05) == pytest.approx(peer["alpha05"], rel=CLOSE), name
        assert root * critical_value(v / rho, 0.01) == pytest.approx(peer["alpha01"], rel=CLOSE)
        one = root * critical_value(v * best_ratio(0.025, "above") / v_opt, 0.025, "above")
        assert one == pytest.approx(peer["one_sided_alpha025"], rel=CLOSE), name


def test_the_one_sided_mixture_equals_howard_s_reference_implementation(peers: dict[str, Any]) -> None:
    peer = peers["confseq.published.normal_one_sided"]
    ratio = best_ratio(0.05, "above")
    assert log_evidence(1.0, ratio, "above") == pytest.approx(peer["log_mixture_s10_v100"], rel=CLOSE)
    assert 10 * critical_value(ratio, 0.05, "above") == pytest.approx(peer["bound_v100"], rel=CLOSE)


def test_the_interval_of_one_share_equals_confseq_and_expectation(reference: Any, peers: dict[str, Any]) -> None:
    published = [entry for entry in reference["published"] if entry["id"].startswith("confseq.bernoulli.")]
    cases = {entry["id"].removeprefix("confseq.bernoulli."): entry["expected"] for entry in published}
    assert len(cases) == 3
    for name, expected in cases.items():
        assert _of_share(name) == pytest.approx(expected, abs=1e-6), name
    for name, expected in peers["confseq.published.bernoulli_ci"].items():
        assert _of_share(name) == pytest.approx(expected, rel=CLOSE), name
    assert _of_share("700_1000_topt100") == pytest.approx(peers["expectation.bernoulli_ci.700_1000_topt100"], rel=CLOSE)


def _of_share(name: str) -> tuple[float, float]:
    count, n, tuned_for = name.replace("topt", "").split("_")
    return share_sequence(int(count), int(n), float(tuned_for))


def test_the_shares_of_the_stream_equal_confseq(folder: Path, peers: dict[str, Any]) -> None:
    """Arms' shares of z among the first 100 units, tuned for 500."""
    with (folder / "data" / "stream.csv").open() as file:
        first = list(islice(csv.DictReader(file), 100))
    for arm in "01":
        seen = [int(row["z"]) for row in first if row["variant"] == arm]
        expected = peers["confseq.stream.bernoulli.t100"][f"arm{arm}"]
        assert share_sequence(sum(seen), len(seen), 500) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize("tail", ["exponential", "poisson"])
def test_gamma_mixtures_equal_howard_s_reference_implementation(
    reference: Any, peers: dict[str, Any], tail: Tail
) -> None:
    """The entries of `confseq.gamma_exponential_c2` and `confseq.gamma_poisson_c2`, and those that peers computed."""
    published = {item["id"]: item for item in reference["published"]}
    bound, evidence = gamma_bound(100, 2, 100, tail=tail), gamma_evidence(10, 100, 2, 100, tail=tail)
    entry = published[f"confseq.gamma_{tail}_c2.bound_v100"]
    assert bound == pytest.approx(entry["expected"], abs=entry["tol_abs"])
    assert bound == pytest.approx(entry["recomputed"], rel=CLOSE)
    if tail == "exponential":
        log_mixture = published["confseq.gamma_exponential_c2.log_mixture_s10_v100"]["recomputed"]
        assert bound == pytest.approx(peers["expectation.gamma_exp.v100.c2"], rel=CLOSE)
    else:
        log_mixture = peers["confseq.published.gamma_poisson_c2"]["log_mixture_s10_v100"]
        assert bound == pytest.approx(peers["confseq.published.gamma_poisson_c2"]["bound_v100"], rel=CLOSE)
    assert evidence == pytest.approx(log_mixture, rel=CLOSE)


def test_the_stitched_bound_equals_howard_s_reference_implementation(reference: Any) -> None:
    """The entry `confseq.poly_stitching.v100_vmin10_cm1`: c is -1."""
    (entry,) = (item for item in reference["published"] if item["id"].startswith("confseq.poly_stitching"))
    assert stitched_bound(100, 10, scale=-1) == pytest.approx(entry["recomputed"], rel=CLOSE)


def test_the_evidence_against_one_share_equals_howard_s_reference_implementation(reference: Any) -> None:
    """The beta-binomial bound with g 0.2 and h 0.8 at v 100: a share of 0.2 of 625 units, tuned for as many."""
    (entry,) = [entry for entry in reference["published"] if entry["id"] == "confseq.beta_binomial_two.bound_v100"]
    n, concentration = 625, concentration_for(625)
    bound = brentq(lambda s: share_evidence(125 + s, n, 0.2, concentration) - math.log(20), 0, 100, xtol=1e-12)
    assert bound == pytest.approx(entry["expected"], abs=1e-5)
    assert bound == pytest.approx(entry["recomputed"], rel=CLOSE)


def test_mixture_bounds_equal_ville_which_tunes_exactly(peers: dict[str, Any]) -> None:
    rho = peers["ville.best_rho.two.vopt100"]
    for v in (10.0, 100.0):
        ours = math.sqrt(v) * critical_value(v / rho, 0.05)
        assert ours == pytest.approx(peers[f"ville.normal_mixture.two.v{v:.0f}.vopt100"], rel=CLOSE)
    ours, exact = critical_value(best_ratio(0.05)), critical_value(100 / rho)
    assert exact < ours < exact * 1.0001


def test_the_tuning_equals_waudby_smith_and_growthbook(peers: dict[str, Any]) -> None:
    entries = [name for name in peers if name.startswith("asympcs.rho.")]
    assert len(entries) == 10
    for name in entries:
        _, _, sides, rest = name.split(".", 3)
        alpha, units = rest.removeprefix("alpha").split(".nstar")
        rho2 = ratio_for_units(1, float(units), level=1 - float(alpha), bound="both" if sides == "two" else "above")
        assert math.sqrt(rho2) == pytest.approx(peers[name], rel=CLOSE), name


def test_half_widths_equal_the_asymptotic_confidence_sequence(peers: dict[str, Any]) -> None:
    found = always_valid(0.0, 1 / math.sqrt(1_000), ratio_for_units(1_000, 5_000))
    assert found.high == pytest.approx(peers["asympcs.halfwidth.two.s2_1.n1000.nstar5000.alpha0.05"], rel=CLOSE)
    # One side: the peers' closed form bounds the mixture that we solve. Ours is inside it by less than two per cent.
    for n in (100, 10_000):
        peer = peers[f"asympcs.halfwidth.one.s2_1.n{n}.nstar5000.alpha0.05"]
        ratio = ratio_for_units(n, 5_000, bound="above")
        closed = math.sqrt((1 + ratio) / ratio * 2 * math.log1p(math.sqrt(1 + ratio) / 0.1) / n)
        assert closed == pytest.approx(peer, rel=CLOSE)
        ours = -always_valid(0.0, 1 / math.sqrt(n), ratio, bound="above").low
        assert 0.98 * peer < ours < peer


def test_the_one_sided_bound_equals_expgate_at_the_exact_optimum(peers: dict[str, Any]) -> None:
    """Its information is the planned one over the present one."""
    best = minimize_scalar(lambda x: critical_value(x, 0.05, "above"), bounds=(4, 9), options={"xatol": 1e-10}).x
    entries = {name: value for name, value in peers.items() if name.startswith("expgate.multiplier.one_sided")}
    assert len(entries) == 5
    for name, peer in entries.items():
        info = float(name.split(".info")[1])
        assert critical_value(best / info, 0.05, "above") == pytest.approx(peer, rel=CLOSE), name


def test_sequential_intervals_equal_growthbook(peers: dict[str, Any]) -> None:
    """GrowthBook's half-width for the standard error that its own fixed test reports on the same metric."""
    for name, fixed in (
        ("gb.sequential5000.mean.revenue.absolute", "gb.ttest.mean.revenue.absolute"),
        ("gb.sequential5000.mean.revenue.relative", "gb.ttest.mean.revenue.relative"),
        ("gb.sequential5000.cuped.revenue.absolute", "gb.ttest.cuped.revenue.absolute"),
    ):
        peer, plain = peers[name], peers[fixed]
        error = plain["se"]
        found = always_valid(plain["estimate"], error, ratio_for_units(peer["n"], 5_000))
        assert [found.low, found.high] == pytest.approx(peer["ci"], rel=CLOSE), name
        assert found.p_value == pytest.approx(peer["p"], rel=1e-3), name


def test_the_msprt_equals_its_closed_form(peers: dict[str, Any]) -> None:
    """A mean of 0.05 of 1,000 units of variance 1, mixed over effects of variance 0.01."""
    peer = peers["msprt.m0.05.s21.0.n1000.tau20.01"]
    error = 1 / math.sqrt(1_000)
    found = always_valid(0.05, error, ratio_for_effects(error, 0.1))
    assert math.exp(found.log_evidence) == pytest.approx(peer["Lambda"], rel=CLOSE)
    assert found.p_value == peer["p"]
    assert found.high - found.value == pytest.approx(peer["ci_halfwidth_alpha05"], rel=CLOSE)
