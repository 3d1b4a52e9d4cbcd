"""What imports are read back with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.metrics import MetricCatalog, read_metrics
from steelyard.metrics.importing import Imported
from steelyard.metrics.metric import KINDS
from steelyard.warehouse import TableDeclaration

# What an import writes that the definitions do not take yet. A kind that they take is held to `read_metrics` by itself.
KINDS_TO_COME = {"quantile", "balance", "cumulative", "rolling", "period_to_date", "derived"} - set(KINDS)
TABLE_KEYS_TO_COME = {"one_to_one", "roles", "history"} - {item.name for item in dataclasses.fields(TableDeclaration)}


def without_what_is_to_come(data: Mapping[str, Any]) -> dict[str, Any]:
    tables = {
        name: {key: value for key, value in said.items() if key not in TABLE_KEYS_TO_COME}
        for name, said in (data.get("tables") or {}).items()
    }
    metrics = dict(data.get("metrics") or {})
    later = {name for name, said in metrics.items() if KINDS_TO_COME & set(said)}
    return {"tables": tables, "metrics": {name: said for name, said in metrics.items() if name not in later}}


@pytest.fixture
def read_back(tmp_path: Path) -> Callable[[Imported], MetricCatalog]:
    """The catalog of an import's own file."""

    def read(imported: Imported) -> MetricCatalog:
        path = tmp_path / "imported.yml"
        text = imported.yaml()
        if KINDS_TO_COME or TABLE_KEYS_TO_COME:
            text = yaml.safe_dump(without_what_is_to_come(yaml.safe_load(text)), sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return read_metrics([path])

    return read
