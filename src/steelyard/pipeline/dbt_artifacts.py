"""A dbt project through its artifacts: tables, keys, tests and their last results. dbt itself is never imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.errors import DefinitionError
from steelyard.result import Check
from steelyard.warehouse import TableDeclaration

__all__ = ["DbtProject", "DbtTable", "read_dbt"]

Node = Mapping[str, Any]
OLDEST_MANIFEST = 9
_TABLES = ("model", "seed", "snapshot", "source")


@dataclass(frozen=True, kw_only=True)
class DbtTable:
    """One model, seed, snapshot or source.

    Args:
        name: The table as SQL calls it, without its schema.
        unique_id: dbt's own name: `model.shop.orders`.
        relation: The full name in the warehouse, quoted as dbt quotes it; empty for an ephemeral model.
        schema: The schema that it is in.
        materialised: `table`, `view`, `incremental`, ...; `source` for a source.
        declaration: Key (of `unique` tests), description, file.
        columns: Column -> type; the type is empty where no catalog was read.
        inputs: Names of the tables that it reads.
        checks: Its tests with their last results.
        seconds: How long its last run took; None where it is not known.
    """

    name: str
    unique_id: str
    relation: str
    schema: str
    materialised: str
    declaration: TableDeclaration
    columns: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class DbtProject:
    """What the artifacts of a dbt project say.

    Args:
        name: The project.
        engine: dbt's adapter: `postgres`, `duckdb`, ...
        generated_at: When the manifest was written, as written.
        tables: Sorted by name.
        checks: Tests that belong to no one table.
    """

    name: str
    engine: str
    generated_at: str
    tables: tuple[DbtTable, ...]
    checks: tuple[Check, ...] = ()

    @property
    def declarations(self) -> tuple[TableDeclaration, ...]:
        """The tables' declarations, as metrics take them."""
        return tuple(table.declaration for table in self.tables if table.relation)


def read_dbt(
    manifest: str | Path, *, run_results: str | Path | None = None, catalog: str | Path | None = None
) -> DbtProject:
    """Reads a dbt project's artifacts (manifest version 9 and later).

    Args:
        manifest: `target/manifest.json`.
        run_results: `target/run_results.json`; without it every test is `not_run`.
        catalog: `target/catalog.json`, which knows the columns' types.

    Raises:
        DefinitionError: A file is missing, is not JSON, or is no such artifact.
    """
    body = _artifact(manifest, "manifest", OLDEST_MANIFEST)
    results = {} if run_results is None else _results(_artifact(run_results, "run-results", 4))
    typed = {} if catalog is None else _types(_artifact(catalog, "catalog", 1))
    nodes: dict[str, Node] = {**body.get("sources", {}), **body.get("nodes", {})}
    listed = {key: node for key, node in nodes.items() if node.get("resource_type") in _TABLES and _enabled(node)}
    tests = {key: node for key, node in nodes.items() if node.get("resource_type") == "test" and _enabled(node)}
    of: dict[str, list[str]] = {}
    for key, test in tests.items():
        of.setdefault(_attached(test, listed), []).append(key)
    tables = [
        _table(key, node, {test: tests[test] for test in sorted(of.get(key, ()))}, listed, results, typed)
        for key, node in listed.items()
    ]
    metadata = body["metadata"]
    return DbtProject(
        name=metadata.get("project_name") or "",
        engine=metadata.get("adapter_type") or "",
        generated_at=metadata.get("generated_at") or "",
        tables=tuple(sorted(tables, key=lambda table: (table.name, table.unique_id))),
        checks=tuple(_check(tests[key], results.get(key)) for key in sorted(of.get("", ()))),
    )


def _artifact(path: str | Path, kind: str, oldest: int) -> dict[str, Any]:
    shown = str(path)
    try:
        body = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "run `dbt build` and `dbt docs generate`, which write it into target/"
        raise DefinitionError(f"no file {shown!r}", where=shown, hint=hint) from None
    except (ValueError, OSError) as error:
        raise DefinitionError(f"{shown!r} is not JSON: {error}", where=shown) from error
    schema = body.get("metadata", {}).get("dbt_schema_version", "") if isinstance(body, dict) else ""
    name, _, version = schema.removesuffix(".json").rpartition("/v")
    if not name.endswith("/" + kind) or not version.isdigit():
        raise DefinitionError(f"{shown!r} is no {kind} of dbt: its schema is {schema!r}", where=shown)
    if int(version) < oldest:
        raise DefinitionError(
            f"{shown!r} is of version {version}", where=shown, hint=f"version {oldest} and later are read"
        )
    return body  # type: ignore[no-any-return]


