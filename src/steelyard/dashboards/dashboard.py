"""What a dashboard's file says: one headline, its drivers, its guardrails, then the detail, block by block."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["BLOCKS", "CHARTS", "RESERVED", "Dashboard", "DashboardBlock", "Grain"]

Grain = Literal["day", "week", "month", "quarter", "year"]
BLOCKS = ("metric", "breakdown", "table", "funnel", "cohort", "study", "text")
CHARTS: Mapping[str, tuple[str, ...]] = {
    "metric": ("line", "histogram"),
    "breakdown": ("bar", "heat_map", "line", "box", "histogram"),
    "table": (),
    "funnel": ("funnel", "bar", "heat_map"),
    "cohort": ("heat_map", "line"),
    "study": (),
    "text": (),
}
"""Block -> the charts that it can be drawn as; the first that its data allow is taken."""

RESERVED = ("grain", "since", "until", "format", "name")
_KEYS: Mapping[str, tuple[str, ...]] = {
    "metric": ("by", "where", "compare", "target", "thresholds", "usual"),
    "breakdown": ("by", "where"),
    "table": ("by", "where"),
    "funnel": ("by", "where"),
    "cohort": ("where",),
    "study": (),
    "text": (),
}


@dataclass(frozen=True, kw_only=True)
class DashboardBlock:
    """One block; exactly one of `metric`, `breakdown`, `table`, `funnel`, `cohort`, `study` and `text` is given.

    Args:
        metric: A metric as a line over time.
        breakdown: A metric by one dimension, or by two.
        table: Metrics as a table.
        funnel: A funnel of the project.
        cohort: Cohorts of the project.
        study: A study: what its latest result says.
        text: Words; an empty line begins a paragraph.
        title: The heading; empty takes what the block is of.
        by: Dimensions: of a breakdown one or two, of a line at most one; a table may also be by `day`, `week`, `month`,
            `quarter` or `year`, and without any it is by the page's grain.
        chart: How it is drawn, where the chart that suits it is not wanted: `line` or `histogram` of a metric; `bar`,
            `heat_map`, `line`, `box` or `histogram` of a breakdown; `funnel`, `bar` or `heat_map` of a funnel;
            `heat_map` or `line` of cohorts.
        where: A condition on dimensions, beside the page's filters.
        compare: A second, quiet line: the `year` before.
        target: A metric that says what was aimed at, drawn as a threshold.
        thresholds: Name -> a height to compare with, drawn across.
        usual: Whether the range that the periods before let expect is drawn.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It is of no kind or of several, or a key means nothing to its kind.

    >>> DashboardBlock(breakdown="revenue", by=("country",)).kind
    'breakdown'
    """

    metric: str = ""
    breakdown: str = ""
    table: tuple[str, ...] = ()
    funnel: str = ""
    cohort: str = ""
    study: str = ""
    text: str = ""
    title: str = ""
    by: tuple[str, ...] = ()
    chart: Literal["", "line", "bar", "heat_map", "funnel", "histogram", "box"] = ""
    where: str = ""
    compare: Literal["", "year"] = ""
    target: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    usual: bool = False
    defined_at: str = ""

    def __post_init__(self) -> None:
        given = [kind for kind in BLOCKS if getattr(self, kind)]
        if len(given) != 1:
            said = " and ".join(given) or "nothing"
            raise self._refuse(f"a block is of {said}", f"give exactly one of {', '.join(BLOCKS)}")
        for key in ("by", "where", "compare", "target", "thresholds", "usual"):
            if getattr(self, key) and key not in _KEYS[self.kind]:
                raise self._refuse(f"{key!r} means nothing to a {self.kind}", "leave it out")
        if self.chart and self.chart not in CHARTS[self.kind]:
            hint = f"draw it as {' or '.join(CHARTS[self.kind])}" if CHARTS[self.kind] else "leave `chart:` out"
            raise self._refuse(f"a {self.kind} cannot be drawn as {self.chart!r}", hint)
        self._check_by()

    def _check_by(self) -> None:
        least, most = {"breakdown": (1, 2), "metric": (0, 1), "funnel": (0, 1)}.get(self.kind, (0, 20))
        if not least <= len(self.by) <= most:
            wants = f"{least} or {most} dimensions" if least else "one dimension at most"
            raise self._refuse(f"a {self.kind} by {len(self.by)} dimensions cannot be drawn", f"give {wants}")
        pair = self.chart == "heat_map" and self.kind == "breakdown"
        if self.kind == "breakdown" and self.chart and (len(self.by) == 2) != pair:
            raise self._refuse(
                f"a breakdown by {len(self.by)} cannot be drawn as {self.chart!r}", "two dimensions are a heat map"
            )
        if self.kind == "metric" and self.by and (self.compare or self.target or self.thresholds or self.usual):
            raise self._refuse("lines by a dimension are compared with each other", "leave `by:` out, or the other")

    def _refuse(self, problem: str, hint: str) -> DefinitionError:
        return DefinitionError(problem, where=self.defined_at, hint=hint)

    @property
    def kind(self) -> str:
        """Which of the blocks it is."""
        return next(kind for kind in BLOCKS if getattr(self, kind))

    @property
    def of(self) -> str:
        """The metric, analysis or study that it shows; empty for a table and for words."""
        return "" if self.kind in ("table", "text") else str(getattr(self, self.kind))


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A page of metrics, analyses and studies; its fields are the keys of its file, `dashboards/NAME.yml`.

    Args:
        name: Lower-case letters, digits, underscores and hyphens: the file's name.
        title: What it is called; empty takes the name.
        question: What it answers, as a person would ask.
        owner: Who answers for it.
        description: For a person.
        headline: The one metric that comes first.
        drivers: The metrics that move it; empty takes the parts of the headline's tree.
        guardrails: The metrics that must not get worse meanwhile.
        filters: Dimensions that a reader may narrow every block to one value of.
        grain: The period of lines and tiles.
        periods: How many of them are shown unless dates are given; 0 for all.
        since: First local date that is shown at first.
        until: Last local date that is shown at first.
        compare: A second, quiet line beside the headline's: the `year` before.
        target: A metric that says what the headline aims at, drawn as a threshold.
        thresholds: Name -> a height to compare the headline with.
        blocks: The detail, in order.
        defined_at: File; no part of the definition.

    Raises:
        DefinitionError: It shows nothing, or a word of it cannot be.
    """

    name: str
    title: str = ""
    question: str = ""
    owner: str = ""
    description: str = ""
    headline: str = ""
    drivers: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    grain: Grain = "week"
    periods: int = 26
    since: date | None = None
    until: date | None = None
    compare: Literal["", "year"] = ""
    target: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    blocks: tuple[DashboardBlock, ...] = ()
    defined_at: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_\-]*", self.name):
            hint = "use lower-case letters, digits, underscores and hyphens"
            raise self._refuse(f"a dashboard cannot be named {self.name!r}", hint)
        if not (self.headline or self.blocks):
            raise self._refuse(f"the dashboard {self.name!r} shows nothing", "give `headline:`, `blocks:` or both")
        if not 0 <= self.periods <= 1000:
            raise self._refuse(f"{self.periods} periods cannot be shown", "give 1 to 1000, or 0 for all")
        if self.since and self.until and self.since > self.until:
            raise self._refuse(f"it ends on {self.until} before it begins on {self.since}", "give the earlier as since")
        for name in self.filters:
            if name in RESERVED:
                raise self._refuse(f"{name!r} cannot be a filter", "an address uses that word for something else")
        if not self.headline and (self.compare or self.target or self.thresholds):
            raise self._refuse("there is no headline to compare", "give `headline:`, or say it of a block")

    def _refuse(self, problem: str, hint: str) -> DefinitionError:
        return DefinitionError(problem, where=self.defined_at, hint=hint)

    @property
    def heading(self) -> str:
        """What it is called."""
        return self.title or self.name.replace("_", " ").replace("-", " ").capitalize()

    def metrics(self) -> tuple[str, ...]:
        """Every metric that it names, in the order of the page."""
        named = [self.headline, *self.drivers, *self.guardrails, self.target]
        for block in self.blocks:
            named += [block.metric, block.breakdown, *block.table, block.target]
        return tuple(dict.fromkeys(name for name in named if name))
