"""The ledger: chained, append-only, verifiable, mergeable."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.canonical import canonical_json, digest_of_bytes
from steelyard.errors import DataError, DefinitionError, UnknownNameError, WarehouseError
from steelyard.warehouse import Ledger
from steelyard.warehouse.ledger_entry import entry_digest

COLUMNS = ("number", "digest", "kind", "name", "body", "parents", "at", "kept", "format")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest, path: Path) -> Iterator[Ledger]:
    if request.param == "sqlite":
        address = str(path)
    else:
        address = request.getfixturevalue("postgres_url")
        wipe(address)
    with Ledger.open(address) as opened:
        yield opened
    if request.param == "postgres":
        wipe(address)


def wipe(address: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS ledger_entries, ledger_blobs, ledger_heads, ledger_format")
        cursor.execute("DROP FUNCTION IF EXISTS ledger_refuse")
        connection.commit()


def filled(ledger: Ledger, count: int = 4) -> list[str]:
    return [
        ledger.append("result", f"study {i % 2}", {"i": i, "x": "é"}, keep={"fetch": b"rows %d" % (i // 2)}).digest
        for i in range(count)
    ]


def around(path: Path, *statements: str) -> None:
    """Changes the file as somebody would who knows SQLite and not the ledger; the triggers are put back."""
    with sqlite3.connect(path) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in guards:
            connection.execute(sql)
    connection.close()


def test_an_entry_comes_back_as_it_was_written(ledger: Ledger) -> None:
    body = {"amount": Decimal("1.10"), "at": datetime(2026, 1, 2, tzinfo=UTC), "list": (1, 2.5, None), "text": "naïve"}
    entry = ledger.append("decision", "checkout", body, keep={"fetch": b"\0bytes", "same": b"\0bytes"})
    again = ledger.get(entry.digest[:10])
    assert again == entry
    assert again.body == {"amount": "1.10", "at": "2026-01-02T00:00:00+00:00", "list": [1, 2.5, None], "text": "naïve"}
    assert ledger.kept(again.kept["fetch"]) == b"\0bytes"
    assert again.kept["fetch"] == again.kept["same"]


def test_entries_are_chained_and_found_by_kind_and_name(ledger: Ledger) -> None:
    digests = filled(ledger)
    entries = ledger.entries()
    assert [entry.digest for entry in entries] == digests
    assert [entry.parents for entry in entries] == [(), *((digest,) for digest in digests[:-1])]
    assert [entry.number for entry in ledger.entries(name="study 1")] == [2, 4]
    assert ledger.entries(kind="decision") == ()
    latest = ledger.latest("result", "study 0")
    assert latest is not None
    assert latest.digest == digests[2]
    assert ledger.latest("result", "absent") is None
    assert ledger.heads() == (digests[-1],)


def test_a_sound_ledger_verifies(ledger: Ledger) -> None:
    digests = filled(ledger)
    outcome = ledger.verify(expect_head=digests[1])
    assert (outcome.ok, outcome.entries, outcome.problems, outcome.heads) == (True, 4, (), (digests[-1],))


def test_contents_without_names_are_named_by_their_digests(ledger: Ledger) -> None:
    entry = ledger.append("result", "s", {}, keep=[b"one", b"two"])
    assert sorted(ledger.kept(digest) for digest in entry.kept) == [b"one", b"two"]
    assert set(entry.kept) == set(entry.kept.values())


def test_what_is_not_there_is_said(ledger: Ledger) -> None:
    filled(ledger)
    with pytest.raises(UnknownNameError, match="no entry 'ffffffff"):
        ledger.get("f" * 64)
    with pytest.raises(UnknownNameError, match="keeps nothing"):
        ledger.kept("f" * 64)
    with pytest.raises(DefinitionError, match="too short"):
        ledger.get("ab")


def test_a_nan_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    with pytest.raises(DefinitionError, match="nan"):
        ledger.append("result", "s", {"x": float("nan")})
    assert ledger.entries() == ()


def test_an_entry_cannot_be_changed_or_removed_through_the_database(ledger: Ledger) -> None:
    filled(ledger)
    for statement in ("UPDATE ledger_entries SET name = 'x'", "DELETE FROM ledger_blobs"):
        with pytest.raises(WarehouseError, match="append-only"), ledger._database.writing() as database:
            database.run(statement, ())
    assert ledger.verify().ok


def test_two_laptops_merge_and_the_next_entry_has_two_parents(ledger: Ledger, tmp_path: Path) -> None:
    common = filled(ledger, 2)
    with Ledger.open(tmp_path / "other.db") as other:
        assert other.merge(ledger) == 2
        here = ledger.append("decision", "here", {})
        there = other.append("decision", "there", {"n": 1}, keep={"why": b"because"})
        assert ledger.merge(other) == 1
        assert ledger.merge(other) == 0
        assert ledger.heads() == tuple(sorted((here.digest, there.digest)))
        joined = ledger.append("decision", "both", {})
        assert set(joined.parents) == {here.digest, there.digest}
        assert ledger.kept(there.kept["why"]) == b"because"
        assert ledger.verify(expect_head=[*common, there.digest]).ok
        assert other.merge(ledger) == 2
        assert (other.verify().ok, other.heads()) == (True, (joined.digest,))


def test_a_tampered_ledger_is_not_merged(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "bad.db") as bad, Ledger.in_memory() as good:
        filled(bad)
        around(tmp_path / "bad.db", "UPDATE ledger_entries SET name = 'other' WHERE number = 2")
        with pytest.raises(DataError, match="does not verify: entry 2"):
            good.merge(bad)
        assert good.entries() == ()


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["UPDATE ledger_entries SET body = replace(body, '1', '2') WHERE number = 2"], "entry 2"),
        (["UPDATE ledger_entries SET at = '2020-01-01T00:00:00.000000+00:00' WHERE number = 3"], "entry 3"),
        (["DELETE FROM ledger_entries WHERE number = 2"], "entry 2 is missing"),
        (
            [
                "DELETE FROM ledger_entries WHERE number = 2",
                "UPDATE ledger_entries SET number = number - 1 WHERE number > 2",
            ],
            "entry 2",
        ),
        (["DELETE FROM ledger_entries WHERE number = 4"], "entries are missing"),
        (["DELETE FROM ledger_blobs"], "kept with entry 1"),
        (["DELETE FROM ledger_heads"], "the last entry is"),
        (
            [
                "UPDATE ledger_entries SET number = 9 WHERE number = 2",
                "UPDATE ledger_entries SET number = 2 WHERE number = 3",
                "UPDATE ledger_entries SET number = 3 WHERE number = 9",
            ],
            "is not among the entries before it",
        ),
        (["UPDATE ledger_entries SET body = x'00ff' WHERE number = 1"], "entry 1"),
        (["UPDATE ledger_entries SET parents = 'nonsense' WHERE number = 2"], "entry 2"),
        (["UPDATE ledger_entries SET kept = '[]' WHERE number = 2"], "entry 2"),
    ],
)
def test_verify_names_what_was_done_around_the_ledger(path: Path, statements: list[str], says: str) -> None:
    with Ledger.open(path) as ledger:
        filled(ledger)
    around(path, *statements)
    with Ledger.open(path) as ledger:
        outcome = ledger.verify()
    assert not outcome.ok
    assert any(says in problem for problem in outcome.problems), outcome.problems


def test_a_changed_content_is_found_by_verify_and_by_whoever_reads_it(path: Path) -> None:
    with Ledger.open(path) as ledger:
        filled(ledger)
        kept = ledger.entries()[2].kept["fetch"]
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TRIGGER ledger_blobs_no_update")
            connection.execute(
                "UPDATE ledger_blobs SET content = ? WHERE digest = ?", (zlib.compress(b"better rows"), kept)
            )
        connection.close()
        outcome = ledger.verify()
        assert [item for item in outcome.problems if "'fetch' kept with entry 3" in item and "was changed" in item]
        assert [item for item in outcome.problems if "rules that refuse a change" in item]
        with pytest.raises(DataError, match="not what was kept"):
            ledger.kept(kept)


def test_a_tail_that_was_cut_with_care_is_found_by_a_head_printed_elsewhere(path: Path) -> None:
    with Ledger.open(path) as ledger:
        digests = filled(ledger)
    around(
        path,
        "DELETE FROM ledger_entries WHERE number = 4",
        "DELETE FROM ledger_heads",
        f"INSERT INTO ledger_heads VALUES ('{digests[2]}')",
    )
    with Ledger.open(path) as ledger:
        assert ledger.verify().ok
        outcome = ledger.verify(expect_head=digests[3])
    assert not outcome.ok
    assert "tail was lost" in outcome.problems[0]


def rebuilt(rows: list[tuple[object, ...]], blobs: list[tuple[str, bytes]]) -> Ledger:
    """A ledger with these rows as they are, whatever they are."""
    ledger = Ledger.in_memory()
    with ledger._database.writing() as database:
        for row in rows:
            database.run("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.keep(dict(blobs))
        database.set_heads([str(rows[-1][1])])
    return ledger


def stored(ledger: Ledger) -> tuple[list[tuple[object, ...]], list[tuple[str, bytes]]]:
    rows = ledger._database.rows(f"SELECT {', '.join(COLUMNS)} FROM ledger_entries ORDER BY number", ())
    return rows, ledger._database.rows("SELECT digest, content FROM ledger_blobs", ())  # type: ignore[return-value]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_changing_any_one_character_of_an_entry_is_found(data: st.DataObject) -> None:
    with Ledger.in_memory() as ledger:
        filled(ledger)
        rows, blobs = stored(ledger)
    with rebuilt(rows, blobs) as same:
        assert same.verify().ok
    number, column = data.draw(st.integers(0, 3)), data.draw(st.integers(0, len(COLUMNS) - 1))
    value = rows[number][column]
    changed: object
    if isinstance(value, int):
        changed = data.draw(st.integers(-9, 99).filter(lambda other: other not in (1, 2, 3, 4)))
    else:
        text = str(value)
        place = data.draw(st.integers(0, len(text) - 1))
        character = data.draw(st.characters(exclude_categories=("Cs",)).filter(lambda other: other != text[place]))
        changed = text[:place] + character + text[place + 1 :]
    rows[number] = (*rows[number][:column], changed, *rows[number][column + 1 :])
    with rebuilt(rows, blobs) as tampered:
        assert not tampered.verify().ok


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_changing_any_one_byte_of_a_kept_content_is_found(data: st.DataObject) -> None:
    with Ledger.in_memory() as ledger:
        filled(ledger)
        rows, blobs = stored(ledger)
    which = data.draw(st.integers(0, len(blobs) - 1))
    digest, content = blobs[which]
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != content[place]))
    blobs[which] = (digest, content[:place] + bytes([byte]) + content[place + 1 :])
    with rebuilt(rows, blobs) as tampered:
        if tampered.verify().ok:  # a bit of the compressed form that stands for nothing: the content is as it was
            assert tampered.kept(digest) == zlib.decompress(content)


def test_ten_thousand_results_verify_in_two_seconds(path: Path) -> None:
    with Ledger.open(path) as ledger:
        with ledger._database.writing() as database:
            database.run("PRAGMA cache_size = -64000", ())
            parents: tuple[str, ...] = ()
            rows = []
            for number in range(10_000):
                content = b"fetch %d " % number * 60
                address = digest_of_bytes(content)
                parts = {
                    "kind": "result",
                    "name": f"study {number % 50}",
                    "body": canonical_json({"result": {"estimates": [{"value": number / 7, "n": number}] * 8}}),
                    "parents": canonical_json(parents),
                    "at": f"2026-01-01T00:00:{number // 1000:02d}.{number % 1000:03d}000+00:00",
                    "kept": canonical_json({"fetch": address}),
                }
                digest = entry_digest(**parts, form=1)
                rows.append((digest, *parts.values(), 1))
                database.keep({address: zlib.compress(content)})
                parents = (digest,)
            for row in rows:
                database.insert(row)
            database.set_heads(parents)
        began = time.process_time()
        outcome = ledger.verify()
        spent = time.process_time() - began
    assert (outcome.ok, outcome.entries) == (True, 10_000)
    assert spent < 2, f"{spent:.2f} s"


APPENDER = """
import sys
from steelyard.warehouse import Ledger
address, who, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Ledger.open(address) as ledger:
    for i in range(count):
        ledger.append("result", who, {"i": i}, keep=[f"{who} {i}".encode()])
        print(i, flush=True)
