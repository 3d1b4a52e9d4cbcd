"""Exact tests of two shares: Fisher's, with mid-p; Barnard's; Boschloo's."""

from __future__ import annotations

import numpy as np

from steelyard.errors import DefinitionError

__all__ = ["MOST_TABLES", "barnard", "boschloo", "fisher"]

# Barnard's and Boschloo's tests go through all (n1 + 1) * (n2 + 1) tables at each of many shares.
MOST_TABLES = 250_000
TIE = 1e-7


def fisher(x1: int, n1: int, x2: int, n2: int, *, mid_p: bool = False, one_sided: bool = False) -> float:
    """Fisher's exact p-value of two equal shares, given how many have it in all.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1.
        x2: Units of group 2 that have it.
        n2: Units of group 2.
        mid_p: Whether tables as likely as the one seen count half: no longer conservative, and close to the level.
        one_sided: Counts only tables in which group 1 has at least as many.

    Returns:
        Two-sided: the chance of all tables that are no more likely than the one seen.

    Source: Fisher (1935); R 4.2.2 `fisher.test`, whose relative tolerance for ties (1e-7) is used; Lancaster (1961).

    >>> round(fisher(3, 4, 1, 4), 4), round(fisher(3, 4, 1, 4, one_sided=True), 4)
    (0.4857, 0.2429)
    """
    from scipy.special import gammaln

    _check(x1, n1, x2, n2)
    have = x1 + x2
    inside = np.arange(max(0, have - n2), min(have, n1) + 1)
    cells = np.stack([inside, n1 - inside, have - inside, n2 - have + inside])
    ways = -gammaln(cells + 1.0).sum(axis=0)
    chance = np.exp(ways - ways.max())
    chance /= chance.sum()
    seen = chance[x1 - inside[0]]
    if one_sided:
        return float(min(chance[inside >= x1].sum() - (seen / 2 if mid_p else 0.0), 1.0))
    as_likely = np.abs(chance - seen) <= TIE * seen
    less = chance[(chance < seen) & ~as_likely].sum()
    return float(min(less + chance[as_likely].sum() / (2 if mid_p else 1), 1.0))


def barnard(x1: int, n1: int, x2: int, n2: int) -> float:
    """Barnard's exact two-sided p-value with the pooled z as its order: the worst over all common shares.

    Raises:
        DefinitionError: More than 250,000 tables.

    Source: Barnard (1945); Suissa and Shuster (1985); SciPy 1.18 `barnard_exact`.

    >>> round(barnard(3, 30, 9, 30), 4)
    0.0604
    """
    from scipy.stats import barnard_exact

    _check(x1, n1, x2, n2, tables=True)
    if x1 + x2 in {0, n1 + n2}:
        return 1.0
    return float(barnard_exact([[x1, x2], [n1 - x1, n2 - x2]], pooled=True, n=64).pvalue)


def boschloo(x1: int, n1: int, x2: int, n2: int) -> float:
    """Boschloo's exact two-sided p-value: Fisher's as the order; never less powerful than Fisher's test.

    Raises:
        DefinitionError: More than 250,000 tables.

    Source: Boschloo (1970), Statistica Neerlandica 24; SciPy 1.18 `boschloo_exact` (twice the smaller side).

    >>> round(boschloo(3, 30, 9, 30), 4)
    0.0641
    """
    from scipy.stats import boschloo_exact

    _check(x1, n1, x2, n2, tables=True)
    if x1 + x2 in {0, n1 + n2}:
        return 1.0
    return float(boschloo_exact([[x1, x2], [n1 - x1, n2 - x2]], n=64).pvalue)


def _check(x1: int, n1: int, x2: int, n2: int, *, tables: bool = False) -> None:
    if not (0 <= x1 <= n1 and 0 <= x2 <= n2 and n1 >= 1 and n2 >= 1):
        raise DefinitionError(f"{x1!r} of {n1!r} and {x2!r} of {n2!r} are no counts", hint="0 <= x <= n, n at least 1")
    if tables and (n1 + 1) * (n2 + 1) > MOST_TABLES:
        raise DefinitionError(
            f"an exact test over {(n1 + 1) * (n2 + 1):,} tables takes too long",
            hint=f"at most {MOST_TABLES:,}; use Fisher's test with mid_p",
        )
