"""The demo: from raw events to a decision that is replayed, then the pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steelyard.cli.progress import shown_progress
from steelyard.cli.serving import become_server
from steelyard.errors import DataError, unknown_name

if TYPE_CHECKING:
    from steelyard.project import Project

__all__ = ["STORIES", "Story", "run_demo"]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What one demo asks of its project.

    Args:
        template: The project's files.
        folder: Where they go when nobody says.
        about: One line on the data.
        query: What is queried: metrics, and dimensions.
        explain: A metric with its ranges before and after.
        studies: The studies that are registered and run, in order.
        decision: What is decided about the first of them.
        prepare: Makes what the sources read; None when there is nothing to make.
    """

    template: str
    folder: str
    about: str
    query: tuple[tuple[str, ...], tuple[str, ...]]
    explain: tuple[str, tuple[str, str], tuple[str, str]]
    studies: tuple[str, ...]
    decision: dict[str, Any]
    prepare: Callable[[Path], None] | None = None


def _simulate(folder: Path) -> None:
    from steelyard.project.shop_data import write_shop

    write_shop(folder / "data")


STORIES = {
    "journey": Story(
        template="journey",
        folder="demo",
        about="The Complete Journey: a year of a US grocer's loyalty households, which its publisher calls simulated "
        "from real shopping patterns, for education.",
        query=(("revenue", "baskets", "active_households"), ("quarter",)),
        explain=("revenue", ("2017-07-01", "2017-09-30"), ("2017-10-01", "2017-12-31")),
        studies=("campaign_8", "aa_households"),
        decision={
            "choice": "test",
            "action": "Do not credit campaign 8 with revenue; hold out a random tenth of households next time.",
            "why": "Its households spent more than the others long before it, and dates on which nothing happened "
            "show as large a change.",
            "who": "demo",
            "reversible": True,
            "expected_effect": "none until the holdout has been measured",
            "alternatives": ("credit the campaign with the naive difference", "stop the campaign"),
            "dissent": (),
        },
    ),
    "shop": Story(
        template="shop",
        folder="demo-shop",
        about="A simulated web shop whose truth is known: data/truth.parquet holds it.",
        query=(("revenue", "orders", "visitors"), ("month",)),
        explain=("revenue", ("2025-09-15", "2025-10-05"), ("2025-10-06", "2025-10-26")),
        studies=("one_page_checkout",),
        decision={
            "choice": "ship",
            "action": "Launch the one-page checkout to everybody.",
            "why": "Visitors order more often, by more than the least that matters, and no guardrail is harmed.",
            "who": "demo",
            "reversible": True,
            "expected_effect": "orders per exposed visitor up by about 15 %, at least 10 %",
            "alternatives": ("keep the old checkout", "hold until revenue per visitor is known as well"),
            "dissent": (),
        },
        prepare=_simulate,
    ),
}


def run_demo(data: str, folder: Path | None, *, serve: bool, port: int) -> None:
    """Makes the project, refreshes, asks, studies, decides, replays; then serves.

    Raises:
        UnknownNameError: There is no such demo.
        DataError: The refresh failed.
    """
    from steelyard.project import open_project
    from steelyard.project.template import make_project

    if data not in STORIES:
        raise unknown_name("demo", data, STORIES, where="--data")
    story = STORIES[data]
    place = folder or Path(story.folder)
    started = time.perf_counter()
    written = make_project(place, story.template, keep=True)
    _say(f"{'made' if written else 'found'} the project {place}: {story.about}")
    if story.prepare is not None:
        story.prepare(place)
    with open_project(place) as project:
        _refresh(project)
        _ask(project, story)
        _study(project, story)
        _decide(project, story)
        _say(f"\nall of it in {time.perf_counter() - started:.1f} s; the project is yours: {place.resolve()}")
    if serve:
        become_server(place, host="127.0.0.1", port=port)


def _say(text: str) -> None:
    typer.echo(text)


def _step(title: str, command: str) -> None:
    typer.echo(f"\n== {title}\n$ {command}")


def _show(blocks: Any) -> None:
    from steelyard.cli.output import show

    show(blocks, None, as_json=False, details=False)


def _refresh(project: Project) -> None:
    from steelyard.project.blocks import refresh_blocks

    _step("Load, build, test, publish", "steelyard refresh")
    with shown_progress() as progress:
        report = project.refresh(progress=progress)
    _show(refresh_blocks(report))
    if report.failed:
        raise DataError("the refresh did not publish everything", where="refresh", hint="see the tests above")


def _ask(project: Project, story: Story) -> None:
    metrics, by = story.query
    _step("Ask governed metrics", f"steelyard query {' '.join(metrics)} {' '.join(f'--by {item}' for item in by)}")
    _show(project.query(metrics, by=by).blocks())
    metric, before, after = story.explain
    _step("Ask why", f"steelyard explain {metric} --before {'..'.join(before)} --after {'..'.join(after)}")
    _show(project.explain(metric, before=before, after=after).blocks())


def _study(project: Project, story: Story) -> None:
    for name in story.studies:
        _step(f"Study {name}", f"steelyard plan {name} --register && steelyard run {name}")
        project.plan(name, register=True)
        known = project.results(name)
        current = project.study(name).digest()
        if known and known[-1][1].provenance.digest == current:
            _say(f"already run: {known[-1][0].digest[:16]}")
            result = known[-1][1]
        else:
            result = project.run(name)
        _show(result.blocks())


def _decide(project: Project, story: Story) -> None:
    from steelyard.decisions import FollowUp, decisions
    from steelyard.decisions.blocks import decision_blocks
    from steelyard.project.blocks import replay_blocks

    name = story.studies[0]
    _step("Decide", f"steelyard decide {name} --choice {story.decision['choice']} ...")
    made = decisions(project.ledger, name)
    if made:
        recorded = made[-1]
        _say(f"already decided: {recorded.entry.digest[:16]}")
    else:
        later = FollowUp(on=date.today() + timedelta(days=90), what="look at it again")  # noqa: DTZ011 - a local date
        recorded = project.decide(name, **story.decision, follow_ups=(later,))
    _show(decision_blocks(recorded))
    _step("Replay", f"steelyard replay {name}")
    for item in project.replay(recorded.entry.digest):
        _show(replay_blocks(item))
