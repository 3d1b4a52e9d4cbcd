"""Studies: what was asked, what the latest results say, and what a study will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.canonical import plain
from steelyard.dashboards import age, latest_of, study_table
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
from steelyard.errors import SteelyardError, UnknownNameError
from steelyard.project.blocks import plan_blocks, plan_data
from steelyard.web.acts.next_acts import next_acts
from steelyard.web.page import Crumb, Page, address
from steelyard.web.pages.problems import problem_callouts, shown_place
from steelyard.web.view import View

if TYPE_CHECKING:
    from steelyard.result import Result
    from steelyard.studies import Study
    from steelyard.warehouse import Entry

__all__ = ["plan", "studies", "study"]

CRUMBS = (Crumb(text="Studies", href="/studies"),)


def studies(view: View) -> Page:
    """The list of studies."""
    project = view.project
    results = latest_of(project.results())
    known = project.definitions.studies
    table = study_table(known, results, href=lambda name: address("studies", name), when=lambda at: age(at, view.now))
    broken = [error for error in project.problems if "/studies/" in error.where or error.where.startswith("studies/")]
    empty = Callout("note", "No study is defined yet", "A file under studies/ is one; its name is the file's.")
    blocks: list[Block] = [*problem_callouts(broken, project.folder), table if table.rows else empty]
    data = {
        "studies": {
            name: {
                "question": known[name].question if name in known else results[name][0][1].question,
                "kind": known[name].kind if name in known else results[name][0][1].provenance.kind,
                "defined": name in known,
                "results": [_result_data(entry, result) for entry, result in results.get(name, [])],
            }
            for name in dict.fromkeys([*results, *sorted(known)])
        }
    }
    return Page(title="Studies", section="Studies", lead=[Heading("Studies", 1)], blocks=blocks, data=data)


def _result_data(entry: Entry, result: Result) -> dict[str, Any]:
    return {
        "entry": entry.digest,
        "at": entry.at,
        "answer": result.verdict.answer,
        "action": result.verdict.action,
        "says": result.verdict.says,
        "standing": result.provenance.standing,
    }


def study(view: View) -> Page:
    """One study: its latest result, its earlier ones, its registration and its definition."""
    name, project = view.names["name"], view.project
    kept = latest_of(project.results(name)).get(name, [])
    registrations = project.ledger.entries(kind="registration", name=name)
    defined, trouble = _defined(view, bool(kept or registrations))
    lead: list[Block] = []
    blocks: list[Block] = list(trouble)
    if kept:
        entry, result = kept[0]
        head, *rest = result.blocks()
        lead.append(head)
        blocks += [*_newest(view, entry, result, defined), *rest]
    else:
        lead.append(Heading(defined.question if defined else name, 1))
        says = [f"steelyard run {name} runs it. ", *_plan_link(name, defined)]
        blocks += [] if trouble else [Callout("note", "Not run yet", says)]
    blocks += [
        *_next(view, name),
        *_earlier(view, kept[1:]),
        *_registered(view, registrations, defined),
        *_definition(view, name, defined),
    ]
    return Page(
        title=name,
        section="Studies",
        crumbs=CRUMBS,
        lead=lead,
        blocks=blocks,
        data={
            "study": name,
            "definition": defined.definition() if defined else None,
            "digest": defined.digest() if defined else None,
            "latest": {"entry": kept[0][0].digest, "result": kept[0][1].to_dict()} if kept else None,
            "earlier": [_result_data(entry, result) for entry, result in kept[1:]],
            "registrations": [{"entry": item.digest, "at": item.at, **item.body} for item in registrations],
        },
    )


def _next(view: View, name: str) -> list[Block]:
    """What may be done next, and why not what may not."""
    rows = [
        (Link(act.label, act.href) if not act.why_not else act.label, act.why_not or "yes")
        for act in next_acts(view.project, name, view.role)
    ]
    return [Heading("What may be done next", 2, id="next"), Table([Column("act"), Column("can be done")], rows)]


def _defined(view: View, remembered: bool) -> tuple[Study | None, list[Block]]:
    """The study as the files define it, or why they do not; what the ledger remembers is shown all the same."""
    name = view.names["name"]
    try:
        return view.project.study(name), []
    except UnknownNameError as error:
        if not remembered and name not in view.project.definitions.studies and "no study" in error.problem:
            raise
        says = "No file defines it any more; what was kept is shown."
        if "no study" not in error.problem:
            return None, problem_callouts([error], view.project.folder)
        return None, [Callout("warning", "Not defined any more", says)]
    except SteelyardError as error:
        return None, problem_callouts([error], view.project.folder)


def _plan_link(name: str, defined: Study | None) -> list[Any]:
    return [Link("What it will do", address("studies", name, "plan"))] if defined else []


def _newest(view: View, entry: Entry, result: Result, defined: Study | None) -> list[Block]:
    links: list[Any] = [
        f"Ran {age(entry.at, view.now)}, kept as ", Link(entry.digest[:16], address("results", entry.digest)), ". ",
        Link("Replay it", address("results", entry.digest, "replay")), ". ",
    ]  # fmt: skip
    blocks: list[Block] = [Paragraph([*links, *_plan_link(entry.name, defined)])]
    if defined and defined.digest() != result.provenance.digest:
        says = "The result below is of the definition as it was; run it again for the one in the file."
        blocks.append(Callout("warning", "Edited since it ran", says))
    return blocks


def _earlier(view: View, kept: list[tuple[Entry, Result]]) -> list[Block]:
    if not kept:
        return []
    rows = [
        (Link(entry.digest[:12], address("results", entry.digest)), age(entry.at, view.now), result.verdict.answer,
         result.provenance.standing, result.verdict.says)
        for entry, result in kept
    ]  # fmt: skip
    columns = [Column("result"), Column("ran"), Column("verdict"), Column("standing"), Column("says")]
    return [Heading("Earlier results", 2, id="earlier"), Table(columns, rows)]


def _registered(view: View, registrations: tuple[Entry, ...], defined: Study | None) -> list[Block]:
    heading = Heading("Registration", 2, id="registration")
    if not registrations:
        says = "Its rule was not fixed in the ledger before its data was read: results are exploratory."
        return [heading, Callout("note", "Not registered", says)]
    blocks: list[Block] = [heading]
    for item in registrations:
        link = Link(item.digest[:16], address("ledger", item.digest))
        at = f"{item.at[:16].replace('T', ' ')} UTC"
        blocks.append(Facts([(f"version {item.body['version']}", at), ("kept as", link), ("rule", item.body["rule"])]))
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


def plan(view: View) -> Page:
    """What a study will do, before any outcome is read."""
    from steelyard.studies import plan as planned

    name, project = view.names["name"], view.project
    defined = project.study(name)
    with view.warehouse(project.store.snapshot().number if project.embedded else None) as warehouse:
        found = planned(defined, project.setting(warehouse))
    registered = next(
        (
            item
            for item in project.ledger.entries(kind="registration", name=name)
            if item.body["digest"] == defined.digest()
        ),
        None,
    )
    head, *rest = plan_blocks(defined, found, registered)
    return Page(
        title="Plan",
        section="Studies",
        crumbs=[*CRUMBS, Crumb(text=name, href=address("studies", name))],
        lead=[head],
        blocks=rest,
        data=plan_data(defined, found, registered),
    )
