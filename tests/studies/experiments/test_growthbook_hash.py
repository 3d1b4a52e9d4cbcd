"""GrowthBook's assignment, on the vectors that it publishes for those who write an SDK."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.growthbook_hash import (
    GrowthBookSplit,
    bucket_ranges,
    choose_variation,
    fnv1a,
    growthbook_hash,
    growthbook_hashes,
)

# growthbook/growthbook, packages/sdk-js/test/cases.json, specVersion 0.8, "hash": seed, value, version, expected.
PUBLISHED: list[tuple[str, str, Any, float]] = [
    ("", "a", 1, 0.22),
    ("", "b", 1, 0.077),
    ("b", "a", 1, 0.946),
    ("ef", "d", 1, 0.652),
    ("asdf", "8952klfjas09ujk", 1, 0.549),
    ("", "123", 1, 0.011),
    ("", '___)((*":&', 1, 0.563),
    ("seed", "a", 2, 0.0505),
    ("seed", "b", 2, 0.2696),
    ("foo", "ab", 2, 0.2575),
    ("foo", "def", 2, 0.2019),
    ("89123klj", "8952klfjas09ujkasdf", 2, 0.124),
    ("90850943850283058242805", "123", 2, 0.7516),
    ("()**(%$##$%#$#", '___)((*":&', 2, 0.0128),
]
# The same file, the first four of "getBucketRange": weights, coverage, expected.
RANGES: list[tuple[list[float], float, list[tuple[float, float]]]] = [
    ([0.5, 0.5], 1, [(0, 0.5), (0.5, 1)]),
    ([0.5, 0.5], 0.5, [(0, 0.25), (0.5, 0.75)]),
    ([0.5, 0.5], 0, [(0, 0), (0.5, 0.5)]),
    ([0.25] * 4, 1, [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
]


@pytest.mark.parametrize(("seed", "value", "version", "expected"), PUBLISHED)
def test_the_published_vectors_come_out(seed: str, value: str, version: Any, expected: float) -> None:
    assert growthbook_hash(seed, value, version) == expected
    if version == 2:
        assert growthbook_hashes(seed, [value, value + "x"])[0] == expected


def test_a_version_that_they_do_not_have_is_refused() -> None:
    with pytest.raises(DefinitionError, match="version 99"):
        growthbook_hash("abc", "def", 99)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shares", "coverage", "expected"), RANGES)
def test_ranges_are_the_published_ones(shares: list[float], coverage: float, expected: Any) -> None:
    assert [pytest.approx(item) for item in bucket_ranges(shares, coverage)] == expected


def test_the_reference_of_this_project_agrees(shared: Any) -> None:
    import json

    stored = json.loads((shared / "reference" / "experiments" / "reference.json").read_text())
    published = {entry["id"]: entry["expected"] for entry in stored["published"]}
    for case in published["hash.growthbook.published"]:
        if case["expected"] is not None:
            assert growthbook_hash(case["seed"], case["value"], case["version"]) == case["expected"]
    for case in published["hash.growthbook.choose_variation_published"]:
        assert choose_variation(case["n"], case["ranges"]) == case["expected"]
    for text, number in stored["peer_values"]["hash.fnv1a32.vectors"]["value"].items():
        assert fnv1a(text) == number


@given(st.text(max_size=20), st.lists(st.text(max_size=40), max_size=30))
def test_many_at_once_are_as_one_by_one(seed: str, ids: list[str]) -> None:
    assert growthbook_hashes(seed, ids).tolist() == [growthbook_hash(seed, item) for item in ids]


def test_a_split_gives_each_unit_the_variation_whose_range_holds_it() -> None:
    split = GrowthBookSplit(seed="page", arms=("control", "a", "b"), shares=(0.5, 0.2, 0.3), coverage=0.4)
    ranges = bucket_ranges(split.shares, 0.4)
    expected = [choose_variation(growthbook_hash("page", item), ranges) for item in range(2_000)]
    found = split.assign(list(range(2_000)))
    assert found == tuple(None if place < 0 else split.arms[place] for place in expected)
    assert {None, "control", "a", "b"} == set(found)


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"shares": (0.5, 0.6)}, "split nothing"), ({"shares": (1.0,)}, "split nothing"), ({"coverage": 1.5}, "1.5")],
)
def test_a_split_that_is_no_whole_is_refused(changes: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        GrowthBookSplit(**{"seed": "page", "arms": ("control", "a"), "shares": (0.5, 0.5), **changes})
