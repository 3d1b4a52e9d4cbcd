"""Every study with what its newest result says, how far it is, and what it needs of somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from steelyard.errors import SteelyardError
from steelyard.web.view import View

if TYPE_CHECKING:
    from steelyard.result import Result
    from steelyard.studies import Study
    from steelyard.warehouse import Entry

__all__ = ["STATES", "KnownStudy", "known_studies"]

State = Literal["running", "answered", "decided", "not_run"]
STATES: Mapping[State, str] = {
    "running": "Running", "answered": "Waits for a decision", "decided": "Decided", "not_run": "Not run yet",
}  # fmt: skip
Need = tuple[int, str]
NOTHING: Need = (9, "")


@dataclass(frozen=True, kw_only=True)
class KnownStudy:
    """One study.

    Args:
        name: The study.
        question: What it asks.
        kind: Its kind.
        defined: Whether a file defines it.
        answer: What its newest result says; empty where it has none.
        action: What its rule says to do; empty for nothing.
        standing: `registered` or `exploratory`; of a study that has not run, whether this definition is registered.
        state: How far it is.
        ran_at: When its newest result was kept; empty where it has none.
        results: How many results it has.
        urgency: How soon somebody should look: less is sooner.
        needs: What it needs of somebody; empty for nothing.
    """

    name: str
    question: str
    kind: str
    defined: bool
    answer: str
    action: str
    standing: str
    state: State
    ran_at: str
    results: int
    urgency: int
    needs: str


def known_studies(view: View, results: Mapping[str, Sequence[tuple[Entry, Result]]]) -> list[KnownStudy]:
    """Every study that is defined or has results; what needs somebody first, then what ran last.

    Args:
        view: The project.
        results: As `latest_of` gives them.
    """
    project = view.project
    defined = project.definitions.studies
    names = dict.fromkeys([*results, *sorted(defined)])
    registered = {entry.body["digest"] for entry in project.ledger.entries(kind="registration")}
    decided = {
        digest for entry in project.ledger.entries(kind="decision") for digest in entry.body["decision"]["cites"]
    }
    running = project.stage_ledger.running()
    found = [
        _known(view, name, defined.get(name), results.get(name, []), registered, decided, runs=name in running)
        for name in names
    ]
    return sorted(found, key=lambda item: item.urgency)


def _known(
    view: View,
    name: str,
    study: Study | None,
    kept: Sequence[tuple[Entry, Result]],
    registered: set[str],
    decided: set[str],
    *,
    runs: bool,
) -> KnownStudy:
    entry, result = kept[0] if kept else (None, None)
    state: State = "not_run"
    if runs:
        state = "running"
    elif kept:
        state = "decided" if any(item.digest in decided for item, _ in kept) else "answered"
    urgency, needs = min(_needs(view, name, study, result, state), default=NOTHING)
    frozen = study is not None and study.digest() in registered
    return KnownStudy(
        name=name,
        question=study.question if study else result.question if result else "",
        kind=study.kind if study else result.provenance.kind if result else "",
        defined=study is not None,
        answer=result.verdict.answer if result else "",
        action=result.verdict.action if result and result.verdict.action != "none" else "",
        standing=result.provenance.standing if result else "registered" if frozen else "",
        state=state,
        ran_at=entry.at if entry else "",
        results=len(kept),
        urgency=urgency,
        needs=needs,
    )


def _needs(view: View, name: str, study: Study | None, result: Result | None, state: State) -> list[Need]:
    """What it needs of somebody, each with how soon."""
    needs: list[Need] = []
    if state == "running":
        needs.append(_ramp_needs(view, name, result))
    if result is None:
        return [*needs, (5, "a run")] if state == "not_run" else needs
    if state != "decided" and result.verdict.answer == "invalid":
        needs.append((1, "somebody who mends what makes it invalid"))
    if state == "answered":
        needs.append((3, "a decision"))
    if study is not None and study.digest() != result.provenance.digest:
        needs.append((4, "a run: its file was edited"))
    return needs


def _ramp_needs(view: View, name: str, result: Result | None) -> Need:
    if result is not None and result.verdict.action == "rollback":
        return 0, "a rollback: its rule says so"
    try:
        standing: Any = view.project.ramp(name)
    except SteelyardError as error:
        return 1, f"its file mended: {error.problem}"
    if standing.next_stage is None:
        return 2, "a launch or a rollback: it is in its last stage"
    if standing.ready:
        return 2, f"stage {standing.next_stage}, which may begin"
    unmet = ", ".join(need.name.replace("_", " ") for need in standing.needs if not need.holds)
    return 4, f"what stage {standing.next_stage} waits for: {unmet}"
