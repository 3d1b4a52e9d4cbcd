"""The part of a project that gives units their arms, ramps experiments, and keeps who was exposed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from steelyard.errors import DefinitionError

if TYPE_CHECKING:
    from steelyard.project.project import Project
    from steelyard.studies.experiments.allocation import Allocation
    from steelyard.studies.experiments.assignment import Assigned
    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.exposure_audit import ExposureAudit
    from steelyard.studies.experiments.exposure_log import Appended, Exposed, ExposureLog
    from steelyard.studies.experiments.independence import Independence
    from steelyard.studies.experiments.ramp import LatestRun, RampStanding
    from steelyard.studies.experiments.stage_ledger import StageLedger
    from steelyard.studies.experiments.testers import Testers

__all__ = ["LOGS", "RampedExperiments"]

LOGS = "logs"
"""The folder of append logs in a project, where sources of kind `log` look."""
SAMPLE = 100_000


class RampedExperiments:
    """The part of a project that gives units their arms, ramps experiments, and keeps who was exposed."""

    @property
    def _owner(self) -> Project:
        return cast("Project", self)

    def experiment(self, name: str) -> Experiment:
        """The experiment of that name.

        Raises:
            UnknownNameError: There is no such study.
            DefinitionError: It is another kind of study.
        """
        from steelyard.studies.experiments.experiment import Experiment

        found = self._owner.study(name)
        if not isinstance(found, Experiment):
            raise DefinitionError(
                f"{name!r} is a study of kind {found.kind!r}, which assigns nothing",
                where=f"studies/{name}.yml",
                hint="name an experiment",
            )
        return found

    @property
    def stage_ledger(self) -> StageLedger:
        """What was done to each ramp, as it stands now."""
        from steelyard.studies.experiments.stage_ledger import StageLedger

        return StageLedger(self._owner.ledger)

    # Ramps

    def ramp(self, name: str) -> RampStanding:
        """Where an experiment's ramp stands, and what its next stage needs.

        Args:
            name: The experiment.
        """
        from steelyard.studies.experiments.ramp import ramp_standing

        study, ledger = self.experiment(name), self.stage_ledger
        rows = ledger.rows(name)
        return ramp_standing(
            study,
            rows,
            registered=self._is_registered(study),
            latest=self._latest_run(name, rows),
            void=len(ledger.void(name)),
        )

    def advance(self, name: str, *, who: str, why: str) -> RampStanding:
        """Begins the next stage of an experiment's ramp; refused where what it needs does not hold.

        Args:
            name: The experiment.
            who: Who begins it.
            why: The reason.

        Raises:
            PolicyError: The sample ratio is not clean, a guardrail is harmed, or nothing was run in this stage.
            DefinitionError: There is no next stage, or it cannot be taken in.
        """
        from steelyard.studies.experiments.ramp_acts import advance

        advance(self.experiment(name), self.ramp(name), self.stage_ledger, who=who, why=why)
        return self.ramp(name)

    def rollback(self, name: str, *, who: str, why: str) -> Mapping[str, Any]:
        """Gives everybody the unchanged product again, at once; its file need not be in order.

        Args:
            name: The experiment.
            who: Who rolls it back.
            why: The reason.

        Returns:
            The act, as it was recorded.
        """
        from steelyard.studies.experiments.ramp_acts import rollback

        return rollback(name, self.stage_ledger, who=who, why=why)

    def launch(self, name: str, arm: str, *, who: str, why: str) -> RampStanding:
        """Gives an arm to everybody but the holdouts, which ends the test: an act of its own, and no stage.

        Args:
            name: The experiment.
            arm: The arm.
            who: Who launches it.
            why: The reason.
        """
        from steelyard.studies.experiments.ramp_acts import launch

        study = self.experiment(name)
        launch(study, arm, self.ramp(name), self.stage_ledger, self._latest_run(name, ()), who=who, why=why)
        return self.ramp(name)

    def independence(self, name: str, *, sample: int = SAMPLE) -> tuple[Independence, ...]:
        """Whether an experiment's draw is independent of that of every one that runs, measured on ids.

        Experiments of one layer never share a unit, so they are not compared.

        Args:
            name: The experiment.
            sample: How many of the unit table's ids are drawn; numbers from 1 where there is no such table.
        """
        from steelyard.studies.experiments.allocation import Allocation, allocation_of
        from steelyard.studies.experiments.independence import independence

        study, ledger = self.experiment(name), self.stage_ledger
        others = {
            other: allocation_of(self._as_begun(other, rows), rows)
            for other, rows in ledger.running().items()
            if other != name and not (study.layer and rows[0]["layer"] == study.layer)
        }
        mine = Allocation(name=name, layer=study.layer)
        return independence(mine, study.arms, study.control, others, self._ids(study, sample)) if others else ()

    # Assignment

    def allocation(self, name: str) -> Allocation:
        """Who is given what, now: hold it to look up units one by one (`arm_of`), and take it anew every minute or so.

        Once a stage has begun it follows the definition that began it, whatever the file says now.

        Args:
            name: The experiment.

        Raises:
            DefinitionError: Another system assigns its units.
        """
        from steelyard.studies.experiments.allocation import Allocation, allocation_of

        rows = self.stage_ledger.rows(name)
        study = self._as_begun(name, rows)
        if not isinstance(study.assignment, str):
            raise DefinitionError(
                f"another system assigns the units of {name!r}, so that their arms are not known here",
                where=f"{name}.assignment",
                hint="read them where it wrote them, or let `assignment: steelyard` draw them",
            )
        testers = self._testers.of(name)
        if not rows and (study.layer or (study.shares and study.shares[0] < 1)):
            return Allocation(name=name, layer=study.layer, testers=testers, cluster=study.cluster)
        return replace(allocation_of(study, rows), testers=testers)

    def assign(self, name: str, unit: str | int) -> str | None:
        """The arm that a unit is given now; None is the unchanged product.

        Args:
            name: The experiment.
            unit: The unit's id; its cluster's, where clusters are randomised.
        """
        return self.allocation(name).arm_of(unit)

    def assign_many(self, name: str, units: Any) -> Assigned:
        """The arms of many units, millions a second.

        Args:
            name: The experiment.
            units: A numpy, Arrow or pandas column of ids (of clusters, where those are randomised), or anything that
                can be gone through.
        """
        from steelyard.studies.experiments.assignment import assigned

        return assigned(self.allocation(name), units)

    def give(self, name: str, unit: str | int, arm: str | None, *, who: str, why: str) -> None:
        """Makes a tester of a unit: it is given the arm whatever its bucket says, through every stage.

        Args:
            name: The experiment.
            unit: The unit's id.
            arm: The arm; None takes that back.
            who: Who says so.
            why: The reason.

        Raises:
            UnknownNameError: The experiment has no such arm.
        """
        from steelyard.errors import unknown_name

        arms = self._as_begun(name, self.stage_ledger.rows(name)).arms
        if arm is not None and arm not in arms:
            raise unknown_name("arm", arm, arms, where=f"assign {name}")
        self._testers.give(name, unit, arm, who=who, why=why)

    # Exposures

    def expose(self, name: str, exposures: Exposed | Iterable[Exposed]) -> Appended:
        """Logs exposures, one or many: on the disk when it returns, each once, conflicts counted and listed.

        Args:
            name: The experiment.
            exposures: Who was shown what, and when.
        """
        from steelyard.studies.experiments.exposure_log import Exposed

        given = [exposures] if isinstance(exposures, Exposed) else exposures
        return self._exposure_log.append(self.allocation(name), given)

    def exposures(self, name: str) -> ExposureAudit:
        """What an experiment's logged exposures come to: duplicates and conflicts, counted and listed.

        Args:
            name: The experiment.
        """
        from steelyard.studies.experiments.exposure_audit import audit

        return audit(self._exposure_log.rows(name))

    @property
    def _exposure_log(self) -> ExposureLog:
        from steelyard.studies.experiments.exposure_log import ExposureLog

        return ExposureLog(self._owner.folder / LOGS)

    @property
    def _testers(self) -> Testers:
        from steelyard.studies.experiments.testers import Testers

        return Testers(self._owner.folder / LOGS)

    # What the ledger and the definitions say

    def _as_begun(self, name: str, rows: tuple[Mapping[str, Any], ...]) -> Experiment:
        """The definition that the first stage began with; without a stage, the file's."""
        from steelyard.project.kinds import study_from
        from steelyard.studies.experiments.experiment import Experiment

        if not rows:
            return self.experiment(name)
        for entry in self._owner.ledger.entries(kind="registration", name=name):
            if entry.body["digest"] == rows[0]["digest"]:
                found = study_from(entry.body["definition"], where="ledger")
                if isinstance(found, Experiment):
                    return found
        return self.experiment(name)

    def _is_registered(self, study: Experiment) -> bool:
        entries = self._owner.ledger.entries(kind="registration", name=study.name)
        return any(entry.body["digest"] == study.digest() for entry in entries)

    def _latest_run(self, name: str, acts: Sequence[Mapping[str, Any]]) -> LatestRun | None:
        from steelyard.result import Result
        from steelyard.studies.experiments.ramp import LatestRun, units_seen

        runs = self._owner.ledger.entries(kind="result", name=name)
        if not runs:
            return None
        before = [run for run in runs if acts and run.at <= acts[-1]["since"]]
        return LatestRun(
            entry=runs[-1].digest,
            at=datetime.fromisoformat(runs[-1].at).astimezone(UTC),
            result=Result.from_dict(runs[-1].body["result"]),
            units_before=units_seen(Result.from_dict(before[-1].body["result"])) if before else 0,
        )

    def _ids(self, study: Experiment, sample: int) -> Any:
        import numpy as np

        from steelyard.studies.experiments.unit_source import source_of
        from steelyard.warehouse import Query, quote_name

        with self._owner.warehouse(self._owner.newest) as warehouse:
            setting = self._owner.setting(warehouse)
            source = source_of(study, setting.context(study))
            if not source.randomised:
                return np.arange(1, sample + 1)
            unit = quote_name(source.randomised)
            sql = f"SELECT {unit} AS id FROM {quote_name(source.table)} WHERE {unit} IS NOT NULL LIMIT {int(sample)}"
            return warehouse.fetch(Query(sql=sql, limit=sample))["id"]
