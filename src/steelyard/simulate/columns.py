"""Arrow columns made of arrays of whole numbers, without a copy where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    Column = pa.Array[Any]

__all__ = ["DATE", "MONEY", "TEXT", "TIME", "coded", "dates", "money", "nullable", "times"]

TIME = pa.timestamp("us", tz="UTC")
DATE = pa.date32()
MONEY = pa.decimal128(14, 2)
TEXT = pa.dictionary(pa.int8(), pa.string())

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def times(seconds: I64, missing: Mask | None = None) -> Column:
    """Seconds since 1970 as moments in UTC."""
    return nullable(seconds * 1_000_000, missing).view(TIME)


def dates(days: I64) -> Column:
    """Days since 1970 as dates."""
    return pa.array(days.astype(np.int32)).cast(DATE)


def money(cents: I64) -> Column:
    """Hundredths as decimals, exactly.

    >>> money(np.array([1999])).to_pylist()
    [Decimal('19.99')]
    """
    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0], words[:, 1] = cents, cents >> 63
    return pa.Array.from_buffers(MONEY, len(cents), [None, pa.py_buffer(words.data)])


def coded(codes: npt.NDArray[np.integer] | Mask, names: Sequence[str]) -> Column:
    """Numbers of names as a dictionary column."""
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int8, copy=False), pa.int8()), pa.array(names, pa.string())
    )


def nullable(values: npt.NDArray[np.generic], missing: Mask | None) -> Column:
    """A column with nulls where `missing` says so."""
    column: Column = pa.array(values) if missing is None else pa.array(values, mask=missing)
    return column
