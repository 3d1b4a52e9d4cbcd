"""What one of several looks adds to the findings: its bounds, the looks so far, and what a stopped test says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steelyard.stats.interval import Interval
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.looks import LOOKS, NEAR, LooksSoFar
from steelyard.studies.experiments.sources import EXACT, SPENDING, Stopping
from steelyard.studies.experiments.stage_information import compared_units, known_units

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.estimation import Line
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["STOPPED", "LookFindings", "bounds_of", "look_findings", "look_number"]

STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class LookFindings:
    """What a look adds to the findings.

    Args:
        tables: `looks`, and `stopped` once the test has ended.
        facts: `look`: what the verdict says of it; nothing where one look was planned.
    """

    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def _planned(study: Experiment, looks: LooksSoFar, arm: str) -> float:
    """Units of the arm and control at the planned end."""
    return looks.planned_units * (study.arms[arm] + study.arms[study.control])


def bounds_of(study: Experiment, evidence: Evidence, arm: str, level: float) -> LookBounds | None:
    """The bounds of this look for an arm; None where one look was planned, or no unit is there.

    Information is counted in units of the arm and control, as it is in a mean, a share or a ratio of units that come
    from one population; over stages whose splits differ it is not as the units, by which the error is spent all the
    same.
    """
    looks, units = evidence.looks, compared_units(study, evidence, arm)
    if looks is None or not units:
        return None
    planned = _planned(study, looks, arm)
    fractions = tuple(seen / planned for seen in (*looks.before(arm, units), units))
    known = tuple(found / planned for found in _information(study, evidence, looks, arm))
    over = looks.is_past_the_end(arm, units)
    return LookBounds.of(_rules(study), fractions, level, last=looks.over, over=over, information=known)


def _information(study: Experiment, evidence: Evidence, looks: LooksSoFar, arm: str) -> tuple[float, ...]:
    """What was and is known at the looks so far, in units; nothing where it is as the units."""
    if not evidence.splits:
        return ()
    units, now = compared_units(study, evidence, arm), known_units(study, evidence, arm)
    found = [now]
    earlier = zip(looks.before(arm, units), looks.information(arm, units), strict=True)
    for seen, known in reversed(list(earlier)):
        # Units that were erased since may take more from a look than came in after it: it never knew more than a later.
        said = now * seen / units if known is None else known
        found.append(min(said, found[-1] * (1 - 2 * NEAR)))
    return tuple(reversed(found))


def _rules(study: Experiment) -> Stopping:
    assert isinstance(study.stopping, Stopping)  # noqa: S101 - a study spells it out when it is made
    return study.stopping


def look_number(study: Experiment, evidence: Evidence) -> int:
    """Which look this is; the same units again are the same look."""
    looks = evidence.looks
    if looks is None:
        return 1
    return 1 + max(len(looks.before(arm, compared_units(study, evidence, arm))) for arm in study.treated)


def look_findings(study: Experiment, evidence: Evidence, primary: Sequence[Line]) -> LookFindings:
    """The looks so far with this one, and the stopped test's numbers."""
    looks = evidence.looks
    if looks is None:
        return LookFindings()
    number = look_number(study, evidence)
    rows, stopped = [], []
    for line in primary:
        bounds = bounds_of(study, evidence, line.arm, line.level)
        if bounds is None or line.found.absolute is None:
            continue
        row = _row(study, evidence, line, bounds, line.found.absolute, number)
        rows.append(row)
        if bounds.success.rule in SPENDING and (row["ended"] or row["crossed"]):
            stopped += _stopped(looks, line, bounds, line.found.absolute, row["units"])
    parts = (compared_units(study, evidence, arm) / _planned(study, looks, arm) for arm in study.treated)
    units = max(parts, default=0.0)
    facts = {"look": {"number": number, "fraction": units, "planned_units": looks.planned_units, "rows": rows}}
    return LookFindings(tables={LOOKS: _table(looks, rows), STOPPED: _stopped_table(stopped)}, facts=facts)


