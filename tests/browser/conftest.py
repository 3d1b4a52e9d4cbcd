"""The real server on a free port, and Debian's Chromium that reads it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
SHOP = Path(__file__).parents[1] / "web" / "shop.py"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a served project, and the path of every kind of page."""
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium")
    found = spec_from_file_location("tests_browser_shop", SHOP)
    assert found is not None
    assert found.loader is not None
    shop = module_from_spec(found)
    found.loader.exec_module(shop)
    folder = tmp_path_factory.mktemp("served")
    with shop.make_shop(folder) as project:
        book = project.ledger
        decision, result = book.entries(kind="decision")[0].digest, book.entries(kind="result")[0].digest
        registration = book.entries(kind="registration")[0].digest
    paths = {
        "home": "/",
        "dashboards": "/dashboards",
        "dashboard": "/dashboards/overview?channel=web",
        "metrics": "/metrics",
        "metric": "/metrics/revenue?grain=week&by=channel",
        "explain": "/metrics/revenue/explain",
        "studies": "/studies",
        "study": "/studies/newsletter",
        "plan": "/studies/newsletter/plan",
        "result": f"/results/{result}",
        "decisions": "/decisions",
        "decision": f"/decisions/{decision}",
        "replay": f"/decisions/{decision}/replay",
        "data": "/data",
        "table": "/data/raw_orders",
        "ledger": "/ledger",
        "entry": f"/ledger/{registration}",
    }
    command = [sys.executable, "-m", "steelyard.web", str(folder), "--port", "0", "--patience", "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert address is not None
        yield address[0], paths
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def chromium(served: tuple[str, dict[str, str]]) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def screenshots() -> Path | None:
    """Where pictures go: the folder that STEELYARD_SCREENSHOTS names; nowhere without it."""
    text = os.environ.get("STEELYARD_SCREENSHOTS")
    if not text:
        return None
    folder = Path(text)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
