"""A small project whose data arrives in three refreshes, so that numbers are restated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from steelyard.project import Project, open_project

FILES = {
    "steelyard.toml": 'name = "Till"\nzone = "Europe/Berlin"\ncurrency = "EUR"\nsensitive = ["email"]\n',
    "sources/till.yml": """sources:
  raw_orders:
    kind: files
    path: data/orders.csv
    columns: {order_id: BIGINT, customer_id: BIGINT, ordered_on: DATE, status: VARCHAR, email: VARCHAR,
      amount: "DECIMAL(12, 2)"}
    mode: replace
    key: order_id
  raw_customers:
    kind: files
    path: data/customers.csv
    columns: {customer_id: BIGINT, country: VARCHAR}
    mode: replace
    key: customer_id
""",
    "tables/orders.sql": """-- key: order_id
-- time: ordered_on
-- entities: {customer: customer_id}
-- dimensions: [status, email]
-- tests:
--   - accepted_range: {column: amount, low: 0}
--     severity: doubt
SELECT order_id, customer_id, ordered_on, status, email, amount FROM raw_orders
""",
    "tables/customers.sql": """-- key: customer_id
-- entity: customer
-- dimensions: [country]
SELECT customer_id, country FROM raw_customers
""",
    "tables/daily.sql": """-- key: day
-- time: day
SELECT ordered_on AS day, sum(amount) AS taken FROM orders GROUP BY ordered_on
""",
    "metrics/till.yml": """metrics:
  revenue: {sum: orders.amount, measured_in: EUR, better: up}
  orders: {count: orders}
  taken: {sum: daily.taken}
  per_order: {ratio: {numerator: revenue, denominator: orders}}
""",
}
HEAD = "order_id,customer_id,ordered_on,status,email,amount"
FIRST = ("1,1,2026-01-05,paid,a@x,10.00", "2,1,2026-01-06,paid,a@x,20.00", "3,2,2026-01-20,void,b@x,30.00")
SECOND = (
    "1,1,2026-01-05,paid,a@x,10.00", "2,1,2026-01-06,paid,a@x,25.00", "4,2,2026-01-10,paid,b@x,4.00",
    "5,2,2026-02-02,paid,b@x,50.00",
)  # fmt: skip


@dataclass
class Till:
    """The project, and what changes in it."""

    folder: Path

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def orders(self, *lines: str) -> None:
        self.write("data/orders.csv", "\n".join((HEAD, *lines)) + "\n")

    def customers(self, first: str, second: str) -> None:
        self.write("data/customers.csv", f"customer_id,country\n1,{first}\n2,{second}\n")

    def open(self) -> Project:
        return open_project(self.folder)

    def refreshed(self) -> int:
        """Refreshes; the number of the newest version."""
        with self.open() as project:
            report = project.refresh()
            assert not report.failed, report.to_dict()
            return project.store.snapshot().number


@pytest.fixture
def till(tmp_path: Path) -> Till:
    """The project, with its first orders loaded and built."""
    made = Till(tmp_path / "till")
    for name, text in FILES.items():
        made.write(name, text)
    made.orders(*FIRST)
    made.customers("DE", "FR")
    made.refreshed()
    return made


@pytest.fixture
def second() -> Callable[[Till], int]:
    """Brings the second load: an order that changed, one late, one new, one gone, and a customer who moved."""

    def bring(till: Till) -> int:
        till.orders(*SECOND)
        till.customers("AT", "FR")
        return till.refreshed()

    return bring
