"""The one answer that every study gives: estimates, checks, verdict, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from steelyard.canonical import digest
from steelyard.document import Block, Shown
from steelyard.result.check import Check
from steelyard.result.estimate import Estimate
from steelyard.result.provenance import Provenance
from steelyard.result.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


__all__ = ["Result"]


@dataclass(frozen=True, kw_only=True)
class Result(Shown):
    """The one answer that every study gives; never subclassed.

    Args:
        question: What was asked.
        method: How it was answered, in a few words.
        verdict: What the rule written beforehand says.
        estimates: Every number with its uncertainty.
        checks: What had to hold, and whether it did.
        provenance: Where all of it comes from.
        tables: Small tables behind charts and checks, by name.
    """

    question: str
    method: str
    verdict: Verdict
    estimates: tuple[Estimate, ...]
    checks: tuple[Check, ...]
    provenance: Provenance
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The study's name."""
        return self.provenance.study

    def estimate(self, **where: Any) -> Estimate:
        """The one estimate whose columns equal `where`.

        Raises:
            UnknownNameError: None does.
            DefinitionError: Several do.
        """
        from steelyard.result.select import one_estimate

        return one_estimate(self.estimates, where)

    def digest(self) -> str:
        """SHA-256 of the whole result's canonical JSON."""
        return digest(self.to_dict())

    def blocks(self) -> list[Block]:
        """The result as blocks, for any medium."""
        from steelyard.result.blocks import result_blocks

        return result_blocks(self)

    def to_html(self) -> str:
        """The result as a page that stands alone."""
        from steelyard.document import to_html_page

        return to_html_page(self.question, self.blocks())

    def to_arrow(self) -> pa.Table:
        """The estimates as an Arrow table, one row each."""
        from steelyard.result.arrow import estimates_table

        return estimates_table(self.estimates)

    def to_pandas(self) -> pd.DataFrame:
        """The estimates as a pandas frame, one row each."""
        from steelyard.result.arrow import require

        require("pandas")
        return cast("pd.DataFrame", self.to_arrow().to_pandas())

    def to_polars(self) -> pl.DataFrame:
        """The estimates as a Polars frame, one row each."""
        from steelyard.result.arrow import require

        return cast("pl.DataFrame", require("polars").from_arrow(self.to_arrow()))

    def to_dict(self) -> dict[str, Any]:
        """The whole result as plain values; `from_dict` reads it back."""
        from steelyard.result.storage import result_to_dict

        return result_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """The result that `to_dict` wrote."""
        from steelyard.result.storage import result_from_dict

        return result_from_dict(data)
