"""How Spark spells the functions that it names or computes otherwise than PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["SPARK", "in_spark_types"]

_TYPES = {
    "DOUBLE PRECISION": "DOUBLE",
    "TIMESTAMPTZ": "TIMESTAMP_LTZ",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "VARCHAR": "STRING",
    "INTEGER": "INT",
}
_TYPE = re.compile(r"\b(DOUBLE PRECISION|TIMESTAMPTZ|TIMESTAMP|VARCHAR|INTEGER)\b(?=\))")


def in_spark_types(template: str) -> str:
    """The template with the types of its casts in Spark's words.

    >>> in_spark_types("SQRT(CAST({0} AS DOUBLE PRECISION))")
    'SQRT(CAST({0} AS DOUBLE))'
    """
    return _TYPE.sub(lambda found: _TYPES[found[1]], template)


_SHOWN = "CAST({0} AS TIMESTAMP_NTZ)"
_LOCAL = "CONVERT_TIMEZONE('UTC', {1}, CAST(CAST({0} AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ))"
# Java takes the first moment of a time that a clock shows twice, the other engines the second: the one by the offset
# of a day later, where the clock then does show it.
_FIRST = f"CONVERT_TIMEZONE({{1}}, 'UTC', {_SHOWN})"
_SECOND = f"CONVERT_TIMEZONE({{1}}, 'UTC', {_SHOWN} + INTERVAL '1' DAY) - INTERVAL '1' DAY"
_MOMENT = f"CASE WHEN CONVERT_TIMEZONE('UTC', {{1}}, {_SECOND}) = {_SHOWN} THEN {_SECOND} ELSE {_FIRST} END"
_START_OF_WEEK = "CAST(DATE_TRUNC('week', CAST({0} AS TIMESTAMP_NTZ)) AS DATE)"
_WHOLE_BELOW = 2**53


def _whole(call: str) -> str:
    """FLOOR and CEIL give a BIGINT, which a large double, whole anyway, would not fit."""
    return f"CASE WHEN ABS({{0}}) < {_WHOLE_BELOW} THEN {call} ELSE {{0}} END"


def _by(aggregate: str) -> str:
    known = "FILTER (WHERE {0} IS NOT NULL AND {1} IS NOT NULL{and})"
    return f"({aggregate}(NAMED_STRUCT('t', {{1}}, 'x', {{0}})) {known}).x"


def _series(column: str, kind: str, step: str) -> str:
    first, last = f"CAST({{0}} AS {kind})", f"CAST({{1}} AS {kind})"
    some = f"CASE WHEN {first} <= {last} THEN SEQUENCE({first}, {last}, {step}) END"
    return f"(SELECT EXPLODE({some}) AS {column})"


_ROOTS = ("CAST({0} AS DOUBLE)", "CAST({1} AS DOUBLE)")
_REAL_POWER = f"{{0}} > 0 OR ({{0}} = 0 AND {{1}} >= 0) OR ({{0}} < 0 AND {{1}} = RINT({_ROOTS[1]}))"

SPARK: Mapping[tuple[str, int], str] = MappingProxyType(
    {
        ("floor", 1): _whole("FLOOR({0})"),
        ("ceil", 1): _whole("CEIL({0})"),
        ("trunc", 1): _whole("CASE WHEN {0} < 0 THEN CEIL({0}) ELSE FLOOR({0}) END"),
        ("greatest", 1): "{0}",
        ("least", 1): "{0}",
        ("power", 2): f"CASE WHEN {_REAL_POWER} THEN POWER({_ROOTS[0]}, {_ROOTS[1]}) END",
        ("bucket", 2): (
            "CAST(CONV(SUBSTR(MD5(CAST({0} AS STRING) || ':' || CAST({1} AS STRING)), 1, 15), 16, 10) AS BIGINT)"
        ),
        ("concat", -1): "CONCAT_WS('', {texts})",
        ("concat_ws", -1): "CONCAT_WS({texts})",
        ("starts_with", 2): "STARTSWITH({0}, {1})",
        ("strpos", 2): "INSTR({0}, {1})",
        ("contains", 2): "(INSTR({0}, {1}) > 0)",
        ("lower", 1): "LOWER({0})",
        ("upper", 1): "UPPER({0})",
        ("date_trunc", 2): "CAST(DATE_TRUNC({0}, CAST({1} AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ)",
        ("local_date", 2): f"CAST({_LOCAL} AS DATE)",
        ("local_time", 2): _LOCAL,
        ("local_moment", 2): f"CAST({_MOMENT} AS TIMESTAMP_LTZ)",
        ("week_start", 1): _START_OF_WEEK,
        ("week_start", 2): f"({_START_OF_WEEK.replace('{0}', 'CAST({0} AS DATE) + {1}')} - {{1}})",
        ("add_days", 2): "DATE_ADD(CAST({0} AS DATE), CAST({1} AS INT))",
        ("add_months", 2): "ADD_MONTHS(CAST({0} AS DATE), CAST({1} AS INT))",
        ("days_between", 2): "DATEDIFF(CAST({1} AS DATE), CAST({0} AS DATE))",
        ("add_seconds", 2): (
            "TIMESTAMP_MICROS(UNIX_MICROS(CAST({0} AS TIMESTAMP_LTZ)) "
            "+ CAST(RINT(CAST({1} AS DOUBLE) * 1e6) AS BIGINT))"
        ),
        ("seconds_between", 2): (
            "((UNIX_MICROS(CAST({1} AS TIMESTAMP_LTZ)) - UNIX_MICROS(CAST({0} AS TIMESTAMP_LTZ))) / 1e6)"
        ),
        ("count", 0): "COUNT(*)",
        ("avg", 1): "AVG(CAST({0} AS DOUBLE))",
        ("first_by", 2): _by("MIN"),
        ("last_by", 2): _by("MAX"),
        ("arg_min", 2): _by("MIN"),
        ("arg_max", 2): _by("MAX"),
        ("day_series", 2): _series("day", "DATE", "INTERVAL '1' DAY"),
        ("number_series", 2): _series("number", "BIGINT", "CAST(1 AS BIGINT)"),
    }
)
"""Function and number of arguments (-1: any) -> its SQL, in the slots of `Function.spelling`; `{texts}` is all of the
arguments as texts."""
