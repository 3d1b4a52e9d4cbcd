"""A watch as blocks: alerts first, then what is over, what was muted, what was looked at."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.document import Block, Callout, CodeBlock, Facts, Heading, Items, Paragraph, Section
from steelyard.metrics.watching.raised import Raised
from steelyard.metrics.watching.watch_report import WatchReport

__all__ = ["watch_blocks"]

_KINDS = {"critical": "bad", "warning": "warning", "note": "note"}
MOST_EXAMPLES = 5


def watch_blocks(report: WatchReport) -> list[Block]:
    """The report for a person."""
    return [*_alerts(report), *_others(report), *_counts(report)]


def _alerts(report: WatchReport) -> Iterator[Block]:
    if not report.alerts:
        yield Callout("good" if report.tests or report.looked_at else "note", f"No alerts on {report.on}")
    for raised in report.alerts:
        yield from _alert(raised)


def _alert(raised: Raised) -> Iterator[Block]:
    head = raised.headline
    yield Callout(_KINDS[raised.severity], raised.title, raised.says)  # type: ignore[arg-type]
    facts: list[tuple[str, str]] = [("Alert", head.alert.name)]
    if head.alert.kind == "rules":
        adjusted = (raised.adjusted or {}).get(head.place)
        facts.append(("Rules broken", raised.broken))
        facts.append(("By chance", f"p {head.p_value:.2g}, and {adjusted:.2g} for all that was looked at"))
    if raised.since is not None:
        facts.append(("Told first", f"on {raised.since}; it goes on"))
    facts += [(name, value) for name, value in (("Owner", raised.owner), ("To do", head.alert.says)) if value]
    yield Facts(facts)
    if raised.cause.also:
        shown = [f"{item.name} ({item.alert.name})" for item in raised.cause.also]
        yield Items([f"With it: {text}" for text in shown])
    for item in raised.coincides:
        days = f"{item.at}" if item.last == item.at else f"{item.at} to {item.last}"
        yield Callout(
            "note", f"At the same time: {item.says}", f"{item.kind}, {days}. It coincides; it need not be why."
        )
    if raised.explanation is not None and raised.explained_against is not None:
        first, last = raised.explained_against
        days = f"{first}" if first == last else f"{first} to {last}"
        title = f"Why: {raised.headline.alert.metric} against {days}"
        yield Section(title, raised.explanation.blocks(), open=False)
    elif raised.not_explained:
        yield Paragraph(raised.not_explained)


def _others(report: WatchReport) -> Iterator[Block]:
    for resolved in report.resolved:
        yield Callout("good", f"Over: {resolved.title}", resolved.says)
    for muted in report.muted:
        yield Callout("note", f"{muted.alert.name} is muted", f"Its data are not complete: {muted.why}.")
    for alert, error in report.failed:
        yield Callout("bad", f"{alert.name} could not be asked", f"{error.problem}. {error.hint}".strip())
    for delivery in report.deliveries:
        if delivery.problem is not None:
            yield Callout(
                "bad", f"{delivery.sink} was not told", f"{delivery.problem.problem}. {delivery.problem.hint}"
            )
        if delivery.note:
            yield Callout("warning", f"{delivery.sink} was told", f"{delivery.note}.")
    for note in report.notes:
        yield Callout("note", note)


def _counts(report: WatchReport) -> Iterator[Block]:
    yield Heading("What was looked at", level=3)
    sent = sum(item.problem is None for item in report.deliveries)
    yield Facts(
        [
            ("Day", f"{report.on}"),
            ("Series (metrics and segments)", f"{report.looked_at:,}"),
            ("Quiet", f"{report.quiet:,}"),
            ("Not judged", f"{len(report.not_judged):,}"),
            ("Tested against chance", f"{report.tests:,}"),
            ("Broke a rule", f"{report.broke_rules:,}"),
            ("Below the level alone", f"{report.before_correction:,}"),
            ("Below it after the correction for all", f"{report.after_correction:,}"),
            ("Fired, and told as", f"{report.fired:,}, as {len(report.alerts):,} alerts"),
            ("Messages sent", f"{sent:,}"),
        ]
    )
    if report.not_judged:
        yield Section(
            "Not judged", [CodeBlock("\n".join(_reasons(report)))], open=len(report.not_judged) <= MOST_EXAMPLES
        )


def _reasons(report: WatchReport) -> Iterator[str]:
    """Each reason with its series; every one of them is named."""
    found: dict[str, list[str]] = {}
    for item in report.not_judged:
        found.setdefault(item.not_judged, []).append(item.name)
    for why, names in found.items():
        yield f"{why}: {', '.join(names)}"
