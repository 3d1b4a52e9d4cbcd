"""Attribution of conversions to the touches before them, such as visits by marketing channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.duration import seconds_of
from steelyard.metrics.product.events import EventRows, check_name, entity_of_each

__all__ = ["MODELS", "TouchAttribution"]

MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay")
Model = Literal["first", "last", "last_non_direct", "linear", "position", "time_decay"]


@dataclass(frozen=True, kw_only=True)
class TouchAttribution:
    """How conversions are credited to the touches before them; its fields are the keys of its YAML.

    Args:
        name: Snake case.
        touches: The rows that are touches.
        conversions: The rows that are conversions; each row is one.
        channel: The column or dimension of the touches that is credited.
        entity: Who was touched and converted; empty for the one entity that both tables share.
        value: What a conversion is worth, such as `orders.amount`; empty where conversions are only counted.
        window: How long before a conversion a touch still counts, both ends included.
        models: `first`, `last`, `last_non_direct` (the last that is not of a channel under `direct`; where all are, the
            last), `linear` (equal shares), `position` (`first_share` and `last_share` for the ends, the rest equally
            for those between; two touches share as the ends do, one has all), `time_decay` (a touch counts half as much
            as one that is a `half_life` later).
        direct: The channels that are no marketing.
        first_share: The share of the first touch, for `position`.
        last_share: The share of the last touch, for `position`.
        half_life: For `time_decay`.
        owner: Who answers for it.
        question: What it answers, as a person would ask.
        description: For a person.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: A word of it cannot be.

    >>> TouchAttribution(
    ...     name="ads", touches=EventRows(table="visits"), conversions=EventRows(table="orders"), channel="campaign"
    ... ).models
    ('last',)
    """

    name: str
    touches: EventRows
    conversions: EventRows
    channel: str
    entity: str = ""
    value: str = ""
    window: str = "30 days"
    models: tuple[Model, ...] = ("last",)
    direct: tuple[str, ...] = ()
    first_share: float = 0.4
    last_share: float = 0.4
    half_life: str = "7 days"
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        check_name("attribution", self.name, self.defined_at)
        for problem, hint in self._problems():
            raise DefinitionError(problem, where=self.defined_at, hint=hint)
        seconds_of(self.window, f"the window of {self.name!r}", self.defined_at)
        seconds_of(self.half_life, f"the half-life of {self.name!r}", self.defined_at)

    def _problems(self) -> Iterator[tuple[str, str]]:
        said = f"the attribution {self.name!r}"
        if not self.channel.strip():
            yield f"{said} names no channel", "add `channel:`, a column of the touches"
        if not self.models or len(set(self.models)) < len(self.models):
            yield f"{said} has the models {', '.join(self.models) or 'none'}", f"give each once: {', '.join(MODELS)}"
        if wrong := [model for model in self.models if model not in MODELS]:
            yield f"{said} has the model {wrong[0]!r}", f"there are {', '.join(MODELS)}"
        if "last_non_direct" in self.models and not self.direct:
            yield f"{said} does not say which channels are direct", "add `direct:`, such as [direct]"
        ends = self.first_share, self.last_share
        if min(ends) < 0 or sum(ends) > 1 or sum(ends) == 0:
            problem = f"{said} gives {ends[0]} to the first touch and {ends[1]} to the last"
            yield problem, "give shares that add to 1 at most"

    @property
    def seconds(self) -> int:
        """The window in seconds."""
        return seconds_of(self.window, "the window")

    @property
    def half_life_seconds(self) -> int:
        """The half-life in seconds."""
        return seconds_of(self.half_life, "the half-life")

    def check(self, catalog: MetricCatalog) -> str:
        """Refuses what cannot be, before anything is read; gives the entity.

        Raises:
            UnknownNameError: A table or an entity is not there.
            DefinitionError: The rows have no time, or lead to different entities.
            PolicyError: A condition names a sensitive column.
        """
        each = {"touches": self.touches, "conversions": self.conversions}
        return entity_of_each(catalog, self.entity, each, self.name, where=self.defined_at)
