"""What `steelyard watch` raised and is not over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from steelyard.document import Block, Callout, CalloutKind, Link

__all__ = ["alert_callouts", "days_to_explain"]

KINDS: Mapping[str, CalloutKind] = {"critical": "bad", "warning": "warning", "note": "note"}
MOST = 5
GRAVEST = ("critical", "warning", "note")


def alert_callouts(
    records: Iterable[Mapping[str, Any]], known: Callable[[str], bool], href: Callable[..., str], *, most: int = MOST
) -> list[Block]:
    """One callout an alert, the gravest first; how many more there are is said.

    Args:
        records: Of the alert log: raised, and not resolved.
        known: Whether a metric is defined.
        href: The address of a metric's page, or with `explain` and two ranges of days of why it moved.
        most: The most that are shown.
    """
    found = sorted(records, key=lambda item: GRAVEST.index(item.get("severity", "warning")))
    shown: list[Block] = [_callout(record, known, href) for record in found[:most]]
    if len(found) > most:
        shown.append(
            Callout("note", f"{len(found) - most:,} more alerts are open", "`steelyard watch` tells them all.")
        )
    return shown


def _callout(record: Mapping[str, Any], known: Callable[[str], bool], href: Callable[..., str]) -> Callout:
    says: list[Any] = [f"{record['says']} "]
    if record.get("to_do"):
        says.append(f"{record['to_do']} ")
    metric = record.get("metric") or ""
    if metric and known(metric):
        before, after = days_to_explain(record)
        says += [
            Link("See it", href(metric)),
            " · ",
            Link("Why did it move?", href(metric, "explain", before=before, after=after)),
        ]
    owner = f" ({record['owner']})" if record.get("owner") else ""
    title = f"{record['title'][:1].upper()}{record['title'][1:]}{owner}"
    return Callout(KINDS.get(record.get("severity", ""), "warning"), title.replace("_", " "), says)


def days_to_explain(record: Mapping[str, Any]) -> tuple[str, str]:
    """The days that an alert is of, and as many with the same weekdays before them, as ranges in an address.

    >>> days_to_explain({"first": "2026-03-05", "last": "2026-03-05"})
    ('2026-02-26..2026-02-26', '2026-03-05..2026-03-05')
    """
    last = date.fromisoformat(record["last"])
    first = date.fromisoformat(record.get("first") or record["last"])
    step = timedelta(days=7 * (((last - first).days // 7) + 1))
    return f"{first - step}..{last - step}", f"{first}..{last}"
