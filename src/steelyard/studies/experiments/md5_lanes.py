"""MD5 of many short messages at once: the rounds run over columns of words, so that no message costs a Python step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["BEGIN", "Start", "State", "compress", "one_state"]

U32 = npt.NDArray[np.uint32]
State = tuple[U32, U32, U32, U32]
Start = tuple[int, int, int, int]

_MASK = 0xFFFFFFFF
_SINES = tuple(int(abs(math.sin(place + 1)) * 2**32) & _MASK for place in range(64))
_TURNS = (7, 12, 17, 22) * 4 + (5, 9, 14, 20) * 4 + (4, 11, 16, 23) * 4 + (6, 10, 15, 21) * 4
_LEFT, _RIGHT = ([np.uint32(by) for by in turns] for turns in (_TURNS, [32 - by for by in _TURNS]))
BEGIN: Start = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
"""The state before the first block."""


def _word(step: int) -> int:
    """Which of the block's 16 words a step takes."""
    return (step, 5 * step + 1, 3 * step + 5, 7 * step)[step // 16] % 16


_WORDS = tuple(_word(step) for step in range(64))


def compress(state: State | Start, words: Mapping[int, U32], constants: Sequence[int], lanes: int) -> State:
    """The state after one more block in every lane.

    Args:
        state: Four words for each lane, or four that all lanes have.
        words: Place in the block (0 to 15) -> that word of each lane, for the places where lanes differ.
        constants: All 16 words; those at the places of `words` are not looked at.
        lanes: How many lanes there are.

    Source: RFC 1321, The MD5 Message-Digest Algorithm; compared with `hashlib` in the tests.
    """
    begun = 0
    if isinstance(state[0], int):  # until the first word in which lanes differ, all of them are one
        begun = min(words, default=0)
        a, b, c, d = (np.full(lanes, word, dtype=np.uint32) for word in _stepped(state, constants, begun))
    else:
        a, b, c, d = (word.copy() for word in state)
    mixed, turned, pair = np.empty_like(a), np.empty_like(a), np.empty_like(a)
    add, left, right, either = np.add, np.left_shift, np.right_shift, np.bitwise_or
    for step in range(begun, 64):
        _mix(step, b, c, d, mixed, pair)
        add(a, mixed, a)
        place, known = _WORDS[step], _SINES[step]
        if place in words:
            add(a, words[place], a)
        else:
            known = (known + constants[place]) & _MASK
        add(a, np.uint32(known), a)
        left(a, _LEFT[step], turned)
        right(a, _RIGHT[step], a)
        either(a, turned, a)
        add(a, b, a)
        a, b, c, d = d, a, b, c
    for word, earlier in zip((a, b, c, d), state, strict=True):
        add(word, np.asarray(earlier, dtype=np.uint32), word)
    return a, b, c, d


def _mix(step: int, b: U32, c: U32, d: U32, out: U32, pair: U32) -> None:
    """The round's function of three words, into `out`; `pair` is kept from one step to the next."""
    if step >= 48:
        np.invert(d, out)
        np.bitwise_or(out, b, out)
        np.bitwise_xor(out, c, out)
    elif step >= 32:
        if step % 2:  # c and d are what b and c were a step ago
            np.bitwise_xor(b, pair, out)
        else:
            np.bitwise_xor(b, c, pair)
            np.bitwise_xor(pair, d, out)
    else:
        chosen, one, other = (b, c, d) if step < 16 else (d, b, c)
        np.bitwise_xor(one, other, out)
        np.bitwise_and(out, chosen, out)
        np.bitwise_xor(out, other, out)


def _stepped(state: Start, constants: Sequence[int], steps: int) -> Start:
    """The state after the first steps of a block that is the same in all lanes."""
    a, b, c, d = state
    for step in range(steps):
        mixed = (b & c | ~b & d, d & b | ~d & c, b ^ c ^ d, c ^ (b | ~d & _MASK))[step // 16]
        added = (a + mixed + _SINES[step] + constants[_WORDS[step]]) & _MASK
        turned = added << _TURNS[step] | added >> 32 - _TURNS[step]
        a, b, c, d = d, (b + turned) & _MASK, b, c
    return a, b, c, d


def one_state(blocks: bytes) -> Start:
    """The state after whole blocks that all messages begin with.

    Args:
        blocks: A multiple of 64 bytes.
    """
    state = BEGIN
    for start in range(0, len(blocks), 64):
        words = [int.from_bytes(blocks[place : place + 4], "little") for place in range(start, start + 64, 4)]
        a, b, c, d = _stepped(state, words, 64)
        added = tuple((word + before) & _MASK for word, before in zip((a, b, c, d), state, strict=True))
        state = (added[0], added[1], added[2], added[3])
    return state
