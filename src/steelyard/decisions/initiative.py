"""An initiative: studies towards one goal, and where each stands on the loop from hypothesis to result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from steelyard.decisions.record import Recorded
from steelyard.decisions.review import Reviewed
from steelyard.definition_file import build, read_definition
from steelyard.errors import DefinitionError
from steelyard.result import Result
from steelyard.warehouse import Entry

__all__ = ["STEPS", "Initiative", "Standing", "Step", "initiative_file", "standing_of"]

StepName = Literal["hypothesis", "registered", "launched", "measured", "decided", "reviewed"]
STEPS: tuple[StepName, ...] = ("hypothesis", "registered", "launched", "measured", "decided", "reviewed")


@dataclass(frozen=True, kw_only=True)
class Initiative:
    """Studies towards one goal.

    Args:
        name: Snake case; the file's name.
        goal: What is to be reached, in words.
        studies: The studies, by name, in the order in which they were thought of.
        metric: The governed metric that says whether it is reached.
        owner: Who answers for it.

    Raises:
        DefinitionError: It has no goal.
    """

    name: str
    goal: str
    studies: tuple[str, ...] = ()
    metric: str = ""
    owner: str = ""

    def __post_init__(self) -> None:
        if not self.goal.strip():
            raise DefinitionError(f"the initiative {self.name!r} has no goal", where="goal", hint="say what for")


def initiative_file(path: Path) -> Initiative:
    """The initiative that a file says; its name is the file's.

    Raises:
        DefinitionError: It says something that cannot be.
    """
    definition = read_definition(path)
    return build(Initiative, {**definition.data, "name": path.stem}, definition)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the loop.

    Args:
        name: Which.
        done: Whether it was made; None where this kind of study has no such step.
        says: When, by whom or what came of it; or what is missing.
    """

    name: StepName
    done: bool | None
    says: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a study stands.

    Args:
        study: Its name.
        question: What it asks.
        steps: The steps of the loop, in order.
    """

    study: str
    question: str
    steps: tuple[Step, ...]

    @property
    def next_step(self) -> Step | None:
        """The first step after the last one that was made; None at the end of the loop."""
        reached = max((place for place, step in enumerate(self.steps) if step.done), default=-1)
        return next((step for step in self.steps[reached + 1 :] if step.done is False), None)


def standing_of(
    study: str,
    question: str,
    *,
    today: date,
    registration: Entry | None = None,
    ramp: str | None = None,
    begun: bool = False,
    result: tuple[Entry, Result] | None = None,
    decision: Recorded | None = None,
    review: Reviewed | None = None,
) -> Standing:
    """Where a study stands; pure.

    Args:
        study: Its name.
        question: What it asks.
        today: The local date.
        registration: Its latest registration.
        ramp: Where its ramp stands, in words; None where it has none.
        begun: Whether a stage of the ramp has begun.
        result: Its latest result.
        decision: The latest decision of its name.
        review: The latest review of that decision.
    """
    steps = [
        Step(name="hypothesis", done=bool(question.strip()), says=question or "no question is written down"),
        Step(
            name="registered",
            done=registration is not None,
            says=registration.at[:10] if registration else "its rule is not fixed yet: plan --register",
        ),
        Step(name="launched", done=begun if ramp is not None else None, says=ramp or "no launch: nothing is given out"),
        _measured(result),
        _decided(decision),
        Step(name="reviewed", done=review is not None, says="; ".join(_reviewed(decision, review, today))),
    ]
    return Standing(study=study, question=question, steps=tuple(steps))


def _measured(result: tuple[Entry, Result] | None) -> Step:
    if result is None:
        return Step(name="measured", done=False, says="it has not run yet")
    entry, found = result
    return Step(name="measured", done=True, says=f"{found.verdict.answer}, {entry.at[:10]}")


def _decided(decision: Recorded | None) -> Step:
    if decision is None:
        return Step(name="decided", done=False, says="nobody has decided yet")
    said = f"{decision.decision.choice}, {decision.decision.who}, {decision.entry.at[:10]}"
    return Step(name="decided", done=True, says=said)


def _reviewed(decision: Recorded | None, review: Reviewed | None, today: date) -> Iterator[str]:
    if review is not None:
        yield f"{review.review.outcome.replace('_', ' ')}, {review.review.who}, {review.entry.at[:10]}"
        if review.review.next_question:
            yield f"next: {review.review.next_question}"
    elif decision is None:
        yield "after the decision"
    else:
        dates = sorted(item.on for item in decision.decision.follow_ups)
        yield (f"due since {dates[0]}" if dates[0] <= today else f"due on {dates[0]}") if dates else "no date is set"
