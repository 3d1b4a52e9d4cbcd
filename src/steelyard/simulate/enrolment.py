"""Who takes part in an experiment, in which arm, and when their exposure is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.simulate.buckets import buckets
from steelyard.simulate.calendar_effects import DAY, seconds
from steelyard.simulate.columns import nullable, times
from steelyard.simulate.injection import Scene
from steelyard.simulate.random_stream import threshold
from steelyard.simulate.schemas import SCHEMAS

if TYPE_CHECKING:
    from steelyard.simulate.experiment import Experiment

__all__ = ["Enrolment", "enrol", "exposure_rows", "lost"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """Who takes part in one chunk.

    Attributes:
        visits: Numbers of the sessions that take part, in order of person and time.
        unit: For each of them, the number of its unit.
        unit_id, arm, stage, first: For each unit: its id, the numbers of its arm and stage, and the session (as a
            number among all) in which it was first exposed.
    """

    visits: I64
    unit: I64
    unit_id: I64
    arm: I64
    stage: I64
    first: I64


def enrol(experiment: Experiment, scene: Scene) -> Enrolment:
    """Who takes part, with arm, stage and first exposure."""
    visits, last = scene.visits, seconds(experiment.last_day(scene.calendar)) + DAY
    begins = np.array([seconds(day) for day in experiment.ramp])
    able = visits.between(int(begins[0]), last) & ~visits.bot
    able &= scene.reached if experiment.exposed_at == "checkout_started" else True
    if experiment.unit == "customer":
        able &= visits.known & (visits.signed_in | scene.reached)
    ids = scene.people.customer_id[visits.person] if experiment.unit == "customer" else visits.visitor_id
    candidates = np.flatnonzero(able)
    unit_id, unit = np.unique(ids[candidates], return_inverse=True)
    stage = np.searchsorted(
        np.array(list(experiment.ramp.values())), _buckets(experiment, "ramp", unit_id), side="right"
    )
    enrolled_from = np.append(begins, last)[stage]
    takes_part = visits.start[candidates] >= enrolled_from[unit]
    chosen = candidates[takes_part]
    present, first, number = np.unique(unit[takes_part], return_index=True, return_inverse=True)
    now = np.searchsorted(begins, visits.start[chosen[first]], side="right") - 1
    shares = np.cumsum(np.array(list(experiment.arms.values())))[:-1]
    return Enrolment(
        visits=chosen,
        unit=number,
        unit_id=unit_id[present],
        arm=np.searchsorted(shares, _buckets(experiment, "arm", unit_id[present]), side="right"),
        stage=now,
        first=chosen[first],
    )


def _buckets(experiment: Experiment, what: str, ids: I64) -> F64:
    return buckets(f"{experiment.salt or experiment.name}:{what}:", ids)


def lost(experiment: Experiment, scene: Scene, enrolment: Enrolment) -> Mask:
    """Whose exposure is never recorded."""
    chance = scene.draws.u32(f"lost {experiment.name}", 2 * len(scene.people.visits), 1)[:, 0]
    shares = np.array([experiment.lost_exposures.get(arm, 0.0) for arm in experiment.arms])
    first = int(scene.people.customer_id[0])
    local = enrolment.unit_id - (first if experiment.unit == "customer" else 2 * first - 1)
    unlucky = chance[local] < threshold(shares)[enrolment.arm]
    return unlucky & scene.visits.within(experiment.lost_segment)[enrolment.first]


def exposure_rows(experiment: Experiment, scene: Scene, enrolment: Enrolment, reached_at: I64) -> pa.RecordBatch:
    """The exposures that were recorded: the first of each unit."""
    kept = np.flatnonzero(~lost(experiment, scene, enrolment))
    visit, stage = enrolment.first[kept], enrolment.stage[kept]
    visits, arms = scene.visits, list(experiment.arms)
    at = visits.start if experiment.exposed_at == "session_started" else reached_at
    identified = visits.known & (visits.signed_in | scene.reached)
    columns = [
        pa.array([experiment.name] * len(kept), pa.string()),
        pa.array([experiment.unit] * len(kept), pa.string()),
        pa.array(enrolment.unit_id[kept]),
        pa.array(visits.visitor_id[visit]),
        pa.array([arms[number] for number in enrolment.arm[kept]], pa.string()),
        pa.array((stage + 1).astype(np.int32)),
        pa.array(np.array(list(experiment.ramp.values()))[stage]),
        times(at[visit]),
        nullable(scene.people.customer_id[visits.person[visit]], ~identified[visit]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["exposures"])
