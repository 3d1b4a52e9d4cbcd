"""A condition of SQL's three values finds the same rows as a definition: over random conditions and every NULL."""

from __future__ import annotations

import itertools

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.metrics.expression import Parameters, parse_expression, to_sql
from steelyard.metrics.importing.condition import row_value, when_true

TYPES = {"a": "INTEGER", "b": "INTEGER", "s": "VARCHAR", "p": "BOOLEAN"}
numbers = st.sampled_from(["a", "b", "1", "2", "a + b", "a - 1", "coalesce(a, 2)", "nullif(b, 1)"])
texts = st.sampled_from(["'x'", "'y'"])
comparison = st.builds("{} {} {}".format, numbers, st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]), numbers)
leaf = st.one_of(
    comparison,
    st.builds("s {} {}".format, st.sampled_from(["=", "<>", "LIKE", "NOT LIKE", "IS DISTINCT FROM"]), texts),
    st.builds("{} {} (1, 2)".format, st.sampled_from(["a", "b"]), st.sampled_from(["IN", "NOT IN"])),
    st.builds("a {} {} AND {}".format, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), numbers, numbers),
    st.builds("{} IS {}NULL".format, st.sampled_from(["a", "s", "p"]), st.sampled_from(["", "NOT "])),
    st.builds("a IS NOT DISTINCT FROM {}".format, st.sampled_from(["1", "2"])),
    st.builds("p IS {}{}".format, st.sampled_from(["", "NOT "]), st.sampled_from(["TRUE", "FALSE"])),
    st.just("p"),
    st.builds("CASE WHEN {} THEN a ELSE 2 END > 1".format, comparison),
)
conditions = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds("NOT ({})".format, inner),
        st.builds("({}) AND ({})".format, inner, inner),
        st.builds("({}) OR ({})".format, inner, inner),
        st.builds("CASE WHEN {} THEN 1 END = 1".format, inner),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def rows() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (i INTEGER, a INTEGER, b INTEGER, s VARCHAR, p BOOLEAN)")
    every = itertools.product([None, 1, 2, 3], [None, 1, 2], [None, "x", "y"], [None, True, False])
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [[i, *row] for i, row in enumerate(every)])
    return connection


def found(rows: duckdb.DuckDBPyConnection, condition: str) -> list[tuple[int]]:
    return rows.execute(f"SELECT i FROM t WHERE {condition} ORDER BY i").fetchall()


def ours(text: str) -> str:
    return to_sql(
        parse_expression(text),
        column=lambda name: name.name,
        type_of=lambda name: TYPES[name.name],
        parameters=Parameters(inline=True),
    )


@settings(max_examples=250, deadline=None)
@given(text=conditions)
def test_a_definition_finds_the_rows_for_which_the_condition_is_true_in_sql(
    rows: duckdb.DuckDBPyConnection, text: str
) -> None:
    carried = when_true(sqlglot.parse_one(text, dialect="duckdb")).sql(dialect="duckdb")
    assert found(rows, ours(carried)) == found(rows, text), f"{text} became {carried}"


@settings(max_examples=100, deadline=None)
@given(text=conditions)
def test_a_row_expression_has_the_value_that_it_has_in_sql(rows: duckdb.DuckDBPyConnection, text: str) -> None:
    value = f"CASE WHEN {text} THEN a ELSE b END"
    carried = row_value(sqlglot.parse_one(value, dialect="duckdb")).sql(dialect="duckdb")
    both = rows.execute(f"SELECT {ours(carried)}, {value} FROM t ORDER BY i").fetchall()
    assert all(one == other for one, other in both), f"{value} became {carried}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a IN (1, NULL)", "not a list of values"),
        ("s = '(unknown)'", "stands for what is not known"),
        ("s ILIKE 'x%'", "no condition"),
        ("a IS DISTINCT FROM b", "NULL equals NULL"),
        ("a", None),
    ],
)
def test_what_cannot_be_said_exactly_is_refused(text: str, says: str | None) -> None:
    tree = sqlglot.parse_one(text, dialect="duckdb")
    if says is None:
        assert when_true(tree).sql() == text
        return
    with pytest.raises(DefinitionError, match=says):
        when_true(tree)
