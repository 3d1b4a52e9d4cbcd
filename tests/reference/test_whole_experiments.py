"""The values of peers, met by a whole experiment: from a specification and rows to the result's rows and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from steelyard.result import Estimate, Result
from steelyard.studies.experiments import Assignment, Covariate, Experiment, Mean, MetricUse, Prior, Ratio, Share
from steelyard.studies.run import run

CLOSE = 1e-6


@pytest.fixture(scope="module")
def peers(reference: dict[str, Any]) -> dict[str, Any]:
    return {name: entry.get("value", entry) for name, entry in reference["peer_values"].items()}


@pytest.fixture(scope="module")
def users(shared: Path) -> pa.Table:
    return csv.read_csv(shared / "reference" / "experiments" / "data" / "users.csv")


def _run(table: pa.Table, **words: Any) -> Result:
    arms = {"0": 0.5, "1": 0.5}
    study = Experiment(
        **{
            "name": "users", "question": "Does it help?", "arms": arms, "control": "0", "table": "data",
            "unit": "user_id", "assignment": Assignment(arm="variant"), **words,
        }
    )  # fmt: skip
    return run(study, table)


def _row(result: Result, metric: str, scale: str = "absolute") -> Estimate:
    return result.estimate(metric=metric, scale=scale, segment="all")  # type: ignore[arg-type]


def _table(result: Result, name: str) -> list[dict[str, Any]]:
    return result.tables[name].to_pylist()  # type: ignore[no-any-return]


def test_lin_s_adjustment_is_estimatr_s(reference: dict[str, Any], users: pa.Table) -> None:
    (entry,) = [item for item in reference["agreements"] if item["what"].startswith("Lin (2013)")]
    result = _run(users, primary=Mean("revenue", covariate="pre_revenue", adjustment="lin"))
    assert _row(result, "revenue").value == pytest.approx(entry["values"]["estimatr_lm_lin"], rel=CLOSE)
    (row,) = _table(result, "coefficients")
    assert row["covariate"] == "pre_revenue"
    assert row["treated"] != row["control"]


def test_several_covariates_are_least_squares_over_slopes_of_the_contrast(
    peers: dict[str, Any], users: pa.Table
) -> None:
    """As R's analysis of covariance, up to how units weigh the slopes; and exactly what a direct search finds."""
    from scipy.optimize import minimize

    names = ("pre_revenue", "pre_orders", "pre_sessions")
    result = _run(users, primary=Mean("revenue", covariate=names))
    found = _row(result, "revenue")
    arm = users["variant"].to_numpy()
    values = np.stack([users[name].to_numpy().astype(float) for name in ("revenue", *names)])

    def squared(slopes: np.ndarray) -> float:  # type: ignore[type-arg]
        weights = np.array([1.0, *(-slopes)])
        return sum(
            float(weights @ np.cov(values[:, arm == which]) @ weights) / int((arm == which).sum()) for which in (0, 1)
        )

    best = minimize(squared, np.zeros(3), tol=1e-14)
    assert found.std_error == pytest.approx(math.sqrt(best.fun), rel=CLOSE)
    gaps = values[:, arm == 1].mean(axis=1) - values[:, arm == 0].mean(axis=1)
    assert found.value == pytest.approx(gaps[0] - best.x @ gaps[1:], abs=1e-5)
    peer = peers["sm.ancova3.HC2"]
    assert found.value == pytest.approx(peer["est"], abs=0.005 * peer["se"])
    assert [row["covariate"] for row in _table(result, "coefficients")] == list(names)


def test_post_stratification_is_growthbook_s(peers: dict[str, Any], users: pa.Table) -> None:
    """Its error also counts that strata's sizes are a sample's; ours is of the units that took part."""
    peer = peers["gb.poststrat.revenue.platform.absolute"]
    result = _run(users, primary=Mean("revenue"), strata=("platform",))
    found = _row(result, "revenue")
    assert found.value == pytest.approx(peer["estimate"], rel=CLOSE)
    assert found.std_error == pytest.approx(peer["se"], rel=5e-3)
    assert _table(result, "methods")[0]["method"] == "by platform, weighted by units, t"


