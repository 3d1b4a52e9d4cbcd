"""Steelyard's own functions (`local_date`, `bucket`, `first_by`, ...) in the DuckDB that builds tables, as macros."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.warehouse.functions import FUNCTIONS, WEEK_SHIFT, Function

if TYPE_CHECKING:
    from steelyard.warehouse.duckdb_session import Cursor

__all__ = ["OWN_FUNCTIONS", "define_functions"]


OWN_FUNCTIONS = (
    *("add_days", "add_months", "add_seconds", "days_between", "seconds_between"),
    *("local_date", "local_moment", "local_time", "week_start"),
    *("bucket", "first_by", "last_by", "day_series", "number_series"),
)
"""Those of Steelyard's functions that DuckDB has not by itself."""


_SHIFTS = " ".join(f"WHEN '{day}' THEN {shift}" for day, shift in WEEK_SHIFT.items())
_FIRST_WEEKDAY = f"CAST(CASE a1 {_SHIFTS} END AS INTEGER)"
"""The days that a week is put forward by to begin on a Monday; the subset's speller writes it as a number."""


def define_functions(connection: Cursor) -> None:
    """Defines `OWN_FUNCTIONS` in a DuckDB.

    A table is written in DuckDB's own SQL. What metrics call by Steelyard's names is there under the same names, so
    that a local day is the same day in a table and in a metric.

    Args:
        connection: The connection on whose database the macros are made.
    """
    connection.execute("; ".join(_macro(FUNCTIONS[name]) for name in OWN_FUNCTIONS))


def _macro(function: Function) -> str:
    overloads = []
    for count, spelling in sorted(function.spelling.items()):
        names = [f"a{number}" for number in range(count)]
        # In a macro a name stands for a whole value, so that each is put in parentheses once.
        values = [f"({name})" for name in names]
        if function.name == "week_start" and count == 2:
            values[1] = _FIRST_WEEKDAY
        body = spelling["duckdb"].format(*values, all=", ".join(values), tail="", **{"and": ""})
        body = f"TABLE SELECT * FROM {body}" if function.kind == "table" else body
        overloads.append(f"({', '.join(names)}) AS {body}")
    return f"CREATE OR REPLACE MACRO {function.name}{', '.join(overloads)}"
