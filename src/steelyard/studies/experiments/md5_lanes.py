"""MD5 of many short messages at once: the rounds run over columns of words, so that no message costs a Python step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["BEGIN", "State", "compress", "one_state"]

U32 = npt.NDArray[np.uint32]
State = tuple[U32, U32, U32, U32]

_MASK = 0xFFFFFFFF
_SINES = tuple(int(abs(math.sin(place + 1)) * 2**32) & _MASK for place in range(64))
_TURNS = (7, 12, 17, 22) * 4 + (5, 9, 14, 20) * 4 + (4, 11, 16, 23) * 4 + (6, 10, 15, 21) * 4
BEGIN = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
"""The state before the first block."""


def _word(step: int) -> int:
    """Which of the block's 16 words a step takes."""
    return (step, 5 * step + 1, 3 * step + 5, 7 * step)[step // 16] % 16


_WORDS = tuple(_word(step) for step in range(64))


@dataclass(frozen=True, kw_only=True)
class _Room:
    """Space for what a step holds for a moment, used again by every step."""

    mixed: U32
    turned: U32


def compress(state: State, words: Mapping[int, U32], constants: Sequence[int]) -> State:
    """The state after one more block in every lane.

    Args:
        state: Four words for each lane.
        words: Place in the block (0 to 15) -> that word of each lane, for the places where lanes differ.
        constants: All 16 words; those at the places of `words` are not looked at.

    Source: RFC 1321, The MD5 Message-Digest Algorithm; compared with `hashlib` in the tests.
    """
    a, b, c, d = (word.copy() for word in state)
    room = _Room(mixed=np.empty_like(a), turned=np.empty_like(a))
    for step in range(64):
        _mix(step // 16, b, c, d, room.mixed)
        np.add(a, room.mixed, out=a)
        place = _WORDS[step]
        known = _SINES[step]
        if place in words:
            np.add(a, words[place], out=a)
        else:
            known = (known + constants[place]) & _MASK
        np.add(a, np.uint32(known), out=a)
        _turn(a, _TURNS[step], room.turned)
        np.add(a, b, out=a)
        a, b, c, d = d, a, b, c
    return a + state[0], b + state[1], c + state[2], d + state[3]


def _mix(round_: int, b: U32, c: U32, d: U32, out: U32) -> None:
    """The round's function of three words, into `out`."""
    if round_ == 3:
        np.invert(d, out=out)
        np.bitwise_or(out, b, out=out)
        np.bitwise_xor(out, c, out=out)
        return
    if round_ == 2:
        np.bitwise_xor(b, c, out=out)
        np.bitwise_xor(out, d, out=out)
        return
    chosen, one, other = (b, c, d) if round_ == 0 else (d, b, c)
    np.bitwise_xor(one, other, out=out)
    np.bitwise_and(out, chosen, out=out)
    np.bitwise_xor(out, other, out=out)


def _turn(word: U32, by: int, room: U32) -> None:
    """Rotates to the left, in place."""
    np.left_shift(word, np.uint32(by), out=room)
    np.right_shift(word, np.uint32(32 - by), out=word)
    np.bitwise_or(word, room, out=word)


def one_state(blocks: bytes) -> tuple[int, int, int, int]:
    """The state after whole blocks that all messages begin with.

    Args:
        blocks: A multiple of 64 bytes.
    """
    state: State = tuple(np.array([word], dtype=np.uint32) for word in BEGIN)  # type: ignore[assignment]
    for start in range(0, len(blocks), 64):
        words = np.frombuffer(blocks[start : start + 64], dtype="<u4").astype(np.uint32)
        state = compress(state, {}, words.tolist())
    return tuple(int(word[0]) for word in state)  # type: ignore[return-value]
