"""Studies: what was asked, what the newest results say, and which of them need somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steelyard.dashboards import age, latest_of
from steelyard.document import Block, Callout, Column, Heading, Link, Table
from steelyard.errors import DefinitionError, unknown_name
from steelyard.web.page import Choice, Choices, Controls, Input, Page, address
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.pages.studies_known import STATES, KnownStudy, known_studies
from steelyard.web.pages.study_record import result_data
from steelyard.web.view import View

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.result import Result
    from steelyard.warehouse import Entry

__all__ = ["STUDIES_ASKED", "studies"]

STUDIES_ASKED = ("q", "kind", "verdict", "standing", "state")
MARK = {"yes": "✓ yes", "no": "✗ no", "unclear": "~ unclear", "invalid": "! invalid", "": "not run yet"}
VERDICTS = ("yes", "no", "unclear", "invalid")
STANDINGS = ("registered", "exploratory")


def studies(view: View) -> Page:
    """Every study, what needs somebody first; narrowed by kind, verdict, standing, state and words."""
    results = latest_of(view.project.results())
    known = known_studies(view, results)
    asked = _asked(view, known)
    shown = [item for item in known if _is_wanted(item, asked)]
    folder = view.project.folder
    broken = [
        error for error in view.project.problems if "/studies/" in error.where or error.where.startswith("studies/")
    ]
    return Page(
        title="Studies",
        section="Studies",
        lead=[Heading("Studies", 1)],
        controls=_controls(known, asked) if known else None,
        blocks=[*problem_callouts(broken, folder), *_listed(view, known, shown)],
        data={"asked": asked, "count": len(shown), "studies": _data(shown, results)},
        table=_table_of(shown),
    )


def _asked(view: View, known: Sequence[KnownStudy]) -> dict[str, str]:
    """What was asked, checked.

    Raises:
        DefinitionError: It is a kind, verdict, standing or state that there is not.
    """
    kinds = sorted({item.kind for item in known})
    choices = {"kind": kinds, "verdict": VERDICTS, "standing": STANDINGS, "state": tuple(STATES)}
    found = {"q": view.asked.text("q")}
    for name, values in choices.items():
        value = view.asked.text(name)
        if value and value not in values:
            error = unknown_name(name, value, values)
            raise DefinitionError(error.problem, where=f"?{name}", hint=error.hint)
        found[name] = value
    return {name: found[name] for name in STUDIES_ASKED}


def _is_wanted(item: KnownStudy, asked: dict[str, str]) -> bool:
    text = f"{item.name} {item.name.replace('_', ' ')} {item.question}".casefold()
    held = {"kind": item.kind, "verdict": item.answer, "standing": item.standing, "state": item.state}
    return all(word in text for word in asked["q"].casefold().split()) and all(
        not asked[name] or asked[name] == value for name, value in held.items()
    )


def _controls(known: Sequence[KnownStudy], asked: dict[str, str]) -> Controls:
    rest = {name: value for name, value in asked.items() if name != "state"}
    others = [item for item in known if _is_wanted(item, {**asked, "state": ""})]
    views = [("", "All", len(others))]
    views += [(state, words, sum(item.state == state for item in others)) for state, words in STATES.items()]
    choices = [
        Choice(text=f"{words} ({count})", href=address("studies", **rest, state=state), current=state == asked["state"])
        for state, words, count in views
    ]
    kinds = sorted({item.kind for item in known})
    return Controls(
        label="Which studies",
        action="/studies",
        choices=[Choices(label="State", items=choices)],
        inputs=[
            Input(name="q", label="Words", value=asked["q"]),
            _select("kind", "Kind", "every kind", kinds, asked),
            _select("verdict", "Verdict", "every verdict", VERDICTS, asked),
            _select("standing", "Standing", "every standing", STANDINGS, asked),
            Input(name="state", value=asked["state"], kind="hidden"),
        ],
    )


def _select(name: str, label: str, every: str, values: Sequence[str], asked: dict[str, str]) -> Input:
    options = [("", every), *((value, value.replace("_", " ")) for value in values)]
    return Input(name=name, label=label, value=asked[name], kind="select", options=options)


def _listed(view: View, known: Sequence[KnownStudy], shown: Sequence[KnownStudy]) -> list[Block]:
    if not known:
        return [Callout("note", "No study is defined yet", "A file under studies/ is one; its name is the file's.")]
    if not shown:
        return [Callout("note", f"None of {len(known)} matches", [Link("Show all studies", "/studies")])]
    columns = [
        Column("study"), Column("needs", "needs somebody for"), Column("verdict"), Column("state"),
        Column("standing"), Column("kind"), Column("ran"),
    ]  # fmt: skip
    return [Table(columns, [_row(view, item) for item in shown])]


def _row(view: View, item: KnownStudy) -> tuple[Any, ...]:
    return (
        Link(item.question or item.name, address("studies", item.name)),
        item.needs or ("" if item.defined else "nothing: no file defines it any more"),
        f"{MARK[item.answer]}, {item.action}" if item.action not in ("", "none") else MARK[item.answer],
        STATES[item.state],
        item.standing,
        item.kind.replace("_", " "),
        age(item.ran_at, view.now) if item.ran_at else "–",
    )


def _data(shown: Sequence[KnownStudy], results: Mapping[str, Sequence[tuple[Entry, Result]]]) -> dict[str, Any]:
    return {
        item.name: {**asdict(item), "results": [result_data(*pair) for pair in results.get(item.name, ())]}
        for item in shown
    }


def _table_of(shown: Sequence[KnownStudy]) -> pa.Table:
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = dict.fromkeys(("name", "question", "kind"), pa.string())
    kinds |= {"defined": pa.bool_()}
    kinds |= dict.fromkeys(("answer", "action", "standing", "state", "ran_at"), pa.string())
    kinds |= {"results": pa.int64(), "urgency": pa.int64(), "needs": pa.string()}
    return pa.Table.from_pylist([asdict(item) for item in shown], schema=pa.schema(kinds))
