"""`POST /assign`: the arms of units, looked up by hash; and who was shown what, logged."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from steelyard.errors import DefinitionError
from steelyard.project.ramped_experiments import LOGS
from steelyard.studies.experiments.allocation import HELD_OUT_SALT, Allocation
from steelyard.studies.experiments.exposure_log import Exposed
from steelyard.studies.experiments.testers import TESTERS
from steelyard.warehouse.bucket import bucket

if TYPE_CHECKING:
    from steelyard.project import Project
    from steelyard.web.view import View

__all__ = ["AssignAnswer", "AssignBody", "Assigner", "Assignment", "ExposureCount"]

MOST_UNITS = 10_000
MOST_LETTERS = 512
KNOWN = 64


@dataclass(frozen=True, kw_only=True)
class AssignBody:
    """Whose arms are asked.

    Args:
        experiment: The experiment's name.
        units: Ids, text or whole numbers: one, or up to 10,000.
        expose: Whether they are now shown what they are given, which is logged.
        at: When they were; with a zone. Now, where it is left out.
    """

    experiment: str
    units: tuple[str | int, ...]
    expose: bool = False
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a unit is given.

    Args:
        unit: The id, as it was sent.
        arm: The arm; null is the unchanged product.
        stage: The stage of the ramp that it came in with; null where it is not enrolled.
        tester: Whether the arm is an override that somebody gave it.
        enrolment_bucket: Its bucket of 2**60 for whether and when it is enrolled, as text: a browser's numbers are
            exact to 2**53 only.
        arm_bucket: Its bucket for which arm.
    """

    unit: str | int
    arm: str | None
    stage: int | None
    tester: bool
    enrolment_bucket: str
    arm_bucket: str


@dataclass(frozen=True, kw_only=True)
class ExposureCount:
    """What came of logging exposures.

    Args:
        given: Units that were given an arm, and so exposed.
        new: Those that were written.
        duplicates: Those that were in the log already.
        without_arm: Units that were given nothing, of whom nothing is logged.
    """

    given: int
    new: int
    duplicates: int
    without_arm: int


@dataclass(frozen=True, kw_only=True)
class AssignAnswer:
    """What units are given now.

    Args:
        experiment: The experiment.
        assignments: One a unit, in order.
        exposed: What was logged; null where nothing was to be.
        ended_at: When the test ended, by a launch or a rollback; null while it runs.
        ledger: The heads of the ledger that these follow from.
    """

    experiment: str
    assignments: list[Assignment]
    exposed: ExposureCount | None
    ended_at: str | None
    ledger: list[str]


class Assigner:
    """Looks up units; an experiment's allocation is read again when the ledger, a file or the testers changed."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], Allocation] = OrderedDict()
        self._turn = Lock()

    def answer(self, view: View, body: AssignBody) -> AssignAnswer:
        """What the units are given.

        Raises:
            UnknownNameError: There is no such experiment.
            DefinitionError: There are no units, too many, or one is no id.
        """
        _check(body)
        heads = view.project.ledger.heads()
        allocation = self._allocation(view.project, body.experiment, (view.edition.stamp, heads))
        found = [_assignment(allocation, unit) for unit in body.units]
        return AssignAnswer(
            experiment=body.experiment,
            assignments=found,
            exposed=_expose(view.project, body, found) if body.expose else None,
            ended_at=allocation.ended_at.isoformat() if allocation.ended_at else None,
            ledger=list(heads),
        )

    def _allocation(self, project: Project, name: str, state: tuple[Any, ...]) -> Allocation:
        key = (name, *state, _testers_stamp(project))
        with self._turn:
            known = self._known.get(key)
        if known is None:
            known = project.allocation(name)
            with self._turn:
                self._known[key] = known
                while len(self._known) > KNOWN:
                    self._known.popitem(last=False)
        return known


def _check(body: AssignBody) -> None:
    if not 0 < len(body.units) <= MOST_UNITS:
        hint = f"one unit, or up to {MOST_UNITS:,}"
        raise DefinitionError(f"{len(body.units):,} units are asked for", where="units", hint=hint)
    for number, unit in enumerate(body.units):
        if not 0 < len(str(unit)) <= MOST_LETTERS:
            problem = f"an id has {len(str(unit)):,} letters"
            raise DefinitionError(problem, where=f"units.{number}", hint=f"1 to {MOST_LETTERS}")
    if body.at is not None and body.at.tzinfo is None:
        raise DefinitionError("`at` has no zone", where="at", hint="write it as 2026-01-31T12:00:00Z")


def _testers_stamp(project: Project) -> tuple[Any, ...]:
    """Differs when a tester was added or erased; reading them writes to their index, so that this is of the rows."""
    files = sorted((project.folder / LOGS / TESTERS).glob("*.jsonl"))
    return tuple((path.name, found.st_size, found.st_mtime_ns) for path in files if (found := path.stat()))


def _assignment(allocation: Allocation, unit: str | int) -> Assignment:
    segment = allocation.segment_of(unit)
    held_out = bool(allocation.held_out_below) and bucket(HELD_OUT_SALT, unit) < allocation.held_out_below
    return Assignment(
        unit=unit,
        arm=allocation.arm_of(unit),
        stage=segment.stage if segment is not None and not held_out else None,
        tester=str(unit) in allocation.testers,
        enrolment_bucket=str(bucket(allocation.enrolment_salt, unit)),
        arm_bucket=str(bucket(allocation.arm_salt, unit)),
    )


def _expose(project: Project, body: AssignBody, found: list[Assignment]) -> ExposureCount:
    at = body.at or datetime.now(UTC)
    shown = [item for item in found if item.arm is not None]
    made = project.expose(body.experiment, [Exposed(unit=item.unit, at=at, arm=item.arm) for item in shown])
    return ExposureCount(
        given=made.given, new=made.new, duplicates=made.duplicates, without_arm=len(found) - len(shown)
    )
