"""Every guide's code runs, and prints what the guide says."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>[a-z]+)(?P<rest>[^\n]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(path: Path) -> Iterator[tuple[int, str, str, str]]:
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text[: found.start()].count("\n") + 1
        yield line, found["language"], found["rest"].strip(), found["body"]


def tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def shell(command: str, folder: Path) -> str:
    words = shlex.split(command, comments=True)
    if words and words[0] == "steelyard":
        words = [sys.executable, "-m", "steelyard", *words[1:]]
    wide = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=wide)
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_guide_runs_and_prints_what_it_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(1) as own:  # a browser's test may have left an event loop running in this thread
        own.submit(follow, path, tmp_path).result()


def follow(path: Path, tmp_path: Path) -> None:
    namespace: dict[str, object] = {"__name__": "guide"}
    printed = ""
    for line, language, rest, body in blocks(path):
        where = f"{path.relative_to(ROOT)}:{line}"
        if "not-run" in rest:
            continue
        if language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile("\n" * line + body, str(path), "exec"), namespace)
            printed = out.getvalue()
        elif language == "console":
            printed = console(body, tmp_path, where)
        elif language in ("yaml", "sql", "toml", "csv") and rest.startswith("file="):
            target = tmp_path / rest.removeprefix("file=")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(body, encoding="utf-8")
        elif language == "text" and rest != "free":
            assert tidy(printed) == tidy(body), f"{where} prints something else"


def console(body: str, folder: Path, where: str) -> str:
    said: list[str] = []
    commands = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    for command in commands:
        line, _, expected = command.partition("\n")
        printed = shell(line, folder)
        if expected.strip():
            assert tidy(printed) == tidy(expected), f"{where}: {line} prints something else"
        said.append(printed)
    return "".join(said)
