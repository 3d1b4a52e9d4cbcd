"""Watches a project's metrics for a day: judges, corrects for all that was looked at, tells each cause once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.watching.alert import Alert
from steelyard.metrics.watching.alert_log import AlertLog
from steelyard.metrics.watching.annotation_scope import concerning
from steelyard.metrics.watching.cause import Cause, causes
from steelyard.metrics.watching.explained import explained
from steelyard.metrics.watching.freshness import judge_freshness
from steelyard.metrics.watching.judge import Judged, judge
from steelyard.metrics.watching.raised import Raised
from steelyard.metrics.watching.series import read_series
from steelyard.metrics.watching.telling import Telling
from steelyard.metrics.watching.watch_report import Muted, WatchReport
from steelyard.stats.false_discovery import benjamini_hochberg
from steelyard.warehouse import Warehouse

__all__ = ["watch"]


def watch(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    *,
    names: Sequence[str] = (),
    on: date | None = None,
    now: datetime | None = None,
    folder: Path | None = None,
    log: Path | None = None,
    send: bool = True,
    explain_most: int = 5,
) -> WatchReport:
    """Judges every alert for a day, tells sinks what is new, and remembers what it told.

    Args:
        catalog: The definitions, with alerts, annotations and sinks.
        warehouse: What is read.
        names: Only these alerts; none is all of them.
        on: The last local day that is looked at; None is yesterday, the last that is over.
        now: The moment of the watch, with its zone; None is the present.
        folder: What the paths of file sinks are relative to; None is the working folder.
        log: The file that remembers what was told; None remembers nothing, and so tells nobody.
        send: Whether sinks are told, and what is told is remembered.
        explain_most: How many alerts are explained, the most certain first; the others say that they are not.

    Returns:
        The report; an alert that cannot be asked is in its `failed`, and the others work.

    Raises:
        UnknownNameError: There is no alert of a name.
        DefinitionError: There are no alerts, or the moment has no zone.

    >>> import numpy as np, pyarrow as pa
    >>> from steelyard.metrics import Metric
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> days = [date(2026, 1, 1) + timedelta(days=n) for n in range(64)]
    >>> sold = [100 if day == days[-1] else 200 + 40 * (day.weekday() == 5) + day.day % 3 for day in days]
    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name="sold", sum="sales.number", better="up")],
    ...     tables=[TableDeclaration(name="sales", key=("day",), time="day")],
    ...     alerts=[Alert(name="sold_low", metric="sold", minimum_volume=0)],
    ... )
    >>> with connect({"sales": pa.table({"day": days, "number": sold})}) as warehouse:
    ...     report = watch(catalog, warehouse, on=days[-1], now=datetime(2026, 3, 6, tzinfo=UTC))
    >>> [alert.title for alert in report.alerts], report.exit_code
    (['sold is low'], 5)
    """
    moment = datetime.now(UTC) if now is None else now
    if moment.tzinfo is None:
        raise DefinitionError(f"the moment {moment} has no zone", hint="give datetime(..., tzinfo=UTC)")
    yesterday = moment.astimezone(ZoneInfo(catalog.zone)).date() - timedelta(days=1)
    work = _Watching(catalog, warehouse, on or yesterday, moment)
    for alert in _chosen(catalog, names):
        work.look(alert)
    telling = Telling(catalog, folder or Path(), AlertLog(log) if log is not None and send else None)
    with telling.alone():
        raised = work.raised(telling, explain_most)
        resolved = telling.resolved(work.judged, raised, on=work.on, watched=tuple(catalog.alerts))
        deliveries = telling.told(raised, resolved, at=moment)
    return replace(
        work.report(),
        alerts=raised,
        resolved=resolved,
        deliveries=deliveries,
        notes=(*work.report().notes, *telling.notes),
    )


def _chosen(catalog: MetricCatalog, names: Iterable[str]) -> list[Alert]:
    for name in names:
        if name not in catalog.alerts:
            raise unknown_name("alert", name, catalog.alerts)
    chosen = [alert for name, alert in catalog.alerts.items() if not names or name in set(names)]
    if not chosen:
        hint = "write `alerts:` in a file of metrics/, such as `revenue_low: {metric: revenue}`"
        raise DefinitionError("there is no alert", hint=hint)
    return chosen


@dataclass
class _Watching:
    """One watch on its way."""

    catalog: MetricCatalog
    warehouse: Warehouse
    on: date
    now: datetime
    judged: list[Judged] = field(default_factory=list)
    muted: list[Muted] = field(default_factory=list)
    failed: list[tuple[Alert, SteelyardError]] = field(default_factory=list)

    def look(self, alert: Alert) -> None:
        """Judges everything that one alert watches."""
        try:
            if alert.kind == "freshness":
                self.judged.append(judge_freshness(self.catalog, self.warehouse, alert, now=self.now))
                return
            watched = read_series(self.catalog, self.warehouse, alert, self.on, now=self.now)
            if watched.incomplete:
                self.muted.append(Muted(alert=alert, why=watched.incomplete))
                return
            self.judged += [judge(self.catalog, alert, watched, series) for series in watched.series]
        except SteelyardError as error:
            self.failed.append((alert, error))

    @property
    def tests(self) -> list[Judged]:
        """The day's whole family: every series that was tested against chance."""
        return [item for item in self.judged if item.p_value is not None]

    def adjusted(self) -> list[float]:
        """Their p-values, corrected for all of them."""
        return list(benjamini_hochberg([item.p_value or 0.0 for item in self.tests]))

    def firing(self) -> list[Judged]:
        """What fires: after the correction, beyond a limit, or not fresh."""
        tested = [
            item for item, p in zip(self.tests, self.adjusted(), strict=True) if item.rules and p <= item.alert.fdr
        ]
        return [*tested, *(item for item in self.judged if item.p_value is None and item.rules)]

    def raised(self, telling: Telling, most: int) -> tuple[Raised, ...]:
        """One alert a cause, with what coincides and an explanation."""
        adjusted = {item.place: p for item, p in zip(self.tests, self.adjusted(), strict=True)}
        found = causes(self.firing(), self.judged, self.catalog.trees)
        return tuple(self._raised(cause, telling, adjusted, number < most) for number, cause in enumerate(found))

    def _raised(self, cause: Cause, telling: Telling, adjusted: dict[str, float], explain: bool) -> Raised:
        head = cause.headline
        if head.alert.kind == "freshness":
            return Raised(cause=cause, metric=None, since=telling.since(cause, head.last))
        raised = Raised(
            cause=cause,
            metric=self.catalog.metric(head.alert.metric),
            coincides=tuple(
                item
                for item in concerning(self.catalog.annotations, head.alert.metric, head.segment)
                if item.meets(head.first, head.last)
            ),
            since=telling.since(cause, head.last),
            adjusted=adjusted,
        )
        if not explain:
            return replace(raised, not_explained="It is not explained here: others are more certain.")
        return explained(self.catalog, self.warehouse, raised)

    def report(self) -> WatchReport:
        """The counts."""
        tests = self.tests
        after = [item for item in self.firing() if item.p_value is not None]
        broke = [item for item in tests if item.rules]
        return WatchReport(
            on=self.on,
            made_at=self.now,
            muted=tuple(self.muted),
            not_judged=tuple(item for item in self.judged if item.not_judged),
            failed=tuple(self.failed),
            looked_at=len(self.judged),
            tests=len(tests),
            broke_rules=len(broke),
            before_correction=sum((item.p_value or 0.0) <= item.alert.fdr for item in broke),
            after_correction=len(after),
            fired=len(self.firing()),
        )