def _row(
    study: Experiment, evidence: Evidence, line: Line, bounds: LookBounds, found: Interval, number: int
) -> dict[str, Any]:
    sign = -1 if line.use.better == "down" else 1
    worse = found.low if sign > 0 else -found.high
    reach = _reach(line, bounds, found, sign)
    return {
        "look": number,
        "at": evidence.looks.at if evidence.looks else "",
        "arm": line.arm,
        "units": compared_units(study, evidence, line.arm),
        "fraction": bounds.success.fractions[-1],
        "value": found.value,
        "std_error": found.std_error,
        "low": _finite(found.low),
        "high": _finite(found.high),
        "p_value": found.p_value,
        **{name: _finite(number) for name, number in reach.items()},
        "chance_at_end": bounds.success.chance_at_the_end(sign * found.value / found.std_error)
        if found.std_error > 0
        else None,
        "ended": bounds.success.last,
        "crossed": worse > 0,
        **_staged(study, evidence, line.arm),
    }


def _staged(study: Experiment, evidence: Evidence, arm: str) -> dict[str, float]:
    """What later looks must know of this one where it is not as the units."""
    return {"information": known_units(study, evidence, arm)} if evidence.splits else {}


def _reach(line: Line, bounds: LookBounds, found: Interval, sign: int) -> dict[str, float]:
    """How far the ends lie, in standard errors and against one look; of exact shares as they came out."""
    sides = {"success": bounds.success, "harm": bounds.harm}
    reach = {f"{name}_bound": side.critical for name, side in sides.items()}
    reach |= {f"{name}_width": side.width_ratio for name, side in sides.items()}
    once = line.made(line.level).absolute
    if line.shares is None or once is None:
        return reach
    for name, side in sides.items():
        if side.rule == EXACT:
            below = (sign > 0) == (name == "success")
            far, plain = (abs(each.value - (each.low if below else each.high)) for each in (found, once))
            reach[f"{name}_bound"] = far / found.std_error if found.std_error > 0 else math.inf
            reach[f"{name}_width"] = far / plain if plain > 0 else math.inf
    return reach


def _finite(number: float) -> float | None:
    return number if abs(number) < float("inf") else None


def _stopped(looks: LooksSoFar, line: Line, bounds: LookBounds, found: Interval, units: int) -> list[dict[str, Any]]:
    """Numbers of a test that ended here; none where an earlier look had ended it, for then they do not hold."""
    before = looks.before(line.arm, units)
    passed = any(row["crossed"] and row["arm"] == line.arm and row["units"] in before for row in looks.earlier)
    if passed or bounds.success.over or not found.std_error > 0:
        return []
    sign = -1 if line.use.better == "down" else 1
    said = bounds.success.stopped(sign * found.value, found.std_error)
    low, high = sorted((sign * said.low, sign * said.high))
    return [
        {
            "metric": line.use.metric,
            "arm": line.arm,
            "value": sign * said.value,
            "low": low,
            "high": high,
            "level": said.level,
            "one_sided_p": said.p_value,
            "plain": found.value,
        }
    ]


def _table(looks: LooksSoFar, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Earlier looks that saw fewer units, and this one."""
    import pyarrow as pa

    now = {row["arm"]: row["units"] for row in rows}
    seen: dict[tuple[str, int], Mapping[str, Any]] = {}
    for row in looks.earlier:
        if row["units"] in looks.before(row["arm"], now.get(row["arm"], 0)):
            seen[row["arm"], row["units"]] = row
    kinds: dict[str, pa.DataType] = {"look": pa.int64(), "at": pa.string(), "arm": pa.string(), "units": pa.int64()}
    numbers = ("fraction", "value", "std_error", "low", "high", "p_value", "success_bound", "harm_bound")
    kinds |= dict.fromkeys((*numbers, "success_width", "harm_width", "chance_at_end"), pa.float64())
    kinds |= {"ended": pa.bool_(), "crossed": pa.bool_()}
    kinds |= {"information": pa.float64()} if any("information" in row for row in rows) else {}
    ordered = sorted([*seen.values(), *rows], key=lambda row: (row["units"], row["arm"]))
    return pa.Table.from_pylist(ordered, schema=pa.schema(kinds))


def _stopped_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = {"metric": pa.string(), "arm": pa.string()}
    kinds |= dict.fromkeys(("value", "low", "high", "level", "one_sided_p", "plain"), pa.float64())
    return pa.Table.from_pylist(list(rows), schema=pa.schema(kinds))
