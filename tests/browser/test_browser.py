"""Every page in a real browser: no errors, nothing fetched from outside, narrow, dark, without scripts, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from steelyard.web.render import SECTIONS

pytestmark = pytest.mark.browser
PAGES = (
    "home", "dashboards", "dashboard", "metrics", "metric", "explain", "studies", "study", "plan", "result",
    "decisions", "decision", "replay", "data", "table", "ledger", "entry",
)  # fmt: skip
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1180, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1180, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 380, "height": 800}, "color_scheme": "light"},
    "without scripts": {"viewport": {"width": 1180, "height": 900}, "java_script_enabled": False},
}
# WCAG 2.2: relative luminance, and the ratio of what is read to what is behind it.
CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0.99) return c; } return [255, 255, 255]; };
  const wrong = [];
  for (const e of document.querySelectorAll('body *:not(svg *)')) {
    const said = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!said || !e.checkVisibility()) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) wrong.push(e.className + ' ' + e.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return wrong;
}"""


@contextmanager
def opened(chromium: Any, **look: Any) -> Iterator[tuple[Any, list[str], list[str]]]:
    """A page of its own, what went wrong in it, and every address that it asked."""
    context = chromium.new_context(**look)
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("response", lambda answer: wrong.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None)
    page.on("request", lambda request: asked.append(request.url))
    try:
        yield page, wrong, asked
    finally:
        context.close()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_an_error_and_fits(
    chromium: Any, served: tuple[str, dict[str, str]], screenshots: Path | None, name: str, look: str
) -> None:
    base, paths = served
    with opened(chromium, **LOOKS[look]) as (page, wrong, asked):
        page.goto(base + paths[name])
        assert wrong == []
        assert all(address.startswith(base) for address in asked)
        assert len(asked) <= 4
        assert page.locator("h1").count() == 1
        assert page.locator("main").inner_text().strip()
        if look != "without scripts":
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over == 0, f"{over} px wider than the window"
            assert page.evaluate(CONTRAST) == []
        if screenshots is not None:
            page.screenshot(path=str(screenshots / f"{name}-{look.replace(' ', '-')}.png"), full_page=True)


def test_the_first_tab_leads_to_the_content_and_the_next_through_the_navigation(
    chromium: Any, served: tuple[str, dict[str, str]]
) -> None:
    with opened(chromium, **LOOKS["light"]) as (page, _, _asked):
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


def test_the_skip_link_moves_the_focus(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with opened(chromium, **LOOKS["light"]) as (page, _, _asked):
        page.goto(served[0])
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_from_home_to_a_metric_by_channel_to_why_it_moved(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with opened(chromium, **LOOKS["without scripts"]) as (page, wrong, _):
        page.goto(served[0])
        page.get_by_role("link", name="Revenue", exact=True).click()
        page.get_by_role("link", name="Month", exact=True).click()
        assert page.get_by_role("link", name="Month", exact=True).get_attribute("aria-current") == "true"
        page.get_by_label("Broken down by").select_option("channel")
        page.get_by_label("Since").fill("2026-02-01")
        page.get_by_role("button", name="Show").click()
        assert "grain=month" in page.url
        assert "by=channel" in page.url
        assert page.get_by_role("heading", name="By channel").is_visible()
        page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Metrics").click()
        page.get_by_role("link", name="orders", exact=True).click()
        page.get_by_role("link", name=re.compile("Why did it move")).click()
        assert page.get_by_role("heading", level=1).inner_text() == "Why did orders move?"
        assert wrong == []


def test_from_a_decision_to_its_evidence_and_its_replay(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with opened(chromium, **LOOKS["light"]) as (page, wrong, _):
        page.goto(served[0] + "/decisions")
        page.get_by_role("link", name="Does the newsletter raise what customers spend?").click()
        page.get_by_role("link", name=re.compile("Replay")).click()
        assert page.get_by_text("from the data", exact=True).is_visible()
        assert page.locator(".sy-is-good .sy-callout-title").first.inner_text().endswith("Same")
        page.go_back()
        page.locator("table a").first.click()
        assert "/results/" in page.url
        assert wrong == []


def test_an_unknown_name_is_a_page_with_the_nearest_one(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with opened(chromium, **LOOKS["narrow"]) as (page, _, _asked):
        answer = page.goto(served[0] + "/metrics/%3Cscript%3Ealert(1)%3C/script%3E")
        assert answer.status == 404
        page.goto(served[0] + "/studies/newslettr")
        assert "did you mean 'newsletter'?" in page.locator("main").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") == 380


def test_a_page_prints_without_what_is_only_for_the_screen(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with opened(chromium, **LOOKS["light"]) as (page, _, _asked):
        page.goto(served[0] + "/metrics/revenue")
        page.emulate_media(media="print")
        assert not page.locator(".web-header").is_visible()
        assert not page.locator(".web-controls").is_visible()
        assert page.locator("svg").first.is_visible()
