"""An experiment as one page: what it says, where it stands, whether it can be trusted; detail is folded away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.document import Block, Callout, Heading, Link, Paragraph
from steelyard.project.experiment_evidence import course_blocks, effect_blocks, guardrail_blocks, looks_blocks
from steelyard.project.experiment_plan import assignment_blocks, exposed_blocks, planned_blocks, split_blocks
from steelyard.project.ramp_blocks import standing_blocks
from steelyard.result.belief_blocks import belief_blocks
from steelyard.result.check_blocks import check_blocks
from steelyard.result.segment_blocks import segment_blocks
from steelyard.result.verdict_blocks import verdict_blocks

if TYPE_CHECKING:
    from steelyard.project.experiment_state import ExperimentState

__all__ = ["experiment_blocks"]

Part = tuple[str, str, Sequence[Block]]


def experiment_blocks(state: ExperimentState, *, acts: Sequence[Block] = ()) -> list[Block]:
    """What a decision maker needs of an experiment, in order.

    Args:
        state: All that is known of it.
        acts: What may be done next, to stand after the verdict.

    Returns:
        Blocks without the question, which is the heading above them.
    """
    parts = [part for part in _parts(state, acts) if part[2]]
    blocks: list[Block] = [*_verdict(state), *_contents(parts)]
    for title, anchor, shown in parts:
        blocks += [Heading(title, 2, id=anchor), *shown]
    return blocks


def _parts(state: ExperimentState, acts: Sequence[Block]) -> Iterable[Part]:
    result = state.result
    yield "What may be done next", "next", acts
    yield "Ramp", "ramp", [] if state.standing is None else standing_blocks(state.standing)
    yield "Plan", "plan", planned_blocks(state)
    yield "Assignment", "assignment", assignment_blocks(state)
    if result is not None:
        yield "Split", "split", split_blocks(result)
    yield "Exposure", "exposure", exposed_blocks(state)
    if result is not None:
        yield "Effect", "effect", effect_blocks(result)
        yield "Course", "course", course_blocks(result)
        yield "Looks", "looks", looks_blocks(result)
        yield "Guardrails", "guardrails", guardrail_blocks(result)
        yield "Segments", "segments", segment_blocks(result)
        yield "Beliefs", "beliefs", belief_blocks(result)
        yield "Checks", "checks", check_blocks(result.checks)


def _verdict(state: ExperimentState) -> list[Block]:
    blocks: list[Block] = [Callout("warning", error.problem, error.hint) for error in state.troubles]
    if state.result is None:
        return [*blocks, Callout("note", "Not run yet", f"steelyard run {state.name} runs it.")]
    if state.study.digest() != state.result.provenance.digest:
        says = "The result below is of the definition as it was; run it again for the one in the file."
        blocks.append(Callout("warning", "Edited since it ran", says))
    return [*blocks, *verdict_blocks(state.result)]


def _contents(parts: Sequence[Part]) -> list[Block]:
    """Where the parts are; the first follows at once and is not named."""
    links: list[Any] = []
    for title, anchor, _ in parts:
        links += [" · ", Link(title, f"#{anchor}")] if links else [Link(title, f"#{anchor}")]
    return [Paragraph(links)] if len(parts) > 3 else []
