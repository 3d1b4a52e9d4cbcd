"""What people do to a study, without scripts: ramp and roll back an experiment, record a decision and replay it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.browser.serving import serving
from tests.browser.sound import SAID, audit
from tests.browser.visit import visiting
from tests.web.till import expose_all

from steelyard.project import open_project

pytestmark = pytest.mark.browser


def press(page: Any, button: str) -> None:
    """As one presses who has no pointer."""
    page.get_by_role("button", name=button, exact=True).press("Enter")


def act(page: Any, link: str, button: str, **said: str) -> str:
    """Follows a study's link to an act, fills its form in, reads what will happen, and confirms.

    Returns:
        What was told before it was done.
    """
    page.get_by_role("link", name=link, exact=True).click()
    for name, value in said.items():
        page.locator(f"#say-{name}").fill(value)
    press(page, "Go on")
    told = str(page.locator("main").inner_text())
    press(page, button)
    return told


def test_an_experiment_is_registered_advanced_held_by_its_gate_and_rolled_back(
    chromium: Any, till: Path, screenshots: Path | None
) -> None:
    with serving(till) as base, visiting(chromium, java_script_enabled=False) as visit:
        page = visit.page
        page.goto(f"{base}/studies/one_page")
        told = page.locator("main").inner_text()
        assert "not registered" in told  # the gate says why not yet
        act(page, "Register", "Register")
        page.goto(f"{base}/studies/one_page")
        told = act(page, "Begin the next stage", "Begin the next stage", who="Ada", why="The plan stands.")
        assert "20 % of all units are enrolled from now on" in told
        assert {"Ada", "The plan stands."} <= set(re.split(r"\n+|\t", told))
        assert page.url == f"{base}/studies/one_page"
        page.goto(f"{base}/studies/one_page/advance")
        assert "It cannot be done now" in page.locator("main").inner_text()
        assert page.get_by_role("button").count() == 0
        with open_project(till) as project:
            expose_all(project)
        page.goto(f"{base}/studies/one_page")
        act(page, "Run now", "Run now")
        assert "/results/" in page.url
        page.goto(f"{base}/studies/one_page")
        told = act(page, "Begin the next stage", "Begin the next stage", who="Ada", why="All is well.")
        assert "50 % of all units" in told
        told = act(page, "Roll back", "Roll back", who="Grace", why="The page is slow.")
        assert "Everybody is given the unchanged product again" in told
        shown = page.locator("main").inner_text()
        for said in ("rolled back", "Ada", "Grace", "The page is slow."):
            assert said in shown
        page.goto(f"{base}/studies/one_page/rollback")
        assert "rolled back already" in page.locator("main").inner_text()
        with visiting(chromium) as other:
            other.page.goto(f"{base}/studies/one_page")
            audit(other, screenshots, "ramp")
    with open_project(till) as project:
        said = [(row["who"], row["why"]) for row in project.ramp("one_page").acts]
        assert said == [("Ada", "The plan stands."), ("Ada", "All is well."), ("Grace", "The page is slow.")]


def test_a_decision_is_asked_told_recorded_once_and_replayed(chromium: Any, own_shop: Path) -> None:
    with serving(own_shop) as base, visiting(chromium, java_script_enabled=False) as visit:
        page = visit.page
        page.goto(f"{base}/studies/newsletter")
        page.get_by_role("link", name="Decide", exact=True).click()
        assert page.get_by_label("Situation").input_value()
        press(page, "Go on")  # the browser itself asks for what must be said
        assert page.url.endswith("/decide")
        page.get_by_label("Action: what will be done").fill("Wait for a month.")
        page.get_by_label("Choice").select_option("hold")
        page.get_by_label("Door").select_option("yes")
        page.get_by_label("Dissent: who disagreed, and why").fill("Grace: <b>too slow</b>")
        page.locator("#say-who").fill("Ada")
        page.locator("#say-why").fill("The effect may wear off.")
        press(page, "Go on")
        told = page.locator("main", has_text="kept in the ledger for good").inner_text()
        assert "Grace: <b>too slow</b>" in told
        press(page, "Decide")
        page.wait_for_url(re.compile(rf"{base}/decisions/[0-9a-f]+$"))
        recorded = page.locator("main").inner_text()
        for said in ("Wait for a month.", "The effect may wear off.", "Grace: <b>too slow</b>"):
            assert said in recorded
        page.get_by_role("link", name=re.compile("Replay")).click()
        assert page.locator(".sy-is-good .sy-callout-title").first.inner_text().endswith("Same")
        page.goto(f"{base}/decisions")
        assert re.search("just now\tDoes the newsletter raise what customers spend\\?\thold\tAda", page.evaluate(SAID))
    with open_project(own_shop) as project:
        assert len(project.ledger.entries(kind="decision")) == 3
