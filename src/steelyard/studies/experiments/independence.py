"""Before launch: whether this experiment's draw is independent of every one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.allocation import Allocation
from steelyard.studies.experiments.many_buckets import as_texts, many_buckets
from steelyard.studies.experiments.segments import arm_ends

__all__ = ["LEVEL", "Independence", "independence"]

LEVEL = 0.001
"""Chance, over all comparisons together (Bonferroni), with which independent draws are called dependent."""
_FEWEST_EXPECTED = 5.0


@dataclass(frozen=True, kw_only=True)
class Independence:
    """How the draw of one experiment stands to that of another, measured on ids.

    Args:
        other: The other experiment.
        units: How many ids were drawn.
        statistic: Chi-square of the table of arms by arms.
        df: Its degrees of freedom.
        p_value: Its upper tail.
        limit: A p-value below it is no accident: the level shared by all comparisons.
        says: The same in words.
    """

    other: str
    units: int
    statistic: float
    df: int
    p_value: float
    limit: float
    says: str

    @property
    def holds(self) -> bool:
        """Whether the two draws can pass as independent."""
        return self.p_value >= self.limit


def independence(
    mine: Allocation, arms: Mapping[str, float], control: str, others: Mapping[str, Allocation], ids: Any
) -> tuple[Independence, ...]:
    """Pearson's chi-square of this experiment's arms by those of every other, as if all the ids were enrolled.

    Args:
        mine: The experiment that is to begin.
        arms: Its split.
        control: Its control.
        others: The experiments that run, by name.
        ids: A sample of units, or all of them.

    Returns:
        One comparison for each other experiment, in the order of `others`.

    Raises:
        DefinitionError: There are too few ids for the test.

    Assumes: The ids are a sample that was not chosen by their hash.

    Source: Pearson (1900); R 4.2.2 `chisq.test(correct = FALSE)`.
    """
    texts = as_texts(ids)
    own = _arms(many_buckets(mine.arm_salt, texts), arm_ends(arms, control))
    return tuple(_compared(own, name, other, texts, LEVEL / len(others)) for name, other in others.items())


def _arms(places: Any, ends: tuple[tuple[str, int], ...]) -> Any:
    return np.searchsorted(np.array([end for _, end in ends[:-1]], dtype=np.int64), places, side="right")


def _compared(own: Any, name: str, other: Allocation, texts: Any, limit: float) -> Independence:
    from scipy.special import chdtrc

    theirs = _arms(many_buckets(other.arm_salt, texts), other.segments[-1].ends)
    table = np.zeros((own.max(initial=0) + 1, theirs.max(initial=0) + 1))
    np.add.at(table, (own, theirs), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1)
    if not expected.size or expected.min() < _FEWEST_EXPECTED:
        raise DefinitionError(
            f"{len(texts):,} ids are too few to measure independence of {name!r}",
            where="independence",
            hint=f"{_FEWEST_EXPECTED:.0f} or more must be expected in every pair of arms: give more ids",
        )
    statistic = float(((table - expected) ** 2 / expected).sum())
    df = (table.shape[0] - 1) * (table.shape[1] - 1)
    p_value = float(chdtrc(df, statistic)) if df else 1.0
    words = "are independent" if p_value >= limit else "are NOT independent: change the name of this one"
    return Independence(
        other=name,
        units=len(texts),
        statistic=statistic,
        df=df,
        p_value=p_value,
        limit=limit,
        says=f"On {len(texts):,} units its arms and those of {name!r} {words} (p = {p_value:.3g}).",
    )
