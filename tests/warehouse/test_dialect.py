"""Steelyard's SQL: what is in it, what is refused and how, and how each engine spells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from steelyard.errors import DefinitionError
from steelyard.warehouse import parse_select, quote_name, referenced_tables, render
from steelyard.warehouse.dialect import parameter_names, render_bound
from steelyard.warehouse.dialect_spelling import Spelling
from steelyard.warehouse.functions import ENGINES, FUNCTIONS

HERE = Path(__file__).parent
SHAPES = HERE.parent / "contract" / "shapes.sql"


def _shapes(path: Path) -> dict[str, str]:
    parts = re.split(r"^--- (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def _golden(engine: str) -> str:
    """How the shapes are spelled; running this file writes the golden files anew, to be read before they are kept."""
    head = f"-- What {engine} gets for tests/contract/shapes.sql (QUALIFY apart: SQLGlot's rewriting of it changes).\n"
    shapes = {name: sql for name, sql in _shapes(SHAPES).items() if "QUALIFY" not in sql}
    return head + "".join(f"\n--- {name}\n{render(sql, engine)}\n" for name, sql in shapes.items())


@pytest.mark.parametrize("engine", ENGINES)
def test_each_shape_is_spelled_as_it_is_written_down(engine: str) -> None:
    assert _golden(engine) == (HERE / "golden" / f"{engine}.sql").read_text(encoding="utf-8")


def test_every_function_of_the_table_is_used_in_a_shape() -> None:
    words = set(re.findall(r"[a-z_]+[0-9]?(?=\()", SHAPES.read_text(encoding="utf-8")))
    assert set(FUNCTIONS) - words == set()


def test_every_function_of_the_table_is_in_the_guide() -> None:
    guide = (HERE.parents[1] / "docs" / "guides" / "warehouse.md").read_text(encoding="utf-8")
    for name, function in FUNCTIONS.items():
        assert f"`{name}(" in guide
        assert function.says in guide


REFUSED = {
    "SELECT 1; SELECT 2": "2 statements",
    "": "0 statements",
    "DROP TABLE orders": "not DROP",
    "INSERT INTO a SELECT 1": "not INSERT",
    "UPDATE a SET b = 1": "not UPDATE",
    "DELETE FROM a": "not DELETE",
    "CREATE TABLE a AS SELECT 1": "not CREATE",
    "COPY a TO 'x.csv'": "not COPY",
    "ATTACH 'x.duckdb'": "not ATTACH",
    "PRAGMA database_list": "not PRAGMA",
    "SET TimeZone = 'UTC'": "not SET",
    "DESCRIBE a": "not DESCRIBE",
    "SELECT 1 +": "does not parse",
    "SELECT 'a": "does not parse",
    "SELECT * FROM read_csv('/etc/passwd')": "read_csv",
    "SELECT * FROM read_parquet('x')": "read_parquet",
    "SELECT * FROM glob('*')": "glob",
    "SELECT * FROM duckdb_settings()": "duckdb_settings",
    "SELECT * FROM query('SELECT 1')": "query",
    "SELECT getenv('HOME')": "getenv",
    "SELECT current_setting('TimeZone')": "current_setting",
    "SELECT pg_sleep(1)": "pg_sleep",
    "SELECT a, count(*) FROM t GROUP BY ALL": "ALL",
    "SELECT a FROM t ORDER BY ALL": "ALL",
    "SELECT * EXCLUDE (a) FROM t": "EXCLUDE",
    "SELECT * REPLACE (a + 1 AS a) FROM t": "REPLACE",
    "SELECT COLUMNS('a.*') FROM t": "COLUMNS",
    "SELECT a FROM t TABLESAMPLE 10%": "TABLESAMPLE",
    "SELECT a FROM t LIMIT 10%": "LIMIT",
    "SELECT a FROM t FOR UPDATE": "FOR UPDATE",
    "SELECT a INTO b FROM t": "INTO",
    "SELECT a FROM t UNION BY NAME SELECT a FROM u": "BY NAME",
    "SELECT a FROM t SEMI JOIN u USING (a)": "SEMI",
    "SELECT a FROM t NATURAL JOIN u": "NATURAL",
    "SELECT a FROM (t)": "a table in parentheses",
    "SELECT a FROM (t JOIN u USING (a)) AS v": "has no name",
    "SELECT a FROM t LEFT JOIN u LEFT JOIN v ON u.a = v.a ON t.a = u.a": "a join inside of a join",
    "SELECT a FROM t JOIN ((u JOIN v USING (a)) JOIN w USING (a)) USING (a)": "JOINS",
    "SELECT a FROM t JOIN ((SELECT 1 AS a) AS u JOIN v USING (a)) USING (a)": "JOINS",
    "SELECT a FROM t POSITIONAL JOIN u": "POSITIONAL",
    "SELECT a FROM t, LATERAL (SELECT 1) AS u": "LATERAL",
    "WITH RECURSIVE r AS (SELECT 1 AS a) SELECT * FROM r": "RECURSIVE",
    "SELECT now()": "now",
    "SELECT current_date": "CURRENT_DATE",
    "SELECT current_timestamp": "CURRENT_TIMESTAMP",
    "SELECT random()": "random",
    "SELECT a ILIKE 'x' FROM t": "ILIKE",
    "SELECT a ~ 'x' FROM t": "REGEXP",
    "SELECT a SIMILAR TO 'x' FROM t": "SIMILAR",
    "SELECT try_cast(a AS INTEGER) FROM t": "TRY_CAST",
    "SELECT a::JSON FROM t": "JSON",
    "SELECT a::INTEGER[] FROM t": "INT",
    "SELECT [1, 2]": "[1, 2]",
    "SELECT {'a': 1}": "{'a': 1}",
    "SELECT a[1] FROM t": "a[1]",
    "SELECT (a, b) = (1, NULL) FROM t": "row of values",
    "SELECT (a, b) IN (SELECT 1, 2) FROM t": "row of values",
    "SELECT sum(a, b) FROM t": "1 argument",
    "SELECT row_number() FROM t": "OVER",
    "SELECT median(a) OVER () FROM t": "OVER",
    "SELECT abs(a) OVER () FROM t": "OVER",
    "SELECT abs(a) FILTER (WHERE b) FROM t": "FILTER",
    "SELECT lag(a IGNORE NULLS) OVER (ORDER BY b) FROM t": "IGNORE NULLS",
    "SELECT week_start(a, 'tuesday') FROM t": "tuesday",
    "SELECT date_trunc('decade', a) FROM t": "decade",
    "SELECT date_trunc($unit, a) FROM t": "unit",
    "SELECT EXTRACT(second FROM a) FROM t": "SECOND",
    "SELECT a + INTERVAL (b) DAY FROM t": "INTERVAL",
    "SELECT ?": "name",
    "SELECT $1": "name",
    "SELECT abs(*) FROM t": "*",
    "SELECT * FROM t QUALIFY row_number() OVER (ORDER BY a) = 1": "QUALIFY",
    "SELECT main.lower(a) FROM t": "main.lower",
    "SELECT day_series(1, 2)": "FROM",
    "SELECT * FROM abs(1)": "FROM",
    "SELECT a FROM t ASOF JOIN u ON t.a = u.a": "ASOF",
    "SELECT a FROM t ASOF JOIN u USING (a, b)": "ASOF",
    "SELECT a FROM t ASOF JOIN u ON t.a >= u.a AND t.b >= u.b": "ASOF",
    "SELECT a FROM t ASOF JOIN u ON a >= b": "ASOF",
    "SELECT a FROM t ASOF RIGHT JOIN u ON t.a >= u.a": "ASOF",
    "PIVOT t ON a USING sum(b)": "",
    "SUMMARIZE t": "not SUMMARIZE",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_outside_is_refused_by_name(sql: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        render(sql, "duckdb")
    assert REFUSED[sql].lower() in caught.value.problem.lower()
    assert caught.value.hint or "parse" in caught.value.problem


def test_a_refusal_says_its_line_and_column_and_what_to_write_instead() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_select("SELECT a\nFROM t\nWHERE day < now()", where="metrics/shop.yml:3")
    assert caught.value.where == "metrics/shop.yml:3, line 3, column 13 of the SQL"
    assert "bind it" in caught.value.hint


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(DefinitionError, match="oracle"):
        render("SELECT 1", "oracle")


def test_without_the_subset_any_select_of_duckdb_passes() -> None:
    assert parse_select("SELECT list_transform([1], x -> x + 1) FROM read_csv('a.csv')", subset=False) is not None
    with pytest.raises(DefinitionError, match="not DROP"):
        parse_select("DROP TABLE a", subset=False)


def test_values_may_stand_without_a_space() -> None:
    assert render("SELECT coalesce($a,$b,'$c')", "duckdb") == "SELECT COALESCE($a, $b, '$c')"
    assert parameter_names("SELECT coalesce($a,$b,'$c') -- $d") == ("a", "b")
    assert render("SELECT $b, $a, $b", "postgres") == "SELECT $1, $2, $1"


def test_the_tables_of_a_query_are_those_that_it_reads() -> None:
    sql = """WITH a AS (SELECT * FROM a_source), b AS (SELECT * FROM a JOIN c USING (id))
             SELECT week_start(day, 'sunday') FROM b, s.d, day_series($x, $y), (SELECT * FROM e) AS f
             WHERE g IN (SELECT h FROM "i j") AND EXISTS (WITH k AS (SELECT 1) SELECT * FROM k)"""
    assert referenced_tables(sql) == ("a_source", "c", "e", "i j", "s.d")


def test_a_name_of_a_with_shadows_only_what_comes_after_it() -> None:
    assert referenced_tables("WITH orders AS (SELECT * FROM orders) SELECT * FROM orders") == ("orders",)
    assert referenced_tables("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) AS x, a") == ("a",)
    assert referenced_tables("WITH a AS (SELECT 1) SELECT * FROM s.a") == ("s.a",)


def test_the_tables_are_the_same_whether_or_not_the_sql_is_in_the_subset() -> None:
    for sql in _shapes(SHAPES).values():
        read = referenced_tables(sql)
        outside = f"SELECT * FROM (SELECT gamma(2) AS no_function_of_ours) AS x, ({sql}\n) AS inside"
        with pytest.raises(DefinitionError, match="gamma"):
            parse_select(outside)
        assert referenced_tables(outside) == read


def test_a_spelling_is_kept_for_its_types_and_its_collations_and_no_others() -> None:
    sql = "SELECT b FROM t WHERE a = $a ORDER BY b"
    spellings = [
        Spelling(types={"a": "BIGINT"}),
        Spelling(types={"a": "DATE"}),
        Spelling(),
        Spelling(types={"a": "DATE"}, by_code_point=True, collated={"t": {"a": False, "b": True}}),
        Spelling(types={"a": "DATE"}, by_code_point=True, collated={"t": {"a": False, "b": False}}),
    ]
    first = [render_bound(sql, "postgres", spelling) for spelling in spellings]
    assert len(set(first)) == len(spellings) - 1  # without a column of text, the order is the engine's own
    assert first[4] == first[1]
    assert [render_bound(sql, "postgres", spelling) for spelling in reversed(spellings)] == first[::-1]


def test_a_table_whose_texts_are_put_in_order_keeps_what_is_joined_to_it() -> None:
    sql = "SELECT c.b FROM t LEFT JOIN (u LEFT JOIN c ON c.a = u.a) ON u.a = t.a"
    collated = {name: {"a": False, "b": True} for name in ("t", "u", "c")}
    text, _ = render_bound(sql, "postgres", Spelling(by_code_point=True, collated=collated))
    inner = '(SELECT "a", "b" COLLATE "C" AS "b" FROM {0}) AS {0}'.format
    joined = f"({inner('u')} LEFT JOIN {inner('c')} ON c.a = u.a)"
    assert text == f"SELECT c.b FROM {inner('t')} LEFT JOIN {joined} ON u.a = t.a"


def test_an_order_is_the_same_whatever_the_engine_does_by_default() -> None:
    sql = "SELECT a FROM t ORDER BY a, b DESC, c NULLS FIRST, d DESC NULLS FIRST"
    assert render(sql, "duckdb").endswith("ORDER BY a, b DESC, c NULLS FIRST, d DESC NULLS FIRST")
    assert render(sql, "postgres").endswith("ORDER BY a, b DESC NULLS LAST, c NULLS FIRST, d DESC")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30))
def test_any_name_is_only_a_name(name: str) -> None:
    for engine in ENGINES:
        text = render(f"SELECT t.{quote_name(name)} AS {quote_name(name)} FROM {quote_name(name)} AS t", engine)
        [table] = parse_one(text, read=engine).find_all(exp.Table)
        assert table.name == name
        assert parse_one(text, read=engine).named_selects == [name]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30))
def test_any_literal_is_only_a_literal(text: str) -> None:
    literal = "'" + text.replace("'", "''") + "'"
    for engine in ("duckdb", "postgres"):
        assert render(f"SELECT {literal} AS a", engine) == f"SELECT {literal} AS a"
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")  # what Spark reads: a backslash escapes, a quote does not
    assert render(f"SELECT {literal} AS a", "spark") == f"SELECT '{escaped}' AS a"


if __name__ == "__main__":
    for written in ENGINES:
        (HERE / "golden" / f"{written}.sql").write_text(_golden(written), encoding="utf-8")
