"""What came back, as numbers: moments by arm and segment, and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from steelyard.stats.bootstrap import BucketSums
from steelyard.stats.moments import Moments, merged
from steelyard.stats.quantile_difference import QuantileSample
from steelyard.studies.experiments.bootstrapping import BUCKETS, bucket_sums
from steelyard.studies.experiments.cells import BY_DAY, DAY, Course, cells_of, days_of
from steelyard.studies.experiments.cluster_questions import mixed_segments, whole_by
from steelyard.studies.experiments.cluster_sums import moments_of_clusters
from steelyard.studies.experiments.columns import below
from steelyard.studies.experiments.label import label
from steelyard.studies.experiments.looks import LOOKS, LooksSoFar, looks_so_far
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.population import ARM, STAGE
from steelyard.studies.experiments.quantile_evidence import QuantileEvidence, quantile_evidence
from steelyard.studies.experiments.questions import (
    ASSIGNED,
    BEYOND,
    CAPS,
    CLUSTERS,
    DAYS,
    IDS,
    MOMENTS,
    REPEATED,
    SAMPLE,
    SINCE,
    TAILS,
    UNEXPOSED,
    UNITS,
    UNUSABLE,
)
from steelyard.studies.experiments.row_quantiles import shares_noted
from steelyard.studies.experiments.stage_splits import STAGES, splits_in
from steelyard.studies.experiments.tail import Tail, tails_of
from steelyard.studies.experiments.winsorising import caps_known, caps_of
from steelyard.warehouse.moments import moments_by_group, shifts_of

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Evidence", "evidence_of"]


Cells = Mapping[tuple[str, ...], Moments]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What came back.

    Args:
        cells: Labels of arm and segments -> moments.
        counts: Rows of counts by arm (`arm` is a label); empty where every unit is in the moments.
        ids: Counts of rows and ids; None where the units have none.
        repeated: Counts of units in several rows and arms; empty where each stands in one row.
        unusable: Rows of what could not be used, by arm; empty where all could.
        notes: What governed definitions said when the data was read.
        segments: The segments' columns.
        strata_at: Places in the labels of the columns of post-stratification.
        looks: The looks so far; None where one look was planned.
        splits: Stage -> arm -> its share, where stages had different splits; else empty.
        by_stage: Stage -> labels of arm and segments -> moments; empty where there are no splits.
        assigned: Arm -> units that were assigned to it, exposed or not; empty where all of them take part.
        days: Local day -> arm -> units that came in; empty where nothing says when.
        tails: What the largest units hold, of the metrics in which they may matter.
        since: Arm -> moments of the primary by the days since a unit came in; empty where it has no such days.
        beyond: Rows of units that were winsorised, by arm.
        caps: Metric -> where it was winsorised.
        unexposed: Arm -> moments of the first primary over assigned units that were not exposed; empty where none is
            asked.
        course: Local day of entry -> stratum as in `within` -> arm -> moments; of what was kept by an earlier version,
            those of the first primary.
        quantiles: Metric, segment ("all" or as in estimates), arm and, within strata, the arm beside it, whose units
            share in the strata's weights (else nothing) -> its quantile.
        buckets: Metric and arm -> sums by bucket of units, of means that are compared by the bootstrap.
        clusters: Rows of counts of clusters by arm; empty where units were randomised one by one.
        by_segment: Of each segment's column: its value -> stage (0 where all had one split) -> labels of arm and strata
            -> moments; where clusters may stand in several segments, so that `cells` have none; else empty.
    """

    cells: Mapping[tuple[str, ...], Moments]
    counts: tuple[Mapping[str, Any], ...]
    ids: Mapping[str, Any] | None
    repeated: Mapping[str, Any]
    unusable: tuple[Mapping[str, Any], ...]
    notes: Mapping[str, str]
    segments: tuple[str, ...]
    strata_at: tuple[int, ...] = ()
    looks: LooksSoFar | None = None
    splits: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    by_stage: Mapping[int, Mapping[tuple[str, ...], Moments]] = field(default_factory=dict)
    assigned: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[date, Mapping[str, int]] = field(default_factory=dict)
    tails: tuple[Tail, ...] = ()
    since: Mapping[str, Moments] = field(default_factory=dict)
    beyond: tuple[Mapping[str, Any], ...] = ()
    caps: Mapping[str, float] = field(default_factory=dict)
    unexposed: Mapping[str, Moments] = field(default_factory=dict)
    course: Course = field(default_factory=dict)
    quantiles: Mapping[tuple[str, str, str, str], QuantileEvidence] = field(default_factory=dict)
    buckets: Mapping[tuple[str, str], BucketSums] = field(default_factory=dict)
    clusters: tuple[Mapping[str, Any], ...] = ()
    by_segment: tuple[Mapping[str, Mapping[int, Cells]], ...] = ()

    @cached_property
    def arms(self) -> Mapping[str, Moments]:
        """Arm, as the data labels it -> its moments."""
        return self._merged_by(lambda key: key[0])

    def strata(self, place: int = 0, value: str | None = None) -> Mapping[int, Mapping[str, Moments]]:
        """Stage -> arm -> moments, of everybody or of those with a value of the segment column at that place."""
        if not self.by_stage:
            return {}
        return {stage: _merged(cells, lambda key: key[0]) for stage, cells in self._cells(place, value).items()}

    def within(self, place: int = 0, value: str | None = None) -> Mapping[Any, Mapping[str, Moments]]:
        """Stratum -> arm -> moments, of everybody or of a segment as `strata`; empty where nothing is compared within.

        A stratum is a stage of a ramp whose splits differ, values of the strata's columns, or both.
        """
        if not self.by_stage and not self.strata_at:
            return {}
        groups: dict[Any, dict[str, list[Moments]]] = {}
        for stage, cells in self._cells(place, value).items():
            for key in sorted(cells):
                stratum = (stage, *(key[at] for at in self.strata_at))
                groups.setdefault(stratum, {}).setdefault(key[0], []).append(cells[key])
        return {stratum: {arm: merged(own) for arm, own in arms.items()} for stratum, arms in sorted(groups.items())}

    def segment(self, place: int) -> Mapping[tuple[str, str], Moments]:
        """(Segment's value, arm) -> moments, of the segment column at that place."""
        if not self.by_segment:
            return self._merged_by(lambda key: (key[place + 1], key[0]))
        return {
            (value, arm): merged(found)
            for value, stages in self.by_segment[place].items()
            for arm, found in _by_arm(stages).items()
        }

    def _cells(self, place: int, value: str | None) -> Mapping[int, Cells]:
        """Stage, 0 where all had one split -> the cells of everybody, or of those with a value of a segment."""
        staged = self.by_stage or {0: self.cells}
        if value is None:
            return staged
        if self.by_segment:
            known = self.by_segment[place].get(value, {})
            return {stage: known.get(stage, {}) for stage in staged}
        return {
            stage: {key: found for key, found in cells.items() if key[place + 1] == value}
            for stage, cells in staged.items()
        }

    def quantile(self, metric: str, arm: str, beside: str, segment: str = "all") -> QuantileSample | None:
        """A quantile in an arm as it is compared with another; None where it cannot be computed."""
        found = self.quantiles.get((metric, segment, arm, beside)) or self.quantiles.get((metric, segment, arm, ""))
        return None if found is None else found.sample

    def quantiles_in(self, metric: str, arm: str) -> tuple[QuantileEvidence, ...]:
        """A quantile of everybody in an arm, beside each arm that it is compared with within strata."""
        return tuple(item for key, item in self.quantiles.items() if key[:3] == (metric, "all", arm))

    def _merged_by(self, of: Any) -> dict[Any, Moments]:
        return _merged(self.cells, of)

    def units_by_stage(self, stage: int, arm: str) -> int:
        """Units that came into an arm with a stage; as `units`."""
        if self.counts:
            rows = [row for row in self.counts if row["arm"] == arm and row[STAGE] == stage]
            return sum(row["n"] - (row.get("in_two_arms") or 0) for row in rows)
        return sum(moments.units for key, moments in self.by_stage.get(stage, {}).items() if key[0] == arm)

    def units(self, arm: str) -> int:
        """Units that were assigned to the arm and entered, whether their windows have closed or not."""
        if self.counts:
            rows = [row for row in self.counts if row["arm"] == arm]
            return sum(row["n"] - (row.get("in_two_arms") or 0) for row in rows)
        return self.arms[arm].units if arm in self.arms else 0

    def randomised(self, arm: str, stage: int | None = None) -> int:
        """What was randomised into the arm and entered, in all or with one stage: clusters, or else units."""
        if self.clusters:
            rows = [row for row in self.clusters if stage is None or row[STAGE] == stage]
            return sum(int(row["clusters"]) for row in rows if row["arm"] == arm)
        return self.units(arm) if stage is None else self.units_by_stage(stage, arm)

    @property
    def of_what(self) -> str:
        """What was randomised, in a word that begins a sentence."""
        return "Clusters" if self.clusters else "Units"

    def total(self, name: str) -> int | None:
        """The sum over arms of one of the counts; None where it was not counted."""
        found = [row[name] for row in self.counts if name in row]
        return int(sum(value or 0 for value in found)) if found else None

    def labels(self) -> tuple[str, ...]:
        """The arms that the data has."""
        return tuple(sorted({*self.arms, *(row["arm"] for row in self.counts)}))

    def resolved(self, use: MetricUse) -> MetricUse:
        """The metric with its kind, direction and unit known."""
        names = next(iter(self.cells.values())).names if self.cells else ()
        kind = "ratio" if below(use.metric) in names else use.kind or self.notes.get(f"kind of {use.metric}") or "mean"
        better = use.better or self.notes.get(f"better of {use.metric}") or "up"
        unit = use.measured_in or self.notes.get(f"unit of {use.metric}") or ("fraction" if kind == "share" else "")
        return replace(use, kind=kind, better=better, measured_in=unit)  # type: ignore[arg-type]


