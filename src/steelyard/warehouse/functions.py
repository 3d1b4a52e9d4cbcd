"""Every function of the dialect, with its spelling on each engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

__all__ = ["ENGINES", "FUNCTIONS", "WEEK_SHIFT", "Function"]

ENGINES = ("duckdb", "postgres")
WEEK_SHIFT: Mapping[str, str] = MappingProxyType({"monday": "0", "sunday": "1", "saturday": "2", "friday": "3"})
"""First day of the week -> days to shift a date by so that its week is one that starts on a Monday."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function of the dialect.

    Args:
        name: As it is written, in lower case.
        kind: `plain` is a value of one row, `aggregate` of many (FILTER may follow, and OVER where `windowed`), `window`
            needs OVER, `table` stands in FROM.
        spelling: Number of arguments -> engine -> its SQL. `{0}` is the first argument; `{all}` is all of them;
            `{tail}` is where FILTER and OVER go (the end where it does not say), `{and}` a FILTER's condition.
        says: What it gives, for the guide.
        windowed: Whether OVER may follow an aggregate.
        words: What the literals that it takes as its second argument stand for in the spelling; empty: any argument.
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


def _both(duckdb: str, postgres: str = "") -> dict[str, str]:
    return {"duckdb": duckdb, "postgres": postgres or duckdb}


def _call(name: str, count: int) -> str:
    return f"{name}({'{all}' if count else ''})"


def _same(kind: Literal["plain", "aggregate", "window"], name: str, counts: tuple[int, ...], says: str) -> Function:
    spelling = {count: _both(_call(name.upper(), count)) for count in counts}
    return Function(name=name, kind=kind, spelling=spelling, says=says)


def _own(
    kind: Literal["plain", "aggregate", "table"],
    name: str,
    count: int,
    duckdb: str,
    postgres: str,
    says: str,
    *,
    windowed: bool = True,
) -> Function:
    spelling = {count: _both(duckdb, postgres)}
    return Function(name=name, kind=kind, spelling=spelling, says=says, windowed=windowed)


# A moment without a zone is in UTC, as is the session: the cast says so whatever was given.
_MOMENT = "CAST({0} AS TIMESTAMPTZ)"
_HEX15 = "substr(md5(CAST({0} AS VARCHAR) || ':' || CAST({1} AS VARCHAR)), 1, 15)"
_KNOWN = "FILTER (WHERE {0} IS NOT NULL AND {1} IS NOT NULL{and})"
_EXACT = "CAST(CAST({0} AS VARCHAR) AS DECIMAL(38, 10))"
_POWER = (
    "CASE WHEN {0} > 0 OR ({0} = 0 AND {1} >= 0) OR ({0} < 0 AND {1} = TRUNC({1})) "
    "THEN POWER(CAST({0} AS DOUBLE PRECISION), CAST({1} AS DOUBLE PRECISION)) END"
)
_PARTS = ("year", "quarter", "month", "day", "hour", "minute", "isodow", "dow", "doy", "week", "isoyear")


def _first(name: str, order: str, says: str) -> Function:
    ordered = f"ORDER BY {{1}} {order}, {{0}} {order}"
    return _own(
        "aggregate", name, 2, f"FIRST({{0}} {ordered}) {_KNOWN}", f"(ARRAY_AGG({{0}} {ordered}) {_KNOWN})[1]", says,
        windowed=False,
    )  # fmt: skip


def _doubles(name: str, count: int, says: str, *, no_nan: bool = False) -> Function:
    call = f"{name.upper()}({', '.join(f'CAST({{{i}}} AS DOUBLE PRECISION)' for i in range(count))}){{tail}}"
    return _own("aggregate", name, count, f"NULLIF({call}, CAST('NaN' AS DOUBLE))" if no_nan else call, call, says)


