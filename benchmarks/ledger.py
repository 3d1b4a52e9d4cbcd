"""The ledger's speed: append 10,000 results with a kept fetch each, then verify them.

Run: python benchmarks/ledger.py [entries]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from steelyard.warehouse import Ledger

LIMIT = 2.0


def main(count: int) -> int:
    """Prints the figures; fails when 10,000 results take more than two seconds to verify."""
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.db") as ledger:
        began = time.perf_counter()
        for number in range(count):
            body = {"result": {"estimates": [{"value": number / 7, "low": 0.1, "high": 0.3, "n": number}] * 8}}
            ledger.append("result", f"study {number % 50}", body, keep=[b"fetch %d " % number * 100])
        appended = time.perf_counter() - began
        began = time.perf_counter()
        outcome = ledger.verify()
        verified = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    print(f"append: {count / appended:,.0f} a second; verify: {count:,} in {verified:.2f} s; {size:.1f} MB")
    return 0 if outcome.ok and verified * 10_000 / count < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
