"""A small project, shared where tests only read and copied where they change it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from steelyard.project import Project, open_project
from steelyard.web import create_app


def _beside(name: str) -> ModuleType:
    """A module of this folder; tests are not a package."""
    found = spec_from_file_location(f"tests_web_{name}", Path(__file__).with_name(f"{name}.py"))
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


browse, shop, till, forms, kiosk = (_beside(name) for name in ("browse", "shop", "till", "forms", "kiosk"))


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    shop.make_shop(folder).close()
    return folder


@pytest.fixture(scope="session")
def project(shop_folder: Path) -> Iterator[Project]:
    with open_project(shop_folder) as opened:
        yield opened


@pytest.fixture(scope="session")
def browser(project: Project) -> Iterator[object]:
    made = browse.Browser(create_app(project, patience=60))
    yield made
    made.close()


@pytest.fixture
def own(shop_folder: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of the project that the test may change."""
    folder = tmp_path / "own"
    shutil.copytree(shop_folder, folder)
    with open_project(folder) as opened:
        yield opened


@pytest.fixture
def own_browser(own: Project) -> Iterator[object]:
    made = browse.Browser(create_app(own, patience=60))
    yield made
    made.close()


@pytest.fixture(scope="session")
def kiosk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose experiment has looks, segments, guardrails and a prior."""
    folder = tmp_path_factory.mktemp("kiosk")
    kiosk.make_kiosk(folder).close()
    return folder


@pytest.fixture(scope="session")
def browsers() -> type:
    """Makes a browser of an application; whoever makes it closes it."""
    return browse.Browser


@pytest.fixture(scope="session")
def till_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("till")
    till.make_till(folder).close()
    return folder


@pytest.fixture
def ramped(till_folder: Path, tmp_path: Path) -> Iterator[Project]:
    """A project whose experiment may be ramped."""
    folder = tmp_path / "till"
    shutil.copytree(till_folder, folder)
    with open_project(folder) as opened:
        yield opened


@pytest.fixture
def ramp_browser(ramped: Project) -> Iterator[object]:
    made = browse.Browser(create_app(ramped))
    yield made
    made.close()


@pytest.fixture(scope="session")
def paths(project: Project) -> dict[str, str]:
    """Every kind of page, by name."""
    book = project.ledger
    decisions, results = book.entries(kind="decision"), book.entries(kind="result")
    registration = book.entries(kind="registration")[0]
    return {
        "home": "/",
        "metrics": "/metrics",
        "metric": "/metrics/revenue",
        "metric by day and channel": "/metrics/conversion?grain=day&by=channel&since=2026-02-01&until=2026-02-28",
        "explain": "/metrics/revenue/explain",
        "explain two weeks": "/metrics/revenue/explain?before=2026-03-02..2026-03-08&after=2026-03-09..2026-03-15",
        "studies": "/studies",
        "study": "/studies/newsletter",
        "study not run": "/studies/second_try",
        "plan": "/studies/newsletter/plan",
        "result": f"/results/{results[0].digest}",
        "replay of a result": f"/results/{results[0].digest}/replay",
        "decisions": "/decisions",
        "decision": f"/decisions/{decisions[0].digest}",
        "replay of a decision": f"/decisions/{decisions[0].digest}/replay",
        "initiatives": "/initiatives",
        "search": "/search",
        "search of words": "/search?q=newsletter",
        "search of nothing": "/search?q=newslettr",
        "document": "/documents/newsletter/tone.md",
        "data": "/data",
        "table": "/data/orders",
        "source": "/data/raw_orders",
        "quarantine": "/data/raw_orders_rejects",
        "ledger": "/ledger",
        "entry": f"/ledger/{registration.digest}",
    }