def _week_start() -> Function:
    monday = "CAST(DATE_TRUNC('week', CAST({0} AS TIMESTAMP)) AS DATE)"
    shifted = "(CAST(DATE_TRUNC('week', CAST(CAST({0} AS DATE) + {1} AS TIMESTAMP)) AS DATE) - {1})"
    says = "the first day of its week, which starts on 'monday' (default), 'sunday', 'saturday' or 'friday'"
    spelling = {1: _both(monday), 2: _both(shifted)}
    return Function(name="week_start", kind="plain", spelling=spelling, says=says, words=WEEK_SHIFT)


_PLAIN = (
    _same("plain", "abs", (1,), "magnitude"),
    _same("plain", "floor", (1,), "the whole number below"),
    _same("plain", "ceil", (1,), "the whole number above"),
    _same("plain", "trunc", (1,), "the whole number towards zero"),
    _own("plain", "sign", 1, "SIGN({0})", "CAST(SIGN({0}) AS INTEGER)", "-1, 0 or 1"),
    Function(
        name="round", kind="plain", says="a decimal, halves away from zero; to 0 to 10 places; below 1e27",
        spelling={
            1: _both(f"ROUND({_EXACT}, 0)"),
            2: _both(f"ROUND({_EXACT}, {{1}})"),
        },
    ),
    _own("plain", "sqrt", 1, "SQRT(CASE WHEN {0} >= 0 THEN CAST({0} AS DOUBLE) END)", "SQRT(CASE WHEN {0} >= 0 THEN CAST({0} AS DOUBLE PRECISION) END)", "square root; NULL below zero"),
    _own("plain", "ln", 1, "LN(CASE WHEN {0} > 0 THEN CAST({0} AS DOUBLE) END)", "LN(CASE WHEN {0} > 0 THEN CAST({0} AS DOUBLE PRECISION) END)", "natural logarithm; NULL at zero and below"),
    _own("plain", "exp", 1, "CASE WHEN {0} < -700 THEN 0 WHEN {0} <= 709 THEN EXP(CAST({0} AS DOUBLE)) END", "CASE WHEN {0} < -700 THEN 0 WHEN {0} <= 709 THEN EXP(CAST({0} AS DOUBLE PRECISION)) END", "e to the power; NULL above 709, 0 below -700"),
    _own("plain", "power", 2, _POWER.replace(" PRECISION", ""), _POWER, "power; NULL where it has no real value"),
    _same("plain", "greatest", (-1,), "the largest that is not NULL"),
    _same("plain", "least", (-1,), "the smallest that is not NULL"),
    _same("plain", "coalesce", (-1,), "the first that is not NULL"),
    _same("plain", "nullif", (2,), "NULL where both are equal"),
    _own("plain", "lower", 1, "LOWER({0})", 'LOWER({0} COLLATE "und-x-icu")', "small letters (where a letter has one)"),
    _own("plain", "upper", 1, "UPPER({0})", 'UPPER({0} COLLATE "und-x-icu")', "capital letters (where a letter has one)"),
    _same("plain", "length", (1,), "number of characters"),
    _same("plain", "trim", (1,), "without spaces at both ends"),
    _same("plain", "ltrim", (1,), "without spaces at the start"),
    _same("plain", "rtrim", (1,), "without spaces at the end"),
    _same("plain", "replace", (3,), "each occurrence replaced"),
    _same("plain", "split_part", (3,), "the n-th part, from 1; '' where there is none"),
    _same("plain", "left", (2,), "the first n characters"),
    _same("plain", "right", (2,), "the last n characters"),
    _same("plain", "lpad", (3,), "filled on the left to n characters"),
    _same("plain", "rpad", (3,), "filled on the right to n characters"),
    _same("plain", "repeat", (2,), "n times"),
    _same("plain", "reverse", (1,), "backwards"),
    _same("plain", "concat", (-1,), "joined; NULL is nothing"),
    _same("plain", "concat_ws", (-1,), "joined by the first; NULL is left out"),
    _same("plain", "md5", (1,), "32 hexadecimal digits"),
    _same("plain", "starts_with", (2,), "whether it starts so"),
    _same("plain", "strpos", (2,), "where it is, from 1; 0 where it is not"),
    _own("plain", "contains", 2, "(STRPOS({0}, {1}) > 0)", "(STRPOS({0}, {1}) > 0)", "whether it is in it"),
    Function(
        name="substr", kind="plain", says="n characters from the s-th (from 1), or all that follow",
        spelling={2: _both("SUBSTR({0}, GREATEST({1}, 1))"), 3: _both("SUBSTR({0}, GREATEST({1}, 1), {2})")},
    ),
    _own("plain", "date_trunc", 2, "DATE_TRUNC({0}, CAST({1} AS TIMESTAMP))", "DATE_TRUNC({0}, CAST({1} AS TIMESTAMP))", "start of its 'day', 'week' (Monday), 'month', 'quarter', 'year', 'hour', in UTC: a TIMESTAMP"),
    _own("plain", "local_date", 2, f"CAST({_MOMENT} AT TIME ZONE {{1}} AS DATE)", f"CAST({_MOMENT} AT TIME ZONE {{1}} AS DATE)", "the day of a moment in a zone"),
    _own("plain", "local_time", 2, f"({_MOMENT} AT TIME ZONE {{1}})", f"({_MOMENT} AT TIME ZONE {{1}})", "what the clock shows at a moment in a zone: a TIMESTAMP"),
    _own("plain", "local_moment", 2, "(CAST({0} AS TIMESTAMP) AT TIME ZONE {1})", "(CAST({0} AS TIMESTAMP) AT TIME ZONE {1})", "the moment at which a zone's clock shows it (a day: its start)"),
    _week_start(),
    _own("plain", "add_days", 2, "(CAST({0} AS DATE) + CAST({1} AS INTEGER))", "(CAST({0} AS DATE) + CAST({1} AS INTEGER))", "the day n days later"),
    _own("plain", "add_months", 2, "CAST(CAST({0} AS DATE) + CAST({1} AS INTEGER) * INTERVAL '1 month' AS DATE)", "CAST(CAST({0} AS DATE) + CAST({1} AS INTEGER) * INTERVAL '1 month' AS DATE)", "the day n months later, at most the month's last"),
    _own("plain", "days_between", 2, "(CAST({1} AS DATE) - CAST({0} AS DATE))", "(CAST({1} AS DATE) - CAST({0} AS DATE))", "days from the first to the second"),
    _own("plain", "add_seconds", 2, f"({_MOMENT} + CAST({{1}} AS DOUBLE) * INTERVAL '1 second')", f"({_MOMENT} + CAST({{1}} AS DOUBLE PRECISION) * INTERVAL '1 second')", "the moment n seconds later"),
    _own("plain", "seconds_between", 2, "((EPOCH_US(CAST({1} AS TIMESTAMPTZ)) - EPOCH_US(CAST({0} AS TIMESTAMPTZ))) / 1e6)", "CAST(EXTRACT(EPOCH FROM CAST({1} AS TIMESTAMPTZ) - CAST({0} AS TIMESTAMPTZ)) AS DOUBLE PRECISION)", "seconds from the first to the second, exact to a microsecond"),
    _own("plain", "bucket", 2, f"CAST('0x' || {_HEX15} AS BIGINT)", f"CAST(CAST('x0' || {_HEX15} AS BIT(64)) AS BIGINT)", "the first 60 bits of md5(salt:id), a whole number below 2**60, the same on every engine and in `bucket()`"),
    *(
        _own("plain", part, 1, f"EXTRACT({part.upper()} FROM {{0}})", f"CAST(EXTRACT({part.upper()} FROM {{0}}) AS BIGINT)", f"the {part}, a whole number")
        for part in _PARTS if part in {"year", "quarter", "month", "day", "hour", "minute"}
    ),
)  # fmt: skip

