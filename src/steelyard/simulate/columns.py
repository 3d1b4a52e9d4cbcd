"""Arrow columns made of arrays of whole numbers, without a copy where that is possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["DATE", "MONEY", "TEXT", "TIME", "coded", "dates", "money", "nullable", "times"]

TIME = pa.timestamp("us", tz="UTC")
DATE = pa.date32()
MONEY = pa.decimal128(14, 2)
TEXT = pa.dictionary(pa.int8(), pa.string())

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def times(seconds: I64, missing: Mask | None = None) -> pa.Array:
    """Seconds since 1970 as moments in UTC."""
    return nullable(seconds * 1_000_000, missing).cast(TIME)


def dates(days: I64) -> pa.Array:
    """Days since 1970 as dates."""
    return pa.array(days.astype(np.int32)).cast(DATE)


def money(cents: I64) -> pa.Array:
    """Hundredths as decimals, exactly.

    >>> money(np.array([1999])).to_pylist()
    [Decimal('19.99')]
    """
    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0], words[:, 1] = cents, cents >> 63
    return pa.Array.from_buffers(MONEY, len(cents), [None, pa.py_buffer(words)])


def coded(codes: npt.NDArray[np.integer], names: Sequence[str]) -> pa.Array:
    """Numbers of names as a dictionary column."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8, copy=False)), pa.array(names, pa.string()))


def nullable(values: npt.NDArray[np.generic], missing: Mask | None) -> pa.Array:
    """A column with nulls where `missing` says so."""
    return pa.array(values) if missing is None else pa.array(values, mask=missing)
