"""Every function of the dialect, with its spelling on each engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from steelyard.warehouse.functions_spark import SPARK, in_spark_types

__all__ = ["ENGINES", "FUNCTIONS", "OWN_FUNCTIONS", "WEEK_SHIFT", "Function"]

ENGINES = ("duckdb", "postgres", "spark")
_WRITTEN_HERE = ("duckdb", "postgres")
WEEK_SHIFT: Mapping[str, str] = MappingProxyType({"monday": "0", "sunday": "1", "saturday": "2", "friday": "3"})
"""First day of the week -> days to shift a date by so that its week is one that starts on a Monday."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function of the dialect.

    Args:
        name: As it is written, in lower case.
        kind: `plain` is a value of one row, `aggregate` of many (FILTER may follow, and OVER where `windowed`),
            `window` needs OVER, `table` stands in FROM.
        spelling: Number of arguments (-1: any) -> engine -> its SQL. `{0}` is the first argument; `{all}` is all of
            them (`{texts}` as texts, on Spark); `{tail}` is where FILTER and OVER go (else the end), `{and}` where a
            FILTER's condition joins.
        says: What it gives, for the guide.
        windowed: Whether OVER may follow an aggregate.
        words: What the literals that it takes as its second argument stand for; empty where it takes anything.
    """

    name: str
    kind: Literal["plain", "aggregate", "window", "table"]
    spelling: Mapping[int, Mapping[str, str]]
    says: str
    windowed: bool = True
    words: Mapping[str, str] = field(default_factory=dict)

    def spelled(self, engine: str, arguments: int) -> str | None:
        """The template for this many arguments; None where it takes another number.

        >>> FUNCTIONS["add_days"].spelled("duckdb", 2)
        '(CAST({0} AS DATE) + CAST({1} AS INTEGER))'
        """
        found = self.spelling.get(arguments)
        if found is None and -1 in self.spelling and arguments >= 1:
            found = self.spelling[-1]
        return None if found is None else found[engine]

    def arguments(self) -> str:
        """How many arguments it takes, in words."""
        return " or ".join("any number of" if count < 0 else str(count) for count in sorted(self.spelling))


_Kind = Literal["plain", "aggregate", "window", "table"]


def _own(kind: _Kind, name: str, arguments: int, says: str, windowed: bool = True, **spelled: str) -> Function:
    """A function with a spelling of its own: `both`, or `duckdb` and `postgres`."""
    spelling = {engine: spelled.get(engine, spelled.get("both", "")) for engine in _WRITTEN_HERE}
    return Function(name=name, kind=kind, spelling={arguments: spelling}, says=says, windowed=windowed)


def _same(kind: _Kind, *rows: tuple[str, tuple[int, ...], str]) -> tuple[Function, ...]:
    """Functions that are called by the same name and in the same way on every engine."""
    return tuple(
        Function(
            name=name,
            kind=kind,
            says=says,
            spelling={n: dict.fromkeys(_WRITTEN_HERE, f"{name.upper()}({'{all}' if n else ''})") for n in counts},
        )
        for name, counts, says in rows
    )


def _joined(name: str, says: str, *functions: Function) -> Function:
    """One function out of several that take different numbers of arguments."""
    spelling = {count: spelled for function in functions for count, spelled in function.spelling.items()}
    return replace(functions[0], name=name, spelling=spelling, says=says)


# A moment without a zone is in UTC, as is the session: the cast says so whatever was given.
_MOMENT = "CAST({0} AS TIMESTAMPTZ)"
_LOCAL = f"{_MOMENT} AT TIME ZONE {{1}}"
_ROOT = "CAST({0} AS DOUBLE PRECISION)"
_HEX15 = "substr(md5(CAST({0} AS VARCHAR) || ':' || CAST({1} AS VARCHAR)), 1, 15)"
_EXACT = "CAST(CAST({0} AS VARCHAR) AS DECIMAL(38, 10))"
_REAL_POWER = "{0} > 0 OR ({0} = 0 AND {1} >= 0) OR ({0} < 0 AND {1} = TRUNC({1}))"
_SHIFTED = "CAST(DATE_TRUNC('week', CAST(CAST({0} AS DATE) + {1} AS TIMESTAMP)) AS DATE)"

_NUMBERS = (
    *_same(
        "plain",
        ("abs", (1,), "magnitude"),
        ("floor", (1,), "the whole number below"),
        ("ceil", (1,), "the whole number above"),
        ("trunc", (1,), "the whole number towards zero"),
        ("greatest", (-1,), "the largest that is not NULL"),
        ("least", (-1,), "the smallest that is not NULL"),
        ("coalesce", (-1,), "the first that is not NULL"),
        ("nullif", (2,), "NULL where both are equal"),
    ),
    _own("plain", "sign", 1, "-1, 0 or 1", both="CAST(SIGN({0}) AS INTEGER)"),
    _joined(
        "round",
        "a decimal, halves away from zero, of 0 to 10 places; below 1e27",
        _own("plain", "round", 1, "", both=f"ROUND({_EXACT}, 0)"),
        _own("plain", "round", 2, "", both=f"ROUND({_EXACT}, {{1}})"),
    ),
    _own("plain", "sqrt", 1, "square root; NULL below zero", both=f"SQRT(CASE WHEN {{0}} >= 0 THEN {_ROOT} END)"),
    _own("plain", "ln", 1, "natural logarithm; NULL at 0 and below", both=f"LN(CASE WHEN {{0}} > 0 THEN {_ROOT} END)"),
    _own(
        "plain", "exp", 1, "e to the power; NULL above 709, 0 below -700",
        both=f"CASE WHEN {{0}} < -700 THEN 0 WHEN {{0}} <= 709 THEN EXP({_ROOT}) END",
    ),
    _own(
        "plain", "power", 2, "power; NULL where it has no real value",
        both=f"CASE WHEN {_REAL_POWER} THEN POWER({_ROOT}, {_ROOT.replace('0', '1')}) END",
    ),
    _own(
        "plain", "bucket", 2,
        "the first 60 bits of md5(salt:id): a whole number below 2**60, the same on every engine and in bucket()",
        duckdb=f"CAST('0x' || {_HEX15} AS BIGINT)", postgres=f"CAST(CAST('x0' || {_HEX15} AS BIT(64)) AS BIGINT)",
    ),
)  # fmt: skip

_TEXTS = (
    *_same(
        "plain",
        ("length", (1,), "number of characters"),
        ("trim", (1,), "without spaces at both ends"),
        ("ltrim", (1,), "without spaces at the start"),
        ("rtrim", (1,), "without spaces at the end"),
        ("replace", (3,), "each occurrence replaced"),
        ("split_part", (3,), "the n-th part, from 1; '' where there is none"),
        ("left", (2,), "the first n characters"),
        ("right", (2,), "the last n characters"),
        ("lpad", (3,), "filled on the left to n characters"),
        ("rpad", (3,), "filled on the right to n characters"),
        ("repeat", (2,), "n times"),
        ("reverse", (1,), "backwards"),
        ("concat", (-1,), "joined; NULL is nothing"),
        ("concat_ws", (-1,), "joined by the first; NULL is left out"),
        ("md5", (1,), "32 hexadecimal digits"),
        ("starts_with", (2,), "whether it starts so"),
        ("strpos", (2,), "where it is, from 1; 0 where it is not"),
    ),
    _own("plain", "lower", 1, "in small letters", duckdb="LOWER({0})", postgres='LOWER({0} COLLATE "und-x-icu")'),
    _own("plain", "upper", 1, "in capitals", duckdb="UPPER({0})", postgres='UPPER({0} COLLATE "und-x-icu")'),
    _own("plain", "contains", 2, "whether it is in it", both="(STRPOS({0}, {1}) > 0)"),
    _joined(
        "substr",
        "n characters from the s-th (from 1), or all that follow",
        _own("plain", "substr", 2, "", both="SUBSTR({0}, GREATEST({1}, 1))"),
        _own("plain", "substr", 3, "", both="SUBSTR({0}, GREATEST({1}, 1), {2})"),
    ),
)

_TIMES = (
    _own(
        "plain", "date_trunc", 2, "start of its 'hour', 'day', 'week', 'month', 'quarter' or 'year': a TIMESTAMP, UTC",
        both="DATE_TRUNC({0}, CAST({1} AS TIMESTAMP))",
    ),
    _own("plain", "local_date", 2, "the day of a moment in a zone", both=f"CAST({_LOCAL} AS DATE)"),
    _own("plain", "local_time", 2, "what a zone's clock shows at a moment: a TIMESTAMP", both=f"({_LOCAL})"),
    _own(
        "plain", "local_moment", 2, "the moment at which a zone's clock shows it; of a day, its start",
        both="(CAST({0} AS TIMESTAMP) AT TIME ZONE {1})",
    ),
    replace(
        _joined(
            "week_start",
            "the first day of its week: on a 'monday' (if not said), 'sunday', 'saturday' or 'friday'",
            _own("plain", "week_start", 1, "", both="CAST(DATE_TRUNC('week', CAST({0} AS TIMESTAMP)) AS DATE)"),
            _own("plain", "week_start", 2, "", both=f"({_SHIFTED} - {{1}})"),
        ),
        words=WEEK_SHIFT,
    ),
    _own("plain", "add_days", 2, "the day n days later", both="(CAST({0} AS DATE) + CAST({1} AS INTEGER))"),
    _own(
        "plain", "add_months", 2, "the day n months later, at most the month's last",
        both="CAST(CAST({0} AS DATE) + CAST({1} AS INTEGER) * INTERVAL '1 month' AS DATE)",
    ),
    _own("plain", "days_between", 2, "days from first to second", both="(CAST({1} AS DATE) - CAST({0} AS DATE))"),
    _own(
        "plain", "add_seconds", 2, "the moment n seconds later",
        both=f"({_MOMENT} + CAST({{1}} AS DOUBLE PRECISION) * INTERVAL '1 second')",
    ),
    _own(
        "plain", "seconds_between", 2, "seconds from the first to the second, exact to a microsecond",
        duckdb="((EPOCH_US(CAST({1} AS TIMESTAMPTZ)) - EPOCH_US(CAST({0} AS TIMESTAMPTZ))) / 1e6)",
        postgres="CAST(EXTRACT(EPOCH FROM CAST({1} AS TIMESTAMPTZ) - CAST({0} AS TIMESTAMPTZ)) AS DOUBLE PRECISION)",
    ),
    *(
        _own("plain", part, 1, f"the {part}", both=f"CAST(EXTRACT({part.upper()} FROM {{0}}) AS BIGINT)")
        for part in ("year", "quarter", "month", "day", "hour", "minute")
    ),
)  # fmt: skip


def _doubles(arguments: int, *rows: tuple[str, str]) -> tuple[Function, ...]:
    """Aggregates over doubles."""
    listed = ", ".join(f"CAST({{{number}}} AS DOUBLE PRECISION)" for number in range(arguments))
    return tuple(_own("aggregate", name, arguments, says, both=f"{name.upper()}({listed})") for name, says in rows)


def _by(name: str, order: str, says: str) -> Function:
    """A value from the row in which another is the smallest or the largest."""
    ordered = f"{{0}} ORDER BY {{1}} {order}, {{0}} {order}"
    known = "FILTER (WHERE {0} IS NOT NULL AND {1} IS NOT NULL{and})"
    return _own(
        "aggregate", name, 2, says, windowed=False,
        duckdb=f"FIRST({ordered}) {known}", postgres=f"(ARRAY_AGG({ordered}) {known})[1]",
    )  # fmt: skip


def _quantile(name: str, arguments: int, share: str, says: str) -> Function:
    return _own(
        "aggregate", name, arguments, says, windowed=False,
        duckdb=f"QUANTILE_CONT({_ROOT}, {share})", postgres=f"PERCENTILE_CONT({share}) WITHIN GROUP (ORDER BY {_ROOT})",
    )  # fmt: skip


_AGGREGATES = (
    *_same(
        "aggregate",
        ("count", (0, 1), "rows, or values that are not NULL"),
        ("sum", (1,), "sum; NULL where there is nothing"),
        ("min", (1,), "the smallest"),
        ("max", (1,), "the largest"),
        ("bool_and", (1,), "whether all are true"),
        ("bool_or", (1,), "whether any is true"),
        ("string_agg", (2,), "joined by the second; ORDER BY stands inside"),
    ),
    _own(
        "aggregate", "avg", 1, "mean, a double",
        duckdb="AVG({0})", postgres="CAST(AVG({0}){tail} AS DOUBLE PRECISION)",
    ),
    _own("aggregate", "count_if", 1, "rows for which it is true", both="COUNT(NULLIF({0}, FALSE))"),
    *_doubles(
        1,
        ("var_samp", "sample variance"),
        ("var_pop", "population variance"),
        ("stddev_samp", "sample standard deviation"),
        ("stddev_pop", "population standard deviation"),
    ),
    *_doubles(2, ("covar_samp", "sample covariance"), ("covar_pop", "population covariance")),
    _own(
        "aggregate", "corr", 2, "correlation; NULL where one does not vary",
        both=f"NULLIF(CORR({_ROOT}, {_ROOT.replace('0', '1')}){{tail}}, CAST('NaN' AS DOUBLE PRECISION))",
    ),
    _quantile("quantile_cont", 2, "{1}", "exact quantile, interpolated between neighbours (R's type 7), a double"),
    _quantile("median", 1, "0.5", "quantile_cont(x, 0.5)"),
    _by("first_by", "ASC", "x where t is smallest, neither NULL; of several the smallest x"),
    _by("last_by", "DESC", "x where t is largest, neither NULL; of several the largest x"),
    _by("arg_min", "ASC", "the same as first_by"),
    _by("arg_max", "DESC", "the same as last_by"),
)  # fmt: skip

_WINDOWS = _same(
    "window",
    ("row_number", (0,), "1, 2, 3"),
    ("rank", (0,), "rank with gaps"),
    ("dense_rank", (0,), "rank without gaps"),
    ("percent_rank", (0,), "(rank - 1) / (rows - 1)"),
    ("cume_dist", (0,), "share of the rows up to here"),
    ("ntile", (1,), "which of n equal parts"),
    ("lag", (1, 2, 3), "the value n rows before"),
    ("lead", (1, 2, 3), "the value n rows after"),
    ("first_value", (1,), "the frame's first"),
    ("last_value", (1,), "the frame's last"),
)

_TABLES = (
    _own(
        "table", "day_series", 2, "a table of one column `day`: every day from the first to the second, both included",
        duckdb="(SELECT CAST(range AS DATE) AS day FROM RANGE(CAST(CAST({0} AS DATE) AS TIMESTAMP), "
        "CAST(CAST({1} AS DATE) AS TIMESTAMP) + INTERVAL '1 day', INTERVAL '1 day'))",
        postgres="(SELECT CAST(moment AS DATE) AS day FROM GENERATE_SERIES(CAST(CAST({0} AS DATE) AS TIMESTAMP), "
        "CAST(CAST({1} AS DATE) AS TIMESTAMP), INTERVAL '1 day') AS days(moment))",
    ),
    _own(
        "table", "number_series", 2, "a table of one column `number`: every whole number from the first to the second",
        duckdb="(SELECT range AS number FROM RANGE(CAST({0} AS BIGINT), CAST({1} AS BIGINT) + 1))",
        postgres="(SELECT number FROM GENERATE_SERIES(CAST({0} AS BIGINT), CAST({1} AS BIGINT)) AS numbers(number))",
    ),
)  # fmt: skip


def _with_spark(function: Function) -> Function:
    """The function with its spelling on Spark: of its own, or PostgreSQL's in Spark's types."""
    counts = set(function.spelling) | {count for name, count in SPARK if name == function.name}
    spelling: dict[int, Mapping[str, str]] = {}
    for count in counts:
        written = function.spelling.get(count) or function.spelling[-1]
        own = SPARK.get((function.name, count))
        spelling[count] = {**written, "spark": in_spark_types(written["postgres"]) if own is None else own}
    return replace(function, spelling=spelling)


_ALL = (*_NUMBERS, *_TEXTS, *_TIMES, *_AGGREGATES, *_WINDOWS, *_TABLES)
_BY_NAME = {item.name: _with_spark(item) for item in _ALL}
_ALSO = {"substring": "substr", "ceiling": "ceil", "pow": "power", "ifnull": "coalesce"}

FUNCTIONS: Mapping[str, Function] = MappingProxyType(_BY_NAME | {name: _BY_NAME[of] for name, of in _ALSO.items()})
"""Every function of the dialect by its name in lower case."""

OWN_FUNCTIONS = frozenset(
    {
        *("bucket", "local_date", "local_time", "local_moment", "week_start", "add_days", "add_months", "days_between"),
        *("add_seconds", "seconds_between", "first_by", "last_by", "day_series", "number_series"),
    }
)
"""Those that DuckDB does not have under this name."""
