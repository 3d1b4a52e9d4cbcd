"""The first page of the demo in Chromium: its first byte, its last chart, what it weighs; and the first time of all.

The demo is ten million rows and more of a grocer's tills (The Complete Journey); it is made where it is not there yet.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Row

CHROMIUM = "/usr/bin/chromium"
DEMO = Path(os.environ.get("STEELYARD_DEMO", Path(tempfile.gettempdir()) / "steelyard-benchmark-demo"))
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
# Charts are part of the document: they are seen in the frame after the one in which it was read and laid out.
WATCH = """addEventListener('DOMContentLoaded', () => requestAnimationFrame(() => requestAnimationFrame(() => {
  window.shown = performance.now();
})));"""
UNTIL_SHOWN = "() => new Promise(done => { (function wait() { window.shown ? done() : setTimeout(wait, 5); })(); })"
MEASURED = """() => {
  const [page] = performance.getEntriesByType('navigation');
  const files = performance.getEntriesByType('resource');
  return {
    first: page.responseStart - page.startTime, shown: window.shown, charts: document.querySelectorAll('svg').length,
    bytes: page.transferSize + files.reduce((sum, file) => sum + file.transferSize, 0),
    requests: 1 + files.length,
    script: files.filter(file => file.name.endsWith('.js')).reduce((sum, file) => sum + file.transferSize, 0),
  };
}"""


def rows(small: bool) -> list[Row]:
    """The page as a browser that has nothing kept gets it, from a server that has made it once before."""
    _make_demo()
    with served() as base:
        cold = _seconds(base)
        _seconds(base)
        seen = _in_chromium(base, 3 if small else 15)
    limits = (
        ("first byte, warm", "first", 1000, "s", 0.06),
        ("last chart, warm", "shown", 1000, "s", 0.3),
        ("compressed, all files", "bytes", 1000, "kB", 120.0),
        ("requests", "requests", 1, "requests", 6.0),
        ("the script, compressed", "script", 1000, "kB", 10.0),
    )
    found = [
        Row(
            what=what, ours=statistics.median(one[key] for one in seen) / scale, unit=unit, limit=limit, limit_of="ours"
        )
        for what, key, scale, unit, limit in limits
    ]
    first = Row(what="the whole page for the first time, from the rows", ours=cold, limit=3.0, limit_of="ours")
    return [*found, first]


def _make_demo() -> None:
    if not (DEMO / "steelyard.toml").exists():
        command = [sys.executable, "-m", "steelyard", "demo", "--no-serve", "--folder", str(DEMO)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def served() -> Iterator[str]:
    """The address of the demo, served by a process of its own."""
    command = [sys.executable, "-m", "steelyard.web", str(DEMO), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _seconds(base: str) -> float:
    """How long the page takes to be made, asked again until it is there as a browser asks."""
    started, where = time.perf_counter(), "/"
    while True:
        with urllib.request.urlopen(base + where, timeout=300) as answer:
            answer.read()
            if answer.status != 202:
                return time.perf_counter() - started
            where = answer.headers["refresh"].partition("url=")[2]
        time.sleep(0.02)


def _in_chromium(base: str, times: int) -> list[dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    seen = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        for _ in range(times + 1):
            context = browser.new_context(viewport={"width": 1180, "height": 900})
            page = context.new_page()
            page.add_init_script(WATCH)
            page.goto(f"{base}/")
            page.evaluate(UNTIL_SHOWN)
            seen.append(page.evaluate(MEASURED))
            context.close()
        browser.close()
    assert all(one["charts"] >= 2 for one in seen)
    return seen[1:]
