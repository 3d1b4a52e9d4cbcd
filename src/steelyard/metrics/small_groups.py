"""Which groups of an answer are too small to be told, and which must go with them so that nothing tells of those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from steelyard.errors import DefinitionError, PolicyError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.question import Question
from steelyard.metrics.unit_table import unit_places

if TYPE_CHECKING:
    from steelyard.metrics.facts import Fact

__all__ = ["refuse_small", "refuse_uncounted", "size_of_groups", "small_groups"]

Line = tuple[int, ...]


def small_groups(
    keys: Sequence[tuple[Any, ...]], sizes: Sequence[Sequence[int]], smallest: int
) -> tuple[frozenset[int], frozenset[int]]:
    """The groups that are too small, and those that are left out beside them.

    A group is too small when one of its numbers is of some units, and of fewer than `smallest`. A total that all can
    ask for, less the groups that are shown, would tell a single small group after all: so in every line of the table
    (groups that differ in one key) further groups go, the smallest first, until those that are left out are of
    `smallest` units together, or none is shown.

    Args:
        keys: The groups; each at one place.
        sizes: Of each group, how many units each number is of; 0 is no secret.
        smallest: The fewest units that are told of.

    Returns:
        Places of the groups that are too small, and of those left out beside them.

    Source: Willenborg and de Waal (2001), Elements of Statistical Disclosure Control, chapter 6: primary and secondary
        suppression with a threshold; line by line here, so that several lines together may still tell bounds.

    >>> small_groups([("AT",), ("CH",), ("DE",)], [[4], [30], [500]], 10)
    (frozenset({0}), frozenset({1}))
    """
    small = frozenset(place for place, own in enumerate(sizes) if any(0 < size < smallest for size in own))
    hidden, before = set(small), -1
    lines = _lines(keys) if small else []
    while len(hidden) != before:
        before = len(hidden)
        for line in lines:
            if not hidden.isdisjoint(line):
                for number in range(len(sizes[line[0]])):
                    _hide_beside(line, [own[number] for own in sizes], hidden, smallest)
    return small, frozenset(hidden) - small


def _lines(keys: Sequence[tuple[Any, ...]]) -> list[Line]:
    found: dict[tuple[Any, ...], list[int]] = {}
    for place, key in enumerate(keys):
        for number in range(len(key)):
            found.setdefault((number, *key[:number], *key[number + 1 :]), []).append(place)
    return [tuple(line) for line in found.values()]


def _hide_beside(line: Line, sizes: Sequence[int], hidden: set[int], smallest: int) -> None:
    """Hides more groups of the line while those that are hidden are of too few units together."""
    together = sum(sizes[place] for place in line if place in hidden)
    shown = sorted((place for place in line if place not in hidden and sizes[place]), key=lambda at: (sizes[at], at))
    for place in shown:
        if not 0 < together < smallest:
            return
        hidden.add(place)
        together += sizes[place]


def size_of_groups(catalog: MetricCatalog, fact: Fact) -> str:
    """The SQL that counts the units of a group of a fact's rows.

    Raises:
        UnknownNameError: The entity that is counted is none.
        DefinitionError: The rows say in two ways of which unit they are.
    """
    entity = catalog.smallest_group_of
    found = unit_places(catalog, fact.table, entity) if entity else []
    if len(found) > 1:
        ways = " and ".join(str(place) for place in found)
        problem = f"the rows of {fact.table!r} say in two ways of which {entity} they are: {ways}"
        raise DefinitionError(problem, where="smallest_group_of in steelyard.toml")
    return f"count(DISTINCT {fact.column(found[0])})" if found else "count(*)"


def refuse_small(catalog: MetricCatalog, what: str, hint: str) -> None:
    """Refuses what could tell of fewer units than the project's smallest group, and is not counted.

    Raises:
        PolicyError: The project has a smallest group.
    """
    if catalog.smallest_group > 1:
        said = f"{catalog.smallest_group} {catalog.smallest_group_of or 'rows'}"
        raise PolicyError(
            f"{what}, and this project tells of no fewer than {said}",
            where="smallest_group in steelyard.toml",
            hint=hint,
        )


def refuse_uncounted(catalog: MetricCatalog, question: Question, *, window: bool) -> None:
    """Refuses a window, and a balance of a part of the rows, for nobody counts the units that it is of.

    Args:
        catalog: The definitions.
        question: What is asked.
        window: Whether it is a window, which is of the rows of a few days, and less the one before of those of one.

    Raises:
        PolicyError: It is so.
    """
    if window:
        refuse_small(catalog, "the units of a window are not counted", "ask for the metric that it is a window of")
    elif question.by or question.where or question.context:
        what = "the units of a balance are not counted by group"
        refuse_small(catalog, what, "ask for it of everything: without dimensions and conditions")
