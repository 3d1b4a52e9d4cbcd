"""Product questions count days in the zone that each row names."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard.metrics import MetricCatalog, analyse, read_metrics
from steelyard.warehouse import connect

YAML = """
tables:
  events:
    {key: id, time: at, zone: UTC, zone_of_day: stores.tz, entities: {user: user, store: store}, dimensions: [step]}
  stores: {key: store, entity: store}
funnels:
  buying:
    table: events
    entity: user
    window: 3 days
    steps: [{name: view, where: "step = 'view'"}, {name: buy, where: "step = 'buy'"}]
lifecycles:
  days: {table: events, entity: user, period: day}
"""
EVENTS = {
    "id": [1, 2, 3, 4, 5],
    "user": [1, 1, 2, 1, 3],
    "store": ["ny", "ny", "tokyo", "tokyo", "gone"],
    "step": ["view", "buy", "view", "view", "view"],
    "at": pa.array(
        [
            datetime(2026, 1, 1, 3),  # the last day of the year in New York
            datetime(2026, 1, 1, 20),
            datetime(2026, 1, 2, 3),
            datetime(2026, 1, 9, 23),  # the tenth in Tokyo
            datetime(2026, 1, 3, 3),  # of a store that is not there: nobody can say its day
        ],
        pa.timestamp("us"),
    ),
}


def asked(tmp_path: Path, name: str, **more: Any) -> Any:
    (tmp_path / "m.yml").write_text(YAML, encoding="utf-8")
    catalog: MetricCatalog = read_metrics([tmp_path / "m.yml"])
    stores = pa.table({"store": ["ny", "tokyo"], "tz": ["America/New_York", "Asia/Tokyo"]})
    with connect({"events": pa.table(EVENTS), "stores": stores}) as warehouse:
        return analyse(catalog, warehouse, name, **more)


def test_a_lifecycle_counts_each_row_in_its_own_zone(tmp_path: Path) -> None:
    answer = asked(tmp_path, "days")
    active = {row["period"]: row["active"] for row in answer.rows() if row["active"]}
    assert active == {date(2025, 12, 31): 1, date(2026, 1, 1): 1, date(2026, 1, 2): 1, date(2026, 1, 10): 1}
    assert any("1 of 5 rows of events (activity) have no time" in note for note in answer.notes), answer.notes


def test_a_funnel_begins_in_a_range_of_local_days(tmp_path: Path) -> None:
    def steps(since: date) -> list[int]:
        return [row["entities"] for row in asked(tmp_path, "buying", since=since).rows()]

    assert steps(date(2025, 12, 31)) == [2, 1]
    assert steps(date(2026, 1, 1)) == [2, 0], "what began on the last day of the year is out"
    assert steps(date(2026, 1, 10)) == [1, 0]
