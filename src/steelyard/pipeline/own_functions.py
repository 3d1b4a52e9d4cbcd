"""Steelyard's own functions (`local_date`, `bucket`, `first_by`, ...) in the DuckDB that builds tables, as macros."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.warehouse.functions import FUNCTIONS, Function

if TYPE_CHECKING:
    import duckdb

__all__ = ["define_functions"]


def define_functions(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Defines what DuckDB has not by itself; returns the names, sorted.

    A table is written in DuckDB's own SQL. What metrics call by Steelyard's names is there under the same names, so
    that a local day is the same day in a table and in a metric.

    Args:
        connection: The connection on whose database the macros are made.
    """
    there = {name for (name,) in connection.execute("SELECT function_name FROM duckdb_functions()").fetchall()}
    wanted = [function for name, function in sorted(FUNCTIONS.items()) if name not in there]
    made = [function for function in wanted if function.kind != "window" and -1 not in function.spelling]
    for function in made:
        connection.execute(_macro(function))
    return tuple(function.name for function in made)


def _macro(function: Function) -> str:
    overloads = []
    for count, spelling in sorted(function.spelling.items()):
        names = [f"a{number}" for number in range(count)]
        # In a macro a name stands for a whole value, so that each is put in parentheses once.
        values = [f"({name})" for name in names]
        body = spelling["duckdb"].format(*values, all=", ".join(values), tail="", **{"and": ""})
        body = f"TABLE SELECT * FROM {body}" if function.kind == "table" else body
        overloads.append(f"({', '.join(names)}) AS {body}")
    return f"CREATE OR REPLACE MACRO {function.name}{', '.join(overloads)}"
