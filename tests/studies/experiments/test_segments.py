"""Segments only grow: over any history of shares, splits and layers nobody who is enrolled moves."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.allocation import Allocation, open_buckets
from steelyard.studies.experiments.segments import arm_ends, extended, free_ranges, joined, width
from steelyard.warehouse.bucket import BUCKETS, bucket

IDS = tuple(range(300))
NAMES = ("control", "a", "b", "c", "d")


@st.composite
def splits(draw: Any) -> dict[str, float]:
    """Any number of arms, some of them with nothing."""
    weights = draw(st.lists(st.integers(0, 20), min_size=2, max_size=len(NAMES)))
    assume(sum(weights) > 0)
    return {name: weight / sum(weights) for name, weight in zip(NAMES, weights, strict=False)}


CHANGES = st.lists(
    st.tuples(st.sampled_from(["one", "two"]), st.floats(0.001, 1), splits()), min_size=1, max_size=8
)  # fmt: skip


def drawn(allocation: Allocation) -> dict[int, str]:
    arms = {unit: allocation.drawn(unit) for unit in IDS}
    return {unit: arm for unit, arm in arms.items() if arm is not None}


@given(changes=CHANGES, held_out=st.sampled_from([0.0, 0.1]))
def test_no_history_of_changes_moves_a_unit_or_shares_one_within_a_layer(changes: Any, held_out: float) -> None:
    """Every accepted change keeps every enrolled unit's arm; layers stay disjoint; what is refused changes nothing."""
    now = {name: Allocation(name=name, layer="page", layer_held_out=held_out) for name in ("one", "two")}
    whole = open_buckets(held_out)
    for name, share, arms in changes:
        other = now["two" if name == "one" else "one"]
        taken = [item for segment in other.segments for item in segment.ranges]
        try:
            after = now[name].with_stage(share, arms, "control", taken=taken)
        except DefinitionError:
            continue
        before = drawn(now[name])
        assert {unit: arm for unit, arm in drawn(after).items() if unit in before} == before
        now[name] = after
        mine = [item for segment in after.segments for item in segment.ranges]
        assert width(joined(mine)) == width(mine) == round(Fraction(share) * whole)
        assert width(joined([*mine, *taken])) == width(mine) + width(taken)
        assert all(end <= whole for _, end in mine)
        for arm, (low, high) in zip([arm for arm, _ in arm_ends(arms, "control")], _parts(arms), strict=True):
            has = sum(segment.measure(arm) for segment in after.segments)
            wanted = round(Fraction(share) * whole) * (high - low)
            assert abs(has - wanted) <= len(after.segments) * BUCKETS, "a share is exact to a bucket a stage"


def _parts(arms: dict[str, float]) -> list[tuple[int, int]]:
    ends = [end for _, end in arm_ends(arms, "control")]
    return list(zip([0, *ends[:-1]], ends, strict=True))


@given(shares=st.lists(st.floats(0.01, 1), min_size=1, max_size=5).map(sorted), arms=splits())
def test_a_ramp_with_one_split_is_the_first_buckets_and_one_cut(shares: list[float], arms: dict[str, float]) -> None:
    """The special case that needs no segments: enrolled below the share, arm by the split's own ends."""
    found = Allocation(name="page")
    for share in dict.fromkeys(shares):
        found = found.with_stage(share, arms, "control")
    assert {segment.ends for segment in found.segments} == {arm_ends(arms, "control")}
    assert joined(item for segment in found.segments for item in segment.ranges) == (
        (0, round(Fraction(shares[-1]) * BUCKETS)),
    )
    for unit in IDS[:50]:
        inside = bucket("page:ramp", unit) < shares[-1] * BUCKETS
        assert (found.drawn(unit) is not None) == inside


def test_a_three_arm_ramp_with_new_shares_moves_nobody_where_contiguous_ranges_move_an_arm() -> None:
    first = Allocation(name="page").with_stage(0.2, {"control": 0.9, "a": 0.05, "b": 0.05}, "control")
    then = first.with_stage(1.0, {"control": 0.8, "a": 0.1, "b": 0.1}, "control")
    before, after = drawn(first), drawn(then)
    assert before
    assert all(after[unit] == arm for unit, arm in before.items())
    assert [sum(segment.measure(arm) for segment in then.segments) / BUCKETS**2 for arm in ("control", "a", "b")] == (
        pytest.approx([0.8, 0.1, 0.1], abs=1e-15)
    )


def test_an_arm_that_would_shrink_is_refused_by_name_and_with_what_it_has() -> None:
    whole = Allocation(name="page").with_stage(1.0, {"control": 0.9, "a": 0.05, "b": 0.05}, "control")
    with pytest.raises(DefinitionError, match=r"'control' would shrink from 0\.9 to 0\.8") as refused:
        whole.with_stage(1.0, {"control": 0.8, "a": 0.1, "b": 0.1}, "control")
    assert "at least 0.9" in refused.value.hint
    part = Allocation(name="page").with_stage(0.5, {"control": 0.5, "a": 0.5}, "control")
    with pytest.raises(DefinitionError, match=r"fall from 0\.5 to 0\.2") as fallen:
        part.with_stage(0.2, {"control": 0.5, "a": 0.5}, "control")
    assert "roll the experiment back" in fallen.value.hint
    with pytest.raises(DefinitionError, match="'a' would shrink"):
        part.with_stage(0.6, {"control": 1.0}, "control")
    with pytest.raises(DefinitionError, match="changes nothing"):
        part.with_stage(0.5, {"control": 0.5, "a": 0.5}, "control")


def test_a_layer_that_is_full_says_how_much_is_free() -> None:
    with pytest.raises(DefinitionError, match=r"needs 0\.5 more, and 0\.25 is free"):
        extended((), share=0.5, arms={"c": 1.0}, control="c", free=free_ranges([(0, 3 * BUCKETS // 4)], BUCKETS))


def test_what_rounding_leaves_goes_to_an_arm_that_has_a_share() -> None:
    """Ten tenths add up to less than one in doubles; an arm with no share gets none of it."""
    arms = {**{f"a{number}": 0.1 for number in range(10)}, "control": 0.0, "z": 0.0}
    ends = arm_ends(arms, "control")
    assert ends[0] == ("control", 0)
    assert dict(ends)["a9"] == dict(ends)["z"] == BUCKETS
