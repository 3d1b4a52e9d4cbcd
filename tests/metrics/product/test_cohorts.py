"""Cohorts, against a loop over every member, cell and row."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import Cohorts, EventRows, ProductTable, run_cohorts
from steelyard.warehouse import TableDeclaration, connect

FIRST = date(2026, 3, 2)  # a Monday
SIGNUPS = TableDeclaration(name="signups", time="day", entities={"user": ("user_id",)}, dimensions=("plan",))
VISITS = TableDeclaration(name="visits", time="day", entities={"user": ("user_id",)})
CATALOG = MetricCatalog.of(metrics=[], tables=[SIGNUPS, VISITS])
WEEKLY = Cohorts(name="r", start=EventRows(table="signups"), activity=EventRows(table="visits"), periods=4)
Told = Sequence[tuple[str | None, int | None]]


def table(rows: Told) -> pa.Table:
    days = [None if row[1] is None else FIRST + timedelta(days=row[1]) for row in rows]
    return pa.table(
        {
            "user_id": pa.array([row[0] for row in rows], pa.string()),
            "day": pa.array(days, pa.date32()),
            "plan": pa.array(["pro" if row[0] in ("a", "b") else None for row in rows], pa.string()),
            "paid": pa.array([Decimal("1.25")] * len(rows), pa.decimal128(10, 2)),
        }
    )


def run(cohorts: Cohorts, signups: Told, visits: Told, through: int | None, **asked: Any) -> ProductTable:
    day = None if through is None else FIRST + timedelta(days=through)
    with connect({"signups": table(signups), "visits": table(visits)}) as warehouse:
        return run_cohorts(CATALOG, warehouse, cohorts, complete_through=day, **asked)


def period_of(cohorts: Cohorts, start: int, day: int) -> int:
    if cohorts.days is not None:
        return (day - start) // cohorts.days
    one, other = FIRST + timedelta(days=start), FIRST + timedelta(days=day)
    if cohorts.every == "week":
        return day // 7 - start // 7
    return (other.year - one.year) * 12 + other.month - one.month


def cohort_of(cohorts: Cohorts, start: int) -> date:
    day = FIRST + timedelta(days=start)
    return day - timedelta(days=day.weekday()) if cohorts.cohort == "week" else day.replace(day=1)


def by_hand(
    cohorts: Cohorts, signups: Told, visits: Told, through: int
) -> dict[tuple[date, int], tuple[int, int | None]]:
    """Cohort and k -> members, and those active; None until every possible member's period is over."""
    starts: dict[str, int] = {}
    for user, day in signups:
        starts[str(user)] = min(int(day or 0), starts.get(str(user), 10**6))
    starts = {user: day for user, day in starts.items() if day <= through}
    found: dict[tuple[date, int], tuple[int, int | None]] = {}
    for cohort in {cohort_of(cohorts, day) for day in starts.values()}:
        members = [user for user, day in starts.items() if cohort_of(cohorts, day) == cohort]
        offset = (cohort - FIRST).days
        possible = [day for day in range(offset, offset + 31) if cohort_of(cohorts, day) == cohort]
        for k in range(cohorts.periods):
            over = all(
                period_of(cohorts, day, later) != k for day in possible for later in range(through + 1, through + 400)
            )
            active = {
                user for user, day in visits if user in members and int(day or 0) >= starts[str(user)]
                and int(day or 0) <= through and period_of(cohorts, starts[str(user)], int(day or 0)) == k
            }  # fmt: skip
            found[cohort, k] = (len(members), len(active) if over else None)
    return found


ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 45)), min_size=1, max_size=10)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    signups=ROWS,
    visits=ROWS,
    through=st.integers(0, 60),
    cohort=st.sampled_from(("week", "month")),
    every=st.sampled_from(("7 days", "2 days", "week", "month")),
)
def test_the_triangle_is_what_a_loop_finds(signups: Told, visits: Told, through: int, cohort: Any, every: str) -> None:
    asked = replace(WEEKLY, cohort=cohort, every=every)
    answer = run(asked, signups, visits, through)
    expected = by_hand(asked, signups, visits, through)
    found = {(row["cohort"], row["k"]): (row["size"], row["retained"]) for row in answer.rows() if row["size"]}
    assert found == expected
    for row in answer.rows("pooled"):
        cells = [cell for (_, k), cell in expected.items() if k == row["k"] and cell[1] is not None]
        assert (row["eligible"], row["retained"]) == (sum(c[0] for c in cells), sum(int(c[1] or 0) for c in cells))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(signups=ROWS, visits=ROWS)
def test_segments_add_up_and_later_rows_do_not_change_complete_cells(signups: Told, visits: Told) -> None:
    whole = {(row["cohort"], row["k"]): row["retained"] for row in run(WEEKLY, signups, visits, 30).rows()}
    parts = run(WEEKLY, signups, visits, 30, by="plan").rows()
    for key, retained in whole.items():
        assert sum(row["retained"] or 0 for row in parts if (row["cohort"], row["k"]) == key) == (retained or 0)
    longer = {(row["cohort"], row["k"]): row["retained"] for row in run(WEEKLY, signups, visits, 50).rows()}
    assert all(longer[key] == retained for key, retained in whole.items() if retained is not None)


