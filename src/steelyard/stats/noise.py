"""How much leaves, and all of them together, move when nothing happens: overdispersion, from history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.stats.contrast import Contrast

__all__ = ["Noise", "noise_of"]

F64 = npt.NDArray[np.float64]
ROUNDS = 8
CLIP = 9.0
CLIPPED_MEAN = 0.9925  # of min(z^2, 9), z standard normal
LEAST_SHARED = 1e-8
EXACT = 1e-6  # of the mean size: what does not move at all is known to no more than that


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The variance of a leaf's difference of size m is `counting` m + `leaf` m^2, and all share a factor.

    Args:
        counting: What grows with the size, as the noise of counts does (1 for whole counts, and a window without
            error beside it).
        leaf: The squared relative noise of a leaf, whatever its size.
        shared: The squared relative noise that all leaves have in common.
    """

    counting: float
    leaf: float
    shared: float

    def variance(self, size: F64) -> F64:
        """Of a leaf's difference, without what all have in common; above 0."""
        return np.maximum(self.counting * size + self.leaf * size**2, np.finfo(np.float64).tiny)

    def weights(self, size: F64) -> F64:
        """Size over variance, finite where the size is 0."""
        return 1.0 / np.maximum(self.counting + self.leaf * size, np.finfo(np.float64).tiny)


def noise_of(replays: Contrast, *, least: float = 0.0) -> Noise:
    """The noise, from windows of history that were set against their own past.

    Args:
        replays: Shape (leaves, windows); one window at least.
        least: Below which `counting` cannot be: 1 for whole counts, which are hardly ever steadier than Poisson's.

    Returns:
        The noise of such a window.

    Assumes: most leaves, in most windows, had no incident: differences beyond three standard deviations are drawn in.

    Source: moments of a variance that is quadratic in the mean, as of the negative binomial (McCullagh and Nelder 1989,
    section 6.2), fitted by weighted least squares in turns; held against simulated truth in tests/stats/test_noise.py.
    """
    size = replays.size
    used = size > 0
    least = max(least, EXACT * _scale(size[used]))
    shared = _common(replays, Noise(counting=_scale(size[used]), leaf=0.0, shared=1.0))
    noise = Noise(counting=1.0, leaf=0.0, shared=0.0)
    for turn in range(ROUNDS):
        rest = (replays.difference - shared * size)[used]
        if turn == 0:
            middle = float(np.median(rest**2 / size[used])) / 0.455 if rest.size else 0.0
            noise = Noise(counting=max(middle, least), leaf=0.0, shared=0.0)
        fitted = _fitted(rest, size[used], noise)
        noise = Noise(counting=max(fitted.counting, least), leaf=fitted.leaf, shared=0.0)
        shared = _common(replays, noise)
    return Noise(counting=noise.counting, leaf=noise.leaf, shared=_shared(replays, noise, shared))


def _scale(size: F64) -> float:
    return float(size.mean()) if size.size else 1.0


def _fitted(rest: F64, size: F64, noise: Noise) -> Noise:
    """One round: squared differences over their size are a line in the size."""
    if not size.size:
        return noise
    model = noise.variance(size)
    squares = np.minimum(rest**2, CLIP * model) / CLIPPED_MEAN / size
    weights = (size / model) ** 2
    total, mean = weights.sum(), (weights * size).sum() / weights.sum()
    spread = (weights * (size - mean) ** 2).sum()
    middle = (weights * squares).sum() / total
    slope = (weights * (size - mean) * squares).sum() / spread if spread > 0 else 0.0
    at_zero = middle - slope * mean
    if slope < 0:
        slope, at_zero = 0.0, middle
    elif at_zero < 0:
        at_zero, slope = 0.0, (weights * size * squares).sum() / (weights * size**2).sum()
    return Noise(counting=float(at_zero), leaf=float(slope), shared=0.0)


def _common(replays: Contrast, noise: Noise) -> F64:
    """The relative move of all leaves together, window by window, with outlying leaves drawn in once."""
    size, difference = replays.size, replays.difference
    weights, deviation = noise.weights(size), np.sqrt(noise.variance(size))
    information = np.maximum((weights * size).sum(axis=0), np.finfo(np.float64).tiny)
    found: F64 = (weights * difference).sum(axis=0) / information
    for _ in range(2):
        bounded = np.clip(difference - found * size, -3 * deviation, 3 * deviation)
        found = found + (weights * bounded).sum(axis=0) / information
    return found


def _shared(replays: Contrast, noise: Noise, common: F64) -> float:
    """The variance of what all share: about zero, drawn in beyond three of its median deviations."""
    information = (noise.weights(replays.size) * replays.size).sum(axis=0)
    told = information > 0
    if not told.any():
        return LEAST_SHARED
    own, squares = 1.0 / information[told], common[told] ** 2
    middle = float(np.median(squares)) / 0.455
    clipped = np.minimum(squares, CLIP * middle) if len(squares) >= 5 else squares
    uncertain = 1.0 + 6.0 / len(squares)  # a normal with this variance has the far tail of Student's t
    return max(float(clipped.mean() - own.mean()) * uncertain, float(own.mean()) * 1e-3, LEAST_SHARED)
