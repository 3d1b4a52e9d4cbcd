"""How large an effect is, and on which scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["Effect"]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A size of effect on exactly one scale.

    Args:
        relative: A fraction of the control's level: 0.02 is two percent.
        absolute: In the metric's own unit.

    Raises:
        DefinitionError: Both scales are given, or neither, or a size that is not finite.

    >>> Effect(relative=0.02).scale, Effect(absolute=1.5).size
    ('relative', 1.5)
    """

    relative: float | None = None
    absolute: float | None = None

    def __post_init__(self) -> None:
        if (self.relative is None) == (self.absolute is None):
            raise DefinitionError(
                f"an effect of relative={self.relative!r} and absolute={self.absolute!r} has no one scale",
                hint="give exactly one: {relative: 0.02} or {absolute: 1.5}",
            )
        if not math.isfinite(self.size):
            raise DefinitionError(f"an effect of {self.size!r} has no size", hint="give a finite number")

    @property
    def scale(self) -> Literal["absolute", "relative"]:
        """The scale that it is given on."""
        return "absolute" if self.relative is None else "relative"

    @property
    def size(self) -> float:
        """The number itself."""
        return self.absolute if self.relative is None else self.relative  # type: ignore[return-value]

    def on(self, level: float) -> float:
        """The size in the metric's own unit, when the control's level is `level`.

        >>> Effect(relative=0.02).on(50.0)
        1.0
        """
        return self.size if self.relative is None else self.size * level

    def says(self, measured_in: str = "") -> str:
        """The size in words.

        Args:
            measured_in: The metric's unit; `fraction`, a share's, is shown in percentage points.

        >>> Effect(relative=-0.005).says(), Effect(absolute=0.002).says("fraction")
        ('-0.5 %', '+0.2 pp')
        """
        if self.relative is not None:
            return f"{self.relative * 100:+.4g} %"
        if measured_in == "fraction":
            return f"{self.size * 100:+.4g} pp"
        return f"{self.size:+.4g} {measured_in}".strip()
