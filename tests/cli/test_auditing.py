"""`query --as-of`, `how`, `drill` and `restate` in the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from steelyard.cli.app import app
from steelyard.errors import SteelyardError
from steelyard.project import open_project
from steelyard.project.template import make_project


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The first project, loaded twice: an order came late; and the version before it did."""
    folder = tmp_path_factory.mktemp("audit") / "shop"
    make_project(folder)
    with open_project(folder) as project:
        project.refresh()
        first = project.store.snapshot().number
    orders = folder / "data" / "orders.csv"
    lines = orders.read_text(encoding="utf-8").strip().splitlines()
    number = max(int(line.split(",")[0]) for line in lines[1:]) + 1
    cells = lines[len(lines) // 2].split(",")
    newest = max(line.split(",")[2] for line in lines[1:])
    orders.write_text("\n".join([*lines, f"{number},{cells[1]},{newest},paid,5.00"]) + "\n", encoding="utf-8")
    with open_project(folder) as project:
        project.refresh()
    return folder, first


@contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


def run(folder: Path, *words: str) -> str:
    with standing_in(folder):
        done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, SteelyardError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def asked(folder: Path, *words: str) -> Any:
    return json.load(StringIO(run(folder, *words, "--json")))


def test_a_query_as_of_a_version_and_as_of_a_date(shop: tuple[Path, int]) -> None:
    folder, first = shop
    then, now = (asked(folder, "query", "orders", *words) for words in (("--as-of", str(first)), ()))
    assert now["rows"][0]["orders"] == then["rows"][0]["orders"] + 1
    assert f"As of version {first}" in then["notes"][0]
    assert asked(folder, "query", "orders", "--as-of", "2999-01-01")["rows"] == now["rows"]
    with pytest.raises(SteelyardError, match="'last week' is no moment"):
        run(folder, "query", "orders", "--as-of", "last week")
    with pytest.raises(SteelyardError, match="'soon' says no time"):
        run(folder, "query", "orders", "--definitions", "soon")


def test_how_tells_history_lineage_and_complete_days(shop: tuple[Path, int]) -> None:
    folder, first = shop
    told = asked(folder, "how", "revenue", "--as-of", str(first))
    assert [version["changes"] for version in told["history"]["revenue"]] == [[]]
    assert {origin["table"] for origin in told["origins"]} == {"orders", "raw_orders"}
    assert told["columns"]["orders.amount"] == ["raw_orders.amount"]
    text = run(folder, "how", "revenue")
    for words in ("Its definitions, oldest first", "Where it comes from", "data complete through", "data/orders.csv"):
        assert words in text


def test_a_drill_adds_up_to_the_cell(shop: tuple[Path, int], tmp_path: Path) -> None:
    folder, _ = shop
    cell = asked(folder, "query", "revenue", "--by", "country")["rows"][0]
    found = asked(folder, "drill", "revenue", "--at", f"country={cell['country']}", "--limit", "100000")
    assert found["value"] == cell["revenue"]
    assert len(found["shown"]) == found["rows"]
    assert "add up to" in run(folder, "drill", "revenue", "--at", f"country={cell['country']}")
    said = run(folder, "drill", "revenue", "--limit", "3", "--output", str(tmp_path / "rows.csv"))
    assert said.startswith("3 of ")
    assert len((tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()) == 4
    for wrong, says in (("country", "is no part of a cell"), ("=DE", "is no part of a cell")):
        with pytest.raises(SteelyardError, match=says):
            run(folder, "drill", "revenue", "--at", wrong)
    with pytest.raises(SteelyardError, match="given twice"):
        run(folder, "drill", "revenue", "--at", "country=DE", "--at", "country=FR")
    with pytest.raises(SteelyardError, match="'top' is no side"):
        run(folder, "drill", "average_order", "--side", "top")


def test_a_restatement_says_what_came_late(shop: tuple[Path, int]) -> None:
    folder, first = shop
    told = asked(folder, "restate", "revenue", "--from", str(first), "--by", "month")
    assert told["rows"]["late_rows"] == 1
    (moved,) = [group for group in told["groups"] if float(group["change"])]
    assert (float(moved["change"]), float(moved["late_rows"])) == (5.0, 5.0)
    text = run(folder, "restate", "revenue", "--from", str(first), "--by", "month")
    assert "late rows" in text
    assert "groups did not change" in text
    assert "SQL of the numerator" in run(folder, "restate", "revenue", "--from", str(first), "--details")
