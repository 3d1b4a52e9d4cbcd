"""Segments of a cube: every conjunction once, in its shortest form, with the sums that brute force gives."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.stats.lattice import Lattice

CUBES = st.integers(1, 4).flatmap(
    lambda d: st.lists(st.lists(st.integers(0, 3), min_size=d, max_size=d), min_size=1, max_size=25, unique_by=tuple)
)


def brute(codes: np.ndarray, depth: int) -> dict[frozenset[int], set[tuple[tuple[int, int], ...]]]:
    """Leaves of a segment -> all the ways to say it."""
    found: dict[frozenset[int], set[tuple[tuple[int, int], ...]]] = {}
    for size in range(min(depth, codes.shape[1]) + 1):
        for chosen in combinations(range(codes.shape[1]), size):
            for row in codes:
                said = tuple((d, int(row[d])) for d in chosen)
                leaves = frozenset(n for n, leaf in enumerate(codes) if all(leaf[d] == v for d, v in said))
                found.setdefault(leaves, set()).add(said)
    return found


@settings(max_examples=60, deadline=None)
@given(CUBES, st.integers(1, 3))
def test_every_segment_is_there_once_in_its_shortest_form(rows: list[list[int]], depth: int) -> None:
    codes = np.array(rows, dtype=np.int64)
    lattice, wanted = Lattice(codes, depth), brute(codes, depth)
    found = {frozenset(np.flatnonzero(lattice.members(n)).tolist()): s for n, s in enumerate(lattice)}
    assert len(found) == len(lattice)
    assert set(found) == set(wanted)
    for leaves, said in found.items():
        assert said in wanted[leaves]
        assert len(said) == min(len(way) for way in wanted[leaves])


@settings(max_examples=60, deadline=None)
@given(CUBES, st.randoms(use_true_random=False))
def test_the_sums_are_those_of_the_members(rows: list[list[int]], random: object) -> None:
    codes = np.array(rows, dtype=np.int64)
    values = np.random.default_rng(len(rows)).normal(size=(len(rows), 2))
    lattice = Lattice(codes, 3)
    sums = lattice.sums(values)
    for number in range(len(lattice)):
        assert sums[number] == pytest.approx(values[lattice.members(number)].sum(axis=0), abs=1e-12)


def test_a_city_of_each_country_is_not_said_with_its_country() -> None:
    codes = np.array([(city // 2, city, channel) for city in range(6) for channel in range(2)])
    segments = set(Lattice(codes, 3))
    assert ((1, 3),) in segments
    assert ((0, 1), (1, 3)) not in segments
    assert ((1, 3), (2, 0)) in segments


def test_large_sparse_codes_are_grouped_as_small_ones() -> None:
    random = np.random.default_rng(4)
    small = np.unique(random.integers(0, 4, size=(200, 3)), axis=0)
    large = np.array([3, 70_000, 900_001, 2_000_000])[small]
    assert len(Lattice(small, 3)) == len(Lattice(large, 3))


@pytest.mark.parametrize("codes", [np.zeros((0, 2)), np.zeros((2, 0)), np.zeros((2, 11))])
def test_what_has_no_segments_or_too_many_is_refused(codes: np.ndarray) -> None:
    with pytest.raises(DefinitionError):
        Lattice(codes.astype(np.int64))
