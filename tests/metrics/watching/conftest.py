"""A shop with twelve weeks of orders and visits, whose days are known, and servers that take what is sent."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.metrics import Metric, MetricCatalog, Ratio
from steelyard.warehouse import TableDeclaration, Warehouse, connect

START, DAYS = date(2026, 3, 1), 80
LAST = START + timedelta(days=DAYS - 1)  # 2026-05-19
NOW = datetime(2026, 5, 20, 3, tzinfo=UTC)
USUAL = {"DE": 90, "FR": 70, "IT": 60, "XX": 2}


@dataclass
class Shop:
    """Rows by day, drawn from a known law.

    Args:
        factors: (day, country) -> what the orders of that day are multiplied by; "" is every country.
        last: The last day with rows.
    """

    factors: dict[tuple[date, str], float] = field(default_factory=dict)
    last: date = LAST
    seed: int = 5

    def tables(self) -> dict[str, pa.Table]:
        random = np.random.default_rng(self.seed)
        orders: list[tuple[date, str, float]] = []
        visits: list[tuple[date, str]] = []
        for number in range(DAYS):
            day = START + timedelta(days=number)
            for country, usual in USUAL.items():
                factor = self.factors.get((day, country), 1.0) * self.factors.get((day, ""), 1.0)
                weekend = 1.3 if day.weekday() >= 5 else 1.0
                amounts = random.gamma(4, 10, random.poisson(usual * weekend))
                visited = int(random.poisson(usual * 8))
                if day <= self.last:
                    orders += [(day, country, float(amount)) for amount in amounts[: int(len(amounts) * factor)]]
                    visits += [(day, country)] * visited
        return {
            "orders": pa.table(
                {
                    "id": range(len(orders)),
                    "day": [row[0] for row in orders],
                    "country": [row[1] for row in orders],
                    "amount": [row[2] for row in orders],
                }
            ),
            "visits": pa.table(
                {
                    "id": range(len(visits)),
                    "day": [row[0] for row in visits],
                    "country": [row[1] for row in visits],
                }
            ),
        }

    def open(self) -> Warehouse:
        return connect(self.tables())


METRICS = (
    Metric(name="revenue", sum="orders.amount", better="up", measured_in="EUR", owner="growth"),
    Metric(name="orders", count="orders", better="up"),
    Metric(name="average_order", mean="orders.amount"),
    Metric(name="visits", count="visits", better="up"),
    Metric(name="conversion", ratio=Ratio(numerator="orders", denominator="visits"), better="up", measured_in="share"),
)
TABLES = tuple(
    TableDeclaration(name=name, key=("id",), time="day", dimensions=("country",)) for name in ("orders", "visits")
)


def shop_catalog(**settings: Any) -> MetricCatalog:
    return MetricCatalog.of(metrics=METRICS, tables=TABLES, **settings)


@pytest.fixture(name="shop_of")
def _shop_of() -> Callable[..., Warehouse]:
    """Opens a shop in which days are multiplied."""

    def opened(factors: dict[tuple[date, str], float] | None = None, last: date = LAST) -> Warehouse:
        return Shop(factors=factors or {}, last=last).open()

    return opened


@pytest.fixture(name="catalog_of")
def _catalog_of() -> Callable[..., MetricCatalog]:
    """Makes the shop's catalog with alerts, annotations, sinks, trees."""
    return shop_catalog


@dataclass
class Hook:
    """A web server on loopback.

    Args:
        answers: The statuses that it answers in turn; the last for good.
    """

    url: str
    answers: list[int]
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.bodies.append(json.loads(body))
            found.headers.append(dict(self.headers))
            status = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Hook(url=f"http://127.0.0.1:{server.server_address[1]}/hook", answers=[200])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Post:
    """A mail server on loopback that speaks as much of SMTP as a sender needs.

    Args:
        refuses: Recipients that it answers with 550.
        busy: How many sessions it turns away with 421 first.
    """

    port: int
    letters: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuses: tuple[str, ...] = ()
    busy: int = 0
    signed_in: list[str] = field(default_factory=list)


class MailHandler(socketserver.StreamRequestHandler):
    """One session of the mail server."""

    found: Post

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        if self.found.busy:
            self.found.busy -= 1
            self.say("421 busy")
            return
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            self.answer(line)
            if line.upper() == "QUIT":
                return

    def answer(self, line: str) -> None:
        word = line.split(maxsplit=1)[0].upper()
        if word == "EHLO":
            self.say("250-here")
            self.say("250 AUTH PLAIN")
        elif word == "AUTH":
            self.found.signed_in.append(line.rsplit(maxsplit=1)[-1])
            self.say("235 in")
        elif word == "RCPT":
            refused = any(name in line for name in self.found.refuses)
            self.say("550 nobody of that name" if refused else "250 good")
            if not refused:
                self.found.recipients.append(line.partition(":")[2])
        elif word == "DATA":
            self.say("354 go on")
            self.found.letters.append(self.letter())
            self.say("250 taken")
        else:
            self.say("221 bye" if word == "QUIT" else "250 good")

    def letter(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line)
        return "".join(lines)


class MailServer(socketserver.ThreadingTCPServer):
    """On loopback, at a free port."""

    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture
def post() -> Iterator[Post]:
    found = Post(port=0)
    handler = type("Handler", (MailHandler,), {"found": found})
    server = MailServer(("127.0.0.1", 0), handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