def test_segments_are_the_interaction_test(peers: dict[str, Any], users: pa.Table) -> None:
    peer = peers["hte.platform.revenue"]
    result = _run(users, primary=Mean("revenue"), segments=("platform",))
    (test,) = _table(result, "interactions")
    assert (test["statistic"], test["df"], test["p_value"]) == pytest.approx(
        (peer["cochran_Q"], peer["df"], peer["p"]), rel=CLOSE
    )
    assert test["effect"] == pytest.approx(peer["ivw_effect"], rel=CLOSE)
    for row in _table(result, "segments"):
        segment = peer["segments"][row["segment"].removeprefix("platform = ")]
        assert (row["value"], row["std_error"]) == pytest.approx((segment["diff"], segment["se"]), rel=CLOSE)
        # Nothing is left between segments where Q is below its degrees of freedom: each is drawn to the mean of all.
        assert row["shrunk"] == pytest.approx(peer["ivw_effect"], rel=CLOSE)
        assert not row["claimed"]


def test_posteriors_are_growthbook_s(peers: dict[str, Any], users: pa.Table) -> None:
    flat, narrow = Prior(flat=True), Prior(std_dev=0.3)
    result = _run(
        users, primary=Mean("revenue", prior=flat), secondary=(Ratio("orders", "sessions", metric="ops", prior=narrow),)
    )
    rows = {row["metric"]: row for row in _table(result, "posteriors")}
    for metric, entry in (
        ("revenue", "gb.bayes.mean.revenue.relative.prior_flat"),
        ("ops", "gb.bayes.ratio.orders_per_session.relative.prior_N0_0.3"),
    ):
        ours, peer = rows[metric], peers[entry]
        assert [ours["low"], ours["high"]] == pytest.approx(peer["ci"], rel=CLOSE)
        assert ours["mean"] == pytest.approx(peer["mean"], rel=CLOSE)
        assert ours["chance_to_beat_control"] == pytest.approx(peer["chance_to_win"], rel=CLOSE)
        assert [ours["expected_loss_of_control"], ours["expected_loss"]] == pytest.approx(peer["risk"], rel=CLOSE)


METRICS: Mapping[str, Any] = {
    "sessions": Mean("sessions"),
    "orders": Mean("orders"),
    "revenue": Mean("revenue"),
    "latency": Mean("latency_ms"),
    "ops": Ratio("orders", "sessions", metric="ops"),
}


@pytest.mark.parametrize("method", ["bh", "by"])
def test_exploratory_families_are_adjusted_as_tea_tasting_s(
    method: str, peers: dict[str, Any], users: pa.Table
) -> None:
    result = _run(users, primary=Share("converted"), secondary=tuple(METRICS.values()), false_discovery=method)
    rows = {row["metric"]: row for row in _table(result, "p_values") if row["family"] == "secondary"}
    for name, use in METRICS.items():
        row = rows[use.metric]
        assert row["p_value"] == pytest.approx(peers["tt.multiplicity.raw"][name], rel=CLOSE)
        assert row["adjusted"] == pytest.approx(peers[f"tt.multiplicity.fdr_{method}"][name], rel=CLOSE)
        assert (row["tests"], row["method"]) == (5, method)


