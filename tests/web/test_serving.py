"""The server says where it is, answers there, and stops when it is told."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from steelyard.errors import PolicyError, SteelyardError
from steelyard.project import Project
from steelyard.web import serve


@contextmanager
def running(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "steelyard.web", str(folder), "--port", "0", "--patience", "60", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+:(\d+)/", process.stdout.readline())
        assert found is not None
        assert found[1] != "0"
        yield process, found[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_stops_cleanly_on_a_signal(shop_folder: Path, number: signal.Signals) -> None:
    with running(shop_folder) as (process, address):
        answer = httpx.get(address, timeout=60, headers={"accept-encoding": "gzip"})
        assert answer.status_code == 200
        assert answer.headers["content-encoding"] == "gzip"
        assert "server" not in answer.headers
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")
        assert "stopped" in out


def test_a_port_in_use_is_an_error_with_a_hint(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SteelyardError, match=f"the port {port} is in use") as caught:
            serve(project, port=port, says=lambda _: None)
        assert "--port 0" in caught.value.hint


def test_an_address_that_others_reach_needs_somebody_to_be_named_or_a_word(project: Project) -> None:
    with pytest.raises(PolicyError, match=r"everybody who reaches 0\.0\.0\.0") as caught:
        serve(project, host="0.0.0.0", port=0, says=lambda _: None)
    assert "--anyone" in caught.value.hint


def test_who_says_it_lets_everybody_read_and_nobody_act(shop_folder: Path) -> None:
    with running(shop_folder, "--host", "0.0.0.0", "--anyone") as (_, address):
        local = re.sub(r"//[^:]+", "//127.0.0.1", address)
        assert httpx.get(f"{local}metrics", timeout=60).status_code == 200
        answer = httpx.get(f"{local}studies/newsletter/decide", timeout=60)
        assert (answer.status_code, "A viewer may not" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70000), ("127.0.0.1", -1), ("no.such.host.invalid", 0), ("198.51.100.1", 0)]
)
def test_an_address_that_cannot_be_had_is_an_error(project: Project, host: str, port: int) -> None:
    with pytest.raises(SteelyardError):
        serve(project, host=host, port=port, says=lambda _: None)


def test_an_answer_does_not_wait_for_the_other_end_to_acknowledge_its_head() -> None:
    """asyncio sets TCP_NODELAY on a connection only where its listening socket names its protocol."""
    from steelyard.web import serving

    with serving._listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
