"""The average lift that an experiment's process implies, over the units that were exposed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from steelyard.simulate.calendar_effects import DAY
from steelyard.simulate.enrolment import Enrolment, lost
from steelyard.simulate.injection import Outcome, capped, expected
from steelyard.simulate.random_stream import CHANCE_BITS
from steelyard.simulate.segment import said
from steelyard.simulate.truth import Tally, TruthRow

if TYPE_CHECKING:
    from steelyard.simulate.experiment import Experiment

__all__ = ["count_arms", "experiment_truth"]

_VALUE_BITS = 8  # bits that chances lose before they meet cents, so that the sum of a chunk stays below 2**63

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def count_arms(experiment: Experiment, outcome: Outcome, enrolment: Enrolment) -> Tally:
    """Sums over all exposed units, whatever their arm, of what each arm would have given them."""
    scene, tally = outcome.scene, Tally()
    missing = lost(experiment, scene, enrolment)
    counted = scene.reached[enrolment.visits] & _in_window(experiment, outcome, enrolment)
    chosen, unit = enrolment.visits[counted], enrolment.unit[counted]
    for number, arm in enumerate(experiment.arms):
        mine = enrolment.arm == number
        tally["exposed", arm] += int(mine.sum())
        tally["lost", arm] += int((mine & missing).sum())
        factor = experiment.conversion(arm, scene, enrolment)[counted]
        chance = capped(outcome.without[chosen] * factor)
        lift = experiment.value_lift.get(arm)
        worth = outcome.worth(None if lift is None else np.full(len(scene.reached), 1.0 + lift))[chosen]
        for group, members in _groups(experiment, outcome, enrolment):
            inside = members[unit]
            tally["units", group] += int(members.sum()) if number == 0 else 0
            tally["orders", arm, group] += int(chance[inside].sum())
            tally["cents", arm, group] += int(((chance[inside] >> _VALUE_BITS) * worth[inside]).sum())
            tally["any", arm, group] += _at_least_one(chance[inside], unit[inside], len(members))
    return tally


def _in_window(experiment: Experiment, outcome: Outcome, enrolment: Enrolment) -> Mask:
    start = outcome.scene.visits.start
    days = experiment.window_days or outcome.scene.calendar.days + 1
    return np.asarray(start[enrolment.visits] - start[enrolment.first][enrolment.unit] < days * DAY)


def _groups(experiment: Experiment, outcome: Outcome, enrolment: Enrolment) -> Iterator[tuple[str, Mask]]:
    yield "", np.ones(len(enrolment.unit_id), dtype=np.bool_)
    if experiment.harmed:
        inside = outcome.scene.visits.within(experiment.harmed)[enrolment.first]
        yield said(experiment.harmed), inside
        yield f"not {said(experiment.harmed)}", ~inside


def _at_least_one(chance: I64, unit: I64, units: int) -> int:
    """The expected number of units with an order, in 2**-32."""
    none = np.ones(units)
    np.multiply.at(none, unit, 1.0 - chance / float(1 << CHANCE_BITS))
    return int(_in_bits(1.0 - none).sum())


def _in_bits(share: npt.NDArray[np.float64]) -> I64:
    """Shares in 2**-32."""
    return np.floor(share * float(1 << CHANCE_BITS)).astype(np.int64)


def experiment_truth(experiment: Experiment, since: date, until: date, tally: Tally) -> list[TruthRow]:
    """The rows of one experiment: what was injected, what follows, and how many were exposed or lost."""

    def row(quantity: str, value: float, measured_in: str, arm: str = "", segment: str = "") -> TruthRow:
        return TruthRow(
            name=experiment.name, kind="experiment", quantity=quantity, value=value, measured_in=measured_in,
            arm=arm, segment=segment, since=since, until=until,
        )  # fmt: skip

    rows = []
    for arm in experiment.arms:
        rows.append(row("units exposed", tally["exposed", arm], "units", arm))
        rows.append(row("exposures never recorded", tally["lost", arm], "units", arm))
    for arm in experiment.treated:
        rows.append(row("injected lift of the order chance", experiment.conversion_lift.get(arm, 0.0), "relative", arm))
        rows.append(row("injected lift of prices paid", experiment.value_lift.get(arm, 0.0), "relative", arm))
        if experiment.novelty:
            rows.append(row("injected novelty at the first exposure", experiment.novelty, "relative", arm))
            rows.append(row("half-life of the novelty", experiment.novelty_half_life, "days", arm))
        if experiment.harmed:
            harmed = said(experiment.harmed)
            rows.append(row("injected lift of the order chance", experiment.harm, "relative", arm, harmed))
        for group in sorted(key[1] for key in tally if key[0] == "units"):
            rows += [row(*found, arm, group) for found in _implied(experiment.control, arm, group, tally)]
    return rows


def _implied(control: str, arm: str, group: str, tally: Tally) -> Iterator[tuple[str, float, str]]:
    units = tally["units", group]
    if not units or not tally["orders", control, group]:
        return
    orders, base_orders = (expected(tally["orders", a, group]) for a in (arm, control))
    cents, base_cents = (expected(tally["cents", a, group] << _VALUE_BITS) for a in (arm, control))
    buyers, base_buyers = (expected(tally["any", a, group]) for a in (arm, control))
    for quantity, with_it, without, unit in (
        ("orders per exposed unit", orders, base_orders, "orders"),
        ("share of exposed units that order", buyers, base_buyers, "share"),
        ("revenue per exposed unit", cents / 100, base_cents / 100, "EUR"),
    ):
        yield quantity, with_it / without - 1, "relative"
        yield quantity, (with_it - without) / units, unit
    yield "average order value", cents / orders / (base_cents / base_orders) - 1, "relative"