def evidence_of(study: Experiment, data: Mapping[str, pa.Table]) -> Evidence:
    """The fetches of `study`, read; pure."""
    columns, shifts = data[MOMENTS].column_names, shifts_of(data[SAMPLE])
    staged = STAGE in columns
    found: Mapping[tuple[Any, ...], Moments] = (
        moments_of_clusters(data[MOMENTS], whole_by(study, columns), shifts, all_segments=mixed_segments(study))
        if study.cluster
        else cells_of(study, data[MOMENTS])
    )
    stages = _by_stage(found, staged=staged)
    cells: dict[tuple[str, ...], list[Moments]] = {}
    for own in stages.values():
        for key, group in own.items():
            cells.setdefault(key, []).append(group)
    notes = {
        name: text for name, text in data[SAMPLE].to_pylist()[0].items() if " of " in name and isinstance(text, str)
    }
    return Evidence(
        cells={key: merged(group) for key, group in cells.items()},
        counts=_over_days(data.get(UNITS)),
        ids=data[IDS].to_pylist()[0] if IDS in data else None,
        repeated=data[REPEATED].to_pylist()[0] if REPEATED in data else {},
        unusable=_labelled(data.get(UNUSABLE)),
        notes=notes,
        segments=tuple(study.segments),
        strata_at=tuple(1 + (study.strata if study.cluster else study.cut_by).index(column) for column in study.strata),
        looks=looks_so_far(data.get(LOOKS)),
        splits=splits_in(data.get(STAGES)),
        by_stage={stage: cells for stage, cells in sorted(stages.items()) if stage} if staged else {},
        assigned={row["arm"]: row["n"] for row in _labelled(data.get(ASSIGNED))},
        days=_by_day(data.get(DAYS), data.get(UNITS)),
        tails=tails_of(_labelled(data.get(TAILS))),
        since=_since(study, data.get(SINCE)),
        beyond=_labelled(data.get(BEYOND)),
        caps=caps_known(study, caps_of(data.get(CAPS))),
        unexposed={label(key[0]): found for key, found in moments_by_group(data[UNEXPOSED], (ARM,)).items()}
        if UNEXPOSED in data
        else {},
        course=days_of(study, data[MOMENTS], data.get(BY_DAY), shifts),
        buckets=bucket_sums(data.get(BUCKETS)),
        quantiles=quantile_evidence(study, data, shares_noted(notes)),
        clusters=_labelled(data.get(CLUSTERS)),
        by_segment=_by_segment(study, data[MOMENTS], shifts, found) if study.cluster else (),
    )


