"""The one script: what is committed is what its source makes, it is small, and nothing in it reaches outside."""

from __future__ import annotations

import gzip
import json
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
BUNDLE = ROOT / "src" / "steelyard" / "web" / "assets" / "steelyard.js"


def test_the_bundle_is_what_its_source_makes(tmp_path: Path) -> None:
    if not ESBUILD.exists():
        pytest.skip("there is no node_modules/.bin/esbuild: npm ci installs it")
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    built = tmp_path / "steelyard.js"
    command = package["scripts"]["bundle"].split()
    assert command[0] == "esbuild"
    command = [str(ESBUILD), *command[1:-1], f"--outfile={built}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    assert built.read_bytes() == BUNDLE.read_bytes(), "run: npm ci && npm run bundle"


def test_one_version_of_esbuild_is_pinned() -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    wanted = package["devDependencies"]["esbuild"]
    assert wanted[0].isdigit()
    assert lock["packages"]["node_modules/esbuild"]["version"] == wanted


def test_the_script_is_small_and_fetches_nothing_from_elsewhere() -> None:
    text = files("steelyard.web").joinpath("assets", "steelyard.js").read_text(encoding="utf-8")
    assert len(gzip.compress(text.encode())) < 10_000
    for word in ("http://", "https://", "eval(", "innerHTML", "document.write", "localStorage", "import("):
        assert word not in text.replace("http://www.w3.org/2000/svg", "")
