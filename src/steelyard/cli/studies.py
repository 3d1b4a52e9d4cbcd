"""`plan`, `run`, `decide`, `review` and `replay`: studies in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli.options import AsJson, Details, Folder, Target, opened
from steelyard.cli.output import show
from steelyard.errors import DefinitionError

if TYPE_CHECKING:
    from steelyard.document import Block

__all__ = ["STRICT_EXIT", "add_to"]

HERE = Path()
STRICT_EXIT = 4
Name = Annotated[str, typer.Argument(help="The study's name: its file's, without the ending.")]


def plan(
    name: Name,
    register: Annotated[bool, typer.Option("--register", help="Freeze it in the ledger.")] = False,
    aa: Annotated[int, typer.Option(min=0, help="Replay the time before so often as an A/A test: 1000.")] = 0,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """What a study will do: SQL, sample and rule, before any outcome is read."""
    from steelyard.project.blocks import plan_blocks, plan_data

    with opened(project, target) as found:
        planned = found.plan(name, register=register, replays=aa)
        study = found.study(name)
        entry = next(
            (
                item
                for item in found.ledger.entries(kind="registration", name=name)
                if item.body["digest"] == study.digest()
            ),
            None,
        )
    show(plan_blocks(study, planned, entry), plan_data(study, planned, entry), as_json=as_json)


def run(
    name: Name,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 4 when the verdict is invalid.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that stands alone.")] = None,
    details: Details = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Runs a study; its result is kept in the ledger."""
    with opened(project, target) as found:
        result, entry = found.run_and_keep(name)
    if html is not None:
        html.write_text(result.to_html(), encoding="utf-8")
    show(result.blocks(), {"entry": entry.digest, "result": result.to_dict()}, as_json=as_json, details=details)
    if strict and result.verdict.answer == "invalid":
        raise typer.Exit(STRICT_EXIT)


def decide(
    name: Annotated[str, typer.Argument(help="The study whose latest result is cited, or a name of its own.")],
    choice: Annotated[str, typer.Option(help="ship, hold, rollback, stop, test or other.")],
    action: Annotated[str, typer.Option(help="What will be done.")],
    why: Annotated[str, typer.Option(help="The reasons.")],
    who: Annotated[str, typer.Option(help="Who decided.")],
    reversible: Annotated[bool, typer.Option("--reversible/--one-way", help="Whether it can be undone.")],
    expected: Annotated[str, typer.Option(help="What effect is expected, with its unit.")] = "",
    alternative: Annotated[list[str], typer.Option(help="What else was considered; may be repeated.")] = [],  # noqa: B006
    dissent: Annotated[list[str], typer.Option(help="Who disagreed, and why; may be repeated.")] = [],  # noqa: B006
    follow_up: Annotated[list[str], typer.Option(help="DATE: WHAT; may be repeated.")] = [],  # noqa: B006
    cites: Annotated[list[str], typer.Option(help="Results cited, by digest; the latest by default.")] = [],  # noqa: B006
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Records a decision for good: what was chosen, by whom, and why."""
    from steelyard.decisions import FollowUp
    from steelyard.decisions.blocks import decision_blocks

    said: dict[str, Any] = {
        "choice": choice,
        "action": action,
        "why": why,
        "who": who,
        "reversible": reversible,
        "expected_effect": expected,
        "alternatives": tuple(alternative),
        "dissent": tuple(dissent),
        "follow_ups": tuple(FollowUp(on=on, what=what) for on, what in map(_follow_up, follow_up)),
    }
    if cites:
        said["cites"] = tuple(cites)
    with opened(project, target) as found:
        recorded = found.decide(name, **said)
    show(decision_blocks(recorded), recorded.to_dict(), as_json=as_json)


def _follow_up(text: str) -> tuple[date, str]:
    on, _, what = text.partition(":")
    try:
        return date.fromisoformat(on.strip()), what.strip()
    except ValueError as error:
        hint = "write it as '2026-03-01: look at the holdout'"
        raise DefinitionError(f"{text!r} does not begin with a date", where="--follow-up", hint=hint) from error


def review(
    decision: Annotated[str, typer.Argument(help="A decision: its name (then the latest), or its digest.")],
    outcome: Annotated[str, typer.Option(help="better, as_expected, worse, no_effect or unclear.")],
    happened: Annotated[str, typer.Option(help="What happened, with its number and unit.")],
    who: Annotated[str, typer.Option(help="Who looked.")],
    next_question: Annotated[str, typer.Option("--next", help="The next hypothesis.")] = "",
    cites: Annotated[list[str], typer.Option(help="Results that show it; a newer one of the name by default.")] = [],  # noqa: B006
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Records what became of a decision, beside what it expected."""
    from steelyard.decisions import read_decision
    from steelyard.decisions.blocks import review_blocks

    with opened(project, target) as found:
        done = found.review(
            decision, outcome=outcome, happened=happened, who=who, cites=tuple(cites) or None,
            next_question=next_question,
        )  # fmt: skip
        entry = found.ledger.get(done.review.decision)
    show(review_blocks(read_decision(entry), done), done.to_dict(), as_json=as_json)


def replay(
    reference: Annotated[str, typer.Argument(help="A study, a decision, or a digest.")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit 4 when something differs.")] = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Recomputes what a result or a decision rests on, and says same, or what differs."""
    from steelyard.project.blocks import replay_blocks, replay_data

    with opened(project, target) as found:
        replays = found.replay(reference)
    blocks: list[Block] = [block for item in replays for block in replay_blocks(item)]
    show(blocks, [replay_data(item) for item in replays], as_json=as_json)
    _strictly(strict, [item.same for item in replays])


def _strictly(strict: bool, same: Sequence[bool]) -> None:
    if strict and not all(same):
        raise typer.Exit(STRICT_EXIT)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (plan, run, decide, review, replay):
        app.command()(command)
