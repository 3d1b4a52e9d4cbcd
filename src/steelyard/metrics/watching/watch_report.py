"""What a watch found: alerts, what is over, what was muted or not judged and why, and what the correction did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from steelyard.canonical import plain
from steelyard.document import Block, Shown
from steelyard.errors import SteelyardError
from steelyard.metrics.watching.alert import Alert
from steelyard.metrics.watching.judge import Judged
from steelyard.metrics.watching.raised import Raised

__all__ = ["ALERTS_EXIT", "Delivery", "Muted", "Resolved", "WatchReport"]

ALERTS_EXIT = 5


@dataclass(frozen=True, kw_only=True)
class Muted:
    """An alert that says nothing today.

    Args:
        alert: The alert.
        why: Why: its data are incomplete.
    """

    alert: Alert
    why: str


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """An alert that was told and is over.

    Args:
        id: The id under which it was told.
        title: What it was called.
        says: Why it is over.
        since: The last day that it was raised on.
        to: The sinks that are told.
    """

    id: str
    title: str
    says: str
    since: str
    to: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What sinks are sent, and the log keeps."""
        return {
            "event": "resolved",
            "id": self.id,
            "title": f"Over: {self.title}",
            "says": self.says,
            "since": self.since,
            "to": list(self.to),
        }


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message to one sink.

    Args:
        id: Of the alert.
        event: `raised` or `resolved`.
        sink: The sink's name.
        problem: Why it did not take it; None where it did.
        note: What to know of how it took it.
    """

    id: str
    event: str
    sink: str
    problem: SteelyardError | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class WatchReport(Shown):
    """What a watch found.

    Args:
        on: The last local day that was looked at.
        made_at: When, with its zone.
        alerts: What fires, one a cause, the most certain first.
        resolved: What was told earlier and is over.
        muted: Alerts that say nothing, for their data are incomplete.
        not_judged: Series that could not be judged: no history, too few things, no value.
        failed: Alerts that could not be asked, with the error.
        looked_at: How many series (metrics x segments) were looked at; those of muted alerts are not counted.
        tests: How many of them were tests of chance: the family of the correction.
        broke_rules: How many of them broke a rule.
        before_correction: How many of those were below their alert's level by themselves.
        after_correction: How many still are after it.
        fired: How many series fired, with fixed limits and freshness; `alerts` tells them by cause.
        deliveries: What was sent where.
        notes: What a reader must know.
    """

    on: date
    made_at: datetime
    alerts: tuple[Raised, ...] = ()
    resolved: tuple[Resolved, ...] = ()
    muted: tuple[Muted, ...] = ()
    not_judged: tuple[Judged, ...] = ()
    failed: tuple[tuple[Alert, SteelyardError], ...] = ()
    looked_at: int = 0
    tests: int = 0
    broke_rules: int = 0
    before_correction: int = 0
    after_correction: int = 0
    fired: int = 0
    deliveries: tuple[Delivery, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def quiet(self) -> int:
        """How many series were judged and did not fire."""
        return self.looked_at - len(self.not_judged) - self.fired

    @property
    def exit_code(self) -> int:
        """0 where nothing is to be said; 5 for alerts; without any, that of what could not be asked or sent."""
        if self.alerts:
            return ALERTS_EXIT
        problems = [error for _, error in self.failed]
        problems += [item.problem for item in self.deliveries if item.problem is not None]
        return max((error.exit_code for error in problems), default=0)

    def to_dict(self) -> dict[str, Any]:
        """The whole of it as plain values."""
        return {
            "on": self.on.isoformat(),
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "alerts": [item.to_dict() for item in self.alerts],
            "resolved": [item.to_dict() for item in self.resolved],
            "muted": [{"alert": item.alert.name, "why": item.why} for item in self.muted],
            "not_judged": [
                {"alert": item.alert.name, "segment": plain(item.segment), "why": item.not_judged}
                for item in self.not_judged
            ],
            "failed": [{"alert": alert.name, **error.to_dict()} for alert, error in self.failed],
            "counts": {
                name: getattr(self, name)
                for name in (
                    "looked_at", "quiet", "tests", "broke_rules", "before_correction", "after_correction", "fired",
                )
            },
            "deliveries": [
                {
                    "id": item.id,
                    "event": item.event,
                    "sink": item.sink,
                    "problem": item.problem.to_dict() if item.problem else None,
                    "note": item.note,
                }
                for item in self.deliveries
            ],
            "notes": list(self.notes),
        }  # fmt: skip

    def blocks(self) -> list[Block]:
        """The report as blocks."""
        from steelyard.metrics.watching.watch_blocks import watch_blocks

        return watch_blocks(self)
