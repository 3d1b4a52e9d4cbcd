"""A semantic layer of somebody else, in a virtual environment of its own: what SQL it writes, and how long that takes.

It is no dependency of the project. Its environment is made once, under `.bench/`, and its script runs there in a
process of its own. It reads no data: what it writes is run by the benchmark, in the same DuckDB as everything else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import ROOT

HERE = Path(__file__).parent
KEPT = ROOT / ".bench"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A package, its version and the script that asks it.

    Args:
        name: What to call it.
        requires: What is installed, as pip reads it; the first is the package itself.
        script: A file beside this one; it prints one JSON object with `sql`, `refused` and `compile_ms`.
    """

    name: str
    requires: tuple[str, ...]
    script: str

    @property
    def version(self) -> str:
        """The version that is installed."""
        return self.requires[0].partition("==")[2]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a peer gave.

    Args:
        sql: Question -> its SQL.
        refused: Question -> why there is none.
        compile_ms: The median CPU milliseconds to write the SQL of one question in a catalog of 200 metrics, warm.
        absent: Why nothing could be asked; empty where it could.
    """

    sql: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    compile_ms: float | None = None
    absent: str = ""


PEERS = (
    Peer(name="MetricFlow", requires=("metricflow==0.213.0",), script="metricflow_sql.py"),
    Peer(name="sidemantic", requires=("sidemantic==0.13.0", "duckdb"), script="sidemantic_sql.py"),
)


def said(peer: Peer, questions: tuple[str, ...]) -> Said:
    """What the peer writes for the questions; says why where it cannot be installed, or cannot run.

    Raises:
        RuntimeError: The script knows nothing of a question.
    """
    try:
        done = _run([str(_python(peer)), str(HERE / peer.script)], seconds=300)
    except (OSError, subprocess.SubprocessError) as error:
        return Said(absent=_last_words(error))
    found = Said(**json.loads(done))
    if missing := set(questions) - {*found.sql, *found.refused}:
        raise RuntimeError(f"{peer.script} does not know {sorted(missing)[0]!r}")
    return found


def _python(peer: Peer) -> Path:
    """The interpreter of the peer's environment, which is made where it is not there yet."""
    folder = KEPT / "-".join(peer.requires)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    installed = folder / "installed"
    if not installed.exists():
        venv.create(folder, clear=True, with_pip=True)
        _run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requires], seconds=300
        )
        installed.touch()
    return python


def _run(words: list[str], *, seconds: float) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=seconds, cwd=KEPT.parent)
    return done.stdout


def _last_words(error: Exception) -> str:
    lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return lines[-1][:120] if lines else type(error).__name__