_AGGREGATES = (
    _same("aggregate", "count", (0, 1), "rows, or values that are not NULL"),
    _same("aggregate", "sum", (1,), "sum; NULL where there is nothing"),
    _same("aggregate", "min", (1,), "the smallest"),
    _same("aggregate", "max", (1,), "the largest"),
    _own("aggregate", "avg", 1, "AVG({all}){tail}", "CAST(AVG({all}){tail} AS DOUBLE PRECISION)", "mean, a double"),
    _own("aggregate", "count_if", 1, "COUNT_IF({0})", "COUNT(NULLIF({0}, FALSE))", "rows for which it is true"),
    _same("aggregate", "bool_and", (1,), "whether all are true"),
    _same("aggregate", "bool_or", (1,), "whether any is true"),
    _same("aggregate", "string_agg", (2,), "joined by the second; say ORDER BY inside"),
    *(_doubles(name, 1, says) for name, says in (
        ("var_samp", "sample variance"), ("var_pop", "population variance"),
        ("stddev_samp", "sample standard deviation"), ("stddev_pop", "population standard deviation"))),
    *(_doubles(name, 2, says) for name, says in (("covar_samp", "sample covariance"), ("covar_pop", "population covariance"))),
    _doubles("corr", 2, "correlation; NULL where one does not vary", no_nan=True),
    _own("aggregate", "quantile_cont", 2, "QUANTILE_CONT(CAST({0} AS DOUBLE), {1})", "PERCENTILE_CONT({1}) WITHIN GROUP (ORDER BY CAST({0} AS DOUBLE PRECISION))", "exact quantile, interpolated (R's type 7), a double", windowed=False),
    _own("aggregate", "median", 1, "QUANTILE_CONT(CAST({0} AS DOUBLE), 0.5)", "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST({0} AS DOUBLE PRECISION))", "quantile_cont(x, 0.5)", windowed=False),
    _first("first_by", "ASC", "x where t is smallest, neither NULL; of several the smallest x"),
    _first("last_by", "DESC", "x where t is largest, neither NULL; of several the largest x"),
    _first("arg_min", "ASC", "first_by"),
    _first("arg_max", "DESC", "last_by"),
)  # fmt: skip

