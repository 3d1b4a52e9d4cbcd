"""Sources, loads, SQL tables, data tests and their schedule."""

from __future__ import annotations

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
