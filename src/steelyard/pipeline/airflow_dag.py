"""An Airflow DAG file made of a project: its tasks are processes of their own, so that no packages are shared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from steelyard.pipeline.table_definition import TableDefinition
from steelyard.pipeline.table_graph import table_graph

__all__ = ["airflow_dag"]


def airflow_dag(
    definitions: Iterable[TableDefinition],
    *,
    sources: Collection[str] = (),
    name: str = "steelyard",
    folder: str = ".",
    command: str = "steelyard",
    schedule: str | None = "@daily",
    retries: int = 2,
) -> str:
    """The text of a DAG file: one task a source and a table, in the order of what reads what.

    Args:
        definitions: The tables of the project.
        sources: Names of the loaded tables.
        name: The DAG's id.
        folder: The project's folder on the machine that runs the tasks.
        command: The `steelyard` command in the environment where it is installed.
        schedule: A cron line or Airflow's own words; None runs it by hand only.
        retries: How often a task is tried again. A task is safe to run twice.

    >>> text = airflow_dag([], sources=["raw"])
    >>> compile(text, "dag.py", "exec") is not None, "airflow" in text and "dag" in text
    (True, True)
    """
    graph = table_graph(definitions, sources)
    loaded = sorted({*sources, *graph.sources})
    tasks: Mapping[str, list[str]] = {
        **{source: [] for source in loaded},
        **{table: sorted({*graph.inputs[table], *graph.tested_against[table]}) for table in graph.definitions},
    }
    listed = "\n".join(f"    {table!r}: {before!r}," for table, before in tasks.items())
    return f'''"""An airflow dag that Steelyard wrote: one task a table. Make it again, do not edit it."""

import re
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

TASKS = {{
{listed}
}}

with DAG(
    dag_id={name!r}, schedule={schedule!r}, start_date=datetime(2020, 1, 1), catchup=False, max_active_runs=1,
    default_args={{"retries": {retries!r}}},
) as dag:
    made = {{
        table: BashOperator(
            task_id=f"{{number:03d}}_" + re.sub(r"[^A-Za-z0-9_.-]", "_", table),
            bash_command='"$STEELYARD" refresh --select "$TABLE"',
            cwd={folder!r}, env={{"STEELYARD": {command!r}, "TABLE": table}}, append_env=True,
        )
        for number, table in enumerate(TASKS)
    }}
    for table, before in TASKS.items():
        for earlier in before:
            made[earlier] >> made[table]
'''
