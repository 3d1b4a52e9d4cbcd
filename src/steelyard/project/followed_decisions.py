"""The part of a project that records decisions, what became of them, and where each initiative stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError, unknown_name

if TYPE_CHECKING:
    from steelyard.decisions.initiative import Standing
    from steelyard.decisions.record import Recorded
    from steelyard.decisions.review import Outcome, Reviewed
    from steelyard.project.project import Project
    from steelyard.result import Result
    from steelyard.warehouse import Entry

__all__ = ["FollowedDecisions"]


class FollowedDecisions:
    """The part of a project that records decisions, what became of them, and where each initiative stands."""

    @property
    def _decided(self) -> Project:
        return cast("Project", self)

    def decide(self, name: str, **said: Any) -> Recorded:
        """Records a decision; it cites the study's latest result unless `cites` says otherwise.

        Args:
            name: The study, or the decision's own name.
            said: The fields of `Decision`.
        """
        from steelyard.decisions import Decision, decide

        project = self._decided
        latest = project.ledger.latest("result", name)
        if latest is not None:
            said.setdefault("cites", (latest.digest,))
            said.setdefault("question", latest.body["result"]["question"])
            said.setdefault("situation", latest.body["result"]["verdict"]["says"])
        said.setdefault("question", name.replace("_", " "))
        missing = [field for field in ("choice", "action", "why", "who", "reversible") if field not in said]
        if missing:
            raise DefinitionError(f"the decision does not say {', '.join(missing)}", where=f"decide {name}")
        decision: Decision = Decision(name=name, **said)
        project.record_definitions()
        return decide(decision, project.ledger)

    def review(
        self,
        decision: str,
        *,
        outcome: str,
        happened: str,
        who: str,
        cites: tuple[str, ...] | None = None,
        next_question: str = "",
    ) -> Reviewed:
        """Records what became of a decision, beside what it expected.

        Args:
            decision: Its name (then the latest of that name) or its digest.
            outcome: `better`, `as_expected`, `worse`, `no_effect` or `unclear`.
            happened: What happened, with its number and unit.
            who: Who looked.
            cites: Results that show it; None cites the latest result of that name that is newer than the decision.
            next_question: The next hypothesis.

        Raises:
            UnknownNameError: There is no such decision.
        """
        from steelyard.decisions.review import Review, record_review

        ledger = self._decided.ledger
        entry = ledger.latest("decision", decision)
        if entry is None:
            made = sorted({item.name for item in ledger.entries(kind="decision")})
            if not any(item.digest.startswith(decision) for item in ledger.entries(kind="decision")):
                raise unknown_name("decision", decision, made, where="review")
            entry = ledger.get(decision)
        if cites is None:
            latest = ledger.latest("result", entry.name)
            cites = (latest.digest,) if latest is not None and latest.number > entry.number else ()
        return record_review(
            Review(
                decision=entry.digest, outcome=cast("Outcome", outcome), happened=happened, who=who, cites=cites,
                next_question=next_question,
            ),
            ledger,
        )  # fmt: skip

    def initiatives(self, *, now: datetime | None = None) -> Mapping[str, tuple[Standing, ...]]:
        """Initiative -> where each of its studies stands; under the empty name, the studies of none.

        Args:
            now: The moment for which follow-ups are due; None is now.
        """
        project = self._decided
        known = project.definitions.initiatives
        today = (now or datetime.now(UTC)).astimezone(ZoneInfo(project.settings.zone)).date()
        taken = {study for item in known.values() for study in item.studies}
        found = {name: tuple(self._standing(study, today) for study in item.studies) for name, item in known.items()}
        rest = [study for study in project.definitions.studies if study not in taken]
        return {**found, **({"": tuple(self._standing(study, today) for study in rest)} if rest else {})}

    def _standing(self, study: str, today: date) -> Standing:
        from steelyard.decisions.initiative import standing_of
        from steelyard.decisions.record import decisions
        from steelyard.decisions.review import reviews

        project = self._decided
        defined = project.definitions.studies.get(study)
        ramp, begun = self._ramp_says(study)
        decided = decisions(project.ledger, study)
        reviewed = reviews(project.ledger, decided[-1].entry.digest) if decided else ()
        return standing_of(
            study,
            defined.question if defined else "",
            today=today,
            registration=project.ledger.latest("registration", study),
            ramp=ramp,
            begun=begun,
            result=self._latest_result(study),
            decision=decided[-1] if decided else None,
            review=reviewed[-1] if reviewed else None,
        )

    def _latest_result(self, study: str) -> tuple[Entry, Result] | None:
        from steelyard.result import Result

        entry = self._decided.ledger.latest("result", study)
        return None if entry is None else (entry, Result.from_dict(entry.body["result"]))

    def _ramp_says(self, study: str) -> tuple[str | None, bool]:
        """Where the ramp stands in words, and whether it has begun; None of studies that give nothing out."""
        from steelyard.studies.experiments import Assignment, Experiment

        defined = self._decided.definitions.studies.get(study)
        if not isinstance(defined, Experiment) or isinstance(defined.assignment, Assignment):
            return None, False
        standing = self._decided.ramp(study)
        begun = sum(row["act"] == "advance" for row in standing.acts)
        if standing.state != "running":
            return standing.state, bool(standing.acts)
        return f"stage {begun} of {len(standing.planned)}, {standing.planned[begun - 1].share:.4g} enrolled", True
