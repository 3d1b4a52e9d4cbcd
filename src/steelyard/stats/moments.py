"""Means and sums of products of deviations: all that a comparison of means needs, and they merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from steelyard.errors import DataError, DefinitionError

__all__ = ["Moments", "flatten_rounding", "merged", "off_zero"]

F64 = npt.NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class Moments:
    """First and second moments of k columns over one group of rows.

    Means are kept as distances from a common origin, so that two groups whose mean is a milliard standard deviations
    from zero can still be compared.

    Args:
        names: The k columns.
        rows: Rows of the group, with and without values.
        counts: Rows that have a value, by column.
        origin: What the means are measured from, by column; shape (k,).
        offset: Mean minus origin, by column; NaN where a row has no value or one that is not finite; shape (k,).
        cross: Sums of products of deviations from the means; NaN where they were not asked for; shape (k, k).

    >>> m = Moments.of_rows({"x": [1.0, 2.0, 6.0]})
    >>> m.mean("x"), m.variance("x")
    (3.0, 7.0)
    """

    names: tuple[str, ...]
    rows: int
    counts: tuple[int, ...]
    origin: F64
    offset: F64
    cross: F64

    @classmethod
    def of_sums(
        cls, *, names: Sequence[str], rows: int, counts: Sequence[int], shifts: F64, sums: F64, products: F64
    ) -> Moments:
        """Moments from sums about constants.

        Args:
            names: The k columns.
            rows: Rows of the group.
            counts: Rows that have a value, by column.
            shifts: The constants, shape (k,).
            sums: Sums of `value - shift`, shape (k,).
            products: Sums of products of two such differences, shape (k, k), symmetric; NaN where not asked for.
        """
        whole = np.asarray(counts) == rows
        usable = whole & np.isfinite(sums) & (rows > 0)
        offset = np.where(usable, off_zero(shifts, sums / max(rows, 1), rows), np.nan)
        with np.errstate(invalid="ignore", over="ignore"):
            cross = products - rows * np.outer(offset, offset)
        flatten_rounding(cross, np.diag(products), rows)
        return cls(names=tuple(names), rows=rows, counts=tuple(counts), origin=shifts, offset=offset, cross=cross)

    @classmethod
    def of_rows(cls, columns: Mapping[str, Sequence[float] | F64], origin: Sequence[float] | None = None) -> Moments:
        """Moments of columns in memory; NaN stands for a missing value.

        Args:
            columns: Name -> values, all of one length.
            origin: What to measure from; zero by default.
        """
        values = np.array(list(columns.values()), dtype=np.float64)
        shifts = np.zeros(len(values)) if origin is None else np.asarray(origin, dtype=np.float64)
        about = values - shifts[:, None]
        start = about.mean(axis=1)
        deviations = about - start[:, None]
        return cls(
            names=tuple(columns),
            rows=values.shape[1],
            counts=tuple(int(n) for n in (~np.isnan(values)).sum(axis=1)),
            origin=shifts,
            offset=start,
            cross=deviations @ deviations.T,
        )

    def place(self, name: str) -> int:
        """The column's position."""
        return self.names.index(name)

    def mean(self, name: str) -> float:
        """The column's mean."""
        at = self.place(name)
        return float(self.origin[at] + self.offset[at])

    def offset_of(self, name: str) -> float:
        """The column's mean minus its origin."""
        return float(self.offset[self.place(name)])

    def origin_of(self, name: str) -> float:
        """What the column's mean is measured from."""
        return float(self.origin[self.place(name)])

    @property
    def units(self) -> int:
        """What the means are taken over: the rows, where rows are not clusters."""
        return self.rows

    def missing(self, name: str) -> int:
        """Rows of the group that have no value in the column."""
        return self.rows - self.counts[self.place(name)]

    def variance(self, name: str) -> float:
        """The column's sample variance (divisor n - 1); NaN below two rows, or where squares are beyond doubles."""
        return self.covariance(name, name)

    def covariance(self, one: str, other: str) -> float:
        """The sample covariance of two columns (divisor n - 1); NaN below two rows.

        Raises:
            DefinitionError: The product of the two was not asked for.
        """
        if self.rows < 2:
            return float("nan")
        found = float(self.cross[self.place(one), self.place(other)])
        both = np.isfinite(self.offset_of(one)) and np.isfinite(self.offset_of(other))
        if np.isnan(found) and both and one != other:
            raise DefinitionError(f"the product of {one!r} and {other!r} was not asked for", where="moments")
        return found / (self.rows - 1)

    def merge(self, other: Moments) -> Moments:
        """The moments of both groups together.

        Raises:
            DataError: They are of other columns, or are measured from another origin.

        Source: Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance, equation 2.1.
        """
        if self.names != other.names or not np.array_equal(self.origin, other.origin):
            raise DataError("moments of other columns or another origin cannot be merged", where="moments")
        if not self.rows or not other.rows:
            return other if not self.rows else self
        rows = self.rows + other.rows
        gap = other.offset - self.offset
        # Two sums of one and the same value differ by rounding: that is no spread.
        reach = EPS * (rows * np.maximum(np.abs(self.offset), np.abs(other.offset)) + np.abs(self.origin))
        spread = np.where(np.abs(gap) <= reach, 0.0, gap)
        with np.errstate(over="ignore", invalid="ignore"):
            cross = self.cross + other.cross + np.outer(spread, spread) * (self.rows * other.rows / rows)
        return Moments(
            names=self.names,
            rows=rows,
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            origin=self.origin,
            offset=self.offset + gap * (other.rows / rows),
            cross=cross,
        )


def off_zero(origin: F64 | float, offset: F64 | float, rows: int) -> F64:
    """Distances from an origin; of a mean that is zero but for the rounding of its sum, the one that makes it zero.

    Measured from elsewhere, a column of zeros adds up to some 1e-17, of which anything would be a huge multiple.

    Args:
        origin: What the means are measured from.
        offset: The means, measured from it.
        rows: How many terms their sums have.

    >>> float(off_zero(0.3, -0.30000000000000004, 10))
    -0.3
    """
    zero = np.abs(np.add(origin, offset)) <= EPS * max(rows, 64) * np.abs(origin)
    return np.where(zero, np.negative(origin), offset)


def flatten_rounding(cross: F64, squares: F64, rows: int) -> None:
    """Takes out, in place, the spread that is nothing but the rounding of the sums: a constant column has none.

    Rounding of a sum of n terms grows up to n times the last digit, always the same way when the terms are equal.

    Args:
        cross: Sums of products of deviations, shape (k, k); changed.
        squares: Sums of squares that they were made of, shape (k,).
        rows: How many terms the sums have.
    """
    still = np.isfinite(squares) & (np.diag(cross) <= EPS * max(rows, 64) * squares)
    cross[still, :] = np.where(np.isnan(cross[still, :]), np.nan, 0.0)
    cross[:, still] = np.where(np.isnan(cross[:, still]), np.nan, 0.0)


def merged(groups: Iterable[Moments]) -> Moments:
    """The moments of all groups together; there is at least one."""
    return reduce(lambda one, other: one.merge(other), groups)
