"""Small Arrow tables: estimates as columns, and tables as plain values and back."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError, MissingExtraError
from steelyard.result.estimate import ESTIMATE_COLUMNS, Estimate

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["estimates_table", "require", "table_from_plain", "table_to_plain"]


def require(extra: str) -> Any:
    """The optional library, or an error that says how to install it."""
    try:
        return importlib.import_module(extra)
    except ImportError as error:
        raise MissingExtraError(f"{extra} is not installed", hint=f"pip install 'steelyard[{extra}]'") from error


def estimates_table(estimates: Sequence[Estimate]) -> pa.Table:
    """The estimates as an Arrow table with the columns that every study shares."""
    import pyarrow as pa

    numbers = {"value", "std_error", "low", "high", "level", "p_value"}
    schema = pa.schema(
        [
            (name, pa.float64() if name in numbers else pa.int64() if name == "n" else pa.string())
            for name in ESTIMATE_COLUMNS
        ]
    )
    return pa.Table.from_pylist([estimate.to_dict() for estimate in estimates], schema=schema)


def table_to_plain(table: pa.Table) -> dict[str, Any]:
    """The table as plain values: its types by name, its columns as lists; a NaN becomes null."""
    columns = {name: [_plain_cell(cell) for cell in table.column(name).to_pylist()] for name in table.column_names}
    return {"types": {field.name: str(field.type) for field in table.schema}, "columns": columns}


def _plain_cell(cell: Any) -> Any:
    if isinstance(cell, float) and cell != cell:  # noqa: PLR0124 - the one test for NaN that needs no import
        return None
    if isinstance(cell, date | datetime):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return cell


def table_from_plain(data: Mapping[str, Any]) -> pa.Table:
    """The table that `table_to_plain` wrote."""
    import pyarrow as pa

    arrays = {name: _array(data["columns"][name], text) for name, text in data["types"].items()}
    return pa.table(arrays)


def _array(cells: Sequence[Any], type_name: str) -> Any:
    import pyarrow as pa

    if match := re.fullmatch(r"decimal128\((\d+), (-?\d+)\)", type_name):
        values = [None if cell is None else Decimal(cell) for cell in cells]
        return pa.array(values, pa.decimal128(int(match[1]), int(match[2])))
    if type_name.startswith("date"):
        return pa.array([None if cell is None else date.fromisoformat(cell) for cell in cells], pa.date32())
    if match := re.fullmatch(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]", type_name):
        moments = [None if cell is None else datetime.fromisoformat(cell) for cell in cells]
        return pa.array(moments, pa.timestamp(match[1], tz=match[2]))  # type: ignore[type-var]
    names = {"double": "float64", "float": "float32"}
    try:
        return pa.array(cells, pa.type_for_alias(names.get(type_name, type_name)))  # type: ignore[call-overload]
    except ValueError as error:
        raise DataError(f"a stored table has a column of type {type_name!r}, which is not read back") from error
