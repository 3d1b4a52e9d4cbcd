"""Where a ramp stands, and what units are given, as blocks and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steelyard.canonical import plain
from steelyard.document import (
    Block,
    Callout,
    CalloutKind,
    Column,
    Event,
    Format,
    Heading,
    LineChart,
    Series,
    Table,
)

if TYPE_CHECKING:
    from steelyard.studies.experiments.exposure_audit import ExposureAudit
    from steelyard.studies.experiments.independence import Independence
    from steelyard.studies.experiments.ramp import RampStanding

__all__ = ["act_data", "exposure_blocks", "independence_block", "ramp_blocks", "ramp_data", "standing_blocks"]

_HIDDEN = ("ranges", "ends", "chain", "after")


def ramp_blocks(
    standing: RampStanding,
    independence: tuple[Independence, ...] | None = None,
    exposures: ExposureAudit | None = None,
) -> list[Block]:
    """Where a ramp stands, for a person; with what was measured of its draw and logged of its exposures, if asked."""
    blocks: list[Block] = [Heading(f"Ramp of {standing.study}", level=1), *standing_blocks(standing)]
    if independence is not None:
        blocks.append(independence_block(independence))
    if exposures is not None:
        blocks += exposure_blocks(exposures)
    return blocks


def standing_blocks(standing: RampStanding) -> list[Block]:
    """Where a ramp stands: the stage, what the next one needs, the timeline, and who began each stage, and why."""
    blocks: list[Block] = [Callout(*_headline(standing))]
    if standing.needs:
        shown = [
            ({True: "✓", False: "✗", None: "–"}[need.holds], need.name.replace("_", " "), need.says)
            for need in standing.needs
        ]
        after = f"stage {standing.next_stage}" if standing.next_stage else "a launch"
        blocks.append(Table([Column("holds", ""), Column("needs", f"{after} needs"), Column("says")], shown))
    blocks += _timeline(standing)
    blocks.append(
        Table(
            [Column("stage"), Column("share"), Column("split"), Column("since"), Column("who"), Column("why")],
            [_planned(standing, number) for number in range(1, len(standing.planned) + 1)],
        )
    )
    ended = [row for row in standing.acts if row["act"] != "advance"]
    if ended:
        rows = [(_act(row), _moment(row), row["who"], row["why"]) for row in ended]
        blocks.append(Table([Column("act"), Column("at"), Column("who"), Column("why")], rows))
    if standing.void:
        words = f"{standing.void} recorded acts do not count, because another act came first."
        blocks.append(Callout("warning", "Acts that do not count", words))
    return blocks


def independence_block(measured: tuple[Independence, ...]) -> Block:
    """What was measured of an experiment's draw beside that of every other one that runs."""
    if not measured:
        words = "No other experiment runs outside of its layer: there is no draw to compare its own with."
        return Callout("note", "Independence", words)
    rows = [(item.other, item.units, item.p_value, item.says) for item in measured]
    return Table([Column("runs"), Column("units"), Column("p"), Column("says")], rows)


def exposure_blocks(found: ExposureAudit) -> list[Block]:
    """What an experiment's logged exposures come to, with the first conflicts."""
    counts = {
        "exposures logged": found.exposures,
        "of testers": found.of_testers,
        "units": found.units,
        "of a unit that had one already": found.repeated,
        "units shown two arms or more": found.in_two_arms,
        "of units that were assigned nothing": found.unassigned,
        "of another arm than was assigned": found.otherwise,
    }
    blocks: list[Block] = [Table([Column("exposures"), Column("n")], list(counts.items()))]
    if found.listed:
        rows = [(item.unit, ", ".join(item.arms), item.says) for item in found.listed]
        blocks.append(Table([Column("unit"), Column("arms"), Column("says")], rows))
    return blocks


def _timeline(standing: RampStanding) -> list[Block]:
    """The share that was enrolled from each act on until now; nothing before the first."""
    if not standing.acts:
        return []
    acts = [(datetime.fromisoformat(row["since"]), row) for row in standing.acts]
    until = max(datetime.now(UTC), acts[-1][0])
    shares = [_share(standing, row) for _, row in acts]
    chart = LineChart(
        title="Share of units enrolled, since each act",
        x=[*(at for at, _ in acts), until],
        series=[Series("share", [*shares, shares[-1]])],
        format=Format.percent(0),
        events=[Event(at, _act(row)) for at, row in acts if row["act"] != "advance"],
        stepped=True,
        zero=True,
    )
    return [chart]


def _share(standing: RampStanding, row: Mapping[str, Any]) -> float:
    if row["act"] == "advance":
        return standing.planned[int(row["stage"]) - 1].share
    return 1.0 if row["act"] == "launch" else 0.0


def _headline(standing: RampStanding) -> tuple[CalloutKind, str, str]:
    if standing.state == "not begun":
        says = "Stage 1 may begin." if standing.ready else "Stage 1 may not begin yet: see what does not hold."
        return "note", "Not begun", says
    if standing.state != "running":
        given = f"{standing.acts[-1]['arm']!r}" if standing.state == "launched" else "the unchanged product"
        return "note", standing.state.capitalize(), f"The test is over: everybody but the holdouts is given {given}."
    begun = sum(row["act"] == "advance" for row in standing.acts)
    share = standing.planned[begun - 1].share
    title = f"Stage {begun} of {len(standing.planned)}: {share * 100:.4g} % enrolled"
    if standing.next_stage is None:
        return "good", title, "This is the last stage; a launch is an act of its own."
    if standing.ready:
        return "good", title, f"Stage {standing.next_stage} may begin."
    unmet = " ".join(need.says for need in standing.needs if not need.holds)
    return "warning", title, f"Stage {standing.next_stage} may not begin. {unmet}"


def _planned(standing: RampStanding, number: int) -> tuple[Any, ...]:
    stage = standing.planned[number - 1]
    begun = [row for row in standing.acts if row["act"] == "advance" and row["stage"] == number]
    split = ", ".join(f"{arm} {share:.4g}" for arm, share in stage.arms.items())
    acted = (_moment(begun[0]), begun[0]["who"], begun[0]["why"]) if begun else ("", "", "")
    return (number, f"{stage.share * 100:.4g} %", split, *acted)


def _moment(row: Mapping[str, Any]) -> str:
    return f"{row['since'][:16].replace('T', ' ')} UTC"


def _act(row: Mapping[str, Any]) -> str:
    return f"launch of {row['arm']}" if row["act"] == "launch" else str(row["act"])


def ramp_data(
    standing: RampStanding,
    independence: tuple[Independence, ...] | None = None,
    exposures: ExposureAudit | None = None,
) -> dict[str, Any]:
    """The same for a program."""
    return {
        "study": standing.study,
        "state": standing.state,
        "stages": [plain(stage) for stage in standing.planned],
        "acts": [act_data(row) for row in standing.acts],
        "void": standing.void,
        "next_stage": standing.next_stage,
        "ready": standing.ready,
        "needs": [plain(need) for need in standing.needs],
        "independence": [plain(item) for item in independence or ()],
        "exposures": None if exposures is None else plain(exposures),
    }


def act_data(row: Mapping[str, Any]) -> dict[str, Any]:
    """An act without its bucket numbers, which are larger than JSON's readers keep exactly."""
    return {name: value for name, value in row.items() if name not in _HIDDEN}
