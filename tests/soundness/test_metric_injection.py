"""Nothing that a person types in a condition, a name or a definition becomes SQL that they should not run."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.metrics.expression import Parameters, parse_expression, to_sql
from steelyard.warehouse import TableDeclaration, connect

NASTY = 'order"; drop table x; --'
CATALOG = MetricCatalog.of(
    tables=[
        TableDeclaration(name="t", dimensions=("country", NASTY)),
        TableDeclaration(name=NASTY, dimensions=("a b",)),
    ],
    metrics=[Metric(name="n", count="t"), Metric(name="m", count=NASTY)],
)
TABLES = {
    "t": pa.table({"country": ["DE", "'; DROP TABLE t; --", None], NASTY: ["x", "y", "z"]}),
    NASTY: pa.table({"a b": [1, 1]}),
    "secret": pa.table({"word": ["xyzzy"]}),
}

ATTEMPTS = (
    "country = 'DE'; DROP TABLE t",
    "country = 'DE' UNION SELECT word FROM secret",
    "country IN (SELECT word FROM secret)",
    "EXISTS (SELECT 1 FROM secret)",
    "country = (SELECT word FROM secret)",
    "country = (SELECT min(word) FROM secret)",
    "read_csv('/etc/passwd') IS NULL",
    "country = getenv('HOME')",
    "country = $other",
    "country = ?",
    "secret.word = 'xyzzy'",
    "main.secret.word = 'xyzzy'",
    "1 = 1",
    "TRUE",
    "country = 'DE' OR sleep(10)",
    "count(*) > 0",
    "sum(1) OVER () > 0",
    "country::INTEGER = 1",
    "CAST(country AS INTEGER) = 1",
    "country = current_user",
    "country ~ '.*'",
    "country[1] = 'D'",
    "*",
    "-- ",
    "country = 'DE' LIMIT 1",
    "country = 'a' 'b'",
    "country COLLATE nocase = 'de'",
    "country = e'\\x41'",
    "(" * 3000 + "1" + ")" * 3000,
)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda text: text[:40])
def test_an_attempt_is_refused_before_the_warehouse_sees_it(attempt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(TABLES) as warehouse:
        sent: list[str] = []
        monkeypatch.setattr(warehouse, "fetch", lambda sql, **_: sent.append(str(sql)))
        with pytest.raises(DefinitionError):
            query(CATALOG, warehouse, "n", where=attempt)
        assert sent == []


@pytest.mark.parametrize("value", ["'; DROP TABLE t; --", 'a"b', "$country", "%s", "{0}", "\\", "日本", "' OR ''='"])
def test_a_value_is_bound_and_never_part_of_the_text(value: str) -> None:
    quoted = value.replace("'", "''")
    with connect(TABLES) as warehouse:
        answer = query(CATALOG, warehouse, "n", where=f"country = '{quoted}'")
    assert list(answer.how.parameters.values()) == [value]
    assert f"'{quoted}'" not in answer.how.sql
    assert answer.rows() == [{"n": int(value == "'; DROP TABLE t; --")}]


def test_a_nasty_name_is_just_a_name() -> None:
    with connect(TABLES) as warehouse:
        quoted = NASTY.replace('"', '""')
        assert query(CATALOG, warehouse, "n", where=f"\"{quoted}\" = 'y'").rows() == [{"n": 1}]
        assert query(CATALOG, warehouse, "m", by="a b").rows() == [{"a b": 1, "m": 2}]
        assert {row[NASTY] for row in query(CATALOG, warehouse, "n", by=NASTY).rows()} == {"x", "y", "z"}
        assert "secret" in warehouse.tables()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_any_text_is_refused_or_has_only_bound_values(text: str) -> None:
    """What passes has, once written, no literal but the rewriting's own zero, and no column but a resolved one."""
    try:
        tree = parse_expression(text)
        parameters = Parameters()
        sql = to_sql(tree, column=lambda name: "the_column", type_of=lambda name: "", parameters=parameters)
    except DefinitionError:
        return
    assert not re.search(r"'[^']*'", sql), sql
    assert ";" not in sql
    assert "--" not in sql


def test_text_of_a_value_survives_whatever_it_is() -> None:
    @given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=20))
    @settings(max_examples=100, deadline=None)
    def check(value: str) -> None:
        parameters = Parameters()
        text = "country = '" + value.replace("'", "''") + "'"
        to_sql(parse_expression(text), column=lambda name: "c", type_of=lambda name: "VARCHAR", parameters=parameters)
        found: list[Any] = list(parameters.values.values())
        assert found == [value]

    check()
