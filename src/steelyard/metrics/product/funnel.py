"""A funnel: ordered steps that one entity takes within a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.duration import seconds_of
from steelyard.metrics.product.events import EventRows, check_name, check_rows, entity_of

__all__ = ["Exclusion", "Funnel", "FunnelStep"]

MOST_STEPS = 20
Rows = TypeVar("Rows", bound=EventRows)


@dataclass(frozen=True, kw_only=True)
class FunnelStep(EventRows):
    """One step of a funnel: a name, and the rows that are it, as in `EventRows`.

    Args:
        name: Its name in the answer.
        entity: Whom its rows are of, where that is not the funnel's own.
    """

    name: str
    entity: str = ""


@dataclass(frozen=True, kw_only=True)
class Exclusion(EventRows):
    """An event that must not happen between two steps; its rows, as in `EventRows`.

    Args:
        after: The step after which, and before the next, it must not happen; empty for anywhere between the first
            step and the last.
    """

    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """Steps that one entity takes; its fields are the keys of its YAML.

    Args:
        name: Snake case.
        steps: Two or more, in order. A step may come again later in the list: another row is then needed for it.
        entity: Who takes them; empty for the one entity that the steps' tables share.
        table: The table of the steps that name none.
        time: As in `EventRows`, for the steps that name none.
        sequence: As in `EventRows`, for the steps that name none; with it, all steps are of one table.
        window: How long after the start a step still counts, the end included, such as `24 hours`; empty for ever.
        start: Which row of the first step may start: `any`, or only the `first` one of the entity in the range.
        order: `ordered` takes the steps in order. `any` asks for all of the first k steps, in any order, with no more
            than the window between the first of them and the last.
        without: Events that must not happen in between.
        quantiles: Which quantiles of the seconds between steps the answer gives: shares between 0 and 1.
        owner: Who answers for it.
        question: What it answers, as a person would ask.
        description: For a person.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It has fewer than two steps, two of one name, or a word of it cannot be.

    >>> funnel = Funnel(
    ...     name="checkout",
    ...     table="events",
    ...     steps=(FunnelStep(name="view", where="step = 'view'"), FunnelStep(name="buy", where="step = 'buy'")),
    ...     window="24 hours",
    ... )
    >>> [step.table for step in funnel.each], funnel.seconds
    (['events', 'events'], 86400)
    """

    name: str
    steps: tuple[FunnelStep, ...]
    entity: str = ""
    table: str = ""
    time: str = ""
    sequence: str = ""
    window: str = ""
    start: Literal["any", "first"] = "any"
    order: Literal["ordered", "any"] = "ordered"
    without: tuple[Exclusion, ...] = ()
    quantiles: tuple[float, ...] = (0.5, 0.9)
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        check_name("funnel", self.name, self.defined_at)
        for problem, hint in self._problems():
            raise DefinitionError(problem, where=self.defined_at, hint=hint)
        if self.window:
            seconds_of(self.window, f"the window of {self.name!r}", self.defined_at)
        names = [step.name for step in self.steps]
        for item in self.without:
            if item.after and item.after not in names[:-1]:
                raise unknown_name(
                    f"step of {self.name!r} before its last", item.after, names[:-1], where=self.defined_at
                )

    def _problems(self) -> Iterator[tuple[str, str]]:
        said = f"the funnel {self.name!r}"
        names = [step.name for step in self.steps]
        if not 2 <= len(self.steps) <= MOST_STEPS:
            yield f"{said} has {len(self.steps)} steps", f"give 2 to {MOST_STEPS} under `steps:`"
        if twice := [name for name in names if names.count(name) > 1]:
            yield f"two steps of {said} are named {twice[0]!r}", "name the second otherwise, such as `view_again`"
        if not all(name.strip() for name in names):
            yield f"a step of {said} has no name", "add `name:`"
        if self.start not in ("any", "first"):
            yield f"{said} starts with {self.start!r}", "write any or first"
        if self.order not in ("ordered", "any"):
            yield f"{said} has the order {self.order!r}", "write ordered or any"
        if self.order == "any" and (self.start == "first" or self.without):
            what = "`start: first`" if self.start == "first" else "`without:`"
            yield f"{said} has steps in any order, and {what}", "nothing comes before or between without an order"
        if self.order == "any" and not self.window:
            yield f"{said} has steps in any order and no window", "add `window:`"
        if bad := [share for share in self.quantiles if not 0 <= share <= 1]:
            yield f"{said} asks for the quantile {bad[0]}", "give shares between 0 and 1"

    @property
    def seconds(self) -> int | None:
        """The window in seconds; None where there is none."""
        return seconds_of(self.window, "the window") if self.window else None

    @property
    def each(self) -> tuple[FunnelStep, ...]:
        """The steps, with what they take from the funnel."""
        return tuple(self._filled(step) for step in self.steps)

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """The exclusions, with what they take from the funnel."""
        return tuple(self._filled(item) for item in self.without)

    def _filled(self, rows: Rows) -> Rows:
        same = not rows.table or rows.table == self.table
        return replace(
            rows,
            table=rows.table or self.table,
            time=rows.time or (self.time if same else ""),
            sequence=rows.sequence or (self.sequence if same else ""),
        )

    def check(self, catalog: MetricCatalog) -> str:
        """Refuses what cannot be, before anything is read; gives the entity that is followed.

        Raises:
            UnknownNameError: A table or an entity is not there.
            DefinitionError: The steps lead to different entities, two are the same in a funnel of any order, or a
                sequence is given and the steps are of several tables.
            PolicyError: A condition names a sensitive column.
        """
        where, rows = self.defined_at, (*self.each, *self.excluded)
        named = {step.entity for step in self.steps if step.entity} | ({self.entity} if self.entity else set())
        if len(named) > 1:
            problem = f"the steps of {self.name!r} lead to different entities: {', '.join(sorted(named))}"
            raise DefinitionError(problem, where=where, hint="a funnel follows one; give each step's own id of it")
        if missing := [item for item in rows if not item.table]:
            what = getattr(missing[0], "name", "an exclusion")
            raise DefinitionError(f"{what!r} of {self.name!r} names no table", where=where, hint="add `table:`")
        entity = entity_of(catalog, next(iter(named), ""), [item.table for item in rows], where=where)
        for item in rows:
            check_rows(catalog, item, entity, where=where)
        self._check_order(rows)
        return entity

    def _check_order(self, rows: tuple[EventRows, ...]) -> None:
        ordered = {(item.table, item.sequence) for item in rows}
        if any(sequence for _, sequence in ordered) and len(ordered) > 1:
            said = ", ".join(sorted({f"{table}.{sequence}" if sequence else table for table, sequence in ordered}))
            raise DefinitionError(
                f"a sequence orders the rows of one table, and {self.name!r} reads {said}",
                where=self.defined_at,
                hint="leave `sequence:` away: rows of one moment are then taken in the order of the steps",
            )
        if self.order == "any":
            bare = [replace(step, name="") for step in self.each]
            for number, one in enumerate(bare):
                if one in bare[:number]:
                    problem = f"{self.steps[number].name!r} of {self.name!r} is the same step as another"
                    raise DefinitionError(problem, where=self.defined_at, hint="in any order a step is met once")
