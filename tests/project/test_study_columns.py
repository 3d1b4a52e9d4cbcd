"""`check` holds studies against the columns that are known, and says of which it knows nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.project import open_project
from steelyard.project.check import Checked, check_project

FILES = {
    "steelyard.toml": 'name = "Shop"\n',
    "sources/shop.yml": """sources:
  customers:
    kind: files
    path: data/customers.csv
    columns: {customer_id: BIGINT, store_id: BIGINT, spend: DOUBLE, before: DOUBLE, joined: DATE, vip: BOOLEAN}
    mode: replace
    key: customer_id
  orders:
    kind: files
    path: data/orders.csv
    columns: {order_id: BIGINT, customer_id: BIGINT, amount: DOUBLE, ordered_at: TIMESTAMPTZ}
    mode: replace
    key: order_id
  flags:
    kind: files
    path: data/flags.csv
    columns: {customer_id: BIGINT, flag: VARCHAR, at: TIMESTAMPTZ}
    mode: replace
    key: customer_id
""",
    "metrics/shop.yml": """tables:
  customers: {key: customer_id, entity: customer, entities: {store: store_id}}
  orders: {key: order_id, time: ordered_at, entities: {customer: customer_id}}
metrics:
  revenue: {sum: orders.amount}
  lost: {sum: orders.gone}
