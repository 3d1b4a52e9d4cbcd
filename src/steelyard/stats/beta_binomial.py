"""Which of several shares is the highest, and what a wrong choice would cost, with beta priors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError

__all__ = ["ShareOdds", "beta_binomial"]

F64 = npt.NDArray[np.float64]
PANELS, NODES = 96, 16
FAR = 1e-18


@dataclass(frozen=True, kw_only=True)
class ShareOdds:
    """One arm's standing among all.

    Args:
        mean: Posterior mean of the share.
        low: Lower end of its credible interval, equal tails.
        high: Upper end.
        probability_best: That its share is above those of all other arms.
        expected_loss: Mean distance by which the best other arm is above it, counted as 0 where none is: what choosing
            it would cost.
    """

    mean: float
    low: float
    high: float
    probability_best: float
    expected_loss: float


def beta_binomial(
    counts: Sequence[tuple[int, int]], *, prior: tuple[float, float] = (1.0, 1.0), level: float = 0.95
) -> tuple[ShareOdds, ...]:
    """The posterior standing of arms whose shares have independent beta priors, by quadrature: nothing is drawn.

    Args:
        counts: For each arm, units that have it and units; two arms or more. With two, the second's
            `probability_best` is the probability to beat the first.
        prior: Both parameters of the beta prior, above 0; (1, 1) is uniform.
        level: Probability of the credible intervals.

    Raises:
        DefinitionError: Fewer than two arms, counts that are none, or a prior that is not above 0.

    Assumes: Units are independent; the prior was written down before the data.

    Source: Integrals over the share x: of the density of one times the distribution functions of the others for the
        probability, and of one minus the product of the others' distribution functions, times its own, for the loss.
        Compared with Miller's closed sum (2015) and with draws.

    >>> control, treated = beta_binomial([(100, 1_000), (120, 1_000)])
    >>> round(treated.probability_best, 4), round(treated.expected_loss, 6)
    (0.9232, 0.000485)
    """
    from scipy.special import betainc, betaincinv, betaln

    wrong = [(x, n) for x, n in counts if not 0 <= x <= n]
    if len(counts) < 2 or wrong or not min(prior) > 0:
        raise DefinitionError(
            f"counts {list(counts)!r} with prior {prior!r}", hint="two arms, 0 <= x <= n, prior above 0"
        )
    shapes = [(prior[0] + x, prior[1] + n - x) for x, n in counts]
    ends = [[float(betaincinv(a, b, FAR)), 1 - float(betaincinv(b, a, FAR))] for a, b in shapes]
    # Each arm's own quantiles are edges, so that the nodes are where the densities are.
    inner = np.concatenate([betaincinv(a, b, np.linspace(0, 1, PANELS + 1)[1:-1]) for a, b in shapes])
    x, weights = _nodes(np.unique(np.concatenate([np.ravel(ends), inner])))
    below = np.array([betainc(a, b, x) for a, b in shapes])
    tail = (1 - level) / 2
    found = []
    for place, (a, b) in enumerate(shapes):
        density = np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - betaln(a, b))
        others = np.prod(np.delete(below, place, axis=0), axis=0)
        found.append(
            ShareOdds(
                mean=a / (a + b),
                low=float(betaincinv(a, b, tail)),
                high=float(betaincinv(a, b, 1 - tail)),
                probability_best=float(weights @ (density * others)),
                expected_loss=float(weights @ ((1 - others) * below[place])),
            )
        )
    return tuple(found)


def _nodes(edges: F64) -> tuple[F64, F64]:
    edges = edges[(edges >= 0) & (edges <= 1)]
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = (edges[1:] - edges[:-1]) / 2
    points = (edges[:-1] + half)[:, None] + half[:, None] * nodes[None, :]
    keep = math.nextafter(0.0, 1.0), math.nextafter(1.0, 0.0)
    return np.clip(points.ravel(), *keep), (half[:, None] * weights[None, :]).ravel()
