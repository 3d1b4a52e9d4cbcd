"""Sources, loads, SQL tables, data tests and their schedule."""

from __future__ import annotations

from steelyard.pipeline.build import build
from steelyard.pipeline.critical_path import CriticalPath, critical_path
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
    "LoadOutcome",
    "LoadReport",
    "Progress",
    "ProgressEvent",
    "RefreshReport",
    "SourceDefinition",
    "TableDefinition",
    "TableGraph",
    "TableReport",
    "build",
    "critical_path",
    "load",
    "parse_table",
    "read_source_file",
    "read_table_file",
    "refresh",
    "source_definition",
    "table_graph",
]