@pytest.mark.parametrize("correction", ["holm", "bonferroni", "hochberg", "hommel"])
def test_primaries_are_adjusted_as_r_and_tea_tasting_do(
    correction: str, peers: dict[str, Any], users: pa.Table
) -> None:
    from statsmodels.stats.multitest import multipletests

    result = _run(users, primary=tuple(METRICS.values()), correction=correction)
    rows = {row["metric"]: row for row in _table(result, "p_values") if row["family"] == "primary"}
    raw = [peers["tt.multiplicity.raw"][name] for name in METRICS]
    theirs = {"hochberg": "simes-hochberg"}.get(correction, correction)
    wanted = dict(zip(METRICS, multipletests(raw, method=theirs)[1], strict=True))
    if correction == "holm":
        wanted = peers["tt.multiplicity.fwer_holm_bonf"]
    for name, use in METRICS.items():
        assert rows[use.metric]["adjusted"] == pytest.approx(wanted[name], rel=CLOSE)


@pytest.mark.parametrize(
    ("method", "entry"),
    [("delta", "gb.ttest.mean.revenue.relative"), ("log", "tt.mean_revenue")],
)
def test_the_relative_effect_is_that_of_the_scale_that_was_asked_for(
    method: str, entry: str, peers: dict[str, Any], users: pa.Table
) -> None:
    found = _row(_run(users, primary=Mean("revenue", relative_method=method)), "revenue", "relative")
    peer = peers[entry]
    ends = peer.get("ci") or [peer["rel_effect_size_ci_lower"], peer["rel_effect_size_ci_upper"]]
    assert [found.low, found.high] == pytest.approx(ends, rel=CLOSE)


def test_fieller_s_interval_is_the_closed_form_with_t_in_place_of_z(peers: dict[str, Any], users: pa.Table) -> None:
    peer = peers["ratio.ops.delta"]
    use = Ratio("orders", "sessions", metric="ops", relative_method="fieller")
    found = _row(_run(users, primary=use), "ops", "relative")
    assert [found.low, found.high] == pytest.approx(peer["lift_ci_fieller"], rel=2e-3)
    # Its reference is normal. Exactly: the roots of the quadratic with the peer's own levels and variances.
    from scipy.stats import t

    c2 = t.ppf(0.975, _df(peer)) ** 2
    a, b, c = (
        peer["r_c"] ** 2 - c2 * peer["var_c"],
        -2 * peer["r_t"] * peer["r_c"],
        peer["r_t"] ** 2 - c2 * peer["var_t"],
    )
    assert [found.low, found.high] == pytest.approx(sorted(np.roots([a, b, c]).real - 1), rel=CLOSE)


def _df(peer: Mapping[str, float]) -> float:
    one, other = peer["var_t"], peer["var_c"]
    return (one + other) ** 2 / (one**2 / 1_515 + other**2 / 1_483)


def _counts(x1: int, n1: int, x2: int, n2: int) -> pa.Table:
    return pa.table(
        {
            "user_id": np.arange(n1 + n2),
            "variant": [1] * n1 + [0] * n2,
            "has": [1] * x1 + [0] * (n1 - x1) + [1] * x2 + [0] * (n2 - x2),
        }
    )


@pytest.mark.parametrize("case", ["5_56__0_29", "0_10__0_20", "0_10__0_10", "10_10__0_20"])
def test_small_counts_have_miettinen_and_nurminen_s_interval_and_boschloo_s_test(
    case: str, peers: dict[str, Any]
) -> None:
    from scipy.stats import boschloo_exact

    x1, n1, x2, n2 = (int(number) for part in case.split("__") for number in part.split("_"))
    found = _row(_run(_counts(x1, n1, x2, n2), primary=Share("has")), "has")
    least = min(x1 + x2, n1 + n2 - x1 - x2) * min(n1, n2) / (n1 + n2)
    peer = peers[f"score_ci.{case}"]["miettinen_nurminen"] if least < 5 else None
    ends = [-1.0 if found.low is None else found.low, 1.0 if found.high is None else found.high]
    if peer is not None:
        assert ends == pytest.approx(peer, rel=CLOSE, abs=1e-9)
        table = [[x1, x2], [n1 - x1, n2 - x2]]
        exact = 1.0 if x1 + x2 in (0, n1 + n2) else boschloo_exact(table, n=64).pvalue
        assert found.p_value == pytest.approx(exact, rel=CLOSE)
    else:
        assert ends == pytest.approx(peers["sm.diff_prop.10_10__0_20"]["newcomb"], rel=CLOSE)


