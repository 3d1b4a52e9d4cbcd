"""Search everything: metrics, studies, decisions, initiatives, tables and documents."""

from __future__ import annotations

from pathlib import Path

from steelyard.document import Block, Callout, Column, Heading, Link, Paragraph, Table
from steelyard.errors import UnknownNameError
from steelyard.project.search import KINDS, MOST_BYTES, Found, search
from steelyard.web.page import Controls, Crumb, Input, Page, address
from steelyard.web.view import View

__all__ = ["document", "search_page"]

SECTION = "Search"
_SEARCH = "search for its words"
_CUT = f"These are its first {MOST_BYTES:,} bytes; the file has all of it."


def search_page(view: View) -> Page:
    """What has every word that was asked; without words, the empty form."""
    text, kind = view.asked.text("q"), view.asked.one_of("kind", KINDS, "")
    blocks, data = _answered(view, text, kind) if text else ([_invitation()], {"found": [], "total": 0})
    options = [("", "everything"), *((name, f"{name}s" if name != "study" else "studies") for name in KINDS)]
    inputs = [
        Input(name="q", label="Words", value=text, hint="the beginning of a word is enough"),
        Input(name="kind", label="Among", value=kind, kind="select", options=options),
    ]
    return Page(
        title=f"Search: {text}" if text else "Search",
        section=SECTION,
        lead=[Heading("Search", 1)],
        blocks=blocks,
        data={"asked": text, **data},
        controls=Controls(label="Search", action="/search", inputs=inputs, submit="Search"),
    )


def _invitation() -> Block:
    return Callout("note", "Search everything", "Metrics, studies, decisions, initiatives, tables and documents.")


def _answered(view: View, text: str, kind: str) -> tuple[list[Block], dict[str, object]]:
    outcome = search(view.project, text, kinds=[kind] if kind else ())
    data = {
        "total": outcome.total,
        "found": [
            {"kind": item.kind, "name": item.name, "title": item.title, "text": item.text, "href": _leads(item)}
            for item in outcome.found
        ],
        "nearest": list(outcome.nearest),
        "unread": list(outcome.unread),
    }
    notes: list[Block] = [Callout("warning", "Not searched whole", " ".join(outcome.unread))] if outcome.unread else []
    if not outcome.found:
        return [*_nothing(text, outcome.nearest), *notes], data
    rows = [
        (item.kind, Link(item.title if item.kind == "decision" else item.name, _leads(item)),
         "" if item.kind == "decision" else item.title, item.text)
        for item in outcome.found
    ]  # fmt: skip
    left = outcome.total - len(rows)
    caption = f"{outcome.total:,} found" + (f"; the best {len(rows):,} are shown" if left else "")
    table = Table([Column("kind"), Column("name"), Column("says"), Column("words")], rows, caption=caption)
    return [table, *notes], data


def _nothing(text: str, nearest: tuple[str, ...]) -> list[Block]:
    blocks: list[Block] = [
        Callout("note", f"Nothing has all of these words: {text}", "Try fewer, or their beginnings.")
    ]
    if nearest:
        links: list[Link | str] = ["Did you mean "]
        for place, word in enumerate(nearest):
            links += [", " if place else "", Link(word, address("search", q=word))]
        blocks.append(Paragraph([*links, "?"]))
    return blocks


def _leads(item: Found) -> str:
    if item.kind == "initiative":
        return address("initiatives") + f"#{item.name}"
    folder = {
        "metric": "metrics",
        "study": "studies",
        "decision": "decisions",
        "table": "data",
        "document": "documents",
    }
    return address(folder[item.kind], *(item.name.split("/") if item.kind == "document" else [item.name]))


def document(view: View) -> Page:
    """One document of the project, as it is written."""
    name = view.names["name"]
    text, whole = _text_of(view.project.folder / "documents", name)
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    blocks: list[Block] = [
        Heading(part.lstrip("# "), min(part.count("#", 0, len(part) - len(part.lstrip("#"))) + 1, 4))
        if part.startswith("#")
        else Paragraph(part)
        for part in parts
        if part
    ]
    return Page(
        title=name,
        section=SECTION,
        crumbs=[Crumb(text="Search", href="/search")],
        lead=[Heading(name, 1)],
        blocks=blocks if whole else [Callout("warning", "Not shown whole", _CUT), *blocks],
        data={"document": name, "text": text, "whole": whole},
    )


def _text_of(folder: Path, name: str) -> tuple[str, bool]:
    """The beginning of a document, as much as is searched, and whether that is all of it.

    Raises:
        UnknownNameError: There is none that can be read in the folder.
    """
    try:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()) and path.suffix in (".md", ".txt") and path.is_file():
            with path.open("rb") as opened:
                raw = opened.read(MOST_BYTES + 1)
            return raw[:MOST_BYTES].decode("utf-8", errors="replace"), len(raw) <= MOST_BYTES
    except (OSError, ValueError) as error:  # no name that a file can have, or nobody may read it
        raise UnknownNameError(f"no document named {name!r} can be read", where="/documents", hint=_SEARCH) from error
    raise UnknownNameError(f"no document named {name!r}", where="/documents", hint=_SEARCH)
