"""One study: its latest result, what may be done next, its earlier results, its registration and its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.dashboards import latest_of
from steelyard.document import Block, Callout, Heading
from steelyard.errors import SteelyardError, UnknownNameError
from steelyard.web.page import Crumb, Page
from steelyard.web.pages.experiment import experiment
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.pages.study_record import Kept, acts_table, newest_line, record_blocks, record_data
from steelyard.web.view import View

if TYPE_CHECKING:
    from steelyard.studies import Study

__all__ = ["study"]


def study(view: View) -> Page:
    """One study: its latest result, its earlier ones, its registration and its definition."""
    name, project = view.names["name"], view.project
    kept = latest_of(project.results(name)).get(name, [])
    remembered = bool(kept or project.ledger.entries(kind="registration", name=name))
    defined, trouble = _defined(view, remembered)
    if defined is not None and defined.kind == "experiment":
        return experiment(view)
    return Page(
        title=name,
        section="Studies",
        crumbs=[Crumb(text="Studies", href="/studies")],
        lead=[Heading(kept[0][1].question if kept else defined.question if defined else name, 1)],
        blocks=[*trouble, *_answered(view, kept, defined, trouble), *record_blocks(view, name, kept, defined)],
        data=record_data(view, name, kept, defined),
    )


def _answered(view: View, kept: Kept, defined: Study | None, trouble: list[Block]) -> list[Block]:
    """What it says, as its result's blocks do, with what may be done next after the verdict."""
    name = view.names["name"]
    acts: list[Block] = [Heading("What may be done next", 2, id="next"), acts_table(view, name)]
    line = newest_line(view, name, kept, planned=defined is not None)
    if not kept:
        missing = [] if trouble else [Callout("note", "Not run yet", f"steelyard run {name} runs it.")]
        return [line, *missing, *acts] if defined else [*missing, *acts]
    result = kept[0][1]
    edited: list[Block] = []
    if defined and defined.digest() != result.provenance.digest:
        says = "The result below is of the definition as it was; run it again for the one in the file."
        edited.append(Callout("warning", "Edited since it ran", says))
    rest = result.blocks()[1:]
    first = next((place for place, block in enumerate(rest) if isinstance(block, Heading)), len(rest))
    return [line, *edited, *rest[:first], *acts, *rest[first:]]


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
