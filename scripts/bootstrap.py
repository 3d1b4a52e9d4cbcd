"""Makes the environment that `make` uses, on a machine that has Python and pip and perhaps no `venv`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")


def main(environment: Path, lock: Path) -> None:
    """Makes `environment` if it is not there, and installs the locked packages and this project into it."""
    if sys.version_info < (3, 11):
        sys.exit(f"Steelyard needs Python 3.11 or newer; this is {sys.version.split()[0]}: make PYTHON=python3.11 ...")
    python = str(environment / "bin" / "python")
    if not works(python):
        make(environment)
    print(f"installing {lock.name} into {environment}", flush=True)
    run([python, *PIP, "--require-hashes", "-r", str(lock)], "the locked packages could not be installed")
    run([python, *PIP, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], "the project could not be installed")


def works(python: str) -> bool:
    """Whether there is an interpreter with pip."""
    try:
        return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make(environment: Path) -> None:
    """A virtual environment by `venv`, or by virtualenv where Debian left `venv` or `ensurepip` out."""
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], capture_output=True, check=False)
    if made.returncode == 0 and works(str(environment / "bin" / "python")):
        return
    if not works(sys.executable):
        sys.exit("this Python has neither venv nor pip: apt-get install python3-pip, or python3-venv")
    print("this Python has no working venv: fetching virtualenv beside the project", flush=True)
    aside, lock = ROOT / ".bootstrap", ROOT / "requirements" / "bootstrap.lock"
    fetch = [sys.executable, *PIP, "--target", str(aside), "--upgrade", "--require-hashes", "-r", str(lock)]
    run(fetch, "virtualenv could not be fetched")
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from virtualenv.__main__ import run; run(sys.argv[1:])"
    options = ["--quiet", "--clear", "--no-download", str(environment)]
    run([sys.executable, "-c", start, str(aside), *options], f"virtualenv could not make {environment}")


def run(command: list[str], problem: str) -> None:
    """Runs a command that says itself what went wrong, and ends with what that means here."""
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(
            f"{problem}: see above. Mostly the package index is out of reach (pip config list) or the disk is full"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
