"""What an agent may ask of a project: plain values, each with where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any

import msgspec

from steelyard.canonical import plain
from steelyard.decisions import FollowUp
from steelyard.errors import DefinitionError
from steelyard.web import pages
from steelyard.web.api.asking import QueryBody, answer_query
from steelyard.web.asked import Asked
from steelyard.web.live import Edition, LiveProject
from steelyard.web.page import Page
from steelyard.web.view import View

__all__ = ["Agent"]

MOST_ROWS = 1_000


class Agent:
    """The questions of an agent to a project, as its files, its data and its ledger are at each of them.

    Args:
        live: The project.
    """

    def __init__(self, live: LiveProject) -> None:
        self.live = live

    def list_metrics(self) -> dict[str, Any]:
        """Every governed metric: its question, owner, unit, dimensions and the digest of its definition."""
        with self._edition() as (edition, provenance):
            catalog = edition.project.definitions.metrics
            found = [
                {
                    "name": name,
                    "question": metric.question or metric.description,
                    "kind": metric.kind,
                    "measured_in": metric.measured_in,
                    "better": metric.better,
                    "owner": metric.owner,
                    "dimensions": list(catalog.dimensions(name)),
                    "digest": catalog.digest(name),
                }
                for name, metric in catalog.metrics.items()
            ]
            trees = {name: tree.text for name, tree in catalog.trees.items()}
            return {"metrics": found, "trees": trees, "provenance": provenance}

    def describe_metric(self, name: str) -> dict[str, Any]:
        """One metric: its whole definition, the dimensions that it can be grouped and filtered by, and its SQL."""
        with self._edition() as (edition, provenance):
            project = edition.project
            catalog = project.definitions.metrics
            metric = catalog.metric(name)
            return {
                "name": name,
                "definition": plain(catalog.definition(name)),
                "says": metric.question or metric.description,
                "dimensions": list(catalog.dimensions(name)),
                "sql": project.sql(name),
                "provenance": {**provenance, "digest": catalog.digest(name)},
            }

    def query(self, body: QueryBody) -> dict[str, Any]:
        """Governed metrics as rows, with how they were made."""
        if body.limit is None or body.limit > MOST_ROWS:
            hint = "aggregate further, or export the rows with POST /query?format=csv"
            raise DefinitionError(f"limit = {body.limit}", where="limit", hint=f"1 to {MOST_ROWS:,}: {hint}")
        with self._edition() as (edition, provenance):
            answer: dict[str, Any] = msgspec.to_builtins(answer_query(_view(edition), body))
            made = answer.pop("provenance")
            return {**answer, "provenance": {**provenance, "digest": made["digest"], "reads": made["reads"]}}

    def explain(
        self, metric: str, before: tuple[str, str], after: tuple[str, str], dimensions: tuple[str, ...] | None
    ) -> dict[str, Any]:
        """Why a metric differs between two ranges of local dates."""
        with self._edition() as (edition, provenance):
            found = edition.project.explain(metric, before=before, after=after, dimensions=dimensions)
            digest = edition.project.definitions.metrics.digest(metric)
            made = {**provenance, "digest": digest, "hows": plain(found.hows), "made": plain(found.provenance)}
            return {**found.to_dict(), "words": found.to_text(), "provenance": made}

    def page(self, build: Callable[[View], Page], **names: str) -> dict[str, Any]:
        """What a page shows, as plain values."""
        with self._edition() as (edition, provenance):
            return {**plain(build(_view(edition, names)).data), "provenance": provenance}

    def run_study(self, name: str) -> dict[str, Any]:
        """Runs a study and keeps its result in the ledger."""
        with self._edition() as (edition, _):
            result, entry = edition.project.run_and_keep(name)
        with self._edition() as (_, provenance):
            return {"entry": entry.digest, "result": result.to_dict(), "provenance": provenance}

    def record_decision(self, name: str, said: Mapping[str, Any], follow_ups: Mapping[str, str]) -> dict[str, Any]:
        """Records a decision, which cites the study's latest result."""
        given = {key: value for key, value in said.items() if value not in ("", ())}
        due = tuple(FollowUp(on=_day(on), what=what) for on, what in follow_ups.items())
        with self._edition() as (edition, _):
            recorded = edition.project.decide(name, **given, follow_ups=due)
        return self.page(pages.decision, digest=recorded.entry.digest)

    @contextmanager
    def _edition(self) -> Iterator[tuple[Edition, dict[str, Any]]]:
        with self.live.lease() as edition:
            project = edition.project
            yield (
                edition,
                {
                    "project": project.name,
                    "target": project.target_name,
                    "catalog": project.newest,
                    "ledger": list(project.ledger.heads()),
                    "steelyard": version("steelyard"),
                },
            )


def _view(edition: Edition, names: Mapping[str, str] | None = None) -> View:
    return View(edition=edition, names=names or {}, asked=Asked(()), now=datetime.now(UTC))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DefinitionError(f"{text!r} is not a date", where="follow_ups", hint="write 2026-01-31") from error
