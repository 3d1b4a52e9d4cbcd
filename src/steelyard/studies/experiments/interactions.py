"""Whether effects differ between the values of a segment, and what is left of each when chance is taken out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.stats.heterogeneity import Heterogeneity, heterogeneity
from steelyard.studies.experiments.families import FALSE_DISCOVERY, families_of

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.estimation import Line
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["interaction_tables"]


@dataclass(frozen=True, kw_only=True)
class _Interaction:
    """One metric in one arm over the values of one segment."""

    column: str
    lines: tuple[Line, ...]
    found: Heterogeneity | None

    def shrunk(self) -> dict[str, tuple[float, float]]:
        """Segment -> its effect drawn towards the mean of all, with its error; none of those without an error."""
        if self.found is None:
            return {}
        names = [line.segment for line in self.lines if _known(line)]
        return dict(zip(names, zip(self.found.shrunk, self.found.shrunk_errors, strict=True), strict=True))


def _known(line: Line) -> bool:
    return line.found.absolute is not None and line.found.absolute.std_error > 0


def _interactions(study: Experiment, lines: Sequence[Line]) -> Iterator[_Interaction]:
    for column in study.segments:
        for use in study.uses:
            for arm in study.treated:
                own = tuple(
                    line for line in lines
                    if line.segment.startswith(f"{column} = ") and line.use.metric == use.metric and line.arm == arm
                )  # fmt: skip
                pairs = [line.found.absolute for line in own if line.found.absolute is not None and _known(line)]
                found = heterogeneity([x.value for x in pairs], [x.std_error for x in pairs]) if pairs else None
                if own:
                    yield _Interaction(column=column, lines=own, found=found)


def interaction_tables(study: Experiment, lines: Sequence[Line], control: str) -> dict[str, pa.Table]:
    """The tables `interactions` and `segments`; none without registered segments.

    An interaction is tested once, at the planned end or with one look: no form of the test holds at several.

    Args:
        study: The experiment; only its registered segments are here.
        lines: Every comparison.
        control: The control.
    """
    import pyarrow as pa

    if not study.segments:
        return {}
    made = list(_interactions(study, lines))
    tested = study.schedule is None
    p_values = [one.found.p_value for one in made if one.found is not None and one.found.df] if tested else []
    adjusted = iter(FALSE_DISCOVERY[study.false_discovery](p_values))
    found = [_row(one, control, adjusted, tested=tested) for one in made]
    claimed = _claims(study, lines)
    segments = [row for one in made for row in _segments(study, one, control, claimed)]
    text, number = pa.string(), pa.float64()
    kinds: dict[str, pa.DataType] = {
        "segment": text,
        "metric": text,
        "contrast": text,
        "values": pa.int64(),
        "statistic": number,
    }
    kinds |= {"df": pa.int64(), "p_value": number, "adjusted": number, "between_std_dev": number, "effect": number}
    parts: dict[str, pa.DataType] = {
        "segment": text,
        "metric": text,
        "contrast": text,
        "units": pa.int64(),
        "value": number,
    }
    parts |= dict.fromkeys(("std_error", "shrunk", "shrunk_error", "shrunk_low", "shrunk_high", "adjusted"), number)
    parts |= {"level": number, "claimed": pa.bool_()}
    return {
        "interactions": pa.Table.from_pylist(found, schema=pa.schema(kinds)),
        "segments": pa.Table.from_pylist(segments, schema=pa.schema(parts)),
    }


def _row(one: _Interaction, control: str, adjusted: Iterator[float], *, tested: bool) -> dict[str, Any]:
    line = one.lines[0]
    row = {"segment": one.column, "metric": line.use.metric, "contrast": f"{line.arm} - {control}"}
    if one.found is None:
        return {**row, "values": 0}
    told = tested and one.found.df > 0
    return {
        **row,
        "values": one.found.df + 1,
        "statistic": one.found.statistic,
        "df": one.found.df,
        "p_value": one.found.p_value if told else None,
        "adjusted": next(adjusted) if told else None,
        "between_std_dev": math.sqrt(one.found.between),
        "effect": one.found.effect,
    }


def _claims(study: Experiment, lines: Sequence[Line]) -> dict[tuple[str, str, str], float]:
    """(Metric, arm, segment) -> its p-value, adjusted over all segments, metrics and arms."""
    return {
        (line.use.metric, line.arm, line.segment): adjusted
        for family in families_of(study, lines)
        if family.name == "segments"
        for line, adjusted in zip(family.lines, family.adjusted, strict=True)
    }


def _segments(
    study: Experiment, one: _Interaction, control: str, claimed: dict[tuple[str, str, str], float]
) -> Iterator[dict[str, Any]]:
    from scipy.special import ndtri

    reach, shrunk = float(ndtri((1 + study.level) / 2)), one.shrunk()
    for line in one.lines:
        adjusted = claimed.get((line.use.metric, line.arm, line.segment))
        row: dict[str, Any] = {"segment": line.segment, "metric": line.use.metric, "units": line.units}
        row |= {"contrast": f"{line.arm} - {control}", "level": study.level, "adjusted": adjusted}
        row |= {"claimed": adjusted is not None and adjusted <= 1 - study.level}
        if line.found.absolute is not None:
            row |= {"value": line.found.absolute.value, "std_error": line.found.absolute.std_error}
        if line.segment in shrunk:
            value, error = shrunk[line.segment]
            row |= {"shrunk": value, "shrunk_error": error}
            row |= {"shrunk_low": value - reach * error, "shrunk_high": value + reach * error}
        yield row
