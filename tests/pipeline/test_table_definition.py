"""A table file: header and SELECT, their lines, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.pipeline.table_definition import parse_table, read_table_file
from steelyard.warehouse import Bridge, History, Role

ORDERS = """-- description: Orders that were paid
-- key: order_id
-- time: ordered_at
-- entities: {customer: customer_id}
-- materialise: {how: incremental, look_back: 3 days}
-- freshness: 2 days
-- tests:
--   - not_null: [amount, customer_id]
--   - accepted_range: {column: amount, low: 0}
--     severity: doubt

-- an ordinary comment
SELECT *
FROM raw_orders AS o
JOIN people USING (customer_id)
"""


def test_a_header_becomes_a_declaration_a_way_to_keep_it_and_tests():
    table = parse_table("orders", ORDERS, path="tables/orders.sql")
    assert table.declaration.key == ("order_id",)
    assert table.declaration.entities == {"customer": ("customer_id",)}
    assert (table.materialise.how, table.materialise.time) == ("incremental", "ordered_at")
    assert [test.kind for test in table.tests] == ["not_null", "accepted_range", "freshness"]
    assert table.tests[1].gravity == "doubt"


def test_references_carry_the_line_of_the_file():
    table = parse_table("orders", ORDERS, path="tables/orders.sql")
    assert [(found.table, found.line) for found in table.references] == [("raw_orders", 14), ("people", 15)]


def test_a_name_that_a_cte_hides_is_no_reference_and_the_one_inside_it_is():
    table = parse_table("t", "WITH a AS (SELECT * FROM a), b AS (SELECT * FROM a)\nSELECT * FROM b JOIN A USING (x)")
    assert [found.table for found in table.references] == ["a"]
    nested = parse_table("t", "SELECT * FROM (WITH a AS (SELECT 1 AS x) SELECT * FROM a) AS q, a, main.a")
    assert sorted(found.table for found in nested.references) == ["a", "main.a"]
    later = parse_table("t", "WITH a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT * FROM a, b")
    assert [found.table for found in later.references] == ["b"]


def test_a_recursive_cte_reads_itself_and_not_a_table():
    table = parse_table(
        "t", "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT * FROM n"
    )
    assert table.references == ()


def test_a_column_alias_or_function_named_like_a_table_is_no_reference():
    table = parse_table("t", "SELECT a.orders AS items, s.n FROM raw AS a, generate_series(1, 3) AS s(n)")
    assert [found.table for found in table.references] == ["raw"]


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("-- key: [a\nSELECT 1 AS a", "tables/t.sql:", "not YAML"),
        ("-- just words\nSELECT 1 AS a", "tables/t.sql:1", "not a mapping"),
        ("-- key: a\n\nSELECT a\nFROM (", "tables/t.sql:4:6", "does not parse"),
        ("-- description: x\n-- kee: a\nSELECT 1 AS a", "tables/t.sql:2", "no key named 'kee'"),
        ("-- tests:\n--   - not_nul: a\nSELECT 1 AS a", "tables/t.sql:2", "not_nul"),
        ("UPDATE x SET a = 1", "tables/t.sql:1", "not one SELECT"),
        ("SELECT 1 AS a; SELECT 2 AS b", "tables/t.sql:1", "2 statements"),
        ("SELECT 1 AS a, 2 AS A", "tables/t.sql:1", "two columns"),
        ("-- key: a", "tables/t.sql", "no SELECT"),
        ("-- materialise: incremental\nSELECT 1 AS a", "tables/t.sql:1", "names none"),
        ("-- owner: me\n-- materialise: history\nSELECT 1 AS a", "tables/t.sql:2", "no key"),
        ("-- materialise: sometimes\nSELECT 1 AS a", "tables/t.sql:1", "sometimes"),
        ("-- time: a\n-- freshness: 2 dayz\nSELECT 1 AS a", "tables/t.sql:2", "2 dayz"),
        ("-- freshness: 2 days\nSELECT 1 AS a", "tables/t.sql:1", "without a time"),
        ("-- zone: Europe/Berln\nSELECT 1 AS a", "tables/t.sql:1", "time zone"),
        ("SELECT *\nFROM t", "tables/t.sql:2", "reads itself"),
        ("-- tests: [{not_null: a, sql: SELECT 1}]\nSELECT 1 AS a", "tables/t.sql:1", "2 kinds"),
        ("-- tests: [{not_null: a, allow: 1.5}]\nSELECT 1 AS a", "tables/t.sql:1", "allow"),
        ("-- steps:\n--   t: {calendar: {since: 2026-01-01}}\nSELECT * FROM t", "tables/t.sql:2", "cannot be named"),
        ("SELECT * FROM read_csv('/etc/passwd')", "tables/t.sql:1", "reaches outside"),
        ("-- zones: {b: Europe/Berln}\nSELECT 1 AS a", "tables/t.sql:1", "time zone"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_line(text, where, problem):
    with pytest.raises(DefinitionError) as caught:
        parse_table("t", text, path="tables/t.sql")
    assert caught.value.where.startswith(where)
    assert problem in str(caught.value)


def test_an_unknown_word_names_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        parse_table("t", "-- materialise: incremenal\n-- time: a\nSELECT 1 AS a")
    assert "'incremental'" in caught.value.hint


def test_a_file_that_is_missing_or_no_text_is_an_error(tmp_path: Path):
    with pytest.raises(DefinitionError, match="no file"):
        read_table_file(tmp_path / "absent.sql")
    (tmp_path / "bytes.sql").write_bytes(b"\xff\xfe\x00SELECT")
    with pytest.raises(DefinitionError, match="cannot be read"):
        read_table_file(tmp_path / "bytes.sql")


def test_a_description_changes_no_digest_and_the_select_does():
    one = parse_table("t", "-- description: a\nSELECT 1 AS a")
    assert one.digest == parse_table("t", "-- description: b\n-- owner: me\nSELECT 1 AS a").digest
    assert one.digest != parse_table("t", "SELECT 2 AS a").digest
    assert one.tests_digest != parse_table("t", "-- key: a\nSELECT 1 AS a").tests_digest


def test_the_key_of_a_history_has_the_start_of_the_state_in_it():
    table = parse_table("t", "-- key: id\n-- materialise: history\nSELECT * FROM raw")
    assert table.declaration.key == ("id", "valid_from")
    assert table.declaration.id_columns == ("id",)
    assert table.materialise.key == ("id",)


def test_a_history_may_be_the_own_table_of_an_entity_which_is_described_as_of_a_moment():
    table = parse_table("t", "-- key: id\n-- entity: customer\n-- materialise: history\nSELECT * FROM raw")
    assert table.declaration.entity == "customer"
    assert table.declaration.history == History(valid_from="valid_from", valid_to="valid_to")
    other = parse_table("t", "-- key: id\n-- history: {valid_from: since, valid_to: till}\nSELECT * FROM raw")
    assert other.declaration.key == ("id", "since")


def test_the_header_says_all_that_a_table_may_declare():
    table = parse_table(
        "links",
        "-- entities: {order: order_id}\n-- roles: {campaign_of_order: {entity: campaign, columns: campaign_id}}\n"
        "-- bridge: {of: order, to: campaign_of_order, weight: share}\n-- complete_references: order\n"
        "-- one_to_one: [order]\n-- zones: {seen_at: Europe/Berlin}\n-- lateness: 2 days\nSELECT * FROM raw",
    ).declaration
    assert table.roles == {"campaign_of_order": Role(entity="campaign", columns=("campaign_id",))}
    assert table.bridge == Bridge(of="order", to="campaign_of_order", weight="share")
    assert (table.complete_references, table.one_to_one, table.lateness) == (("order",), ("order",), "2 days")
