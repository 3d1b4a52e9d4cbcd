"""The Airflow file: it compiles, holds the words that Airflow looks for, and has the edges of the graph."""

from __future__ import annotations

import ast

from steelyard.pipeline.airflow_dag import airflow_dag
from steelyard.pipeline.table_definition import parse_table


def test_the_file_compiles_and_has_a_task_and_its_edges_for_every_table():
    tables = [parse_table("orders", "SELECT * FROM raw"), parse_table('it\'s "odd"', "SELECT * FROM orders")]
    text = airflow_dag(tables, sources=["raw"], name="shop", folder="/srv/it's", schedule=None)
    compile(text, "dag.py", "exec")
    assert "airflow" in text
    assert "dag" in text
    assert len(text.splitlines()) <= 36
    tasks = next(node for node in ast.parse(text).body if isinstance(node, ast.Assign))
    assert ast.literal_eval(tasks.value) == {"raw": [], "orders": ["raw"], 'it\'s "odd"': ["orders"]}
    assert 'refresh --select "$TABLE"' in text


def test_the_file_runs_against_a_stand_in_for_airflow(monkeypatch):
    import sys
    from types import ModuleType

    class Task:
        def __init__(self, **given):
            self.given, self.after = given, []

        def __rshift__(self, other):
            other.after.append(self.given["env"]["TABLE"])

    class Dag:
        def __init__(self, **given):
            self.given = given

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    names = (
        "airflow",
        "airflow.sdk",
        "airflow.providers",
        "airflow.providers.standard",
        "airflow.providers.standard.operators",
    )
    for name in (*names, "airflow.providers.standard.operators.bash"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["airflow.sdk"].DAG = Dag
    sys.modules["airflow.providers.standard.operators.bash"].BashOperator = Task
    scope: dict = {}
    exec(airflow_dag([parse_table("orders", "SELECT * FROM raw")], sources=["raw"]), scope)
    assert scope["made"]["orders"].after == ["raw"]
    assert scope["made"]["orders"].given["task_id"] == "001_orders"
    assert scope["dag"].given["catchup"] is False
