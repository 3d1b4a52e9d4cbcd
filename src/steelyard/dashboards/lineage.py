"""What is made of what: sources and tables as a drawn graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steelyard.document import Block, Callout, GraphChart, GraphNode
from steelyard.errors import SteelyardError

__all__ = ["Station", "lineage_chart"]

Status = Literal["good", "bad", "warning", "neutral"]


@dataclass(frozen=True, kw_only=True)
class Station:
    """One source or table of the graph.

    Args:
        name: The table.
        inputs: The tables that it is made of.
        status: `good`, `bad`, `warning` or `neutral`.
        detail: A few words under the name.
        href: Where it leads.
    """

    name: str
    inputs: Sequence[str] = ()
    status: Status = "neutral"
    detail: str | None = None
    href: str | None = None


def lineage_chart(title: str, stations: Iterable[Station], *, around: str | None = None) -> Block:
    """The graph; where tables read each other in a circle, what is wrong with it.

    Args:
        title: What is shown.
        stations: The tables.
        around: A table; only what it is made of, and what is made of it, is drawn.
    """
    known = {station.name: station for station in stations}
    inputs = {name: [item for item in station.inputs if item in known] for name, station in known.items()}
    kept = set(known) if around is None else _related(inputs, around)
    nodes = [
        GraphNode(name, status=station.status, detail=station.detail, href=station.href)
        for name, station in known.items()
        if name in kept
    ]
    edges = [(source, name) for name in known for source in inputs[name] if name in kept and source in kept]
    try:
        return GraphChart(title, nodes, edges)
    except SteelyardError as error:
        return Callout("bad", title, error.problem)


def _related(inputs: Mapping[str, Sequence[str]], around: str) -> set[str]:
    outputs: dict[str, list[str]] = {}
    for name, sources in inputs.items():
        for source in sources:
            outputs.setdefault(source, []).append(name)
    return _reached(inputs, around) | _reached(outputs, around)


def _reached(leads: Mapping[str, Sequence[str]], start: str) -> set[str]:
    found, left = {start}, [start]
    while left:
        fresh = [name for name in leads.get(left.pop(), ()) if name not in found]
        found.update(fresh)
        left += fresh
    return found
