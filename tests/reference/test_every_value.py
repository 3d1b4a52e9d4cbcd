"""Every value of the reference is met by a test that is named here, or listed with why it is not."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
HASHES = "../studies/experiments/test_growthbook_hash.py"

# Test file -> the entries that it meets. `*` stands for what is computed there from the entries themselves.
MET: dict[str, tuple[str, ...]] = {
    "test_experiments.py": (
        "users.welch.*", "scipy.welch.*", "tt.mean_revenue", "tt.mean_sessions", "tt.arm3.*", "gb.ttest.*",
        "sc.ttest.revenue.abs", "inc.revenue", "inc.revenue_cuped", "ratio.ops.delta", "users.prop.test.correct_FALSE",
        "cuped.revenue.within_arm", "tt.cuped_*", "newcombe98.hybrid.*", "newcombe98.wilson.*", "two_prop.*",
        "prop.test.15_25_50.correct_FALSE", "gb.srm.*", "srm.ramp", "inc.srm.*", "sm.multitest.BH1995.holm",
        "tt.multiplicity.raw", "r.power.*", "power.t.test.strict", "power.prop.test.*", "power.t.means.*",
        "power.prop.closed.*",
    ),
    "test_small_counts.py": (
        "newcombe98.mee.*", "newcombe98.mn.*", "newcombe98.cp.*", "score_ci.*", "single_prop.*", "sm.single_prop.*",
        "sm.diff_prop.*", "sm.rr_or.*", "sm:ni.fm.*", "r.fisher.tea", "srm.seq_*",
    ),
    "test_group_sequential.py": (
        "jt.*", "gsdesign.*", "check.jt2000.*", "gs.OF.*", "gs.P.*", "gs.HP.*", "gs.WT*", "gs.as*",
        "gs.samplesize.*", "gs.analysis.rates", "gs.conditional_power", "pygs.*", "sc.gst.*", "spend.*",
    ),
    "test_always_valid.py": (
        "confseq.gamma_*", "confseq.published.gamma_poisson_c2", "expectation.gamma_exp.*", "confseq.poly_stitching.*",
        "confseq.normal_mixture.*", "confseq.published.normal_one_sided", "ville.best_rho.*", "ville.normal_mixture.*",
        "asympcs.*", "expgate.*", "confseq.bernoulli.*", "confseq.published.bernoulli_ci", "confseq.stream.bernoulli.*",
        "confseq.beta_binomial_two.*", "expectation.bernoulli_ci.*", "gb.sequential5000.mean.*",
        "gb.sequential5000.cuped.revenue.absolute", "msprt.*",
    ),
    "test_order_and_clusters.py": (
        "quantile.*", "gb.quantile_unit.*.absolute", "inc.p99", "p.adjust.*", "sm.multitest.BH1995.bonferroni",
        "sm.multitest.BH1995.simes-hochberg", "sm.multitest.BH1995.hommel", "sm.multitest.BH1995.sidak",
        "scipy.dunnett.revenue", "bh1995*", "clusters.*", "sm.cluster.*",
    ),
    "test_adjustment.py": (
        "sm.ancova3.HC2", "gb.poststrat.*", "hte.*", "ramp.*", "gb.bayes.mean.*", "gb.bayes.ratio.*",
    ),
    "test_whole_experiments.py": (
        "sm.ancova3.HC1", "sm.ancova3.HC3", "users.ancova.*", "gb.bayes.cuped*", "gb.ttest_greater.*",
        "tt.multiplicity.f*", "sm.multitest.BH1995.fdr_bh",
    ),
    "test_planning.py": ("ni.samplesize.*", "power.cluster.*"),
    "test_peers_conventions.py": (
        "power.t.test.doc3", "welch.summary", "pwr.*", "power.z.means.*", "tt.power.*", "sc.ztest.*",
        "sc.ttest.revenue.rel",
        "ni.diff_score.*", "prop.test.15_25_50.correct_TRUE", "users.prop.test.correct_TRUE", "tt.prop_pearson",
        "tt.mean_revenue_greater", "tt.mean_revenue_pooled", "gb.sequential5000.cuped.revenue.relative",
        "gb.sequential5000.cuped_ratio.*", "gb.sequential5000.prop.*", "gb.quantile_unit.*.relative", "inc.p50",
        "r.prop.test.smokers",
    ),
    HASHES: ("hash.growthbook.*", "hash.fnv1a32.*"),
}  # fmt: skip

NOT_OFFERED: dict[str, str] = {
    "confseq.stream.ate_bounded.*": "of bounded values, each unit in turn: rows leave no warehouse here; and it is "
    "several times as wide as the asymptotic sequence",
    "confseq.quantiles.api": "a list of names, no number; quantiles are refused under always-valid rules for events",
    "ville.asymp_ab.*": "of a running estimate by inverse chances that takes each unit in turn; ours is of the means",
    "hash.planout.*": "its entry does not hold the salts; PlanOut is met on the choices that its own tests publish",
    "users.wilcox.revenue": "the rank test asks whether values tend to be larger, not by how much the mean differs",
    "tt.prop_g": "a second test of what Pearson's tests, without an interval; its levels are met there",
}  # fmt: skip


@pytest.fixture(scope="module")
def names(shared: Path) -> list[str]:
    reference: dict[str, Any] = json.loads((shared / "reference" / "experiments" / "reference.json").read_text())
    peers = [name.removeprefix("tt:") for name in reference["peer_values"]]
    return sorted({*peers, *(item["id"] for item in reference["published"])})


def claims() -> list[str]:
    return [*(pattern for patterns in MET.values() for pattern in patterns), *NOT_OFFERED]


def test_every_value_is_met_or_listed_once(names: list[str]) -> None:
    found = {name: [pattern for pattern in claims() if fnmatchcase(name, pattern)] for name in names}
    assert {name: patterns for name, patterns in found.items() if len(patterns) != 1} == {}


def test_no_claim_is_about_nothing(names: list[str]) -> None:
    assert [pattern for pattern in claims() if not any(fnmatchcase(name, pattern) for name in names)] == []


@pytest.mark.parametrize("file", MET)
def test_a_file_names_what_it_is_said_to_meet(file: str) -> None:
    text = (HERE / file).read_text()
    # An entry is named whole, or by what stands before its first variable part.
    unnamed = [pattern for pattern in MET[file] if not any(stem in text for stem in _stems(pattern))]
    assert unnamed == []


def _stems(pattern: str) -> list[str]:
    """The parts of a name of which a test that computes names must hold one: whole, then shorter by dots."""
    whole = pattern.split("*", maxsplit=1)[0].rstrip("._")
    parts = whole.split(".")
    return [".".join(parts[:n]) + ("." if n < len(parts) else "") for n in range(len(parts), 0, -1)]
