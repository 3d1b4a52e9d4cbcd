"""What the script adds, by pointer and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.visit import visiting

pytestmark = pytest.mark.browser


def test_a_chart_is_read_out_by_keyboard_and_by_pointer(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with visiting(chromium) as visit:
        page = visit.page
        page.goto(served[0] + "/metrics/orders?grain=week")
        drawing, said = page.locator(".sy-chart svg.sy-wide").first, page.locator(".web-readout").first
        assert not said.is_visible()
        drawing.hover(position={"x": 60, "y": 60})
        assert "2026-01" in said.inner_text() or "2025-12" in said.inner_text()
        page.mouse.move(0, 0)
        assert not said.is_visible()
        page.keyboard.press("Tab")  # from here on the focus is shown
        for _ in range(60):
            if page.evaluate("document.activeElement.matches('.sy-chart svg')"):
                break
            page.keyboard.press("Tab")
        assert "2026-03-23" in said.inner_text()
        page.keyboard.press("ArrowLeft")
        assert "2026-03-16: 72" in said.inner_text()
        page.keyboard.press("Home")
        assert "2025-12-29" in said.inner_text()
        page.keyboard.press("Escape")
        assert not said.is_visible()


@pytest.mark.parametrize("keys", ["/", "Control+k"])
def test_a_key_leads_to_the_search_box(chromium: Any, served: tuple[str, dict[str, str]], keys: str) -> None:
    with visiting(chromium) as visit:
        page = visit.page
        page.goto(served[0])
        page.keyboard.press(keys)
        assert page.evaluate("document.activeElement.id") == "search"
        page.keyboard.type("refunds/")
        assert page.locator("#search").input_value() == "refunds/"
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=refunds*")
        assert page.get_by_role("link", name="refunds", exact=True).first.is_visible()


def test_a_choice_from_a_list_is_asked_for_at_once(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with visiting(chromium) as visit:
        page = visit.page
        page.goto(served[0] + "/metrics/orders")
        page.get_by_label("Broken down by").select_option("channel")
        page.wait_for_url("**by=channel*")
        assert page.get_by_role("heading", name="By channel").is_visible()
        page.get_by_role("link", name="web", exact=True).click()
        assert page.get_by_label("Only where").input_value() == "channel = 'web'"


def test_the_link_to_exactly_these_numbers_is_copied(chromium: Any, served: tuple[str, dict[str, str]]) -> None:
    with visiting(chromium, permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.page
        page.goto(served[0] + "/metrics/orders")
        page.get_by_role("button", name="Copy a link to exactly these numbers").click()
        page.get_by_text("Copied", exact=True).wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert "as_of=" in copied
        assert "until=2026-03-29" in copied
        page.goto(copied)
        assert page.get_by_role("heading", level=1).inner_text() == "Orders"
