"""GrowthBook's own assignment, bit for bit, for companies that assign with its SDKs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.many_buckets import as_texts, letters_of

__all__ = ["GrowthBookSplit", "bucket_ranges", "choose_variation", "fnv1a", "growthbook_hash", "growthbook_hashes"]

F64 = npt.NDArray[np.float64]
U32 = npt.NDArray[np.uint32]
Version = Literal[1, 2]
_BASIS, _PRIME = 0x811C9DC5, 0x01000193
_PLACES = 10_000


def fnv1a(text: str) -> int:
    """FNV-1a of 32 bits over the text's UTF-8.

    Source: Fowler, Noll and Vo, The FNV non-cryptographic hash algorithm, draft-eastlake-fnv.

    >>> fnv1a("foobar")
    3214735720
    """
    found = _BASIS
    for letter in text.encode():
        found = ((found ^ letter) * _PRIME) & 0xFFFFFFFF
    return found


def growthbook_hash(seed: str, value: str | int, version: Version = 2) -> float:
    """Where GrowthBook puts a unit between 0 and 1.

    Args:
        seed: The experiment's seed; its key by default there.
        value: The unit's id.
        version: 2 is GrowthBook's present hash, in ten-thousandths. 1, in thousandths, is for what still runs: its
            draws of two experiments are not independent.

    Raises:
        DefinitionError: There is no such version.

    Source: growthbook/growthbook, packages/sdk-js/src/util.ts; proved on the 15 vectors of `hash` in its
        packages/sdk-js/test/cases.json, specification 0.8.

    >>> growthbook_hash("seed", "a")
    0.0505
    """
    if version == 2:
        return fnv1a(str(fnv1a(f"{seed}{value}"))) % _PLACES / _PLACES
    if version == 1:
        return fnv1a(f"{value}{seed}") % 1000 / 1000
    raise DefinitionError(f"no hash of version {version!r} in GrowthBook", where="growthbook", hint="1 or 2")


def growthbook_hashes(seed: str, ids: Any) -> F64:
    """As `growthbook_hash` of version 2, of many ids at once.

    >>> growthbook_hashes("seed", ["a", "b"]).tolist()
    [0.0505, 0.2696]
    """
    texts = as_texts(ids)
    ends, data = letters_of(texts)
    first = _folded(np.full(len(texts), fnv1a(seed), dtype=np.uint32), data, ends)
    digits, letters = letters_of(as_texts(first))
    second = _folded(np.full(len(texts), _BASIS, dtype=np.uint32), letters, digits)
    return (second % _PLACES).astype(np.float64) / _PLACES


def _folded(state: U32, data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> U32:
    """The hash of each text, carried on from `state`: letter by letter, over all texts that are as long."""
    begins, lengths = ends[:-1], np.diff(ends)
    longest = int(lengths.max(initial=0))
    everyone = longest == int(lengths.min(initial=longest))
    for place in range(longest):
        rows: Any = slice(None) if everyone else np.flatnonzero(lengths > place)
        state[rows] = (state[rows] ^ data[begins[rows] + place]) * np.uint32(_PRIME)
    return state


def bucket_ranges(shares: Sequence[float], coverage: float = 1.0) -> tuple[tuple[float, float], ...]:
    """GrowthBook's range of each variation: its share of 0 to 1, of which the first `coverage` is used.

    >>> bucket_ranges([0.5, 0.5], 0.5)
    ((0.0, 0.25), (0.5, 0.75))
    """
    found, begin = [], 0.0
    for share in shares:
        found.append((begin, begin + coverage * share))
        begin += share
    return tuple(found)


def choose_variation(place: float, ranges: Sequence[tuple[float, float]]) -> int:
    """The variation whose range holds the place; -1 where none does.

    >>> choose_variation(0.6, bucket_ranges([0.5, 0.5], 0.5))
    1
    """
    return next((number for number, (low, high) in enumerate(ranges) if low <= place < high), -1)


@dataclass(frozen=True, kw_only=True)
class GrowthBookSplit:
    """An experiment that GrowthBook assigns (hash version 2), as this side of it can tell who was given what.

    Its ranges are contiguous: a change of its shares moves units between arms, which `steelyard` assignment never does.

    Args:
        seed: The experiment's seed in GrowthBook: its key, where none is set.
        arms: The variations' names in GrowthBook's order.
        shares: Their weights.
        coverage: The share of units that is included.

    >>> GrowthBookSplit(seed="seed", arms=("control", "one_page"), shares=(0.5, 0.5)).assign(["a", "ann"])
    ('control', 'one_page')
    """

    seed: str
    arms: tuple[str, ...]
    shares: tuple[float, ...]
    coverage: float = 1.0

    def __post_init__(self) -> None:
        if len(self.arms) != len(self.shares) or abs(sum(self.shares) - 1) > 1e-9 or min(self.shares) < 0:
            raise DefinitionError(
                f"the arms {list(self.arms)!r} and the shares {list(self.shares)!r} split nothing",
                where=f"growthbook {self.seed!r}",
                hint="one share an arm, adding up to 1",
            )
        if not 0 <= self.coverage <= 1:
            raise DefinitionError(
                f"a coverage of {self.coverage!r}", where=f"growthbook {self.seed!r}", hint="from 0 to 1"
            )

    def assign(self, ids: Any) -> tuple[str | None, ...]:
        """The arm of each id; None where it is not included."""
        ranges = bucket_ranges(self.shares, self.coverage)
        places = growthbook_hashes(self.seed, ids)
        found = np.full(len(places), -1)
        for number, (low, high) in reversed(list(enumerate(ranges))):
            found[(places >= low) & (places < high)] = number
        return tuple(None if number < 0 else self.arms[number] for number in found.tolist())
