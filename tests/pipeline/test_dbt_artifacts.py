"""A dbt project through its artifacts, shaped as dbt 1.10 writes them (manifest v12, run results v6, catalog v1)."""

# ruff: noqa: E501  (SQL reads best on one line)

from __future__ import annotations

import json

import pytest

from steelyard.errors import DefinitionError
from steelyard.pipeline.dbt_artifacts import read_dbt

SCHEMAS = "https://schemas.getdbt.com/dbt"


def model(name, depends_on=(), **more):
    return {
        "resource_type": "model", "name": name, "alias": more.pop("alias", name), "database": "shop", "schema": "analytics",
        "relation_name": f'"shop"."analytics"."{name}"', "unique_id": f"model.shop.{name}", "package_name": "shop",
        "original_file_path": f"models/{name}.sql", "description": "", "config": {"enabled": True, "materialized": "table", "meta": {}},
        "depends_on": {"macros": [], "nodes": list(depends_on)}, "columns": {}, "tags": [], "fqn": ["shop", name], "primary_key": [],
        **more,
    }  # fmt: skip


def dbt_test(name, of, kind, severity="ERROR", where=None, **kwargs):
    return {
        "resource_type": "test", "name": name, "alias": name, "unique_id": f"test.shop.{name}.0a1b2c", "column_name": kwargs.get("column_name"),
        "config": {"enabled": True, "severity": severity, "warn_if": "!= 0", "error_if": "!= 0", "where": where},
        "test_metadata": {"name": kind, "namespace": "dbt_utils" if "combination" in kind else None, "kwargs": {"model": "{{ get_where_subquery(ref('x')) }}", **kwargs}},
        "attached_node": of, "depends_on": {"macros": [], "nodes": [of] if of else []}, "refs": [],
    }  # fmt: skip


@pytest.fixture
def target(tmp_path):
    orders, lines = "model.shop.orders", "model.shop.lines"
    tests = [
        dbt_test("unique_orders_id", orders, "unique", column_name="id"),
        dbt_test("not_null_orders_id", orders, "not_null", column_name="id"),
        dbt_test("unique_orders_code", orders, "unique", column_name="code"),
        dbt_test("unique_paid", orders, "unique", where="status = 'paid'", column_name="payment"),
        dbt_test("few_refunds", orders, "accepted_values", severity="WARN", column_name="status", values=["paid"]),
        dbt_test("unique_lines", lines, "unique_combination_of_columns", combination_of_columns=["order_id", '"line"']),
        dbt_test("never_ran", lines, "not_null", column_name="order_id"),
        dbt_test("broken", lines, "not_null", column_name="x"),
    ]
    singular = {**dbt_test("totals_agree", None, "x"), "test_metadata": None, "depends_on": {"nodes": [orders, lines]}}
    nodes = [
        model("orders", ["source.shop.raw.orders"], description="Orders ", config={"enabled": True, "materialized": "incremental", "meta": {"owner": "growth"}}),
        model("lines", [orders]),
        model("off", config={"enabled": False, "materialized": "table"}),
        model("parts", alias="shop_parts", primary_key=["part_id"], columns={"part_id": {"name": "part_id", "data_type": "bigint"}}),
        *tests, singular,
    ]  # fmt: skip
    source = {
        "resource_type": "source", "name": "orders", "identifier": "raw_orders", "schema": "raw", "database": "shop",
        "unique_id": "source.shop.raw.orders", "relation_name": '"shop"."raw"."raw_orders"', "config": {"enabled": True}, "columns": {},
        "original_file_path": "models/sources.yml", "description": "",
    }  # fmt: skip
    manifest = {
        "metadata": {"dbt_schema_version": f"{SCHEMAS}/manifest/v12.json", "dbt_version": "1.10.4", "generated_at": "2026-01-01T05:00:00Z",
                     "project_name": "shop", "adapter_type": "postgres"},
        "nodes": {node["unique_id"]: node for node in nodes}, "sources": {source["unique_id"]: source},
        "macros": {}, "exposures": {}, "metrics": {}, "parent_map": {}, "child_map": {},
    }  # fmt: skip
    outcome = {"unique_orders_id": ("pass", 0, None), "not_null_orders_id": ("fail", 3, "Got 3 results, configured to fail if != 0"),
               "few_refunds": ("warn", 2, "Got 2 results"), "broken": ("error", None, "column x does not exist"),
               "unique_lines": ("pass", 0, None), "totals_agree": ("skipped", None, None)}  # fmt: skip
    results = [
        {
            "unique_id": f"test.shop.{name}.0a1b2c",
            "status": status,
            "failures": failures,
            "message": message,
            "execution_time": 0.1,
            "timing": [],
        }
        for name, (status, failures, message) in outcome.items()
    ]
    results.append(
        {
            "unique_id": orders,
            "status": "success",
            "failures": None,
            "message": "INSERT 0 10",
            "execution_time": 2.5,
            "timing": [],
        }
    )
    run = {
        "metadata": {"dbt_schema_version": f"{SCHEMAS}/run-results/v6.json"},
        "results": results,
        "elapsed_time": 3.0,
    }
    columns = {
        "id": {"type": "bigint", "index": 1, "name": "id"},
        "amount": {"type": "numeric", "index": 2, "name": "amount"},
    }
    catalog = {
        "metadata": {"dbt_schema_version": f"{SCHEMAS}/catalog/v1.json"},
        "nodes": {orders: {"columns": columns}},
        "sources": {},
    }
    for name, body in (("manifest", manifest), ("run_results", run), ("catalog", catalog)):
        (tmp_path / f"{name}.json").write_text(json.dumps(body))
    return tmp_path