""",
    "data/customers.csv": "customer_id,store_id,spend,before,joined,vip,country\n1,1,5.0,4.0,2026-01-01,true,NL\n"
    "2,1,6.0,4.0,2026-01-01,false,BE\n",
    "data/orders.csv": "order_id,customer_id,amount,ordered_at\n1,1,5.0,2026-03-02T00:00:00Z\n",
    "data/flags.csv": "customer_id,flag,at\n1,control,2026-03-01T00:00:00Z\n2,b,2026-03-01T00:00:00Z\n",
}
SOUND: dict[str, Any] = {
    "kind": "experiment",
    "question": "Does it help?",
    "unit": "customer_id",
    "table": "customers",
    "arms": {"control": 0.5, "b": 0.5},
    "assignment": {"table": "flags", "arm": "flag", "at": "at"},
    "exposure": {"table": "orders", "at": "ordered_at"},
    "primary": {"metric": "spend", "covariate": "before"},
    "secondary": [{"metric": "vip", "kind": "share"}],
    "segments": ["country"],
}
GOVERNED = {"table": None, "unit": "customer", "primary": "revenue", "secondary": None}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("columns") / "shop"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with open_project(folder) as project:
        project.refresh()
    return folder


@pytest.fixture
def shop(loaded: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(loaded, folder)
    return folder


def checked(folder: Path, **changes: Any) -> Checked:
    words = {name: value for name, value in {**SOUND, **changes}.items() if value is not None}
    path = folder / "studies" / "test.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(words), encoding="utf-8")
    with open_project(folder) as project:
        return check_project(project)


def said(found: Checked) -> list[tuple[str, str]]:
    return [(error.where.removeprefix("studies/test.yml: "), error.problem) for error in found.problems]


@pytest.mark.parametrize("changes", [{}, GOVERNED, {"cluster": "store_id", "assignment": {"arm": "country"}}])
def test_a_study_that_fits_its_tables_has_no_problem_and_nothing_is_left_unchecked(
    shop: Path, changes: dict[str, Any]
) -> None:
    assert checked(shop, **changes) == Checked(problems=(), unknown=())


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"unit": "customer_no"}, "unit (table 'customers')", "no column named 'customer_no'"),
    ({"exposure": {"table": "orders", "at": "ordered_at", "unit": "buyer"}}, "exposure.unit",
     "no column named 'buyer'"),
    ({"exposure": {"table": "orders", "at": "when"}}, "exposure.at", "no column named 'when'"),
    ({"exposure": {"table": "flags"}}, "exposure", "nothing says when a row of 'flags' happened"),
    ({"exposure": {"table": "visits"}}, "exposure", "no table named 'visits'"),
    ({"assignment": {"table": "draws", "arm": "flag"}}, "assignment", "no table named 'draws'"),
    ({"assignment": {"table": "flags", "arm": "variant"}}, "assignment.arm", "no column named 'variant'"),
    ({"assignment": {"table": "flags", "arm": "flag", "at": "when"}}, "assignment.at", "no column named 'when'"),
    ({"assignment": {"table": "flags", "arm": "flag", "unit": "id"}}, "assignment.unit", "no column named 'id'"),
    ({"assignment": {"table": "flags", "arm": "flag", "where": "FLAG = 'b' AND kind = 'user'"}}, "assignment",
     "no column named 'kind'"),
    ({"assignment": {"table": "flags", "arm": "flag", "at": "at", "unit": "customer_id", "system": "launchdarkly",
      "where": "flag IN ('b', 'control')"}}, "assignment", "no column named 'experiment_iteration_id'"),
    ({"exposure": {"table": "orders", "at": "ordered_at",
      "where": "amount > 1 AND customer_id IN (SELECT flag_of FROM elsewhere) AND payed"}}, "exposure.where",
     "no column named 'payed'"),
    ({"cluster": "region"}, "cluster (table 'customers')", "no column or entity named 'region'"),
    ({"segments": ["county"]}, "segments", "no column named 'county'"),
    ({"strata": ["county"]}, "strata", "no column named 'county'"),
    ({"primary": {"metric": "spent"}}, "spent (table 'customers')", "no column named 'spent'"),
    ({"primary": {"metric": "spend", "covariate": "earlier"}}, "spend.covariate (table 'customers')",
     "no column named 'earlier'"),
    ({"primary": {"metric": "joined"}}, "joined", "the column 'customers.joined' is DATE, and a mean is of numbers"),
    ({**GOVERNED, "unit": "buyer"}, "unit", "no entity with a table of its own named 'buyer'"),
    ({**GOVERNED, "primary": {"metric": "revenue", "covariate": {"before": "28 days", "metric": "revnue"}}},
     "studies/test.yml", "no metric named 'revnue'"),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "where", "problem"), WRONG)
def test_check_names_what_no_table_has(shop: Path, changes: dict[str, Any], where: str, problem: str) -> None:
    found = checked(shop, **changes)
    assert said(found) == [(where, problem)]
    assert found.problems[0].hint
    assert found.unknown == ()


def test_everything_that_is_wrong_with_a_study_is_said_at_once(shop: Path) -> None:
    found = checked(
        shop,
        assignment={"table": "flags", "arm": "variant"},
        exposure={"table": "orders", "at": "when"},
        segments=["county", "country"],
        primary={"metric": "spent", "covariate": ["before", "earlier"]},
        secondary=[{"metric": "joined"}, {"metric": "vip", "kind": "share"}],
    )
    assert {where.partition(" ")[0] for where, _ in said(found)} == {
        "assignment.arm", "exposure.at", "segments", "spent", "spent.covariate", "joined",
    }  # fmt: skip


def test_a_governed_metric_of_a_column_that_is_gone_is_said_where_it_is_defined(shop: Path) -> None:
    (found,) = checked(shop, **{**GOVERNED, "primary": "lost"}).problems
    assert found.problem == "no column of 'orders' named 'gone'"
    assert found.where.endswith("metrics/shop.yml:6")


DIFFERENCE: dict[str, Any] = {
    "kind": "difference_in_differences",
    "question": "Did it help?",
    "unit": "customer",
    "outcome": "revenue",
    "treated": {"table": "orders"},
    "treated_from": "2096-03-12",
    "between": ["2096-02-06", "2096-04-08"],
}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"unit": "buyer"}, "no entity named 'buyer'"),
        ({"outcome": "lost"}, "no column of 'orders' named 'gone'"),
        ({"treated": {"table": "flags"}}, "the table 'flags' does not say which column holds a 'customer'"),
        ({"treated": {"table": "draws"}}, "no table named 'draws'"),
    ],
)
def test_a_study_of_another_kind_is_held_against_its_tables_as_well(
    shop: Path, changes: dict[str, Any], problem: str | None
) -> None:
    """Also one whose days are still to come: it is registered before them."""
    words = {**dict.fromkeys(SOUND), **DIFFERENCE, **changes}
    found = checked(shop, **words)
    assert [error.problem for error in found.problems] == ([] if problem is None else [problem])


def test_before_the_first_refresh_check_says_what_it_cannot_know(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = checked(tmp_path, exposure={"table": "orders", "at": "when", "unit": "buyer"}, segments=["county"])
    assert found.problems == ()
    assert found.unknown == ("studies/test.yml: columns of 'customers', which are known after a refresh",)


def test_a_table_whose_definition_changed_is_left_to_the_next_build(shop: Path) -> None:
    (shop / "tables").mkdir()
    made = shop / "tables" / "seen.sql"
    made.write_text("SELECT customer_id, ordered_at FROM orders\n", encoding="utf-8")
    with open_project(shop) as project:
        project.refresh()
    wrong = {"table": "seen", "at": "seen_at"}
    assert said(checked(shop, exposure=wrong)) == [("exposure.at", "no column named 'seen_at'")]
    made.write_text("SELECT customer_id, ordered_at AS seen_at FROM orders\n", encoding="utf-8")
    found = checked(shop, exposure=wrong, segments=["county"])
    assert said(found) == [("segments", "no column named 'county'")]
    assert found.unknown == ("studies/test.yml: columns of 'seen', which are known after a refresh",)


@pytest.mark.parametrize("changed", ["tables/seen.sql", "sources/shop.yml"])
def test_a_table_that_reads_what_changed_is_left_to_the_next_build(shop: Path, changed: str) -> None:
    (shop / "tables").mkdir()
    (shop / "tables" / "seen.sql").write_text("SELECT * FROM orders\n", encoding="utf-8")
    (shop / "tables" / "last.sql").write_text("SELECT * FROM seen\n", encoding="utf-8")
    with open_project(shop) as project:
        project.refresh()
    later = {"table": "last", "at": "seen_at"}
    assert said(checked(shop, exposure=later)) == [("exposure.at", "no column named 'seen_at'")]
    path = shop / changed
    text = path.read_text(encoding="utf-8")
    text = text.replace("SELECT *", "SELECT *, ordered_at AS seen_at").replace("ordered_at: T", "seen_at: T")
    path.write_text(text, encoding="utf-8")
    found = checked(shop, exposure=later)
    assert found.problems == ()
    assert found.unknown == ("studies/test.yml: columns of 'last', which are known after a refresh",)


def test_the_mapping_of_an_identity_rule_is_a_table_that_there_will_be(shop: Path) -> None:
    path = shop / "sources" / "shop.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + "    identity: {anonymous: flag, known: customer_id, time: at, rule: first_known}\n", encoding="utf-8"
    )
    (shop / "tables").mkdir()
    (shop / "tables" / "seen.sql").write_text("SELECT * FROM flags_identity\n", encoding="utf-8")
    by_mapping = {"table": "flags_identity", "unit": "customer_id", "arm": "flag"}
    found = checked(shop, assignment=by_mapping)
    assert found.problems == ()
    assert found.unknown == ("studies/test.yml: columns of 'flags_identity', which are known after a refresh",)
    with (shop / "data" / "flags.csv").open("a", encoding="utf-8") as data:
        data.write("3,b,2026-03-01T00:00:00Z\n")
    with open_project(shop) as project:
        project.refresh()
    assert checked(shop, assignment=by_mapping) == Checked(problems=(), unknown=())
    assert said(checked(shop, assignment={**by_mapping, "arm": "arm"})) == [("assignment.arm", "no column named 'arm'")]


def test_a_warehouse_that_cannot_be_opened_is_said_and_no_problem_of_the_definitions(shop: Path) -> None:
    for path in shop.rglob("*.parquet"):
        path.unlink()
    found = checked(shop, segments=["county"])
    assert found.problems == ()
    (unknown,) = found.unknown
    assert unknown.startswith("no study's columns: the files of ")
