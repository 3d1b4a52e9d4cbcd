"""What every product answer has: a text, a page, plain values, and how it was made; and definitions from plain data."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from steelyard.definition_file import build, read_definition
from steelyard.document import to_html, to_json
from steelyard.errors import UnknownNameError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import (
    Cohorts,
    Funnel,
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
from steelyard.warehouse import Store, TableDeclaration, connect

YAML = """
funnels:
  checkout:
    table: events
    entity: user
    window: 24 hours
    sequence: seq
    start: first
    steps:
      - {name: view, where: "step = 'view'"}
      - {name: cart, where: "step = 'cart'"}
    without: {where: "step = 'leave'", after: view}
    quantiles: 0.5
sessions:
  visits: {table: events, gap: 45 minutes, break_at_midnight: true, new_on: campaign}
cohorts:
  repurchase:
    start: {table: orders}
    activity: {table: orders}
    cohort: month
    every: month
    periods: 3
    value: orders.amount
lifecycles:
  users: {table: events, period: month}
attributions:
  marketing:
    touches: {table: events, where: "step = 'view'"}
    conversions: {table: orders}
    channel: campaign
    value: orders.amount
    models: [first, linear]
paths:
  from_view: {table: events, step: step, anchor: view, length: 3}
"""
KINDS: Mapping[str, tuple[type, Callable[..., ProductTable]]] = {
    "funnels": (Funnel, run_funnel),
    "sessions": (Sessions, run_sessions),
    "cohorts": (Cohorts, run_cohorts),
    "lifecycles": (Lifecycle, run_lifecycle),
    "attributions": (TouchAttribution, run_attribution),
    "paths": (Paths, run_paths),
}
IDS = {"user": ("user_id",)}
CATALOG = MetricCatalog.of(
    metrics=[],
    tables=[
        TableDeclaration(name="events", time="at", entities=IDS, dimensions=("step", "campaign")),
        TableDeclaration(name="orders", time="at", entities=IDS),
    ],
)


def tables() -> dict[str, pa.Table]:
    at = [datetime(2026, 1, 1, hour) for hour in (9, 10, 11)]
    return {
        "events": pa.table(
            {"user_id": [1, 1, 2], "at": at, "step": ["view", "cart", "view"], "campaign": ["ads", None, "mail"],
             "seq": [1, 2, 3]}
        ),
        "orders": pa.table({"user_id": [1, 2], "at": at[1:], "amount": [Decimal("1.50"), Decimal("2.00")]}),
    }  # fmt: skip


def definition(section: str) -> Any:
    read = read_definition("product.yml", text=YAML)
    ((name, said),) = read.data[section].items()
    return build(KINDS[section][0], {**said, "name": name}, read, (section, name))


@pytest.mark.parametrize("section", KINDS)
def test_a_definition_is_made_of_plain_data_and_its_answer_is_shown_everywhere(section: str) -> None:
    asked = definition(section)
    with connect(tables()) as warehouse:
        answer = KINDS[section][1](CATALOG, warehouse, asked)
    assert answer.table.num_rows > 0
    assert answer.name == asked.name
    assert answer.name.replace("_", " ").capitalize() in answer.to_text()
    assert "SELECT" in to_html(answer.blocks())
    assert json.dumps(to_json(answer.blocks()))
    assert answer.to_markdown()
    said = json.loads(json.dumps(answer.to_dict()))
    assert said["how"]["definition"]["definition"]["name"] == asked.name
    assert "defined_at" not in said["how"]["definition"]["definition"]
    assert said["how"]["rules"]
    assert answer.provenance.reads[-1].rows >= 1
    assert answer.provenance.from_dict(answer.provenance.to_dict()) == answer.provenance
    assert answer.to_pandas().shape[0] == answer.table.num_rows


@pytest.mark.parametrize("section", KINDS)
def test_a_word_that_is_no_key_is_refused_with_its_line(section: str) -> None:
    read = read_definition("product.yml", text=YAML)
    ((name, said),) = read.data[section].items()
    with pytest.raises(UnknownNameError, match="no key named 'tabel'"):
        build(KINDS[section][0], {**said, "name": name, "tabel": "x"}, read, (section, name))


@pytest.mark.parametrize("section", KINDS)
def test_tables_without_rows_give_an_answer(section: str) -> None:
    empty = {name: table.slice(0, 0) for name, table in tables().items()}
    given = {"complete_through": "2026-01-31"} if section in ("cohorts", "lifecycles") else {}
    with connect(empty) as warehouse:
        answer = KINDS[section][1](CATALOG, warehouse, definition(section), **given)
    assert answer.to_text()
    assert json.dumps(answer.to_dict())


def test_the_answer_names_the_versions_that_it_read(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with store.transaction("shop") as change:
        change.create(
            "orders", "SELECT 1 AS user_id, TIMESTAMP '2026-01-01 10:00:00' AS at, CAST(1.5 AS DECIMAL(9, 2)) AS amount"
        )
    with store.warehouse() as warehouse:
        answer = run_cohorts(CATALOG, warehouse, definition("cohorts"))
        (read,) = answer.how.tables
        assert (read.name, read.version_id) == ("orders", warehouse.version("orders").version_id)
    assert read.version_id[:12] in answer.how.to_text()


def test_a_further_table_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with connect(tables()) as warehouse:
        answer = run_paths(CATALOG, warehouse, definition("paths"))
    with pytest.raises(UnknownNameError, match="no table of 'from_view' named 'transition'"):
        answer.rows("transition")
    answer.write(tmp_path / "paths.csv")
    assert (tmp_path / "paths.csv").read_text(encoding="utf-8").startswith('"path","steps"')


def test_names_of_tables_and_columns_that_sql_uses_itself_do_no_harm() -> None:
    names = ("events_in_order", "marked", "entity", "moment", "order")
    declared = [
        TableDeclaration(
            name=name, time="moment", zone="UTC", entities={"entity": ("entity",)}, dimensions=("step", "select")
        )
        for name in names
    ]
    table = pa.table(
        {
            "entity": ["a", "a"],
            "moment": [datetime(2026, 1, 1), datetime(2026, 1, 2)],
            "step": ["x", "y"],
            "select": ["p", "q"],
        }
    )
    catalog = MetricCatalog.of(metrics=[], tables=declared)
    with connect(dict.fromkeys(names, table)) as warehouse:
        for name in names:
            steps = [{"name": word, "where": f"step = '{word}'"} for word in ("x", "y")]
            funnel = build(Funnel, {"name": "f", "table": name, "steps": steps})
            assert [row["entities"] for row in run_funnel(catalog, warehouse, funnel, by="select").rows()] == [1, 1]
            cohorts = build(
                Cohorts, {"name": "c", "start": {"table": name}, "activity": {"table": name}, "cohort": "day"}
            )
            assert (
                run_cohorts(catalog, warehouse, cohorts, by="step", complete_through="2026-01-31").rows()[0]["retained"]
                == 1
            )
            assert (
                run_lifecycle(catalog, warehouse, Lifecycle(name="l", table=name), by="step").rows()[0]["active"] == 1
            )
            assert run_sessions(catalog, warehouse, Sessions(name="s", table=name), by="step").table.num_rows == 2
            found = run_paths(catalog, warehouse, Paths(name="p", table=name, step="step"), by="select").rows()
            assert found[0]["path"] == "x > y"
