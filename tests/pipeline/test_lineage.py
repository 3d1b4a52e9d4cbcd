"""Column-level lineage, through everything that a SELECT can do."""

# ruff: noqa: E501  (SQL reads best on one line)

from __future__ import annotations

import pytest

from steelyard.errors import DefinitionError
from steelyard.pipeline.lineage import column_lineage, trace, upstream_columns

SCHEMA = {
    "raw": {"id": "INTEGER", "Price": "INTEGER", "n": "INTEGER", "at": "TIMESTAMP", "person": "INTEGER"},
    "people": {"id": "INTEGER", "country": "VARCHAR"},
    "t": {"id": "INTEGER", "total": "INTEGER"},
}


@pytest.mark.parametrize(
    ("sql", "origins"),
    [
        ("SELECT price * n AS total FROM raw", {"total": {("raw", "Price"), ("raw", "n")}}),
        ("SELECT * EXCLUDE (price, n, at, person) FROM raw", {"id": {("raw", "id")}}),
        ("WITH raw AS (SELECT id, price * n AS total FROM raw) SELECT total FROM raw", {"total": {("raw", "Price"), ("raw", "n")}}),
        (
            "SELECT country, sum(price) AS p, count(*) AS k FROM raw JOIN people ON raw.person = people.id GROUP BY ALL",
            {"country": {("people", "country")}, "p": {("raw", "Price")}, "k": set()},
        ),
        ("SELECT id, total FROM t UNION ALL SELECT id, price FROM raw",
         {"id": {("t", "id"), ("raw", "id")}, "total": {("t", "total"), ("raw", "Price")}}),
        ("SELECT sum(n) OVER (PARTITION BY person) AS s FROM raw", {"s": {("raw", "n"), ("raw", "person")}}),
        ("SELECT id, (SELECT max(total) FROM t) AS top FROM raw", {"id": {("raw", "id")}, "top": {("t", "total")}}),
        ("SELECT mine.id, theirs.country FROM raw AS mine ASOF LEFT JOIN people AS theirs ON mine.id >= theirs.id",
         {"id": {("raw", "id")}, "country": {("people", "country")}}),
        ("SELECT id FROM raw QUALIFY row_number() OVER (PARTITION BY id ORDER BY price) = 1", {"id": {("raw", "id")}}),
        ("WITH RECURSIVE x AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM x WHERE a < 5) SELECT a, id FROM x, raw",
         {"a": set(), "id": {("raw", "id")}}),
        ("SELECT 1 AS one", {"one": set()}),
    ],
)  # fmt: skip
def test_the_origins_of_a_column(sql, origins):
    assert {column: set(found) for column, found in trace(sql, SCHEMA, table="new").items()} == origins


def test_a_table_that_reads_itself_ends_at_its_own_columns():
    found = trace("SELECT id, total + 1 AS total FROM t UNION ALL SELECT id, n FROM raw", SCHEMA, table="t")
    assert set(found["total"]) == {("t", "total"), ("raw", "n")}


def test_lineage_goes_on_through_tables():
    lineage = column_lineage({"a": "SELECT id, price AS p FROM raw", "b": "SELECT p + 1 AS q FROM a"},
                             {**SCHEMA, "a": {"id": "INTEGER", "p": "INTEGER"}})  # fmt: skip
    assert upstream_columns(lineage, ("b", "q")) == {("a", "p"), ("raw", "Price")}


def test_a_circle_of_columns_ends():
    around = {("a", "x"): {("b", "x")}, ("b", "x"): {("a", "x"), ("c", "y")}}
    assert upstream_columns(around, ("a", "x")) == {("b", "x"), ("c", "y")}


def test_what_does_not_parse_is_an_error():
    with pytest.raises(DefinitionError):
        trace("SELECT FROM (", SCHEMA, table="t")
