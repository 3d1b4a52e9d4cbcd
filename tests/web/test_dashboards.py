"""Dashboards in the browser: made of metrics without a file, and as a file says with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from steelyard.project import Project
from steelyard.web import create_app

PAGE = """title: The morning
question: How did it go?
headline: revenue
guardrails: refunds
filters: [channel, device]
blocks:
  - {breakdown: revenue, by: [channel, device]}
  - {metric: conversion, compare: year}
  - {study: newsletter}
  - {text: "<script>alert(1)</script>"}
"""


@pytest.fixture(scope="module")
def morning(shop_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import shutil

    from steelyard.project import open_project

    folder = tmp_path_factory.mktemp("morning") / "shop"
    shutil.copytree(shop_folder, folder)
    (folder / "dashboards").mkdir()
    (folder / "dashboards" / "morning.yml").write_text(PAGE, encoding="utf-8")
    (folder / "dashboards" / "broken.yml").write_text("headline: revenue\nblock: []\n", encoding="utf-8")
    with open_project(folder) as project:
        yield project


@pytest.fixture(scope="module")
def visit(morning: Project) -> Iterator[Any]:
    import sys

    browse = sys.modules["tests_web_browse"]
    made = browse.Browser(create_app(morning, patience=60))
    yield made
    made.close()


def test_without_a_file_there_is_an_overview(browser: Any) -> None:
    listed = browser.json("/dashboards")["data"]
    assert listed["automatic"]
    assert listed["dashboards"]["overview"]["headline"] == "revenue"
    page = browser.json("/dashboards/overview")["data"]
    assert page["drivers"] == ["visits", "conversion", "average_order"]
    assert not [block for block in page["blocks"] if "error" in block]
    assert browser.page("/dashboards/overview").status_code == 200


def test_a_file_is_a_page_with_its_filters_as_a_form(visit: Any) -> None:
    answer = visit.page("/dashboards/morning")
    assert answer.status_code == 200
    assert "<h1" in answer.text
    assert "The morning</h1>" in answer.text
    assert '<select id="ask-channel" name="channel">' in answer.text
    assert "<script>" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "How these numbers were made" in answer.text


def test_filters_narrow_every_block_and_the_link_gives_the_same_view(visit: Any, morning: Project) -> None:
    page = visit.json("/dashboards/morning?channel=web&grain=month&since=2026-02-01")
    revenue = page["data"]["metrics"]["revenue"]["trend"]
    asked = morning.query("revenue", by="month", where="channel = 'web'", since="2026-02-01").rows()
    assert [row["period"] for row in revenue] == [row["period"].isoformat() for row in asked]
    assert [float(row["value"]) for row in revenue] == [float(row["revenue"]) for row in asked]
    assert {row["channel"] for row in page["data"]["blocks"][0]["rows"]} == {"web"}
    (link,) = re.findall(
        r'href="(/dashboards/morning\?[^"]*)">A link', visit.page("/dashboards/morning?channel=web").text
    )
    assert parse_qs(urlsplit(link.replace("&amp;", "&")).query)["channel"] == ["web"]
    same = visit.json(link.replace("&amp;", "&"))
    assert same["data"] == visit.json("/dashboards/morning?channel=web")["data"]


@pytest.mark.parametrize(
    ("asked", "status", "where"),
    [
        ("channel=post", 404, "?channel"),
        ("channel=web' OR '1'='1", 404, "?channel"),
        ("chanel=web", 400, "the address"),
        ("grain=century", 404, "?grain"),
        ("since=yesterday", 400, "?since"),
        ("since=2026-03-01&until=2026-02-01", 400, "?until"),
    ],
)
def test_what_is_not_there_is_a_clear_error(visit: Any, asked: str, status: int, where: str) -> None:
    answer = visit.ask(f"/dashboards/morning?{asked}&format=json")
    assert answer.json()["where"] == where
    assert answer.status_code in (400, status)
    assert visit.page(f"/dashboards/morning?{asked}").status_code == answer.status_code


def test_a_broken_file_is_a_page_with_file_and_line_and_the_others_work(visit: Any) -> None:
    answer = visit.ask("/dashboards/broken?format=json")
    assert answer.json()["problem"] == "no key named 'block'"
    assert answer.json()["where"] == "dashboards/broken.yml:2"
    listed = visit.page("/dashboards").text
    assert "broken.yml:2" in listed
    assert "/dashboards/morning" in listed
    assert visit.ask("/dashboards/nothing?format=json").json()["problem"] == "no dashboard named 'nothing'"


def test_an_unchanged_page_costs_nothing(visit: Any) -> None:
    first = visit.page("/dashboards/morning?device=mobile")
    again = visit.ask(
        "/dashboards/morning?device=mobile", headers={"accept": "text/html", "if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304
