"""What people do in a morning, without scripts: a drop is explained, a number is traced to its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.visit import visiting

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page without scripts, in which nothing may go wrong."""
    with visiting(chromium, java_script_enabled=False) as visit:
        yield visit.page


def test_the_morning_check_leads_from_the_headline_to_why_it_moved(
    page: Any, served: tuple[str, dict[str, str]]
) -> None:
    page.goto(served[0])
    first = page.locator(".sy-figure").first
    assert first.get_by_role("link", name="Revenue").is_visible()
    assert "against the week before" in first.inner_text()
    assert page.get_by_role("heading", name="What drives it").is_visible()
    assert page.get_by_role("heading", name="Guardrails").is_visible()
    assert page.get_by_text("1 follow-up is due").is_visible()
    page.get_by_role("link", name="Why did it move in the last week?").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Why did revenue move?"
    assert page.get_by_role("heading", name="In words").is_visible()
    assert page.get_by_role("heading", name=re.compile("By its tree")).is_visible()
    assert page.get_by_role("textbox", name="Before").input_value() == "2026-03-16..2026-03-22"
    page.get_by_role("link", name="Last month, the month before").click()
    assert page.get_by_role("textbox", name="After").input_value() == "2026-02-01..2026-02-28"


def test_a_number_is_traced_to_its_rows(page: Any, served: tuple[str, dict[str, str]]) -> None:
    page.goto(served[0] + "/metrics/orders?by=channel&since=2026-03-23&until=2026-03-29")
    cells = page.locator("#breakdown ~ .sy-scroll tbody tr").first.locator("td").all_inner_texts()
    assert cells[0] == "web"
    page.get_by_role("link", name="web", exact=True).click()
    page.get_by_role("link", name="the very rows").click()
    facts = page.locator(".sy-facts").inner_text()
    assert re.search(rf"rows\s+{cells[1]}\b", facts)
    assert page.locator("table tbody tr").count() == int(cells[1])
    assert "person" not in page.locator("main").inner_text()  # the e-mail address is sensitive
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="orders").click()
    page.get_by_text("Definition, history, tables, tests and SQL").click()
    assert page.get_by_text("SELECT").first.is_visible()
    assert page.get_by_text("Its definitions, oldest first").is_visible()


def test_a_drop_is_explained_with_what_happened_meanwhile_and_leads_on_to_its_segment(
    page: Any, served: tuple[str, dict[str, str]]
) -> None:
    page.goto(served[0] + "/metrics/orders")
    page.get_by_role("link", name=re.compile("Why did it move")).click()
    page.get_by_role("textbox", name="Before").fill("2026-02-23..2026-03-01")
    page.get_by_role("textbox", name="After").fill("2026-03-02..2026-03-08")
    page.get_by_role("textbox", name="After").press("Enter")
    said = page.locator("main").inner_text()
    assert "The till was down" in said
    heads = page.get_by_role("heading", level=2).all_inner_texts()
    assert heads[0] == "In words"
    assert page.locator("main svg").count() >= 1
    assert "2026-03-02..2026-03-08" in page.get_by_role("textbox", name="After").input_value()
    assert "before=2026-02-23" in page.url
