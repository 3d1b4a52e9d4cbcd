"""The published JSON Schemas take what the readers take, and refuse what they refuse."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from steelyard.definition_file import read_definition
from steelyard.pipeline.table_sql import split_table_file
from steelyard.project.settings import read_settings

TEMPLATES = Path(str(files("steelyard.project"))) / "templates"
WRITTEN = sorted(
    path for path in TEMPLATES.rglob("*") if path.suffix in (".yml", ".sql") or path.name == "steelyard.toml"
)
SCHEMA_OF = {
    "sources": "sources",
    "tables": "table",
    "metrics": "metrics",
    "studies": "study",
    "dashboards": "dashboard",
}


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((files("steelyard.project") / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def data_of(path: Path) -> tuple[str, dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        return "project", tomllib.loads(text)
    if path.suffix == ".sql":
        text = split_table_file(text, where=str(path)).header
    folder = next(part for part in path.parts[::-1] if part in SCHEMA_OF)
    return SCHEMA_OF[folder], read_definition(path, text=text).data


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_is_what_the_schema_says(path: Path) -> None:
    name, data = data_of(path)
    assert [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(data)] == []


def test_there_is_a_template_for_every_schema() -> None:
    assert {data_of(path)[0] for path in WRITTEN} == {"project", "sources", "table", "metrics", "study", "dashboard"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("project", "zone: UTC\nzoen: UTC"),
        ("project", "week_start: someday"),
        ("sources", "kind: files"),
        ("sources", "kind: flies\npath: a.csv"),
        ("sources", "kind: files\npath: a.csv\nurl: https://example.org"),
        ("sources", "sources: {a: {kind: files}}"),
        ("table", "key: order_id\ntests: [{not_null: a, unique: a}]"),
        ("table", "empty: perhaps"),
        ("metrics", "metrics: {revenue: {sum: orders.amount, count: orders}}"),
        ("metrics", "metrics: {revenue: {better: up}}"),
        ("metrics", "metrics: {revenue: {sum: orders.amount, better: sideways}}"),
        ("metrics", "alerts: {a: {metric: revenue, fresh: orders}}"),
        ("metrics", "alerts: {a: {metric: revenue, directoin: up}}"),
        ("metrics", "annotations: {a: {at: 2026-01-01}}"),
        ("metrics", "sinks: {a: {file: x, webhook: {url: 'https://x.example.org'}}}"),
        ("study", "kind: experiment\nquestion: Why?"),
        ("study", "kind: experimnet\nquestion: Why?"),
        ("study", "question: Why?"),
        ("study", "kind: experiment\nquestion: Why?\narms: {a: half, b: half}\nprimary: x"),
        ("dashboard", "headline: a\nblocks: [{metric: a, study: b}]"),
        ("dashboard", "headline: a\nblocks: [{metric: a, chart: pie}]"),
        ("dashboard", "headline: a\nfilter: [b]"),
    ],
)
def test_the_schema_refuses(name: str, text: str) -> None:
    assert not validator(name).is_valid(read_definition("a.yml", text=text).data)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("project", "sensitive: email"),
        ("sources", "kind: files\npath: [a.csv, b.csv]\nkey: a"),
        ("table", "key: order_id\nentities: {customer: customer_id}\nmaterialise: full"),
        ("table", "key: [a, b]\nentities: {customer: [a, b]}\nmaterialise: {how: by_key}"),
        ("metrics", "alerts: {a: {metric: revenue, by: country, to: log}}\nsinks: {log: {file: a.jsonl}}"),
        ("metrics", "annotations: [{at: 2026-01-01, says: x, metrics: revenue}]"),
        ("study", "kind: experiment\nquestion: Why?\narms: {a: 0.5, b: 0.5}\nprimary: {metric: x}\nsecondary: y"),
        ("dashboard", "headline: a\nfilters: b\nblocks: {breakdown: a, by: c}"),
    ],
)
def test_a_single_value_is_a_list_of_one_as_the_reader_takes_it(name: str, text: str) -> None:
    data = read_definition("a.yml", text=text).data
    assert [error.message for error in validator(name).iter_errors(data)] == []


def test_a_key_that_the_reader_takes_is_in_the_schema_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "steelyard.toml").write_text('name = "a"\n[targets.dev]\nthreads = 2\n', encoding="utf-8")
    assert read_settings(tmp_path).chosen().threads == 2
    assert validator("project").is_valid({"name": "a", "targets": {"dev": {"threads": 2}}})
