"""A word-sized line: a series at a glance, without axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.document.svg import Canvas

LARGEST, SMALLEST = 1e300, 1e-300
_BLOCKS = "▁▂▃▄▅▆▇█"


def finite(value: Any) -> float | None:
    """Give a number as a float to draw, or None where there is nothing to draw: None, NaN, an infinity.

    Beyond 1e300 a scale overflows, so such numbers count as infinite; below 1e-300 they are zero.
    """
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond every float
        return None
    if abs(number) < SMALLEST:
        return 0.0
    return number if abs(number) <= LARGEST else None


@dataclass(frozen=True)
class Sparkline:
    """A series drawn as small as a word.

    Args:
        values: numbers in order; None and NaN are gaps.
        label: what the series is, for those who do not see it.

    >>> Sparkline([1, 2, None, 4]).text()
    '▁▃ █'
    """

    values: Sequence[float | None]
    label: str

    def __init__(self, values: Iterable[Any], label: str = "trend") -> None:
        object.__setattr__(self, "values", tuple(finite(value) for value in values))
        object.__setattr__(self, "label", label)

    def text(self, most: int | None = None) -> str:
        """Draw it with block characters; a gap is a space.

        Args:
            most: characters; a longer series is drawn by the means of equal stretches of it.
        """
        values = self.values if most is None else stretched(self.values, most)
        known = [value for value in values if value is not None]
        if not known:
            return "no points"
        low, high = min(known), max(known)
        return "".join(" " if value is None else _BLOCKS[_level(value, low, high)] for value in values)

    def summary(self) -> str:
        """Say in words what is drawn."""
        known = [value for value in self.values if value is not None]
        if not known:
            return f"{self.label}: no points"
        gaps = len(self.values) - len(known)
        said = f"{self.label}: {len(known)} points from {known[0]:,.4g} to {known[-1]:,.4g}"
        return said + (f", {gaps} missing" if gaps else "")

    def draw(self, width: float = 120, height: float = 28) -> Canvas:
        """Draw the line, its gaps, and a dot at its end."""
        canvas = Canvas(width, height)
        for run in runs(self._points(width, height)):
            canvas.path(run, "sy-line sy-s1") if len(run) > 1 else canvas.add(
                "circle", "sy-dot sy-s1", cx=run[0][0], cy=run[0][1], r=1.5
            )
        last = next((point for point in reversed(self._points(width, height)) if point), None)
        if last:
            canvas.add("circle", "sy-dot sy-s1", cx=last[0], cy=last[1], r=2.5)
        return canvas

    def _points(self, width: float, height: float) -> list[tuple[float, float] | None]:
        known = [value for value in self.values if value is not None]
        if not known:
            return []
        low, high = min(known), max(known)
        step = (width - 8) / max(len(self.values) - 1, 1)
        return [
            None if value is None else (4 + step * place, height - 4 - (height - 8) * _share(value, low, high))
            for place, value in enumerate(self.values)
        ]


def stretched(values: Sequence[float | None], most: int) -> list[float | None]:
    """Give at most `most` values: the mean of the known ones in each stretch of a longer series.

    >>> stretched([1, 3, None, 4], 2)
    [2.0, 4.0]
    """
    step = max(-(-len(values) // most), 1)
    stretches = [[v for v in values[start : start + step] if v is not None] for start in range(0, len(values), step)]
    return [sum(v / len(stretch) for v in stretch) if stretch else None for stretch in stretches]


def runs(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Split points at the gaps.

    >>> runs([(0, 1), None, (2, 3), (3, 4)])
    [[(0, 1)], [(2, 3), (3, 4)]]
    """
    found: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            found.append([])
        else:
            found[-1].append(point)
    return [run for run in found if run]


def _share(value: float, low: float, high: float) -> float:
    half = high / 2 - low / 2
    return (value / 2 - low / 2) / half if half else 0.5


def _level(value: float, low: float, high: float) -> int:
    return min(int(_share(value, low, high) * 8), 7) if high > low else 3
