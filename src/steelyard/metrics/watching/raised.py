"""An alert that came: what is unusual, what came with it, what coincides, and why it moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from steelyard.canonical import digest, plain
from steelyard.document import format_value
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.explanation import Explanation
from steelyard.metrics.metric import Metric
from steelyard.metrics.metric_blocks import metric_format
from steelyard.metrics.watching.cause import Cause
from steelyard.metrics.watching.judge import Judged

__all__ = ["Raised"]

SEVERITIES = ("critical", "warning", "note")


@dataclass(frozen=True, kw_only=True)
class Raised:
    """One alert that came: one cause.

    Args:
        cause: What fired.
        metric: The metric of its headline; None for freshness.
        coincides: What the project noted of these days.
        explanation: Why the metric moved; None where it was not asked or cannot be.
        explained_against: First and last day of what it is compared with.
        not_explained: Why there is no explanation.
        since: The first day on which the same cause was told, where it is open since; None where it is new.
        adjusted: Alert and series (`Judged.place`) -> p-value after the correction for all that was looked at.
    """

    cause: Cause
    metric: Metric | None
    coincides: tuple[Annotation, ...] = ()
    explanation: Explanation | None = None
    explained_against: tuple[date, date] | None = None
    not_explained: str = ""
    since: date | None = None
    adjusted: Mapping[str, float] | None = None

    @property
    def headline(self) -> Judged:
        """What shows it best."""
        return self.cause.headline

    @property
    def id(self) -> str:
        """What is the same for the same alert, metric, segment, direction and last day."""
        head = self.headline
        return digest([head.alert.name, head.key, head.last.isoformat()])[:16]

    @property
    def severity(self) -> str:
        """The gravest of all that fired."""
        return min((item.alert.severity for item in self.cause.each), key=SEVERITIES.index)

    @property
    def owner(self) -> str:
        """Who is asked to look."""
        return self.headline.alert.owner or (self.metric.owner if self.metric else "")

    @property
    def sinks(self) -> tuple[str, ...]:
        """Everywhere that any part of it is sent to."""
        return tuple(dict.fromkeys(name for item in self.cause.each for name in item.alert.to))

    @property
    def title(self) -> str:
        """A few words."""
        head = self.headline
        if head.alert.kind == "freshness":
            return f"{head.alert.fresh} is not fresh"
        if head.alert.kind == "limit":
            return f"{head.name} is {head.rules[0]}"
        return f"{head.name} is {'low' if head.direction == 'down' else 'high'}"

    @property
    def says(self) -> str:
        """What happened, in a sentence."""
        head = self.headline
        if head.alert.kind == "freshness":
            age = "" if head.value is None else f", {head.value:,.1f} hours ago"
            return f"{head.rules[0][:1].upper()}{head.rules[0][1:]}{age}; it may be {head.alert.within} old."
        value = self.written(head.value)
        period = f"{head.last}" if head.alert.grain == "day" else f"the week to {head.last}"
        if head.expected is None:
            return f"{head.name} was {value} on {period}: {head.rules[0]}."
        change = (head.value or 0.0) / head.expected - 1 if head.expected else None
        moved = "" if change is None else f", {abs(change):.1%} {'above' if change > 0 else 'below'} what was expected"
        usual = f"{self.written(head.expected)}, usually {self.written(head.low)} to {self.written(head.high)}"
        run = "" if "beyond_3_sigma" in head.rules else f" It broke {self.broken} from {head.first} on."
        return f"{head.name} was {value} on {period}{moved} ({usual}).{run}"

    @property
    def broken(self) -> str:
        """The rules that are broken, in words."""
        return ", ".join(rule.replace("_", " ") for rule in self.headline.rules)

    def written(self, value: float | None) -> str:
        """A value as the metric's are written; expected counts are rounded."""
        if value is None or self.metric is None:
            return "nothing" if value is None else f"{value:,.1f}"
        style = metric_format(self.metric)
        return format_value(round(value) if style.kind == "integer" else value, style)

    def to_dict(self) -> dict[str, Any]:
        """The alert as plain values: what sinks are sent, and the log keeps."""
        head = self.headline
        found = plain(
            {
                "event": "raised",
                "id": self.id,
                "title": self.title,
                "says": self.says,
                "severity": self.severity,
                "owner": self.owner,
                "alert": head.alert.name,
                "to_do": head.alert.says,
                "metric": head.alert.metric,
                "segment": head.segment,
                "first": head.first,
                "last": head.last,
                "value": head.value,
                "expected": head.expected,
                "low": head.low,
                "high": head.high,
                "direction": head.direction,
                "rules": head.rules,
                "p_value": head.p_value,
                "adjusted_p_value": (self.adjusted or {}).get(head.place),
                "also": [{"alert": item.alert.name, "what": item.name} for item in self.cause.also],
                "keys": [item.key for item in self.cause.each],
                "coincides": [f"{item.kind} from {item.at} to {item.last}: {item.says}" for item in self.coincides],
                "explanation": self.explained,
                "since": self.since,
                "to": self.sinks,
            }
        )
        assert isinstance(found, dict)  # noqa: S101 - a mapping goes in
        return found

    @property
    def explained(self) -> str:
        """The explanation as text, or why there is none."""
        if self.explanation is None or self.explained_against is None:
            return self.not_explained
        first, last = self.explained_against
        against = f"Against {first}" if first == last else f"Against {first} to {last}"
        from steelyard.document import Section, to_text

        shown = [block for block in self.explanation.blocks() if not isinstance(block, Section) or block.open]
        return f"{against}, the last such days that were as expected:\n{to_text(shown, width=100)}"
