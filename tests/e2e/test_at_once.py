"""Refresh, serve and query at once, each in processes of their own: every reader sees one whole catalog version."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

STEELYARD = (sys.executable, "-m", "steelyard")
SECONDS = 15
BATCH = 100
PRICE = Decimal("7.00")


def steelyard(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STEELYARD, *words], cwd=folder, capture_output=True, text=True, check=False)


def asked(*words: str, folder: Path) -> Any:
    done = steelyard(*words, "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "start"
    for words in (("init", str(folder)), ("refresh", "-p", str(folder))):
        assert steelyard(*words, folder=tmp_path).returncode == 0
    return folder


def add_orders(folder: Path, batch: int) -> None:
    """One more batch of the same size and price, in a file that is put in place whole."""
    data = folder / "data" / "orders.csv"
    rows = "".join(
        f"{100_000 + batch * BATCH + number},{number % 200 + 1},2026-03-31 12:00:00,paid,{PRICE}\n"
        for number in range(BATCH)
    )
    beside = data.with_suffix(".new")
    beside.write_text(data.read_text(encoding="utf-8") + rows, encoding="utf-8")
    beside.replace(data)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    running = subprocess.Popen(
        [*STEELYARD, "serve", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert running.stdout is not None
    try:
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", said)):
            line = running.stdout.readline()
            assert line, said
            said += line
        yield found.group()
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=30)


def test_readers_see_whole_versions_and_no_errors_while_two_refreshes_write(project: Path) -> None:  # noqa: C901, PLR0915
    start = asked("query", "orders", "revenue", folder=project)["rows"][0]
    orders, revenue = int(start["orders"]), Decimal(start["revenue"])
    wrong: list[str] = []
    seen: dict[str, set[int]] = {"query": set(), "serve": set(), "python": set()}
    finished = {"refresh": 0}
    until = time.monotonic() + SECONDS

    def is_whole(count: int, paid: Any, by: str) -> None:
        # Two metrics of one version: so many whole batches, at their price, and never half of one.
        batches, rest = divmod(count - orders, BATCH)
        if rest or (paid is not None and Decimal(paid) != revenue + batches * BATCH * PRICE):
            wrong.append(f"{by} saw {count} orders and {paid}")
        if seen[by] and batches < max(seen[by]):
            wrong.append(f"{by} went back from batch {max(seen[by])} to {batches}")
        seen[by].add(batches)

    def refreshes(number: int) -> None:
        while time.monotonic() < until:
            if number == 0:
                add_orders(project, finished["refresh"])
            done = steelyard("refresh", "--json", folder=project)
            if done.returncode:
                wrong.append(f"refresh {number}: {done.returncode} {done.stderr[-600:]} {done.stdout[-600:]}")
            elif number == 0:
                finished["refresh"] += 1

    def queries() -> None:
        while time.monotonic() < until:
            done = steelyard("query", "orders", "revenue", "--json", folder=project)
            if done.returncode:
                wrong.append(f"query: {done.returncode} {done.stderr[-600:]}")
            else:
                is_whole(*json.loads(done.stdout)["rows"][0].values(), "query")

    def library() -> None:
        import steelyard as sy

        with sy.open_project(project) as found:
            while time.monotonic() < until:
                is_whole(*found.query(["orders", "revenue"]).rows()[0].values(), "python")
                time.sleep(0.1)

    def pages(address: str) -> None:
        paths = ("/", "/metrics/revenue", "/data", "/studies", "/decisions")
        while time.monotonic() < until:
            for path in paths:
                with urllib.request.urlopen(f"{address}{path}", timeout=30) as answer:
                    assert answer.status == 200
            address_of_orders = f"{address}/metrics/orders?grain=month"
            asking = urllib.request.Request(address_of_orders, headers={"accept": "application/json"})
            with urllib.request.urlopen(asking, timeout=30) as answer:
                trend = json.loads(answer.read())["data"]["trend"]
            is_whole(sum(int(item["value"]) for item in trend), None, "serve")

    def kept(work: Any, *words: Any) -> None:
        try:
            work(*words)
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
            wrong.append(f"{work.__name__}: {type(error).__name__}: {error}")

    with served(project) as address:
        work = [(refreshes, 0), (refreshes, 1), (queries,), (library,), (pages, address)]
        threads = [threading.Thread(target=kept, args=item) for item in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert not wrong, "\n".join(wrong)
    assert finished["refresh"] >= 1
    assert all(seen.values()), seen
    assert steelyard("refresh", folder=project).returncode == 0
    last = asked("query", "orders", "revenue", folder=project)["rows"][0]
    lines = len((project / "data" / "orders.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert int(last["orders"]) == lines
    assert steelyard("ledger", "verify", folder=project).returncode == 0
    assert not list((project / ".steelyard" / "warehouse" / "staging").iterdir())
