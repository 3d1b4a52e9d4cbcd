"""The buckets of many ids at once: what `steelyard.warehouse.bucket` gives for each, without a Python step an id."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from steelyard.errors import DataError
from steelyard.studies.experiments.md5_lanes import BEGIN, Start, State, compress, one_state

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["as_ids", "as_texts", "letters_of", "many_buckets"]

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
_MANY_LENGTHS = 4_096
_IDS = (str, Integral, UUID, type(None))
LANES = 24_576
"""How many messages are hashed side by side: their words fit into the processor's second cache."""


def many_buckets(salt: str, ids: Any) -> I64:
    """The bucket of each id, in order: the first 60 bits of `md5(salt:id)`.

    Args:
        salt: What the draw is for.
        ids: Texts or whole numbers: a numpy, Arrow or pandas column, or anything that can be gone through.

    Raises:
        DataError: An id is missing, or is neither text nor a whole number.

    >>> from steelyard.warehouse.bucket import bucket
    >>> many_buckets("checkout", [42, 7]).tolist() == [bucket("checkout", 42), bucket("checkout", 7)]
    True
    """
    texts = as_texts(ids)
    ends, data = letters_of(texts)
    found = np.empty(len(texts), dtype=np.int64)
    prefix = f"{salt}:".encode()
    lengths = np.diff(ends)
    shortest, longest = int(lengths.min(initial=2**62)), int(lengths.max(initial=0))
    if shortest == longest:
        side_by_side = data[int(ends[0]) : int(ends[-1])].reshape(len(texts), shortest)
        writing = _Lanes(prefix, shortest)
        for start in range(0, len(texts), LANES):
            found[start : start + LANES] = writing.buckets(side_by_side[start : start + LANES])
        return found
    for length, alike in _by_length(lengths, longest):
        writing = _Lanes(prefix, length)
        for start in range(0, len(alike), LANES):
            rows = alike[start : start + LANES]
            found[rows] = writing.buckets(_letters(data, ends, rows, length))
    return found


def _by_length(lengths: I64, longest: int) -> Iterator[tuple[int, I64]]:
    """Each length that there is, with the places of the texts that have it."""
    few = longest < _MANY_LENGTHS
    there = np.flatnonzero(np.bincount(lengths)) if few else np.unique(lengths)
    yield from ((length, np.flatnonzero(lengths == length)) for length in there.tolist())


def letters_of(texts: pa.Array[Any]) -> tuple[I64, U8]:
    """Where each text of `as_texts` begins (and the last ends), and the letters of all of them, as UTF-8."""
    _, ends, data = texts.buffers()
    limits: I64 = np.frombuffer(memoryview(ends or bytes(8)), dtype=np.int64)
    letters: U8 = np.frombuffer(memoryview(data or b""), dtype=np.uint8)
    return limits[texts.offset : texts.offset + len(texts) + 1], letters


def _letters(data: U8, ends: I64, rows: I64, length: int) -> U8:
    """The letters of ids of one length, a row each; neighbours lie side by side already."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows):
        return data[int(ends[first]) : int(ends[last + 1])].reshape(len(rows), length)
    found: U8 = data[ends[rows][:, None] + np.arange(length)]
    return found


def as_texts(ids: Any) -> pa.Array[Any]:
    """The ids as one Arrow column of text, as SQL writes them.

    Raises:
        DataError: An id is missing, or is neither text nor a whole number.
    """
    import pyarrow as pa

    column = as_ids(ids)
    texts: pa.Array[Any] = column if pa.types.is_large_string(column.type) else column.cast(pa.large_string())
    return texts


def as_ids(ids: Any) -> pa.Array[Any]:
    """The ids as one Arrow column, of text or of whole numbers as they came.

    Raises:
        DataError: An id is missing, or is neither text nor a whole number.
    """
    import pyarrow as pa

    column: Any = _column(ids)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count:
        raise DataError(
            f"{column.null_count:,} of {len(column):,} ids are missing",
            where="assign",
            hint="a unit without an id has no arm: leave it out, and count it",
        )
    known = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)
    if len(column) and not any(test(column.type) for test in known):
        raise _no_id(f"ids of type {column.type}")
    return column  # type: ignore[no-any-return]


def _no_id(what: str) -> DataError:
    return DataError(
        f"{what} cannot be hashed", where="assign", hint="give text or whole numbers, written as the warehouse has them"
    )


def _column(ids: Any) -> Any:
    import pyarrow as pa

    if isinstance(ids, pa.ChunkedArray):
        return pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], ids.type)
    if isinstance(ids, pa.Array):
        return ids
    if isinstance(ids, np.ndarray) or hasattr(ids, "__arrow_array__") or hasattr(ids, "to_numpy"):
        return _column(pa.array(ids))
    listed = list(ids)
    strange = next((item for item in listed if isinstance(item, bool) or not isinstance(item, _IDS)), None)
    if strange is not None:
        raise _no_id(f"the id {strange!r}")
    if all(isinstance(item, int) and abs(item) < 2**63 for item in listed):
        return pa.array(listed, pa.int64())
    return pa.array([None if item is None else str(item) for item in listed], pa.large_string())


class _Lanes:
    """Messages `prefix + id` of one length, block by block."""

    def __init__(self, prefix: bytes, length: int) -> None:
        shared = len(prefix) // 64 * 64
        self.begun = one_state(prefix[:shared]) if shared else BEGIN
        rest = prefix[shared:]
        size = len(prefix) + length
        blocks = (len(rest) + length + 8) // 64 + 1
        self.first, self.length = len(rest), length
        pattern = bytearray(blocks * 64)
        pattern[: self.first] = rest
        pattern[self.first + length] = 0x80
        pattern[-8:] = (8 * size).to_bytes(8, "little")
        self.pattern = np.frombuffer(bytes(pattern), dtype=np.uint8)

    def buckets(self, letters: U8) -> I64:
        """The buckets of some ids: one row of letters each."""
        lanes = len(letters)
        state: State | Start = self.begun
        for words, constants in self._blocks(letters):
            state = compress(state, words, constants, lanes)
        # The digest's first eight bytes read from left to right, without their last four bits.
        bytes_: npt.NDArray[np.uint32] = np.empty((lanes, 2), dtype="<u4")
        bytes_[:, 0], bytes_[:, 1] = state[0], state[1]
        first_eight = bytes_.view(">u8")[:, 0].astype(np.uint64)
        return np.right_shift(first_eight, np.uint64(4), first_eight).view(np.int64)

    def _blocks(self, letters: U8) -> Iterator[tuple[dict[int, npt.NDArray[np.uint32]], list[int]]]:
        """Each block: the words in which ids stand, and all that is the same in every message."""
        lanes, last = len(letters), self.first + self.length
        constants = self.pattern.view("<u4").tolist()
        touched = range(self.first // 4, -(-last // 4) if self.length else self.first // 4)
        words: dict[int, npt.NDArray[np.uint32]] = {}
        if touched:
            start, end = touched.start * 4, touched.stop * 4
            area = np.empty((lanes, end - start), dtype=np.uint8)
            area[:] = self.pattern[start:end]
            area[:, self.first - start : last - start] = letters
            columns = np.ascontiguousarray(area.view("<u4").T).astype(np.uint32, copy=False)
            words = dict(zip(touched, columns, strict=True))
        for block in range(len(constants) // 16):
            here = {place - 16 * block: word for place, word in words.items() if place // 16 == block}
            yield here, constants[16 * block : 16 * block + 16]
