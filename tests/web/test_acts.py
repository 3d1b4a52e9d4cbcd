"""Acts in the browser: shown beforehand, asked who and why, done once, refused whole."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from steelyard.project import Project
from steelyard.studies.standing import register
from steelyard.studies.study import Plan
from steelyard.web.acts.known import ACTS
from steelyard.web.acts.next_acts import next_acts

forms: Any = sys.modules["tests_web_forms"]
till: Any = sys.modules["tests_web_till"]
SAID = {"who": "Ada", "why": "all is well"}
DECISION = {
    **SAID, "choice": "hold", "action": "Look again.", "reversible": "yes", "expected": "+1 %", "dissent": "Grace: no",
    "follow_up_on": "2026-05-01", "follow_up": "Look whether it wore off",
}  # fmt: skip


def entries(project: Project, kind: str) -> int:
    return len(project.ledger.entries(kind=kind))


def test_an_experiment_is_registered_begun_run_advanced_and_rolled_back(ramped: Project, ramp_browser: Any) -> None:
    with_log = "/studies/one_page/"
    register(ramped.study("one_page"), Plan(says="planned", rule="the rule"), ramped.ledger)
    first = forms.done(ramp_browser, with_log + "advance", **SAID)
    assert (first.status_code, first.headers["location"]) == (303, "/studies/one_page")
    standing = ramped.ramp("one_page")
    assert (standing.state, standing.next_stage) == ("running", 2)
    assert {key: standing.acts[0][key] for key in SAID} == SAID
    till.expose_all(ramped)
    ran = forms.done(ramp_browser, with_log + "run")
    assert ran.status_code == 303
    assert ramp_browser.page(ran.headers["location"]).status_code == 200
    assert forms.done(ramp_browser, with_log + "advance", **SAID).status_code == 303
    assert ramped.ramp("one_page").next_stage == 3
    page = ramp_browser.page(with_log + "rollback").text
    assert "Everybody is given the unchanged product again" in page
    assert forms.done(ramp_browser, with_log + "rollback", **SAID).status_code == 303
    assert ramped.ramp("one_page").state == "rolled back"
    assert "rolled back already" in ramp_browser.page(with_log + "rollback").text
    assert ramped.ledger.verify().ok


def test_a_closed_gate_shows_why_and_gives_no_form(ramped: Project, ramp_browser: Any) -> None:
    page = ramp_browser.page("/studies/one_page/advance")
    assert page.status_code == 200
    assert "is not registered" in page.text
    assert '<form class="web-post"' not in page.text
    said = ramp_browser.json("/studies/one_page/advance")["data"]
    assert "not registered" in said["why_not"]
    assert entries(ramped, "stage") == 0


def test_a_gate_that_closes_after_the_form_was_shown_refuses_and_does_nothing(own: Project, own_browser: Any) -> None:
    fields = forms.confirmed(own_browser, "/studies/second_try/register")
    own.plan("second_try", register=True)
    answer = forms.post(own_browser, "/studies/second_try/register", fields)
    assert answer.status_code == 403
    assert "registered already" in answer.text
    assert entries(own, "registration") == 2


def test_a_form_that_shows_what_is_no_longer_so_is_refused(own: Project, own_browser: Any) -> None:
    fields = forms.confirmed(own_browser, "/studies/newsletter/decide", **DECISION)
    own.run("newsletter")
    before = entries(own, "decision")
    answer = forms.post(own_browser, "/studies/newsletter/decide", fields)
    assert answer.status_code == 409
    assert "no longer so: nothing was done" in answer.text
    assert entries(own, "decision") == before


def test_a_new_catalog_version_makes_a_form_to_run_stale(own: Project, own_browser: Any) -> None:
    fields = forms.confirmed(own_browser, "/studies/newsletter/run")
    with own.store.transaction("another table") as change:
        change.create("extra", "SELECT 1 AS one")
    before = entries(own, "result")
    assert forms.post(own_browser, "/studies/newsletter/run", fields).status_code == 409
    assert entries(own, "result") == before


def test_a_decision_is_recorded_as_it_was_said_and_shown(own: Project, own_browser: Any) -> None:
    answer = forms.done(own_browser, "/studies/newsletter/decide", **DECISION)
    assert answer.status_code == 303
    entry = own.ledger.latest("decision", "newsletter")
    said = entry.body["decision"]
    assert answer.headers["location"] == f"/decisions/{entry.digest}"
    assert (said["choice"], said["reversible"], said["who"]) == ("hold", True, "Ada")
    assert said["dissent"] == ["Grace: no"]
    assert said["follow_ups"] == [{"on": "2026-05-01", "what": "Look whether it wore off", "who": ""}]
    assert said["cites"] == [own.ledger.latest("result", "newsletter").digest]
    assert "Look whether it wore off" in own_browser.page(answer.headers["location"]).text


def test_what_will_happen_is_said_before_it_does(own: Project, own_browser: Any) -> None:
    before = entries(own, "decision")
    asked = own_browser.page("/studies/newsletter/decide")
    told = forms.post(own_browser, "/studies/newsletter/decide", {**forms.filled(asked.text), **DECISION})
    assert "kept in the ledger for good" in told.text
    assert "Grace: no" in told.text
    assert "it can be undone" in told.text, "the door as it was offered, and not 'yes'"
    assert entries(own, "decision") == before


def test_a_form_that_is_sent_twice_is_done_once(own: Project, own_browser: Any) -> None:
    path = "/studies/newsletter/decide"
    fields, before = forms.confirmed(own_browser, path, **DECISION), entries(own, "decision")
    answers = [forms.post(own_browser, path, fields) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert entries(own, "decision") == before + 1


def test_a_double_click_waits_for_the_one_that_is_done(own: Project, own_browser: Any) -> None:
    path = "/studies/newsletter/run"
    fields, before = forms.confirmed(own_browser, path), entries(own, "result")
    answers = own_browser.posted_together(path, fields, 4)
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert entries(own, "result") == before + 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"why": ""}, "why"),
        ({"who": " "}, "who"),
        ({"choice": "shipp"}, "did you mean"),
        ({"reversible": ""}, "reversible"),
        ({"follow_up_on": "yesterday"}, "is not a date"),
        ({"follow_up": ""}, "fill in both"),
    ],
)
def test_a_form_that_is_filled_in_wrongly_is_refused_with_a_hint(
    own: Project, own_browser: Any, wrong: dict[str, str], says: str
) -> None:
    asked = own_browser.page("/studies/newsletter/decide")
    fields = {**forms.filled(asked.text), **DECISION, **wrong}
    for step in ({}, {"step": "do"}):
        answer = forms.post(own_browser, "/studies/newsletter/decide", {**fields, **step})
        assert answer.status_code in (400, 404)
        assert says in answer.text
    assert entries(own, "decision") == 2


def test_a_form_that_was_refused_may_be_sent_again_when_it_is_mended(own: Project, own_browser: Any) -> None:
    path = "/studies/newsletter/decide"
    fields = {**forms.confirmed(own_browser, path, **DECISION), "why": ""}
    assert forms.post(own_browser, path, fields).status_code == 400
    assert forms.post(own_browser, path, {**fields, "why": "It is mended."}).status_code == 303


@pytest.mark.parametrize("act", [act.name for act in ACTS])
def test_an_act_on_a_study_that_is_none_is_not_found(project: Project, browser: Any, act: str) -> None:
    answer = browser.page(f"/studies/nope/{act}")
    assert answer.status_code == 404
    assert "No study named" in answer.text
    assert str(project.folder) not in answer.text


def test_what_was_said_is_escaped(own: Project, own_browser: Any) -> None:
    evil = "<script>alert(1)</script>{{ 7 * 7 }}"
    fields = {**DECISION, "action": evil, "why": evil, "who": evil, "dissent": evil}
    told = forms.confirmed(own_browser, "/studies/newsletter/decide", **fields)
    answer = forms.post(own_browser, "/studies/newsletter/decide", told)
    page = own_browser.page(answer.headers["location"]).text
    assert "<script>" not in page
    assert "{{ 7 * 7 }}" in page


def test_next_acts_say_why_not(own: Project, ramped: Project) -> None:
    found = {act.name: act for act in next_acts(ramped, "one_page", "decider")}
    assert list(found) == ["register", "run", "advance", "launch", "rollback", "decide"]
    assert found["register"].why_not == ""
    assert "not registered" in found["advance"].why_not
    assert found["rollback"].why_not == "it has not begun"
    assert found["decide"].href == "/studies/one_page/decide"
    viewer = {act.name: act.why_not for act in next_acts(own, "newsletter", "viewer")}
    assert viewer == {
        "register": "it takes an analyst or decider",
        "run": "it takes an analyst or decider",
        "decide": "it takes a decider",
    }


def test_a_study_shows_what_may_be_done_next(own_browser: Any) -> None:
    page = own_browser.page("/studies/newsletter").text
    assert "What may be done next" in page
    assert 'href="/studies/newsletter/run"' in page
    assert 'href="/studies/newsletter/register"' not in page
