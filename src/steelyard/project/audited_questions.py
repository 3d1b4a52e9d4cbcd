"""The questions that a project answers so that they can be audited: as of a moment, down to the rows, restated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast

from steelyard.project.dates import as_day

if TYPE_CHECKING:
    from steelyard.metrics import How, MetricTable
    from steelyard.metrics.drill import Drill
    from steelyard.metrics.product import ProductTable
    from steelyard.metrics.restatement import Restatement
    from steelyard.project.as_of import Moment
    from steelyard.project.project import Project

__all__ = ["AuditedQuestions"]


class AuditedQuestions:
    """The part of a project that answers questions to its metrics, and can say all of how it did."""

    @property
    def _project(self) -> Project:
        return cast("Project", self)

    def query(
        self,
        metrics: str | Sequence[str],
        *,
        by: Sequence[str] | str = (),
        where: str | None = None,
        since: str | date | None = None,
        until: str | date | None = None,
        limit: int | None = None,
        fill: bool = True,
        having: str | None = None,
        top: int | Mapping[str, int] | None = None,
        context: str | None = None,
        complete_through: str | date | None = None,
        as_of: Moment | None = None,
        definitions: Literal["now", "then"] = "now",
    ) -> MetricTable:
        """Governed metrics as a table with provenance; as they were known at a moment, where one is given.

        Args:
            metrics: One name, or several.
            by: Dimensions, and at most one of hour, day, week, month, quarter, year.
            where: A condition on dimensions, such as `country = 'DE'`.
            since: First local date.
            until: Last local date.
            limit: The most rows.
            fill: Whether periods without rows become rows.
            having: A condition on the metrics that are asked for, after aggregation.
            top: How many values of a dimension stand apart, by the first metric; the rest is `(other)`.
            context: A condition on dimensions that fixed totals and shares obey too.
            complete_through: The last day that is known completely, where you know better than the tables say.
            as_of: A moment with a zone, as a datetime or its ISO text; a date, which means the end of that local day;
                or the number of a catalog version. What was the newest then is read; None is the newest now.
            definitions: `then` takes the metrics' definitions as they were recorded by that moment; `now` the present.
        """
        from steelyard.project.audit import audited_query

        return audited_query(
            self._project, metrics, as_of=as_of, definitions=definitions,
            by=by, where=where, since=as_day(since), until=as_day(until), limit=limit, fill=fill,
            having=having, top=top, context=context, complete_through=as_day(complete_through),
        )  # fmt: skip

    def sql(
        self,
        metrics: str | Sequence[str],
        *,
        as_of: Moment | None = None,
        definitions: Literal["now", "then"] = "now",
        **asked: Any,
    ) -> str:
        """The SELECT that would answer a question, which is not run.

        Args:
            metrics: One name, or several.
            as_of: As in `query`.
            definitions: As in `query`.
            asked: What `query` takes.
        """
        from steelyard.project.audit import audited_sql

        return audited_sql(self._project, metrics, as_of=as_of, definitions=definitions, **asked)

    def how(
        self,
        metrics: str | Sequence[str],
        *,
        as_of: Moment | None = None,
        definitions: Literal["now", "then"] = "now",
        **asked: Any,
    ) -> How:
        """How a number is made: all that `query(...).how` says, and the history of its definition.

        Args:
            metrics: One name, or several.
            as_of: As in `query`.
            definitions: As in `query`.
            asked: What `query` takes.
        """
        from steelyard.project.audit import audited_query

        return audited_query(self._project, metrics, as_of=as_of, definitions=definitions, history=True, **asked).how

    def analyse(
        self,
        name: str,
        *,
        by: Sequence[str] | str = (),
        where: str | None = None,
        since: str | date | None = None,
        until: str | date | None = None,
        as_of: Moment | None = None,
        **more: Any,
    ) -> ProductTable:
        """A product analysis that the project defines: a funnel, cohorts, a lifecycle, an attribution, paths, sessions.

        Args:
            name: Its name.
            by: Dimensions.
            where: A condition on dimensions.
            since: First local date.
            until: Last local date.
            as_of: As in `query`.
            more: `complete_through` of cohorts and lifecycles, `top` of paths.
        """
        from steelyard.project.audit import audited_analysis

        groups = (by,) if isinstance(by, str) else tuple(by)
        return audited_analysis(
            self._project, name, as_of=as_of, by=groups, where=where, since=as_day(since), until=as_day(until), **more
        )

    def drill(
        self, metric: str, at: Mapping[str, Any] | None = None, *, as_of: Moment | None = None, **asked: Any
    ) -> Drill:
        """The very rows behind one cell of an answer.

        Args:
            metric: The metric.
            at: The cell, such as `{"country": "DE", "month": "2026-01-01"}`; None is the whole.
            as_of: As in `query`.
            asked: `grain`, `where`, `since`, `until`, `side` and `limit`, as `steelyard.metrics.drill` takes them.
        """
        from steelyard.project.audit import audited_drill

        return audited_drill(self._project, metric, at, as_of=as_of, **asked)

    def restatement(
        self,
        metric: str,
        *,
        from_: Moment,
        to: Moment | None = None,
        definitions: Literal["now", "then"] = "now",
        **asked: Any,
    ) -> Restatement:
        """What a metric was at one moment and is at another, and why; the reasons add up to the change.

        Args:
            metric: The metric.
            from_: The earlier moment, or catalog version, as `query` takes it.
            to: The later one; None is now.
            definitions: `then` takes the definition as it was at each of the moments; `now` the present one for both.
            asked: `by`, `where`, `since` and `until`, as in `query`.
        """
        from steelyard.project.audit import restated

        return restated(self._project, metric, from_=from_, to=to, definitions=definitions, **asked)

    def record_definitions(self) -> None:
        """Keeps in the ledger the metrics' definitions that are not kept yet, so that their history can be told."""
        from steelyard.metrics.definition_history import record_definitions

        record_definitions(self._project.definitions.metrics, self._project.ledger)
