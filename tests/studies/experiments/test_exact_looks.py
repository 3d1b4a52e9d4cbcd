"""Looks with exact bounds: of shares at any counts, whatever else the experiment has."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError
from steelyard.result import Result
from steelyard.stats.shares_sequence import shares_critical, shares_sequence
from steelyard.studies.experiments import (
    Assignment,
    Baseline,
    Effect,
    Experiment,
    Looks,
    Mean,
    Quantile,
    Share,
    Stopping,
)
from steelyard.studies.replay import replay
from steelyard.studies.run import plan, run_and_keep
from steelyard.studies.setting import Setting
from steelyard.warehouse import Ledger, connect

PLANNED = 6_000
TUNED = (PLANNED / 2, PLANNED / 2)
FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def looked(study: Callable[..., Experiment]) -> Callable[..., Experiment]:
    def make(**changes: Any) -> Experiment:
        words: dict[str, Any] = {"looks": Looks(every="daily", units=PLANNED), "stopping": "exact"}
        return study(**{**words, "primary": Share("converted"), **changes})

    return make


def read(study: Experiment, columns: Any, day: int = 0) -> Result:
    with Ledger.in_memory() as ledger:
        setting = Setting(warehouse=connect(pa.table(dict(columns))), ledger=ledger)
        return run_and_keep(study, setting, as_of=FIRST + timedelta(days=day))[0]


def rare(columns: Any, treated: int, control: int) -> Any:
    """Columns in which so many units of either arm have it."""
    found = dict(columns)
    arm, has = np.asarray(found["arm"]), np.zeros(len(found["arm"]), dtype=int)
    has[np.flatnonzero(arm == "b")[:treated]] = 1
    has[np.flatnonzero(arm == "control")[:control]] = 1
    return {**found, "converted": has}


@pytest.mark.parametrize("seen", [(0, 12), (1, 0), (0, 0), (2, 30), (300, 250)])
def test_both_ends_and_the_p_value_are_those_of_the_sequence_of_two_shares(
    looked: Callable[..., Experiment], units: Callable[..., Any], seen: tuple[int, int]
) -> None:
    result = read(looked(), rare(units(2_000), *seen))
    by_hand = shares_sequence(seen[0], 1_000, seen[1], 1_000, TUNED)
    row = result.estimate(scale="absolute")
    assert (row.low, row.high, row.p_value) == pytest.approx((by_hand.low, by_hand.high, by_hand.p_value))
    relative = result.estimate(scale="relative")
    if seen[1]:
        high = None if math.isinf(by_hand.ratio_high) else pytest.approx(by_hand.ratio_high - 1)
        assert (relative.low, relative.high) == (pytest.approx(by_hand.ratio_low - 1), high)
    (method,) = result.tables["methods"].to_pylist()
    assert method["method"] == "beta mixtures of both shares; exact"


def test_one_end_alone_has_half_of_the_error_and_the_other_is_its_own_rule_s(
    looked: Callable[..., Experiment], units: Callable[..., Any]
) -> None:
    columns = rare(units(2_000), 2, 25)
    hybrid = looked(stopping=Stopping(success="obrien_fleming", harm="exact"))
    spending = looked(stopping=Stopping(success="obrien_fleming", harm="always_valid"))
    row, other = (read(made, columns).estimate(scale="absolute") for made in (hybrid, spending))
    by_hand = shares_sequence(2, 1_000, 25, 1_000, TUNED, level=0.975)
    assert (row.low, row.high) == (other.low, pytest.approx(by_hand.high))
    assert row.p_value == pytest.approx(2 * by_hand.p_value)
    # With less as better it is the lower end that is harm's, and what it says against equal shares is success's.
    down = looked(stopping=hybrid.stopping, primary=Share("converted", better="down"))
    turned, plain = read(down, columns), read(replace(down, stopping=spending.stopping), columns)
    assert turned.estimate(scale="absolute").low == pytest.approx(by_hand.low)
    assert turned.estimate(scale="absolute").high == plain.estimate(scale="absolute").high
    assert turned.estimate(scale="absolute").p_value == plain.estimate(scale="absolute").p_value


def test_other_metrics_are_always_valid_and_the_rule_says_so(
    looked: Callable[..., Experiment], units: Callable[..., Any]
) -> None:
    study = looked(secondary=(Mean("spend"), Share("refunded", covariate="spend_before"), Quantile("latency", 0.9)))
    columns = {**units(2_000), "refunded": np.tile([0, 0, 0, 1], 500)}
    exact = read(study, columns)
    always = read(replace(study, stopping="always_valid"), columns)
    for use in study.secondary_uses:
        found, other = (result.estimate(metric=use.metric, scale="absolute") for result in (exact, always))
        assert (found.low, found.high) == (other.low, other.high)
    assert "of other metrics they are always_valid's" in exact.verdict.rule
    assert "always_valid's" not in always.verdict.rule


def test_what_a_look_costs_is_how_far_its_ends_lie(
    looked: Callable[..., Experiment], units: Callable[..., Any]
) -> None:
    columns = units(4_000)
    result = read(looked(), columns)
    (look,), row = result.tables["looks"].to_pylist(), result.estimate(scale="absolute")
    assert look["success_bound"] == pytest.approx((row.value - row.low) / row.std_error)
    # Thousands of units of a common share: what large samples say.
    assert look["success_bound"] == pytest.approx(shares_critical(4_000 / PLANNED, 0.05), rel=0.02)
    assert look["success_width"] == pytest.approx(look["success_bound"] / 1.96, rel=0.02)
    assert f"{look['success_width']:.2f} times as wide" in result.verdict.says


def test_the_course_is_exact_as_well(looked: Callable[..., Experiment], units: Callable[..., Any]) -> None:
    columns = rare(units(2_000), 0, 25)
    columns["at"] = [FIRST + timedelta(days=min(i // 800, 1)) for i in range(2_000)]
    result = read(looked(assignment=Assignment(at="at")), columns, day=3)
    days = [row for row in result.tables["course"].to_pylist() if row["scale"] == "absolute"]
    have = [sum(columns["converted"][:n]) for n in (800, 2_000)]
    for row, n, count in zip(days, (400, 1_000), have, strict=True):
        by_hand = shares_sequence(0, n, int(count), n, TUNED)
        assert (row["low"], row["high"]) == pytest.approx((by_hand.low, by_hand.high))


def test_the_gates_of_a_ramp_are_exact_as_well(looked: Callable[..., Experiment], units: Callable[..., Any]) -> None:
    columns = {**rare(units(2_000), 2, 25), "refunded": np.repeat([1, 0], [6, 1_994])}
    guard = Share("refunded", better="down", margin=Effect(absolute=0.01))
    result = read(looked(guardrails=(guard,)), columns)
    (row,) = result.tables["guardrails"].to_pylist()
    by_hand = shares_sequence(3, 1_000, 3, 1_000, TUNED)
    assert (row["low"], row["high"], row["harmed"]) == (
        pytest.approx(by_hand.low), pytest.approx(by_hand.high), False,
    )  # fmt: skip
    always = read(looked(guardrails=(guard,), stopping="always_valid"), columns).tables["guardrails"].to_pylist()[0]
    assert always["high"] != pytest.approx(row["high"], rel=1e-3)


def test_a_look_with_exact_bounds_replays_as_the_same(
    looked: Callable[..., Experiment], units: Callable[..., Any]
) -> None:
    with Ledger.in_memory() as ledger:
        setting = Setting(warehouse=connect(pa.table(dict(rare(units(2_000), 0, 9)))), ledger=ledger)
        study = looked()
        _, entry = run_and_keep(study, setting, as_of=FIRST)
        assert entry is not None
        assert replay(entry, ledger, build=lambda _: study).says == "same."


def test_a_primary_that_turns_out_to_be_no_share_is_a_doubt(
    looked: Callable[..., Experiment], units: Callable[..., Any]
) -> None:
    result = read(looked(primary="spend"), units(2_000))
    (found,) = [check for check in result.checks if check.name == "exact_bounds"]
    assert (found.status, found.severity) == ("failed", "doubt")
    assert "'spend' is no share" in found.says
    assert not [check for check in read(looked(), units(2_000)).checks if check.name == "exact_bounds"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"primary": Mean("spend")}, "'spend', which is a mean"),
        ({"primary": Share("converted", covariate="spend_before")}, "with a covariate"),
        ({"strata": ("device",)}, "within strata"),
        ({"cluster": "device"}, "of clusters"),
        ({"looks": "once"}, "with one look"),
    ],
)
def test_what_exact_bounds_are_not_made_for_is_refused(
    looked: Callable[..., Experiment], changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(DefinitionError, match=says):
        looked(**changes)


def test_a_plan_counts_what_exact_bounds_cost(looked: Callable[..., Experiment], units: Callable[..., Any]) -> None:
    needs = {}
    for rule in ("always_valid", "exact"):
        primary = Share("converted", expected_effect=Effect(relative=0.2), baseline=Baseline(level=0.1))
        made = looked(primary=primary, stopping=rule, looks=Looks(planned=10))
        needs[rule] = plan(made, pa.table(dict(units(40)))).sample["units needed"]
    assert 1.05 < needs["exact"] / needs["always_valid"] < 1.35
