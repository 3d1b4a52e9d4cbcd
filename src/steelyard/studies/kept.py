"""What came back from the warehouse, as bytes with one address, and bound values as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from steelyard.warehouse.query import Value

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["parameters_from_plain", "parameters_to_plain", "table_from_bytes", "table_to_bytes"]


def table_to_bytes(table: pa.Table) -> bytes:
    """The table as one Arrow IPC stream: equal tables have equal bytes."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    whole = table.combine_chunks().replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return sink.getvalue().to_pybytes()


def table_from_bytes(content: bytes) -> pa.Table:
    """The table that `table_to_bytes` wrote."""
    import pyarrow as pa

    return pa.ipc.open_stream(content).read_all()


def parameters_to_plain(parameters: Mapping[str, Value]) -> dict[str, Any]:
    """Bound values as plain values that keep their types.

    >>> parameters_to_plain({"since": date(2017, 5, 8), "country": "US"})
    {'since': {'date': '2017-05-08'}, 'country': 'US'}
    """
    return {name: _to_plain(value) for name, value in parameters.items()}


def _to_plain(value: Value) -> Any:
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": format(value, "f")}
    return value


def parameters_from_plain(stored: Mapping[str, Any]) -> dict[str, Value]:
    """The bound values that `parameters_to_plain` wrote."""
    return {name: _from_plain(value) for name, value in stored.items()}


def _from_plain(value: Any) -> Value:
    if not isinstance(value, Mapping):
        return value  # type: ignore[no-any-return]
    ((kind, text),) = value.items()
    readers = {"datetime": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal}
    return readers[kind](text)  # type: ignore[operator,no-any-return]
