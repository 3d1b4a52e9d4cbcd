"""What happened to a metric: what the project noted of it, and the acts on the ramps of its experiments."""

from __future__ import annotations

from datetime import date

from steelyard.dashboards import happened_table, in_range, what_happened
from steelyard.metrics import Annotation

ACTS = {
    "one_page": [
        {"act": "advance", "stage": 1, "since": "2026-03-01T23:30:00+00:00"},
        {"act": "launch", "arm": "new", "since": "2026-03-09T08:00:00+00:00"},
    ]
}
NOTED = [
    Annotation(at=date(2026, 3, 3), until=date(2026, 3, 5), says="The till was down", kind="outage"),
    Annotation(at=date(2026, 3, 4), says="Of another metric", metrics=("visits",)),
]


def test_notes_and_acts_are_told_in_order_on_the_projects_own_days() -> None:
    found = what_happened("orders", NOTED, ACTS, zone="Europe/Berlin")
    assert [(item.at.day, item.says, item.kind) for item in found] == [
        (2, "one page begins stage 1", "launch"),
        (3, "The till was down", "outage"),
        (9, "one page is launched: new", "launch"),
    ]


def test_what_lasts_into_a_range_is_in_it() -> None:
    found = what_happened("orders", NOTED, ACTS, zone="UTC")
    assert [item.says for item in in_range(found, date(2026, 3, 5), date(2026, 3, 8))] == ["The till was down"]


def test_the_newest_is_first_and_an_act_leads_to_its_study() -> None:
    table = happened_table(what_happened("orders", NOTED, ACTS, zone="UTC"), lambda name: f"/studies/{name}")
    assert [row[0] for row in table.text_rows()] == ["2026-03-09", "2026-03-03 to 2026-03-05", "2026-03-01"]
    assert getattr(table.rows[0][2], "href", "") == "/studies/one_page"