@pytest.mark.parametrize(
    ("x2", "method"),
    [(5, "Newcombe's interval, pooled z"), (4, "Miettinen and Nurminen's interval, Boschloo's exact test")],
)
def test_the_border_of_the_rule_is_five_expected(x2: int, method: str) -> None:
    result = _run(_counts(5, 40, x2, 40), primary=Share("has"))
    assert _table(result, "methods")[0]["method"] == method


def test_above_ten_thousand_pairs_of_units_the_test_is_fisher_s_mid_p(reference: dict[str, Any]) -> None:
    from scipy.stats import hypergeom

    border, beyond = (_run(_counts(3, n, 1, 100), primary=Share("has")) for n in (100, 101))
    assert "Boschloo" in _table(border, "methods")[0]["method"]
    assert "Fisher's mid-p" in _table(beyond, "methods")[0]["method"]
    law = hypergeom(201, 4, 101)
    chances = law.pmf(np.arange(5))
    seen = chances[3]
    same = np.isclose(chances, seen, rtol=1e-7)
    assert _row(beyond, "has").p_value == pytest.approx(
        chances[(chances < seen) & ~same].sum() + chances[same].sum() / 2
    )


def test_false_discovery_rates_are_r_s_and_statsmodels_s(reference: dict[str, Any], peers: dict[str, Any]) -> None:
    from steelyard.stats.false_discovery import benjamini_hochberg, benjamini_yekutieli

    (published,) = [item for item in reference["published"] if item["id"] == "bh1995"]
    p_values = published["inputs"]["p"]
    assert benjamini_yekutieli(p_values) == pytest.approx(peers["p.adjust.BH1995.BY"]["adj"], rel=CLOSE)
    peer = peers["sm.multitest.BH1995.fdr_bh"]
    assert benjamini_hochberg(p_values) == pytest.approx(peer["adj"], rel=CLOSE)
    assert sum(p <= 0.05 for p in benjamini_hochberg(p_values)) == peer["n_reject"]


@pytest.mark.parametrize(
    ("use", "entry"),
    [
        (Mean("revenue", covariate="pre_revenue"), "gb.bayes.cuped.revenue.relative.prior_N0_0.3"),
        (
            Ratio("orders", "sessions", covariate=Covariate(numerator="pre_orders", denominator="pre_sessions")),
            "gb.bayes.cuped_ratio.orders_per_session.relative.prior_N0_0.3",
        ),
    ],
    ids=["mean", "ratio"],
)
def test_posteriors_after_cuped_are_growthbook_s_up_to_the_coefficient_of_the_contrast(
    use: MetricUse, entry: str, peers: dict[str, Any], users: pa.Table
) -> None:
    """Its coefficient is pooled over units; the estimate moves by a fiftieth of its error."""
    peer = peers[entry]
    (row,) = _table(_run(users, primary=replace(use, prior=Prior(std_dev=0.3))), "posteriors")
    assert row["mean"] == pytest.approx(peer["mean"], abs=0.02 * peer["sd"])
    assert row["high"] - row["low"] == pytest.approx(peer["ci"][1] - peer["ci"][0], rel=5e-3)
    assert row["chance_to_beat_control"] == pytest.approx(peer["chance_to_win"], abs=0.01)


