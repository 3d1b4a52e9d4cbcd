"""`POST /assign` gives the arms that the project gives, and logs who was shown what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.project import Project
from steelyard.warehouse.bucket import bucket

UNITS = [f"unit-{n}" for n in range(200)] + list(range(100))


def ask(service: Any, **body: Any) -> Any:
    return service.ask("/assign", method="POST", json=body)


def test_the_arms_are_those_of_the_project(service: Any, assigning: Project) -> None:
    said = ask(service, experiment="checkout", units=UNITS).json()
    allocation = assigning.allocation("checkout")
    assert [item["unit"] for item in said["assignments"]] == UNITS
    assert [item["arm"] for item in said["assignments"]] == [assigning.assign("checkout", unit) for unit in UNITS]
    assert {item["arm"] for item in said["assignments"]} == {None, "control", "short"}
    for item in said["assignments"]:
        assert (item["stage"] is None) == (item["arm"] is None)
        assert int(item["enrolment_bucket"]) == bucket(allocation.enrolment_salt, item["unit"])
        assert int(item["arm_bucket"]) == bucket("checkout:arm", item["unit"])
    assert said["exposed"] is None
    assert said["ledger"] == list(assigning.ledger.heads())


def test_one_unit_needs_no_list(service: Any, assigning: Project) -> None:
    said = ask(service, experiment="checkout", units="ann").json()
    assert [item["arm"] for item in said["assignments"]] == [assigning.assign("checkout", "ann")]


def test_a_stage_a_tester_and_a_rollback_are_followed_at_once(service: Any, assigning: Project) -> None:
    first = ask(service, experiment="checkout", units=UNITS).json()["assignments"]
    outside = next(item["unit"] for item in first if item["arm"] is None)
    assigning.give("checkout", outside, "short", who="Ada", why="to try it")
    item = ask(service, experiment="checkout", units=[outside]).json()["assignments"][0]
    assert (item["arm"], item["tester"], item["stage"]) == ("short", True, None)
    assigning.give("checkout", outside, None, who="Ada", why="tried")
    assert ask(service, experiment="checkout", units=[outside]).json()["assignments"] == [
        next(found for found in first if found["unit"] == outside)
    ]
    assigning.rollback("checkout", who="Ada", why="support is overrun")
    said = ask(service, experiment="checkout", units=UNITS).json()
    assert {item["arm"] for item in said["assignments"]} == {None}
    assert said["ended_at"]


def test_what_is_shown_is_logged_once(service: Any, assigning: Project) -> None:
    at = "2026-03-01T12:00:00Z"
    shown = [unit for unit in UNITS if assigning.assign("checkout", unit) is not None]
    said = ask(service, experiment="checkout", units=UNITS, expose=True, at=at).json()["exposed"]
    assert said == {"given": len(shown), "new": len(shown), "duplicates": 0, "without_arm": len(UNITS) - len(shown)}
    again = ask(service, experiment="checkout", units=UNITS, expose=True, at=at).json()["exposed"]
    assert (again["new"], again["duplicates"]) == (0, len(shown))
    logged = (assigning.folder / "logs" / "exposures").glob("*.jsonl")
    rows = [json.loads(line) for path in logged for line in path.read_text(encoding="utf-8").splitlines()]
    assert sorted(row["unit"] for row in rows) == sorted(str(unit) for unit in shown)
    assert {row["at"] for row in rows} == {"2026-03-01T12:00:00.000000+00:00"}


def test_nothing_is_written_where_nothing_is_to_be(service: Any, assigning: Project) -> None:
    before = assigning.ledger.heads()
    ask(service, experiment="checkout", units=UNITS)
    assert assigning.ledger.heads() == before
    assert not (assigning.folder / "logs" / "exposures").exists()


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"experiment": "checkot", "units": [1]}, 404, ""),
        ({"experiment": "newsletter", "units": [1]}, 400, ""),
        ({"experiment": "checkout"}, 400, "the body"),
        ({"experiment": "checkout", "units": []}, 400, "units"),
        ({"experiment": "checkout", "units": [""]}, 400, "units.0"),
        ({"experiment": "checkout", "units": ["a", "x" * 513]}, 400, "units.1"),
        ({"experiment": "checkout", "units": [True]}, 400, "units.0"),
        ({"experiment": "checkout", "units": [1.5]}, 400, "units.0"),
        ({"experiment": "checkout", "units": [None]}, 400, "units.0"),
        ({"experiment": "checkout", "units": [["a"]]}, 400, "units.0"),
        ({"experiment": "checkout", "units": list(range(10_001))}, 400, "units"),
        ({"experiment": "checkout", "units": [1], "at": "2026-03-01T12:00:00"}, 400, "at"),
        ({"experiment": "checkout", "units": [1], "at": "soon"}, 400, "at"),
        ({"experiment": "checkout", "units": [1], "expos": True}, 400, "expos"),
        ({"experiment": "second_try", "units": [1]}, 400, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_assigned_is_said(service: Any, body: dict[str, Any], status: int, where: str) -> None:
    answer = ask(service, **body)
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert set(said) == {"error", "problem", "where", "hint"}
    assert said["where"].startswith(where)


def test_arms_that_another_system_gives_are_not_made_up(browser: Any, project: Project) -> None:
    answer = ask(browser, experiment="newsletter", units=[1])
    assert "another system assigns the units of 'newsletter'" in answer.json()["problem"]