def _results(body: Mapping[str, Any]) -> dict[str, Node]:
    return {result["unique_id"]: result for result in body.get("results", ())}


def _types(body: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """dbt's name of a table -> column -> type."""
    both = {**body.get("sources", {}), **body.get("nodes", {})}
    return {
        key: {
            column["name"]: column.get("type") or ""
            for column in sorted(node.get("columns", {}).values(), key=lambda column: column.get("index") or 0)
        }
        for key, node in both.items()
    }


def _enabled(node: Node) -> bool:
    return bool((node.get("config") or {}).get("enabled", True))


def _attached(test: Node, listed: Mapping[str, Node]) -> str:
    """The table that a test is of; empty where it is of several or of none."""
    attached = test.get("attached_node")
    if attached in listed:
        return str(attached)
    read = [key for key in _reads(test) if key in listed]
    return read[0] if len(read) == 1 else ""


def _table(
    key: str,
    node: Node,
    tests: Mapping[str, Node],
    listed: Mapping[str, Node],
    results: Mapping[str, Node],
    typed: Mapping[str, Mapping[str, str]],
) -> DbtTable:
    declared = {name: column.get("data_type") or "" for name, column in (node.get("columns") or {}).items()}
    result = results.get(key) or {}
    config = node.get("config") or {}
    name = _sql_name(node)
    return DbtTable(
        name=name,
        unique_id=key,
        relation=node.get("relation_name") or "",
        schema=node.get("schema") or "",
        materialised="source" if node["resource_type"] == "source" else config.get("materialized") or "",
        declaration=TableDeclaration(
            name=name,
            key=_key(node, tests),
            description=(node.get("description") or "").strip(),
            owner=str(((config.get("meta") or node.get("meta")) or {}).get("owner") or ""),
            where=node.get("original_file_path") or "",
        ),
        columns=typed.get(key) or declared,
        inputs=tuple(sorted({_sql_name(listed[read]) for read in _reads(node) if read in listed})),
        checks=tuple(_check(test, results.get(test_key)) for test_key, test in tests.items()),
        seconds=result.get("execution_time"),
    )


def _reads(node: Node) -> tuple[str, ...]:
    return tuple((node.get("depends_on") or {}).get("nodes", ()))


def _sql_name(node: Node) -> str:
    return str(node.get("identifier") or node.get("alias") or node["name"])


def _key(node: Node, tests: Mapping[str, Node]) -> tuple[str, ...]:
    """The columns that dbt's tests say are unique, those that are also not null first; else its own primary key."""
    unique: list[tuple[str, ...]] = []
    filled: set[str] = set()
    for test in tests.values():
        metadata = test.get("test_metadata") or {}
        given = metadata.get("kwargs") or {}
        if (test.get("config") or {}).get("where"):
            continue
        column = given.get("column_name") or test.get("column_name")
        if metadata.get("name") == "unique" and column:
            unique.append((_bare(column),))
        elif metadata.get("name") == "unique_combination_of_columns":
            unique.append(tuple(_bare(name) for name in given.get("combination_of_columns", ())))
        elif metadata.get("name") == "not_null" and column:
            filled.add(_bare(column))
    unique.sort(key=lambda key: (not all(column in filled for column in key), len(key), key))
    return unique[0] if unique else tuple(_bare(name) for name in node.get("primary_key") or ())


def _bare(column: str) -> str:
    return column.strip().strip('"`')


def _check(test: Node, result: Node | None) -> Check:
    config = test.get("config") or {}
    warns = str(config.get("severity") or "ERROR").upper() == "WARN"
    status = str((result or {}).get("status") or "")
    failures = (result or {}).get("failures")
    says = {
        "pass": "dbt's test passed",
        "fail": f"dbt's test failed on {failures} rows",
        "warn": f"dbt's test warned of {failures} rows",
        "error": "dbt's test could not be run",
        "skipped": "dbt skipped the test",
    }.get(status, "run_results.json has no result of it" if result is None else f"dbt says {status!r}")
    message = str((result or {}).get("message") or "").strip()
    known = {"pass": "passed", "fail": "failed", "warn": "failed"}
    return Check(
        name=str(test["name"]),
        status=known.get(status, "not_run"),  # type: ignore[arg-type]
        severity="doubt" if warns or status == "warn" else "blocking",
        value=None if failures is None else float(failures),
        limit=0.0 if failures is not None else None,
        says=f"{says}: {message}" if message else says,
    )
