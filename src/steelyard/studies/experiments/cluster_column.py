"""Which column of the unit table names the cluster; and what gives away that units lie below what was randomised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.studies.study import Context

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["cluster_column", "refuse_units_below"]


def cluster_column(study: Experiment, table: str, columns: Mapping[str, str], context: Context) -> str:
    """The column of the unit table that holds the cluster's id: an entity that the table refers to, or a column.

    Args:
        study: The experiment.
        table: The unit table.
        columns: Its columns and their types.
        context: What the study may know.

    Returns:
        Empty where the study has no clusters.

    Raises:
        DefinitionError: The cluster is the unit of a governed study itself.
        UnknownNameError: It is neither an entity of the table nor a column.
    """
    if not study.cluster:
        return ""
    declared = context.metrics.tables.get(table) if context.metrics else None
    by_entity = declared.entities.get(study.cluster, ()) if declared else ()
    if study.cluster == study.unit and not study.table and context.metrics is not None:
        raise DefinitionError(
            f"the cluster {study.cluster!r} is the unit itself",
            where=f"{study.name}.cluster",
            hint="leave `cluster:` out, or name the unit below it that metrics are taken of",
        )
    found = by_entity[0] if by_entity else study.cluster
    if found not in columns:
        known = [*columns, *(declared.entities if declared else ())]
        raise unknown_name("column or entity", study.cluster, known, where=f"{study.name}.cluster (table {table!r})")
    return found


def refuse_units_below(
    study: Experiment,
    unit_columns: Mapping[str, str],
    table: str,
    columns: Mapping[str, str],
    wanted: str,
    own: str,
    field_name: str,
) -> None:
    """Raises where another table knows the units only by a column that the unit table has beside the unit.

    Args:
        study: The experiment, which names no cluster.
        unit_columns: Columns of the unit table.
        table: The other table: of assignments, or of exposures.
        columns: Its columns.
        wanted: Its column that is to hold the unit's id.
        own: The unit's column in the unit table.
        field_name: Where the study says it.

    Raises:
        DefinitionError: Units would lie below what was randomised.
    """
    shared = [name for name in columns if name in unit_columns and name != own]
    above = (
        wanted if wanted != own and wanted in unit_columns else shared[0] if wanted not in columns and shared else ""
    )
    if not above:
        return
    raise DefinitionError(
        f"{table!r} knows units by {above!r}, and the units of {study.name!r} are those of {own!r}, which lie below it",
        where=f"{study.name}.{field_name}",
        hint=f"say `cluster: {above}` if that is what was randomised: units of one are not independent",
    )
