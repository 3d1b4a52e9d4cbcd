"""What the words of an experiment can say and no method here carries out yet: refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.sources import Stage

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["refuse_what_is_not_offered"]


def _layer(study: Experiment) -> str:
    return f"the layer {study.layer!r}: nothing keeps its experiments apart yet" if study.layer else ""


def _cluster(study: Experiment) -> str:
    return f"the cluster {study.cluster!r}: errors are those of independent units" if study.cluster else ""


def _looks(study: Experiment) -> str:
    if study.looks in ("", "once"):
        return ""
    return f"looks {study.looks!r}: more than one look needs a stopping rule that pays for it"


def _stopping(study: Experiment) -> str:
    rules = set(study.stopping_rules)
    return "" if rules == {"fixed"} else f"the stopping rules {sorted(rules)!r}: only 'fixed', one look, is offered"


def _stages(study: Experiment) -> str:
    own = [stage for stage in study.ramp if isinstance(stage, Stage) and stage.arms]
    other = [stage for stage in own if dict(stage.arms) != dict(study.arms)]
    return f"a stage with a split of its own, {dict(other[0].arms)!r}: pooling over it misleads" if other else ""


REFUSED: tuple[tuple[str, Callable[[Experiment], str]], ...] = (
    ("layer", _layer),
    ("cluster", _cluster),
    ("looks", _looks),
    ("stopping", _stopping),
    ("ramp", _stages),
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
