"""The studies that ran in some days, as what may coincide with a metric's move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from steelyard.studies import Study

if TYPE_CHECKING:
    from steelyard.metrics.explanation import Happening

__all__ = ["running_studies"]


def running_studies(studies: Mapping[str, Study], metric: str, answered: Iterable[str]) -> list[Happening]:
    """Experiments that say between which days they run; one that measured the metric and has a result backs it.

    Args:
        studies: By name.
        metric: The metric that moved.
        answered: Names of studies that have a result.
    """
    from steelyard.metrics.explanation import Happening

    known, found = set(answered), []
    for name, study in studies.items():
        days: tuple[date, date] | None = getattr(study, "between", None)
        if study.kind != "experiment" or days is None:
            continue
        measured = metric in study.governed() and name in known
        says = f"the experiment {name}"
        found.append(
            Happening(
                says=says, kind="experiment", at=days[0], until=days[1], undo=True, study=name if measured else ""
            )
        )
    return found
