"""The likelihood ratio of every segment: did its leaves, and only they, change by one factor?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from steelyard.stats.contrast import Contrast
from steelyard.stats.lattice import Lattice
from steelyard.stats.noise import Noise

__all__ = ["SegmentScan"]

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
LEAST_INFORMATION = 8.0  # a relative standard error of a third: less cannot tell a half from a whole
FEWEST_REPLAYS = 8
PRIOR_REPLAYS = 12.0
CLIP = 9.0
MEDIAN = 0.455  # of a squared standard normal


@dataclass(frozen=True, kw_only=True)
class SegmentScan:
    """Scores of all segments of a lattice.

    Each leaf's difference is normal about `effect` x its size, with the variance that history shows; what all leaves
    have in common is a normal factor of its own. A segment's statistic is twice the log likelihood ratio of an effect
    in it, over the segment's own overdispersion, less twice the logarithm of how many segments of its depth there are:
    so a longer description must explain more to be preferred.

    Args:
        lattice: The segments.
        noise: Of a window such as the one that is scanned.
        whole: Whether the whole may be a segment: whether a move of everything is news.
        overdispersion: By which each segment's statistic is divided; None for 1.

    Assumes: leaves are independent but for what all share; where history shows segments that move more than their
    leaves would, `overdispersion` carries it.

    Source: spatial scan statistics for normal data with a common effect: Kulldorff, Huang and Konty (2009), Int. J.
    Health Geographics 8; Neill (2012), Fast subset scan, JRSS B 74.
    """

    lattice: Lattice
    noise: Noise
    whole: bool = True
    overdispersion: F64 | None = None

    @cached_property
    def penalty(self) -> F64:
        """Of each segment, for how many there are of its depth."""
        counts = np.bincount(self.lattice.depths)
        found: F64 = 2.0 * np.log(counts[self.lattice.depths])
        return found

    def squares(self, contrast: Contrast) -> tuple[F64, F64]:
        """Twice the log likelihood ratio, and the information, of each segment (and window); 0 where it is too small.

        Returns:
            Two arrays of shape (segments,) or (segments, windows).
        """
        size = contrast.size
        weights = self.noise.weights(size)
        both = np.concatenate([np.atleast_2d((weights * x).T).T for x in (contrast.difference, size)], axis=1)
        summed = self.lattice.sums(both)
        half = both.shape[1] // 2
        return self._squares(summed[:, :half], summed[:, half:], size.ndim)

    def _squares(self, score: F64, information: F64, shape: int) -> tuple[F64, F64]:
        prior = 1.0 / self.noise.shared
        share = information / (information[0] + prior)
        own, known = score - share * score[0], information * (1.0 - share)
        enough = (information >= LEAST_INFORMATION) & (known > 1e-9 * information)
        if not self.whole:
            enough &= information < 0.999 * information[0]
        squares = np.divide(own**2, known, out=np.zeros_like(own), where=enough)
        return (squares[:, 0], information[:, 0]) if shape == 1 else (squares, information)

    def statistics(self, contrast: Contrast) -> F64:
        """The statistic of each segment; minus infinity where it is too small to say."""
        squares, information = self.squares(contrast)
        divided = squares if self.overdispersion is None else (squares.T / self.overdispersion).T
        found = (divided.T - self.penalty).T
        return np.where(information >= LEAST_INFORMATION, found, -np.inf)

    def own_overdispersion(self, replays: Contrast, windows: float) -> F64:
        """How much more each segment moved in history than its leaves explain; at least 1.

        Args:
            replays: Windows of history.
            windows: How many of them are independent.
        """
        squares, information = self.squares(replays)
        enough, sets = information >= LEAST_INFORMATION, self.lattice.sets
        usual = self._usual(squares, enough)
        clipped = np.where(enough, np.minimum(squares, CLIP * usual[:, None]), 0.0)
        each, seen = clipped.sum(axis=1), enough.sum(axis=1)
        level = np.bincount(sets, each) / np.maximum(np.bincount(sets, seen), 1)
        mean = np.divide(each, seen, out=np.ones_like(each), where=seen > 0)
        found: F64 = np.maximum((PRIOR_REPLAYS * level[sets] + windows * mean) / (PRIOR_REPLAYS + windows), 1.0)
        return found

    def _usual(self, squares: F64, enough: Mask) -> F64:
        """What a segment's square usually is, at least 1: by its own median, or that of its dimensions' segments.

        Squares far beyond it are incidents of history, which a mean would take for noise.
        """
        known = np.where(enough, squares, np.nan)
        told = enough.any(axis=1)
        own = np.ones(len(squares))
        own[told] = np.nanmedian(known[told], axis=1) / MEDIAN
        level = np.ones(int(self.lattice.sets.max()) + 1)
        for number in range(len(level)):
            inside = self.lattice.sets == number
            if enough[inside].any():
                level[number] = np.nanmedian(known[inside]) / MEDIAN
        found: F64 = np.maximum(np.maximum(own, level[self.lattice.sets]), 1.0)
        return found

    def maxima(self, replays: Contrast) -> F64:
        """The largest statistic of each window."""
        found: F64 = self.statistics(replays).max(axis=0)
        return found

    def simulated(self, contrast: Contrast, draws: int, seed: int = 1) -> F64:
        """Largest statistics of windows in which nothing happens but noise, of the sizes of this one."""
        random = np.random.default_rng(seed)
        size = contrast.size
        weights, deviation = self.noise.weights(size), np.sqrt(self.noise.variance(size))
        common = random.normal(0.0, np.sqrt(self.noise.shared), draws)
        moved = random.standard_normal((len(size), draws)) * (weights * deviation)[:, None]
        moved += (weights * size)[:, None] * common
        information = np.repeat(self.lattice.sums(weights * size)[:, None], draws, axis=1)
        squares, _ = self._squares(self.lattice.sums(moved), information, 2)
        found = np.where(information >= LEAST_INFORMATION, squares - self.penalty[:, None], -np.inf)
        largest: F64 = found.max(axis=0)
        return largest
