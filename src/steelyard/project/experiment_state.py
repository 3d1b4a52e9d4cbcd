"""All that a project knows of one experiment now: results, ramp, draw, exposures, registrations, decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from steelyard.dashboards import latest_of
from steelyard.errors import SteelyardError
from steelyard.project.evidence import citing

if TYPE_CHECKING:
    from steelyard.project.project import Project
    from steelyard.result import Result
    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.exposure_audit import ExposureAudit
    from steelyard.studies.experiments.independence import Independence
    from steelyard.studies.experiments.ramp import RampStanding
    from steelyard.warehouse import Entry

__all__ = ["ExperimentState", "experiment_state"]

Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class ExperimentState:
    """All that a project knows of one experiment now.

    Args:
        study: The experiment, as its file says now.
        kept: Its results with their entries, newest first.
        registrations: Its registrations, oldest first.
        standing: Where its ramp stands; None where it has none.
        independence: Its draw beside that of others that run; None where another system draws, or nothing is ramped.
        exposures: What its logged exposures come to; None where none is logged.
        decisions: Decisions that cite one of its results, newest first.
        troubles: What could not be found out, and why.
    """

    study: Experiment
    kept: tuple[tuple[Entry, Result], ...]
    registrations: tuple[Entry, ...]
    standing: RampStanding | None = None
    independence: tuple[Independence, ...] | None = None
    exposures: ExposureAudit | None = None
    decisions: tuple[Entry, ...] = ()
    troubles: tuple[SteelyardError, ...] = ()

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.study.name

    @property
    def result(self) -> Result | None:
        """The newest result."""
        return self.kept[0][1] if self.kept else None

    @property
    def registration(self) -> Entry | None:
        """The registration of this very definition."""
        digest = self.study.digest()
        return next((entry for entry in self.registrations if entry.body["digest"] == digest), None)


def experiment_state(project: Project, name: str) -> ExperimentState:
    """All that the project knows of the experiment.

    Args:
        project: The project.
        name: The experiment.

    Raises:
        UnknownNameError: There is no such study.
        DefinitionError: It is another kind of study.
    """
    study = project.experiment(name)
    kept = tuple(latest_of(project.results(name)).get(name, ()))
    begun = bool(project.stage_ledger.rows(name))
    ramped = begun or bool(study.ramp)
    drawn = study.assignment == "steelyard"
    troubles: list[SteelyardError] = []

    def tried(ask: Callable[[str], Found], *, wanted: bool) -> Found | None:
        try:
            return ask(name) if wanted else None
        except SteelyardError as error:
            troubles.append(error)
        return None

    return ExperimentState(
        study=study,
        kept=kept,
        registrations=tuple(project.ledger.entries(kind="registration", name=name)),
        standing=tried(project.ramp, wanted=ramped),
        independence=tried(project.independence, wanted=drawn and ramped),
        exposures=tried(project.exposures, wanted=drawn and begun),
        decisions=citing(project.ledger, [entry.digest for entry, _ in kept]),
        troubles=tuple(troubles),
    )
