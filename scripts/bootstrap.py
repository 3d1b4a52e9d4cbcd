"""Makes the environment that `make` uses, on a machine that has Python and pip and perhaps no `venv`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(environment: Path, lock: Path) -> None:
    """Makes `environment` if it is not there, and installs the locked packages and this project into it."""
    if sys.version_info < (3, 11):
        sys.exit(f"Steelyard needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    python = environment / "bin" / "python"
    if not works(python):
        make(environment)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    print(f"installing {lock.relative_to(ROOT)} into {environment}", flush=True)
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)


def works(python: Path) -> bool:
    """Whether there is an interpreter with pip."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def make(environment: Path) -> None:
    """A virtual environment by `venv`, or by virtualenv where Debian left `venv` or `ensurepip` out."""
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], capture_output=True, check=False)
    if made.returncode == 0 and works(environment / "bin" / "python"):
        return
    print("this Python has no working venv: fetching virtualenv beside the project", flush=True)
    aside = ROOT / ".bootstrap"
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(aside), "--upgrade", "virtualenv"]
    subprocess.run(fetch, check=True)
    run = "import sys; sys.path.insert(0, sys.argv.pop(1)); from virtualenv.__main__ import run; run(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", run, str(aside), "--clear", str(environment)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
