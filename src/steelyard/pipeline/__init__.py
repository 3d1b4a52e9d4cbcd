"""Sources, loads, SQL tables, data tests and their schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.first_use import load_on_first_use

if TYPE_CHECKING:
    from steelyard.pipeline.airflow_dag import airflow_dag
    from steelyard.pipeline.build import build
    from steelyard.pipeline.critical_path import CriticalPath, critical_path
    from steelyard.pipeline.data_tests import run_tests
    from steelyard.pipeline.dbt_artifacts import DbtProject, DbtTable, read_dbt
    from steelyard.pipeline.lineage import column_lineage
    from steelyard.pipeline.load import load
    from steelyard.pipeline.load_report import LoadReport
    from steelyard.pipeline.progress import Progress, ProgressEvent
    from steelyard.pipeline.refresh import refresh
    from steelyard.pipeline.refresh_report import LoadOutcome, RefreshReport
    from steelyard.pipeline.source_definition import SourceDefinition, read_source_file, source_definition
    from steelyard.pipeline.table_definition import TableDefinition, parse_table, read_table_file
    from steelyard.pipeline.table_graph import TableGraph, table_graph
    from steelyard.pipeline.table_report import BuildReport, TableReport

# What loads SQLGlot or numpy is loaded on first use: name -> its module.
_ON_FIRST_USE = {
    "BuildReport": "table_report",
    "CriticalPath": "critical_path",
    "DbtProject": "dbt_artifacts",
    "DbtTable": "dbt_artifacts",
    "LoadOutcome": "refresh_report",
    "LoadReport": "load_report",
    "Progress": "progress",
    "ProgressEvent": "progress",
    "RefreshReport": "refresh_report",
    "SourceDefinition": "source_definition",
    "TableDefinition": "table_definition",
    "TableGraph": "table_graph",
    "TableReport": "table_report",
    "airflow_dag": "airflow_dag",
    "build": "build",
    "column_lineage": "lineage",
    "critical_path": "critical_path",
    "load": "load",
    "parse_table": "table_definition",
    "read_dbt": "dbt_artifacts",
    "read_source_file": "source_definition",
    "read_table_file": "table_definition",
    "refresh": "refresh",
    "run_tests": "data_tests",
    "source_definition": "source_definition",
    "table_graph": "table_graph",
}

__all__ = [
    "BuildReport",
    "CriticalPath",
    "DbtProject",
    "DbtTable",
    "LoadOutcome",
    "LoadReport",
    "Progress",
    "ProgressEvent",
    "RefreshReport",
    "SourceDefinition",
    "TableDefinition",
    "TableGraph",
    "TableReport",
    "airflow_dag",
    "build",
    "column_lineage",
    "critical_path",
    "load",
    "parse_table",
    "read_dbt",
    "read_source_file",
    "read_table_file",
    "refresh",
    "run_tests",
    "source_definition",
    "table_graph",
]

load_on_first_use(__name__, _ON_FIRST_USE)
