"""Every kind of study that there is: the built-in ones, and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from steelyard.definition_file import Definition, build
from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.studies import Study
from steelyard.studies.causal import DifferenceInDifferences
from steelyard.studies.experiments import Experiment

__all__ = ["GROUP", "STUDIES", "kinds", "study_from"]

STUDIES: tuple[type[Study], ...] = (Experiment, DifferenceInDifferences)
GROUP = "steelyard.studies"


@cache
def kinds() -> Mapping[str, type[Study]]:
    """Kind, as YAML spells it -> its class; a package joins by an entry point in the group `steelyard.studies`.

    Raises:
        DefinitionError: Two classes claim one kind, or an entry point is no study.
    """
    found: dict[str, type[Study]] = {cls.kind: cls for cls in STUDIES}
    for point in entry_points(group=GROUP):
        cls = point.load()
        if not (isinstance(cls, type) and issubclass(cls, Study)):
            raise DefinitionError(f"the entry point {point.name!r} is no Study", where=point.value)
        if found.get(cls.kind, cls) is not cls:
            raise DefinitionError(f"two classes claim the kind {cls.kind!r}", where=point.value)
        found[cls.kind] = cls
    return found


def study_from(data: Mapping[str, Any], definition: Definition | None = None, *, where: str = "") -> Study:
    """The study that a definition says.

    Args:
        data: Its plain values, with `kind` and `name`.
        definition: The file that it comes from, for the line of what is wrong.
        where: Where it is, when there is no file.

    Raises:
        DefinitionError: It says something that cannot be.
        UnknownNameError: Its kind or one of its fields does not exist.
    """
    place = definition.where(("kind",)) if definition else where
    values = dict(data)
    kind = values.pop("kind", None)
    if kind is None:
        raise DefinitionError("the study says no `kind:`", where=place, hint=f"one of: {', '.join(sorted(kinds()))}")
    if not isinstance(kind, str) or kind not in kinds():
        raise unknown_name("kind of study", str(kind), kinds(), where=place)
    cls = kinds()[kind]
    known = {item.name for item in fields(cls)}
    for name in values:
        if name not in known:
            raise unknown_name(
                f"field of {kind}", name, known, where=definition.where((name,)) if definition else where
            )
    try:
        return build(cls, values, definition)
    except SteelyardError as error:
        raise error.at(definition.path if definition else where) from None
