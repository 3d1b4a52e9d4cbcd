"""Decisions: what was chosen, by whom and why; the evidence; what is due; and whether the evidence still stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from steelyard.dashboards import age
from steelyard.decisions.blocks import decision_blocks, review_blocks
from steelyard.decisions.record import Recorded, due_follow_ups, read_decision
from steelyard.decisions.record import decisions as recorded
from steelyard.decisions.review import Reviewed, reviews
from steelyard.document import Block, Callout, Column, Heading, Link, Paragraph, Table, number_of
from steelyard.errors import SteelyardError
from steelyard.web.page import Crumb, Page, address
from steelyard.web.pages.results import entry_of_kind, replay_page
from steelyard.web.view import View

__all__ = ["decision", "decision_rows", "decisions", "replay_decision"]

CRUMBS = (Crumb(text="Decisions", href="/decisions"),)


def decision_rows(made: Sequence[Recorded], now: datetime, *, most: int | None = None) -> Table:
    """One row a decision, newest first."""
    rows = [
        (
            age(item.entry.at, now),
            Link(item.decision.question, address("decisions", item.entry.digest)),
            item.decision.choice,
            item.decision.who,
            "can be undone" if item.decision.reversible else "one way",
            _gates(item),
        )
        for item in list(made)[::-1][:most]
    ]
    columns = [Column("when"), Column("decision"), Column("choice"), Column("who"), Column("door"), Column("review")]
    return Table(columns, rows)


def _gates(item: Recorded) -> str:
    failed = sum(gate.status == "failed" for gate in item.gates)
    return f"! {failed} of {len(item.gates)} gates do not hold" if failed else "✓ every gate holds"


def decisions(view: View) -> Page:
    """The list of decisions."""
    made = recorded(view.project.ledger)
    due = due_follow_ups(view.project.ledger, view.today)
    blocks: list[Block] = []
    if due:
        rows = [
            (
                todo.on,
                todo.what,
                todo.who or item.decision.who,
                Link(item.decision.name, address("decisions", item.entry.digest)),
            )
            for item, todo in due
        ]
        blocks += [
            Callout("warning", f"{number_of(len(due), 'follow-up')} due"),
            Table([Column("on"), Column("what"), Column("who"), Column("decision")], rows),
            Heading("All decisions", 2),
        ]
    says = "steelyard decide records one: what was chosen, by whom, why, and what it rests on."
    blocks.append(decision_rows(made, view.now) if made else Callout("note", "No decision was recorded yet", says))
    data = {
        "decisions": [item.to_dict() for item in made[::-1]],
        "due": [
            {"decision": item.entry.digest, "on": todo.on, "what": todo.what, "who": todo.who} for item, todo in due
        ],
    }
    loop = Paragraph([Link("Where each initiative stands", "/initiatives"), " on the way from hypothesis to result."])
    return Page(title="Decisions", section="Decisions", lead=[Heading("Decisions", 1), loop], blocks=blocks, data=data)


def decision(view: View) -> Page:
    """One decision as situation, task, action and result, with the results that it rests on."""
    found = read_decision(entry_of_kind(view, "decision"))
    head, *rest = decision_blocks(found)
    done = reviews(view.project.ledger, found.entry.digest)
    return Page(
        title=found.decision.name,
        section="Decisions",
        crumbs=CRUMBS,
        lead=[head],
        blocks=[*_followed(view, found), *rest, *_happened(found, done), *_evidence(view, found)],
        data={**found.to_dict(), "reviews": [item.to_dict() for item in done]},
    )


def _happened(found: Recorded, done: Sequence[Reviewed]) -> list[Block]:
    """What became of it, beside what it expected; newest first."""
    if not done:
        says = "steelyard review records what happened, beside what was expected."
        return [Heading("What happened", 2, id="happened"), Callout("note", "Not reviewed yet", says)]
    return [
        Heading("What happened", 2, id="happened"),
        *(block for item in reversed(done) for block in _review(found, item)),
    ]


def _review(found: Recorded, item: Reviewed) -> list[Block]:
    links = [Link(digest[:12], address("results", digest)) for digest in item.review.cites]
    return [*review_blocks(found, item), *([Paragraph(["The results: ", *links])] if links else [])]


def _followed(view: View, found: Recorded) -> list[Block]:
    """Later decisions of the same name."""
    later = [
        item for item in recorded(view.project.ledger, found.decision.name) if item.entry.number > found.entry.number
    ]
    if not later:
        return []
    newest = later[-1]
    link = Link(f"{newest.decision.choice}: {newest.decision.action}", address("decisions", newest.entry.digest))
    return [Callout("note", "A later decision followed", [link])]


def _evidence(view: View, found: Recorded) -> list[Block]:
    if not found.decision.cites:
        return []
    rows = [_cited(view, digest) for digest in found.decision.cites]
    columns = [Column("result"), Column("study"), Column("verdict"), Column("standing"), Column("says")]
    replay = Link("Does it still stand? Replay what it rests on", address("decisions", found.entry.digest, "replay"))
    return [Heading("Results that it rests on", 2, id="evidence"), Table(columns, rows), Paragraph([replay])]


def _cited(view: View, digest: str) -> tuple[object, ...]:
    try:
        body = view.project.ledger.get(digest).body["result"]
    except SteelyardError as error:
        return digest[:12], "", "", "", error.problem
    verdict, provenance = body["verdict"], body["provenance"]
    link = Link(digest[:12], address("results", digest))
    study = Link(provenance["study"], address("studies", provenance["study"]))
    return link, study, verdict["answer"], provenance["standing"], verdict["says"]


def replay_decision(view: View) -> Page:
    """What comes of recomputing every result that a decision cites."""
    entry = entry_of_kind(view, "decision")
    crumbs = [*CRUMBS, Crumb(text=entry.name, href=address("decisions", entry.digest))]
    return replay_page(view, entry, section="Decisions", crumbs=crumbs)
