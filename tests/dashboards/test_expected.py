"""What is expected of a metric's last periods: of the periods before them, and of no outage or holiday."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from steelyard.dashboards import Trend, expected_of
from steelyard.metrics import Annotation, Metric

FIRST = date(2025, 1, 6)


def daily(values: list[float], *, kind: str = "sum") -> Trend:
    metric = Metric(name="sold", sum="sales.number") if kind == "sum" else Metric(name="sold", mean="sales.number")
    days = tuple(FIRST + timedelta(days=n) for n in range(len(values)))
    return Trend(metric=metric, grain="day", periods=days, values=tuple(values))


def season(count: int, seed: int = 3) -> list[float]:
    noise = np.random.default_rng(seed).normal(0, 12, count)
    return [1000 + 300 * (n % 7 == 5) - 200 * (n % 7 == 6) + float(noise[n]) for n in range(count)]


def test_days_are_expected_as_their_own_day_of_the_week_was() -> None:
    found = expected_of(daily(season(120)))
    assert found is not None
    saturdays = [value for n, value in enumerate(found.values) if value is not None and n % 7 == 5]
    sundays = [value for n, value in enumerate(found.values) if value is not None and n % 7 == 6]
    assert all(abs(value - 1300) < 20 for value in saturdays)
    assert all(abs(value - 800) < 20 for value in sundays)
    assert found.season == 7
    assert "days of the week" in found.says("day")


def test_few_days_of_a_quiet_time_lie_outside_and_a_fallen_one_does() -> None:
    outside = 0
    for seed in range(40):
        values = season(120, seed)
        found = expected_of(daily(values))
        assert found is not None
        outside += sum(
            low is not None and high is not None and not low <= value <= high
            for value, low, high in zip(values, found.low, found.high, strict=True)
        )
    assert outside <= 12  # of 1,120 days; one in 370 is three
    fallen = season(120)
    fallen[-1] = 700.0
    found = expected_of(daily(fallen))
    assert found is not None
    assert found.low[-1] is not None
    assert fallen[-1] < found.low[-1]


def test_only_the_last_periods_have_a_range_and_it_does_not_come_from_them() -> None:
    values = season(120)
    before = expected_of(daily(values))
    after = expected_of(daily([*values[:-20], *(0.5 * value for value in values[-20:])]))
    assert before is not None
    assert after is not None
    assert before.values[-20:] == after.values[-20:]
    assert sum(value is not None for value in before.values) == 28


def test_an_outage_is_no_example_of_what_is_usual() -> None:
    values = season(120)
    for n in range(60, 75):
        values[n] = 10.0
    outage = Annotation(at=FIRST + timedelta(days=60), until=FIRST + timedelta(days=74), says="Down", kind="outage")
    told, untold = expected_of(daily(values), [outage]), expected_of(daily(values))
    assert told is not None
    assert untold is not None
    assert told.used == untold.used - 15


def test_too_little_history_gives_no_range() -> None:
    assert expected_of(daily(season(20))) is None
    hours = Trend(metric=Metric(name="sold", sum="sales.number"), grain="hour", periods=(), values=())
    assert expected_of(hours) is None
