"""How fast a sequential test may use up its error as information comes in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["Spending", "SpendingKind"]

SpendingKind = Literal["obrien_fleming", "pocock", "kim_demets", "hwang_shih_decani"]
WITHOUT_SHAPE = ("obrien_fleming", "pocock")


@dataclass(frozen=True, kw_only=True)
class Spending:
    """A spending function: the error that may be used up by each share of the information.

    Args:
        kind: `obrien_fleming` spends almost nothing early, `pocock` spends about evenly, `kim_demets` is the power
            family, `hwang_shih_decani` the gamma family.
        shape: The power rho, above 0, of `kim_demets`; gamma of `hwang_shih_decani` (0 is linear, below 0 is slow at
            first); the others have none.

    Raises:
        DefinitionError: An unknown kind, or a shape that the kind has not or needs.

    Source: Lan and DeMets (1983), Biometrika 70 (both types); Kim and DeMets (1987), Biometrika 74; Hwang, Shih and
        DeCani (1990), Statistics in Medicine 9. Each is applied to the error of one side, as in rpact and gsDesign.

    >>> round(Spending(kind="obrien_fleming").spent(0.025, 0.5), 10)
    0.0015253228
    >>> Spending(kind="kim_demets", shape=2.0).spent(0.025, 0.5)
    0.00625
    """

    kind: SpendingKind
    shape: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in {*WITHOUT_SHAPE, "kim_demets", "hwang_shih_decani"}:
            raise DefinitionError(
                f"no spending function {self.kind!r}",
                hint="obrien_fleming, pocock, kim_demets or hwang_shih_decani",
            )
        if (self.shape is None) != (self.kind in WITHOUT_SHAPE):
            raise DefinitionError(
                f"spending {self.kind!r} with shape {self.shape!r}",
                hint="kim_demets and hwang_shih_decani need a shape, the others have none",
            )
        if self.shape is not None and not (math.isfinite(self.shape) and (self.kind != "kim_demets" or self.shape > 0)):
            raise DefinitionError(f"spending {self.kind!r} with shape {self.shape!r}", hint="give a finite shape")

    def spent(self, error: float, fraction: float) -> float:
        """The error used up when `fraction` of the planned information is in; from 1 on it is all of it.

        Args:
            error: All that may be spent: alpha of one side, or beta.
            fraction: Information so far as a share of what is planned, 0 or more.
        """
        if fraction >= 1:
            return error
        if fraction <= 0:
            return 0.0
        if self.kind == "obrien_fleming":
            return _obrien_fleming(error, fraction)
        if self.kind == "pocock":
            return error * math.log1p((math.e - 1) * fraction)
        shape = 0.0 if self.shape is None else self.shape
        if self.kind == "kim_demets":
            return float(error * fraction**shape)
        return error * (fraction if shape == 0 else math.expm1(-shape * fraction) / math.expm1(-shape))

    def increments(self, error: float, fractions: Sequence[float], *, last: bool = False) -> tuple[float, ...]:
        """What each look may spend.

        Args:
            error: All that may be spent.
            fractions: Information at each look, rising.
            last: Whether the last of them ends the test, so that it spends all that is left even below 1.

        >>> Spending(kind="kim_demets", shape=1.0).increments(0.04, [0.25, 0.5], last=True)
        (0.01, 0.03)
        """
        spent = [self.spent(error, fraction) for fraction in fractions]
        if last and spent:
            spent[-1] = error
        return tuple(now - before for now, before in zip(spent, [0.0, *spent[:-1]], strict=True))


def _obrien_fleming(error: float, fraction: float) -> float:
    from scipy.special import ndtr, ndtri

    # The lower tail, so that what is spent at the first per cent is a small number and not zero.
    return 2 * float(ndtr(ndtri(error / 2) / math.sqrt(fraction)))
