"""How a number, a date or an interval is written: the one place where fractions become percent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from steelyard.errors import DefinitionError

MISSING = "–"
GROUP = ","
KINDS = (
    "auto", "integer", "decimal", "money", "percent", "points", "significant", "p_value", "date", "datetime",
    "duration",
)  # fmt: skip
Kind = Literal[
    "auto", "integer", "decimal", "money", "percent", "points", "significant", "p_value", "date", "datetime",
    "duration",
]  # fmt: skip
Number = int | float | Decimal
_WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF", "¥", "₩"})
_SYMBOLS = frozenset("$€£¥₩₹")
_DEFAULT_DIGITS = {"integer": 0, "decimal": 2, "percent": 1, "points": 2, "significant": 4, "p_value": 3}


@dataclass(frozen=True)
class Interval:
    """A range from `low` to `high` in a table cell; None or an infinity is unbounded.

    >>> format_value(Interval(-0.012, None), Format.percent())
    '[-1.2%, ∞]'
    """

    low: Number | None
    high: Number | None


@dataclass(frozen=True)
class Format:
    """How the values of a column, an axis or a tile are written.

    Args:
        kind: one of `auto`, `integer`, `decimal`, `money`, `percent` (of a fraction), `points` (a difference of two
            fractions, in percentage points), `significant`, `p_value`, `date`, `datetime`, `duration` (of seconds).
        digits: decimals; for `significant`, significant digits. None: what suits the kind.
        currency: for `money`: a code (`USD`) or a symbol (`$`).
        signed: write a plus before positive numbers.
        unit: a word after the number, such as `ms`.

    Raises:
        DefinitionError: the kind is unknown, or `digits` is outside 0 to 15.
    """

    kind: Kind = "auto"
    digits: int | None = None
    currency: str | None = None
    signed: bool = False
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DefinitionError(f"there is no number format '{self.kind}'", hint=f"use one of {', '.join(KINDS)}")
        if self.digits is not None and not 0 <= self.digits <= 15:
            raise DefinitionError(f"a number cannot be written with {self.digits} digits", hint="use 0 to 15")

    @classmethod
    def integer(cls, *, signed: bool = False, unit: str | None = None) -> Format:
        """Whole numbers, grouped: 155,848."""
        return cls("integer", signed=signed, unit=unit)

    @classmethod
    def decimal(cls, digits: int = 2, *, signed: bool = False, unit: str | None = None) -> Format:
        """A fixed number of decimals: 1,234.50."""
        return cls("decimal", digits, signed=signed, unit=unit)

    @classmethod
    def money(cls, currency: str, digits: int | None = None, *, signed: bool = False) -> Format:
        """Money: USD 4,596,039.90, or $4,596,039.90 where the currency is given as a symbol."""
        return cls("money", digits, currency, signed)

    @classmethod
    def percent(cls, digits: int = 1, *, signed: bool = False) -> Format:
        """A fraction as percent: 0.123 is 12.3%."""
        return cls("percent", digits, signed=signed)

    @classmethod
    def points(cls, digits: int = 2, *, signed: bool = True) -> Format:
        """A difference of fractions in percentage points: 0.0012 is +0.12 pp."""
        return cls("points", digits, signed=signed)

    @classmethod
    def significant(cls, digits: int = 4, *, signed: bool = False, unit: str | None = None) -> Format:
        """Significant digits, for estimates: 0.01234. Digits before the point are never rounded away."""
        return cls("significant", digits, signed=signed, unit=unit)

    @classmethod
    def p_value(cls) -> Format:
        """A p-value: 0.042, and `< 0.001` below that."""
        return cls("p_value")

    @classmethod
    def duration(cls) -> Format:
        """Seconds, or a timedelta, in the units that suit it: 3 d 4 h, 1 min 30 s, 45.0 ms."""
        return cls("duration")

    def with_sign(self) -> Format:
        """Give the same format, with a plus before positive numbers."""
        return Format(self.kind, self.digits, self.currency, True, self.unit)


AUTO = Format()
SIGNED_PERCENT = Format.percent(1, signed=True)


def format_number(value: Number | None, style: Format | None = None) -> str:  # noqa: PLR0911 (one a kind)
    """Write one number.

    Args:
        value: the number; None is written as an en dash, NaN as `NaN`.
        style: how; without it integers are grouped and floats get four significant digits.

    Returns:
        The text. Read back it is within half a unit of the last digit shown, and it is never a negative zero.

    >>> format_number(4596039.9, Format.money("USD"))
    'USD 4,596,039.90'
    >>> format_number(0.1234, Format.percent(1))
    '12.3%'
    """
    style = style or Format()
    if value is None:
        return MISSING
    if value.is_nan() if isinstance(value, Decimal) else isinstance(value, float) and math.isnan(value):
        return "NaN"
    if style.kind == "p_value":
        return _p_value(value, style.digits or 3)
    if style.kind == "duration":
        return _duration(value)
    if not isinstance(value, int) and math.isinf(value):
        return _dress("-∞" if value < 0 else "∞", style)
    if style.kind == "auto" and isinstance(value, Decimal):
        return _dress(_fixed(value, min(max(0, -int(value.as_tuple().exponent)), 15)), style)
    return _dress(_digits(Decimal(value), style), style)


def format_value(value: object, style: Format | None = None) -> str:
    """Write one table cell that is not text with markup: a number, date, duration, interval, yes/no or text.

    >>> format_value(None), format_value(True), format_value(1234)
    ('–', 'yes', '1,234')
    """
    style = style or Format()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, int | float | Decimal):
        return format_number(value, style)
    if isinstance(value, Interval):
        return format_interval(value.low, value.high, style)
    if isinstance(value, timedelta):
        return _duration(value.total_seconds())
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if style.kind == "date" else _moment(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def format_interval(low: Number | None, high: Number | None, style: Format | None = None) -> str:
    """Write an interval; a bound that is None is unbounded.

    >>> format_interval(None, 3.25, Format.decimal(1))
    '[-∞, 3.2]'
    """
    bottom = "-∞" if low is None or low == -math.inf else format_number(low, style)
    top = "∞" if high is None or high == math.inf else format_number(high, style)
    return f"[{bottom}, {top}]"


def format_tick(value: float, step: float, style: Format) -> str:
    """Write an axis tick with as few digits as the step between ticks needs, and k, M, B for large numbers.

    >>> format_tick(4_500_000, 500_000, Format.money("USD"))
    'USD 4.5M'
    """
    scale, suffix = _compact(abs(value), step, style)
    factor = 100.0 if style.kind in ("percent", "points") else 1.0
    needed = _decimals_for(step * factor / scale)
    body = _tidy(f"{value * factor / scale:,.{needed}f}") + suffix
    kind: Kind = style.kind if style.kind in ("money", "percent", "points") else "auto"
    return _dress(body, Format(kind, None, style.currency, style.signed, style.unit if kind == "auto" else None))


def _digits(value: Decimal, style: Format) -> str:
    if style.kind in ("percent", "points"):
        value = _shift(value, 2)
    digits = style.digits if style.digits is not None else _DEFAULT_DIGITS.get(style.kind)
    if style.kind == "money":
        places = 0 if style.currency in _WITHOUT_CENTS else 2
        return _fixed(value, places if style.digits is None else style.digits)
    if style.kind == "significant":
        return _significant(value, digits or 4)
    if digits is not None:
        return _fixed(value, digits)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= 0 and value.adjusted() < 15:
        return _fixed(value, 0)
    return _without_zeros(_significant(value, 4))


def _fixed(value: Decimal, places: int) -> str:
    return _tidy(f"{value:{GROUP}.{places}f}")


def _significant(value: Decimal, digits: int) -> str:
    if not value:
        return "0"
    if not -6 <= value.adjusted() < 15:
        return f"{value:.{max(digits - 1, 0)}e}".lower()
    rounded = Decimal(f"{value:.{max(digits - 1, 0)}e}")
    return _fixed(value, max(0, digits - 1 - rounded.adjusted()))


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _tidy(text: str) -> str:
    return text.lstrip("-") if not any(digit in text for digit in "123456789") else text


def _shift(value: Decimal, places: int) -> Decimal:
    sign, digits, exponent = value.as_tuple()
    return Decimal((sign, digits, int(exponent) + places))


def _dress(body: str, style: Format) -> str:
    nonzero = any(digit in body for digit in "123456789∞")
    sign, body = ("-", body[1:]) if body.startswith("-") else ("+" if style.signed and nonzero else "", body)
    if style.kind == "percent":
        return f"{sign}{body}%"
    if style.kind == "points":
        return f"{sign}{body} pp"
    if style.kind == "money" and style.currency:
        return f"{sign}{style.currency}{body}" if style.currency in _SYMBOLS else f"{style.currency} {sign}{body}"
    return f"{sign}{body} {style.unit}" if style.unit else f"{sign}{body}"


def _p_value(value: Number, digits: int) -> str:
    smallest = Decimal(1).scaleb(-digits)
    if 0 <= value < smallest:
        return f"< {smallest:f}"
    if 1 - smallest / 2 < value < 1:
        return f"> {1 - smallest:f}"
    return _fixed(Decimal(value), digits)


def _duration(seconds: Number) -> str:
    if math.isinf(seconds):
        return "-∞" if seconds < 0 else "∞"
    sign, size = ("-", -float(seconds)) if seconds < 0 else ("", float(seconds))
    if size == 0:
        return "0 s"
    if size >= 59.95:
        return sign + _long_duration(size)
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if size * scale >= 0.9995 or unit == "µs":
            return f"{sign}{_significant(Decimal(size * scale), 3)} {unit}"
    raise AssertionError("a duration has a unit")


def _long_duration(size: float) -> str:
    for large, small, large_name, small_name in ((86400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        units = round(size / small)
        if units * small >= large:
            whole, rest = divmod(units, large // small)
            return f"{whole:{GROUP}} {large_name}" + (f" {rest} {small_name}" if rest else "")
    return "1 min"


def _moment(value: datetime) -> str:
    text = value.strftime("%Y-%m-%d %H:%M" + (":%S" if value.second else ""))
    if value.tzinfo is None:
        return text
    offset = value.strftime("%z")
    return f"{text} UTC" if offset == "+0000" else f"{text} {offset[:3]}:{offset[3:5]}"


def _compact(size: float, step: float, style: Format) -> tuple[float, str]:
    if style.kind in ("percent", "points"):
        return 1.0, ""
    for scale, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= scale and step >= scale / 100 and (scale > 1e3 or size >= 1e4 or step >= 1e3):
            return scale, suffix
    return 1.0, ""


def _decimals_for(step: float) -> int:
    if step <= 0:
        return 0
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return min(places + (0 if math.isclose(round(step, places), step, rel_tol=1e-6) else 1), 12)