def read(target):
    return read_dbt(target / "manifest.json", run_results=target / "run_results.json", catalog=target / "catalog.json")


def test_tables_have_relations_keys_columns_and_inputs(target):
    project = read(target)
    tables = {table.name: table for table in project.tables}
    assert (project.name, project.engine) == ("shop", "postgres")
    assert set(tables) == {"orders", "lines", "shop_parts", "raw_orders"}
    orders = tables["orders"]
    assert orders.relation == '"shop"."analytics"."orders"'
    assert orders.declaration.key == ("id",)
    assert (orders.declaration.owner, orders.declaration.description) == ("growth", "Orders")
    assert orders.columns == {"id": "bigint", "amount": "numeric"}
    assert (orders.inputs, orders.materialised, orders.seconds) == (("raw_orders",), "incremental", 2.5)
    assert tables["lines"].declaration.key == ("order_id", "line")
    assert tables["shop_parts"].declaration.key == ("part_id",)
    assert tables["shop_parts"].columns == {"part_id": "bigint"}
    assert {declaration.name for declaration in project.declarations} == set(tables)


def test_tests_become_checks_with_their_last_status(target):
    tables = {table.name: table for table in read(target).tables}
    checks = {check.name: check for table in tables.values() for check in table.checks}
    found = {name: (check.status, check.severity, check.value) for name, check in checks.items()}
    assert found == {
        "unique_orders_id": ("passed", "blocking", 0.0), "not_null_orders_id": ("failed", "blocking", 3.0),
        "few_refunds": ("failed", "doubt", 2.0), "broken": ("not_run", "blocking", None), "never_ran": ("not_run", "blocking", None),
        "unique_lines": ("passed", "blocking", 0.0), "unique_orders_code": ("not_run", "blocking", None), "unique_paid": ("not_run", "blocking", None),
    }  # fmt: skip
    assert "Got 3 results" in checks["not_null_orders_id"].says
    assert [(check.name, check.status) for check in read(target).checks] == [("totals_agree", "not_run")]


def test_without_results_no_test_is_said_to_have_passed(target):
    project = read_dbt(target / "manifest.json")
    assert {check.status for table in project.tables for check in table.checks} == {"not_run"}


def test_a_key_that_holds_for_some_rows_only_is_none(target):
    body = json.loads((target / "manifest.json").read_text())
    for name in ("unique_orders_id", "unique_orders_code"):
        del body["nodes"][f"test.shop.{name}.0a1b2c"]
    (target / "manifest.json").write_text(json.dumps(body))
    assert next(table for table in read(target).tables if table.name == "orders").declaration.key == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not JSON"), ("[]", "is no manifest"), ('{"metadata": {"dbt_schema_version": "x/manifest/v4.json"}}', "version 4"),
     ('{"metadata": {"dbt_schema_version": "x/catalog/v1.json"}}', "is no manifest")],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(tmp_path, text, says):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DefinitionError, match=says):
        read_dbt(tmp_path / "manifest.json")
    with pytest.raises(DefinitionError, match="no file"):
        read_dbt(tmp_path / "absent.json")


def test_dbt_is_never_imported():
    import sys

    assert not any(name == "dbt" or name.startswith("dbt.") for name in sys.modules)
