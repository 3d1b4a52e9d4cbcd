"""How a benchmark measures, and the one shape of what it gives: a `Row`, ours beside its peer, and the limit.

A benchmark is a file of this folder with `def rows(small: bool) -> list[Row]`; `python -m benchmarks` finds it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]

# A process counts as its own peak what the one held that began it: so a small one begins those that are measured.
LAUNCH = """
import os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement, its peer in the same run, and the stated limit.

    Args:
        what: What was done, with its size.
        ours: The number: seconds unless `unit` says otherwise.
        unit: The unit of `ours` and `peer`, such as `CPU s` or `events/s`.
        peer: The peer's number; None where there is none.
        peer_is: What the peer is.
        limit: The stated limit; None where nothing was promised.
        limit_of: Whether the limit is of `ours` or of the `ratio` ours / peer.
        at_least: Whether the limit is a floor (a rate) and no ceiling.
    """

    what: str
    ours: float
    unit: str = "s"
    peer: float | None = None
    peer_is: str = ""
    limit: float | None = None
    limit_of: Literal["ours", "ratio"] = "ratio"
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def holds(self) -> bool | None:
        """Whether the limit holds; None where there is none."""
        value = self.ours if self.limit_of == "ours" else self.ratio
        if self.limit is None:
            return None
        if value is None:
            raise ValueError(f"{self.what!r} has a limit of its ratio and no peer")
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one run took.

    Args:
        seconds: By the wall clock.
        cpu: Seconds of processor time, of all threads.
        peak: The most memory held, in MB; 0 where it was measured in this process.
    """

    seconds: float
    cpu: float
    peak: float = 0.0


def child(command: str | Sequence[str], *, folder: Path | None = None) -> Taken:
    """What a process of its own takes: Python code (`python -c`), or a command.

    Raises:
        RuntimeError: It failed.
    """
    words = [sys.executable, "-c", command] if isinstance(command, str) else list(command)
    # As after an installation, compiled code is kept; some machines switch that off for tests.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    measured = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCH, *words],
        cwd=folder or ROOT, stdout=subprocess.PIPE, env=variables, check=True,
    )  # fmt: skip
    status, seconds, cpu, peak = (float(word) for word in measured.stdout.split())
    if status != 0:
        raise RuntimeError(f"exit {status:.0f}: {' '.join(words)}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Taken(seconds=seconds, cpu=cpu, peak=peak * scale / 1e6)


def here(function: Callable[[], object]) -> Taken:
    """What a function takes in this process."""
    seconds, cpu = time.perf_counter(), time.process_time()
    function()
    return Taken(seconds=time.perf_counter() - seconds, cpu=time.process_time() - cpu)


def interleaved(runs: Mapping[str, Callable[[], Taken]], *, times: int = 5) -> dict[str, Taken]:
    """The medians of several runs of each, taken in turn, so that a slow minute of the machine falls on all of them."""
    taken: dict[str, list[Taken]] = {name: [] for name in runs}
    for _ in range(times):
        for name, run in runs.items():
            taken[name].append(run())
    return {
        name: Taken(
            seconds=statistics.median(one.seconds for one in found),
            cpu=statistics.median(one.cpu for one in found),
            peak=max(one.peak for one in found),
        )
        for name, found in taken.items()
    }
