"""What one page asks: of one version of the data, each question once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from steelyard.dashboards.trend import Trend, trend_of
from steelyard.errors import SteelyardError
from steelyard.metrics import MetricCatalog, MetricTable, query
from steelyard.metrics.product import ProductTable, analyse
from steelyard.result import Result
from steelyard.warehouse import Entry, Warehouse

__all__ = ["Answers"]

Asked = tuple[Any, ...]


@dataclass(kw_only=True)
class Answers:
    """Answers to the questions of one page; the same question is asked once.

    Args:
        catalog: The definitions.
        warehouse: One version of the data.
        results: Study -> its results, newest first.
    """

    catalog: MetricCatalog
    warehouse: Warehouse
    results: Mapping[str, Sequence[tuple[Entry, Result]]] = field(default_factory=dict)
    _kept: dict[Asked, MetricTable | ProductTable | SteelyardError] = field(default_factory=dict)

    def query(
        self,
        metrics: Sequence[str],
        *,
        by: Sequence[str] = (),
        where: str = "",
        since: date | None = None,
        until: date | None = None,
    ) -> MetricTable:
        """Metrics as a table, as `steelyard.metrics.query` gives it."""
        names, groups = tuple(metrics), tuple(by)
        found = self._once(
            ("query", names, groups, where, since, until),
            lambda: query(
                self.catalog, self.warehouse, names, by=groups, where=where or None, since=since, until=until
            ),
        )
        assert isinstance(found, MetricTable)  # noqa: S101
        return found

    def analyse(
        self,
        name: str,
        *,
        by: Sequence[str] = (),
        where: str = "",
        since: date | None = None,
        until: date | None = None,
    ) -> ProductTable:
        """A product analysis that the project defines."""
        groups = tuple(by)
        found = self._once(
            ("analyse", name, groups, where, since, until),
            lambda: analyse(
                self.catalog, self.warehouse, name, by=groups, where=where or None, since=since, until=until
            ),
        )
        assert isinstance(found, ProductTable)  # noqa: S101
        return found

    def trends(
        self, metrics: Sequence[str], grain: str, *, where: str = "", since: date | None, until: date | None
    ) -> dict[str, Trend | SteelyardError]:
        """Each metric by period: those of the same facts in one query, each alone where that has no answer."""
        groups: dict[tuple[str, ...], list[str]] = {}
        found: dict[str, Trend | SteelyardError] = {}
        for name in dict.fromkeys(metrics):
            try:
                groups.setdefault(self.catalog.facts(name), []).append(name)
            except SteelyardError as error:
                found[name] = error
        limits = {"where": where, "since": since, "until": until}
        for names in groups.values():
            found |= self._trends(names, grain, limits)
        return {name: found[name] for name in metrics}

    def trend(
        self, metric: str, grain: str, *, where: str = "", since: date | None = None, until: date | None = None
    ) -> Trend:
        """One metric by period; taken from what was asked together before, where it was."""
        for asked, answer in self._kept.items():
            same = asked[0] == "query" and metric in asked[1] and asked[2:] == ((grain,), where, since, until)
            if same and isinstance(answer, MetricTable):
                return trend_of(answer, metric)
        return trend_of(self.query([metric], by=(grain,), where=where, since=since, until=until), metric)

    def values(self, dimension: str, metrics: Sequence[str]) -> list[Any]:
        """The values of a dimension over all dates, by the first of these metrics that has it, the largest first.

        Raises:
            SteelyardError: None has it.
        """
        name = next((one for one in metrics if dimension in self.catalog.dimensions(one)), metrics[0])
        rows = self.query([name], by=(dimension,)).rows()
        return [row[dimension] for row in sorted(rows, key=lambda row: -float(row[name] or 0))]

    def sql(self) -> list[str]:
        """Every SELECT that was asked, in order."""
        found: list[str] = []
        for answer in self._kept.values():
            if isinstance(answer, MetricTable):
                found.append(answer.how.sql)
            elif isinstance(answer, ProductTable):
                found += [read.sql for read in answer.how.reads]
        return found

    def _trends(self, names: list[str], grain: str, limits: Mapping[str, Any]) -> dict[str, Trend | SteelyardError]:
        try:
            answer = self.query(names, by=(grain,), **limits)
        except SteelyardError as error:
            if len(names) == 1:
                return {names[0]: error}
            parts = [self._trends([name], grain, limits) for name in names]
            return {name: trend for part in parts for name, trend in part.items()}
        return {name: trend_of(answer, name) for name in names}

    def _once(self, asked: Asked, ask: Callable[[], MetricTable | ProductTable]) -> MetricTable | ProductTable:
        if asked not in self._kept:
            try:
                self._kept[asked] = ask()
            except SteelyardError as error:
                self._kept[asked] = error
        found = self._kept[asked]
        if isinstance(found, SteelyardError):
            raise found
        return found
