"""Steelyard: from raw events to decisions that can be defended and replayed.

>>> import pyarrow as pa
>>> import steelyard as sy
>>> sy.connect(pa.table({"amount": [1, 2]})).fetch("SELECT sum(amount) AS total FROM data").to_pylist()
[{'total': 3}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.errors import (
    CancelledError,
    DataError,
    DefinitionError,
    LockedError,
    MissingExtraError,
    NoVersionError,
    PolicyError,
    SteelyardError,
    TimeLimitError,
    UnknownNameError,
    WarehouseError,
)
from steelyard.first_use import load_on_first_use

if TYPE_CHECKING:
    from steelyard import simulate
    from steelyard.decisions import Decision, FollowUp
    from steelyard.metrics import Metric, MetricCatalog
    from steelyard.pipeline import SourceDefinition, TableDefinition
    from steelyard.project import Project, open_project
    from steelyard.result import Check, Estimate, Provenance, Result, Verdict
    from steelyard.studies import Plan, Study, plan, run
    from steelyard.studies.causal import DifferenceInDifferences
    from steelyard.studies.experiments import Experiment
    from steelyard.warehouse import Ledger, Query, Store, TableDeclaration, Warehouse, connect

__all__ = [
    "CancelledError",
    "Check",
    "DataError",
    "Decision",
    "DefinitionError",
    "DifferenceInDifferences",
    "Estimate",
    "Experiment",
    "FollowUp",
    "Ledger",
    "LockedError",
    "Metric",
    "MetricCatalog",
    "MissingExtraError",
    "NoVersionError",
    "Plan",
    "PolicyError",
    "Project",
    "Provenance",
    "Query",
    "Result",
    "SourceDefinition",
    "SteelyardError",
    "Store",
    "Study",
    "TableDeclaration",
    "TableDefinition",
    "TimeLimitError",
    "UnknownNameError",
    "Verdict",
    "Warehouse",
    "WarehouseError",
    "connect",
    "open_project",
    "plan",
    "run",
    "simulate",
]

# Where each name lives: it is loaded when it is first used, so that `import steelyard` stays light.
_HOMES = {
    "decisions": ("Decision", "FollowUp"),
    "metrics": ("Metric", "MetricCatalog"),
    "pipeline": ("SourceDefinition", "TableDefinition"),
    "project": ("Project", "open_project"),
    "result": ("Check", "Estimate", "Provenance", "Result", "Verdict"),
    "studies": ("Plan", "Study", "plan", "run"),
    "studies.causal": ("DifferenceInDifferences",),
    "studies.experiments": ("Experiment",),
    "warehouse": ("Ledger", "Query", "Store", "TableDeclaration", "Warehouse", "connect"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names} | {"simulate": ""}

load_on_first_use(__name__, _HOME_OF)
