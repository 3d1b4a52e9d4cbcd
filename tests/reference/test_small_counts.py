"""Intervals and tests of shares against Newcombe's tables, R, statsmodels, rpact and SciPy."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import contingency

from steelyard.stats.agresti import agresti_caffo, agresti_coull
from steelyard.stats.clopper_pearson import clopper_pearson
from steelyard.stats.exact_tests import barnard, boschloo, fisher
from steelyard.stats.odds_ratio import odds_ratio
from steelyard.stats.score_interval import restricted_shares, score_difference, score_ratio, score_test
from steelyard.stats.sequential_ratio import sequential_ratio

CLOSE = 1e-6


def _pairs(case: str) -> list[int]:
    return [int(number) for part in case.split("__") for number in part.split("_")]


def test_score_and_exact_intervals_equal_newcombe_s_tables(reference: dict[str, Any]) -> None:
    methods = {
        "mee": lambda i: score_difference(i["x1"], i["n1"], i["x2"], i["n2"], i["level"], corrected=False),
        "mn": lambda i: score_difference(i["x1"], i["n1"], i["x2"], i["n2"], i["level"]),
        "cp": lambda i: clopper_pearson(i["x"], i["n"], i["level"]),
    }
    checked = 0
    for entry in reference["published"]:
        kind = entry["id"].split(".")[1] if entry["id"].startswith("newcombe98.") else ""
        if kind in methods:
            found = methods[kind](entry["inputs"])
            assert found == pytest.approx(entry["expected"], rel=0, abs=entry["tol_abs"]), entry["id"]
            checked += 1
    assert checked == 10


def test_score_intervals_equal_r(peers: dict[str, Any]) -> None:
    entries = [name for name in peers if name.startswith("score_ci.")]
    assert len(entries) == 5
    for name in entries:
        case = _pairs(name.removeprefix("score_ci."))
        assert score_difference(*case, corrected=False) == pytest.approx(peers[name]["mee"], rel=CLOSE, abs=1e-9), name
        assert score_difference(*case) == pytest.approx(peers[name]["miettinen_nurminen"], rel=CLOSE, abs=1e-9), name


def test_one_share_equals_r_and_statsmodels(peers: dict[str, Any]) -> None:
    for name in [name for name in peers if name.startswith("single_prop.")]:
        found = clopper_pearson(*_pairs(name.removeprefix("single_prop.")))
        assert found == pytest.approx(peers[name]["clopper_pearson"], rel=CLOSE, abs=1e-12)
    for name in [name for name in peers if name.startswith("sm.single_prop.")]:
        case = _pairs(name.removeprefix("sm.single_prop."))
        assert clopper_pearson(*case) == pytest.approx(peers[name]["beta"], rel=CLOSE, abs=1e-12)
        assert agresti_coull(*case) == pytest.approx(peers[name]["agresti_coull"], rel=CLOSE, abs=1e-12)


def test_agresti_caffo_equals_statsmodels_up_to_the_cut_at_one(peers: dict[str, Any]) -> None:
    for name in [name for name in peers if name.startswith("sm.diff_prop.")]:
        peer = [min(max(bound, -1.0), 1.0) for bound in peers[name]["agresti-caffo"]]
        assert agresti_caffo(*_pairs(name.removeprefix("sm.diff_prop."))) == pytest.approx(peer, rel=CLOSE), name


def test_ratios_equal_statsmodels(peers: dict[str, Any]) -> None:
    peer = peers["sm.rr_or.6_7__2_7"]
    # statsmodels solves for the bounds to about 1e-5.
    assert score_ratio(6, 7, 2, 7) == pytest.approx(peer["rr_score"], rel=2e-5)
    found = odds_ratio(6, 7, 2, 7)
    assert [found.low, found.high] == pytest.approx(peer["or_logit"], rel=CLOSE)


def test_non_inferiority_equals_rpact_where_statsmodels_errs(peers: dict[str, Any], reference: dict[str, Any]) -> None:
    entries = [name for name in peers if name.startswith("sm:ni.fm.")]
    assert len(entries) == 3
    for name in entries:
        case, margin = name.removeprefix("sm:ni.fm.").split(".m")
        found = score_test(*_pairs(case), -float(margin))
        assert found == pytest.approx((peers[name]["z"], peers[name]["p"]), rel=CLOSE), name
        shares = restricted_shares(*_pairs(case), -float(margin))
        assert shares == pytest.approx((peers[name]["p1_restricted"], peers[name]["p2_restricted"]), rel=CLOSE)
    defects = {k: v["value"] for k, v in reference["peer_defects_demonstrated"].items() if "score_shifted" in k}
    assert len(defects) == 4
    for name, defect in defects.items():
        case, margin = name.removeprefix("defect.statsmodels.score_shifted_null.").split(".m")
        z, p = score_test(*_pairs(case), -float(margin))
        assert (z, p) == pytest.approx((defect["correct_z"], defect["correct_p"]), rel=CLOSE)
        assert abs(z - defect["statsmodels_z"]) > 1e-5


def test_exact_p_values_equal_scipy_and_r(peers: dict[str, Any], reference: dict[str, Any]) -> None:
    peer = peers["two_prop.3_30__9_30"]
    assert fisher(3, 30, 9, 30) == pytest.approx(peer["fisher_p"], rel=CLOSE)
    assert barnard(3, 30, 9, 30) == pytest.approx(peer["barnard_p"], rel=CLOSE)
    assert boschloo(3, 30, 9, 30) == pytest.approx(peer["boschloo_p"], rel=CLOSE)
    (tea,) = [item for item in reference["published"] if item["id"] == "r.fisher.tea"]
    two, greater, odds = tea["expected"]
    assert fisher(3, 4, 1, 4) == pytest.approx(two, abs=tea["tol_abs"])
    assert fisher(3, 4, 1, 4, one_sided=True) == pytest.approx(greater, abs=tea["tol_abs"])
    assert contingency.odds_ratio([[3, 1], [1, 3]]).statistic == pytest.approx(odds, abs=tea["tol_abs"])


def test_fisher_equals_r_and_tea_tasting_on_the_same_users(reference: dict[str, Any], shared: Path) -> None:
    (agreed,) = [item for item in reference["agreements"] if item["what"] == "Fisher exact p"]
    text = (shared / "reference" / "experiments" / "data" / "users.csv").read_text()
    rows = [(row["variant"], row["converted"]) for row in csv.DictReader(text.splitlines())]
    (x1, n1), (x0, n0) = ((rows.count((arm, "1")), sum(a == arm for a, _ in rows)) for arm in ("1", "0"))
    for peer, value in agreed["values"].items():
        assert fisher(x1, n1, x0, n0) == pytest.approx(value, abs=agreed["tol_for_ours"]), peer


def test_sequential_sample_ratios_equal_the_closed_form_and_increment(
    peers: dict[str, Any], reference: dict[str, Any]
) -> None:
    entries = [name for name in peers if name.startswith("srm.seq_dirichlet.")]
    assert len(entries) == 4
    for name in entries:
        counts, concentration = name.removeprefix("srm.seq_dirichlet.").split(".c")
        shares = [0.95, 0.05] if counts.startswith("94810") else [0.5, 0.5]
        found = sequential_ratio([_pairs(counts)], [shares], concentrations=[float(concentration)])
        assert found.log_evidence == pytest.approx(peers[name]["log_bf"], rel=CLOSE), name
        assert found.p_value == pytest.approx(peers[name]["anytime_p_single_look"], rel=CLOSE), name
    found = sequential_ratio([[94_810, 5_310]], [[0.95, 0.05]])
    assert found.log_evidence == pytest.approx(peers["srm.seq_mixture8.94810_5310"]["log_e"], rel=CLOSE)
    assert (found.p_value <= 0.001) == peers["srm.seq_mixture8.94810_5310"]["alarm_at_alpha_0.001"]
    (agreed,) = [item for item in reference["agreements"] if item["what"].startswith("sequential SRM, uniform")]
    uniform = sequential_ratio([[5_200, 4_800]], [[1, 1]], concentrations=[2.0]).log_evidence
    assert uniform == pytest.approx(agreed["values"]["increment"], abs=agreed["tol_for_ours"])


def test_an_arm_that_was_promised_nothing_counts_for_nothing(reference: dict[str, Any]) -> None:
    assert "defect.gb.srm_df_counts_zero_weight_arms" in reference["peer_defects_demonstrated"]
    two = sequential_ratio([[5_200, 4_800]], [[0.5, 0.5]])
    three = sequential_ratio([[5_200, 4_800, 0]], [[0.5, 0.5, 0.0]])
    assert three == two
    assert math.exp(two.log_evidence) > 100
