"""What the words of an experiment can say and no method here carries out yet: refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.sources import Assignment, Holdout

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["refuse_what_is_not_offered"]


def _layer(study: Experiment) -> str:
    if not study.layer or not isinstance(study.assignment, Assignment):
        return ""
    return f"the layer {study.layer!r}, and another system assigned: nothing here keeps its experiments apart"


def _holdout(study: Experiment) -> str:
    if study.holdout == Holdout():
        return ""
    if isinstance(study.assignment, Assignment):
        return "a holdout, and another system assigned: nothing here holds units out"
    if study.holdout.layer and not study.layer:
        return f"a layer's holdout of {study.holdout.layer:.4g}, and names no layer"
    return ""


def _cluster(study: Experiment) -> str:
    return f"the cluster {study.cluster!r}: errors are those of independent units" if study.cluster else ""


def _looks(study: Experiment) -> str:
    if study.looks in ("", "once"):
        return ""
    return f"looks {study.looks!r}: more than one look needs a stopping rule that pays for it"


def _stopping(study: Experiment) -> str:
    rules = set(study.stopping_rules)
    return "" if rules == {"fixed"} else f"the stopping rules {sorted(rules)!r}: only 'fixed', one look, is offered"


REFUSED: tuple[tuple[str, Callable[[Experiment], str]], ...] = (
    ("layer", _layer),
    ("holdout", _holdout),
    ("cluster", _cluster),
    ("looks", _looks),
    ("stopping", _stopping),
)


def refuse_what_is_not_offered(study: Experiment) -> None:
    """Raises for the first thing that is written and would not be done.

    Raises:
        DefinitionError: The study asks for something that is not offered yet.
    """
    for field, reason in REFUSED:
        if says := reason(study):
            raise DefinitionError(
                f"the experiment {study.name!r} asks for {says}",
                where=f"{study.name}.{field}",
                hint=f"leave `{field}:` out",
            )