@pytest.mark.parametrize(
    ("entry", "covariates"),
    [
        ("sm.ancova3.HC1", ("pre_revenue", "pre_orders", "pre_sessions")),
        ("sm.ancova3.HC3", ("pre_revenue", "pre_orders", "pre_sessions")),
        ("users.ancova.HC0", ("pre_revenue",)),
        ("users.ancova.HC1", ("pre_revenue",)),
    ],
)
def test_cuped_is_near_analysis_of_covariance_by_whatever_robust_error(
    entry: str, covariates: tuple[str, ...], peers: dict[str, Any], users: pa.Table
) -> None:
    peer = peers[entry]
    found = _row(_run(users, primary=Mean("revenue", covariate=covariates)), "revenue")
    assert found.value == pytest.approx(peer["est"], abs=0.005 * peer["se"])
    assert found.std_error == pytest.approx(peer["se"], rel=3e-3)


def test_a_share_s_relative_effect_by_the_delta_method_is_growthbook_s(peers: dict[str, Any], users: pa.Table) -> None:
    """Its one-sided bound at 95 % is an end of the interval at 90 %; its variance of a share has another divisor."""
    peer = peers["gb.ttest_greater.prop.converted.relative"]
    use = Share("converted", relative_method="delta")
    found = _row(_run(users, primary=use, level=0.9), "converted", "relative")
    assert found.low == pytest.approx(peer["ci_lower"], rel=1e-3)
    assert found.p_value / 2 == pytest.approx(peer["p"], rel=1e-3)


def test_what_misleads_tea_tasting_is_refused_or_left_out(reference: dict[str, Any], users: pa.Table) -> None:
    traps = {name: item["value"] for name, item in reference["peer_defects_demonstrated"].items()}
    gaps = _run(users, primary=Mean("pre_revenue_missing"))
    assert gaps.verdict.answer == "invalid"
    trap = traps["trap.tt.null_metric"]
    (check,) = [item for item in gaps.checks if item.name == "values_present"]
    holes = users["pre_revenue_missing"].null_count
    assert holes == trap["n_rows"] - trap["n_nonnull"]
    assert (
        sum(int(word) for word in check.says.replace(",", "").split() if word.isdigit() and int(word) < 1_000) == holes
    )
    assert _row(gaps, "pre_revenue_missing").value is None
    # A negative level has no relative effect, where the peer gives one of -218 % with its ends turned round.
    peer = traps["trap.tt.negative_control_mean"]
    assert peer["rel_effect_size_ci_lower"] > peer["rel_effect_size_ci_upper"]
    shifted = users.append_column("net", pa.array(users["revenue"].to_numpy() - 20.0))
    for method in ("log", "delta", "fieller"):
        assert _row(_run(shifted, primary=Mean("net", relative_method=method)), "net", "relative").value is None


def test_an_absolute_prior_is_one_of_the_absolute_effect(reference: dict[str, Any], users: pa.Table) -> None:
    """GrowthBook gives the same posterior for both; ours is the closed form on each scale."""
    assert reference["peer_defects_demonstrated"]["defect.gb.absolute_prior_ignored"]["value"]["identical"]
    for scale in ("absolute", "relative"):
        result = _run(users, primary=Mean("revenue", prior=Prior(std_dev=0.3, scale=scale)))
        (row,) = _table(result, "posteriors")
        found = _row(result, "revenue", scale)
        weight = 1 / (1 + (found.std_error / 0.3) ** 2)
        assert row["mean"] == pytest.approx(weight * found.value)
        assert row["high"] - row["low"] == pytest.approx(2 * 1.959964 * found.std_error * weight**0.5, rel=1e-6)


def test_allocations_that_crash_tea_tasting_are_planned(reference: dict[str, Any]) -> None:
    from steelyard.stats.power import power_of_means, units_for_means

    crashes = [name for name in reference["peer_defects_demonstrated"] if name.startswith("defect.tt.power.alloc.")]
    assert len(crashes) == 5
    for name in crashes:
        assert "error" in reference["peer_defects_demonstrated"][name]["value"]
        ratio = float(name.removeprefix("defect.tt.power.alloc."))
        units = units_for_means(0.1, 1.0, ratio=ratio)
        assert power_of_means(0.1, 1.0, units, ratio=ratio) == pytest.approx(0.8, abs=1e-6)
