"""What is being done, told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "ProgressEvent"]


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """One thing that was begun or done.

    Args:
        step: `load` or `build`.
        name: The table.
        done: How many of the step's things are done.
        total: How many there are; None where it is not known.
        says: In a few words.
    """

    step: str
    name: str
    done: int = 0
    total: int | None = None
    says: str = ""


Progress = Callable[[ProgressEvent], None]
