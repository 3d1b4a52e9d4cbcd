"""Loads against a bare COPY of the same file: CPU time of child processes, interleaved, medians, in one run.

    python benchmarks/load.py [--rows 20000000] [--rounds 3] [--memory 2GB] [--rejects 0.0001]

Prints the rows of a Markdown table. Each contender runs in a process of its own; what is counted is user and system
time of that process (`wait4`), and its peak memory. "Bare" reads with declared types and writes Parquet, and does
nothing else: no rejects, no hashes, no fingerprint, no cursor, no atomic publication.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measure import Row

COLUMNS = {
    "order_id": "BIGINT",
    "customer_id": "BIGINT",
    "ordered_at": "TIMESTAMP",
    "amount": "DECIMAL(12,2)",
    "quantity": "INTEGER",
    "channel": "VARCHAR",
    "device": "VARCHAR",
    "country": "VARCHAR",
    "price": "DOUBLE",
    "is_new": "BOOLEAN",
    "day": "DATE",
}
LIMITS = {"parquet": 2.5, "csv": 2.2, "jsonl": 4.0}
CSV = "header = true, delim = ',', quote = '\"', escape = '\"', auto_detect = false"

Contender = Callable[[Path, str], None]


def make(folder: Path, rows: int, rejects: float) -> None:
    """The same orders as Parquet, CSV and JSON lines; in the text files some lines do not parse."""
    import duckdb

    every = round(1 / rejects) if rejects else 0
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET enable_progress_bar = false; SET memory_limit = '4GB'")
    connection.execute(f"SET temp_directory = '{folder}'")
    connection.execute(f"""
        COPY (SELECT i AS order_id, (hash(i) % 500000)::BIGINT AS customer_id,
            TIMESTAMP '2026-01-01' + to_seconds((i * 7) % 31536000) AS ordered_at,
            ((hash(i + 1) % 100000) / 100)::DECIMAL(12,2) AS amount, (hash(i + 2) % 10)::INTEGER AS quantity,
            ['web', 'app', 'store'][(1 + hash(i + 3) % 3)::INT] AS channel,
            ['mobile', 'desktop', 'tablet'][(1 + hash(i + 4) % 3)::INT] AS device,
            ['DE', 'FR', 'US', 'GB', 'ES', 'IT'][(1 + hash(i + 5) % 6)::INT] AS country,
            (hash(i + 6) % 1000000) / 997.0::DOUBLE AS price, hash(i + 7) % 2 = 0 AS is_new,
            DATE '2026-01-01' + (i % 365)::INT AS day FROM range({rows}) t(i)) TO '{folder}/orders.parquet'""")
    amount = f"CASE WHEN order_id % {every} = {every - 1} THEN 'n/a' ELSE amount::VARCHAR END" if every else "amount"
    source = f"SELECT * REPLACE ({amount} AS amount) FROM '{folder}/orders.parquet'"
    connection.execute(f"COPY ({source}) TO '{folder}/orders.csv' (HEADER)")
    connection.execute(f"COPY ({source}) TO '{folder}/orders.jsonl' (FORMAT json)")


def bare(folder: Path, form: str) -> None:
    """DuckDB alone: typed read, Parquet written."""
    import duckdb

    kinds = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
    source = {
        "parquet": f"read_parquet('{folder}/orders.parquet')",
        # Without ignore_errors the bare reader would stop at the first bad line and load nothing.
        "csv": f"read_csv('{folder}/orders.csv', columns = {kinds}, {CSV}, ignore_errors = true)",
        "jsonl": f"read_json('{folder}/orders.jsonl', columns = {kinds}, format = 'newline_delimited', "
        "ignore_errors = true)",
    }[form]
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET threads = 2")
    connection.execute(f"COPY (FROM {source}) TO '{folder}/bare.parquet'")


def ours(folder: Path, form: str, memory: str = "2GB") -> None:
    """One load: rows, rejects, hashes, fingerprint, load record, one atomic publication."""
    from steelyard.pipeline import load, source_definition
    from steelyard.warehouse import Store

    store = Store.open(folder / "store")
    said = {"kind": "files", "path": f"orders.{form}", "columns": COLUMNS}
    report = load(source_definition("orders", said), store, project_folder=folder, memory_limit=memory)
    print(json.dumps({"rows": report.rows, "rejected": report.rejected}))


def dlt_load(folder: Path, form: str) -> None:
    """dlt's fastest path into DuckDB: Arrow batches, Parquet loader files, append."""
    import dlt
    import duckdb

    kinds = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
    source = {
        "parquet": f"read_parquet('{folder}/orders.parquet')",
        "csv": f"read_csv('{folder}/orders.csv', columns = {kinds}, {CSV}, ignore_errors = true)",
    }[form]

    def rows() -> object:
        yield from duckdb.connect().sql(f"FROM {source}").to_arrow_reader(500_000)

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name="shop",
    )
    pipeline.run(rows(), table_name="orders", write_disposition="append", loader_file_format="parquet")


