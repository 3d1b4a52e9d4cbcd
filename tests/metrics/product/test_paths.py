"""Paths, against lists of each entity's steps."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import Paths, ProductTable, run_paths
from steelyard.warehouse import TableDeclaration, connect

START = datetime(2026, 1, 1)
EVENTS = TableDeclaration(
    name="events", time="ts", zone="UTC", entities={"user": ("user_id",)}, dimensions=("page", "device")
)
CATALOG = MetricCatalog.of(metrics=[], tables=[EVENTS])
PATHS = Paths(name="p", table="events", step="page", anchor="x", length=2)
Row = tuple[str | None, int, str | None]


def run(paths: Paths, rows: Sequence[Row], catalog: MetricCatalog = CATALOG, **asked: Any) -> ProductTable:
    table = pa.table(
        {
            "user_id": pa.array([row[0] for row in rows], pa.string()),
            "ts": pa.array([START + timedelta(minutes=row[1]) for row in rows], pa.timestamp("us")),
            "page": pa.array([row[2] for row in rows], pa.string()),
            "device": pa.array(["phone" if row[0] == "a" else None for row in rows], pa.string()),
        }
    )
    with connect({"events": table}) as warehouse:
        return run_paths(catalog, warehouse, paths, **asked)


def by_hand(paths: Paths, rows: Sequence[Row]) -> Counter[tuple[str, ...]]:
    """Each path in the order of time, with its count."""
    found: Counter[tuple[str, ...]] = Counter()
    for user in {row[0] for row in rows}:
        told = sorted((row[1], row[2] or "(unknown)") for row in rows if row[0] == user)
        if paths.collapse:
            told = [item for n, item in enumerate(told) if n == 0 or item[1] != told[n - 1][1]]
        places = [n for n, item in enumerate(told) if paths.anchor in ("", item[1])]
        for place in places[:1] if paths.starts == "first" else places:
            if paths.direction == "after":
                near = told[place : place + paths.length + 1]
            else:
                near = told[max(place - paths.length, 0) : place + 1]
            window = (paths.seconds or 10**9) // 60
            found[tuple(step for minute, step in near if abs(minute - told[place][0]) <= window)] += 1
    return found


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.sampled_from(("x", "y", "z", None))), max_size=14
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=ROWS,
    anchor=st.sampled_from(("x", "")),
    direction=st.sampled_from(("after", "before")),
    starts=st.sampled_from(("first", "every")),
    collapse=st.booleans(),
    window=st.sampled_from(("", "3 minutes")),
)
def test_paths_and_transitions_are_what_the_lists_say(
    rows: list[Row], anchor: str, direction: Any, starts: Any, collapse: bool, window: str
) -> None:
    asked = replace(PATHS, anchor=anchor, direction=direction, starts=starts, collapse=collapse, window=window)
    answer = run(asked, rows, top=1000)
    expected = by_hand(asked, rows)
    assert {tuple(row["path"].split(" > ")): row["count"] for row in answer.rows()} == expected
    counts = [row["count"] for row in answer.rows()]
    assert counts == sorted(counts, reverse=True)
    assert sum(row["share"] for row in answer.rows()) == pytest.approx(1 if expected else 0)
    pairs: Counter[tuple[str, str]] = Counter()
    for path, count in expected.items():
        whole = path
        if len(path) <= asked.length:
            whole = (*path, "(end)") if direction == "after" else ("(start)", *path)
        for one, other in pairwise(whole):
            pairs[one, other] += count
    assert {(row["from"], row["to"]): row["count"] for row in answer.rows("transitions")} == pairs


def test_what_is_not_among_the_most_common_is_other_and_adds_up() -> None:
    rows: list[Row] = [("a", 0, "x"), ("a", 1, "y"), ("b", 0, "x"), ("b", 1, "y"), ("c", 0, "x"), ("c", 1, "z"),
                       ("d", 0, "x")]  # fmt: skip
    answer = run(PATHS, rows, top=1)
    assert [(row["path"], row["ended"], row["count"], row["share"]) for row in answer.rows()] == [
        ("x > y", True, 2, 0.5), ("(other)", None, 2, 0.5),
    ]  # fmt: skip
    assert "The 2 less common of 3 paths are in (other)." in answer.notes
    by_device = run(PATHS, rows, top=1, by="device").rows()
    assert [(row["device"], row["path"], row["count"]) for row in by_device] == [
        ("(unknown)", "x > y", 1), ("(unknown)", "(other)", 2), ("phone", "x > y", 1),
    ]  # fmt: skip
    assert "x > y" in answer.to_text()


def test_a_range_and_a_condition_are_of_the_anchor() -> None:
    day = 24 * 60
    rows: list[Row] = [("a", 0, "x"), ("a", day, "y"), ("b", day, "x"), (None, 0, "x")]
    assert [row["path"] for row in run(PATHS, rows, until="2026-01-01").rows()] == ["x > y"]
    assert [row["path"] for row in run(PATHS, rows, since="2026-01-02").rows()] == ["x"]
    assert [row["path"] for row in run(PATHS, rows, where="device = 'phone'").rows()] == ["x > y"]
    assert run(PATHS, rows, since="2027-01-01").notes[-1] == "No row is an anchor in the range."
    assert "1 of 4 rows of events (steps) do not say whom they are of and are left out." in run(PATHS, rows).notes


@pytest.mark.parametrize(
    ("given", "says"),
    [({"step": ""}, "name no step"), ({"table": ""}, "name no table"), ({"length": 0}, "have 0 steps"),
     ({"direction": "up"}, "go 'up'"), ({"starts": "last"}, "start at 'last'"), ({"window": "-1 day"}, "no length")],
)  # fmt: skip
def test_what_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        replace(PATHS, **given)


def test_what_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match="'pge'"):
        run(replace(PATHS, step="pge"), [])
    with pytest.raises(UnknownNameError, match="no table named 'evnts'"):
        run(replace(PATHS, table="evnts"), [])
    with pytest.raises(PolicyError, match="sensitive"):
        run(PATHS, [], MetricCatalog.of(metrics=[], tables=[EVENTS], sensitive=("page",)))
    with pytest.raises(DefinitionError, match="top = 0"):
        run(PATHS, [], top=0)
