"""How long ago something was, in words."""

from __future__ import annotations

from datetime import datetime

from steelyard.document import number_of

__all__ = ["age"]

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def age(then: datetime | str, now: datetime) -> str:
    """How long ago a moment was, as coarse as a reader needs.

    Args:
        then: The moment, zoned; or its ISO text.
        now: The present, zoned.

    >>> from datetime import UTC, timedelta
    >>> noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    >>> age("2026-01-02T09:10:00+00:00", noon), age(noon, noon), age(noon + timedelta(days=2), noon)
    ('2 hours ago', 'just now', 'in 2 days')
    """
    moment = datetime.fromisoformat(then) if isinstance(then, str) else then
    seconds = (now - moment).total_seconds()
    for unit, size in _UNITS:
        count = int(abs(seconds) // size)
        if count:
            words = number_of(count, unit)
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"
