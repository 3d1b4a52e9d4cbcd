"""Initiatives: where each stands on the loop from hypothesis to result."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.canonical import plain
from steelyard.decisions.initiative import STEPS, Initiative, Standing, Step
from steelyard.document import Block, Callout, Cell, Column, Facts, Heading, Link, Paragraph, Table
from steelyard.web.page import Page, address
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.view import View

__all__ = ["initiatives"]

MARK = {True: "✓", False: "○", None: "–"}


def initiatives(view: View) -> Page:
    """Every initiative with its studies, and the studies of none."""
    project = view.project
    known, standings = project.definitions.initiatives, project.initiatives(now=view.now)
    broken = [error for error in project.problems if "initiatives/" in error.where]
    blocks: list[Block] = [*problem_callouts(broken, project.folder)]
    if not known:
        says = "A file under initiatives/ names a goal and its studies; until then each study stands alone."
        blocks.append(Callout("note", "No initiative is defined yet", says))
    for name, item in known.items():
        blocks += [Heading(item.goal, 2, id=name), _facts(item), _table(standings[name])]
    if alone := standings.get("", ()):
        blocks += [Heading("Studies of no initiative" if known else "Studies", 2, id="alone"), _table(alone)]
    data = {
        "initiatives": [
            {**plain(item), "standing": [_data(standing) for standing in standings[name]]}
            for name, item in known.items()
        ],
        "alone": [_data(standing) for standing in standings.get("", ())],
    }
    lead: list[Block] = [
        Heading("Initiatives", 1),
        Paragraph("From a hypothesis to a result that somebody has looked at again. ✓ done, ○ open, – no such step."),
    ]
    return Page(title="Initiatives", section="Decisions", lead=lead, blocks=blocks, data=data)


def _facts(item: Initiative) -> Block:
    facts: list[tuple[str, Cell]] = [("owner", item.owner or "nobody yet")]
    if item.metric:
        facts.append(("metric", Link(item.metric, address("metrics", item.metric))))
    return Facts(facts)


def _table(standings: Sequence[Standing]) -> Block:
    if not standings:
        return Callout("note", "No study yet", "List one under `studies:`.")
    rows = [
        (Link(standing.study, address("studies", standing.study)), *(_cell(step) for step in standing.steps),
         standing.next_step.name if standing.next_step else "the loop is closed")
        for standing in standings
    ]  # fmt: skip
    return Table([Column("study"), *(Column(step) for step in STEPS), Column("next")], rows)


def _cell(step: Step) -> str:
    return MARK[step.done] if step.name == "hypothesis" else f"{MARK[step.done]} {step.says}"


def _data(standing: Standing) -> dict[str, object]:
    following = standing.next_step
    return {**plain(standing), "next": following.name if following else None}
