"""One kept result, and what comes of recomputing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.document import Block, Heading, Link, Paragraph, Section
from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.project.blocks import replay_blocks, replay_data
from steelyard.result import Result
from steelyard.warehouse import Entry
from steelyard.web.page import Crumb, Page, address
from steelyard.web.pages.study_record import cited_blocks
from steelyard.web.view import View

__all__ = ["entry_of_kind", "replay_page", "replay_result", "result"]


def entry_of_kind(view: View, kind: str) -> Entry:
    """The ledger's entry that the path names.

    Raises:
        UnknownNameError: There is none of that digest and kind.
        DefinitionError: Several begin with these characters, or these are too few.
    """
    digest = view.names["digest"]
    found = view.project.ledger.get(digest)
    if found.kind != kind:
        hint = f"it is a {found.kind}: see {address('ledger', found.digest)}"
        raise UnknownNameError(f"no {kind} {digest!r} in the ledger", where="the address", hint=hint)
    return found


def result(view: View) -> Page:
    """One kept result."""
    entry = entry_of_kind(view, "result")
    found = Result.from_dict(entry.body["result"])
    head, *rest = found.blocks()
    kept: list[Any] = [
        f"Kept as {entry.digest[:16]} on {entry.at[:16].replace('T', ' ')} UTC. ",
        Link("Replay it", address("results", entry.digest, "replay")), ". ",
        Link("All results of this study", address("studies", entry.name)), ".",
    ]  # fmt: skip
    return Page(
        title=entry.digest[:12],
        section="Studies",
        crumbs=[Crumb(text="Studies", href="/studies"), Crumb(text=entry.name, href=address("studies", entry.name))],
        lead=[head],
        blocks=[Paragraph(kept), *rest, *cited_blocks(view, [entry.digest])],
        data={"entry": entry.digest, "at": entry.at, "name": entry.name, "result": found.to_dict()},
    )


def replay_result(view: View) -> Page:
    """What comes of recomputing one result."""
    entry = entry_of_kind(view, "result")
    crumbs = [
        Crumb(text="Studies", href="/studies"),
        Crumb(text=entry.name, href=address("studies", entry.name)),
        Crumb(text=entry.digest[:12], href=address("results", entry.digest)),
    ]
    return replay_page(view, entry, section="Studies", crumbs=crumbs)


def replay_page(view: View, entry: Entry, *, section: str, crumbs: Sequence[Crumb]) -> Page:
    """What comes of recomputing every result that an entry is or cites."""
    replays = view.project.replay(entry.digest)
    blocks: list[Block] = []
    for item in replays:
        _, *rest = replay_blocks(item)
        blocks += [
            Heading(item.study, 2),
            *rest,
            Section("The numbers, recomputed", item.result.blocks()[1:], open=False),
        ]
    if not replays:
        raise DefinitionError("the decision cites no result, so there is nothing to replay", where=entry.digest[:16])
    return Page(
        title="Replay",
        section=section,
        crumbs=crumbs,
        lead=[
            Heading(f"Replay of {entry.name}", 1),
            Paragraph("Recomputed now, from what was kept and from the data."),
        ],
        blocks=blocks,
        data={"entry": entry.digest, "replays": [replay_data(item) for item in replays]},
    )
