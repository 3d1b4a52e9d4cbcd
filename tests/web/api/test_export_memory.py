"""An export of millions of rows needs no more memory than the warehouse is given and a few parts of the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steelyard.project import open_project

SETTINGS = """name = "many"
target = "dev"
[targets.dev]
warehouse = "warehouse"
memory_limit = "300MB"
"""
METRICS = """tables:
  orders: {key: order_id, dimensions: [order_id]}
metrics:
  revenue: {sum: orders.amount}
  orders: {count: orders}
"""
SCRIPT = """
import asyncio, json, resource, sys
from steelyard.project import open_project
from steelyard.web import create_app

async def export(app, form, body):
    got = {"bytes": 0, "lines": 0}
    waiting = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
    async def receive():
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()
    async def send(message):
        got["status"] = message.get("status", got.get("status"))
        part = message.get("body", b"")
        got["bytes"] += len(part)
        got["lines"] += part.count(10)
    scope = {"type": "http", "method": "POST", "path": "/query", "raw_path": b"/query", "root_path": "",
             "scheme": "http", "query_string": b"format=" + form.encode(), "server": ("127.0.0.1", 80),
             "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")]}
    await app(scope, receive, send)
    return {**got, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}

with open_project(sys.argv[1]) as project:
    app = create_app(project)
    asked = {"metrics": ["revenue", "orders"], "by": ["order_id"]}
    few = asyncio.run(export(app, sys.argv[2], {**asked, "where": "order_id < 1000"}))
    print(json.dumps([few, asyncio.run(export(app, sys.argv[2], asked))]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    (folder / "metrics").mkdir()
    (folder / "steelyard.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "metrics" / "shop.yml").write_text(METRICS, encoding="utf-8")
    with open_project(folder) as project, project.store.transaction("many orders") as change:
        change.create(
            "orders", "SELECT i AS order_id, CAST(i % 90 AS DECIMAL(9, 2)) AS amount FROM range(0, 5000000) AS r(i)"
        )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_five_million_rows_need_little_memory(folder: Path, form: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), form], capture_output=True, text=True, check=True
    )
    said: list[dict[str, Any]] = json.loads(found.stdout)
    few, many = said
    assert (few["status"], many["status"]) == (200, 200)
    if form != "parquet":
        header = 1 if form == "csv" else 0
        assert (few["lines"], many["lines"]) == (1_000 + header, 5_000_000 + header)
    assert many["peak"] - few["peak"] < 400  # MB: what the warehouse is given, and parts on their way
