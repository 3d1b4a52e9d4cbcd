"""How two fetches of one question differ, doubles within a tolerance: engines add them up in no fixed order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DOUBLE_TOLERANCE", "same_value", "tables_differ"]

DOUBLE_TOLERANCE = 1e-9


def same_value(old: Any, new: Any) -> bool:
    """Whether two plain values are the same, doubles within the tolerance; not-a-number is itself."""
    numbers = isinstance(old, float) and isinstance(new, int | float) and not isinstance(new, bool)
    if numbers or (isinstance(new, float) and isinstance(old, int) and not isinstance(old, bool)):
        if math.isnan(old) or math.isnan(new):
            return math.isnan(old) and math.isnan(new)
        return math.isclose(old, new, rel_tol=DOUBLE_TOLERANCE, abs_tol=1e-12)
    return bool(old == new)


def tables_differ(old: pa.Table, new: pa.Table) -> str:
    """How two fetches differ, in words; empty when they are the same within the tolerance for doubles.

    Rows are compared in order: what a study fetches is ordered.
    """
    if old.column_names != new.column_names:
        return f"columns were {', '.join(old.column_names)} and are {', '.join(new.column_names)}"
    if old.num_rows != new.num_rows:
        return f"{old.num_rows} rows came back and now {new.num_rows} do"
    for name in old.column_names:
        pairs = zip(old.column(name).to_pylist(), new.column(name).to_pylist(), strict=True)
        for row, (one, other) in enumerate(pairs):
            if not same_value(one, other):
                return f"{name} in row {row + 1} was {one!r} and is {other!r}"
    return ""
