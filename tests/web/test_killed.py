"""A server that is killed while it writes: what it acknowledged is there, nothing is there by half."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from steelyard.project import open_project

forms: Any = sys.modules["tests_web_forms"]
DECISION = {"choice": "hold", "action": "Wait.", "reversible": "yes", "who": "Ada", "why": "It is a test."}
PATH = "/studies/newsletter/decide"


def served(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "steelyard.web", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    found = re.search(r"http://\S+:\d+", process.stdout.readline())
    assert found is not None
    return process, found[0]


def decide_for_ever(address: str, number: int, done: list[str], sent: list[str]) -> None:
    """Decides again and again, until the server is gone."""
    with httpx.Client(base_url=address, timeout=20, headers={"accept": "text/html"}) as client:
        for turn in range(10_000):
            said = {**DECISION, "why": f"decision {number}.{turn}", "step": "do"}
            try:
                fields = {**forms.filled(client.get(PATH).text), **said}
                sent.append(said["why"])
                answer = client.post(PATH, data=fields)
            except httpx.HTTPError:
                return
            if answer.status_code == 303:
                done.append(said["why"])


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_writes_loses_nothing_that_it_acknowledged(
    shop_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(shop_folder, folder)
    done: list[str] = []
    sent: list[str] = []
    for kill in range(3):
        process, address = served(folder)
        numbers = range(10 * kill, 10 * kill + 4)
        threads = [threading.Thread(target=decide_for_ever, args=(address, n, done, sent)) for n in numbers]
        before = len(done)
        for thread in threads:
            thread.start()
        waited = time.monotonic()
        while len(done) < before + 5 and time.monotonic() - waited < 60:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for thread in threads:
            thread.join(30)
        assert len(done) >= before + 5
    with open_project(folder) as project:
        assert project.ledger.verify().ok
        kept = [entry.body["decision"]["why"] for entry in project.ledger.entries(kind="decision")]
        assert set(done) <= set(kept) <= set(sent) | set(kept[:2])
        assert len(kept) == len(set(kept))
        assert all(entry.body["decision"]["who"] for entry in project.ledger.entries(kind="decision"))
