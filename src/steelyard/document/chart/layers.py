"""Places for the nodes of a graph: layers by longest path, rows by the middle of the neighbours.

Source: Sugiyama, Tagawa and Toda (1981), "Methods for visual understanding of hierarchical system structures".
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError

SWEEPS = 8


@dataclass(frozen=True)
class Layered:
    """Layer and row of every node and of the bends of long edges, and each edge as the chain of places it passes."""

    layer: dict[str, int]
    row: dict[str, float]
    chains: list[list[str]]


def lay_out(ids: Sequence[str], edges: Sequence[tuple[str, str]], where: str = "") -> Layered:
    """Place the nodes so that every edge leads to the right and few cross.

    Raises:
        DefinitionError: the edges form a circle.

    >>> lay_out(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")]).layer["c"]
    2
    """
    layer = _longest_paths(ids, edges, where)
    chains: list[list[str]] = []
    for number, (start, end) in enumerate(edges):
        # The name of a bend cannot be that of a node: it holds a character that text never shows.
        bends = [f"\x00{number}.{level}" for level in range(layer[start] + 1, layer[end])]
        layer |= {bend: layer[start] + 1 + index for index, bend in enumerate(bends)}
        chains.append([start, *bends, end])
    rows = _order(layer, chains)
    return Layered(layer, _place(rows, chains), chains)


def _longest_paths(ids: Sequence[str], edges: Sequence[tuple[str, str]], where: str) -> dict[str, int]:
    waiting = dict.fromkeys(ids, 0)
    children: dict[str, list[str]] = {name: [] for name in ids}
    for start, end in edges:
        waiting[end] += 1
        children[start].append(end)
    layer = dict.fromkeys(ids, 0)
    ready = [name for name in ids if not waiting[name]]
    for name in ready:
        for child in children[name]:
            layer[child] = max(layer[child], layer[name] + 1)
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    if len(ready) < len(ids):
        circle = ", ".join(f"'{name}'" for name in ids if name not in set(ready))
        raise DefinitionError(f"the graph goes round in a circle through {circle}", where=where)
    return layer


def _order(layer: dict[str, int], chains: list[list[str]]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name, level in layer.items():
        rows[level].append(name)
    before, after = _neighbours(layer, chains)
    best, fewest = [list(row) for row in rows], crossings(rows, chains)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for level in range(1, len(rows)) if forward else range(len(rows) - 2, -1, -1):
            beside = rows[level - 1 if forward else level + 1]
            seat = {name: index for index, name in enumerate(beside)}
            near = before if forward else after
            middle = {name: _mean([seat[other] for other in near[name]]) for name in rows[level]}
            kept = {name: float(index) for index, name in enumerate(rows[level])}
            rows[level].sort(key=lambda name, m=middle, k=kept: k[name] if m[name] is None else m[name])  # type: ignore[misc]
        count = crossings(rows, chains)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def crossings(rows: list[list[str]], chains: list[list[str]]) -> int:
    """Count the pairs of edges that cross."""
    seat = {name: (level, index) for level, row in enumerate(rows) for index, name in enumerate(row)}
    steps: dict[int, list[tuple[int, int]]] = {}
    for chain in chains:
        for start, end in itertools.pairwise(chain):
            steps.setdefault(seat[start][0], []).append((seat[start][1], seat[end][1]))
    return sum(
        (a - c) * (b - d) < 0 for pairs in steps.values() for i, (a, b) in enumerate(pairs) for c, d in pairs[i + 1 :]
    )


def _place(rows: list[list[str]], chains: list[list[str]]) -> dict[str, float]:
    place = {name: float(index) for row in rows for index, name in enumerate(row)}
    tallest = max((len(row) for row in rows), default=0)
    before, after = _neighbours(place, chains)
    for row in rows:
        shift = (tallest - len(row)) / 2
        place |= {name: place[name] + shift for name in row}
    for _ in range(SWEEPS):
        for row in rows:
            wanted = [_mean([place[other] for other in (*before[name], *after[name])]) for name in row]
            asked = [place[name] if want is None else want for name, want in zip(row, wanted, strict=True)]
            place |= dict(zip(row, _apart(asked, tallest - 1), strict=True))
    lowest = min(place.values(), default=0.0)
    return {name: value - lowest for name, value in place.items()}


def _apart(asked: list[float], most: float) -> list[float]:
    moved: list[float] = []
    for want in asked:
        moved.append(max(want, moved[-1] + 1) if moved else max(want, 0.0))
    ceiling = most
    for index in range(len(moved) - 1, -1, -1):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - 1
    return moved


def _neighbours(
    names: dict[str, int] | dict[str, float], chains: list[list[str]]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    for chain in chains:
        for start, end in itertools.pairwise(chain):
            before[end].append(start)
            after[start].append(end)
    return before, after


def _mean(values: list[int] | list[float]) -> float | None:
    return sum(values) / len(values) if values else None
