"""Text to types: the quick tests of the usual form say what the slow ones say, and nothing that is kept is changed."""

from __future__ import annotations

import random
import re
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.pipeline.conversion import column_type, from_text


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        yield connection


def converted(engine, kind: str, texts: list[str], zone: str = "UTC") -> dict[str, str | None]:
    """Text -> the value as text for what is kept."""
    conversion = from_text("g", "v", kind, zone=zone)
    value = conversion.value
    engine.execute("CREATE OR REPLACE TEMP TABLE texts (g VARCHAR)")
    engine.execute("INSERT INTO texts SELECT unnest($1)", [texts])
    sql = f"SELECT g, CAST(v AS VARCHAR), {conversion.fits or 'true'} FROM (SELECT g, {value} AS v FROM texts)"
    return {text: kept for text, kept, fits in engine.execute(sql).fetchall() if fits}


def mutated(spellings: list[str], letters: str, count: int) -> list[str]:
    chance = random.Random(1)
    found = set(spellings)
    for _ in range(count):
        text = list(chance.choice(spellings))
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(text) + 1)
            what = chance.randrange(3)
            if what == 0:
                text.insert(place, chance.choice(letters))
            elif text and place < len(text):
                text[place : place + 1] = [] if what == 1 else [chance.choice(letters)]
        found.add("".join(text))
    return sorted(found)


TIMES = [
    "2026-01-02 03:04:05",
    "2026-01-02T03:04:05",
    "2026-1-2 3:4:5",
    "2026-01-02 03:04:5Z",
    "2026-01-02 3:04:05Z",
    "2026-1-02 03:04:05Z",
    "2026-01-02 03:04+02",
    "2026-01-02 03:04:05+02",
    "2026-01-02 03:04:05.25",
    "2026/01/02 03:04:05",
    "0026-01-02 03:04:05",
    "-026-01-02 03:04:05",
    "2026-01-02 03:04:05 UTC",
]


def test_a_timestamp_that_is_kept_is_what_python_reads_and_never_had_an_offset(engine):
    texts = mutated(TIMES, "0123456789-:/ TZ+.zU", 60_000)
    kept = converted(engine, "TIMESTAMP", texts)
    assert len(kept) > 500
    for text, value in kept.items():
        assert not text.strip().upper().endswith(("Z", "UTC")), text
        assert "+" not in text, text
        assert text.strip().replace("/", "-").count("-") == 2, text
        numbers = [int(part) for part in re.split("[^0-9]+", text.strip().split(".")[0]) if part]
        assert str(value).startswith(f"{numbers[0]:04d}-"), text
        if numbers[0] <= 9999 and numbers[3:4] != [24]:
            written = [*numbers, 0, 0, 0][:6]
            read = datetime.fromisoformat(str(value))
            assert written == [read.year, read.month, read.day, read.hour, read.minute, read.second], text


def test_a_date_that_is_kept_is_the_day_that_is_written(engine):
    texts = mutated(
        ["2026-01-02", "2026-1-2", "26-01-02  ", "2026/01/02", "2026-01-02 00:00:00"], "0123456789-/ :T", 30_000
    )
    for text, value in converted(engine, "DATE", texts).items():
        year, month, day = (
            int(part) for part in text.replace("/", "-").replace("T", " ").strip().split(" ")[0].split("-")
        )
        assert str(value) == f"{year:04d}-{month:02d}-{day:02d}", text


@pytest.mark.parametrize("kind", ["BIGINT", "INTEGER", "UTINYINT", "DECIMAL(9,2)", "DECIMAL(4,4)", "DECIMAL(38,0)"])
def test_a_number_that_is_kept_is_exactly_the_number_that_is_written(engine, kind: str):
    texts = mutated(
        ["12", "-0.5", "1.50", "007", "1e3", "0x1F", "99999", "1_000", " 4 ", ".25", "5."],
        "0123456789.-+eExX_ ",
        30_000,
    )
    kept = converted(engine, kind, texts)
    assert len(kept) > 100
    for text, value in kept.items():
        assert Decimal(text.strip()) == Decimal(str(value)), text


@settings(max_examples=60, deadline=None)
@given(st.decimals(min_value=-9_999_999, max_value=9_999_999, places=3, allow_nan=False))
def test_a_decimal_is_kept_exactly_when_its_digits_fit(engine, number: Decimal):
    kept = converted(engine, "DECIMAL(9,2)", [str(number)])
    assert bool(kept) == (number == number.quantize(Decimal("0.01")))


def test_the_usual_spellings_are_all_kept(engine):
    for kind, texts in {
        "BIGINT": ["0", "-7", "9223372036854775807"],
        "DOUBLE": ["1.5", "-1e-3", "0"],
        "TIMESTAMP": ["2026-01-02", "2026-01-02 03:04", "2026-01-02T03:04:05.123456"],
        "BOOLEAN": ["true", "False", "1", "0", "yes", "no"],
    }.items():
        assert set(converted(engine, kind, texts)) == set(texts), kind


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_a_local_time_is_read_in_the_zone_and_an_offset_wins(engine, zone: str):
    from zoneinfo import ZoneInfo

    texts = [f"2026-{month:02d}-15 12:30:00" for month in range(1, 13)]
    for text, value in converted(engine, "TIMESTAMP WITH TIME ZONE", texts, zone).items():
        expected = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
        assert datetime.fromisoformat(str(value)) == expected
    offsets = [f"2026-07-15 12:30:00{offset}" for offset in ("Z", "+00", "+0530", "-05:00", " +02:00", " UTC")]
    kept = converted(engine, "TIMESTAMP WITH TIME ZONE", offsets, zone)
    assert set(kept) == set(offsets)
    assert kept["2026-07-15 12:30:00+0530"] == "2026-07-15 07:00:00+00"


@pytest.mark.parametrize(
    "text", ["", "BIGIT", "DECIMAL(40,2)", "DECIMAL(2,3)", "INTERVAL", "STRUCT(a INT)", "INTEGER[]"]
)
def test_a_type_that_no_column_can_have_is_refused(text: str):
    with pytest.raises(DefinitionError):
        column_type(text)


def test_types_have_one_spelling():
    assert [column_type(text) for text in ("int", " Text", "numeric(5)", "timestamptz", "decimal")] == [
        "INTEGER",
        "VARCHAR",
        "DECIMAL(5,0)",
        "TIMESTAMP WITH TIME ZONE",
        "DECIMAL(18,3)",
    ]
