"""Several covariates, Lin's regression, strata and scales: what a specification asks for and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from steelyard.errors import DefinitionError
from steelyard.result import Check, Result
from steelyard.stats.sample import Sample
from steelyard.studies.experiments import Covariate, Mean, Prior, Ratio, Share

Make = Callable[..., Any]


def _check(result: Result, name: str) -> list[Check]:
    return [check for check in result.checks if check.name == name]


def _more(columns: dict[str, Any], seed: int = 5) -> dict[str, Any]:
    """A second covariate that tells what the first does not."""
    random = np.random.default_rng(seed)
    visits = random.poisson(3.0, len(columns["spend"])).astype(float)
    return {**columns, "visits_before": visits, "spend": columns["spend"] + visits}


def test_a_second_covariate_takes_out_what_the_first_left(units: Make, answered: Make) -> None:
    columns = _more(units())
    one = answered(columns, primary=Mean("spend", covariate="spend_before"))
    both = answered(columns, primary=Mean("spend", covariate=("spend_before", "visits_before")))
    a, b = (result.estimate(scale="absolute") for result in (one, both))
    assert b.std_error < 0.7 * a.std_error
    assert b.low < 0.5 < b.high
    rows = both.tables["coefficients"].to_pylist()
    assert [row["covariate"] for row in rows] == ["spend_before", "visits_before"]
    assert [row["treated"] for row in rows] == pytest.approx([1, 1], abs=0.1)
    assert "coefficients" not in one.tables
    assert len(_check(both, "balance_before")) == 2


def test_a_list_of_one_covariate_is_the_same_definition(study: Make) -> None:
    one, listed = (study(primary=Mean("spend", covariate=given)) for given in ("spend_before", ["spend_before"]))
    assert one.digest() == listed.digest()


def test_a_ratio_takes_covariates_that_are_ratios_and_means(units: Make, answered: Make) -> None:
    columns = units()
    random = np.random.default_rng(3)
    before = np.maximum(columns["sessions"] + random.integers(-1, 2, len(columns["sessions"])), 1.0)
    columns |= {"before_sessions": before, "before_orders": random.binomial(before.astype(int), 0.3).astype(float)}
    past = Covariate(numerator="before_orders", denominator="before_sessions")
    result = answered(columns, primary=Ratio("orders", "sessions", covariate=(past, "spend_before")))
    assert result.estimate(scale="absolute").value is not None
    names = [row["covariate"] for row in result.tables["coefficients"].to_pylist()]
    assert names == ["before_orders / before_sessions", "spend_before"]


def test_lin_s_slopes_are_each_arm_s_own_and_pay_when_they_differ(units: Make, answered: Make) -> None:
    columns = units(lift=0.0)
    treated = columns["arm"] == "b"
    columns["spend"] = columns["spend"] + 2 * columns["spend_before"] * treated
    cuped, lin = (
        answered(columns, primary=Mean("spend", covariate="spend_before", adjustment=how)) for how in ("cuped", "lin")
    )
    assert cuped.tables["methods"].to_pylist()[0]["method"].startswith("CUPED")
    assert lin.tables["methods"].to_pylist()[0]["method"].startswith("Lin's regression adjustment")
    (row,) = lin.tables["coefficients"].to_pylist()
    assert (row["treated"], row["control"]) == pytest.approx((3, 1), abs=0.05)
    # By hand: least squares with products, its residuals by arm, and the covariate's own mean.
    x, y = columns["spend_before"], columns["spend"]
    parts, at = [], []
    for arm in (treated, ~treated):
        slope, start = np.polyfit(x[arm], y[arm], 1)
        rest = y[arm] - start - slope * x[arm]
        parts.append((rest**2).sum() / (arm.sum() - 2) / arm.sum())
        at.append((slope, start + slope * x.mean()))
    spread = sum(x[arm].var(ddof=1) * arm.sum() for arm in (treated, ~treated)) / len(x)
    squared = sum(parts) + (at[0][0] - at[1][0]) ** 2 * spread / len(x)
    found = lin.estimate(scale="absolute")
    assert found.value == pytest.approx(at[0][1] - at[1][1])
    assert found.std_error == pytest.approx(squared**0.5)
    relative = lin.estimate(scale="relative")
    assert relative.value == pytest.approx(at[0][1] / at[1][1] - 1)
    gap = at[0][0] / at[0][1] - at[1][0] / at[1][1]
    logs = parts[0] / at[0][1] ** 2 + parts[1] / at[1][1] ** 2 + gap**2 * spread / len(x)
    assert relative.std_error == pytest.approx((1 + relative.value) * logs**0.5)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"adjustment": "lin"}, "has no covariate"),
        ({"adjustment": "ancova", "covariate": "x"}, "ancova"),
        ({"relative_method": "percent"}, "percent"),
        ({"prior": Prior(alpha=1, beta=1)}, "beta prior of 'spend'"),
    ],
)
def test_words_that_do_not_fit_are_refused(words: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        Mean("spend", **words)


def test_too_few_units_for_the_slopes_are_not_estimated(units: Make, answered: Make) -> None:
    columns = {name: values[:6] for name, values in _more(units()).items()}
    use = Mean("spend", covariate=("spend_before", "visits_before"), adjustment="lin")
    assert answered(columns, primary=use).estimate(scale="absolute").value is None


@pytest.mark.parametrize(("n", "adjustment", "strata", "doubted"), [
    (90, "", (), True), (160, "", (), False), (160, "lin", ("device",), True), (600, "lin", ("device",), False),
])  # fmt: skip
def test_coefficients_that_are_fitted_to_few_units_are_doubted(
    n: int, adjustment: str, strata: tuple[str, ...], doubted: bool, units: Make, answered: Make
) -> None:
    use = Mean("spend", covariate=("spend_before", "visits_before"), adjustment=adjustment)
    (check,) = _check(answered(_more(units(n)), primary=use, strata=strata), "enough_units")
    assert check.doubts == doubted
    assert ("'spend' has 2 covariates and" in check.says) == doubted
    assert ("of a stratum" in check.says) == bool(strata and doubted)


# --- strata


def test_one_coefficient_serves_all_strata_and_is_shown(units: Make, answered: Make) -> None:
    """That with the least variance of the whole contrast, whatever else one tries."""
    columns = units()
    result = answered(columns, primary=Mean("spend", covariate="spend_before"), strata=("device",))
    (method,) = result.tables["methods"].to_pylist()

    def squared_error(theta: float) -> float:
        left, found = columns["spend"] - theta * columns["spend_before"], 0.0
        for device in set(columns["device"]):
            here = columns["device"] == device
            share = here.mean()
            found += sum(share**2 * left[own].var(ddof=1) / own.sum() for arm in ("b", "control")
                         if (own := here & (columns["arm"] == arm)).any())  # fmt: skip
        return float(found)

    best = squared_error(method["theta"])
    assert result.estimate(scale="absolute").std_error == pytest.approx(best**0.5)
    assert best < min(squared_error(method["theta"] + step) for step in (-1e-3, 1e-3))


def test_strata_are_compared_within_and_weighted_by_their_units(units: Make, answered: Make, by_hand: Make) -> None:
    columns = units()
    result = answered(columns, strata=("device",))
    strata = []
    for device in sorted(set(columns["device"])):
        here = columns["device"] == device
        rows = [columns["spend"][here & (columns["arm"] == arm)] for arm in ("b", "control")]
        strata.append(tuple(Sample(n=len(y), mean=y.mean(), variance=y.var(ddof=1)) for y in rows))
    hand = by_hand(strata)
    found = result.estimate(scale="absolute")
    assert (found.value, found.std_error, found.low, found.p_value) == pytest.approx(
        (hand.value, hand.std_error, hand.low, hand.p_value)
    )
    assert result.tables["methods"].to_pylist()[0]["method"] == "by device, weighted by units, t"
    assert _check(result, "strata_compared")[0].status == "passed"


def test_strata_take_out_their_own_noise_and_an_uneven_split_between_them(units: Make, answered: Make) -> None:
    columns = units(lift=0.5)
    high = np.random.default_rng(8).random(4_000) < 0.3
    columns["plan"] = np.where(high, "pro", "free")
    columns["spend"] = columns["spend"] + 30 * high
    plain, within = (answered(columns, strata=strata).estimate(scale="absolute") for strata in ((), ("plan",)))
    assert within.std_error < 0.5 * plain.std_error
    assert within.value == pytest.approx(0.5, abs=4 * within.std_error)
    relative = answered(columns, strata=("plan",)).estimate(scale="relative")
    assert relative.low < relative.value < relative.high


@pytest.mark.parametrize("column", ["spend", "spend_before"])
@pytest.mark.parametrize("adjustment", ["cuped", "lin"])
def test_a_gap_in_one_stratum_leaves_no_effect_of_the_others(
    column: str, adjustment: str, units: Make, answered: Make
) -> None:
    columns = units()
    columns[column][np.flatnonzero(columns["device"] == "phone")[0]] = np.nan
    use = Mean("spend", covariate="spend_before", adjustment=adjustment)
    result = answered(columns, primary=use, strata=("device",))
    assert result.estimate(scale="absolute").value is None
    assert _check(result, "values_present")[0].status == "failed"
    (check,) = _check(result, "strata_compared")
    assert (check.status, "'spend' has gaps" in check.says) == ("not_run", True)


def test_strata_may_be_segments_too_and_a_missing_value_is_a_stratum(units: Make, answered: Make) -> None:
    columns = units()
    columns["device"] = [None if i % 51 == 0 else value for i, value in enumerate(columns["device"].tolist())]
    result = answered(columns, strata=("device",), segments=("device",))
    assert "within 4 strata" in _check(result, "strata_compared")[0].says
    assert {row.segment for row in result.estimates} == {
        "all", "device = desktop", "device = missing", "device = phone", "device = tablet"
    }  # fmt: skip


def test_units_of_a_stratum_without_one_arm_are_counted_and_doubted(units: Make, answered: Make) -> None:
    columns = units()
    columns["market"] = np.where((columns["arm"] == "b") & (np.arange(4_000) < 400), "new", "old")
    result = answered(columns, strata=("market",))
    (check,) = _check(result, "strata_compared")
    assert (check.status, check.severity, check.value) == ("failed", "doubt", 200.0)
    assert "200 of 4,000 units" in check.says
    assert result.verdict.answer == "unclear"


def test_a_stratum_that_no_table_has_is_named(units: Make, answered: Make) -> None:
    with pytest.raises(KeyError, match="devise"):
        answered(units(), strata=("devise",))


# --- the relative scale


def test_fieller_s_interval_is_unbounded_where_control_cannot_be_told_from_zero(units: Make, answered: Make) -> None:
    columns = units(lift=0.0)
    columns["spend"] = np.random.default_rng(2).normal(0.02, 1.0, 4_000)
    made = {how: answered(columns, primary=Mean("spend", relative_method=how)) for how in ("fieller", "delta")}
    control = columns["spend"][columns["arm"] == "control"].mean()
    assert control > 0
    rows = {how: result.estimate(scale="relative") for how, result in made.items()}
    assert (rows["fieller"].low, rows["fieller"].high) == (None, None)
    assert rows["delta"].low is not None
    assert rows["fieller"].value == pytest.approx(rows["delta"].value)
    assert "unbounded" in made["fieller"].to_text() or "inf" in made["fieller"].to_text()


@pytest.mark.parametrize("covariate", [None, "spend_before"])
def test_fieller_s_interval_holds_the_ratios_that_a_test_of_them_keeps(
    covariate: str | None, units: Make, answered: Make
) -> None:
    """At each end r, `treated - r * control` is just told from zero: found by running the difference itself."""
    columns = units(600)
    use = Mean("spend", relative_method="fieller", covariate=covariate)
    found = answered(columns, primary=use).estimate(scale="relative")
    control = columns["arm"] == "control"
    for bound in (found.low, found.high):
        scaled = {**columns, "spend": columns["spend"] * np.where(control, 1 + bound, 1.0)}
        scaled["spend_before"] = columns["spend_before"] * np.where(control, 1 + bound, 1.0)
        if covariate is None:
            p_value = answered(scaled, primary=Mean("spend")).estimate(scale="absolute").p_value
            assert p_value == pytest.approx(0.05, abs=2e-4)


def test_shares_may_have_either_relative_interval(units: Make, answered: Make) -> None:
    columns = units()
    rows = {
        how: answered(columns, primary=Share("converted", relative_method=how)).estimate(scale="relative")
        for how in ("log", "delta", "fieller")
    }
    assert {round(row.value, 9) for row in rows.values()} == {round(rows["log"].value, 9)}
    assert rows["delta"].low < rows["fieller"].low < rows["delta"].value
    assert rows["delta"].high < rows["fieller"].high


def test_a_treated_share_of_none_is_a_fall_of_a_hundred_per_cent(units: Make, answered: Make) -> None:
    columns = units(200)
    columns["converted"] = ((columns["arm"] == "control") & (np.arange(200) % 10 == 0)).astype(int)
    result = answered(columns, primary=Share("converted"))
    row = result.estimate(scale="relative")
    assert (row.value, row.low, row.std_error) == (-1.0, -1.0, None)
    assert row.high < 0
    assert not [
        check
        for check in result.checks
        if check.name in ("relative_scale", "enough_units") and check.status == "failed"
    ]
