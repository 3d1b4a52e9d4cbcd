"""The few segments of a cube that explain a move, found one after the other; none where nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from steelyard.stats.contrast import Contrast
from steelyard.stats.extreme import Gumbel
from steelyard.stats.lattice import Lattice
from steelyard.stats.noise import Noise
from steelyard.stats.segment_scan import FEWEST_REPLAYS, SegmentScan

__all__ = ["FoundSegment", "SegmentSearch", "find_segments"]

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
LEVEL = 0.005
MOST = 8
ROUNDS = 3
DRAWS, FEWEST_DRAWS, MOST_DRAWN = 200, 24, 3_000_000


@dataclass(frozen=True, kw_only=True)
class FoundSegment:
    """A segment that changed as its surroundings did not.

    Args:
        number: Its place in the lattice.
        segment: Dimensions and values; empty for the whole.
        ratio: By which factor it changed, beside what all share and the other segments' factors; infinite where
            nothing had been expected.
        statistic: Twice the log likelihood ratio, over its own overdispersion, less the cost of its description.
        false_alarm: The chance that a quiet window's largest statistic, over all that was searched, is as large.
    """

    number: int
    segment: tuple[tuple[int, int], ...]
    ratio: float
    statistic: float
    false_alarm: float


@dataclass(frozen=True, kw_only=True)
class SegmentSearch:
    """What a search found.

    Args:
        found: In the order found; empty where nothing stands out of the noise.
        searched: How many segments were looked at.
        replays: How many windows of history the false alarms were counted on; 0 where they were only simulated.
        noise: The noise that was used.
        null: The distribution of the largest statistic of a quiet window.
        common: The factor that all leaves share, beside the segments.
        expected: For each segment found, what its leaves would have had without it: beside the others, and what all
            share; shape (leaves,), 0 outside the segment.
    """

    found: tuple[FoundSegment, ...]
    searched: int
    replays: int
    noise: Noise
    null: Gumbel
    common: float
    expected: tuple[F64, ...] = ()


def find_segments(
    lattice: Lattice,
    contrast: Contrast,
    noise: Noise,
    *,
    replays: Contrast | None = None,
    independent: float | None = None,
    whole: bool = True,
    level: float = LEVEL,
    most: int = MOST,
) -> SegmentSearch:
    """Searches the lattice for segments that changed, until what is left looks like a quiet window.

    The segment with the largest statistic is taken while a quiet window would hardly have one as large: what is
    expected in it is changed by its factor, and the rest is searched again. After each, the earlier ones are searched
    again beside the others, for what looked best alone need not be.

    Args:
        lattice: The segments.
        contrast: The window, shape (leaves,).
        noise: Of such a window.
        replays: Windows of history, shape (leaves, windows); fewer than eight count for nothing.
        independent: How many of them do not overlap; None for all.
        whole: Whether a move of everything is news; without it, only segments against the rest are looked for.
        level: The chance of a false alarm, over everything searched, below which a segment is reported.
        most: The most segments.

    Source: as `SegmentScan`; the null distribution of the maximum by replay and by simulation, the one that asks for
    more: Neill (2012), JRSS B 74, section 4. Held against injected incidents in tests/soundness/test_root_cause.py.
    """
    scan = SegmentScan(lattice=lattice, noise=noise, whole=whole)
    windows = 0 if replays is None else replays.seen.shape[1]
    past = replays if replays is not None and windows >= FEWEST_REPLAYS else None
    if past is not None:
        scan = replace(scan, overdispersion=scan.own_overdispersion(past, independent or float(windows)))
    null = _null(scan, contrast, past)
    hunt = _Hunt(scan, contrast)
    for _ in range(most):
        number, statistic = hunt.best(hunt.left())
        if null.beyond(statistic) > level or number in hunt.numbers:
            break
        hunt.take(number)
        hunt.settle()
    hunt.drop(lambda statistic: null.beyond(statistic) > level)
    found = tuple(
        FoundSegment(
            number=number,
            segment=lattice.segment(number),
            ratio=ratio,
            statistic=statistic,
            false_alarm=null.beyond(statistic),
        )
        for number, ratio, statistic in zip(hunt.numbers, hunt.ratios, hunt.statistics(), strict=True)
    )
    return SegmentSearch(
        found=found,
        searched=len(lattice),
        replays=windows if past is not None else 0,
        noise=noise,
        null=null,
        common=1.0 + hunt.common(hunt.left()),
        expected=hunt.expected(),
    )


def _null(scan: SegmentScan, contrast: Contrast, replays: Contrast | None) -> Gumbel:
    """Of the largest statistic of a quiet window: the harder of what is simulated and what history had."""
    wanted = DRAWS if replays is None else DRAWS // 2
    draws = max(FEWEST_DRAWS, min(wanted, MOST_DRAWN // max(len(contrast.seen), 1)))
    simulated = Gumbel.of(_finite(scan.simulated(contrast, draws)))
    if replays is None:
        return simulated
    past = Gumbel.of(_finite(scan.maxima(replays)), robust=True, least=simulated.scale)
    return Gumbel(max(past.location, simulated.location), max(past.scale, simulated.scale))


def _finite(maxima: F64) -> F64:
    """A window without any segment that is large enough has a maximum of nothing."""
    return np.where(np.isfinite(maxima), maxima, 0.0)


class _Hunt:
    """The segments taken so far, and what is left beside them."""

    def __init__(self, scan: SegmentScan, contrast: Contrast) -> None:
        self.scan, self.contrast = scan, contrast
        self.numbers: list[int] = []
        self.ratios: list[float] = []
        self.members: list[Mask] = []

    def left(self, without: int | None = None) -> Contrast:
        """The contrast after all segments taken, or all but one."""
        found = self.contrast
        for place in range(len(self.numbers)):
            if place != without:
                found = found.explained(self.members[place], self.ratios[place])
        return found

    def best(self, left: Contrast) -> tuple[int, float]:
        statistics = self.scan.statistics(left)
        number = int(np.argmax(statistics))
        return number, float(statistics[number])

    def take(self, number: int) -> None:
        inside = self.scan.lattice.members(number)
        left = self.left()
        self.numbers.append(number)
        self.members.append(inside)
        self.ratios.append(self._ratio(left, inside))

    def _ratio(self, left: Contrast, inside: Mask) -> float:
        weights = self.scan.noise.weights(left.size)
        return left.ratio(inside, weights) / (1.0 + self.common(left, ~inside))

    def common(self, left: Contrast, among: Mask | None = None) -> float:
        """The relative move that these leaves share, drawn to none as history suggests."""
        of = np.ones(len(left.seen)) if among is None else among
        weights = self.scan.noise.weights(left.size) * of
        information = float((weights * left.size).sum())
        return float((weights * left.difference).sum()) / (information + 1.0 / self.scan.noise.shared)

    def expected(self) -> tuple[F64, ...]:
        """For each segment, what its leaves would have had in the later window without it."""
        common = 1.0 + self.common(self.left())
        found = []
        for place, inside in enumerate(self.members):
            left = self.left(without=place)
            earlier = 1.0 - left.weight
            size = np.divide(left.expected, earlier, out=np.zeros_like(left.expected), where=earlier > 0)
            found.append(np.where(inside, common * size, 0.0))
        return tuple(found)

    def settle(self) -> None:
        """Each segment again beside the others, until all stay."""
        for _ in range(ROUNDS):
            changed = False
            for place in range(len(self.numbers)):
                left = self.left(without=place)
                number = self.best(left)[0] if len(self.numbers) > 1 else self.numbers[place]
                if number != self.numbers[place] and number not in self.numbers:
                    self.numbers[place], self.members[place] = number, self.scan.lattice.members(number)
                    changed = True
                self.ratios[place] = self._ratio(left, self.members[place])
            if not changed:
                break

    def statistics(self) -> list[float]:
        """Of each segment, beside the others."""
        return [
            float(self.scan.statistics(self.left(without=place))[number]) for place, number in enumerate(self.numbers)
        ]

    def drop(self, weak: Callable[[float], bool]) -> None:
        """Without those that are weak beside the others."""
        keep = [place for place, statistic in enumerate(self.statistics()) if not weak(statistic)]
        self.numbers = [self.numbers[place] for place in keep]
        self.ratios = [self.ratios[place] for place in keep]
        self.members = [self.members[place] for place in keep]
