"""Through which day a table's data is complete."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.metrics.data_complete import data_complete, lateness_days

PUBLISHED = "2026-02-10T23:30:00+00:00"  # in Berlin it is the 11th already


@pytest.mark.parametrize(
    ("declared", "lateness", "published", "last", "zone", "through"),
    [
        ("2025-03-30", "2 days", PUBLISHED, date(2026, 1, 1), "UTC", date(2025, 3, 30)),
        (date(2025, 3, 30), "", "", None, "UTC", date(2025, 3, 30)),
        ("", "", PUBLISHED, date(2026, 1, 1), "UTC", date(2026, 2, 9)),
        ("", "", PUBLISHED, None, "Europe/Berlin", date(2026, 2, 10)),
        ("", "2 days", PUBLISHED, None, "Europe/Berlin", date(2026, 2, 8)),
        ("", "36 hours", PUBLISHED, None, "UTC", date(2026, 2, 7)),
        ("", "1 day", "", date(2026, 1, 5), "UTC", date(2026, 1, 4)),
        ("", "", "", date(2026, 1, 5), "UTC", None),
        ("", "1 day", "", None, "UTC", None),
    ],
)  # fmt: skip
def test_what_is_declared_comes_first_then_publishing_then_the_last_row(
    declared: str, lateness: str, published: str, last: date | None, zone: str, through: date | None
) -> None:
    assert data_complete(declared, lateness, published, last, zone).through == through


def test_the_words_say_why() -> None:
    assert data_complete("", "1 day", PUBLISHED, None, "UTC").says == (
        "the day before it was published (2026-02-10), less 1 day in which rows may come late"
    )
    assert data_complete("", "", "", None, "UTC").says.startswith("nothing says it")


@given(st.integers(0, 1_000))
def test_a_longer_lateness_is_an_earlier_day_by_as_much(days: int) -> None:
    at_once = data_complete("", "", PUBLISHED, None, "UTC").through
    late = data_complete("", f"{days} days", PUBLISHED, None, "UTC").through
    assert at_once is not None
    assert late == at_once - timedelta(days=days)


@pytest.mark.parametrize("wrong", ["soon", "2", "-1 days", "2 months", "1.5 days"])
def test_a_lateness_that_cannot_be_read_is_refused(wrong: str) -> None:
    with pytest.raises(DefinitionError, match="is no lateness"):
        lateness_days(wrong)


def test_a_declared_day_that_is_none_is_refused() -> None:
    with pytest.raises(DefinitionError, match="complete_through = '2026-02-30' is not a date"):
        data_complete("2026-02-30", "", "", None, "UTC", where="shop.yml:3")
