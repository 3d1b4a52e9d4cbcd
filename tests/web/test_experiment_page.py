"""The page of an experiment: what a decision maker needs first, the evidence for it, and the same as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from steelyard.document import Chart, to_png
from steelyard.project import Project, open_project
from steelyard.project.experiment_blocks import experiment_blocks
from steelyard.project.experiment_state import experiment_state
from steelyard.result.charts import effect_charts
from steelyard.studies.experiments.exposure_log import Exposed
from steelyard.studies.standing import register
from steelyard.studies.study import Plan
from steelyard.web import create_app

PARTS = (
    "next", "plan", "assignment", "split", "exposure", "effect", "course", "looks", "guardrails", "segments", "beliefs",
    "checks", "decisions", "earlier", "registration",
)  # fmt: skip


@pytest.fixture(scope="module")
def kiosk(kiosk_folder: Path) -> Iterator[Project]:
    with open_project(kiosk_folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def kiosk_browser(kiosk: Project, browsers: Any) -> Iterator[Any]:
    made = browsers(create_app(kiosk, patience=60))
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(kiosk_browser: Any) -> str:
    answer = kiosk_browser.page("/studies/short_form")
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_the_verdict_comes_first_with_its_clauses_and_every_part_after_it_in_order(page: str) -> None:
    places = [page.index(f'id="{part}"') for part in PARTS]
    assert places == sorted(places)
    assert page.index("Yes: ship") < page.index("primary excludes zero") < places[0]
    linked = re.findall(r'href="#([a-z]+)"', page)
    assert linked[1:] == list(PARTS[:12]), "after the link to the content, the parts"


def test_a_guardrail_is_drawn_with_its_margin_towards_worse(page: str) -> None:
    part = page[page.index('id="guardrails"') : page.index('id="segments"')]
    assert part.count('<figcaption class="sy-title">Guardrails: ') == 2, "one scale each"
    assert re.search(r"<td[^>]*>\+0\.050*</td>", part), "errors may rise by so much"
    assert "-5.00%" in part, "stays may fall by so much"


def test_the_plan_is_what_was_registered_and_says_how_far_it_is(page: str, kiosk: Project) -> None:
    sample = kiosk.ledger.entries(kind="registration")[0].body["sample"]
    assert f"{sample['units needed']:,}" in page
    assert f"6,000 ({6000 / sample['units needed']:.0%} of those needed)" in page


def test_looks_stand_with_the_bounds_that_each_had(page: str, kiosk: Project) -> None:
    part = page[page.index('id="looks"') : page.index('id="guardrails"')]
    rows = kiosk.results("short_form")[-1][1].tables["looks"].to_pylist()
    assert len(rows) == 3
    for row in rows:
        assert f"{row['success_bound']:.2f}" in part
        assert f"{-row['harm_bound']:.2f}" in part


def test_what_holds_is_folded_and_what_does_not_is_told_first(page: str, kiosk: Project) -> None:
    count = len(kiosk.results("short_form")[-1][1].checks)
    assert f"What holds ({count})" in page


def test_json_has_the_result_whole_and_what_may_be_done(kiosk_browser: Any, kiosk: Project) -> None:
    said = kiosk_browser.json("/studies/short_form")["data"]
    newest = kiosk.ledger.latest("result", "short_form")
    assert newest is not None
    assert said["latest"] == {"entry": newest.digest, "result": newest.body["result"]}
    assert [item["answer"] for item in said["earlier"]] == ["yes", "unclear"]
    assert {item["name"]: not item["why_not"] for item in said["next"]} == {
        "register": False, "run": True, "decide": True,
    }  # fmt: skip
    assert said["decisions"] == [kiosk.ledger.entries(kind="decision")[0].digest]
    assert said["ramp"] is None


def test_python_gets_the_same_blocks(kiosk: Project, page: str) -> None:
    from steelyard.document import Heading

    blocks = experiment_blocks(experiment_state(kiosk, "short_form"))
    headings = [block.id for block in blocks if isinstance(block, Heading)]
    assert headings == list(PARTS[1:12])


def test_a_result_that_waits_shows_where_its_ramp_stands_and_what_the_next_stage_needs(
    ramped: Project, ramp_browser: Any
) -> None:
    _registered(ramped)
    before = ramp_browser.page("/studies/one_page").text
    assert "Not begun" in before
    assert "Not run yet" in before
    ramped.advance("one_page", who="Ada", why="All is registered.")
    text = ramp_browser.page("/studies/one_page").text
    assert "Stage 1 of 3: 20 % enrolled" in text
    assert "stage 2 needs" in text
    assert "It has not been run" in text
    assert "All is registered." in text
    assert "No other experiment runs outside of its layer" in text


def test_a_new_exposure_is_on_the_page_at_once(ramped: Project, ramp_browser: Any) -> None:
    _registered(ramped)
    ramped.advance("one_page", who="Ada", why="All is registered.")
    assert ramp_browser.json("/studies/one_page")["data"]["exposures"]["exposures"] == 0
    unit = next(unit for unit in range(100) if ramped.assign("one_page", unit) is not None)
    ramped.expose("one_page", Exposed(unit=unit, at=datetime.now(UTC)))
    answer = ramp_browser.json("/studies/one_page")["data"]
    assert answer["exposures"]["exposures"] == 1
    assert answer["ramp"]["exposures"]["units"] == 1
    assert "Exposures logged" in ramp_browser.page("/studies/one_page").text


def _registered(project: Project) -> None:
    register(project.study("one_page"), Plan(says="planned", rule="the rule"), project.ledger)


def test_the_picture_of_an_experiment_is_its_effects_and_not_the_first_chart_of_the_page(
    kiosk: Project, kiosk_browser: Any
) -> None:
    state = experiment_state(kiosk, "short_form")
    assert state.result is not None
    forest = next(effect_charts(state.result))
    first = next(block for block in experiment_blocks(state) if isinstance(block, Chart))
    drawn = kiosk_browser.page("/studies/short_form?format=png").content
    assert drawn == to_png(forest)
    assert drawn != to_png(first)
