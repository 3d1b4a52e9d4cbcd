"""Every page in a real browser: no errors, nothing fetched from outside, narrow, dark, without scripts, by keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Match, Route
from tests.browser.serving import serving
from tests.browser.sound import SAID, audit
from tests.browser.visit import NARROW, visiting

from steelyard.project import open_project
from steelyard.web import create_app
from steelyard.web.operation import PageAnswer, operation_of
from steelyard.web.render import SECTIONS

pytestmark = pytest.mark.browser
Served = tuple[str, dict[str, str]]
ELSEWHERE = {"/account": "is looked at by who signs in, in test_signing.py"}
REFUSED = {
    "not found": ("/metrics/revenu", 404),
    "cannot be asked": ("/metrics/revenue?since=yesterday", 400),
    "not allowed by policy": ("/metrics/revenue?by=email", 403),
    "cancelled": ("/work/none/cancelled", 409),
}


def test_every_page_that_there_is_is_opened_here(shop: tuple[Path, dict[str, str]]) -> None:
    with open_project(shop[0]) as project:
        routes = [route for route in create_app(project).routes if isinstance(route, Route)]
    pages = [route for route in routes if (told := operation_of(route)) and told.answer is PageAnswer]
    opened = [{"type": "http", "method": "GET", "path": path.partition("?")[0]} for path in shop[1].values()]
    first = [next(route for route in routes if route.matches(scope)[0] is Match.FULL) for scope in opened]
    asked = {route.path for route in pages if "GET" in (route.methods or ())}
    assert len(asked) > 20
    assert asked - {route.path for route in first} == set(ELSEWHERE)


def test_a_page_is_sound(chromium: Any, served: Served, screenshots: Path | None, name: str) -> None:
    base, paths = served
    with visiting(chromium) as visit:
        assert visit.page.goto(base + paths[name]).status == 200
        assert len(visit.asked) <= 4
        audit(visit, screenshots, name.replace(" ", "-"))
        assert all(address.startswith(base) for address in visit.asked)


def test_a_page_says_the_same_without_scripts(chromium: Any, served: Served, name: str) -> None:
    base, paths = served
    said = []
    for scripts in (True, False):
        with visiting(chromium, java_script_enabled=scripts) as visit:
            visit.page.goto(base + paths[name])
            charts = visit.page.locator("main svg").count()
            said.append((visit.page.locator("main").inner_text(), charts))
    assert said[0] == said[1]


@pytest.mark.parametrize("refused", REFUSED)
def test_a_page_of_what_is_refused_is_sound(
    chromium: Any, served: Served, screenshots: Path | None, refused: str
) -> None:
    path, status = REFUSED[refused]
    with visiting(chromium) as visit:
        visit.refused(served[0] + path, status)
        audit(visit, screenshots, refused.replace(" ", "-"))


@pytest.mark.parametrize(("_", "path"), SECTIONS)
def test_a_section_of_an_empty_project_says_what_to_do(
    chromium: Any, empty: str, screenshots: Path | None, _: str, path: str
) -> None:
    with visiting(chromium) as visit:
        assert visit.page.goto(empty + path).status == 200
        audit(visit, screenshots, f"empty-{path.strip('/') or 'home'}")


@pytest.fixture(scope="module")
def empty(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("empty")
    (folder / "steelyard.toml").write_text('name = "Nothing yet"\n', encoding="utf-8")
    with serving(folder) as address:
        yield address


def test_the_first_tab_leads_to_the_content_and_the_next_through_the_navigation(chromium: Any, served: Served) -> None:
    with visiting(chromium) as visit:
        page = visit.page
        page.goto(served[0])
        focused = "document.activeElement.textContent.trim()"
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "Skip to the content"
        assert page.locator(".web-skip").bounding_box()["y"] >= 0
        reached = []
        for _ in range(1 + len(SECTIONS)):
            page.keyboard.press("Tab")
            reached.append(page.evaluate(focused))
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert reached == ["Corner shop", *(name for name, _ in SECTIONS)]
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "search"


def test_the_skip_link_moves_the_focus(chromium: Any, served: Served) -> None:
    with visiting(chromium) as visit:
        visit.page.goto(served[0])
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "main"


def test_an_unknown_name_is_a_page_with_the_nearest_one(chromium: Any, served: Served) -> None:
    with visiting(chromium, viewport=NARROW) as visit:
        visit.refused(served[0] + "/metrics/%3Cscript%3Ealert(1)%3C/script%3E", 404)
        visit.refused(served[0] + "/studies/newslettr", 404)
        assert re.search("did you mean 'newsletter'\\?", visit.page.evaluate(SAID))
