"""How long each table takes, the longest way through the graph, and when the data will be ready."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from steelyard.errors import DefinitionError

__all__ = ["CriticalPath", "critical_path", "typical_seconds"]

LAST_RUNS = 10


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """The longest way through the graph: to be ready earlier, make a table on it faster.

    Args:
        tables: The tables on it, in the order of building.
        seconds: Their time together: no number of workers is faster.
        each: Table -> seconds that it is expected to take.
        ready_after: Seconds until everything is ready with the workers that there are.
        ready_at: That moment; None where the start is not known.
        unknown: Tables that never ran, counted as 0 seconds: the estimate is too low by theirs.
    """

    tables: tuple[str, ...]
    seconds: float
    each: Mapping[str, float] = field(default_factory=dict)
    ready_after: float = 0.0
    ready_at: datetime | None = None
    unknown: tuple[str, ...] = ()


def critical_path(
    inputs: Mapping[str, Sequence[str]],
    seconds: Mapping[str, float],
    *,
    started_at: datetime | None = None,
    workers: int = 2,
) -> CriticalPath:
    """The longest way through the graph, and when all of it will be ready.

    Args:
        inputs: Table -> the tables that must be ready before it; a name without inputs need not be given.
        seconds: Table -> how long it takes.
        started_at: When the refresh begins or began.
        workers: How many tables run at one time; a free worker takes the table with the longest way behind it.

    Raises:
        DefinitionError: Tables wait for each other in a circle.

    >>> found = critical_path({"orders": ["raw"], "daily": ["orders"], "people": ["raw"]},
    ...     {"raw": 5, "orders": 2, "daily": 1, "people": 2.5}, workers=1)
    >>> found.tables, found.seconds, found.ready_after
    (('raw', 'orders', 'daily'), 8.0, 10.5)
    """
    names = list(dict.fromkeys([*(name for read in inputs.values() for name in read), *inputs]))
    order = _in_order(names, inputs)
    took = {name: float(seconds.get(name, 0.0)) for name in order}
    longest: dict[str, tuple[float, tuple[str, ...]]] = {}
    for name in order:
        before = max((longest[read] for read in inputs.get(name, ())), default=(0.0, ()), key=lambda way: way[0])
        longest[name] = (before[0] + took[name], (*before[1], name))
    total, path = max(longest.values(), default=(0.0, ()), key=lambda way: way[0])
    ready = _makespan(order, inputs, took, workers)
    return CriticalPath(
        tables=path,
        seconds=total,
        each=took,
        ready_after=ready,
        ready_at=None if started_at is None else started_at + timedelta(seconds=ready),
        unknown=tuple(name for name in order if name not in seconds),
    )


def typical_seconds(state: Mapping[str, Any], tables: Mapping[str, str] | None = None) -> dict[str, float]:
    """Table -> the median time of its last ten loads or builds, from what the store remembers.

    Args:
        state: The state of a snapshot of the store.
        tables: Source -> the table that it loads, where the names differ.
    """
    found: dict[str, float] = {}
    for key, value in sorted(state.items()):
        kind, _, name = key.partition("/")
        runs = value.get({"build": "runs", "load": "loads"}.get(kind, ""), ()) if isinstance(value, Mapping) else ()
        last = [float(run["seconds"]) for run in runs][-LAST_RUNS:]
        if last:
            found[(tables or {}).get(name, name) if kind == "load" else name] = statistics.median(last)
    return found


def _in_order(names: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> list[str]:
    order: list[str] = []
    left = list(names)
    while left:
        free = [name for name in left if not any(read in left for read in inputs.get(name, ()))]
        if not free:
            raise DefinitionError(f"tables wait for each other in a circle: {', '.join(left)}")
        order += free
        left = [name for name in left if name not in free]
    return order


def _makespan(
    order: Sequence[str], inputs: Mapping[str, Sequence[str]], took: Mapping[str, float], workers: int
) -> float:
    """When the last table ends, if a free worker takes the table with the longest way behind it."""
    behind: dict[str, float] = {}
    for name in reversed(order):
        after = [behind[other] for other in order if name in inputs.get(other, ()) and other in behind]
        behind[name] = took[name] + max(after, default=0.0)
    now, ended, waiting = 0.0, set[str](), list(order)
    running: list[tuple[float, str]] = []
    while waiting or running:
        free = [name for name in waiting if all(read in ended for read in inputs.get(name, ()))]
        for name in sorted(free, key=lambda name: -behind[name])[: max(1, workers) - len(running)]:
            waiting.remove(name)
            heapq.heappush(running, (now + took[name], name))
        now, name = heapq.heappop(running)
        ended.add(name)
    return now
