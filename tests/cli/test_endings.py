"""How a command ends when the machine is in the way: full disks, closed pipes, odd encodings, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STEELYARD = (sys.executable, "-m", "steelyard")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a project of Zoë") / "größe"
    for words in (("init", str(folder)), ("refresh", "-p", str(folder))):
        subprocess.run([*STEELYARD, *words], check=True, capture_output=True)
    return folder


def ended(*words: str, folder: Path, code: int, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """The command, run as a user would; a traceback is never what a user is shown."""
    done = subprocess.run(
        [*STEELYARD, *words], cwd=folder, capture_output=True, check=False, env={**os.environ, **settings}
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == code, done
    return done


@pytest.mark.parametrize(
    "words",
    [
        ("query", "revenue", "-o", "/proc/nowhere/out.csv"),
        ("query", "revenue", "-o", "/proc/nowhere/out.parquet"),
        ("query", "revenue", "-o", "/proc/nowhere/out.json"),
        ("run", "newsletter", "--html", "/proc/nowhere/out.html"),
        ("simulate", "/proc/nowhere", "--events", "10000"),
        ("init", "/proc/nowhere"),
        ("init", "/etc/passwd"),
    ],
    ids=" ".join,
)
def test_a_place_that_cannot_be_written_is_said_in_three_lines(made: Path, words: tuple[str, ...]) -> None:
    lines = ended(*words, folder=made, code=3).stderr.decode().splitlines()
    assert [line.split(":")[0] for line in lines] == ["problem", "where", "hint"]
    assert words[-1] in lines[1] or "/proc/nowhere" in lines[1]


def test_what_cannot_be_printed_because_the_disk_is_full_exits_3(made: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*STEELYARD, "query", "revenue"], cwd=made, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


def test_a_reader_that_goes_away_is_no_error(made: Path) -> None:
    running = subprocess.Popen(
        [*STEELYARD, "query", "revenue", "--by", "day", "--json"],
        cwd=made,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    running.stdout.close()
    assert running.wait(60) == 0
    assert running.stderr is not None
    assert running.stderr.read() == b""
    running.stderr.close()


def test_a_terminal_without_unicode_gets_every_letter_escaped_and_the_same_json(made: Path) -> None:
    done = ended("query", "revenue", "--by", "month", folder=made, code=0, PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    told = ended("check", "--json", folder=made, code=0, PYTHONIOENCODING="ascii")
    assert told.stdout.isascii()
    (made / "metrics" / "zoe.yml").write_text("metrics:\n  zoë: {count: nowhere}\n", encoding="utf-8")
    try:
        escaped = ended("check", "--json", folder=made, code=2, PYTHONIOENCODING="ascii")
        plain = ended("check", "--json", folder=made, code=2, PYTHONIOENCODING="utf-8")
        assert json.loads(escaped.stdout) == json.loads(plain.stdout)
    finally:
        (made / "metrics" / "zoe.yml").unlink()


def test_a_mistyped_option_is_json_too(made: Path) -> None:
    for words in (("query", "revenue", "--json", "--bogus"), ("query", "--json"), ("quary", "--json")):
        said = json.loads(ended(*words, folder=made, code=2).stderr)
        assert set(said) == {"error", "problem", "where", "hint"}
        assert said["problem"]
    assert b"--bogus" in ended("query", "revenue", "--bogus", folder=made, code=2).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_a_refresh_without_a_traceback_and_loses_nothing(made: Path, number: signal.Signals) -> None:
    with (made / "data" / "orders.csv").open("a", encoding="utf-8") as file:
        file.write(f"{90_000 + number},1,2026-03-30 10:00:00,paid,5.00\n")
    running = subprocess.Popen(
        [*STEELYARD, "refresh", "--full"], cwd=made, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(1.0)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert b"Traceback" not in said
    assert running.returncode in (0, 128 + number, -number)
    lines = len((made / "data" / "orders.csv").read_text().splitlines()) - 1
    ended("refresh", folder=made, code=0)
    told = json.loads(ended("query", "orders", "--json", folder=made, code=0).stdout)
    assert told["rows"][0]["orders"] == lines


def test_an_unexpected_failure_is_named_as_our_own_and_its_traceback_is_asked_for() -> None:
    code = (
        "import sys; import steelyard.cli.app as app; sys.argv = ['steelyard', 'check'];"
        "app.app = lambda **_: {}['x']; app.run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "KeyError" in done.stderr
    assert "STEELYARD_TRACEBACK" in done.stderr
    asked = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "STEELYARD_TRACEBACK": "1"},
    )
    assert "Traceback" in asked.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("query", "revenue", "--by", ""), "without a name"),
        (("query", "revenue", "--since", "2026-03-30", "--until", "9999-12-31"), ""),
        (("refresh", "--since", "2026-02-01", "--until", "2026-01-01"), "before it begins"),
        (("erase", "--table", "orders.customer_id", "--person", "3", "--who", " ", "--why", "x"), "who"),
        (("erase", "--table", "orders.customer_id", "--person", "3", "--who", "x", "--why", ""), "why"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_makes_no_sense_is_refused_and_what_makes_sense_is_not(
    made: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in ended(*words, folder=made, code=2 if said else 0).stderr.decode()


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_a_file_that_cannot_be_written_whole_is_as_it_was_before(tmp_path: Path, ending: str) -> None:
    code = (
        "import sys, resource, pyarrow as pa; from pathlib import Path;"
        "from steelyard.metrics.export import write_table;"
        "table = pa.table({'x': list(range(10_000))}); resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64));"
        "write_table(table, Path(sys.argv[1]))"
    )
    out = tmp_path / f"out.{ending}"
    out.write_text("mine", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True, check=False)
    assert "WarehouseError: problem: the answer could not be written" in done.stderr
    assert str(out) in done.stderr
    assert out.read_text(encoding="utf-8") == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_ledger_that_was_tampered_with_says_so_to_every_reader(made: Path, tmp_path: Path) -> None:
    import shutil
    import sqlite3

    folder = Path(shutil.copytree(made, tmp_path / "copy"))
    ended("run", "newsletter", folder=folder, code=0)
    for change in (
        "UPDATE ledger_entries SET body = '{' WHERE kind = 'result'",
        "UPDATE ledger_heads SET digest = 'zz'",
        "DROP TABLE ledger_heads",
    ):
        with sqlite3.connect(folder / ".steelyard" / "ledger.sqlite") as database:
            database.execute("DROP TRIGGER IF EXISTS ledger_entries_no_update")
            database.execute(change)
        for words in (("run", "newsletter"), ("ledger", "list"), ("ledger", "verify")):
            done = subprocess.run(
                [*STEELYARD, *words], cwd=folder, capture_output=True, text=True, check=False, env=os.environ
            )
            assert done.returncode in (0, 3), done
            assert "should not have" not in done.stderr, done.stderr
            assert not done.returncode or "verify" in words or "hint:" in done.stderr, done.stderr
        assert done.returncode == 3


def test_an_erasure_says_what_it_did_not_reach(made: Path, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(made, tmp_path / "copy"))
    words = ("erase", "--table", "orders.customer_id", "--person", "3", "--who", "a", "--why", "b")
    told = json.loads(ended(*words, "--json", folder=folder, code=0).stdout)
    assert told["rows"] > 0
    assert told["not_reached"] == [
        "customers",
        "raw_customers",
        "raw_customers_rejects",
        "raw_orders",
        "raw_orders_rejects",
    ]
    said = ended(*words, folder=folder, code=0).stdout.decode()
    assert "0 rows were taken away" in said
    assert "raw_orders" in said
