"""The noise of a window: from replays, or where history is too short for them, from blocks of its days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from scipy import sparse

from steelyard.metrics.root_cause.windows import Windows
from steelyard.stats.contrast import Contrast
from steelyard.stats.noise import Noise, noise_of
from steelyard.stats.segment_scan import FEWEST_REPLAYS

__all__ = ["Setting", "setting_of", "usable_days"]

F64 = npt.NDArray[np.float64]
ByDay = sparse.csr_array
FEWEST_BLOCKS = 4
LENGTHS = (28, 14, 7, 1)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A window against its baseline, and what a quiet one looks like.

    Args:
        contrast: Shape (leaves,).
        noise: Of such a window.
        replays: Windows of history; None where there are fewer than eight.
        independent: How many of them do not overlap.
        says: Where the noise was taken from.
    """

    contrast: Contrast
    noise: Noise
    replays: Contrast | None
    independent: float
    says: str


def setting_of(
    numerator: ByDay, denominator: ByDay | None, windows: Windows, usable: npt.NDArray[np.bool_], length: int
) -> Setting | None:
    """The setting of one search; None where there is no history to tell noise from news.

    Args:
        numerator: By leaf and day.
        denominator: The same; None where amounts are set against days.
        windows: The ranges and their replays.
        usable: Which days are not in the later range.
        length: How many days the shorter range has.
    """
    least = _least(numerator, denominator)
    every = _contrast(numerator, denominator, windows)
    now = every.window(windows.replays)
    if windows.replays >= FEWEST_REPLAYS:
        past = Contrast(seen=every.seen[:, :-1], expected=every.expected[:, :-1], weight=every.weight[:, :-1])
        says = f"{windows.replays} windows of history"
        return Setting(
            contrast=now, noise=noise_of(past, least=least), replays=past, independent=windows.independent, says=says
        )
    found = _of_blocks(numerator, denominator, usable, length, windows.span, least)
    return (
        None if found is None else Setting(contrast=now, noise=found[0], replays=None, independent=0.0, says=found[1])
    )


def _least(numerator: ByDay, denominator: ByDay | None) -> float:
    """Whole counts are taken to be no steadier than Poisson's; counts of something counted, than a coin's."""
    if not np.array_equal(numerator.data, np.round(numerator.data)):
        return 0.0
    return 1.0 if denominator is None else 0.5


def _contrast(numerator: ByDay, denominator: ByDay | None, windows: Windows) -> Contrast:
    after, before = numerator @ windows.after, windows.span * (numerator @ windows.before)
    if denominator is None:
        return Contrast.of((after, np.ones_like(after)), (before, np.full_like(before, windows.span)))
    return Contrast.of((after, denominator @ windows.after), (before, windows.span * (denominator @ windows.before)))


def _of_blocks(
    numerator: ByDay, denominator: ByDay | None, usable: npt.NDArray[np.bool_], length: int, span: float, least: float
) -> tuple[Noise, str] | None:
    """From blocks of days, each against the mean of the others; the longest blocks of which there are enough.

    The relative noise of a longer window is not taken to be smaller than that of its blocks: what drifts does not
    average out, and history is too short to show that it does not drift.
    """
    days = np.flatnonzero(usable)
    for size in LENGTHS:
        count = len(days) // size
        if size > length or count < FEWEST_BLOCKS:
            continue
        member = np.zeros((len(usable), count))
        for block in range(count):
            member[days[len(days) - (block + 1) * size : len(days) - block * size], block] = 1.0
        others = member.sum(axis=1, keepdims=True) - member
        design = Windows(
            after=member, before=others / (count - 1), span=float(count - 1), independent=0.0, by_weekday=False
        )
        noise = noise_of(_contrast(numerator, denominator, design), least=least)
        own = 1.0 + 1.0 / (count - 1)
        scale = (1.0 + 1.0 / max(span, 1.0 / span) if length == 1 else 2.0) / own
        says = f"{count} blocks of {size} {'day' if size == 1 else 'days'}, for history is too short to replay"
        return Noise(counting=noise.counting, leaf=noise.leaf * scale, shared=noise.shared * scale), says
    return None


def usable_days(first: date, days: int, later: tuple[date, date]) -> npt.NDArray[np.bool_]:
    """Which days of the data are not in the later range."""
    places = np.arange(days)
    begin, end = ((day - first).days for day in later)
    return np.asarray((places < begin) | (places > end))
