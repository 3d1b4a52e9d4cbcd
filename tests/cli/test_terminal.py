"""The terminal as a user meets it: the start project, every command, JSON, exit codes, three-line errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest


def steelyard(*words: str, folder: Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    done = subprocess.run(
        [sys.executable, "-m", "steelyard", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120", **environment},
    )
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr
    return done


def error_lines(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    pairs = (
        line.split(":", 1) for line in done.stderr.splitlines() if line.split(":")[0] in ("problem", "where", "hint")
    )
    return {label: text.strip() for label, text in pairs}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    steelyard("init", "start", folder=place)
    steelyard("refresh", folder=place / "start")
    steelyard("plan", "newsletter", "--register", folder=place / "start")
    steelyard("run", "newsletter", folder=place / "start")
    return place / "start"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(made, tmp_path / "start"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_new_project_is_called_what_its_folder_is_called(tmp_path: Path) -> None:
    steelyard("init", 'Café "one"', folder=tmp_path)
    assert tomllib.loads((tmp_path / 'Café "one"' / "steelyard.toml").read_text("utf-8"))["name"] == 'Café "one"'


def test_what_a_project_knows_is_found_by_its_words(made: Path) -> None:
    assert "newsletter" in steelyard("search", "spend", folder=made).stdout
    found = json.loads(steelyard("search", "rev", "--kind", "metric", "--json", folder=made).stdout)
    assert found["found"][0]["name"] == "revenue"


def test_the_sum_of_orders_is_that_of_the_file(made: Path) -> None:
    import csv
    from decimal import Decimal

    rows = list(csv.DictReader((made / "data" / "orders.csv").read_text().splitlines()))
    expected = sum(Decimal(row["amount"]) for row in rows if row["status"] != "cancelled")
    told = json.loads(steelyard("query", "revenue", "--json", folder=made).stdout)
    assert Decimal(told["rows"][0]["revenue"]) == expected


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("refresh",),
        ("load",),
        ("build",),
        ("query", "revenue", "orders", "--by", "month"),
        ("how", "average_order"),
        ("explain", "revenue", "--before", "2026-01-01..2026-01-31", "--after", "2026-02-01..2026-02-28"),
        ("plan", "newsletter"),
        ("replay", "newsletter"),
        ("ledger", "list"),
        ("ledger", "verify"),
    ],
    ids=" ".join,
)
def test_every_command_says_something_and_says_it_as_json_too(project: Path, words: tuple[str, ...]) -> None:
    assert steelyard(*words, folder=project).stdout.strip()
    assert json.loads(steelyard(*words, "--json", folder=project).stdout)


def test_results_are_written_to_csv_parquet_and_json(project: Path) -> None:
    for ending in ("csv", "parquet", "json"):
        steelyard("query", "revenue", "--by", "status", "-o", f"out.{ending}", folder=project)
        assert (project / f"out.{ending}").stat().st_size > 50
    assert "no known format" in steelyard("query", "revenue", "-o", "out.xlsx", folder=project, code=2).stderr


def test_a_decision_is_recorded_with_its_gates_and_read_back(project: Path) -> None:
    words = ("--choice", "hold", "--action", "Wait.", "--why", "Too few customers.", "--who", "Ada", "--reversible")
    told = json.loads(
        steelyard("decide", "newsletter", *words, "--follow-up", "2026-12-01: look", "--json", folder=project).stdout
    )
    assert told["decision"]["follow_ups"][0]["what"] == "look"
    shown = steelyard("ledger", "show", told["entry"][:12], folder=project).stdout
    assert "Too few customers." in shown
    assert steelyard("replay", told["entry"][:12], folder=project).stdout


def test_strict_exits_4_when_the_verdict_is_invalid(project: Path) -> None:
    arms = "arms: {control: 0.999999, newsletter: 0.000001}"
    edit(project / "studies" / "newsletter.yml", "arms: {control: 0.5, newsletter: 0.5}", arms)
    done = steelyard("run", "newsletter", "--strict", "--json", folder=project, code=4)
    result = json.loads(done.stdout)["result"]
    assert result["verdict"]["answer"] == "invalid"
    assert "newsletter" in result["verdict"]["says"]
    assert result["provenance"]["standing"] == "exploratory"


SAID = ("--action", "a", "--why", "b", "--who", "c", "--reversible")
BAD: list[tuple[str, tuple[str, ...], int, str]] = [
    ("unknown metric", ("query", "revenu"), 2, "did you mean 'revenue'"),
    ("unknown study", ("run", "newsleter"), 2, "did you mean 'newsletter'"),
    ("unknown dimension", ("query", "revenue", "--by", "contry"), 2, "country"),
    ("no date", ("query", "revenue", "--since", "yesterday"), 2, "2026-01-31"),
    ("no range", ("explain", "revenue", "--before", "2026-01-01", "--after", "x"), 2, ".."),
    ("reversed range", ("explain", "revenue", "--before", "2026-02-01..2026-01-01", "--after", "x..y"), 2, "earlier"),
    ("no such entry", ("ledger", "show", "ffffffffffff"), 2, ""),
    ("no such target", ("query", "revenue", "--target", "prd"), 2, "known: dev"),
    ("no project", ("check", "-p", "/"), 2, "steelyard init"),
    ("no such demo", ("demo", "--data", "jorney", "--no-serve"), 2, "journey"),
    ("no follow-up date", ("decide", "newsletter", "--choice", "hold", *SAID, "--follow-up", "soon"), 2, "2026-03-01"),
    ("no such choice", ("decide", "newsletter", "--choice", "launch", *SAID), 2, "ship"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "hint"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_a_person_mistypes_gets_three_lines_and_an_exit_code(
    made: Path, words: tuple[str, ...], code: int, hint: str
) -> None:
    lines = error_lines(steelyard(*words, folder=made, code=code))
    assert lines["problem"]
    assert hint in lines.get("hint", "")


def test_an_error_as_json_has_one_shape(made: Path) -> None:
    done = steelyard("query", "revenu", "--json", folder=made, code=2)
    assert set(json.loads(done.stderr)) == {"error", "problem", "where", "hint"}


def broken(project: Path, what: str) -> None:
    if what == "yaml":
        edit(project / "metrics" / "shop.yml", "  orders:\n", "  orders: [\n")
    elif what == "field":
        edit(project / "metrics" / "shop.yml", "better: up", "beter: up")
    elif what == "sql":
        edit(project / "tables" / "orders.sql", "FROM raw_orders", "FORM raw_orders")
    elif what == "reference":
        edit(project / "tables" / "orders.sql", "FROM raw_orders", "FROM raw_order")
    elif what == "cycle":
        edit(project / "tables" / "customers.sql", "FROM raw_customers", "FROM orders")
        edit(project / "tables" / "orders.sql", "FROM raw_orders", "FROM customers")
    elif what == "study metric":
        edit(project / "studies" / "newsletter.yml", "metric: revenue", "metric: revenu")
    elif what == "arms":
        edit(project / "studies" / "newsletter.yml", "newsletter: 0.5", "newsletter: 0.6")
    elif what == "zone":
        edit(project / "steelyard.toml", '"UTC"', '"Mars/Base"')
    elif what == "future format":
        edit(project / "steelyard.toml", "format = 1", "format = 99")
    else:
        raise AssertionError(what)


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("yaml", "shop.yml:"),
        ("field", "shop.yml:"),
        ("sql", "orders.sql:"),
        ("reference", "orders.sql:"),
        ("cycle", ".sql"),
        ("study metric", "newsletter.yml"),
        ("arms", "newsletter"),
        ("zone", "steelyard.toml"),
        ("future format", "steelyard.toml"),
    ],
)
def test_check_names_file_and_line_of_what_is_wrong(project: Path, what: str, where: str) -> None:
    broken(project, what)
    done = steelyard("check", "--json", folder=project, code=2)
    said: Any = json.loads(done.stdout or done.stderr)
    places = [item["where"] for item in said.get("problems", [said])]
    assert any(where in place for place in places), said


def test_check_names_an_event_that_no_source_has(project: Path) -> None:
    with (project / "studies" / "newsletter.yml").open("a", encoding="utf-8") as file:
        file.write("exposure: {event: newsletter_seen}\n")
    (said,) = json.loads(steelyard("check", "--json", folder=project, code=2).stdout)["problems"]
    assert (said["where"], said["problem"]) == ("studies/newsletter.yml: exposure", "no table named 'newsletter_seen'")


def test_one_broken_file_leaves_the_rest_working(project: Path) -> None:
    (project / "metrics" / "more.yml").write_text("metrics:\n  a: {sum: nowhere.amount}\n", encoding="utf-8")
    assert steelyard("query", "revenue", folder=project).stdout
    assert "more.yml:2" in steelyard("check", folder=project, code=2).stdout.replace("\n", "")


def test_a_blocking_test_holds_the_table_back_and_names_the_numbers(project: Path) -> None:
    before = json.loads(steelyard("query", "revenue", "--json", folder=project).stdout)["rows"]
    with (project / "data" / "orders.csv").open("a", encoding="utf-8") as file:
        file.write("9001,1,2026-03-30 10:00:00,paid,-5.00\n")
    done = steelyard("refresh", folder=project, code=3)
    assert "average_order" in done.stdout
    assert "accepted range" in done.stdout
    assert json.loads(steelyard("query", "revenue", "--json", folder=project).stdout)["rows"] == before


def test_a_row_that_does_not_parse_goes_to_quarantine_and_is_counted(project: Path) -> None:
    with (project / "data" / "orders.csv").open("a", encoding="utf-8") as file:
        file.write("9001,1,2026-02-30 10:00:00,paid,5.00\n")
        file.write("9002,1,2026-03-30 10:00:00,paid,5.00\n")
    told = json.loads(steelyard("refresh", "--json", folder=project).stdout)
    loaded = {item["table"]: item for item in told["loads"]}["raw_orders"]
    assert loaded["rejected"] == 1
    assert json.loads(steelyard("query", "orders", "--json", folder=project).stdout)["rows"][0]["orders"] == 1501


def test_a_missing_file_fails_its_load_and_keeps_what_was_there(project: Path) -> None:
    (project / "data" / "orders.csv").unlink()
    done = steelyard("refresh", folder=project, code=3)
    assert "data/orders.csv" in done.stdout
    assert json.loads(steelyard("query", "orders", "--json", folder=project).stdout)["rows"][0]["orders"] == 1500


def test_a_locked_warehouse_file_says_who_holds_it(project: Path) -> None:
    edit(project / "steelyard.toml", '".steelyard/warehouse"', '"own.duckdb"')
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb,sys; c=duckdb.connect('own.duckdb'); print('held', flush=True); sys.stdin.read()",
        ],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        lines = error_lines(steelyard("query", "revenue", folder=project, code=3))
        assert "own.duckdb" in lines["problem"] + lines["where"]
        assert lines["hint"]
    finally:
        holder.communicate("")


def test_a_password_in_the_environment_is_never_shown(project: Path) -> None:
    edit(project / "steelyard.toml", '".steelyard/warehouse"', '"postgresql://ada:${SHOP_PASSWORD}@127.0.0.1:1/shop"')
    done = steelyard("query", "revenue", folder=project, code=3, SHOP_PASSWORD="hunter2secret")
    assert "hunter2secret" not in done.stdout + done.stderr
    missing = steelyard("query", "revenue", folder=project, code=2)
    assert "SHOP_PASSWORD" in missing.stderr


def test_init_never_overwrites(project: Path) -> None:
    assert "holds a project already" in steelyard("init", ".", folder=project, code=2).stderr


def test_simulate_writes_the_tables_and_the_truth(tmp_path: Path) -> None:
    told = json.loads(steelyard("simulate", "out", "--events", "10000", "--json", folder=tmp_path).stdout)
    assert told["tables"]["orders"] > 0
    assert any(row["quantity"] == "duplicates" for row in told["truth"])


def test_a_column_that_changed_its_type_fails_the_load_and_holds_back_what_reads_it(project: Path) -> None:
    before = json.loads(steelyard("query", "orders", "--json", folder=project).stdout)["rows"]
    header, *rows = (project / "data" / "orders.csv").read_text(encoding="utf-8").splitlines()
    changed = [",".join([f"o-{row.split(',')[0]}", *row.split(",")[1:]]) for row in rows]
    (project / "data" / "orders.csv").write_text("\n".join([header, *changed]) + "\n", encoding="utf-8")
    done = steelyard("refresh", folder=project, code=3)
    assert "1,500 of 1,500 rows are in raw_orders_rejects" in " ".join(done.stdout.split())
    assert "average_order" in done.stdout
    assert json.loads(steelyard("query", "orders", "--json", folder=project).stdout)["rows"] == before
