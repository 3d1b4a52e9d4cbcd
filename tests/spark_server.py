"""A standalone Spark cluster for tests: a master and a worker on loopback, in a temporary folder, and stopped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import pytest

_PATIENCE = 120
_SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # what lives a minute does not earn back what Java optimises
_SETTINGS = {
    "spark.cores.max": "2",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": _SHORT_LIVED,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "768m",
    "spark.executor.extraJavaOptions": _SHORT_LIVED,
    "spark.executor.memory": "768m",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.session.timeZone": "Asia/Tokyo",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spark_home() -> Path:
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        pytest.skip("pyspark is not installed (pip install 'steelyard[spark]')")
    if shutil.which("java") is None:
        pytest.skip("there is no Java on this machine (apt-get install openjdk-17-jre-headless)")
    return Path(found.origin).parent


def _started(home: Path, folder: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    own = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    environment = {**os.environ, **own, "SPARK_DAEMON_JAVA_OPTS": _SHORT_LIVED}
    with (folder / f"{name}.log").open("wb") as log:
        command = [str(home / "bin" / "spark-class"), *words]
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder)


def _wait_for(said: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + _PATIENCE
    while said not in log.read_text(encoding="utf-8", errors="replace"):
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"Spark did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def spark_url() -> Iterator[str]:
    """The URL of a fresh cluster of two cores whose sessions would be in Tokyo's time zone, were they not ours."""
    home = _spark_home()
    folder = Path(tempfile.mkdtemp(prefix="steelyard-spark-"))
    running: list[subprocess.Popen[bytes]] = []
    try:
        master = f"spark://127.0.0.1:{_free_port()}"
        port = master.rpartition(":")[2]
        here = ("--host", "127.0.0.1", "--webui-port", "0")
        running.append(_started(home, folder, "master", "org.apache.spark.deploy.master.Master", *here, "--port", port))
        _wait_for("New state: ALIVE", folder / "master.log", running[-1])
        size = ("--cores", "2", "--memory", "1g", "--work-dir", str(folder / "work"))
        worker = ("org.apache.spark.deploy.worker.Worker", *here, *size, master)
        running.append(_started(home, folder, "worker", *worker))
        _wait_for("Successfully registered with master", folder / "worker.log", running[-1])
        settings = {**_SETTINGS, "spark.sql.warehouse.dir": str(folder / "tables"), "spark.local.dir": str(folder)}
        yield f"{master}?{urlencode(settings)}"
    finally:
        for process in reversed(running):
            _stop(process)
        shutil.rmtree(folder, ignore_errors=True)
