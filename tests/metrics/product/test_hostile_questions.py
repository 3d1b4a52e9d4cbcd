"""Dimensions that are called as an answer's own columns, bridges, days that mean never: right or refused."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import (
    Cohorts,
    EventRows,
    Funnel,
    FunnelStep,
    Lifecycle,
    Paths,
    ProductTable,
    Sessions,
    TouchAttribution,
    run_attribution,
    run_cohorts,
    run_funnel,
    run_lifecycle,
    run_paths,
    run_sessions,
)
from steelyard.warehouse import Bridge, TableDeclaration, Warehouse, connect

NAMES = (
    "step", "entities", "position", "conversion", "open_starts", "step_0", "total_1", "sessions", "events",
    "bounce_rate", "cohort", "k", "size", "retained", "rate", "cohorts", "period", "active", "new", "complete", "model",
    "channel", "conversions", "value", "path", "steps", "ended", "count", "share", "from", "to", "times", "total",
    "kinds", "place", "step_1", "entity", "moment", "segment_0", "meets",
)  # fmt: skip
ROWS = (
    (1, 1, datetime(2026, 3, 1, 9), "view", 0, "ads", "x"),
    (2, 1, datetime(2026, 3, 1, 10), "buy", 10, None, "x"),
    (3, 2, datetime(2026, 3, 2, 9), "view", 0, "mail", "y"),
    (4, 2, datetime(2026, 3, 2, 10), "buy", -5, None, "y"),
)
IDS = {"user": ("user_id",)}
VIEWS, BUYS = EventRows(table="events", where="what = 'view'"), EventRows(table="events", where="what = 'buy'")
STEPS = tuple(FunnelStep(name=name, where=f"what = '{name}'") for name in ("view", "buy"))
Run = Callable[..., ProductTable]
KINDS: dict[str, tuple[Run, Any]] = {
    "funnel": (run_funnel, Funnel(name="f", entity="user", table="events", steps=STEPS, window="1 day")),
    "sessions": (run_sessions, Sessions(name="s", entity="user", table="events")),
    "cohorts": (
        run_cohorts,
        Cohorts(name="c", entity="user", start=VIEWS, activity=BUYS, periods=1, value="events.amount"),
    ),
    "lifecycle": (run_lifecycle, Lifecycle(name="l", entity="user", table="events", period="week")),
    "attribution": (
        run_attribution,
        TouchAttribution(
            name="a", entity="user", touches=VIEWS, conversions=BUYS, channel="source", value="events.amount",
            models=("linear",),
        ),
    ),
    "paths": (run_paths, Paths(name="p", entity="user", table="events", step="what")),
}  # fmt: skip


def events(*more: tuple[Any, ...]) -> pa.Table:
    rows = [*ROWS, *more]
    own = ("event_id", "user_id", "at", "what", "amount", "source")
    columns: dict[str, Any] = {name: [row[place] for row in rows] for place, name in enumerate(own)}
    return pa.table(
        {**columns, "at": pa.array(columns["at"], pa.timestamp("us")), **{n: [r[6] for r in rows] for n in NAMES}}
    )


def catalog(weight: str = "") -> MetricCatalog:
    return MetricCatalog.of(
        metrics=[],
        tables=[
            TableDeclaration(
                name="events", key=("event_id",), entity="event", time="at", entities=IDS, dimensions=("what", *NAMES)
            ),
            TableDeclaration(
                name="links",
                entities={"event": ("event_id",), "tag": ("tag_id",)},
                bridge=Bridge(of="event", to="tag", weight=weight),
            ),
            TableDeclaration(name="tags", key=("tag_id",), entity="tag", dimensions=("tag",)),
        ],
    )


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    links = {"event_id": [1, 2, 2, 3, 3, 4], "tag_id": [7, 7, 8, 7, 8, 8], "share": [1.0, 0.5, 0.5, 0.5, 0.5, 1.0]}
    tags = pa.table({"tag_id": [7, 8], "tag": ["seven", "eight"]})
    with connect({"events": events(), "links": pa.table(links), "tags": tags}) as made:
        yield made


def ask(kind: str, place: Warehouse, weight: str = "", **asked: Any) -> ProductTable:
    run, definition = KINDS[kind]
    return run(catalog(weight), place, definition, **asked)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dimension_may_be_called_as_a_column_of_the_answer(kind: str, warehouse: Warehouse) -> None:
    plain = ask(kind, warehouse, by="meets")
    assert plain.by == ("meets",)
    for name in NAMES:
        found = ask(kind, warehouse, by=name)
        assert found.by[0] in (name, f"events.{name}")
        for table in ("", *plain.tables):
            assert [list(row.values()) for row in found.rows(table)] == [
                list(row.values()) for row in plain.rows(table)
            ]


@pytest.mark.parametrize("weight", ["", "share"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_with_many_of_a_dimension_is_in_no_one_group(kind: str, weight: str, warehouse: Warehouse) -> None:
    with pytest.raises(DefinitionError, match=r"one row of 'events' has many 'tags\.tag'"):
        ask(kind, warehouse, weight, by="tag")
    bare, same = (ask(kind, warehouse, given, where="tag = 'seven'").rows() for given in ("", "share"))
    assert bare == same


def test_a_channel_of_which_a_touch_has_many_is_refused(warehouse: Warehouse) -> None:
    shared = TouchAttribution(name="a", entity="user", touches=VIEWS, conversions=BUYS, channel="tag", models=("last",))
    with pytest.raises(DefinitionError, match=r"has many 'tags\.tag'"):
        run_attribution(catalog("share"), warehouse, shared)


@pytest.mark.parametrize("kind", ["cohorts", "lifecycle"])
def test_a_day_that_means_never_is_refused_and_can_be_left_out(kind: str) -> None:
    never = (5, 3, datetime(9999, 12, 31), "view", 0, "ads", "x")
    with connect({"events": events(never)}) as warehouse:
        with pytest.raises(DataError, match="the data reaches to 9999-12-31"):
            ask(kind, warehouse)
        if kind == "cohorts":
            assert sum(row["size"] for row in ask(kind, warehouse, complete_through="2026-03-31").rows()) == 2
        else:
            with pytest.raises(DataError, match="no period comes after"):
                ask(kind, warehouse, complete_through="2026-03-31")
            known = Lifecycle(name="l", entity="user", table="events", exclude="user_id = 3", period="week")
            found = run_lifecycle(catalog(), warehouse, known, complete_through="2026-03-31")
            assert sum(row["new"] for row in found.rows()) == 2


def test_periods_that_end_after_all_days_are_never_over() -> None:
    endless = Cohorts(name="c", start=VIEWS, activity=BUYS, every="9999 days", periods=400)
    assert endless.ends(date(2026, 3, 2), 399, None) == date.max
