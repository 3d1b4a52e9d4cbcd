"""A PostgreSQL server for tests: Debian's own, on loopback, in a temporary folder, stopped at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_SETTINGS = "-c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c TimeZone=Asia/Tokyo"


def _binaries() -> Path:
    """The folder of the newest server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if there := shutil.which("initdb"):
        return Path(there).resolve().parent
    pytest.skip("there is no PostgreSQL server on this machine (apt-get install postgresql)")


def _user() -> str | None:
    """Whom to run the server as: itself, or somebody unprivileged where we are root, whom initdb refuses."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None) or pytest.skip(
        "no user for PostgreSQL"
    )


def _run(user: str | None, *command: str | Path) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, user=user, timeout=120, check=False, cwd="/", env=_environment()
    )
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} failed: {done.stdout}{done.stderr}")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))} | {
        "LC_ALL": "C.UTF-8"
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a fresh server whose own time zone is Tokyo's and whose texts are in the order of ICU's English."""
    binaries, user = _binaries(), _user()
    folder = Path(tempfile.mkdtemp(prefix="steelyard-postgres-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data, port = folder / "data", _free_port()
        locale = ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8")
        _run(user, binaries / "initdb", "-D", data, "-U", "steelyard", "-A", "trust", "-E", "UTF8", "-N", *locale)
        control = (binaries / "pg_ctl", "-D", data, "-w", "-t", "60")
        options = f"-p {port} -c unix_socket_directories='{folder}' {_SETTINGS}"
        _run(user, *control, "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://steelyard@127.0.0.1:{port}/postgres"
        finally:
            _run(user, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