def _since(study: Experiment, table: pa.Table | None) -> dict[str, Moments]:
    if table is None:
        return {}
    found = moments_of_clusters(table, (ARM,), {}) if study.cluster else moments_by_group(table, (ARM,))
    return {label(key[0]): group for key, group in found.items()}


def _by_stage(found: Mapping[tuple[Any, ...], Moments], *, staged: bool) -> dict[int, dict[tuple[str, ...], Moments]]:
    """Stage -> labels -> moments; 0 where all had one split, and of those whom no stage took in."""
    stages: dict[int, dict[tuple[str, ...], list[Moments]]] = {}
    for key, group in found.items():
        stage, rest = (int(key[1] or 0), (key[0], *key[2:])) if staged else (0, key)
        stages.setdefault(stage, {}).setdefault(tuple(map(label, rest)), []).append(group)
    return {stage: {key: merged(own) for key, own in cells.items()} for stage, cells in stages.items()}


def _by_segment(
    study: Experiment, table: pa.Table, shifts: Mapping[str, float], everybody: Mapping[tuple[Any, ...], Moments]
) -> tuple[Mapping[str, Mapping[int, Cells]], ...]:
    """Of each segment's column: its value -> stage -> labels of what clusters share -> moments."""
    whole, mixed, found = whole_by(study, table.column_names), mixed_segments(study), []
    for column in study.segments:
        cells: Mapping[tuple[Any, ...], Moments] = everybody
        if column in mixed:
            cells = moments_of_clusters(table, whole, shifts, segment=column, all_segments=mixed)
        place = -1 if column in mixed else whole.index(column)
        groups: dict[str, dict[tuple[Any, ...], Moments]] = {}
        for key, group in cells.items():
            groups.setdefault(label(key[place]), {})[key] = group
        found.append({value: _by_stage(own, staged=STAGE in whole) for value, own in groups.items()})
    return tuple(found)


