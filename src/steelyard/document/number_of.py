"""A number with its noun."""

from __future__ import annotations

__all__ = ["number_of"]


def number_of(number: int, one: str, many: str = "") -> str:
    """A number and what it counts, in the singular where it is one.

    Args:
        number: How many.
        one: The noun of one.
        many: That of several; empty adds an s.

    >>> number_of(1, "guardrail"), number_of(1_200, "guardrail"), number_of(0, "study", "studies")
    ('1 guardrail', '1,200 guardrails', '0 studies')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
