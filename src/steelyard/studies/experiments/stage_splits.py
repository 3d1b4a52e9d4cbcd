"""The split of each stage of a ramp, carried in a fetch so that a replay has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["STAGES", "splits_in", "splits_query"]

STAGES = "stages"


def splits_query(splits: Mapping[int, Mapping[str, float]]) -> Query:
    """A fetch of what is known already: one row, whose text is bound.

    Args:
        splits: Stage -> arm -> its share of those who came in with the stage.
    """
    said = {str(stage): dict(shares) for stage, shares in splits.items()}
    return Query(
        sql="SELECT CAST($stages AS VARCHAR) AS stages",
        parameters={"stages": json.dumps(said)},
        limit=1,
        says="the split of each stage",
    )


def splits_in(table: pa.Table | None) -> dict[int, dict[str, float]]:
    """The fetch, read; empty where all stages had one split."""
    if table is None:
        return {}
    return {int(stage): shares for stage, shares in json.loads(table.to_pylist()[0]["stages"]).items()}
