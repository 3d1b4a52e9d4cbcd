"""`python -m benchmarks [name ...] [--small]`: runs them and writes what they found into RESULTS.md.

`--small` runs small sizes, to see that a benchmark works; it prints and writes nothing. Exits 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Row

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
HEAD = """# Benchmarks

Each is run by `make bench`, its peer in the same run and in turn with it. A limit is what was promised before the code
was written: of the ratio (ours over the peer's), or of our own number. How they measure: [README](README.md).
"""
PACKAGES = ("steelyard", "duckdb", "pyarrow", "numpy")


def names() -> list[str]:
    """Every benchmark: the files of this folder that are no part of the runner."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("__init__", "__main__", "measure"))


def run(name: str, *, small: bool) -> list[Row]:
    """What one benchmark found."""
    found: list[Row] = import_module(f"benchmarks.{name}").rows(small)
    return found


def section(name: str, rows: list[Row]) -> str:
    """A benchmark's part of the page: when and where it ran, and its table."""
    says = (import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]
    head = "| what | ours | peer | ratio | limit | holds |\n| --- | ---: | ---: | ---: | ---: | --- |\n"
    lines = "".join(f"| {' | '.join(cells(row))} |\n" for row in rows)
    return f"## {name}\n\n{says}\n\n{head}{lines}\n{machine()}\n"


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table."""
    peer = "" if row.peer is None else f"{shown(row.peer)} {row.unit}{f' ({row.peer_is})' if row.peer_is else ''}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    limit = ""
    if row.limit is not None:
        limit = f"{'≥' if row.at_least else '≤'} {shown(row.limit)}{f' {row.unit}' if row.limit_of == 'ours' else 'x'}"
    holds = {None: "", True: "yes", False: "**no**"}[row.holds]
    return row.what.replace("|", "\\|"), f"{shown(row.ours)} {row.unit}", peer.replace("|", "\\|"), ratio, limit, holds


def shown(number: float) -> str:
    """Three figures of it."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def machine() -> str:
    """When, on what, how busy it was with other work, and with which versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{date.today():%Y-%m-%d}; {processor()}, {cores} cores, {memory:.0f} GB, "  # noqa: DTZ011 - a person's day
        f"load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, {versions}."
    )


def processor() -> str:
    """The processor's name."""
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def merged(page: str, sections: dict[str, str]) -> str:
    """The page with these sections in the place of the old ones; what did not run stays with its own date."""
    kept = {part.split("\n", 1)[0]: f"## {part}" for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]}
    known = {name: text for name, text in {**kept, **sections}.items() if name in names()}
    return "\n".join([HEAD, *(known[name].rstrip("\n") + "\n" for name in sorted(known))])


def main() -> None:
    """Runs those asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="*", help=f"one of {', '.join(names())}; all of them by default")
    parser.add_argument("--small", action="store_true", help="small sizes, to see that they work; nothing is written")
    asked = parser.parse_args()
    unknown = sorted(set(asked.name) - set(names()))
    if unknown:
        parser.error(f"no benchmark named {unknown[0]!r}; there are {', '.join(names())}")
    sections, broken = {}, []
    for name in asked.name or names():
        rows = run(name, small=asked.small)
        sections[name] = section(name, rows)
        broken += [f"{name}: {row.what}" for row in rows if row.holds is False]
        print(sections[name], flush=True)
    if asked.small:
        return
    page = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    RESULTS.write_text(merged(page, sections), encoding="utf-8")
    if broken:
        sys.exit("beyond the limit: " + "; ".join(broken))


if __name__ == "__main__":
    main()
