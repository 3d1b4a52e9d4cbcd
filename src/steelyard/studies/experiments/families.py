"""Which tests share an error, how their p-values are adjusted, and which intervals go with that."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from steelyard.stats.bonferroni import bonferroni, bonferroni_level
from steelyard.stats.dunnett import dunnett, dunnett_level, dunnett_loading
from steelyard.stats.false_discovery import benjamini_hochberg, benjamini_yekutieli
from steelyard.stats.hochberg import hochberg
from steelyard.stats.holm import holm
from steelyard.stats.hommel import hommel
from steelyard.stats.sidak import sidak, sidak_level

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.estimation import Line
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "CORRECTIONS",
    "DUNNETT",
    "FALSE_DISCOVERY",
    "FalseDiscovery",
    "Family",
    "adjusted_primaries",
    "discovery_level",
    "families_of",
    "families_table",
    "level_of_each",
]

FalseDiscovery = Literal["bh", "by", "none"]
Adjust = Callable[[Sequence[float]], tuple[float, ...]]

ADJUST: Mapping[str, Adjust] = {
    "holm": holm,
    "bonferroni": bonferroni,
    "sidak": sidak,
    "hochberg": hochberg,
    "hommel": hommel,
}
DUNNETT = "dunnett"
"""The correction of arms that share a control; it is of one primary."""
CORRECTIONS = (*ADJUST, DUNNETT)
"""Corrections under which any primary may ship; `all` is the other kind."""
FALSE_DISCOVERY: Mapping[str, Adjust] = {
    "bh": benjamini_hochberg,
    "by": benjamini_yekutieli,
    "none": tuple,
}
"""How families that decide nothing are adjusted."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Tests that share an error.

    Args:
        name: What they are: `primary`, `guardrail`, `secondary`, `segments`.
        method: How their p-values are adjusted.
        lines: The comparisons that were tested.
        adjusted: Their adjusted p-values.
    """

    name: str
    method: str
    lines: tuple[Line, ...]
    adjusted: tuple[float, ...]


def families_of(study: Experiment, lines: Sequence[Line]) -> Iterator[Family]:
    """Every family of the study; comparisons without a p-value are not tested and in none."""
    tested = [line for line in lines if line.found.absolute is not None and not math.isnan(line.found.absolute.p_value)]
    primary = [line for line in tested if line.role == "primary"]
    if study.correction == "all":
        for use in study.primaries:
            own = [line for line in primary if line.use.metric == use.metric]
            yield _family(f"primary {use.metric!r}", "holm", own, holm)
    else:
        method = study.correction or "holm"
        yield _family("primary", method, primary, _adjusting(study, method, primary))
    for line in tested:
        if line.role == "guardrail":
            # Each must hold: the chance of shipping one that does not is at most that of its own test.
            yield _family(f"guardrail {line.use.metric!r}", "none", [line], tuple)
    discovered = FALSE_DISCOVERY[study.false_discovery]
    for name, role in (("secondary", "secondary"), ("segments", "exploratory")):
        yield _family(name, study.false_discovery, [line for line in tested if line.role == role], discovered)


def _adjusting(study: Experiment, method: str, lines: Sequence[Line]) -> Adjust:
    if method != DUNNETT:
        return ADJUST[method]
    loadings = [_loading(study, line.arm) for line in lines]
    return lambda p_values: dunnett(p_values, loadings)


def _loading(study: Experiment, arm: str) -> float:
    return dunnett_loading(study.arms[arm], study.arms[study.control])


def level_of_each(study: Experiment) -> float:
    """The level of each primary's interval: of Sidak and Dunnett their own, else Bonferroni's over the family."""
    if study.correction == "sidak":
        return sidak_level(study.level, study.family)
    if study.correction == DUNNETT:
        return dunnett_level(study.level, [_loading(study, arm) for arm in study.treated])
    return bonferroni_level(study.level, study.family)


def _family(name: str, method: str, lines: Sequence[Line], adjust: Adjust) -> Family:
    p_values = [line.found.absolute.p_value for line in lines if line.found.absolute is not None]
    adjusted = tuple(adjust(p_values)) if p_values else ()
    return Family(name=name, method=method if len(lines) > 1 else "none", lines=tuple(lines), adjusted=adjusted)


def adjusted_primaries(study: Experiment, lines: Sequence[Line]) -> dict[str, dict[str, float]]:
    """Primary -> arm -> its p-value, adjusted over the tests that share the error; those without one are not tested."""
    found: dict[str, dict[str, float]] = {use.metric: {} for use in study.primaries}
    for family in families_of(study, lines):
        for line, adjusted in zip(family.lines, family.adjusted, strict=True):
            if line.role == "primary":
                found[line.use.metric][line.arm] = adjusted
    return found


def discovery_level(method: str, level: float, found: int, tests: int) -> float:
    """The level of the intervals of what a family finds, of which then at most 1 - `level` miss, on average.

    Args:
        method: `bh` or `by`.
        level: Level of the family.
        found: How many tests it rejects; one or more.
        tests: How many there are.

    Source: Benjamini and Yekutieli (2005), False discovery rate-adjusted multiple confidence intervals for selected
        parameters, JASA 100, definition 1 and theorem 1; with `by`, theorem 4 (whatever the dependence).

    >>> round(discovery_level("bh", 0.95, 2, 10), 4)
    0.99
    """
    factor = math.fsum(1 / rank for rank in range(1, tests + 1)) if method == "by" else 1.0
    return 1 - found * (1 - level) / (tests * factor)


def families_table(study: Experiment, lines: Sequence[Line], control: str) -> pa.Table:
    """Each p-value with the family in which it was adjusted; what is found there has intervals of its own."""
    import pyarrow as pa

    rows = []
    for family in families_of(study, lines):
        named = zip(family.lines, family.adjusted, strict=True)
        picked = sum(adjusted <= 1 - study.level for adjusted in family.adjusted)
        for line, adjusted in named:
            found = line.found.absolute
            assert found is not None  # noqa: S101 - a family has tested comparisons only
            row = {"family": family.name, "tests": len(family.lines), "method": family.method}
            row |= {"metric": line.use.metric, "contrast": f"{line.arm} - {control}", "segment": line.segment}
            row |= {"p_value": found.p_value, "adjusted": adjusted}
            if family.name in ("secondary", "segments") and adjusted <= 1 - study.level:
                row |= _interval(line, family, study.level, picked)
            rows.append(row)
    text, number = pa.string(), pa.float64()
    kinds: dict[str, pa.DataType] = {
        "family": text,
        "tests": pa.int64(),
        "method": text,
        "metric": text,
        "contrast": text,
        "segment": text,
    }
    kinds |= dict.fromkeys(("p_value", "adjusted", "level", "low", "high"), number)
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _interval(line: Line, family: Family, level: float, picked: int) -> dict[str, float | None]:
    """The interval of a finding, at the level that pays for having picked it."""
    wanted = level if family.method == "none" else discovery_level(family.method, level, picked, len(family.lines))
    found = line.at(wanted).absolute
    assert found is not None  # noqa: S101 - it was computed at the study's level
    low, high = (bound if math.isfinite(bound) else None for bound in (found.low, found.high))
    return {"level": wanted, "low": low, "high": high}
