"""The ledger: every entry, its heads, and whether it is whole."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.document import Block, Callout, Code, Column, Facts, Heading, Link, Paragraph, Table
from steelyard.project.blocks import entry_blocks
from steelyard.warehouse import Entry, Verification
from steelyard.web.page import Controls, Crumb, Input, Page, address
from steelyard.web.view import View

__all__ = ["entry", "ledger"]

KINDS = ("registration", "result", "decision", "refresh", "erasure", "migration", "stage")
ROWS = 100
PROBLEMS = 20
PLACES = {"result": "results", "decision": "decisions"}


def ledger(view: View) -> Page:
    """The entries, newest first; every digest is computed again each time that the page is made."""
    book = view.project.ledger
    verified, kept = book.verify(), book.entries()
    kinds = tuple(dict.fromkeys((*KINDS, *(item.kind for item in kept))))
    kind, before = view.asked.one_of("kind", kinds, ""), view.asked.number("before")
    entries = [item for item in kept if kind in ("", item.kind) and (before is None or item.number < before)][::-1]
    shown = entries[:ROWS]
    rows = [
        (item.number, item.at[:19].replace("T", " "), item.kind, Link(item.name, _place(item)), Code(item.digest[:16]))
        for item in shown
    ]
    columns = [
        Column("number", align="right"),
        Column("at", "at (UTC)"),
        Column("kind"),
        Column("name"),
        Column("digest"),
    ]
    blocks: list[Block] = [*_whole(verified), Table(columns, rows, caption="Entries, newest first")]
    if len(entries) > len(shown):
        older = address("ledger", kind=kind, before=shown[-1].number)
        blocks.append(Paragraph([Link(f"{len(entries) - len(shown):,} older entries", older)]))
    return Page(
        title="Ledger",
        section="Ledger",
        lead=[Heading("Ledger", 1)],
        controls=_controls(kind, kinds),
        blocks=blocks,
        data={
            "ok": verified.ok,
            "checked": verified.entries,
            "problems": list(verified.problems),
            "heads": list(verified.heads),
            "entries": [
                {
                    "number": item.number,
                    "digest": item.digest,
                    "kind": item.kind,
                    "name": item.name,
                    "at": item.at,
                    "parents": list(item.parents),
                }
                for item in shown
            ],
            "older": len(entries) - len(shown),
        },
    )


def _controls(kind: str, kinds: Sequence[str]) -> Controls:
    options = [("", "every kind"), *((item, item) for item in kinds)]
    return Controls(
        label="Which entries",
        action="/ledger",
        inputs=[Input(name="kind", label="Kind", value=kind, kind="select", options=options)],
    )


def _whole(verified: Verification) -> list[Block]:
    heads = Facts([("head", Code(head)) for head in verified.heads] or [("head", "none: the ledger is empty")])
    says = f"{verified.entries:,} entries, every digest and link computed again just now."
    if verified.ok:
        return [Callout("good", "Whole", says), heads]
    found = [Paragraph(problem) for problem in verified.problems[:PROBLEMS]]
    count = "1 problem was found" if len(verified.problems) == 1 else f"{len(verified.problems):,} problems were found"
    return [Callout("bad", "Not whole", f"{says} {count}."), *found, heads]


def _place(item: Entry) -> str:
    return address(PLACES.get(item.kind, "ledger"), item.digest)


def entry(view: View) -> Page:
    """One entry of any kind, whole."""
    found = view.project.ledger.get(view.names["digest"])
    head, *rest = entry_blocks(found)
    return Page(
        title=found.digest[:12],
        section="Ledger",
        crumbs=[Crumb(text="Ledger", href="/ledger")],
        lead=[head],
        blocks=rest,
        data={
            "number": found.number,
            "digest": found.digest,
            "kind": found.kind,
            "name": found.name,
            "at": found.at,
            "parents": list(found.parents),
            "body": found.body,
        },
    )
