"""Looks over stages whose splits differ: what each knows of the difference, and the bounds that go with it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.studies.experiments.test_stages import NOW, ROWS, drawn_of, study, units

from steelyard.stats.after_stopping import after_stopping
from steelyard.stats.always_valid import always_valid_bounds
from steelyard.stats.boundaries import boundaries
from steelyard.stats.moments import Moments
from steelyard.stats.repeated import repeated
from steelyard.stats.spending import Spending
from steelyard.studies.experiments import Looks, Mean
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.looks import LooksSoFar
from steelyard.studies.experiments.sources import Stopping
from steelyard.studies.experiments.stage_information import compared_units, information_of, known_units
from steelyard.studies.run import run_and_keep
from steelyard.studies.setting import Setting
from steelyard.warehouse import Ledger, connect

PLANNED = 14_000
OBF = Spending(kind="obrien_fleming")


def test_the_difference_times_its_units_varies_by_what_is_said() -> None:
    """By simulation: 60 and 240 units at 1 to 9, then 100 at 1 to 1, weighted by units as stages are."""
    random, splits = np.random.default_rng(1), {1: {"control": 0.9, "b": 0.1}, 2: {"control": 0.5, "b": 0.5}}
    seen = [({1: 60}, [(60, 6)]), ({1: 300}, [(300, 30)]), ({1: 300, 2: 100}, [(300, 30), (100, 50)])]
    values = random.normal(size=(2, 20_000, 300))
    sums = []
    for _, stages in seen:
        gaps = [
            n * (values[at, :, :treated].mean(axis=1) - values[at, :, treated:n].mean(axis=1))
            for at, (n, treated) in enumerate(stages)
        ]
        sums.append(sum(gaps))
    stated = [4 * information_of(study(), splits, stages, "b") for stages, _ in seen]
    assert [float(np.var(one)) for one in sums] == pytest.approx(stated, rel=0.04)
    # And it grows by steps that know nothing of what came before, as the bounds take it to: stage 2 brings its own.
    step = np.asarray(sums[2]) - np.asarray(sums[1])
    assert abs(float(np.corrcoef(step, sums[1])[0, 1])) < 3 / math.sqrt(20_000)


@given(st.lists(st.integers(2, 10_000), min_size=1, max_size=4), st.floats(0.02, 0.98))
def test_stages_of_one_split_know_as_much_as_their_units(stages: list[int], share: float) -> None:
    arms = {"control": 1 - share, "b": share}
    counts = dict(enumerate(stages))
    one = replace(study(), arms=arms, ramp=())
    found = information_of(one, dict.fromkeys(counts, arms), counts, "b")
    assert found == pytest.approx(sum(stages))


def test_a_clock_that_is_the_information_changes_nothing() -> None:
    looks = [0.2, 0.5, 1.0]
    plain = boundaries(looks, OBF, alpha=0.025, sides=1)
    assert boundaries(looks, OBF, alpha=0.025, sides=1, clock=looks) == plain
    means = [math.sqrt(look) for look in looks]
    usual = after_stopping(plain, 2.2, 1.0)
    found = after_stopping(plain, 2.2, 1.0, means=means)
    assert (found.value, found.low, found.high, found.p_value) == pytest.approx(
        (usual.value, usual.low, usual.high, usual.p_value), abs=1e-8
    )


def test_estimates_of_a_test_that_stopped_are_as_often_too_high_as_too_low() -> None:
    """Two looks, the second at a split that tells less: by simulated paths of an effect of 0.9 of the last error."""
    random, times, clock, known = np.random.default_rng(2), 400, (0.5, 1.0), (0.5, 2.6)
    made = boundaries(known, Spending(kind="pocock"), alpha=0.025, sides=1, clock=clock)
    errors = [math.sqrt(v) / u for u, v in zip(clock, known, strict=True)]
    means, effect = [errors[1] / error for error in errors], 0.9 * errors[1]
    steps = random.normal(size=(times, 2)) * np.sqrt(np.diff((0.0, *known)))
    estimates = steps.cumsum(axis=1) / np.array(clock) + effect
    above = held = 0
    for first, second in estimates:
        early = first / errors[0] >= made.upper[0]
        bounds = (
            boundaries(known[:1], Spending(kind="pocock"), alpha=0.025, sides=1, clock=clock[:1]) if early else made
        )
        at = 0 if early else 1
        relative = [mean / means[at] for mean in means[: at + 1]]
        found = after_stopping(bounds, (first, second)[at], errors[at], means=relative)
        above += found.value > effect
        held += found.low <= effect <= found.high
    assert abs(above / times - 0.5) < 3 * math.sqrt(0.25 / times)
    assert abs(held / times - 0.95) < 3 * math.sqrt(0.05 * 0.95 / times)


def test_looks_over_stages_have_bounds_at_what_they_know_and_spend_by_units() -> None:
    """First come 19 to 1, then, so that all who are enrolled are even, 1 to 4."""
    one = study(primary=Mean("spend"), looks=Looks(units=PLANNED), stopping="obrien_fleming")
    columns: dict[str, Any] = units(lift=0.08)
    _, stage = drawn_of(columns["id"])
    early = int((stage == 1).sum())
    order = np.argsort(stage, kind="stable")
    table = pa.table({name: np.asarray(values)[order] for name, values in columns.items()})
    with Ledger.in_memory() as ledger:
        results = []
        for n in (early, len(order)):
            setting = Setting(warehouse=connect({"units": table.slice(0, n)}), stages={"page": ROWS}, ledger=ledger)
            results.append(run_and_keep(one, setting, as_of=NOW)[0])
    rows = results[1].tables["looks"].to_pylist()
    known = [early / (4 * 0.05 * 0.95), early / (4 * 0.05 * 0.95) + (len(order) - early) / (4 * 0.2 * 0.8)]
    assert [row["information"] for row in rows] == pytest.approx(known)
    clock = [early / PLANNED, len(order) / PLANNED]
    made = boundaries([found / PLANNED for found in known], OBF, alpha=0.025, sides=1, clock=clock)
    assert [row["success_bound"] for row in rows] == pytest.approx(made.upper)
    last = results[1].estimate(metric="spend", scale="absolute")
    assert last.value is not None
    assert last.std_error is not None
    expected = repeated(made, OBF, last.value / last.std_error, 1.0)
    assert last.p_value == pytest.approx(min(1.0, 2 * expected.p_value), rel=0.02)


def test_always_valid_bounds_are_at_what_a_look_knows() -> None:
    rules = Stopping(success="always_valid", harm="always_valid")
    found = LookBounds.of(rules, (0.5,), 0.95, last=False, over=False, information=(0.8,))
    (expected,) = always_valid_bounds([0.8], level=0.975, bound="above")
    assert found.success.critical == pytest.approx(expected)


def test_an_earlier_look_that_did_not_say_what_it_knew_is_taken_in_proportion() -> None:
    rows = ({"arm": "b", "units": 100, "ended": False}, {"arm": "b", "units": 200, "ended": False, "information": 70.0})
    looks = LooksSoFar(at="", planned_units=1_000, over=False, earlier=rows)
    assert looks.before("b", 400) == (100, 200)
    assert looks.information("b", 400) == (None, 70.0)


def test_a_stage_that_gave_an_arm_no_units_tells_nothing_of_it() -> None:
    """Control's units of that stage are in no comparison with the arm: they are neither counted nor known."""
    one = replace(study(), arms={"control": 0.4, "b": 0.3, "c": 0.3}, ramp=())
    sizes = {1: {"control": 90, "b": 10}, 2: {"control": 40, "b": 30, "c": 30}}
    splits = {stage: {arm: n / sum(arms.values()) for arm, n in arms.items()} for stage, arms in sizes.items()}
    by_stage = {
        stage: {(arm,): Moments.of_rows({"spend": np.zeros(n)}) for arm, n in arms.items()}
        for stage, arms in sizes.items()
    }
    evidence = Evidence(
        cells={}, counts=(), ids=None, repeated={}, unusable=(), notes={}, segments=(), splits=splits, by_stage=by_stage
    )
    assert compared_units(one, evidence, "c") == 70
    assert known_units(one, evidence, "c") == pytest.approx(70)
    assert compared_units(one, evidence, "b") == 170
    # In one of 9 to 1 a unit varies by 1 / .1 + 1 / .9; in the study's 3 to 4, by 7 / 3 + 7 / 4.
    assert known_units(one, evidence, "b") == pytest.approx(70 + 100 * (10 + 10 / 9) / (7 / 3 + 7 / 4))