CONTENDERS: dict[str, Contender] = {"bare": bare, "ours": ours, "dlt": dlt_load}


def made(folder: Path, rows: int, rejects: float) -> None:
    """As `make`, in a process of its own: a child's peak memory counts what its parent held when it began."""
    command = [sys.executable, "-W", "ignore", __file__, "--make", "--folder", str(folder)]
    subprocess.run([*command, "--rows", str(rows), "--rejects", str(rejects)], check=True)


def measured(contender: str, folder: Path, form: str) -> tuple[float, float, str]:
    """CPU seconds, peak memory in GB and the output of one run in a process of its own."""
    for name in ("store", "dlt", "bare.parquet", "dlt.duckdb"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    command = [sys.executable, "-W", "ignore", __file__, "--run", contender, "--form", form, "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{contender} failed on {form}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6, output.strip()


def table(folder: Path, rounds: int, forms: Sequence[str]) -> list[str]:
    """The rows of the table, one a format."""
    lines = [
        "| format | bare CPU s | load CPU s | ratio | limit | dlt CPU s | load peak GB | loaded |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for form in forms:
        names = ["bare", "ours", *(["dlt"] if find_spec("dlt") and form != "jsonl" else [])]
        taken: dict[str, list[tuple[float, float, str]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                taken[name].append(measured(name, folder, form))
        cpu = {name: statistics.median(run[0] for run in runs) for name, runs in taken.items()}
        ratio = statistics.median(one[0] / other[0] for one, other in zip(taken["ours"], taken["bare"], strict=True))
        peak = max(run[1] for run in taken["ours"])
        dlt = f"{cpu['dlt']:.1f}" if "dlt" in cpu else "-"
        lines.append(
            f"| {form} | {cpu['bare']:.1f} | {cpu['ours']:.1f} | {ratio:.2f} | {LIMITS[form]} | {dlt} | {peak:.2f} | "
            f"{taken['ours'][0][2]} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def rows(small: bool) -> list[Row]:
    """Loads of each format beside a bare read and write of the same file, and beside dlt."""
    from benchmarks.measure import Row

    size, rounds = (200_000, 1) if small else (20_000_000, int(os.environ.get("STEELYARD_BENCH_ROUNDS", "3")))
    found = []
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        folder = Path(name)
        made(folder, size, 0.0001)
        for form, limit in LIMITS.items():
            taken: dict[str, list[float]] = {"bare": [], "ours": []}
            peak = 0.0
            for _ in range(rounds):
                for contender, seconds in taken.items():
                    cpu, memory, _ = measured(contender, folder, form)
                    seconds.append(cpu)
                    peak = max(peak, memory) if contender == "ours" else peak
            what = f"load {size:,} rows of {form}, rejects kept, fingerprinted, atomic (peak {peak:.2f} GB)"
            bare, ours = statistics.median(taken["bare"]), statistics.median(taken["ours"])
            bound = None if small else limit
            found.append(Row(what=what, ours=ours, unit="CPU s", peer=bare, peer_is="bare read and COPY", limit=bound))
            if find_spec("dlt") and form == "parquet":
                cpu, memory, _ = measured("dlt", folder, form)
                what = f"the same by dlt to DuckDB, Parquet loader files (peak {memory:.2f} GB)"
                found.append(Row(what=what, ours=cpu, unit="CPU s", peer=bare, peer_is="bare read and COPY"))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark, or one contender of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rejects", type=float, default=0.0001)
    parser.add_argument("--run", choices=CONTENDERS)
    parser.add_argument("--form", choices=LIMITS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--make", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.make:
        make(asked.folder, asked.rows, asked.rejects)
        return
    if asked.run:
        CONTENDERS[asked.run](asked.folder, asked.form)
        return
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        made(Path(name), asked.rows, asked.rejects)
        print(f"\nLoads of {asked.rows:,} rows, {len(COLUMNS)} columns, {asked.rejects:.2%} bad lines, 2 GB limit\n")
        print("\n".join(table(Path(name), asked.rounds, [asked.form] if asked.form else list(LIMITS))))


if __name__ == "__main__":
    main()
