"""What drives a metric: its tree, with what each part adds to the change of the last whole period."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from steelyard.dashboards.tile import tile
from steelyard.dashboards.trend import Trend, label_of
from steelyard.document import Block, Figure, Format, Grid, Heading, Inline, Paragraph, Strong, format_value
from steelyard.metrics import MetricCatalog, Tree
from steelyard.metrics.attribution import MOST_FACTORS, product_parts
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["driver_blocks", "driver_contributions"]

NEGLIGIBLE = 1e-6
SIGNS = {("product", False): "×", ("product", True): "÷", ("sum", False): "+", ("sum", True): "−"}


def driver_contributions(
    tree: Tree, before: Mapping[str, float | None], after: Mapping[str, float | None]
) -> dict[str, float] | None:
    """What each branch of a tree adds to the change of its metric, in the metric's own unit.

    Args:
        tree: The tree.
        before: The value of each branch in the earlier of two periods of one length.
        after: In the later one.

    Returns:
        Branch -> contribution, as `explain` takes a metric apart; None where a branch is undefined in either period, or
        there are more than 12 factors.

    >>> from steelyard.metrics.tree import parse_tree
    >>> tree = parse_tree("orders", "visits * rate")
    >>> driver_contributions(tree, {"visits": 10, "rate": 0.5}, {"visits": 20, "rate": 0.5})
    {'visits': 5.0, 'rate': 0.0}
    """
    first, last = _side(tree, before), _side(tree, after)
    if first is None or last is None:
        return None
    names = [branch.metric for branch in tree.branches]
    if tree.kind == "sum":
        parts = tuple(new - old for old, new in zip(first, last, strict=True))
    elif len(names) > MOST_FACTORS:
        return None
    else:
        parts = product_parts(first, last)[1]
    return dict(zip(names, parts, strict=True))


def _side(tree: Tree, values: Mapping[str, float | None]) -> list[float] | None:
    """Each branch as it is multiplied or added."""
    found = []
    for branch in tree.branches:
        value = values.get(branch.metric)
        if value is None or not math.isfinite(value) or (tree.kind == "product" and branch.inverse and value == 0):
            return None
        turned = (1 / value if tree.kind == "product" else -value) if branch.inverse else value
        found.append(float(turned))
    return found


def driver_blocks(
    catalog: MetricCatalog, name: str, trends: Mapping[str, Trend], href: Callable[[str], str]
) -> list[Block]:
    """A metric's tree as tiles, and below it the tree of each part that has one.

    Args:
        catalog: The definitions.
        name: The metric that is taken apart.
        trends: Each metric by period, all asked together, so that their last whole period is one and the same.
        href: Where a metric leads.
    """
    return list(_level(catalog, name, trends, href, set()))


def _level(
    catalog: MetricCatalog, name: str, trends: Mapping[str, Trend], href: Callable[[str], str], seen: set[str]
) -> Iterator[Block]:
    tree = catalog.trees.get(name)
    if tree is None or name in seen or name not in trends:
        return
    if seen:
        yield Heading(f"What drives {label_of(catalog.metric(name)).lower()}", 3)
    seen.add(name)
    shown = [branch for branch in tree.branches if branch.metric in trends]
    parts = _parts(tree, trends)
    yield Paragraph(_formula(catalog, tree, trends, parts))
    tiles = [_tile(trends[branch.metric], trends[name], parts, href) for branch in shown]
    if tiles:
        yield Grid(tiles, columns=4 if len(tiles) == 4 else 3 if len(tiles) > 2 else 2)
    for branch in shown:
        yield from _level(catalog, branch.metric, trends, href, seen)


def _parts(tree: Tree, trends: Mapping[str, Trend]) -> dict[str, float]:
    """What each branch adds between the last two whole periods; nothing where that cannot be told."""
    whole = trends[tree.metric].whole[-2:]
    if len(whole) < 2:
        return {}
    sides = [_values(tree, trends, day) for day, _ in whole]
    return driver_contributions(tree, *sides) or {}


def _values(tree: Tree, trends: Mapping[str, Trend], day: date) -> dict[str, float | None]:
    found = {}
    for branch in tree.branches:
        trend = trends.get(branch.metric)
        value = trend.at(day) if trend is not None else None
        found[branch.metric] = None if value is None else float(value)
    return found


def _tile(trend: Trend, whole: Trend, parts: Mapping[str, float], href: Callable[[str], str]) -> Figure:
    name = trend.metric.name
    note = f"adds {format_value(parts[name], part_format(whole))}" if name in parts else None
    return tile(trend, href=href(name), note=note)


def part_format(trend: Trend) -> Format:
    """How a part of a metric's change is written: money without its cents, parts of a whole number not whole."""
    style = metric_format(trend.metric)
    if style.kind == "money":
        return Format(kind="money", currency=style.currency, digits=0, signed=True)
    if style.kind == "percent":
        return Format.points(2, signed=True)
    return Format.significant(3, signed=True, unit=style.unit)


def _formula(
    catalog: MetricCatalog, tree: Tree, trends: Mapping[str, Trend], parts: Mapping[str, float]
) -> list[Inline]:
    """The tree in words, and how much of the change its parts are."""
    words: list[Inline] = [Strong(label_of(catalog.metric(tree.metric))), " = "]
    for number, branch in enumerate(tree.branches):
        sign = SIGNS[tree.kind, branch.inverse]
        words.append(f" {sign} " if number else f"{sign} " if sign in "÷−" else "")
        words.append(label_of(catalog.metric(branch.metric)).lower())
    left = _left_over(trends[tree.metric], parts)
    words.append(f". {left}" if left else ".")
    return words


def _left_over(trend: Trend, parts: Mapping[str, float]) -> str:
    pair = [value for _, value in trend.whole[-2:]]
    if not parts or len(pair) < 2 or any(value is None for value in pair):
        return ""
    change = float(pair[1]) - float(pair[0])
    left = change - math.fsum(parts.values())
    if abs(left) <= NEGLIGIBLE * max(abs(change), *(abs(part) for part in parts.values()), abs(float(pair[1]))):
        return "The parts add up to the change."
    return f"Of the change, {format_value(left, part_format(trend))} is in none of the parts."
