from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steelyard.document import Format, Interval, format_interval, format_number, format_value
from steelyard.document.format import format_tick
from steelyard.errors import DefinitionError

FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18)
NUMBERS = st.one_of(FLOATS, st.integers(-(10**24), 10**24), st.decimals(-(10**12), 10**12, places=4))
STYLES = st.one_of(
    st.just(Format()),
    st.builds(Format.integer, signed=st.booleans()),
    st.builds(Format.decimal, st.integers(0, 9), signed=st.booleans()),
    st.builds(Format.percent, st.integers(0, 6), signed=st.booleans()),
    st.builds(Format.points, st.integers(0, 6)),
    st.builds(Format.significant, st.integers(1, 12), signed=st.booleans()),
    st.builds(Format.money, st.sampled_from(["USD", "$", "JPY"]), st.none() | st.integers(0, 4)),
)


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (4596039.90, Format.money("USD"), "USD 4,596,039.90"),
        (Decimal("4596039.90"), Format.money("$"), "$4,596,039.90"),
        (-5, Format.money("$"), "-$5.00"),
        (-5, Format.money("USD"), "USD -5.00"),
        (1234.5, Format.money("JPY"), "JPY 1,234"),
        (155848, Format(), "155,848"),
        (0.123456, Format.percent(2), "12.35%"),
        (0.0012, Format.points(), "+0.12 pp"),
        (36.0, Format.significant(3), "36.0"),
        (0.00001234, Format.significant(3), "0.0000123"),
        (9.9999, Format.significant(3), "10.0"),
        (4596039.9, Format.significant(3), "4,596,040"),
        (1.5e-9, Format.significant(3), "1.50e-9"),
        (0.5, Format(), "0.5"),
        (Decimal("12.50"), Format(), "12.50"),
        (-0.0001, Format.decimal(2), "0.00"),
        (-0.0001, Format.percent(1, signed=True), "0.0%"),
        (0.00099, Format.p_value(), "< 0.001"),
        (0.001, Format.p_value(), "0.001"),
        (0.9999, Format.p_value(), "> 0.999"),
        (1, Format.p_value(), "1.000"),
        (0, Format.p_value(), "< 0.001"),
        (None, Format.percent(), "–"),
        (math.nan, Format.percent(), "NaN"),
        (Decimal("sNaN"), Format.percent(), "NaN"),
        (10**400, Format.integer(), f"{10**400:,}"),
        (math.inf, Format.decimal(), "∞"),
        (12.34, Format.decimal(1, unit="ms"), "12.3 ms"),
        (93, Format.duration(), "1 min 33 s"),
        (0.0451, Format.duration(), "45.1 ms"),
        (59.99, Format.duration(), "1 min"),
        (86399.9, Format.duration(), "1 d"),
    ],
)
def test_a_number_is_written_as_people_read_it(value: float, style: Format, text: str) -> None:
    assert format_number(value, style) == text


@given(NUMBERS, STYLES)
@example(-0.004, Format.decimal(2))
@example(0.5, Format.integer())
@example(999999.5, Format.significant(3))
def test_what_is_written_reads_back_within_half_a_unit_of_its_last_digit(value: float, style: Format) -> None:
    text = format_number(value, style)
    found = re.search(r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", text)
    assert found is not None
    body = found[0].replace(",", "")
    read = Decimal(body) * (-1 if "-" in text[: found.start()] else 1)
    exact = Decimal(value)
    if style.kind in ("percent", "points"):
        sign, digits, exponent = exact.as_tuple()
        exact = Decimal((sign, digits, int(exponent) + 2))
    # Zeros that were cut from the end stand for digits shown: the automatic format shows four.
    unit = Decimal(1).scaleb(int(Decimal(body).as_tuple().exponent))
    assert abs(read - exact) <= unit / 2


@given(NUMBERS, STYLES)
def test_zero_is_never_negative_nor_signed(value: float, style: Format) -> None:
    text = format_number(value, style)
    if not any(digit in text for digit in "123456789"):
        assert "-" not in text
        assert "+" not in text


@given(FLOATS.filter(lambda v: abs(v) < 1e12))
def test_a_duration_reads_back_within_half_a_unit_of_its_last_part(seconds: float) -> None:
    sizes = {"d": 86400, "h": 3600, "min": 60, "s": 1, "ms": 1e-3, "µs": 1e-6}
    text = format_number(seconds, Format.duration())
    parts = re.findall(r"([\d,.]+(?:e-?\d+)?) (d|h|min|s|ms|µs)", text)
    read = sum(float(number.replace(",", "")) * sizes[unit] for number, unit in parts)
    number, unit = parts[-1]
    below = {"d": 3600, "h": 60, "min": 1}
    last = below[unit] if unit in below and len(parts) == 1 else sizes[unit]
    if "." in number or "e" in number:
        last = sizes[unit] * float(Decimal(1).scaleb(int(Decimal(number).as_tuple().exponent)))
    elif unit in ("h", "min", "s") and len(parts) == 2:
        last = sizes[unit]
    elif unit == "min" and len(parts) == 1:
        last = 1
    slack = last if text in ("1 min", "-1 min") else last / 2
    assert abs(read - abs(seconds)) <= slack * (1 + 1e-9) + 1e-12


def test_intervals_show_what_is_unbounded() -> None:
    assert format_interval(-0.012, None, Format.percent(1)) == "[-1.2%, ∞]"
    assert format_value(Interval(-math.inf, 3), Format.decimal(1, signed=True)) == "[-∞, +3.0]"


def test_dates_and_times_are_written_with_their_zone() -> None:
    assert format_value(date(2026, 11, 22)) == "2026-11-22"
    assert format_value(datetime(2026, 11, 22, 9, 5, tzinfo=UTC)) == "2026-11-22 09:05 UTC"
    assert format_value(datetime.fromisoformat("2026-11-22T09:05:07-03:30")) == "2026-11-22 09:05:07 -03:30"
    assert format_value(datetime(2026, 11, 22, 9, 5, tzinfo=UTC), Format("date")) == "2026-11-22"
    assert format_value(timedelta(days=3, hours=4)) == "3 d 4 h"
    assert format_value(True) == "yes"


@pytest.mark.parametrize(
    "call", [lambda: Format("percents"), lambda: Format("decimal", -1), lambda: Format.decimal(99)]
)
def test_a_format_that_cannot_be_is_refused(call: object) -> None:
    with pytest.raises(DefinitionError):
        call()  # type: ignore[operator]


@given(st.floats(-1e9, 1e9), st.sampled_from([1, 2, 5]), st.integers(-6, 8))
def test_two_ticks_in_a_row_never_read_the_same(start: float, factor: int, power: int) -> None:
    step = factor * 10.0**power
    first = round(start / step) * step
    if abs(first) / step < 1e9:
        assert format_tick(first, step, Format()) != format_tick(first + step, step, Format())
