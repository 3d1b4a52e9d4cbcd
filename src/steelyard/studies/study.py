"""The protocol: one question against a stated baseline, frozen before the data is read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.canonical import digest, plain, written_fields
from steelyard.errors import DefinitionError, SteelyardError
from steelyard.result import Check, Estimate, Result, Verdict
from steelyard.studies.planned import Plan
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.metrics import MetricCatalog

__all__ = ["Context", "Findings", "Plan", "Study"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a study may know before it reads outcomes; all of it goes into provenance.

    Args:
        as_of: The clock: nothing after it exists for the study. Zoned, UTC.
        tables: Table -> column -> type in DuckDB's words.
        metrics: The governed definitions; None when the source is a bare table.
        zone: IANA zone in which the project counts days.
        currency: What money is measured in, such as `USD`.
        sensitive: Columns (`table.column` or `column`) that no study may use.
        earlier: Earlier results of the same study, oldest first.
        keeps: Whether a ledger keeps results, so that `earlier` is all of them.
        stages: The ramp's stages so far, oldest first: plain rows.
        sample: Sample size or power as the registered plan of this very definition says; empty without one.
        history: What `Study.history` asked for came back with; only rows from before the study's start.
        replays: How often planning is to replay the history as if nothing had been changed; 0 does not.
        seed: Seed of anything random.
    """

    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    metrics: MetricCatalog | None = None
    zone: str = "UTC"
    currency: str = ""
    sensitive: tuple[str, ...] = ()
    earlier: tuple[Result, ...] = ()
    keeps: bool = False
    stages: tuple[Mapping[str, Any], ...] = ()
    sample: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, pa.Table] = field(default_factory=dict)
    replays: int = 0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What `estimate` found: pure numbers, before anybody judges them.

    Args:
        estimates: Every number with its uncertainty.
        tables: Small tables behind charts and checks, by name.
        facts: Numbers that checks and the answer need, by name.
    """

    estimates: tuple[Estimate, ...]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Study(ABC):
    """One question against a stated baseline; a frozen dataclass whose fields are what a YAML file says.

    Args:
        name: Snake case; the file's name.
        question: What is asked, as a person would.
    """

    kind: ClassVar[str]
    method: ClassVar[str]

    name: str
    question: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise DefinitionError(
                f"a study cannot be named {self.name!r}", hint="use lower-case letters, digits and underscores"
            )
        if not self.question.strip():
            raise DefinitionError(f"the study {self.name!r} asks nothing", hint="say its `question:` in words")

    def definition(self) -> dict[str, Any]:
        """The study as plain values: what is frozen, digested and stored."""
        return {"kind": self.kind, **{name: plain(item) for name, item in written_fields(self)}}

    def digest(self) -> str:
        """The definition's digest: two studies with the same digest are the same study."""
        return digest(self.definition())

    @property
    def may_look_again(self) -> bool:
        """Whether later looks at more data are planned, so that they are no less registered than the first."""
        return False

    def governed(self) -> tuple[str, ...]:
        """Names of the governed metrics that the study uses; their definitions are part of its provenance."""
        return ()

    def tables(self) -> Mapping[str, str]:
        """Place in the definition -> table that it names, so that a project is checked before anything runs."""
        return {}

    def misfits(self, context: Context) -> Iterator[SteelyardError]:
        """What it names and the tables of `context` do not have, so that a project is checked without reading any."""
        try:
            self.plan(context)
        except SteelyardError as error:
            yield error

    def history(self, context: Context) -> Mapping[str, Query]:
        """What planning needs from before the study's start, such as a baseline and its variance; often nothing.

        It is asked again, with what came back in `context.history`, until it asks for nothing new.
        """
        return {}

    @abstractmethod
    def plan(self, context: Context) -> Plan:
        """What will be done, in words and SQL; may know only `context`, which holds no outcome."""

    @abstractmethod
    def reads(self, context: Context, earlier: Mapping[str, pa.Table]) -> Mapping[str, Query]:
        """What to fetch next, given what came back; empty when it has all it needs."""

    @abstractmethod
    def estimate(self, data: Mapping[str, pa.Table]) -> Findings:
        """The numbers; pure."""

    @abstractmethod
    def checks(self, data: Mapping[str, pa.Table], findings: Findings) -> tuple[Check, ...]:
        """What had to hold; pure."""

    @abstractmethod
    def answer(self, findings: Findings) -> Verdict:
        """What the rule says; pure."""
