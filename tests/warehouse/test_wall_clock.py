"""Changes of the clocks, and wall clock times that come twice or never, against a walk over every minute."""
# ruff: noqa: DTZ001 - what a wall clock shows has no zone

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from steelyard.errors import DefinitionError
from steelyard.warehouse.wall_clock import clock_changes, wall_clock_kind

CHANGES = [
    ("America/New_York", date(2025, 3, 9), "nonexistent", datetime(2025, 3, 9, 2), datetime(2025, 3, 9, 3)),
    ("America/New_York", date(2025, 11, 2), "ambiguous", datetime(2025, 11, 2, 1), datetime(2025, 11, 2, 2)),
    ("Australia/Lord_Howe", date(2025, 4, 6), "ambiguous", datetime(2025, 4, 6, 1, 30), datetime(2025, 4, 6, 2)),
    ("Australia/Lord_Howe", date(2025, 10, 5), "nonexistent", datetime(2025, 10, 5, 2), datetime(2025, 10, 5, 2, 30)),
    ("America/St_Johns", date(1990, 4, 1), "nonexistent", datetime(1990, 4, 1, 0, 1), datetime(1990, 4, 1, 1, 1)),
    ("America/Sao_Paulo", date(2018, 11, 4), "nonexistent", datetime(2018, 11, 4), datetime(2018, 11, 4, 1)),
    ("America/Havana", date(2025, 11, 2), "ambiguous", datetime(2025, 11, 2), datetime(2025, 11, 2, 1)),
    ("Pacific/Apia", date(2011, 12, 30), "nonexistent", datetime(2011, 12, 30), datetime(2011, 12, 31)),
]


@pytest.mark.parametrize(("zone", "day", "kind", "first", "after"), CHANGES)
def test_a_change_of_the_clocks_is_where_the_zone_has_it(
    zone: str, day: date, kind: str, first: datetime, after: datetime
) -> None:
    [change] = clock_changes(zone, day, day)
    assert (change.kind, change.from_time, change.to_time) == (kind, first, after)


@pytest.mark.parametrize(
    ("zone", "day"), [(zone, day) for zone, day, *_ in CHANGES] + [("Asia/Tokyo", date(2025, 1, 1))]
)
def test_a_wall_clock_time_is_there_as_often_as_a_walk_over_all_minutes_meets_it(zone: str, day: date) -> None:
    clock, begin = ZoneInfo(zone), datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    walked = (begin + timedelta(minutes=number) for number in range(5 * 24 * 60))
    met = Counter(moment.astimezone(clock).replace(tzinfo=None, fold=0) for moment in walked)
    times = [datetime(day.year, day.month, day.day) + timedelta(minutes=number) for number in range(-60, 25 * 60)]
    words = {0: "nonexistent", 1: "ok", 2: "ambiguous"}
    assert [wall_clock_kind(shown, zone) for shown in times] == [words[met[shown]] for shown in times]


def test_a_zone_without_changes_has_none() -> None:
    assert clock_changes("Asia/Kathmandu", date(1990, 1, 1), date(2030, 1, 1)) == ()
    assert clock_changes("UTC", date.min, date(1, 3, 1)) == ()
    assert len(clock_changes("Europe/Berlin", date(2000, 1, 1), date(2019, 12, 31))) == 40


def test_a_moment_is_no_wall_clock_time() -> None:
    with pytest.raises(DefinitionError, match="is a moment"):
        wall_clock_kind(datetime(2025, 1, 1, tzinfo=UTC), "Europe/Berlin")
