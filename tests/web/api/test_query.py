"""`POST /query` gives what `Project.query` gives, with how it was made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from steelyard.canonical import plain
from steelyard.project import Project


def ask(browser: Any, **body: Any) -> Any:
    return browser.ask("/query", method="POST", json=body)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"by": ["channel", "month"]},
        {"by": "channel", "where": "device = 'mobile'", "since": "2026-02-01", "until": "2026-02-28"},
        {"by": ["week"], "fill": False},
        {"by": ["channel"], "having": "revenue > 4000", "top": {"channel": 2}},
        {"by": ["channel"], "limit": 2},
        {"by": ["month"], "as_of": 1, "definitions": "then"},
    ],
    ids=str,
)
def test_it_gives_what_the_project_gives(browser: Any, project: Project, asked: dict[str, Any]) -> None:
    if "as_of" in asked:
        asked = {**asked, "as_of": project.newest}
    said = ask(browser, metrics=["revenue", "conversion"], **asked).json()
    found = project.query(["revenue", "conversion"], **{"limit": 50_000, **asked})
    assert said["rows"] == plain(found.rows())
    assert said["notes"] == list(found.notes)
    assert said["truncated"] is found.truncated
    assert [column["name"] for column in said["columns"]] == found.table.column_names
    assert said["how"]["sql"] == found.how.sql
    assert said["how"]["digests"] == dict(found.how.digests)
    assert said["provenance"]["digest"] == found.provenance.digest
    assert [item["name"] for item in said["provenance"]["reads"][0]["tables"]] == [t.name for t in found.how.tables]


def test_a_grain_may_be_named_apart(browser: Any) -> None:
    apart = ask(browser, metrics="revenue", grain="month", by=["channel"]).json()
    assert apart["rows"] == ask(browser, metrics="revenue", by=["month", "channel"]).json()["rows"]
    assert ask(browser, metrics="revenue", grain="month", by=["week"]).status_code == 400


def test_rows_are_sorted_before_they_are_cut(browser: Any) -> None:
    whole = ask(browser, metrics="revenue", by=["week", "channel"]).json()["rows"]
    said = ask(browser, metrics="revenue", by=["week", "channel"], order=["-revenue", "channel"], limit=5).json()
    best = sorted(whole, key=lambda row: (-Decimal(row["revenue"]), row["channel"]))[:5]
    assert said["rows"] == best
    assert said["truncated"] is True
    assert f"{len(whole)} rows; the first 5 are shown." in said["notes"]
    assert ask(browser, metrics="revenue", by=["week"], order=["channel"]).status_code == 404


def test_what_is_not_there_comes_last_both_ways(browser: Any) -> None:
    days = {"metrics": "average_order", "by": ["channel", "day"], "since": "2026-03-01"}
    for order in ("average_order", "-average_order"):
        values = [row["average_order"] for row in ask(browser, **days, order=[order]).json()["rows"]]
        missing = values.index(None)
        assert set(values[missing:]) == {None}
        assert values[:missing] == sorted(values[:missing], reverse=order.startswith("-"))


def test_a_policy_holds_here_too(browser: Any) -> None:
    for asked in ({"by": "email"}, {"where": "email = 'a@example.org'"}):
        answer = ask(browser, metrics="revenue", **asked)
        assert (answer.status_code, answer.json()["error"]) == (403, "PolicyError")


def test_the_answer_follows_the_data(own: Project, own_browser: Any) -> None:
    before = ask(own_browser, metrics="visits").json()
    assert ask(own_browser, metrics="visits").json() == before  # the very same, with its time: it was remembered
    with own.store.transaction("fewer visits") as change:
        change.create("visits", "SELECT * FROM visits WHERE visit_id < 10")
    after = ask(own_browser, metrics="visits").json()
    assert after["rows"] == [{"visits": 10}]
    assert after["provenance"]["reads"][0]["tables"] != before["provenance"]["reads"][0]["tables"]
