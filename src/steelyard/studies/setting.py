"""Where a study runs: a warehouse, and what a project knows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from steelyard.result import Result
from steelyard.studies.study import Context, Study
from steelyard.warehouse import Warehouse

if TYPE_CHECKING:
    from steelyard.metrics import MetricCatalog
    from steelyard.warehouse import Ledger

__all__ = ["HasSetting", "Setting", "setting_of"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a study runs.

    Args:
        warehouse: What is read.
        metrics: The governed definitions; None for a bare table.
        ledger: Where registrations and results are kept; None keeps nothing.
        zone: IANA zone in which days are counted.
        currency: What money is measured in.
        sensitive: Columns that no study may use.
        catalog: Number of the catalog version that is read; None where the engine keeps none.
        stages: The ramp's stages by study name, oldest first.
    """

    warehouse: Warehouse
    metrics: MetricCatalog | None = None
    ledger: Ledger | None = None
    zone: str = "UTC"
    currency: str = ""
    sensitive: tuple[str, ...] = ()
    catalog: int | None = None
    stages: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def context(self, study: Study, *, as_of: datetime | None = None) -> Context:
        """What the study may know before it reads outcomes."""
        from steelyard.studies.standing import earlier_results, registered_sample

        earlier: tuple[Result, ...] = earlier_results(self.ledger, study.name) if self.ledger else ()
        return Context(
            as_of=as_of or datetime.now(UTC),
            tables=self.warehouse.schema(),
            metrics=self.metrics,
            zone=self.zone,
            currency=self.currency,
            sensitive=self.sensitive,
            earlier=earlier,
            keeps=self.ledger is not None,
            stages=self.stages.get(study.name, ()),
            sample=registered_sample(self.ledger, study) if self.ledger else {},
        )


@runtime_checkable
class HasSetting(Protocol):
    """Something that knows where its studies run, such as a project."""

    def setting(self) -> Setting:
        """Where its studies run."""


def setting_of(source: Any) -> Setting:
    """The setting of a project, a warehouse, a table in memory, or a path.

    Args:
        source: A project, a setting, a warehouse, or what `steelyard.connect` takes.
    """
    from steelyard.warehouse import connect

    if isinstance(source, Setting):
        return source
    if isinstance(source, HasSetting):
        return source.setting()
    if isinstance(source, Warehouse):
        return Setting(warehouse=source)
    return Setting(warehouse=connect(source))
