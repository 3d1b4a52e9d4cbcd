"""The list of studies: what needs somebody first, narrowed by what the address asks."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.project import Project
from steelyard.studies.standing import register
from steelyard.studies.study import Plan


def names(browser: Any, query: str = "") -> list[str]:
    return list(browser.json(f"/studies{query}")["data"]["studies"])


def test_what_needs_somebody_comes_first_and_says_for_what(browser: Any) -> None:
    said = browser.json("/studies")["data"]["studies"]
    assert list(said) == ["second_try", "newsletter"]
    assert (said["second_try"]["state"], said["second_try"]["needs"]) == ("not_run", "a run")
    assert (said["newsletter"]["state"], said["newsletter"]["needs"]) == ("decided", "")
    assert len(said["newsletter"]["results"]) == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?kind=experiment", ["second_try", "newsletter"]),
        ("?verdict=yes", ["newsletter"]),
        ("?verdict=no", []),
        ("?state=not_run", ["second_try"]),
        ("?standing=registered", ["newsletter"]),
        ("?q=Shorter+NEWSLETTER", ["second_try"]),
        ("?q=second+try", ["second_try"]),
        ("?q=newsletter&state=decided&verdict=yes&kind=experiment", ["newsletter"]),
    ],
)
def test_the_address_narrows_the_list(browser: Any, query: str, found: list[str]) -> None:
    assert names(browser, query) == found


def test_links_to_other_states_keep_what_was_asked_and_say_how_many(browser: Any) -> None:
    text = browser.page("/studies?q=newsletter&verdict=yes").text
    assert '<a href="/studies?q=newsletter&amp;verdict=yes&amp;state=decided">Decided (1)</a>' in text
    assert '<input type="text" id="ask-q" name="q" value="newsletter"' in text
    assert '<option value="yes" selected>yes</option>' in text


def test_nothing_that_matches_says_so_and_leads_back(browser: Any) -> None:
    text = browser.page("/studies?q=zebra").text
    assert "None of 2 matches" in text
    assert '<a href="/studies">Show all studies</a>' in text


def test_a_verdict_that_there_is_not_is_refused(browser: Any) -> None:
    answer = browser.page("/studies?verdict=maybe")
    assert answer.status_code == 400
    assert "?verdict" in answer.text


def test_the_list_is_csv_too(browser: Any) -> None:
    lines = browser.page("/studies?format=csv&verdict=yes").text.splitlines()
    assert lines[0].startswith('"name","question","kind"')
    assert len(lines) == 2


def test_an_experiment_that_runs_waits_for_what_its_next_stage_needs(ramped: Project, ramp_browser: Any) -> None:
    register(ramped.study("one_page"), Plan(says="planned", rule="the rule"), ramped.ledger)
    ramped.advance("one_page", who="Ada", why="All is registered.")
    said = ramp_browser.json("/studies?state=running")["data"]["studies"]["one_page"]
    assert said["needs"] == "what stage 2 waits for: run since"
    assert names(ramp_browser, "?state=not_run") == []
