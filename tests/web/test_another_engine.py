"""A project whose tables are in a file that others write: no versions, and still every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from steelyard.project import open_project
from steelyard.warehouse import connect
from steelyard.web import create_app

FILES = {
    "steelyard.toml": 'name = "elsewhere"\n[targets.dev]\nwarehouse = "shop.duckdb"\n',
    "metrics/shop.yml": (
        "tables:\n  orders: {key: id, time: at, dimensions: [channel]}\nmetrics:\n  orders: {count: orders}\n"
    ),
}


@pytest.fixture
def elsewhere(tmp_path: Path, browser: Any) -> Any:
    from datetime import date

    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    days = [date(2026, 1, 5 + n % 7) for n in range(21)]
    with connect(tmp_path / "shop.duckdb") as warehouse:
        warehouse.write(
            "orders",
            pa.table({"id": list(range(21)), "at": days, "channel": ["web"] * 21}),
        )
    with open_project(tmp_path) as project:
        made = type(browser)(create_app(project, patience=60))
        yield made
        made.close()


PAGES = ("/", "/metrics", "/metrics/orders?by=channel", "/studies", "/data", "/data/orders", "/ledger")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_without_versions(elsewhere: Any, path: str) -> None:
    assert elsewhere.page(path).status_code == 200
    assert "blocks" in elsewhere.json(path)


def test_the_number_is_that_of_the_file(elsewhere: Any) -> None:
    trend = elsewhere.json("/metrics/orders?grain=week")["data"]["trend"]
    assert trend == [{"period": "2026-01-05", "value": 21}]


def test_a_catalog_version_cannot_be_asked_of_it(elsewhere: Any) -> None:
    answer = elsewhere.page("/metrics/orders?as_of=1")
    assert answer.status_code == 400
    assert "keeps no versions" in answer.text


def test_a_warehouse_that_went_away_is_a_clear_page_and_the_rest_still_shows(elsewhere: Any, tmp_path: Path) -> None:
    (tmp_path / "shop.duckdb").unlink()
    for path in ("/metrics/orders", "/data"):
        answer = elsewhere.page(path)
        assert answer.status_code in (400, 503), path
        assert "shop.duckdb" in answer.text
        assert "Traceback" not in answer.text
    home = elsewhere.page("/")
    assert home.status_code == 200
    assert "The warehouse did not answer" in home.text
    assert elsewhere.page("/decisions").status_code == 200
    assert elsewhere.page("/ledger").status_code == 200
