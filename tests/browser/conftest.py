"""Served projects, shared by all tests of a session, and Debian's Chromium that reads them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser.serving import serving
from tests.web.shop import make_shop
from tests.web.till import make_till

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MORNING = """title: The morning
question: How did it go?
headline: revenue
guardrails: refunds
filters: [channel, device]
blocks:
  - {breakdown: revenue, by: [channel, device]}
  - {metric: conversion, compare: year}
  - {table: [orders, revenue], by: channel}
  - {cohort: came_back}
  - {study: newsletter}
  - {text: "Look at the **payments** first."}
"""
PAGES = {
    "home": "/",
    "dashboards": "/dashboards",
    "dashboard": "/dashboards/morning?device=mobile",
    "metrics": "/metrics",
    "metric": "/metrics/revenue?grain=week&by=channel",
    "metric compared": "/metrics/revenue?grain=day&compare=previous&since=2026-03-01&until=2026-03-29",
    "explain": "/metrics/revenue/explain",
    "rows": "/metrics/revenue/rows?since=2026-03-02",
    "analysis": "/analyses/came_back",
    "studies": "/studies",
    "study": "/studies/newsletter",
    "study that did not run": "/studies/second_try",
    "plan": "/studies/newsletter/plan",
    "result": "/results/{result}",
    "replay of a result": "/results/{result}/replay",
    "decisions": "/decisions",
    "decision": "/decisions/{decision}",
    "replay": "/decisions/{decision}/replay",
    "initiatives": "/initiatives",
    "search": "/search?q=newsletter",
    "search of nothing": "/search?q=newslettr",
    "document": "/documents/newsletter/tone.md",
    "data": "/data",
    "table": "/data/orders",
    "source": "/data/raw_orders",
    "quarantine": "/data/raw_orders_rejects",
    "ledger": "/ledger",
    "entry": "/ledger/{registration}",
    "api": "/api",
    "register": "/studies/second_try/register",
    "run": "/studies/newsletter/run",
    "advance": "/studies/newsletter/advance",
    "launch": "/studies/newsletter/launch",
    "rollback": "/studies/newsletter/rollback",
    "decide": "/studies/newsletter/decide",
    "login": "/login",
}
"""Every kind of page of the shop; a test holds this to the application's routes."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a `name` is run for every page."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", PAGES)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A project's folder, and the path of every kind of page of it; nothing may change it."""
    folder = tmp_path_factory.mktemp("browsed") / "shop"
    (folder / "dashboards").mkdir(parents=True)
    (folder / "dashboards" / "morning.yml").write_text(MORNING, encoding="utf-8")
    with make_shop(folder) as project:
        known = {kind: project.ledger.entries(kind=kind)[0].digest for kind in ("decision", "result", "registration")}
    return folder, {name: path.format(**known) for name, path in PAGES.items()}


@pytest.fixture(scope="session")
def served(shop: tuple[Path, dict[str, str]], chromium: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of the served shop, for tests that only read; and the paths of its pages."""
    with serving(shop[0]) as address:
        yield address, shop[1]


@pytest.fixture
def own_shop(shop: tuple[Path, dict[str, str]], chromium: Any, tmp_path: Path) -> Path:
    """A copy of the shop that a test may change."""
    return Path(shutil.copytree(shop[0], tmp_path / "shop"))


@pytest.fixture
def till(chromium: Any, tmp_path: Path) -> Path:
    """A project whose experiment may be ramped."""
    folder = tmp_path / "till"
    make_till(folder).close()
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """Where pictures go: the folder that STEELYARD_SCREENSHOTS names; nowhere without it."""
    text = os.environ.get("STEELYARD_SCREENSHOTS")
    if not text:
        return None
    folder = Path(text)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