_WINDOWS = (
    *(_same("window", name, (0,), says) for name, says in (
        ("row_number", "1, 2, 3"), ("rank", "rank with gaps"), ("dense_rank", "rank without gaps"),
        ("percent_rank", "share of rows before"), ("cume_dist", "share of rows up to here"))),
    _same("window", "ntile", (1,), "which of n equal parts"),
    _same("window", "lag", (1, 2, 3), "the value n rows before"),
    _same("window", "lead", (1, 2, 3), "the value n rows after"),
    _same("window", "first_value", (1,), "the frame's first"),
    _same("window", "last_value", (1,), "the frame's last"),
)  # fmt: skip

_TABLES = (
    _own("table", "day_series", 2,
         "(SELECT CAST(range AS DATE) AS day FROM RANGE(CAST({0} AS TIMESTAMP), CAST({1} AS TIMESTAMP) + INTERVAL '1 day', INTERVAL '1 day'))",
         "(SELECT CAST(moment AS DATE) AS day FROM GENERATE_SERIES(CAST({0} AS TIMESTAMP), CAST({1} AS TIMESTAMP), INTERVAL '1 day') AS days(moment))",
         "a table with one column `day`: every day from the first to the second, both included"),
    _own("table", "number_series", 2,
         "(SELECT range AS number FROM RANGE(CAST({0} AS BIGINT), CAST({1} AS BIGINT) + 1))",
         "(SELECT number FROM GENERATE_SERIES(CAST({0} AS BIGINT), CAST({1} AS BIGINT)) AS numbers(number))",
         "a table with one column `number`: every whole number from the first to the second, both included"),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {item.name: item for item in (*_PLAIN, *_AGGREGATES, *_WINDOWS, *_TABLES)}
    | {"substring": next(item for item in _PLAIN if item.name == "substr")}
    | {"ceiling": next(item for item in _PLAIN if item.name == "ceil")}
    | {"pow": next(item for item in _PLAIN if item.name == "power")}
    | {"ifnull": next(item for item in _PLAIN if item.name == "coalesce")}
)
"""Every function of the dialect by its name in lower case."""
