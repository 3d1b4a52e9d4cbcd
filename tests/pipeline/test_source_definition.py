"""Definitions of sources: every key known, every value of its type, every error with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.canonical import canonical_json
from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.pipeline import read_source_file, source_definition

GOOD = """\
sources:
  orders:
    kind: files
    path: data/orders/*.csv
    columns:
      order_id: bigint
      ordered_at: timestamptz
      amount: decimal(12, 2)
    key: order_id
    cursor: ordered_at
    zone: Europe/Berlin
    max_rejected: 0.01
    owner: shop
  customers:
    kind: sql
    connection: postgresql://reader@db/shop
    cursor: changed_at
    look_back: 2 days
"""


def test_a_file_defines_several_sources(tmp_path: Path):
    path = tmp_path / "shop.yml"
    path.write_text(GOOD)
    orders, customers = read_source_file(path, shown_as="sources/shop.yml")
    assert (orders.name, orders.table, orders.mode, orders.where) == ("orders", "orders", "merge", "sources/shop.yml:2")
    assert dict(orders.columns) == {
        "order_id": "BIGINT",
        "ordered_at": "TIMESTAMP WITH TIME ZONE",
        "amount": "DECIMAL(12,2)",
    }
    assert (customers.mode, customers.asked, customers.look_back) == ("append", True, "2 days")
    assert canonical_json(orders.to_dict()) == canonical_json(read_source_file(path)[0].to_dict())


def test_a_file_may_be_one_source_named_after_it(tmp_path: Path):
    path = tmp_path / "weather.yml"
    path.write_text("kind: python\ngenerator: weather:days\n")
    (source,) = read_source_file(path)
    assert (source.name, source.mode) == ("weather", "replace")


def test_the_shop_and_the_complete_journey_define_all_their_tables(tmp_path: Path):
    path = tmp_path / "data.yml"
    path.write_text("kind: shop\nevents: 10000\n")
    names = [source.name for source in read_source_file(path)]
    assert "orders" in names
    assert len(names) > 5


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("kind: files", "kind: file", 3, "did you mean 'files'?"),
        ("key: order_id", "keys: order_id", 9, "did you mean 'key'?"),
        ("order_id: bigint", "order_id: bigit", 6, "did you mean 'BIGINT'"),
        ("key: order_id", "key: ordr_id", 2, "did you mean 'order_id'?"),
        ("zone: Europe/Berlin", "zone: Europe/Berln", 2, "no time zone"),
        ("max_rejected: 0.01", "max_rejected: some", 12, "some"),
        ("max_rejected: 0.01", "max_rejected: -1", 2, "max_rejected"),
        ("path: data/orders/*.csv", "pth: x", 4, "did you mean 'path'?"),
        ("look_back: 2 days", "look_back: a while", 14, "not a length of time"),
        ("cursor: changed_at", "mode: append", 14, "cursor"),
        ("    connection: postgresql://reader@db/shop\n", "", 14, "connection"),
        ("kind: sql", "kind: sql\n    url: x", 16, "no key named 'url'"),
        ("amount: decimal(12, 2)", "amount: decimal(50, 2)", 8, "digits"),
        ("    path: data/orders/*.csv", "    path: x\n    delimiter: '||'", 2, "delimiter"),
        ("sources:", "source:", 1, ""),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, old: str, new: str, line: int, words: str):
    path = tmp_path / "shop.yml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(DefinitionError) as caught:
        read_source_file(path, shown_as="shop.yml")
    assert words in str(caught.value)
    assert caught.value.where.startswith("shop.yml")
    if words:
        assert abs(int(caught.value.where.split(":")[1]) - line) <= 1


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "rest", "url": "ftp://x"}, "no web address"),
        ({"kind": "python", "generator": "no function"}, "module:function"),
        ({"kind": "sql", "connection": "x.duckdb", "query": "select 1", "from_table": "t"}, "not both"),
        ({"kind": "files", "path": "x.csv", "mode": "merge"}, "needs a key"),
        ({"kind": "files", "path": "x.csv", "look_back": "1 day"}, "without a cursor"),
        ({"kind": "rest", "url": "https://x", "pages": {"by": "cursor"}}, "`next`"),
        ({"kind": "files", "path": "x.csv", "identity": {"anonymous": "a", "known": "b", "rule": "best"}}, "best"),
    ],
)
def test_what_cannot_be_is_refused(said: dict, words: str):
    with pytest.raises(DefinitionError, match=words):
        source_definition("orders", said)


def test_an_unknown_kind_names_the_kinds():
    with pytest.raises(UnknownNameError, match="kind of source"):
        source_definition("orders", {})
