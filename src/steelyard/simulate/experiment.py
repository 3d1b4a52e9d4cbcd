"""An experiment with a ramp, whose true lift is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.errors import unknown_name
from steelyard.simulate.calendar_effects import DAY, Calendar
from steelyard.simulate.enrolment import Enrolment, enrol, exposure_rows
from steelyard.simulate.experiment_truth import count_arms, experiment_truth
from steelyard.simulate.injection import Effect, Injection, Outcome, Scene
from steelyard.simulate.segment import Segment, check_segment
from steelyard.simulate.truth import Tally, TruthRow

__all__ = ["Experiment", "Lifts"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Lifts(Effect):
    """The effect of an experiment, with those who take part in it."""

    enrolment: Enrolment


@dataclass(frozen=True, kw_only=True)
class Experiment(Injection):
    """A randomised change of the checkout.

    A unit is enrolled from the first stage of the ramp whose share is above its bucket, and stays. Its arm comes from a
    second bucket. Buckets are md5 of salt and id, as `steelyard.simulate.buckets` says: the salts are the experiment's
    `salt` followed by `:ramp:` and `:arm:`. The effect begins with the session of the first exposure and ends with
    `until`.

    Args:
        name: What exposures and truth call it.
        arms: Arms and their shares, which add up to one; the first is the control.
        ramp: First day of each stage (UTC) and the share enrolled; dates rise, shares do not fall.
        until: The last day; the last of the shop when absent.
        unit: `visitor` (an anonymous id) or `customer`.
        exposed_at: `checkout_started` or `session_started`: the first one after enrolment is the exposure.
        conversion_lift: Relative change of the chance that a checkout becomes an order, by arm.
        value_lift: Relative change of what is paid for each item (dearer variants), by arm.
        novelty: What is added to the conversion lift of every treated arm at a unit's first exposure.
        novelty_half_life: Days after which half of the novelty is left.
        harmed: A segment in which the conversion lift is `harm` instead, in every treated arm.
        harm: The conversion lift there.
        lost_exposures: Share of an arm's exposures that are never recorded (a sample ratio mismatch), by arm.
        lost_segment: Where they are lost; everywhere when empty.
        window_days: Which outcomes the truth counts: those within so many days of the exposure; all when absent.
        salt: Of the buckets; the name when absent.

    >>> test = Experiment(name="one_page", arms={"control": 0.5, "one_page": 0.5}, conversion_lift={"one_page": 0.1},
    ...                   ramp={date(2025, 3, 1): 0.05, date(2025, 3, 15): 1.0})
    >>> test.control, test.treated
    ('control', ('one_page',))
    """

    arms: Mapping[str, float]
    ramp: Mapping[date, float]
    until: date | None = None
    unit: str = "visitor"
    exposed_at: str = "checkout_started"
    conversion_lift: Mapping[str, float] = field(default_factory=dict)
    value_lift: Mapping[str, float] = field(default_factory=dict)
    novelty: float = 0.0
    novelty_half_life: float = 7.0
    harmed: Segment = field(default_factory=dict)
    harm: float = 0.0
    lost_exposures: Mapping[str, float] = field(default_factory=dict)
    lost_segment: Segment = field(default_factory=dict)
    window_days: int | None = None
    salt: str = ""

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))

    @property
    def treated(self) -> tuple[str, ...]:
        """The other arms."""
        return tuple(self.arms)[1:]

    def last_day(self, calendar: Calendar) -> date:
        """The last day of the experiment."""
        return self.until or calendar.until

    def check(self, calendar: Calendar) -> None:
        """Refuse arms, stages and lifts that cannot be."""
        self._check_arms()
        self._check_ramp(calendar)
        for lifts in (self.conversion_lift, self.value_lift):
            for arm in lifts:
                self._check_arm(arm)
                if arm == self.control:
                    raise self.refuse(
                        f"a lift names the control {arm!r}", "lifts are against the control: leave it out"
                    )
        for arm in self.treated:
            self.check_change(f"lift of {arm!r}", self.conversion_lift.get(arm, 0.0) + self.novelty)
            self.check_change(f"lift of {arm!r}", self.conversion_lift.get(arm, 0.0))
            self.check_change(f"value_lift of {arm!r}", self.value_lift.get(arm, 0.0), -0.9, 1.0)
        self.check_change("novelty", self.novelty)
        self.check_change("harm", self.harm)
        for arm, share in self.lost_exposures.items():
            self._check_arm(arm)
            if not 0 <= share <= 1:
                raise self.refuse(f"{share!r} of the exposures of {arm!r} cannot be lost", "give a share from 0 to 1")
        check_segment(self.harmed, self.where)
        check_segment(self.lost_segment, self.where)
        self._check_choices()

    def _check_choices(self) -> None:
        for what, value, known in (
            ("unit", self.unit, ("visitor", "customer")),
            ("exposed_at", self.exposed_at, ("checkout_started", "session_started")),
        ):
            if value not in known:
                raise unknown_name(what, value, known, where=self.where)
        if not self.novelty_half_life > 0:
            raise self.refuse(f"novelty_half_life of {self.novelty_half_life!r} days", "give a positive number of days")
        if self.window_days is not None and self.window_days < 1:
            raise self.refuse(f"window_days of {self.window_days!r}", "give one day or more, or leave it out")

    def _check_arm(self, arm: str) -> None:
        if arm not in self.arms:
            raise unknown_name("arm", arm, self.arms, where=self.where)

    def _check_arms(self) -> None:
        if len(self.arms) < 2:
            raise self.refuse(f"arms {dict(self.arms)!r} compare nothing", "give a control and at least one more arm")
        if not (all(share > 0 for share in self.arms.values()) and abs(sum(self.arms.values()) - 1) < 1e-9):
            raise self.refuse(
                f"the shares of the arms, {dict(self.arms)!r}, do not split a whole",
                "give positive shares that add up to 1",
            )

    def _check_ramp(self, calendar: Calendar) -> None:
        if not self.ramp:
            raise self.refuse("the ramp has no stage", "give at least one: {date(2025, 3, 1): 1.0}")
        days, shares = list(self.ramp), list(self.ramp.values())
        for day in days:
            self.check_dates(calendar, day, self.last_day(calendar))
        if days != sorted(days):
            raise self.refuse(f"the stages {[str(d) for d in days]} are not in order", "sort them by date")
        if not all(0 < share <= 1 for share in shares):
            raise self.refuse(f"the shares of the ramp are {shares}", "give shares above 0 and up to 1")
        if shares != sorted(shares):
            raise self.refuse(f"the ramp falls: {shares}", "a unit that is enrolled stays: shares may only rise")

    def effect(self, step: str, scene: Scene) -> Lifts | None:
        """The lifts of those who are in a treated arm."""
        if step != "order_placed":
            return None
        enrolment = enrol(self, scene)
        conversion, value = np.ones(len(scene.reached)), np.ones(len(scene.reached))
        for number, arm in enumerate(self.arms):
            mine = enrolment.arm[enrolment.unit] == number
            conversion[enrolment.visits[mine]] = self.conversion(arm, scene, enrolment)[mine]
            value[enrolment.visits[mine]] = 1.0 + self.value_lift.get(arm, 0.0)
        return Lifts(conversion=conversion, value=value if self.value_lift else None, enrolment=enrolment)

    def conversion(self, arm: str, scene: Scene, enrolment: Enrolment) -> F64:
        """The factor of the order chance that an arm has, or would have had, in each session that takes part."""
        if arm == self.control:
            return np.ones(len(enrolment.visits))
        visits = scene.visits
        since = visits.start[enrolment.visits] - visits.start[enrolment.first][enrolment.unit]
        fading = self._fading(scene.calendar.days + 1)
        factor: F64 = 1.0 + self.conversion_lift.get(arm, 0.0) + fading[since // DAY]
        if self.harmed:
            factor[visits.within(self.harmed)[enrolment.visits]] = 1.0 + self.harm
        return factor

    def _fading(self, days: int) -> F64:
        """What is left of the novelty by day, to nine digits: decimals are the same on every machine."""
        half_life = Decimal(repr(self.novelty_half_life))
        left = [Decimal(2) ** (-Decimal(day) / half_life) * Decimal(repr(self.novelty)) for day in range(days)]
        return np.array([float(round(share, 9)) for share in left])

    def count(self, outcome: Outcome) -> Tally:
        """Sums over the exposed units of what each arm would give."""
        if not isinstance(outcome.effect, Lifts):
            return Tally()
        return count_arms(self, outcome, outcome.effect.enrolment)

    def exposures(self, scene: Scene, effect: Effect, reached_at: I64) -> pa.RecordBatch | None:
        """The exposures that were recorded: the first of each unit."""
        return exposure_rows(self, scene, effect.enrolment, reached_at) if isinstance(effect, Lifts) else None

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """Injected lifts, and the true average effects that they imply."""
        begin = next(iter(self.ramp))
        return experiment_truth(self, begin, self.last_day(calendar) + timedelta(days=1), tally)
