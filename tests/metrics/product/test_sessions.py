"""Sessions, against a loop over each entity's rows."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import Sessions, run_sessions, session_table
from steelyard.warehouse import TableDeclaration, connect

START = datetime(2026, 3, 1, 20)
EVENTS = TableDeclaration(
    name="events", time="ts", zone="UTC", entities={"user": ("user_id",)}, dimensions=("page", "campaign")
)
CATALOG = MetricCatalog.of(metrics=[], tables=[EVENTS], zone="Europe/Berlin")
Row = tuple[str | None, int | None, str, str | None]


def events(rows: Sequence[Row]) -> pa.Table:
    """Rows of user, minutes after the start, page, campaign; their number is their sequence."""
    at = [None if row[1] is None else START + timedelta(minutes=row[1]) for row in rows]
    return pa.table(
        {
            "user_id": pa.array([row[0] for row in rows], pa.string()),
            "ts": pa.array(at, pa.timestamp("us")),
            "page": pa.array([row[2] for row in rows], pa.string()),
            "campaign": pa.array([row[3] for row in rows], pa.string()),
            "seq": pa.array(range(len(rows)), pa.int64()),
        }
    )


def day(minute: int) -> date:
    return (
        (START + timedelta(minutes=minute)).replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Europe/Berlin")).date()
    )


def by_hand(rows: Sequence[Row], *, midnight: bool, campaigns: bool) -> list[tuple[str, int, int, int, str]]:
    """User, first and last minute, rows, and first page of each session."""
    found: list[tuple[str, int, int, int, str]] = []
    for user in sorted({str(row[0]) for row in rows}):
        own = sorted((row for row in rows if row[0] == user), key=lambda row: int(row[1] or 0))
        known, sessions = None, []
        for minute, together in groupby(own, key=lambda row: int(row[1] or 0)):
            several = list(together)
            here = [row[3] for row in several if row[3] is not None]
            last = sessions[-1][-1] if sessions else None
            begins = last is None or minute - int(last[1] or 0) > 30
            begins |= midnight and last is not None and day(minute) != day(int(last[1] or 0))
            begins |= campaigns and bool(here) and here[-1] != known
            known = here[-1] if here else known
            if begins:
                sessions.append([])
            sessions[-1] += several
        found += [(user, int(s[0][1] or 0), int(s[-1][1] or 0), len(s), s[0][2]) for s in sessions]
    return found


ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from((0, 1, 30, 31, 60, 61, 179, 180, 200, 240, 300)), st.sampled_from("pq"),
        st.sampled_from((None, None, "mail", "ads")),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=35, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, midnight=st.booleans(), campaigns=st.booleans())
def test_sessions_are_what_a_loop_finds(rows: list[Row], midnight: bool, campaigns: bool) -> None:
    asked = Sessions(
        name="visits",
        table="events",
        sequence="seq",
        break_at_midnight=midnight,
        new_on="campaign" if campaigns else "",
    )
    expected = by_hand(rows, midnight=midnight, campaigns=campaigns)
    with connect({"events": events(rows)}) as warehouse:
        table = session_table(CATALOG, warehouse, asked).to_pylist()
        total = run_sessions(CATALOG, warehouse, asked).rows()
        pages = {row["page"]: row["sessions"] for row in run_sessions(CATALOG, warehouse, asked, by="page").rows()}
        only = run_sessions(CATALOG, warehouse, asked, where="page = 'p'").rows()
    minutes = [
        (
            row["user"],
            *((row[end] - START) // timedelta(minutes=1) for end in ("started_at", "ended_at")),
            row["events"],
        )
        for row in table
    ]
    assert minutes == [item[:4] for item in expected]
    assert len({row["session_id"] for row in table}) == len(expected)
    assert total[0]["sessions"] == len(expected)
    assert total[0]["events"] == len(rows)
    bounced = sum(item[3] == 1 for item in expected)
    assert total[0]["bounce_rate"] == (pytest.approx(bounced / len(expected)) if expected else None)
    assert pages == {page: n for page in "pq" if (n := sum(item[4] == page for item in expected))}
    assert only[0]["sessions"] == pages.get("p", 0)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, later=ROWS)
def test_rows_that_come_later_change_no_id(rows: list[Row], later: list[Row]) -> None:
    end = max((int(row[1] or 0) for row in rows), default=0)
    appended = [*rows, *((row[0], end + 1 + int(row[1] or 0), row[2], row[3]) for row in later)]
    asked = Sessions(name="visits", table="events", sequence="seq", new_on="campaign", break_at_midnight=True)
    found = []
    for told in (rows, appended):
        with connect({"events": events(told)}) as warehouse:
            found.append({row["session_id"] for row in session_table(CATALOG, warehouse, asked).to_pylist()})
    assert found[0] <= found[1]


def test_sessions_count_in_the_local_day_and_week_in_which_they_began() -> None:
    rows: list[Row] = [("a", 170, "p", None), ("a", 190, "p", None), ("b", 185, "p", None)]  # midnight is at 180
    asked = Sessions(name="visits", table="events")
    with connect({"events": events(rows)}) as warehouse:
        daily = run_sessions(CATALOG, warehouse, asked, by="day").rows()
        weekly = run_sessions(CATALOG, warehouse, asked, by="week").rows()
        first = run_sessions(CATALOG, warehouse, asked, until="2026-03-01").rows()
    assert [(row["period"], row["sessions"], row["events"]) for row in daily] == [
        (date(2026, 3, 1), 1, 2),
        (date(2026, 3, 2), 1, 1),
    ]
    assert [row["period"] for row in weekly] == [date(2026, 2, 23), date(2026, 3, 2)]
    assert (first[0]["sessions"], first[0]["events"], first[0]["mean_seconds"]) == (1, 2, 1200.0)


def test_rows_without_a_user_or_a_time_are_counted() -> None:
    rows: list[Row] = [("a", 0, "p", None), (None, 1, "p", None), ("a", None, "p", None)]
    with connect({"events": events(rows)}) as warehouse:
        answer = run_sessions(CATALOG, warehouse, Sessions(name="visits", table="events"))
    assert answer.rows()[0]["events"] == 1
    assert "1 of 3 rows of events (events) do not say whom they are of and are left out." in answer.notes
    assert "visits" in answer.to_text().lower()


def test_what_cannot_be_is_refused() -> None:
    daily = TableDeclaration(name="daily", time="day", entities={"user": ("user_id",)})
    table = events([("a", 0, "p", None)])
    days = pa.table({"user_id": ["a"], "day": [date(2026, 1, 1)]})
    with pytest.raises(DefinitionError, match="no length of time"):
        Sessions(name="visits", table="events", gap="a while")
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, daily], sensitive=("user_id", "page"))
    with connect({"events": table, "daily": days}) as warehouse:
        refused: tuple[tuple[dict[str, Any], type[Exception], str], ...] = (
            ({"table": "evnts"}, UnknownNameError, "no table named 'evnts'"),
            ({"table": "daily"}, DefinitionError, "a session is of moments"),
            ({"table": "events", "new_on": "campain"}, UnknownNameError, "campain"),
            ({"table": "events", "new_on": "page"}, PolicyError, "sensitive"),
        )
        for changed, error, says in refused:
            with pytest.raises(error, match=says):
                run_sessions(catalog, warehouse, Sessions(name="visits", **changed))
        with pytest.raises(PolicyError, match="sensitive"):
            session_table(catalog, warehouse, Sessions(name="visits", table="events"))
        with pytest.raises(DefinitionError, match="day and week are asked for at once"):
            run_sessions(catalog, warehouse, Sessions(name="visits", table="events"), by=["day", "week"])
