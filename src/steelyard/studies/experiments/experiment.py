"""The experiment: its words, and the five steps over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.canonical import LATER
from steelyard.errors import DefinitionError, SteelyardError
from steelyard.result import Check, Verdict
from steelyard.studies.experiments.checks import checks_of
from steelyard.studies.experiments.course import course_tables
from steelyard.studies.experiments.estimation import find
from steelyard.studies.experiments.evidence import evidence_of
from steelyard.studies.experiments.families import CORRECTIONS, FalseDiscovery, level_of_each
from steelyard.studies.experiments.history import history_queries
from steelyard.studies.experiments.look_checks import with_look_checks
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.misfits import misfits_of
from steelyard.studies.experiments.planning import planned
from steelyard.studies.experiments.questions import next_questions
from steelyard.studies.experiments.refusals import refuse_what_is_not_offered
from steelyard.studies.experiments.rule import decide
from steelyard.studies.experiments.since_exposure import since_table
from steelyard.studies.experiments.sources import DEFAULT_RAMP, Assignment, Exposure, Holdout, Looks, Stage, Stopping
from steelyard.studies.experiments.stage_checks import with_stage_checks
from steelyard.studies.experiments.words import check_words
from steelyard.studies.study import Context, Findings, Plan, Study
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Experiment"]


@dataclass(frozen=True, kw_only=True)
class Experiment(Study):
    """Does a change, given to some units at random, do what was hoped?

    Args:
        arms: Arm -> its share of the units; the shares add up to one.
        primary: The metric that decides; or several, with a `correction`.
        unit: What metrics are taken of, and was randomised unless there is a `cluster`: an entity of the project, or
            the id column of `table`.
        control: The arm that the others are compared with; `control` or else the first by default.
        table: A table with one row a unit whose columns are the metrics; empty reads governed metrics (or, of a bare
            source, the table `data`).
        assignment: `steelyard` (by hash of the unit's id) or where another system wrote its assignments.
        exposure: The event with which a unit enters; None takes every assigned unit.
        between: First and last local day of the experiment: units enter by an exposure, or else an assignment, on these
            days; metrics of units that have neither moment count these days.
        correction: How several primaries share the error: `holm`, `bonferroni`, `sidak`, `hochberg` or `hommel` ship on
            any of them that is better while none is worse, over metrics and arms together; `all` ships only if every
            one is better, which needs no sharing. Empty with one primary; several arms of it are then corrected by
            Holm, or by one of these words or `dunnett`, which knows that the arms share their control.
        false_discovery: How secondaries, segments and interactions, each a family, are adjusted: `bh` (Benjamini and
            Hochberg), `by` (Benjamini and Yekutieli, whatever the dependence) or `none`.
        strata: Dimensions (or columns of `table`) within which arms are compared, weighted by units
            (post-stratification); with a `cluster`, the same in all its units.
        secondary: Metrics that are shown and do not decide.
        guardrails: Metrics that must not get worse by more than their `margin`.
        segments: Dimensions (or columns of `table`) by which effects are shown, tested for interaction and shrunk.
        level: Confidence level of the intervals that decide.
        power: Chance with which planning wants the expected effect to be found.
        ramp: Shares of the layer's units enrolled, stage by stage, each from a moment in the stage ledger; a stage may
            state a split of its own. Empty ramps over 5, 10, 20 and 100 %, and enrols all where no stage ever begins.
        layer: Experiments of one layer exclude each other; empty shares units with all others.
        holdout: Units that are kept out of it, and of others.
        cluster: What was randomised, where that is a group of units (a store, a class; or the user, where rows are page
            views): an entity of the project that the unit's table refers to, or a column of the unit table. Empty where
            each unit was randomised by itself.
        interference: How units influence each other, where they do (one stock, one auction, friends): the answer is
            then at most unclear. Empty declares that they do not.
        looks: When the result is read: `once`, `daily`, `weekly`, how many times, or `Looks`.
        stopping: The rules that end it, for success and for harm; `fixed` is one look at the planned end.

    >>> test = Experiment(name="one_page", question="Does one page sell more?", arms={"old": 0.5, "new": 0.5},
    ...                   primary="revenue")
    >>> test.control, test.primary.metric, test.treated
    ('old', 'revenue', ('new',))
    """

    kind: ClassVar[str] = "experiment"
    method: ClassVar[str] = "randomised arms compared on merged moments (Welch, Newcombe, delta method, CUPED)"

    arms: Mapping[str, float]
    primary: MetricUse | str | tuple[MetricUse | str, ...]
    unit: str = ""
    control: str = ""
    table: str = ""
    assignment: Assignment | str = "steelyard"
    exposure: Exposure | None = None
    between: tuple[date, date] | None = None
    correction: str = ""
    false_discovery: FalseDiscovery = field(default="bh", metadata=LATER)
    secondary: tuple[MetricUse | str, ...] = ()
    guardrails: tuple[MetricUse | str, ...] = ()
    segments: tuple[str, ...] = ()
    strata: tuple[str, ...] = field(default=(), metadata=LATER)
    level: float = 0.95
    power: float = 0.8
    ramp: tuple[float | Stage, ...] = ()
    layer: str = ""
    holdout: Holdout = field(default_factory=Holdout)
    cluster: str = ""
    interference: str = ""
    looks: Looks | str | int = "once"
    stopping: Stopping | str = "fixed"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._spell_out()
        check_words(self)
        refuse_what_is_not_offered(self)

    def _spell_out(self) -> None:
        """Writes down what was left to defaults, so that the stored definition depends on no order and no shorthand."""
        if not isinstance(self.arms, Mapping):
            raise DefinitionError(
                f"the arms {self.arms!r} have no shares",
                where=f"{self.name}.arms",
                hint="give each its share, such as {'control': 0.5, 'one_page': 0.5}",
            )
        arms = {str(name): share for name, share in self.arms.items()}
        control = self.control or ("control" if "control" in arms else next(iter(arms), ""))
        success, harm = self.stopping_rules
        shape = self.stopping.shape if isinstance(self.stopping, Stopping) else None
        for name, value in (
            ("arms", arms),
            ("control", control),
            ("stopping", Stopping(success=success, harm=harm, shape=shape)),
            ("looks", _schedule(self.looks) or "once"),
            ("primary", self.primaries[0] if len(self.primaries) == 1 else self.primaries),
            ("secondary", tuple(_use(item) for item in _several(self.secondary))),
            ("guardrails", tuple(_use(item) for item in _several(self.guardrails))),
            ("segments", _several(self.segments)),
            ("strata", _several(self.strata)),
            ("ramp", tuple(self.ramp)),
        ):
            object.__setattr__(self, name, value)

    @property
    def shares(self) -> tuple[float, ...]:
        """The share that each stage of the written ramp enrols."""
        return tuple(stage.share if isinstance(stage, Stage) else float(stage) for stage in self.ramp)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the ramp, each with its split: 5, 10, 20 and 100 % where none is written."""
        written = [stage if isinstance(stage, Stage) else Stage(share=float(stage)) for stage in self.ramp]
        planned = written or [Stage(share=share) for share in DEFAULT_RAMP]
        return tuple(stage if stage.arms else replace(stage, arms=dict(self.arms)) for stage in planned)

    @property
    def main(self) -> MetricUse:
        """The metric that decides; of several, the first."""
        return self.primaries[0]

    @property
    def primaries(self) -> tuple[MetricUse, ...]:
        """The metrics that decide."""
        given = self.primary if isinstance(self.primary, tuple | list) else (self.primary,)
        return tuple(_use(item) for item in given)

    @property
    def family(self) -> int:
        """How many tests share the error: the arms, and the primaries unless all of them must be better."""
        return len(self.treated) * (len(self.primaries) if self.correction in CORRECTIONS else 1)

    @property
    def secondary_uses(self) -> tuple[MetricUse, ...]:
        """The secondary metrics."""
        return tuple(_use(item) for item in self.secondary)

    @property
    def guardrail_uses(self) -> tuple[MetricUse, ...]:
        """The guardrails."""
        return tuple(_use(item) for item in self.guardrails)

    @property
    def uses(self) -> tuple[MetricUse, ...]:
        """All metrics, the primary first."""
        return (*self.primaries, *self.secondary_uses, *self.guardrail_uses)

    @property
    def cut_by(self) -> tuple[str, ...]:
        """The columns that sums are cut by beside arms and stages: segments, and strata that are none."""
        return tuple(dict.fromkeys((*self.segments, *self.strata)))

    @property
    def treated(self) -> tuple[str, ...]:
        """The arms that are compared with control, by name."""
        return tuple(sorted(arm for arm in self.arms if arm != self.control))

    @property
    def stopping_rules(self) -> tuple[str, str]:
        """The rules for success and for harm."""
        if isinstance(self.stopping, Stopping):
            return self.stopping.success, self.stopping.harm
        return self.stopping, self.stopping

    @property
    def schedule(self) -> Looks | None:
        """When it is looked at before the planned end; None is one look."""
        return _schedule(self.looks)

    @property
    def may_look_again(self) -> bool:
        """Whether later looks are planned."""
        return self.schedule is not None

    @property
    def primary_level(self) -> float:
        """Level of the primary's intervals, over the tests that share the error."""
        return level_of_each(self)

    def governed(self) -> tuple[str, ...]:
        """Names of the governed metrics; a study of a unit table has none."""
        if self.table:
            return ()
        covariates = [before.metric for use in self.uses for before in use.covariates if before.metric]
        return tuple(dict.fromkeys([use.source for use in self.uses] + covariates))

    def tables(self) -> Mapping[str, str]:
        """The tables of units, assignments and exposures, as far as they are named."""
        given = {
            "table": self.table,
            "assignment": self.assignment.table if isinstance(self.assignment, Assignment) else "",
            "exposure": (self.exposure.table or self.exposure.event) if self.exposure else "",
        }
        return {place: table for place, table in given.items() if table}

    def misfits(self, context: Context) -> Iterator[SteelyardError]:
        """Each table, column and metric that it names and that is not there or not fit, apart from the others."""
        return misfits_of(self, context)

    def history(self, context: Context) -> Mapping[str, Query]:
        """The metrics' levels and variances before the study's start, where that can be known."""
        return history_queries(self, context)

    def plan(self, context: Context) -> Plan:
        """What will be compared, the rule, the SQL, and how many units it needs."""
        return planned(self, context)

    def reads(self, context: Context, earlier: Mapping[str, pa.Table]) -> Mapping[str, Query]:
        """Constants from a sample and the units' counts; then all moments in one scan; then what could not be used."""
        return next_questions(self, context, earlier)

    def estimate(self, data: Mapping[str, pa.Table]) -> Findings:
        """Every metric in every arm against control, absolute and relative."""
        evidence = evidence_of(self, data)
        found, since = find(self, evidence), since_table(self, evidence)
        more = {**course_tables(self, evidence), **({} if since is None else {"since_exposure": since})}
        return replace(found, tables={**found.tables, **more}) if more else found

    def checks(self, data: Mapping[str, pa.Table], findings: Findings) -> tuple[Check, ...]:
        """What must hold before an effect is believed."""
        evidence = evidence_of(self, data)
        return with_look_checks(self, evidence, with_stage_checks(self, evidence, checks_of(self, evidence)))

    def answer(self, findings: Findings) -> Verdict:
        """The rule, clause by clause."""
        return decide(self, findings)


def _use(item: MetricUse | str) -> MetricUse:
    return MetricUse(metric=item) if isinstance(item, str) else replace(item)


def _several(given: Any) -> tuple[Any, ...]:
    """One alone is a tuple of it: the letters of a name are never meant."""
    return (given,) if isinstance(given, str | MetricUse) else tuple(given)


def _schedule(looks: Looks | str | int) -> Looks | None:
    if isinstance(looks, Looks):
        return looks
    if isinstance(looks, int):
        return Looks(planned=looks)
    return None if looks in ("", "once") else Looks(every=looks)  # type: ignore[arg-type]
