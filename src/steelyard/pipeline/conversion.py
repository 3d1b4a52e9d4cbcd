"""Declared column types, and the SQL that turns a column into its type or says that a value does not fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from steelyard.errors import DefinitionError, unknown_name
from steelyard.warehouse import quote_text

__all__ = ["TEXT", "ZONED", "Conversion", "column_type", "from_text", "from_typed"]

TEXT = "VARCHAR"
ZONED = "TIMESTAMP WITH TIME ZONE"
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATS = ("FLOAT", "DOUBLE")
_PLAIN = (*_INTEGERS, *_FLOATS, TEXT, "BOOLEAN", "DATE", "TIME", "TIMESTAMP", ZONED, "UUID", "JSON")
_ALIASES = {
    "BOOL": "BOOLEAN",
    "INT": "INTEGER",
    "LONG": "BIGINT",
    "FLOAT8": "DOUBLE",
    "REAL": "FLOAT",
    "STRING": TEXT,
    "TEXT": TEXT,
    "DATETIME": "TIMESTAMP",
    "TIMESTAMPTZ": ZONED,
}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")
_DAY = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6}0*)?)?"
_OFFSET = r" ?(Z|UTC|GMT|[-+][0-9]{2}(:?[0-9]{2})?)"
_SPACE = r"\s*"
_MIDNIGHT = r"([ T]00:00(:00([.]0+)?)?)?"


class Conversion(NamedTuple):
    """How a column becomes its declared type.

    `value` gives the typed value, and NULL for what does not parse. `fits` is true of every value that is kept without
    losing anything; it may name the typed value as `converted`. None: every value fits.
    """

    value: str
    fits: str | None


@dataclass(frozen=True)
class _Names:
    given: str
    converted: str


def column_type(text: str, *, where: str = "") -> str:
    """A declared type in DuckDB's one spelling.

    Args:
        text: `BIGINT`, `decimal(12, 2)`, `timestamptz`, ...
        where: Where it is declared.

    Raises:
        UnknownNameError: No column can be declared so.

    >>> column_type("decimal(12,2)"), column_type("timestamptz"), column_type("text")
    ('DECIMAL(12,2)', 'TIMESTAMP WITH TIME ZONE', 'VARCHAR')
    """
    name = " ".join(str(text).upper().split())
    name = _ALIASES.get(name, name)
    if name in _PLAIN:
        return name
    found = _DECIMAL.fullmatch(name)
    if found is None:
        raise unknown_name("column type", name, [*_PLAIN, "DECIMAL(12,2)"], where=where)
    digits, scale = int(found[1] or 18), int(found[2] or (0 if found[1] else 3))
    if not 1 <= digits <= 38 or scale > digits:
        raise DefinitionError(f"{text!r} has no such digits", where=where, hint="DECIMAL(digits up to 38, decimals)")
    return f"DECIMAL({digits},{scale})"


def from_text(given: str, converted: str, kind: str, *, zone: str) -> Conversion:
    """Text to a declared type. What only nearly parses does not fit: 12.5 is no BIGINT, 1.239 no DECIMAL(9,2), a time
    with an offset no TIMESTAMP, 1e400 no DOUBLE; a number may carry zeros that say nothing (5.0, 1.500).

    Args:
        given: The text's SQL.
        converted: The SQL name that the typed value has in `fits`.
        kind: The type, as `column_type` gives it.
        zone: The IANA zone of a time without an offset that becomes a TIMESTAMP WITH TIME ZONE.
    """
    names = _Names(given, converted)
    if kind == TEXT:
        return Conversion(given, None)
    if kind == ZONED:
        return _zoned(names, zone)
    value = f"TRY_CAST({given} AS {kind})"
    strict = _strict(names, kind)
    if strict is None:
        return Conversion(value, f"({given} IS NULL OR {converted} IS NOT NULL)")
    return Conversion(value, strict)


def _strict(names: _Names, kind: str) -> str | None:
    given, converted = names.given, names.converted
    if kind in _INTEGERS:
        return _same_or(names, r"\s*[-+]?[0-9]+([.]0*)?\s*")
    if kind.startswith("DECIMAL"):
        scale = int(kind.rstrip(")").split(",")[1])
        return _same_or(names, rf"\s*[-+]?([0-9]+([.][0-9]{{0,{scale}}}0*)?|[.][0-9]{{0,{scale}}}0*)\s*")
    if kind in _FLOATS:
        return f"({given} IS NULL OR (coalesce(isfinite({converted}), false) AND NOT contains({given}, '_')))"
    forms = {"DATE": _DAY + _MIDNIGHT, "TIMESTAMP": f"{_DAY}([ T]{_CLOCK})?", "TIME": _CLOCK}
    if kind not in forms:
        return None
    # "infinity" is a date and a timestamp to the engine, and written back as it came.
    finite = "" if kind == "TIME" else f"AND ({given} IS NULL OR isfinite({converted}))"
    return f"({_same_or(names, rf'{_SPACE}{forms[kind]}{_SPACE}')} {finite})"


def _same_or(names: _Names, pattern: str) -> str:
    """The value written back is the text (the usual case, and the cheapest test), or the text has the right form."""
    given, converted = names.given, names.converted
    form = f"({converted} IS NOT NULL AND regexp_full_match({given}, {quote_text(pattern)}))"
    back = f"CAST({converted} AS VARCHAR)"
    with_t = f" OR {back} = replace({given}, 'T', ' ')" if "[ T]" in pattern else ""
    return f"({given} IS NULL OR {back} = {given}{with_t} OR {form})"


def _like(given: str, pattern: str) -> str:
    spaced = rf"\s*{pattern}\s*"
    return f"regexp_full_match({given}, {quote_text(spaced)})"


def _zoned(names: _Names, zone: str) -> Conversion:
    given = names.given
    offset = _like(given, f"{_DAY}[ T]{_CLOCK}{_OFFSET}")
    tight = f"regexp_replace({given}, ' ([-+])', '\\1')"
    local = f"timezone({quote_text(zone)}, TRY_CAST({given} AS TIMESTAMP))"
    value = f"CASE WHEN {offset} THEN TRY_CAST({tight} AS {ZONED}) ELSE {local} END"
    form = _like(given, f"{_DAY}([ T]{_CLOCK}({_OFFSET})?)?")
    return Conversion(value, f"({given} IS NULL OR ({names.converted} IS NOT NULL AND {form}))")


def from_typed(given: str, converted: str, kind: str, *, source: str, zone: str) -> Conversion:
    """A typed column to a declared type: what does not come back equal does not fit.

    Args:
        given: The column's SQL.
        converted: The SQL name that the typed value has in `fits`.
        kind: The declared type.
        source: The column's own type.
        zone: The IANA zone of a TIMESTAMP that becomes a TIMESTAMP WITH TIME ZONE.

    Raises:
        DefinitionError: The two types say different things (a moment is no local time).
    """
    if source == kind:
        return Conversion(given, None)
    if source == TEXT:
        return from_text(given, converted, kind, zone=zone)
    if source.startswith("TIMESTAMP") and source != ZONED:
        if kind == ZONED:
            return Conversion(f"timezone({quote_text(zone)}, CAST({given} AS TIMESTAMP))", None)
        if kind == "TIMESTAMP":
            return from_typed_losslessly(given, converted, kind, source)
    if source == ZONED and kind.startswith(("TIMESTAMP", "DATE", "TIME")):
        raise DefinitionError(
            f"a {source} is a moment, and {kind} is a local date or time",
            hint=f"declare {ZONED}, and take the local day in a table",
        )
    return from_typed_losslessly(given, converted, kind, source)


def from_typed_losslessly(given: str, converted: str, kind: str, source: str) -> Conversion:
    """A typed column to a declared type where the value that is cast back must be the one that was given."""
    back = f"TRY_CAST({converted} AS {source}) = {given}"
    return Conversion(f"TRY_CAST({given} AS {kind})", f"({given} IS NULL OR coalesce({back}, false))")