def test_the_trap_has_its_answers(shared: Path) -> None:
    folder = shared / "reference" / "metrics" / "traps" / "12_cohort_retention"
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    tables = {}
    for name, column in (("signups", "signup_date"), ("activity", "activity_date")):
        with (folder / "tables" / f"{name}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        days = pa.array([date.fromisoformat(row[column]) for row in rows])
        tables[name] = pa.table({"user_id": [row["user_id"] for row in rows], column: days})
    declared = [
        TableDeclaration(name="signups", key=("user_id",), entity="user", time="signup_date"),
        TableDeclaration(name="activity", time="activity_date", entities={"user": ("user_id",)}),
    ]
    asked = Cohorts(name="r", start=EventRows(table="signups"), activity=EventRows(table="activity"), periods=4)
    with connect(tables) as warehouse:
        answer = run_cohorts(
            MetricCatalog.of(metrics=[], tables=declared), warehouse, asked, complete_through="2025-03-30"
        )
    triangle, pooled = (question["answer"] for question in case["questions"])
    found = [[str(row["cohort"]), *(row[name] for name in ("k", "size", "retained", "rate"))] for row in answer.rows()]
    assert [row[:4] for row in found] == [row[:4] for row in triangle]
    assert [row[4] for row in found] == [
        None if row[4] is None else pytest.approx(row[4], abs=1e-9) for row in triangle
    ]
    row = answer.rows("pooled")[1]
    assert [[row["retained"], row["eligible"], row["rate"]]] == pooled


def test_what_a_member_is_worth_adds_up_over_the_periods() -> None:
    worth = replace(WEEKLY, value="visits.paid", periods=2)
    answer = run(worth, [("a", 0), ("b", 1)], [("a", 0), ("a", 2), ("b", 9), ("x", 3), ("b", 0)], 20)
    rows = [(row["value"], row["value_per_member"], row["cumulative_per_member"]) for row in answer.rows()]
    assert rows == [(Decimal("2.50"), 1.25, 1.25), (Decimal("1.25"), 0.625, 1.875)]
    assert answer.rows("pooled")[1]["value"] == Decimal("1.25")
    assert "1 rows of visits are of entities that never began." in answer.notes
    assert "1 rows of visits are before their entity's start." in answer.notes


def test_the_last_day_of_the_data_is_the_earlier_of_both_tables() -> None:
    answer = run(WEEKLY, [("a", 0), ("b", 40)], [("a", 13)], None)
    assert [(row["cohort"], row["k"], row["retained"]) for row in answer.rows() if row["retained"] is not None] == [
        (FIRST, 0, 0)
    ]
    assert "The data counts as complete through 2026-03-15; cells that need more are empty." in answer.notes
    assert "1 entities began after 2026-03-15, of which not all is known." in answer.notes


def test_a_week_without_starts_is_a_row_and_a_range_bounds_the_starts() -> None:
    signups, visits = [("a", 0), ("a", 9), ("b", 15)], [("a", 1), ("b", 16)]
    answer = run(replace(WEEKLY, periods=1), signups, visits, 40)
    assert [(row["size"], row["retained"], row["rate"]) for row in answer.rows()] == [
        (1, 1, 1.0),
        (0, 0, None),
        (1, 1, 1.0),
    ]
    later = run(replace(WEEKLY, periods=1), signups, visits, 40, since=FIRST + timedelta(days=7))
    assert [(row["size"], row["retained"]) for row in later.rows()] == [(1, 1)]
    only = run(replace(WEEKLY, periods=1), signups, visits, 40, where="plan = 'free'")
    assert only.rows() == []
    assert "No entity began in the range." in only.notes
    assert "Retention" in answer.to_text()
    assert answer.to_pandas().shape == (3, 5)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"every": "often"}, "counts every 'often'"), ({"periods": 0}, "counts 0 periods"), ({"cohort": "hour"}, "'hour'"),
     ({"name": "R 1"}, "cannot be named")],
)  # fmt: skip
def test_what_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        replace(WEEKLY, **given)


def test_what_is_not_there_is_refused_by_name() -> None:
    refused: tuple[tuple[dict[str, Any], type[Exception], str], ...] = (
        ({"start": EventRows(table="signup")}, UnknownNameError, "no table named 'signup'"),
        ({"start": EventRows()}, DefinitionError, "names no table"),
        ({"activity": EventRows(table="visits", where="pad = 1")}, UnknownNameError, "'pad'"),
        ({"value": "visits.pay"}, UnknownNameError, "no column of 'visits' named 'pay'"),
        ({"value": "signups.paid"}, DefinitionError, "is not of 'visits'"),
    )
    for changed, error, says in refused:
        with pytest.raises(error, match=says):
            run(replace(WEEKLY, **changed), [("a", 0)], [("a", 1)], 9)
    with (
        pytest.raises(PolicyError, match="sensitive"),
        connect({"signups": table([]), "visits": table([])}) as warehouse,
    ):
        run_cohorts(replace(CATALOG, sensitive=("plan",)), warehouse, WEEKLY, by="plan")


def test_what_a_table_says_of_its_own_lateness_is_the_day_that_counts() -> None:
    signups, visits = [("a", 0), ("b", 1)], [("a", 13), ("b", 20)]
    for visited, through in (
        (replace(VISITS, lateness="3 days"), "2026-03-19"),
        (replace(VISITS, complete_through="2026-03-12"), "2026-03-12"),
    ):
        catalog = MetricCatalog.of(metrics=[], tables=[replace(SIGNUPS, complete_through="2026-03-31"), visited])
        with connect({"signups": table(signups), "visits": table(visits)}) as warehouse:
            answer = run_cohorts(catalog, warehouse, WEEKLY)
        assert f"The data counts as complete through {through}; cells that need more are empty." in answer.notes
