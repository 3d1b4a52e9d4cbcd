"""The table with one row a unit, and which of its columns hold the ids of units and clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.studies.experiments.cluster_column import cluster_column
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.study import Context

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Source", "columns_of", "known_column", "source_of"]

NO_IDS = ("DOUBLE", "FLOAT", "REAL", "BOOLEAN", "DATE", "TIME", "INTERVAL", "BLOB")
"""Beginnings of the types, in DuckDB's words, whose values engines write in several ways."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The table with one row a unit.

    Args:
        table: Its name.
        unit: The column that holds the unit's id; empty where nobody says.
        columns: Its columns and their types.
        governed: Whether metrics come from the project's definitions rather than from its columns.
        cluster: The column that holds the cluster's id; empty where units were randomised one by one.
    """

    table: str
    unit: str
    columns: Mapping[str, str]
    governed: bool
    cluster: str = ""

    @property
    def randomised(self) -> str:
        """The column that holds the id of what was randomised: the cluster, or else the unit."""
        return self.cluster or self.unit


def source_of(study: Experiment, context: Context) -> Source:
    """The table with one row a unit that the study means.

    Raises:
        DefinitionError: It names none.
        UnknownNameError: The table or the entity is not there.
    """
    table = study.table or ("data" if context.metrics is None and "data" in context.tables else "")
    if table:
        columns = columns_of(table, context, where=f"{study.name}.table")
        cluster = cluster_column(study, table, columns, context)
        unit = "" if cluster and study.unit in (cluster, study.cluster) else _id_column(study, table, columns, context)
        return _hashable(study, Source(table=table, unit=unit, columns=columns, governed=False, cluster=cluster))
    if context.metrics is None:
        raise DefinitionError(
            f"the experiment {study.name!r} names no table, and there are no governed metrics here",
            where=study.name,
            hint="say `table:`, one row a unit, whose columns are the metrics",
        )
    homes = {item.entity: item for item in context.metrics.tables.values() if item.entity}
    if study.unit not in homes:
        raise unknown_name("entity with a table of its own", study.unit, homes, where=f"{study.name}.unit")
    home = homes[study.unit]
    columns = columns_of(home.name, context, where=f"{study.name}.unit")
    cluster = cluster_column(study, home.name, columns, context)
    found = Source(table=home.name, unit=home.key[0], columns=columns, governed=True, cluster=cluster)
    return _hashable(study, found)


def _hashable(study: Experiment, source: Source) -> Source:
    """The source, unless arms are drawn by ids that one engine or service writes as 1 and another as 1.0.

    Raises:
        DefinitionError: They would be.
    """
    kind = source.columns.get(source.randomised, "").upper()
    fraction = kind.startswith("DECIMAL") and not kind.endswith(",0)")
    if isinstance(study.assignment, Assignment) or not (fraction or kind.startswith(NO_IDS)):
        return source
    raise DefinitionError(
        f"the ids in {source.table}.{source.randomised} are {kind}, which have no one text to draw arms by: 1 is '1' "
        "in a service and '1.0' here, and that is another arm",
        where=f"{study.name}.unit",
        hint="make the column text or whole numbers where the table is made: CAST(... AS BIGINT)",
    )


def columns_of(table: str, context: Context, *, where: str) -> Mapping[str, str]:
    """A table's columns and their types.

    Raises:
        UnknownNameError: The table is not there.
    """
    if table not in context.tables:
        raise unknown_name("table", table, context.tables, where=where)
    return context.tables[table]


def _id_column(study: Experiment, table: str, columns: Mapping[str, str], context: Context) -> str:
    """The id's column in the unit table: the unit itself, or the key of the entity."""
    if study.unit in columns:
        return study.unit
    declared = context.metrics.tables.get(table) if context.metrics else None
    if declared is not None and declared.entity == study.unit and declared.key:
        return declared.key[0]
    if study.unit and isinstance(study.assignment, Assignment) and study.assignment.table in ("", table):
        return known_column(study.assignment.unit, columns, study, "assignment.unit") if study.assignment.unit else ""
    if study.unit:
        raise unknown_name("column", study.unit, columns, where=f"{study.name}.unit (table {table!r})")
    return ""


def known_column(column: str, columns: Mapping[str, str], study: Experiment, field_name: str) -> str:
    """The column itself, where the table has it.

    Raises:
        UnknownNameError: It has not.
    """
    if column not in columns:
        raise unknown_name("column", column, columns, where=f"{study.name}.{field_name}")
    return column
