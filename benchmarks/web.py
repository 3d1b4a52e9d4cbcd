"""The web app on loopback: a look-up of an assignment, and 50 users at once on known pages, beside slow queries."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
from benchmarks.measure import ROOT, Row

from steelyard.project import open_project

USERS = 50
PATIENCE = 0.3  # seconds within which 95 of 100 pages must come
PAGES = ("/", "/metrics", "/metrics/revenue", "/metrics/orders?by=channel", "/studies", "/data", "/ledger")
FILES = {
    "steelyard.toml": 'name = "load"\n',
    "metrics/shop.yml": """tables:
  orders: {key: order_id, time: ordered_on, dimensions: [channel, customer_id]}
metrics:
  orders: {count: orders, better: up}
  revenue: {sum: orders.amount, measured_in: USD, better: up}
  customers: {distinct: orders.customer_id, better: up}
  typical_order: {quantile: {of: orders.amount, share: 0.5}, measured_in: USD}
""",
    "studies/one_page.yml": """kind: experiment
question: Does one page sell more?
unit: customer_id
table: orders
arms: {control: 0.5, one_page: 0.5}
assignment: steelyard
primary: {metric: amount}
""",
}


def rows(small: bool) -> list[Row]:
    """Seconds by the wall clock, as a client in another process sees them."""
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder), 100_000 if small else 5_000_000)
        with _server(Path(folder)) as (address, number):
            return asyncio.run(_measured(address, number, small=small))


def _make(folder: Path, orders: int) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with open_project(folder) as project, project.store.transaction("orders") as change:
        change.create(
            "orders",
            f"""SELECT i AS order_id, DATE '2025-01-01' + CAST(i % 600 AS INTEGER) AS ordered_on,
              CASE WHEN i % 3 = 0 THEN 'web' ELSE 'app' END AS channel, hash(i) % 900000 AS customer_id,
              CAST(hash(i + 1) % 9000 / 100 AS DECIMAL(9, 2)) AS amount FROM range(0, {orders}) AS made(i)""",
        )


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "steelyard.web", str(folder), "--port", "0", "--patience", "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert found is not None
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait(20)


async def _measured(address: str, server: int, *, small: bool) -> list[Row]:
    each = 4 if small else 20
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        for page in PAGES:
            (await client.get(page)).raise_for_status()
        one = await _one_by_one(client, 30 if small else 500)
        busy = _processor_time(server)
        alone = await _load(client, each)
        busy = (_processor_time(server) - busy) / len(alone[0])
        with_queries, answered = await _load_beside_queries(client, each)
    return [
        Row(what="one look-up of an assignment (`POST /assign`), median", ours=one["assign"], peer=one["asset"],
            peer_is="a fixed file from the same server"),
        *_of_load(f"{USERS} users at once on known pages", alone),
        Row(what="the server's processor time for a known page", ours=busy, unit="CPU s"),
        *_of_load("the same while slow queries run one after the other", with_queries),
        Row(what="slow queries answered meanwhile", ours=answered, unit="queries", limit=1, limit_of="ours",
            at_least=True),
    ]  # fmt: skip


def _processor_time(process: int) -> float:
    """Seconds of processor time of a process so far, which other work on the machine changes little; Linux only."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _one_by_one(client: httpx.AsyncClient, times: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {"assign": [], "asset": []}
    for number in range(times):
        begun = time.perf_counter()
        answer = await client.post("/assign", json={"experiment": "one_page", "units": [f"user-{number}"]})
        taken["assign"].append(time.perf_counter() - begun)
        assert answer.json()["assignments"][0]["arm"] in ("control", "one_page")
        begun = time.perf_counter()
        (await client.get("/favicon.ico")).raise_for_status()
        taken["asset"].append(time.perf_counter() - begun)
    return {name: statistics.median(found) for name, found in taken.items()}


async def _load(client: httpx.AsyncClient, each: int) -> tuple[list[float], int, float]:
    """What each page took, how many failed, and how long all of it took.

    Each user is a socket that is kept: a client library's own time on these two cores would be counted as the server's.
    """
    taken: list[float] = []
    failed = 0

    async def user(number: int) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        for page in itertools.islice(itertools.cycle(PAGES), number, number + each):
            begun = time.perf_counter()
            failed += await _got(reader, writer, page) != 200
            taken.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(user(number) for number in range(USERS)))
    return taken, failed, time.perf_counter() - begun


async def _got(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, page: str) -> int:
    """The status of a page whose whole body has come."""
    asked = f"GET {page} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n"
    writer.write(asked.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
    await reader.readexactly(int(lines["content-length"]))
    return int(head.split(" ", 2)[1])


async def _load_beside_queries(client: httpx.AsyncClient, each: int) -> tuple[tuple[list[float], int, float], int]:
    answered = 0

    async def slow() -> None:
        nonlocal answered
        for number in itertools.count():
            body = {
                "metrics": ["customers", "typical_order"],
                "by": ["channel", "week"],
                "where": f"customer_id > {number}",
            }
            (await client.post("/query", json=body)).raise_for_status()
            answered += 1

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.2)
    found = await _load(client, each)
    while not answered and not task.done():
        await asyncio.sleep(0.1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return found, answered


def _of_load(what: str, found: tuple[Sequence[float], int, float]) -> list[Row]:
    taken, failed, whole = found
    centile = statistics.quantiles(taken, n=20)[-1]
    return [
        Row(what=f"{what}: 95 of 100 pages within", ours=centile, limit=PATIENCE, limit_of="ours"),
        Row(what=f"{what}: pages a second", ours=len(taken) / whole, unit="pages/s"),
        Row(what=f"{what}: errors", ours=failed, unit="errors", limit=0, limit_of="ours"),
    ]
