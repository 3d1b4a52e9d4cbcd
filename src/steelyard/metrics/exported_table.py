"""An answer whose one table goes to Arrow, pandas, Polars and files."""

from __future__ import annotations

from abc import ABC
from pathlib import Path
from typing import TYPE_CHECKING, cast

from steelyard.document import Shown

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["ExportedTable"]


class ExportedTable(Shown, ABC):
    """An answer that has a table."""

    table: pa.Table

    def to_arrow(self) -> pa.Table:
        """The answer's table."""
        return self.table

    def to_pandas(self) -> pd.DataFrame:
        """The answer's table as a pandas frame; money stays decimal."""
        from steelyard.result.arrow import require

        require("pandas")
        return cast("pd.DataFrame", self.table.to_pandas())

    def to_polars(self) -> pl.DataFrame:
        """The answer's table as a Polars frame."""
        from steelyard.result.arrow import require

        return cast("pl.DataFrame", require("polars").from_arrow(self.table))

    def write(self, path: str | Path) -> None:
        """Writes the rows to a `.csv`, `.parquet` or `.json` file."""
        from steelyard.metrics.export import write_table

        write_table(self.table, Path(path))
