"""An experiment with all that one can have, and the list that leads to it, in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser.serving import serving
from tests.browser.sound import audit
from tests.browser.visit import NARROW, visiting
from tests.web.kiosk import make_kiosk

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def kiosk(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a served project whose experiment has looks, segments, guardrails and a prior."""
    folder = tmp_path_factory.mktemp("kiosk")
    make_kiosk(folder).close()
    with serving(folder) as address:
        yield address


def test_an_experiment_with_everything_is_sound(chromium: Any, kiosk: str, screenshots: Path | None) -> None:
    with visiting(chromium) as visit:
        assert visit.page.goto(f"{kiosk}/studies/short_form").status == 200
        audit(visit, screenshots, "experiment")


def test_from_the_list_to_a_guardrail_and_into_what_holds(chromium: Any, kiosk: str) -> None:
    with visiting(chromium) as visit:
        page = visit.page
        page.goto(f"{kiosk}/studies")
        page.get_by_label("Verdict", exact=True).select_option("yes")
        page.wait_for_url("**verdict=yes**")
        page.get_by_role("link", name="Does a shorter form sell more?").click()
        page.get_by_role("link", name="Guardrails", exact=True).click()
        assert page.url.endswith("#guardrails")
        assert page.locator(".sy-note", has_text="the dashed mark of a row is its margin").first.is_visible()
        held = page.get_by_text("What holds", exact=False)
        assert not page.get_by_text("known arms", exact=True).is_visible()
        held.click()
        assert page.get_by_text("known arms", exact=True).is_visible()
        assert visit.wrong == []


def test_lineage_is_a_list_on_a_phone_and_a_drawing_on_a_desk(chromium: Any, served: Any) -> None:
    base, paths = served
    with visiting(chromium) as visit:
        visit.page.goto(base + paths["data"])
        assert visit.page.locator(".sy-edge:visible").count() > 0
        visit.page.set_viewport_size(NARROW)
        assert visit.page.locator(".sy-graph:visible").count() == 0
        assert visit.page.locator("svg.sy-narrow text", has_text="from raw_orders").first.is_visible()


def test_the_list_of_studies_is_whole_on_a_desk_and_no_table_of_an_experiment_is_cut(
    chromium: Any, kiosk: str, served: Any
) -> None:
    cut = "[...document.querySelectorAll('table')].filter(t => t.scrollWidth > t.parentElement.clientWidth).length"
    with visiting(chromium) as visit:
        for address in (f"{served[0]}/studies", f"{kiosk}/studies", f"{kiosk}/studies/short_form"):
            visit.page.goto(address)
            assert visit.page.locator("table").count() > 0
            assert visit.page.evaluate(cut) == 0, address
