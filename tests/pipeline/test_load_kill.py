"""kill -9 at any moment, run again: no row lost, none doubled, rejects and cursor right."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from loading import COLUMNS, Place

WORKER = str(Path(__file__).parent / "load_worker.py")
HEAD = "id,at,amount,note\n"


def run(place: Place, name: str, said: dict[str, Any], kill_after: float | None) -> bool:
    """Runs one load; kills it so many seconds after it is ready. True where it ended by itself."""
    command = [sys.executable, "-W", "ignore", WORKER, str(place.folder), name, json.dumps(said)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        if kill_after is None:
            output, errors = process.communicate()
        else:
            try:
                output, errors = process.communicate(timeout=kill_after)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return False
        assert process.returncode == 0, errors
        return bool(output)


def until_done(place: Place, name: str, said: dict[str, Any], kills: int, chance: random.Random) -> int:
    """Kills the load again and again, at random moments of its usual length, then lets it end; how many kills hit."""
    started = time.monotonic()
    run(Place(place.folder / "practice"), name, {**said, "path": "../in/*.csv"}, None)
    usual = max(0.3, time.monotonic() - started)
    hits = sum(not run(place, name, said, chance.uniform(0.0, usual)) for _ in range(kills))
    run(place, name, said, None)
    return hits


def write_files(place: Place, files: int, rows: int) -> tuple[set[int], set[str]]:
    """Files with good and bad rows; returns the ids of the good ones and the texts of the bad ones."""
    good, bad = set(), set()
    for file in range(files):
        lines = []
        for number in range(file * rows, file * rows + rows):
            if number % 97 == 5:
                lines.append(f"x{number},,,")
                bad.add(lines[-1])
            else:
                lines.append(f"{number},2026-01-{file + 1:02d} 00:00:00,{number / 100:.2f},text {number}")
                good.add(number)
        place.write(f"in/{file}.csv", HEAD + "\n".join(lines) + "\n")
    return good, bad


def assert_whole(place: Place, good: set[int], bad: set[str]) -> None:
    ids = [number for (number,) in place.rows("SELECT id FROM orders")]
    assert len(ids) == len(good)
    assert set(ids) == good
    raws = [raw for *_, raw in place.rejects()]
    assert len(raws) == len(bad)
    assert set(raws) == bad


def kill_and_check(folder: Path, kills: int, seed: int, *, keyed: bool) -> int:
    """Kills loads of two waves of files; returns how many kills met a load at work."""
    chance = random.Random(seed)
    place = Place(folder)
    (folder / "practice").mkdir()
    said = {"kind": "files", "path": "in/*.csv", "columns": COLUMNS, **({"key": "id"} if keyed else {})}
    good, bad = write_files(place, 2, 20_000)
    hits = until_done(place, "orders", said, kills // 2, chance)
    assert_whole(place, good, bad)
    good, bad = write_files(place, 4, 20_000)
    hits += until_done(place, "orders", said, kills - kills // 2, chance)
    assert_whole(place, good, bad)
    return hits


def test_killed_loads_of_files_lose_and_double_nothing(tmp_path: Path):
    assert kill_and_check(tmp_path, 9, 1, keyed=False) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("keyed", [False, True])
def test_killed_loads_of_files_lose_and_double_nothing_in_many_kills(tmp_path: Path, seed: int, keyed: bool):
    assert kill_and_check(tmp_path, 12, seed + 10, keyed=keyed) >= 3


class Shop(BaseHTTPRequestHandler):
    """Pages of 100 orders, which fail at times: 500, 429, and a connection that is cut."""

    rows: list[dict[str, Any]] = []  # noqa: RUF012
    chance = random.Random(3)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        trouble = self.chance.random()
        if trouble < 0.06:
            self.send_response(500 if trouble < 0.03 else 429)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        since = query.get("since", [""])[0][:10]
        rows = [row for row in self.rows if str(row["at"]) >= since]
        first = (int(query["page"][0]) - 1) * 100
        content = json.dumps(rows[first : first + 100]).encode()
        time.sleep(0.01)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if trouble > 0.08 else b"")

    def log_message(self, *_: Any) -> None:
        return None


class Quiet(ThreadingHTTPServer):
    """A killed client is no error of the server."""

    def handle_error(self, *_: Any) -> None:
        return None


@pytest.fixture
def shop() -> Iterator[str]:
    server = Quiet(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/orders"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("keyed", [True, False])
def test_killed_loads_of_an_api_that_fails_at_times_lose_and_double_nothing(tmp_path: Path, shop: str, keyed: bool):
    place, chance = Place(tmp_path), random.Random(5)
    said = {"kind": "rest", "url": shop, "columns": COLUMNS, "cursor": "at", "look_back": "1 day", "retries": 12}
    said |= {"since_parameter": "since", "backoff": 0.02, **({"key": "id"} if keyed else {})}
    Shop.rows = []
    hits, usual = 0, 0.8
    for wave in range(2):
        for number in range(wave * 1000, wave * 1000 + 1000):
            bad = number % 211 == 7
            Shop.rows.append({"id": f"x{number}" if bad else number, "at": f"2026-01-{number // 100 + 1:02d}"})
        for _ in range(8):
            if run(place, "orders", said, chance.uniform(0.0, usual)):
                usual /= 2  # it was done before the kill: this machine is faster
            else:
                hits += 1
        run(place, "orders", said, None)
        good = {row["id"] for row in Shop.rows if isinstance(row["id"], int)}
        bad_rows = {row["id"] for row in Shop.rows if not isinstance(row["id"], int)}
        ids = [found for (found,) in place.rows("SELECT id FROM orders")]
        assert len(ids) == len(good)
        assert set(ids) == good
        assert place.count("orders_rejects") == len(bad_rows)
        state = place.store.snapshot().state["load/orders"]
        assert state["cursor"].startswith(max(row["at"] for row in Shop.rows))
    assert hits >= 2