"""


def test_many_processes_append_at_once_and_none_is_lost(ledger: Ledger, path: Path) -> None:
    address = str(path) if "://" not in ledger.name else ledger.name
    workers = [subprocess.Popen([sys.executable, "-c", APPENDER, address, f"p{i}", "15"], stdout=-3) for i in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    for worker in range(3):
        assert [entry.body["i"] for entry in ledger.entries(name=f"p{worker}")] == list(range(15))
    outcome = ledger.verify()
    assert (outcome.ok, outcome.entries, len(outcome.heads)) == (True, 45, 1)


def test_a_killed_writer_leaves_every_acknowledged_entry_and_a_sound_chain(path: Path) -> None:
    Ledger.open(path).close()
    acknowledged = 0
    for attempt in range(6):
        command = [sys.executable, "-c", APPENDER, str(path), f"k{attempt}", "100000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            seen = [worker.stdout.readline() for _ in range(3 + attempt * 7)]
            worker.kill()
            acknowledged += len(seen)
    with Ledger.open(path) as ledger:
        outcome = ledger.verify()
        assert outcome.ok, outcome.problems
        assert outcome.entries >= acknowledged


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "text.db", tmp_path / "other.db"
    text.write_bytes(b"dear diary, this is not a database " * 40)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    for path, says in ((text, "is no ledger"), (other, "no ledger")):
        before = path.read_bytes()
        with pytest.raises(WarehouseError, match=says):
            Ledger.open(path)
        assert path.read_bytes() == before


def test_a_newer_format_is_refused(path: Path) -> None:
    Ledger.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(WarehouseError, match="the ledger has format 99"):
        Ledger.open(path)


def test_a_ledger_of_the_first_format_is_migrated(path: Path) -> None:
    """Format 1, written by hand: it had no table of heads and no index."""
    with Ledger.open(path) as ledger:
        digests = filled(ledger)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE ledger_heads")
        connection.execute("DROP INDEX ledger_entries_by_name")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with Ledger.open(path) as ledger:
        assert ledger.heads() == (digests[-1],)
        assert ledger.append("decision", "after", {}).parents == (digests[-1],)
        assert ledger.verify().ok


def test_a_password_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    monkeypatch.setenv("LEDGER_PASSWORD", "hunter2")
    with pytest.raises(WarehouseError) as error:
        Ledger.open("postgresql://ann:${LEDGER_PASSWORD}@127.0.0.1:1/none")
    assert "hunter2" not in str(error.value) + repr(error.value.__cause__)
    assert "ann@127.0.0.1" in error.value.where


def test_the_entrys_digest_covers_every_field() -> None:
    parts = {"kind": "k", "name": "n", "body": "{}", "parents": "[]", "at": "now", "kept": "{}", "form": 1}
    digests = {entry_digest(**{**parts, name: 2 if name == "form" else "other"}) for name in parts}  # type: ignore[arg-type]
    assert len(digests | {entry_digest(**parts)}) == len(parts) + 1  # type: ignore[arg-type]
