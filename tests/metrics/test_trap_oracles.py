"""The answers of our own traps: plain Python and SQL by hand agree on every one, and the naive answers are wrong."""

from __future__ import annotations

import importlib
from typing import Any

import duckdb
import pytest
import yaml
from tests.metrics.test_traps import matches
from tests.metrics.traps.oracle import BY_PYTHON, BY_SQL, FOLDER, Answer, cases, database_of, exactly, shown, tables_of

THEMES = sorted(path.stem for path in (FOLDER / "oracles").glob("*.py"))
for theme in THEMES:
    importlib.import_module(f"tests.metrics.traps.oracles.{theme}")

CASES = cases()
QUESTIONS = [(name, question["id"]) for name, case in CASES.items() for question in case["questions"]]


def question_of(case: str, name: str) -> dict[str, Any]:
    return next(question for question in CASES[case]["questions"] if question["id"] == name)


def as_written(rows: Any, question: dict[str, Any]) -> Answer:
    """The rows as `case.json` writes them."""
    exact = question.get("exact", ())
    columns = question["columns"]
    return [
        [exactly(value) if name in exact else shown(value) for name, value in zip(columns, row, strict=True)]
        for row in rows
    ]


def same(found: Answer, answer: Answer, question: dict[str, Any]) -> bool:
    return matches([tuple(row) for row in found], answer, question["tolerance"])


@pytest.fixture(scope="module")
def databases() -> dict[str, duckdb.DuckDBPyConnection]:
    return {name: database_of(case) for name, case in CASES.items()}


@pytest.mark.parametrize(("case", "name"), [key for key in QUESTIONS if "answer" in question_of(*key)])
def test_both_routes_give_the_answer(case: str, name: str, databases: dict[str, duckdb.DuckDBPyConnection]) -> None:
    question = question_of(case, name)
    by_python = as_written(BY_PYTHON[case, name](tables_of(CASES[case])), question)
    by_sql = as_written(databases[case].execute(BY_SQL[case, name]).fetchall(), question)
    assert same(by_python, question["answer"], question), by_python
    assert same(by_sql, question["answer"], question), by_sql
    assert question["checked_by"] == ["plain Python", "DuckDB SQL"]


@pytest.mark.parametrize(("case", "name"), QUESTIONS)
def test_a_naive_answer_is_made_by_its_sql_and_is_wrong(
    case: str, name: str, databases: dict[str, duckdb.DuckDBPyConnection]
) -> None:
    question = question_of(case, name)
    for wrong in question["known_wrong"]:
        if "sql" in wrong:
            made = as_written(databases[case].execute(wrong["sql"]).fetchall(), question)
            assert same(made, wrong["rows"], question), (wrong["mistake"], made)
        for right in [question["answer"], *question.get("or", ())] if "answer" in question else ():
            assert not same(wrong["rows"], right, question), wrong["mistake"]


def test_every_question_that_has_an_answer_has_both_routes_and_no_other_has() -> None:
    answered = {key for key in QUESTIONS if "answer" in question_of(*key)}
    assert answered == set(BY_PYTHON) == set(BY_SQL)
    for key in QUESTIONS:
        question = question_of(*key)
        accepted = {"answer", "refuse", "answer_or_refuse", "refuse_or_flagged"}
        assert question["accept"] in accepted, key
        assert (question["accept"] == "refuse") == (key not in answered), key
        assert question["accept"] not in {"refuse", "refuse_or_flagged"} or question["words"], key


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_complete(case: str) -> None:
    said = CASES[case]
    files = {"metrics.yml", *(question["definitions"] for question in said["questions"] if "definitions" in question)}
    assert {path.name for path in (FOLDER / case).glob("*.yml")} == files
    assert {path.name for path in (FOLDER / case / "tables").iterdir()} == {f"{name}.csv" for name in said["tables"]}
    assert said["title"]
    assert said["note"] or said["relationships"]
    assert len({question["id"] for question in said["questions"]}) == len(said["questions"])
    for file in sorted(files):
        definitions = yaml.safe_load((FOLDER / case / file).read_text(encoding="utf-8"))
        assert set(definitions["tables"]) <= set(said["tables"])
        asked = {
            metric
            for question in said["questions"]
            if question.get("definitions", "metrics.yml") == file and "answer" in question
            for metric in question["query"]["metrics"]
        }
        assert asked <= set(definitions["metrics"])


def test_a_table_is_small_and_its_key_is_true() -> None:
    for name, case in CASES.items():
        for table, rows in tables_of(case).items():
            assert 1 <= len(rows) <= 15, (name, table)
            key = case["tables"][table]["primary_key"]
            if key:
                found = [tuple(row[column] for column in key) for row in rows]
                assert len(set(found)) == len(found), (name, table)
                assert not any(None in item for item in found), (name, table)
