"""`steelyard watch`: exit codes, JSON, and what it leaves in the project's folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

STEELYARD = (sys.executable, "-m", "steelyard")
FIRST, DAYS = date(2026, 3, 1), 80
LAST = FIRST + timedelta(days=DAYS - 1)
ALERTS = """
alerts:
  orders_low: {metric: orders, to: log}
sinks:
  log: {file: told.jsonl}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose orders fall on the last day."""
    place = tmp_path_factory.mktemp("watched") / "shop"
    ran("init", str(place), folder=place.parent)
    random = np.random.default_rng(3)
    lines = ["order_id,ordered_on"]
    for number in range(DAYS):
        sold = random.poisson(300 if number < DAYS - 1 else 150)
        lines += [f"{number}-{item},{FIRST + timedelta(days=number)}" for item in range(sold)]
    for path in [*place.glob("metrics/*"), *place.glob("sources/*"), *place.glob("tables/*"), *place.glob("studies/*")]:
        path.unlink()
    (place / "data" / "orders.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (place / "sources" / "orders.yml").write_text(
        "kind: files\npath: data/orders.csv\nkey: order_id\n", encoding="utf-8"
    )
    (place / "tables" / "sales.sql").write_text(
        "-- key: order_id\n-- time: ordered_on\nSELECT order_id, CAST(ordered_on AS DATE) AS ordered_on FROM orders\n",
        encoding="utf-8",
    )
    metrics = "metrics:\n  orders: {count: sales, better: up}\n"
    (place / "metrics" / "shop.yml").write_text(metrics + ALERTS, encoding="utf-8")
    ran("refresh", folder=place)
    return place


def ran(*words: str, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    wide = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run([*STEELYARD, *words], cwd=folder, capture_output=True, text=True, check=False, env=wide)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def test_a_day_with_an_alert_exits_5_and_a_quiet_one_0(folder: Path) -> None:
    before = sorted(folder.rglob("*.jsonl"))
    said = ran("watch", "--on", str(LAST), "--dry-run", folder=folder, code=5).stdout
    assert "orders is low" in said
    assert "orders_low" in said
    quiet = ran("watch", "--on", str(LAST - timedelta(days=1)), "--dry-run", folder=folder).stdout
    assert f"No alerts on {LAST - timedelta(days=1)}" in quiet
    assert sorted(folder.rglob("*.jsonl")) == before


def test_it_tells_sinks_once_and_keeps_what_it_told_in_the_project(folder: Path) -> None:
    first = json.loads(ran("watch", "orders_low", "--on", str(LAST), "--json", folder=folder, code=5).stdout)
    again = json.loads(ran("watch", "--on", str(LAST), "--json", folder=folder, code=5).stdout)
    assert [item["sink"] for item in first["deliveries"]] == ["log"]
    assert again["deliveries"] == []
    assert first["alerts"][0]["id"] == again["alerts"][0]["id"]
    (line,) = (folder / "told.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["title"] == "orders is low"
    assert [path.name for path in (folder / ".steelyard").glob("alerts-*.jsonl")] == ["alerts-dev.jsonl"]


def test_yesterday_without_data_is_muted_and_exits_0(folder: Path) -> None:
    said = ran("watch", folder=folder).stdout
    assert "orders_low is muted" in said
    assert f"end on {LAST}" in said


def test_an_alert_that_is_not_there_and_a_day_that_is_none_exit_2(folder: Path) -> None:
    assert "did you mean 'orders_low'?" in ran("watch", "orders_lo", folder=folder, code=2).stderr
    assert "is not a date" in ran("watch", "--on", "yesterday", folder=folder, code=2).stderr


def test_a_project_without_alerts_says_how_to_write_one(tmp_path: Path) -> None:
    ran("init", str(tmp_path / "shop"), folder=tmp_path)
    (tmp_path / "shop" / "metrics" / "watching.yml").unlink()
    ran("refresh", folder=tmp_path / "shop")
    assert "alerts:" in ran("watch", folder=tmp_path / "shop", code=2).stderr


def test_check_finds_what_is_wrong_with_alerts(folder: Path, tmp_path: Path) -> None:
    path = folder / "metrics" / "more.yml"
    path.write_text("alerts:\n  more: {metric: order}\n", encoding="utf-8")
    said = ran("check", "--json", folder=folder, code=2).stdout
    path.unlink()
    assert "more.yml:2" in said
    assert "did you mean 'orders'?" in said
