"""What the ledger and the files have of a study: results, registrations, definition, decisions, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.canonical import plain
from steelyard.dashboards import age
from steelyard.document import (
    Block,
    Callout,
    Cell,
    Code,
    CodeBlock,
    Column,
    Facts,
    Heading,
    Link,
    Paragraph,
    Section,
    Table,
)
from steelyard.project.evidence import citing
from steelyard.web.acts.next_acts import next_acts
from steelyard.web.page import address
from steelyard.web.pages.problems import shown_place
from steelyard.web.view import View

if TYPE_CHECKING:
    from steelyard.result import Result
    from steelyard.studies import Study
    from steelyard.warehouse import Entry

__all__ = ["acts_table", "cited_blocks", "newest_line", "record_blocks", "record_data", "result_data"]

Kept = Sequence[tuple["Entry", "Result"]]


def acts_table(view: View, name: str) -> Table:
    """What may be done next, and why not what may not."""
    rows = [
        (Link(act.label, act.href) if not act.why_not else act.label, act.why_not or "yes")
        for act in next_acts(view.project, name, view.role)
    ]
    return Table([Column("act"), Column("can be done")], rows)


def newest_line(view: View, name: str, kept: Kept, *, planned: bool) -> Paragraph:
    """When it ran last, with what leads on from there."""
    links: list[Any] = []
    if kept:
        entry = kept[0][0]
        links += [
            f"Ran {age(entry.at, view.now)}, kept as ", Link(entry.digest[:16], address("results", entry.digest)),
            " with all its tables and its SQL. ", Link("Replay it", address("results", entry.digest, "replay")), ". ",
        ]  # fmt: skip
    return Paragraph([*links, *([Link("What it will do", address("studies", name, "plan"))] if planned else [])])


def record_blocks(view: View, name: str, kept: Kept, defined: Study | None) -> list[Block]:
    """Decisions that rest on it, earlier results, registrations, and the definition."""
    registrations = view.project.ledger.entries(kind="registration", name=name)
    return [
        *cited_blocks(view, [entry.digest for entry, _ in kept]),
        *_earlier(view, kept[1:]),
        *_registered(registrations, defined),
        *_definition(view, name, defined),
    ]


def record_data(view: View, name: str, kept: Kept, defined: Study | None) -> dict[str, Any]:
    """The same for a program, with the newest result whole."""
    ledger = view.project.ledger
    registrations = ledger.entries(kind="registration", name=name)
    return {
        "study": name,
        "definition": defined.definition() if defined else None,
        "digest": defined.digest() if defined else None,
        "latest": {"entry": kept[0][0].digest, "result": kept[0][1].to_dict()} if kept else None,
        "earlier": [result_data(entry, result) for entry, result in kept[1:]],
        "registrations": [{"entry": item.digest, "at": item.at, **item.body} for item in registrations],
        "decisions": [item.digest for item in citing(ledger, [entry.digest for entry, _ in kept])],
        "next": [act._asdict() for act in next_acts(view.project, name, view.role)],
    }


def result_data(entry: Entry, result: Result) -> dict[str, Any]:
    """A result in short, for a program."""
    return {
        "entry": entry.digest,
        "at": entry.at,
        "answer": result.verdict.answer,
        "action": result.verdict.action,
        "says": result.verdict.says,
        "standing": result.provenance.standing,
    }


def cited_blocks(view: View, digests: Sequence[str]) -> list[Block]:
    """The decisions that rest on any of these results."""
    found = citing(view.project.ledger, digests)
    if not found:
        return []
    rows = [(Link(_question(item.body), address("decisions", item.digest)), *_chosen(view, item)) for item in found]
    columns = [Column("decision"), Column("choice"), Column("who"), Column("when")]
    return [Heading("Decisions that rest on it", 2, id="decisions"), Table(columns, rows)]


def _question(body: Mapping[str, Any]) -> str:
    return str(body["decision"]["question"])


def _chosen(view: View, item: Entry) -> tuple[str, str, str]:
    decision = item.body["decision"]
    return str(decision["choice"]), str(decision["who"]), age(item.at, view.now)


def _earlier(view: View, kept: Kept) -> list[Block]:
    if not kept:
        return []
    rows = [
        (
            Link(entry.digest[:12], address("results", entry.digest)),
            age(entry.at, view.now),
            result.verdict.answer,
            "" if result.verdict.action == "none" else result.verdict.action,
            result.provenance.standing,
        )
        for entry, result in kept
    ]
    columns = [Column("result"), Column("ran"), Column("verdict"), Column("action"), Column("standing")]
    return [Heading("Earlier results", 2, id="earlier"), Table(columns, rows)]


def _registered(registrations: tuple[Entry, ...], defined: Study | None) -> list[Block]:
    heading = Heading("Registration", 2, id="registration")
    if not registrations:
        says = "Its rule was not fixed in the ledger before its data was read: results are exploratory."
        return [heading, Callout("note", "Not registered", says)]
    blocks: list[Block] = [heading]
    for item in registrations:
        link = Link(item.digest[:16], address("ledger", item.digest))
        at = f"{item.at[:16].replace('T', ' ')} UTC"
        blocks.append(Facts([(f"version {item.body['version']}", at), ("kept as", link)]))
        blocks.append(Section("Its rule", [Paragraph(item.body["rule"])], open=False))
    if defined and all(item.body["digest"] != defined.digest() for item in registrations):
        blocks.append(Callout("warning", "The file says something else than what was registered"))
    return blocks


def _definition(view: View, name: str, defined: Study | None) -> list[Block]:
    if defined is None:
        return []
    import yaml

    path = next((item for item in sorted((view.project.folder / "studies").rglob("*.y*ml")) if item.stem == name), None)
    said = {key: value for key, value in plain(defined.definition()).items() if value not in (None, "", [], {})}
    facts: list[tuple[str, Cell]] = [("digest", Code(defined.digest())), ("kind", defined.kind)]
    facts += [("defined in", shown_place(str(path), view.project.folder))] if path else []
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100)
    return [Section("Definition", [Facts(facts), CodeBlock(text, "yaml")], open=False)]
