"""Random numbers that depend on nothing but seed, chunk and purpose."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

__all__ = ["CHANCE_BITS", "Draws", "lookup", "threshold"]

CHANCE_BITS = 32
_SLOTS = 65_536

U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]


class Draws:
    """The streams of one chunk: one for each purpose, and none of them moves another.

    A stream is Philox 4x64 (Salmon et al. 2011) keyed by (seed, chunk, purpose). Only its raw words are used: NumPy
    promises those, and it does not promise that its distributions stay as they are.

    Args:
        seed: The seed of the shop, 0 to 2**64 - 1.
        chunk: The number of the chunk.

    >>> Draws(7, 0).u16("tier", 2, 4).tolist() == Draws(7, 0).u16("tier", 5, 4)[:2].tolist()
    True
    """

    def __init__(self, seed: int, chunk: int) -> None:
        self._seed, self._chunk = seed, chunk

    def words(self, purpose: str, count: int) -> npt.NDArray[np.uint64]:
        """`count` words of 64 random bits; a longer request begins with the shorter one."""
        key = np.array([self._seed, (self._chunk << 32) | crc32(purpose.encode())], dtype=np.uint64)
        return np.random.Philox(key=key).random_raw(count).astype("<u8", copy=False)

    def u16(self, purpose: str, rows: int, columns: int) -> U16:
        """Numbers of 16 bits, in `rows` by `columns`; columns are 1, 2 or a multiple of four."""
        words = self.words(purpose, -(-rows * columns // 4))
        return words.view("<u2")[: rows * columns].reshape(rows, columns)

    def u32(self, purpose: str, rows: int, columns: int) -> U32:
        """Numbers of 32 bits, in `rows` by `columns`; columns are 1 or even."""
        words = self.words(purpose, -(-rows * columns // 2))
        return words.view("<u4")[: rows * columns].reshape(rows, columns)


def lookup(weights: list[int], values: list[int] | None = None) -> npt.NDArray[np.int64]:
    """An inverse distribution of 65,536 entries: index it with 16 random bits.

    Args:
        weights: Whole numbers, so that no rounding of a float decides where a share ends.
        values: What each weight stands for; 0, 1, 2 ... when absent.

    >>> [int(n) for n in np.bincount(lookup([1, 3]))]
    [16384, 49152]
    """
    ends, total, running = [], sum(weights), 0
    for weight in weights:
        running += weight
        ends.append(running * _SLOTS // total)
    counts = np.diff(np.array([0, *ends]))
    return np.repeat(np.array(range(len(weights)) if values is None else values, dtype=np.int64), counts)


def threshold(chance: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Chances as whole numbers of 2**-32: 32 random bits below one of them are a success.

    >>> threshold(np.array([0.5])).tolist()
    [2147483648]
    """
    return np.floor(chance * float(1 << CHANCE_BITS)).astype(np.int64)
