"""The ledger: appending results with a kept fetch each, beside bare SQLite; verifying 10,000 of them."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.measure import Row, here

from steelyard.warehouse import Ledger

BODY = {"result": {"estimates": [{"value": 0.25, "low": 0.1, "high": 0.4, "n": 12_345}] * 8}}


def _appended(ledger: Ledger, count: int) -> None:
    for number in range(count):
        body = {**BODY, "number": number}
        ledger.append("result", f"study {number % 50}", body, keep=[b"fetch %d " % number * 100])


def _bare(path: Path, count: int) -> None:
    """As many commits of as many bytes, as safe against a power cut, and nothing else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE t (body TEXT, fetch BLOB)")
        for number in range(count):
            row = (str({**BODY, "number": number}), b"fetch %d " % number * 100)
            connection.execute("INSERT INTO t VALUES (?, ?)", row)


def rows(small: bool) -> list[Row]:
    """Wall-clock seconds: a person waits for both."""
    count = 500 if small else 10_000
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.db") as ledger:
        appended = here(lambda: _appended(ledger, count))
        bare = here(lambda: _bare(Path(folder) / "bare.db", count))
        verified = here(lambda: _sound(ledger))
    return [
        Row(
            what=f"append {count:,} results, each on the disk",
            ours=appended.seconds,
            peer=bare.seconds,
            peer_is="bare SQLite, as many commits",
        ),
        Row(what=f"verify {count:,} results", ours=verified.seconds, limit=2.0, limit_of="ours"),
    ]


def _sound(ledger: Ledger) -> None:
    outcome = ledger.verify()
    if not outcome.ok:
        raise RuntimeError(outcome.problems[0])
