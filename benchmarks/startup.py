"""How long a person waits before anything happens: the import, the help, and the check of 200 files."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import Row, child, interleaved

FILES = 200
STEELYARD = (sys.executable, "-m", "steelyard")


def rows(small: bool) -> list[Row]:
    """Wall-clock seconds of whole processes; the peer is a Python that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), FILES)
        child([*STEELYARD, "check", "--project", folder])  # compiles what was not
        taken = interleaved(
            {
                "nothing": partial(child, "pass"),
                "import": partial(child, "import steelyard"),
                "help": partial(child, [*STEELYARD, "--help"]),
                "check": partial(child, [*STEELYARD, "check", "--project", folder]),
            },
            times=3 if small else 11,
        )
    promised = (
        ("`import steelyard`", "import", 0.3),
        ("`steelyard --help`", "help", 0.5),
        (f"`steelyard check`, a project of {FILES} files", "check", 1.0),
    )
    return [
        Row(
            what=what,
            ours=taken[name].seconds,
            peer=taken["nothing"].seconds,
            peer_is="`python -c pass`",
            limit=limit,
            limit_of="ours",
        )
        for what, name, limit in promised
    ]


def write_project(folder: Path, files: int) -> None:
    """A sound project of so many files: a tenth studies, a fifth metrics, half tables, the rest sources."""
    studies, metrics, tables = files // 10, files // 5, files // 2
    for name in ("sources", "tables", "metrics", "studies"):
        (folder / name).mkdir()
    (folder / "steelyard.toml").write_text('name = "many"\n', encoding="utf-8")
    sources = files - 1 - studies - metrics - tables
    for number in range(sources):
        write(folder / f"sources/raw_{number}.yml", SOURCE)
    for number in range(tables):
        write(folder / f"tables/orders_{number}.sql", TABLE.format(source=number % sources))
    for number in range(metrics):
        write(folder / f"metrics/shop_{number}.yml", METRICS.format(number=number, table=number % tables))
    for number in range(studies):
        write(folder / f"studies/study_{number}.yml", STUDY.format(number=number % metrics))


def write(path: Path, text: str) -> None:
    """One file."""
    path.write_text(text, encoding="utf-8")


SOURCE = """kind: files
path: data/orders.csv
columns: {order_id: BIGINT, customer_id: BIGINT, ordered_at: TIMESTAMP, status: VARCHAR, amount: "DECIMAL(12, 2)"}
key: order_id
cursor: ordered_at
look_back: 3 days
owner: shop
"""
TABLE = """-- description: Orders, one row each.
-- grain: one order
-- key: order_id
-- time: ordered_at
-- zone: UTC
-- entities: {{customer: customer_id}}
-- dimensions: [status]
-- owner: shop
-- tests:
--   - accepted_values: {{column: status, values: [paid, refunded, cancelled]}}
--   - accepted_range: {{column: amount, low: 0}}
SELECT order_id, customer_id, ordered_at, status, amount
FROM raw_{source}
"""
METRICS = """metrics:
  revenue_{number}:
    sum: orders_{table}.amount
    exclude: "status = 'cancelled'"
    measured_in: EUR
    better: up
  orders_{number}:
    count: orders_{table}
    better: up
  average_order_{number}:
    ratio: {{numerator: revenue_{number}, denominator: orders_{number}}}
    measured_in: EUR
    better: up
trees:
  revenue_{number}: orders_{number} * average_order_{number}
"""
STUDY = """kind: experiment
question: Does the newsletter raise what customers spend?
unit: customer
arms: {{control: 0.5, newsletter: 0.5}}
between: [2026-03-01, 2026-03-31]
primary: {{metric: revenue_{number}, min_effect: {{relative: 0.01}}, expected_effect: {{relative: 0.1}}}}
guardrails: [{{metric: orders_{number}, margin: {{relative: 0.05}}}}]
"""
