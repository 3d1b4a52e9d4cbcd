"""Cells that a spreadsheet does not take for formulas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["without_formulas"]

_BEGINS_A_FORMULA = r"^[=+\-@\t\r\n]"


def without_formulas(table: pa.Table) -> pa.Table:
    """The table for CSV: text that begins as a formula does (`=`, `+`, `-`, `@`, tab, return) gets an apostrophe.

    A spreadsheet that opens the file would run it otherwise. Numbers and dates stay as they are; lists and structs,
    which CSV has no cells for, become JSON.

    >>> import pyarrow as pa
    >>> without_formulas(pa.table({"name": ["=1+1", "a=1"], "n": [-1, 2]})).to_pylist()
    [{'name': "'=1+1", 'n': -1}, {'name': 'a=1', 'n': 2}]
    >>> without_formulas(pa.table({"tags": [["a", "b"], None]})).to_pylist()
    [{'tags': '["a","b"]'}, {'tags': None}]

    Source: OWASP, CSV Injection.
    """
    import pyarrow as pa

    columns = [_escaped(_as_cells(column)) for column in table.columns]
    return pa.Table.from_arrays(columns, names=[_name(name) for name in table.column_names])


def _as_cells(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """The column in a type that CSV has: an enumeration by its values, what holds several values as JSON."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return _as_cells(column.cast(column.type.value_type))
    if pa.types.is_large_string(column.type):
        return column.cast(pa.string())
    if not pa.types.is_nested(column.type):
        return column
    texts = [
        None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
        for value in column.to_pylist()
    ]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _escaped(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return column
    begins = pc.match_substring_regex(column, pattern=_BEGINS_A_FORMULA)
    quoted: Any = pc.binary_join_element_wise(pa.scalar("'"), column, pa.scalar(""))  # type: ignore[call-overload]
    found: pa.ChunkedArray[Any] = pc.if_else(begins, quoted, column)
    return found


def _name(name: str) -> str:
    return f"'{name}" if name[:1] in set("=+-@\t\r\n") else name
