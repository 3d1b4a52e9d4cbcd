"""What is believed of an effect, or of shares, before the data: written down with the metric, for the readout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["Prior"]


@dataclass(frozen=True, kw_only=True)
class Prior:
    """A belief written down before the data: of the effect, or of the shares of all arms.

    It gives the table `posteriors`, beside the rule: nothing ships because of it.

    Args:
        mean: Mean of a normal law of the effect, treated minus control.
        std_dev: Its standard deviation, above 0.
        flat: In its place: every effect is as likely as any other.
        scale: Scale of the effect: `relative` (a fraction of control) or `absolute`.
        alpha: First parameter of a beta law of every arm's share, above 0; both 1 is uniform.
        beta: Second parameter of it.

    Raises:
        DefinitionError: Several laws are given, or none, or one that cannot be.

    >>> Prior(std_dev=0.3).says(), Prior(alpha=1, beta=1).says()
    ('normal, mean 0 and standard deviation 0.3 of the relative effect', 'beta(1, 1) of each share')
    """

    mean: float = 0.0
    std_dev: float | None = None
    flat: bool = False
    scale: Literal["relative", "absolute"] = "relative"
    alpha: float | None = None
    beta: float | None = None

    def __post_init__(self) -> None:
        beta = self.alpha is not None or self.beta is not None
        if beta + self.flat + (self.std_dev is not None) != 1:
            raise DefinitionError(
                "a prior is one law: a normal or a flat one of the effect, or a beta law of the shares",
                where="prior",
                hint="give `std_dev:` (and `mean:`, `scale:`), or `flat: true`, or `alpha:` and `beta:`",
            )
        numbers = [] if self.flat else [self.alpha, self.beta] if beta else [self.std_dev]
        fit = all(number is not None and 0 < number < math.inf for number in numbers)
        if not fit or not math.isfinite(self.mean):
            raise DefinitionError(
                f"a prior with {numbers!r} and a mean of {self.mean!r}", where="prior", hint="finite numbers above 0"
            )
        if self.scale not in ("relative", "absolute"):
            raise DefinitionError(
                f"a prior on the scale {self.scale!r}", where="prior.scale", hint="relative or absolute"
            )

    @property
    def shapes(self) -> tuple[float, float] | None:
        """Both parameters of the beta law; None of a normal one."""
        return None if self.alpha is None or self.beta is None else (self.alpha, self.beta)

    def refuse_for(self, metric: str, *, share: bool) -> None:
        """Raises where the metric is no share that was left as it is, and the prior one of shares."""
        if self.shapes is not None and not share:
            raise DefinitionError(
                f"a beta prior of {metric!r}, which is no share without covariates",
                where=f"{metric}.prior",
                hint="say `kind: share`, or give a normal prior of the effect: {std_dev: 0.1}",
            )

    def says(self) -> str:
        """The law in words."""
        if self.shapes is not None:
            return f"beta({self.shapes[0]:.6g}, {self.shapes[1]:.6g}) of each share"
        if self.flat:
            return f"flat over the {self.scale} effect"
        return f"normal, mean {self.mean:.6g} and standard deviation {self.std_dev:.6g} of the {self.scale} effect"
