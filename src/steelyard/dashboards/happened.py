"""What happened that a metric may show: what the project noted, and what was done to the ramps of its experiments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from steelyard.document import Column, Link, Table
from steelyard.metrics import Annotation
from steelyard.metrics.watching.annotation_scope import concerning

__all__ = ["Happened", "happened_table", "in_range", "what_happened"]

ACTS = {"advance": "begins stage {stage}", "rollback": "is rolled back", "launch": "is launched: {arm}"}


@dataclass(frozen=True, kw_only=True)
class Happened:
    """Something that happened.

    Args:
        at: Its first local day.
        says: What it was, in a few words.
        kind: As an annotation's: `launch`, `outage`, `holiday`, `policy` or `other`.
        until: Its last local day; None for the one day.
        where: The condition on dimensions that it concerns; empty for everything.
        study: The study that did it; empty where none did.
    """

    at: date
    says: str
    kind: str
    until: date | None = None
    where: str = ""
    study: str = ""


def what_happened(
    metric: str,
    annotations: Iterable[Annotation],
    acts: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    zone: str,
) -> tuple[Happened, ...]:
    """What may have moved a metric, oldest first.

    Args:
        metric: The metric.
        annotations: Of the project.
        acts: Study -> what was done to its ramp, as the stage ledger gives it; every one of them touches the product.
        zone: The zone in which days are counted.
    """
    noted = [
        Happened(at=item.at, until=item.until, says=item.says, kind=item.kind, where=item.where)
        for item in concerning(annotations, metric, {})
    ]
    done = [_act(study, row, zone) for study, rows in acts.items() for row in rows]
    return tuple(sorted([*noted, *done], key=lambda item: (item.at, item.says)))


def _act(study: str, row: Mapping[str, Any], zone: str) -> Happened:
    says = ACTS[row["act"]].format(stage=row.get("stage", ""), arm=row.get("arm", ""))
    day = datetime.fromisoformat(row["since"]).astimezone(ZoneInfo(zone)).date()
    return Happened(at=day, says=f"{study.replace('_', ' ')} {says}", kind="launch", study=study)


def in_range(happened: Iterable[Happened], first: date, last: date) -> list[Happened]:
    """What lies in a range of days, both ends included."""
    return [item for item in happened if item.at <= last and (item.until or item.at) >= first]


def happened_table(happened: Sequence[Happened], href: Callable[[str], str]) -> Table:
    """What happened, the newest first.

    Args:
        happened: Oldest first.
        href: Where a study leads.
    """
    rows = [
        (
            str(item.at) + (f" to {item.until}" if item.until and item.until != item.at else ""),
            item.kind,
            Link(item.says, href(item.study)) if item.study else item.says,
            item.where or "everything",
        )
        for item in reversed(happened)
    ]
    return Table([Column("when"), Column("kind"), Column("what"), Column("concerns")], rows)
