"""Days are counted in the project's zone, whatever zone a table writes its times in."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from steelyard.pipeline.local_time import age, day_expression, moment, start_of_day
from steelyard.pipeline.step_sql import Clock
from steelyard.warehouse import connect

CLOCK = Clock(as_of=datetime(2018, 1, 1, 6, tzinfo=UTC), zone="America/New_York", stored="UTC")
THREE_IN_THE_MORNING_UTC = datetime(2018, 1, 1, 3, 0)  # noqa: DTZ001 - a time as a table writes it


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (pa.scalar(THREE_IN_THE_MORNING_UTC, pa.timestamp("us")), "TIMESTAMP"),
        (pa.scalar(THREE_IN_THE_MORNING_UTC, pa.timestamp("us", tz="UTC")), "TIMESTAMP WITH TIME ZONE"),
    ],
)
def test_ten_in_the_evening_in_new_york_is_still_the_old_year(value: pa.Scalar, kind: str) -> None:
    table = pa.table({"at": pa.array([value.as_py()], value.type)})
    with connect(table) as warehouse:
        row = warehouse.fetch(f"SELECT {day_expression('at', kind, CLOCK)} AS day FROM data").to_pylist()[0]
    assert row["day"] == date(2017, 12, 31)


def test_bounds_of_a_local_day_are_written_in_the_tables_own_zone() -> None:
    assert start_of_day(date(2018, 1, 1), CLOCK, "TIMESTAMP") == datetime(2018, 1, 1, 5)  # noqa: DTZ001
    assert moment(CLOCK, "TIMESTAMP") == datetime(2018, 1, 1, 6)  # noqa: DTZ001
    assert age(THREE_IN_THE_MORNING_UTC, CLOCK).total_seconds() == 3 * 3600
