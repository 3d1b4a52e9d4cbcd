"""How many times the variance of independent units a mean has whose units were randomised in groups."""

from __future__ import annotations

from steelyard.errors import DefinitionError

__all__ = ["design_effect"]


def design_effect(size: float, icc: float, variation: float = 0.0) -> float:
    """The factor by which randomising clusters multiplies the variance of a mean of their members.

    Args:
        size: Members of a cluster, on average; 1 or more.
        icc: Correlation of two members of one cluster, from 0 to 1.
        variation: Coefficient of variation of the sizes: their standard deviation over their mean.

    Raises:
        DefinitionError: A size below 1, a correlation outside of 0 to 1, or a variation below 0.

    Assumes: The mean is one of members, each of equal weight; the size of a cluster says nothing of its outcome.

    Source: Kish (1965), Survey Sampling; with unequal sizes Eldridge, Ashby and Kerry (2006), International Journal of
        Epidemiology 35.

    >>> design_effect(20, 0.05, 0.5)
    2.2
    """
    if not (size >= 1 and 0 <= icc <= 1 and variation >= 0):
        raise DefinitionError(
            f"clusters of {size!r} members with a correlation of {icc!r} and a variation of {variation!r}",
            hint="give a size of 1 or more, a correlation from 0 to 1, and a variation of 0 or more",
        )
    return 1 + ((1 + variation**2) * size - 1) * icc
