"""Sums over buckets of units, out of which any split of the buckets has its moments at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from steelyard.stats.moments import Moments

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Buckets"]

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Sums about constants, a row for each bucket of units.

    Args:
        names: The k columns.
        shifts: The constants, shape (k,).
        rows: Units of each bucket, shape (b,).
        counts: Values of each bucket that are there, shape (b, k).
        sums: Shape (b, k); NaN where no unit of the bucket has a value.
        products: Upper triangle of the products, row by row, shape (b, k (k + 1) / 2).
    """

    names: tuple[str, ...]
    shifts: F64
    rows: F64
    counts: F64
    sums: F64
    products: F64

    @classmethod
    def of(cls, table: pa.Table) -> Buckets:
        """From what `warehouse.moments` fetched, with all products or with none but squares."""
        k = sum(1 for name in table.column_names if name.startswith("value_"))
        pairs = [(i, j) for i in range(k) for j in range(i, k)]
        return cls(
            names=tuple(table.column(f"value_{i}")[0].as_py() for i in range(k)),
            shifts=np.array([float(table.column(f"shift_{i}")[0].as_py()) for i in range(k)]),
            rows=_doubles(table, ["n"])[:, 0],
            counts=_doubles(table, [f"count_{i}" for i in range(k)]),
            sums=_doubles(table, [f"sum_{i}" for i in range(k)]),
            products=_doubles(table, [f"cross_{i}_{j}" for i, j in pairs]),
        )

    @property
    def places(self) -> int:
        """How many buckets there are."""
        return len(self.rows)

    @property
    def units(self) -> int:
        """All units."""
        return round(float(self.rows.sum()))

    def whole(self) -> Moments:
        """The moments of all units."""
        (found,) = self.split(np.ones((1, len(self.rows))))
        return found

    def split(self, taken: npt.ArrayLike) -> list[Moments]:
        """The moments of several choices of buckets, shape (choices, b): 1 for a bucket that is in, 0 for one out."""
        masks = np.asarray(taken, dtype=np.float64)
        holes = masks @ np.isnan(self.sums) > 0
        sums = np.where(holes, np.nan, masks @ np.nan_to_num(self.sums, nan=0.0, posinf=np.inf, neginf=-np.inf))
        rows, counts, products = masks @ self.rows, masks @ self.counts, masks @ self.products
        k = len(self.names)
        upper = np.triu_indices(k)
        found: list[Moments] = []
        for choice in range(len(masks)):
            square = np.empty((k, k))
            square[upper] = square.T[upper] = products[choice]
            found.append(
                Moments.of_sums(
                    names=self.names,
                    rows=round(float(rows[choice])),
                    counts=[round(float(n)) for n in counts[choice]],
                    shifts=self.shifts,
                    sums=sums[choice],
                    products=square,
                )
            )
        return found


def _doubles(table: pa.Table, names: list[str]) -> F64:
    """Columns of shape (rows, names); one that is not there, or has no value, is NaN."""
    import pyarrow as pa

    found = np.full((table.num_rows, len(names)), np.nan)
    for place, name in enumerate(names):
        if name in table.column_names:
            found[:, place] = table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found
