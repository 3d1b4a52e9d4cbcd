"""The longest way through the graph, against brute force, and the time that workers need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.pipeline.critical_path import critical_path, typical_seconds


def longest(name, inputs, seconds):
    return seconds[name] + max((longest(read, inputs, seconds) for read in inputs[name]), default=0.0)


graphs = st.lists(st.tuples(st.lists(st.integers(0, 7), max_size=3), st.integers(0, 20)), min_size=1, max_size=8)


@given(graphs, st.integers(1, 4))
def test_the_path_is_the_longest_and_no_number_of_workers_beats_it(graph, workers):
    inputs = {f"t{n}": sorted({f"t{m}" for m in read if m < n}) for n, (read, _) in enumerate(graph)}
    seconds = {f"t{n}": float(took) for n, (_, took) in enumerate(graph)}
    found = critical_path(inputs, seconds, workers=workers)
    assert found.seconds == max(longest(name, inputs, seconds) for name in inputs)
    assert found.seconds == sum(seconds[name] for name in found.tables)
    assert all(one in inputs[other] for one, other in zip(found.tables, found.tables[1:], strict=False))
    assert max(found.seconds, sum(seconds.values()) / workers) <= found.ready_after <= sum(seconds.values())
    assert critical_path(inputs, seconds, workers=1).ready_after == sum(seconds.values())
    assert critical_path(inputs, seconds, workers=8).ready_after == found.seconds


def test_what_never_ran_is_named_and_the_end_is_a_moment():
    start = datetime(2026, 1, 1, 6, tzinfo=UTC)
    found = critical_path({"b": ["a"]}, {"a": 60}, started_at=start)
    assert (found.unknown, found.ready_at) == (("b",), start + timedelta(minutes=1))
    assert critical_path({}, {}).tables == ()


def test_a_circle_is_an_error():
    with pytest.raises(DefinitionError, match="circle"):
        critical_path({"a": ["b"], "b": ["a"]}, {})


def test_typical_times_are_medians_of_the_last_ten_runs():
    runs = [{"seconds": 100.0}] * 5 + [{"seconds": float(n)} for n in range(10)]
    state = {
        "build/t": {"runs": runs},
        "load/s": {"loads": [{"seconds": 3}], "cursor": ""},
        "else": 1,
        "load/x": {"loads": []},
    }
    assert typical_seconds(state, {"s": "raw"}) == {"t": 4.5, "raw": 3.0}