def _by_arm(stages: Mapping[int, Cells]) -> dict[str, list[Moments]]:
    found: dict[str, list[Moments]] = {}
    for _, cells in sorted(stages.items()):
        for key in sorted(cells):
            found.setdefault(key[0], []).append(cells[key])
    return found


def _merged(cells: Mapping[Any, Moments], of: Callable[[Any], Any]) -> dict[Any, Moments]:
    groups: dict[Any, list[Moments]] = {}
    for key in sorted(cells):
        groups.setdefault(of(key), []).append(cells[key])
    return {key: merged(group) for key, group in groups.items()}


def _over_days(table: pa.Table | None) -> tuple[Mapping[str, Any], ...]:
    """Counts by arm and stage, of those by day too."""
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    for row in _labelled(table):
        known = found.setdefault((row["arm"], row.get(STAGE)), {"arm": row["arm"]})
        for name, value in row.items():
            if name == STAGE:
                known[name] = value
            elif name not in ("arm", DAY):
                known[name] = known.get(name, 0) + (value or 0)
    return tuple(found.values())


def _by_day(apart: pa.Table | None, counts: pa.Table | None) -> dict[date, dict[str, int]]:
    """Units by day and arm: of a question of their own, or of counts that are by day too."""
    table, day = (
        (counts, DAY) if apart is None and counts is not None and DAY in counts.column_names else (apart, "day")
    )
    found: dict[date, dict[str, int]] = {}
    for row in _labelled(table):
        if row[day] is not None:
            arms = found.setdefault(row[day], {})
            arms[row["arm"]] = arms.get(row["arm"], 0) + row["n"]
    return found


def _labelled(table: pa.Table | None) -> tuple[Mapping[str, Any], ...]:
    if table is None:
        return ()
    return tuple({**row, "arm": label(row["arm"])} for row in table.to_pylist())
