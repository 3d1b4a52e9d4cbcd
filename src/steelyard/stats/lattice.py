"""Every segment of a cube of leaves: all combinations of values of up to a few dimensions, and sums over each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from steelyard.errors import DefinitionError

__all__ = ["Lattice"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
MOST_DIMENSIONS = 10
_SIGNATURES = 2  # sums of 32-bit marks are exact in doubles up to two million leaves


class _Node:
    """The groups of one set of dimensions, and how they are summed from a finer set's."""

    def __init__(self, dimensions: tuple[int, ...], parent: _Node | None, codes: I64, sizes: tuple[int, ...]) -> None:
        self.dimensions, self.parent = dimensions, parent
        keys = np.zeros(len(codes), dtype=np.int64)
        for dimension in dimensions:
            keys = keys * sizes[dimension] + codes[:, dimension]
        inverse, first = _grouped(keys, int(np.prod([sizes[d] for d in dimensions], dtype=object)))
        self.codes = codes[first]
        shape = (len(first), len(codes))
        ones = np.ones(len(codes))
        self.adds = sparse.csr_array((ones, (inverse, np.arange(len(codes)))), shape=shape)

    @property
    def groups(self) -> int:
        return len(self.codes)


def _grouped(keys: I64, possible: int) -> tuple[I64, I64]:
    """The group of each key, groups in the order of keys, and the place of one member of each."""
    if possible <= 4 * len(keys) + 1024:
        place = np.full(possible, -1, dtype=np.int64)
        place[keys[::-1]] = np.arange(len(keys))[::-1]
        known = np.flatnonzero(place >= 0)
        first = place[known]
        place[known] = np.arange(len(known))
        return place[keys], first
    _, found, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return inverse.reshape(-1), found


class Lattice:
    """The segments of a cube: conjunctions `dimension = value` over up to `depth` dimensions, and the whole.

    A segment that has the same leaves as a shorter one (Germany, and Germany with every German city) is not listed
    apart: the shorter one stands for both; of equally short ones, the first by the order of the dimensions.

    Args:
        codes: The value of every dimension at every leaf, from 0; shape (leaves, dimensions).
        depth: The most dimensions of a segment.

    Raises:
        DefinitionError: No leaves, or more dimensions than can be combined.

    >>> lattice = Lattice(np.array([[0, 0], [0, 1], [1, 0]]), depth=2)
    >>> [lattice.segment(s) for s in range(len(lattice))]
    [(), ((0, 0),), ((0, 1),), ((1, 0),), ((1, 1),), ((0, 0), (1, 0))]
    >>> lattice.sums(np.array([1.0, 10.0, 100.0])).tolist()
    [111.0, 11.0, 100.0, 101.0, 10.0, 1.0]
    """

    def __init__(self, codes: I64, depth: int = 3) -> None:
        codes = np.ascontiguousarray(codes, dtype=np.int64)
        if codes.ndim != 2 or not codes.size:
            raise DefinitionError("a cube without leaves or dimensions has no segments")
        dimensions = codes.shape[1]
        if dimensions > MOST_DIMENSIONS:
            raise DefinitionError(
                f"{dimensions} dimensions are too many to combine", hint=f"give at most {MOST_DIMENSIONS}"
            )
        self.codes, self.depth = codes, min(depth, dimensions)
        self._nodes = self._built(tuple(int(code) + 1 for code in codes.max(axis=0)))
        self._shown = [node for node in self._nodes if len(node.dimensions) <= self.depth][::-1]
        self._starts = np.cumsum([0, *(node.groups for node in self._shown)])
        self._keep = self._shortest()
        self.depths: I64 = np.concatenate(
            [np.full(node.groups, len(node.dimensions), dtype=np.int64) for node in self._shown]
        )[self._keep]
        self.sets: I64 = np.repeat(np.arange(len(self._shown)), [node.groups for node in self._shown])[self._keep]

    def _built(self, sizes: tuple[int, ...]) -> list[_Node]:
        """From the leaves down to the whole, each from the smallest finer set that is there."""
        dimensions = len(sizes)
        finer = [_Node(tuple(range(dimensions)), None, self.codes, sizes)]
        nodes = list(finer)
        for size in range(dimensions - 1, -1, -1):
            coarser = []
            for chosen in reversed(list(combinations(range(dimensions), size))):
                parent = min((node for node in finer if set(chosen) <= set(node.dimensions)), key=lambda n: n.groups)
                coarser.append(_Node(chosen, parent, parent.codes, sizes))
            nodes += coarser
            finer = coarser
        return nodes

    def _shortest(self) -> I64:
        """The places of segments whose leaves no shorter, or earlier, segment has: found by sums of random marks."""
        marks = np.random.default_rng(20260527).integers(1, 1 << 32, size=(len(self.codes), _SIGNATURES))
        sums = self._all(marks.astype(np.float64))
        _, first = np.unique(sums, axis=0, return_index=True)
        return np.sort(first)

    def _all(self, values: F64) -> F64:
        found: dict[tuple[int, ...], F64] = {}
        for node in self._nodes:
            finer = values if node.parent is None else found[node.parent.dimensions]
            found[node.dimensions] = np.asarray(node.adds @ finer, dtype=np.float64)
        return np.concatenate([found[node.dimensions] for node in self._shown])

    def __len__(self) -> int:
        return len(self._keep)

    def sums(self, values: F64) -> F64:
        """The sum of the leaves' values over every segment; shape (segments,) or (segments, columns)."""
        return self._all(values)[self._keep]

    def segment(self, number: int) -> tuple[tuple[int, int], ...]:
        """The dimensions and values of one segment; empty for the whole."""
        place = int(self._keep[number])
        shown = int(np.searchsorted(self._starts, place, side="right")) - 1
        node = self._shown[shown]
        codes = node.codes[place - int(self._starts[shown])]
        return tuple((dimension, int(codes[dimension])) for dimension in node.dimensions)

    def members(self, number: int) -> npt.NDArray[np.bool_]:
        """Which leaves are in one segment."""
        inside = np.ones(len(self.codes), dtype=np.bool_)
        for dimension, code in self.segment(number):
            inside &= self.codes[:, dimension] == code
        return inside

    def __iter__(self) -> Iterator[tuple[tuple[int, int], ...]]:
        return (self.segment(number) for number in range(len(self)))
