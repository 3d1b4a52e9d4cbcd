"""Published values and those of R and other peers, on the same data, to the tolerance that their entry states."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.stats.cuped import cuped
from steelyard.stats.holm import holm
from steelyard.stats.interval import Interval
from steelyard.stats.linearise import linear_mean, linear_ratio
from steelyard.stats.moments import Moments
from steelyard.stats.power import power_of_means, power_of_shares, units_for_means, units_for_shares
from steelyard.stats.proportions import newcombe, pooled_z, share_ratio, wilson
from steelyard.stats.sample import Sample
from steelyard.stats.sample_ratio import sample_ratio
from steelyard.stats.two_levels import RelativeMethod, TwoLevels
from steelyard.stats.welch import welch

COLUMNS = ("revenue", "sessions", "orders", "latency_ms", "pre_revenue", "pre_orders", "pre_sessions")
CLOSE = 1e-6
# statsmodels solves for the smallest effect to about 3e-5: at its value its own power is .79997, not .8.
SOLVED = 5e-5


@lru_cache(maxsize=2)
def users(path: Path, by: str) -> dict[str, Moments]:
    rows = list(csv.DictReader((path / "data" / "users.csv").read_text().splitlines()))
    columns = {name: np.array([float(row[name]) for row in rows]) for name in (*COLUMNS, "converted")}
    arms = np.array([row[by] for row in rows])
    return {
        arm: Moments.of_rows(
            {name: values[arms == arm].tolist() for name, values in columns.items()},
            origin=[float(values[:200].mean()) for values in columns.values()],
        )
        for arm in sorted(set(arms))
    }


class Users:
    """The two arms of `users.csv`."""

    def __init__(self, folder: Path, by: str = "variant", treated: str = "1", control: str = "0") -> None:
        arms = users(folder, by)
        self.t, self.c = arms[treated], arms[control]

    def mean(self, name: str) -> tuple[Sample, Sample]:
        return linear_mean(self.t, name).sample(), linear_mean(self.c, name).sample()

    def ratio(self) -> tuple[Sample, Sample]:
        return tuple(linear_ratio(arm, "orders", "sessions").sample() for arm in (self.t, self.c))  # type: ignore[return-value]

    def shares(self) -> tuple[int, int, int, int]:
        x = [round(arm.mean("converted") * arm.rows) for arm in (self.t, self.c)]
        return x[0], self.t.rows, x[1], self.c.rows

    def cuped(self, y: str = "revenue", x: str = "pre_revenue"):  # type: ignore[no-untyped-def]
        treated, control = ((linear_mean(arm, y), [linear_mean(arm, x)]) for arm in (self.t, self.c))
        return cuped(treated, control).levels

    def cuped_ratio(self):  # type: ignore[no-untyped-def]
        y, x = (
            [linear_ratio(arm, *names) for arm in (self.t, self.c)]
            for names in (("orders", "sessions"), ("pre_orders", "pre_sessions"))
        )
        return cuped((y[0], [x[0]]), (y[1], [x[1]])).levels


def bounds(found: Interval) -> list[float]:
    return [found.low, found.high]


def lift(pair: tuple[Sample, Sample], method: RelativeMethod = "log", *, normal: bool = False) -> Interval:
    """The relative difference; for peers that take the normal law, with infinite degrees of freedom."""
    levels = TwoLevels.of_samples(*pair)
    if normal:
        levels = replace(levels, parts=tuple(replace(part, df=math.inf) for part in levels.parts))
    found = levels.relative(method=method)
    assert found is not None
    return found


def _t_test(found: Interval) -> dict[str, Any]:
    return {
        "diff": found.value, "effect_size": found.value, "estimate": found.value, "se": found.std_error,
        "t": found.value / found.std_error, "statistic": found.value / found.std_error, "df": found.df, "dof": found.df,
        "p": found.p_value, "pvalue": found.p_value, "ci": bounds(found),
        "effect_size_ci_lower": found.low, "effect_size_ci_upper": found.high,
    }  # fmt: skip


def _tea_tasting(absolute: Interval, relative: Interval) -> dict[str, Any]:
    return {
        **_t_test(absolute),
        "rel_effect_size": relative.value,
        "rel_effect_size_ci_lower": relative.low,
        "rel_effect_size_ci_upper": relative.high,
    }


def _increment(absolute: Interval, relative: Interval) -> dict[str, Any]:
    return {
        "lift": relative.value, "lift_ci": bounds(relative), "log_se": relative.std_error / (1 + relative.value),
        "abs_diff": absolute.value, "abs_se": absolute.std_error, "abs_ci": bounds(absolute), "p": relative.p_value,
        "df": absolute.df,
    }  # fmt: skip


def _mean(name: str) -> Callable[[Users], dict[str, Any]]:
    def of(u: Users) -> dict[str, Any]:
        absolute, relative = welch(*u.mean(name)), lift(u.mean(name))
        plain, normal = lift(u.mean(name), "delta", normal=True), lift(u.mean(name), normal=True)
        return {
            **_tea_tasting(absolute, relative),
            "mean_t": u.t.mean(name), "mean_c": u.c.mean(name), "treatment": u.t.mean(name), "control": u.c.mean(name),
            "lift": plain.value, "lift_se_delta": plain.std_error, "lift_ci_delta_z": bounds(plain),
            "lift_ci_log_z": bounds(normal),
        }  # fmt: skip

    return of


def _one_sided(u: Users) -> dict[str, Any]:
    return {"ci_greater_lower": welch(*u.mean("revenue"), level=0.9).low}


def _delta(u: Users) -> dict[str, Any]:
    return _t_test(lift(u.mean("revenue"), "delta"))


def _revenue(u: Users) -> dict[str, Any]:
    # increment names the t reference of the absolute scale; the log scale has its own.
    return _increment(welch(*u.mean("revenue")), lift(u.mean("revenue")))


def _revenue_cuped(u: Users) -> dict[str, Any]:
    found = u.cuped()
    relative = found.relative()
    assert relative is not None
    return _increment(found.difference(), relative)


def _ratio(u: Users) -> dict[str, Any]:
    t, c = u.ratio()
    absolute, relative = welch(t, c), lift((t, c))
    plain, normal = lift((t, c), "delta"), lift((t, c), normal=True)
    return {
        **_tea_tasting(absolute, relative),
        "r_t": t.level, "r_c": c.level, "var_t": t.squared_error, "var_c": c.squared_error,
        "z": absolute.value / absolute.std_error, "lift": plain.value, "lift_se_delta": plain.std_error,
        "lift_ci_log": bounds(normal), "lift_ci_fieller": bounds(lift((t, c), "fieller", normal=True)),
    }  # fmt: skip


def _shares(u: Users) -> dict[str, Any]:
    x1, n1, x2, n2 = u.shares()
    z, p = pooled_z(x1, n1, x2, n2)
    return {"x": [x1, x2], "n": [n1, n2], "statistic": z * z, "p": p, "z_pooled": z, "p_pooled": p, "pvalue": p}


# Entry -> what of ours equals it. A field that an entry has and ours has not is another method, said in LEFT_OUT.
ON_USERS: dict[str, tuple[Callable[[Users], dict[str, Any]], float]] = {
    "users.welch.sessions": (_mean("sessions"), CLOSE),
    "users.welch.orders": (_mean("orders"), CLOSE),
    "users.welch.revenue": (_mean("revenue"), CLOSE),
    "users.welch.latency_ms": (_mean("latency_ms"), CLOSE),
    "scipy.welch.revenue": (_mean("revenue"), CLOSE),
    "scipy.welch.orders": (_mean("orders"), CLOSE),
    "scipy.welch.latency_ms": (_mean("latency_ms"), CLOSE),
    "tt.mean_revenue": (_mean("revenue"), CLOSE),
    "tt.mean_sessions": (_mean("sessions"), CLOSE),
    "gb.ttest.mean.revenue.absolute": (_mean("revenue"), CLOSE),
    "gb.ttest.mean.revenue.relative": (_delta, CLOSE),
    "sc.ttest.revenue.abs": (_mean("revenue"), CLOSE),
    "inc.revenue": (_revenue, CLOSE),
    "inc.revenue_cuped": (_revenue_cuped, CLOSE),
    "ratio.ops.delta": (_ratio, CLOSE),
    "users.prop.test.correct_FALSE": (_shares, CLOSE),
}
# Fields of an entry that are another method: pooled variances, one-sided tests, Wald intervals.
OTHER_METHOD = {
    "ratio.ops.delta": {"ci_z", "p_z"},
    "users.prop.test.correct_FALSE": {"ci"},
    **{
        f"users.welch.{name}": {"p_greater", "ci_greater_lower", "pooled_t", "pooled_df", "pooled_p", "pooled_ci"}
        for name in ("sessions", "orders", "revenue", "latency_ms")
    },
    "inc.revenue": {"ref"},
    "inc.revenue_cuped": {"ref"},
}


@pytest.mark.parametrize("entry", ON_USERS)
def test_it_equals_the_peer_on_the_same_users(entry: str, reference: dict[str, Any], folder: Path) -> None:
    ours, tolerance = ON_USERS[entry]
    numbers, peer = ours(Users(folder)), reference["peer_values"][entry]
    peer = peer.get("value", peer)
    fields = set(peer) - OTHER_METHOD.get(entry, set()) - {"source"}
    assert fields <= set(numbers), f"not compared: {sorted(fields - set(numbers))}"
    for name in sorted(fields):
        assert numbers[name] == pytest.approx(peer[name], rel=tolerance, abs=1e-12), name


def test_a_one_sided_bound_is_the_two_sided_one_at_twice_the_error(reference: dict[str, Any], folder: Path) -> None:
    peer = reference["peer_values"]["users.welch.revenue"]["value"]
    assert _one_sided(Users(folder))["ci_greater_lower"] == pytest.approx(peer["ci_greater_lower"], rel=CLOSE)


@pytest.mark.parametrize("arm", ["B", "C"])
def test_three_arms_are_compared_with_control(arm: str, reference: dict[str, Any], folder: Path) -> None:
    peer = reference["peer_values"][f"tt.arm3.A_vs_{arm}.revenue"]["value"]
    numbers = _mean("revenue")(Users(folder, "arm3", arm, "A"))
    for name in sorted(set(peer)):
        assert numbers[name] == pytest.approx(peer[name], rel=CLOSE, abs=1e-12), name


AGREED = {
    "Welch t, revenue: diff": lambda u: welch(*u.mean("revenue")).value,
    "Welch t, revenue: CI": lambda u: bounds(welch(*u.mean("revenue"))),
    "Welch t, revenue: p": lambda u: welch(*u.mean("revenue")).p_value,
    "relative lift CI, log scale, t (tea-tasting = increment)": lambda u: bounds(lift(u.mean("revenue"))),
    "ratio metric, delta method: diff": lambda u: welch(*u.ratio()).value,
    "ratio metric, delta method: se": lambda u: welch(*u.ratio()).std_error,
    "ratio metric: CI (t)": lambda u: bounds(welch(*u.ratio())),
    "CUPED with contrast-optimal theta (within-arm moments weighted 1/n), increment vs closed form": lambda u: (
        u.cuped().difference().value
    ),
    "two-proportion pooled z p = prop.test without correction": lambda u: pooled_z(*u.shares())[1],
}


@pytest.mark.parametrize("what", AGREED)
def test_it_equals_what_the_peers_agree_on(what: str, reference: dict[str, Any], folder: Path) -> None:
    (entry,) = [item for item in reference["agreements"] if item["what"] == what]
    assert entry["agree"]
    for peer, value in entry["values"].items():
        assert AGREED[what](Users(folder)) == pytest.approx(value, rel=0, abs=entry["tol_for_ours"]), peer


# Peers whose coefficient is another one: equal to ours in the limit of equal arms, which these nearly are.
OTHER_THETA = {
    "cuped.revenue.within_arm": lambda u: u.cuped().difference(),
    "gb.ttest.cuped.revenue.absolute": lambda u: u.cuped().difference(),
    "tt.cuped_sessions": lambda u: u.cuped("sessions", "pre_sessions").difference(),
    "tt.cuped_ratio_ops": lambda u: u.cuped_ratio().difference(),
}


@pytest.mark.parametrize("entry", OTHER_THETA)
def test_cuped_with_a_pooled_coefficient_differs_by_convention_alone(
    entry: str, reference: dict[str, Any], folder: Path
) -> None:
    """The estimate moves by a hundredth of its error at most, and our error is the smallest."""
    found = OTHER_THETA[entry](Users(folder))
    peer = reference["peer_values"][entry]["value"]
    value = peer.get("diff", peer.get("estimate", peer.get("effect_size")))
    low = peer.get("ci", [peer.get("effect_size_ci_lower")])[0]
    assert found.value == pytest.approx(value, abs=0.01 * found.std_error)
    assert found.low == pytest.approx(low, abs=0.01 * found.std_error)
    if "se" in peer:
        assert found.std_error <= peer["se"] + 1e-12


def _published(reference: dict[str, Any], entry: str) -> tuple[Any, Any, float]:
    (found,) = [item for item in reference["published"] if item["id"] == entry]
    return found["inputs"], found["expected"], found["tol_abs"]


@pytest.mark.parametrize(
    "entry",
    [
        *(f"newcombe98.hybrid.{case}" for case in
          ("9_10__3_10", "6_7__2_7", "5_56__0_29", "0_10__0_10", "10_10__0_20")),
        "newcombe98.wilson.81_263", "newcombe98.wilson.15_148",
    ],
)  # fmt: skip
def test_it_equals_newcombes_tables(entry: str, reference: dict[str, Any]) -> None:
    inputs, expected, tolerance = _published(reference, entry)
    if "hybrid" in entry:
        found = newcombe(inputs["x1"], inputs["n1"], inputs["x2"], inputs["n2"], inputs["level"])
    else:
        found = wilson(inputs["x"], inputs["n"], inputs["level"])
    assert found == pytest.approx(expected, rel=0, abs=tolerance)


@pytest.mark.parametrize("count", ["81_263", "15_148", "0_20"])
def test_wilson_equals_r(count: str, reference: dict[str, Any]) -> None:
    x, n = map(int, count.split("_"))
    peer = reference["peer_values"][f"single_prop.{count}"]["value"]["wilson"]
    assert wilson(x, n) == pytest.approx(peer, rel=CLOSE, abs=1e-12)


@pytest.mark.parametrize("count", ["0_20", "1_29", "5_50"])
def test_wilson_equals_statsmodels(count: str, reference: dict[str, Any]) -> None:
    x, n = map(int, count.split("_"))
    peer = reference["peer_values"][f"sm.single_prop.{count}"]["value"]["wilson"]
    assert wilson(x, n) == pytest.approx(peer, rel=CLOSE, abs=1e-12)


@pytest.mark.parametrize("case", ["9_10__3_10", "5_56__0_29", "0_10__0_20", "10_10__0_20"])
def test_newcombe_equals_statsmodels(case: str, reference: dict[str, Any]) -> None:
    one, other = ([int(n) for n in part.split("_")] for part in case.split("__"))
    peer = reference["peer_values"][f"sm.diff_prop.{case}"]["value"]["newcomb"]
    assert newcombe(*one, *other) == pytest.approx(peer, rel=CLOSE)


def test_a_ratio_of_shares_equals_statsmodels_log_method(reference: dict[str, Any]) -> None:
    found = share_ratio(6, 7, 2, 7)
    assert found is not None
    peer = reference["peer_values"]["sm.rr_or.6_7__2_7"]["value"]["rr_log"]
    assert [1 + found.low, 1 + found.high] == pytest.approx(peer, rel=CLOSE)


def test_the_pooled_z_equals_scipy_and_r(reference: dict[str, Any]) -> None:
    peer = reference["peer_values"]["two_prop.3_30__9_30"]["value"]
    assert pooled_z(3, 30, 9, 30) == pytest.approx((peer["z_pooled"], peer["p_pooled"]), rel=CLOSE)
    shares = [Sample(n=30, mean=x / 30, variance=x / 30 * (1 - x / 30)) for x in (3, 9)]
    error = TwoLevels.of_samples(shares[0], shares[1]).difference().std_error
    assert -0.2 / error == pytest.approx(peer["z_unpooled"], rel=CLOSE)
    of_r = reference["peer_values"]["prop.test.15_25_50.correct_FALSE"]["value"]
    z, p = pooled_z(15, 50, 25, 50)
    assert (z * z, p) == pytest.approx((of_r["statistic"], of_r["p"]), rel=CLOSE)


def test_the_sample_ratio_equals_r_and_growthbook(reference: dict[str, Any]) -> None:
    peers = reference["peer_values"]
    (book,) = [item for item in reference["agreements"] if item["what"] == "SRM chi-square p"]
    found = sample_ratio([821_588, 815_482], [0.5, 0.5])
    assert found.p_value == pytest.approx(book["values"]["R"], rel=1e-9)
    assert found.p_value == pytest.approx(peers["gb.srm.50_50_book"]["value"], rel=CLOSE)
    ramp = sample_ratio([94_810, 5_310], [0.95, 0.05])
    assert ramp.p_value == pytest.approx(peers["gb.srm.ramp_95_5"]["value"], rel=CLOSE)
    assert (ramp.statistic, ramp.p_value) == pytest.approx(
        (peers["srm.ramp"]["value"]["chi2"], peers["srm.ramp"]["value"]["p"]), rel=CLOSE
    )
    assert sample_ratio([5_010, 4_990], [1, 1]).p_value == pytest.approx(
        peers["inc.srm.5010_4990"]["value"]["fixed_p"], rel=CLOSE
    )


def test_holm_equals_statsmodels_and_tea_tasting(reference: dict[str, Any]) -> None:
    p_values = _published(reference, "bh1995")[0]["p"]
    peer = reference["peer_values"]["sm.multitest.BH1995.holm"]["value"]
    assert holm(p_values) == pytest.approx(peer["adj"], rel=CLOSE)
    assert sum(p <= 0.05 for p in holm(p_values)) == peer["n_reject"]
    raw = reference["peer_values"]["tt.multiplicity.raw"]["value"]
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    assert adjusted == pytest.approx(reference["peer_values"]["tt.multiplicity.fwer_holm_bonf"]["value"], rel=CLOSE)


def test_power_equals_the_r_documentation(reference: dict[str, Any]) -> None:
    def check(entry: str, ours: float) -> None:
        _, expected, tolerance = _published(reference, entry)
        assert ours == pytest.approx(expected, rel=0, abs=tolerance), entry

    check("r.power.prop.test.doc1", power_of_shares(0.5, 0.75, 50))
    check("r.power.prop.test.doc2", units_for_shares(0.5, 0.75, power=0.9))
    check("r.power.t.test.doc1", power_of_means(1.0, 1.0, 20, one_sided=True))
    check("r.power.t.test.doc2", units_for_means(1.0, 1.0, power=0.9, one_sided=True))


def test_power_equals_r(reference: dict[str, Any]) -> None:
    peers = {name: entry.get("value", entry) for name, entry in reference["peer_values"].items()}
    assert power_of_means(1.0, 1.0, 20) == pytest.approx(peers["power.t.test.strict"]["power"], rel=CLOSE)
    assert power_of_shares(0.5, 0.75, 50) == pytest.approx(peers["power.prop.test.doc1"]["power"], rel=CLOSE)
    assert units_for_shares(0.5, 0.75, power=0.9) == pytest.approx(peers["power.prop.test.doc2"]["n"], rel=CLOSE)
    assert units_for_shares(0.1, 0.11) == pytest.approx(peers["power.prop.test.ab"]["n"], rel=CLOSE)
    assert units_for_shares(0.1, 0.11, power=0.9) == pytest.approx(peers["power.prop.test.ab"]["n90"], rel=CLOSE)


@pytest.mark.parametrize("ratio", [1.0, 1 / 9, 1 / 19, 9.0])
def test_power_of_means_equals_statsmodels_at_any_allocation(ratio: float, reference: dict[str, Any]) -> None:
    peer = reference["peer_values"][f"power.t.means.d0.1.ratio{ratio:.6f}"]
    peer = peer.get("value", peer)
    assert units_for_means(0.1, 1.0, ratio=ratio) == pytest.approx(peer["n_control"], rel=CLOSE)
    assert power_of_means(0.1, 1.0, 1_000, ratio=ratio) == pytest.approx(peer["power_at_n_control_1000"], rel=CLOSE)
    from steelyard.stats.power import smallest_mean_effect

    found = smallest_mean_effect(1.0, 5_000, ratio=ratio)
    assert found == pytest.approx(peer["mde_at_n_control_5000"], rel=SOLVED)


SHARES = [("0.1_0.11", 1.0), ("0.1_0.11", 1 / 9), ("0.02_0.022", 1.0), ("0.02_0.022", 1 / 19), ("0.5_0.51", 1.0)]


@pytest.mark.parametrize(("shares", "ratio"), SHARES)
def test_power_of_shares_equals_the_closed_form(shares: str, ratio: float, reference: dict[str, Any]) -> None:
    control, treated = map(float, shares.split("_"))
    peer = reference["peer_values"][f"power.prop.closed.{shares}.ratio{ratio:.6f}"]["value"]
    n = units_for_shares(control, treated, ratio=ratio)
    assert n == pytest.approx(peer["n_control_pooled_null"], rel=CLOSE)
    assert n * ratio == pytest.approx(peer["n_treat_pooled_null"], rel=CLOSE)


def test_what_breaks_growthbook_does_not_break_us(reference: dict[str, Any]) -> None:
    """Raw sums of squares at a mean of 1e8 give GrowthBook a variance of -209; shifted sums keep it."""
    assert reference["peer_defects_demonstrated"]["defect.gb.catastrophic_cancellation"]["value"]["gb_var"] < 0
    values = np.random.default_rng(0).normal(size=4_000)
    far = values + 1e8
    shift = np.array([far[:10].mean()])
    found = Moments.of_sums(
        names=("x",), rows=4_000, counts=(4_000,), shifts=shift, sums=np.array([(far - shift).sum()]),
        products=np.array([[((far - shift) ** 2).sum()]]),
    )  # fmt: skip
    assert found.variance("x") == pytest.approx(values.var(ddof=1), rel=1e-6)
