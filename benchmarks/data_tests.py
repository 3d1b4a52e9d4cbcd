"""Ten data tests of one table (uniqueness and foreign keys apart), beside a bare scan of the same columns."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime

from benchmarks.measure import Row, here, interleaved

from steelyard.pipeline.data_tests import run_tests
from steelyard.pipeline.table_definition import parse_table
from steelyard.warehouse import Store

TABLE = """-- time: ordered_at
-- empty: allowed
-- tests:
--   - row_count: {at_least: 1}
--   - not_null: [order_id, customer_id]
--   - accepted_range: {column: amount, low: 0, high: 100}
--   - accepted_values: {column: status, values: [paid, open, refunded, cancelled]}
--   - accepted_values: {column: country, values: [DE, FR, US, GB, ES]}
--   - accepted_range: {column: score, low: 0, high: 1}
--   - accepted_range: {column: quantity, low: 0, high: 30}
--   - accepted_range: {column: ordered_at, low: 2025-01-01}
--   - freshness: {within: 36500 days}
SELECT * FROM raw
"""
ROWS_OF = """
SELECT i AS order_id, (i * 7919) % 500000 AS customer_id, CAST((i % 10000) / 100.0 AS DECIMAL(12, 2)) AS amount,
  ['paid', 'open', 'refunded', 'cancelled'][1 + i % 4] AS status, ['DE', 'FR', 'US', 'GB', 'ES'][1 + i % 5] AS country,
  (i * 2654435761 % 1000003) / 1000003.0::DOUBLE AS score, CAST(i % 30 AS INTEGER) AS quantity,
  TIMESTAMP '2025-01-01' + to_seconds(i) AS ordered_at
FROM range({rows}) t(i)
"""
COLUMNS = ("order_id", "customer_id", "amount", "status", "country", "score", "quantity", "ordered_at")


# DuckDB answers counts, minima and maxima of whole columns from the file's statistics, without a scan; not this.
BARE = ", ".join(f"count(*) FILTER (WHERE {column} IS NULL) AS {column}" for column in COLUMNS)


def rows(small: bool) -> list[Row]:
    """Wall-clock seconds; both read the same Parquet file of one store in turn."""
    count = 200_000 if small else 20_000_000
    table = parse_table("orders", TABLE)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        with store.transaction("orders") as change:
            change.create("orders", ROWS_OF.format(rows=count))
        with store.warehouse() as warehouse:
            checks = run_tests([table], warehouse, as_of=datetime.now(UTC))
            if [check.status for check in checks] != ["passed"] * 10:
                raise RuntimeError(f"ten tests should pass: {checks}")
            taken = interleaved(
                {
                    "tests": lambda: here(lambda: run_tests([table], warehouse)),
                    "bare": lambda: here(lambda: warehouse.fetch(f"SELECT {BARE} FROM orders")),
                }
            )
    return [
        Row(
            what=f"ten data tests of {count:,} rows and {len(COLUMNS)} columns",
            ours=taken["tests"].seconds,
            peer=taken["bare"].seconds,
            peer_is="a bare scan of the columns",
            limit=None if small else 2.0,
        )
    ]
