"""Looks at data without an effect, one after the other, judged by each stopping rule as a study judges them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from steelyard.stats.moments import Moments
from steelyard.studies.experiments import Assignment, Experiment, Mean
from steelyard.studies.experiments.comparison import Comparison
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.look_bounds import at_look
from steelyard.studies.experiments.look_findings import bounds_of
from steelyard.studies.experiments.looks import LooksSoFar
from steelyard.studies.experiments.sources import Looks, Stopping
from steelyard.studies.experiments.stage_information import known_units

ALPHA = 0.05
RULES: dict[str, Stopping] = {
    "obrien_fleming": Stopping(success="obrien_fleming", harm="obrien_fleming"),
    "pocock": Stopping(success="pocock", harm="pocock"),
    "kim_demets": Stopping(success="kim_demets", harm="kim_demets", shape=2.0),
    "hwang_shih_decani": Stopping(success="hwang_shih_decani", harm="hwang_shih_decani", shape=-4.0),
    "always_valid": Stopping(success="always_valid", harm="always_valid"),
    "hybrid": Stopping(success="obrien_fleming", harm="always_valid"),
    "hybrid of pocock": Stopping(success="obrien_fleming", harm="pocock"),
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look sees of all units so far.

    Args:
        arms: `b` and `control` -> moments, of which the units are counted.
        made: Makes the comparison of the two at a level.
        over: Whether the planned last day has passed.
        stages: Stage -> the same of those who came in with it, where stages had splits of their own.
        splits: Stage -> arm -> its share.
    """

    arms: Mapping[str, Moments]
    made: Callable[[float], Comparison]
    over: bool = False
    stages: Mapping[int, Mapping[str, Moments]] = field(default_factory=dict)
    splits: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    @property
    def units(self) -> int:
        return sum(arm.units for arm in self.arms.values())


Path = Sequence[Look]
Crossed = dict[str, tuple[float, float, float]]


def watched(rule: Stopping, planned: int, share: float) -> Experiment:
    return Experiment(
        name="watched", question="Is nothing found?", arms={"control": 1 - share, "b": share}, table="data",
        primary=Mean("m"), assignment=Assignment(), looks=Looks(units=planned), stopping=rule,
    )  # fmt: skip


def evidence_at(look: Look, planned: int, earlier: Sequence[Mapping[str, object]]) -> Evidence:
    at = LooksSoFar(at="2026-01-01T00:00:00+00:00", planned_units=planned, over=look.over, earlier=tuple(earlier))
    return Evidence(
        cells=_cells(look.arms), counts=(), ids=None, repeated={}, unusable=(), notes={}, segments=(), looks=at,
        splits=look.splits, by_stage={stage: _cells(arms) for stage, arms in look.stages.items()},
    )  # fmt: skip


def _cells(arms: Mapping[str, Moments]) -> dict[tuple[str, ...], Moments]:
    return {(arm,): moments for arm, moments in arms.items()}


def crossed(paths: Iterable[Path], planned: int, share: float = 0.5) -> Crossed:
    """Rule -> shares of paths of which some look excludes zero at all, towards better, and towards worse."""
    studies = {name: watched(rule, planned, share) for name, rule in RULES.items()}
    found = dict.fromkeys(RULES, (0, 0, 0))
    times = 0
    for path in paths:
        times += 1
        for name, (better, worse) in _sides(studies, path, planned).items():
            one, up, down = found[name]
            found[name] = one + (better or worse), up + better, down + worse
    return {name: (one / times, up / times, down / times) for name, (one, up, down) in found.items()}


def _sides(studies: Mapping[str, Experiment], path: Path, planned: int) -> dict[str, tuple[bool, bool]]:
    sides = dict.fromkeys(studies, (False, False))
    earlier: list[Mapping[str, object]] = []
    for look in path:
        plain = look.made(1 - ALPHA).absolute
        # No rule's interval is narrower than that of one look.
        if plain is not None and not plain.low <= 0 <= plain.high:
            for name, study in studies.items():
                low, high = interval(study, look, planned, earlier)
                better, worse = sides[name]
                sides[name] = better or low > 0, worse or high < 0
        any_study = next(iter(studies.values()))
        known = known_units(any_study, evidence_at(look, planned, ()), "b") if look.splits else look.units
        ended = look.over or look.units >= planned
        earlier.append({"arm": "b", "units": look.units, "ended": ended, "information": known})
    return sides


def interval(
    study: Experiment, look: Look, planned: int, earlier: Sequence[Mapping[str, object]]
) -> tuple[float, float]:
    """The absolute interval of a look, with the bounds that the study gives it."""
    bounds = bounds_of(study, evidence_at(look, planned, earlier), "b", study.level)
    assert bounds is not None
    found = at_look(bounds, look.made, study.level, 1, tested=False).absolute
    assert found is not None
    return found.low, found.high


def assert_at_most_alpha(found: Crossed, times: int, *, least: float = 0.0) -> None:
    """No rule errs more often than its level says, on both sides or on one; and each errs more often than `least`.

    Counts are held to what a binomial of the level exceeds once in a thousand times.
    """
    from scipy.stats import binom

    for name, (one, better, worse) in found.items():
        assert one * times <= binom.ppf(0.999, times, ALPHA), (name, found)
        assert max(better, worse) * times <= binom.ppf(0.999, times, ALPHA / 2), (name, found)
        assert one >= least, (name, found)
