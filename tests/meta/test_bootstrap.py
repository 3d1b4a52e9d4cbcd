"""`make` makes its environment on a bare machine: no `venv`, no network, an older Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "bootstrap.py"
BUILD = ("hatchling", "editables", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")
# What Debian without python3-venv does: the module is there, and ends when it is run.
NO_VENV = (
    'if __name__ == "__main__":\n    raise SystemExit("ensurepip is not available")\nraise ImportError("no venv")\n'
)
NO_PIP = 'raise ImportError("no pip")\n'


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A copy of the project's skeleton, so that nothing is written beside the real one."""
    root = tmp_path / "project"
    for name in ("scripts/bootstrap.py", "requirements/bootstrap.lock", "pyproject.toml", "README.md", "LICENSE"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    (root / "src" / "steelyard").mkdir(parents=True)
    (root / "src" / "steelyard" / "__init__.py").write_text('"""A skeleton."""\n', encoding="utf-8")
    (root / "small.lock").write_text("".join(locked(ROOT / "requirements" / "demo.lock", BUILD)), encoding="utf-8")
    return root


def locked(lock: Path, names: tuple[str, ...]) -> Iterator[str]:
    """The pins, with their hashes, of some packages of a lock file."""
    for pin in re.findall(r"^[a-z].*(?:\n    --hash.*|\n    # .*)*\n", lock.read_text(encoding="utf-8"), re.MULTILINE):
        if pin.split("==")[0] in names:
            yield pin


def bootstrap(
    root: Path, *, stubs: dict[str, str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the script with modules of the standard library replaced for it alone."""
    stubbed = root / "stubs"
    stubbed.mkdir(exist_ok=True)
    for name, text in (stubs or {}).items():
        (stubbed / f"{name}.py").write_text(text, encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    python = sys._base_executable if hasattr(sys, "_base_executable") else sys.executable
    command = [python, str(root / "scripts" / "bootstrap.py"), str(root / "env"), str(root / "small.lock")]
    variables |= {"PYTHONPATH": str(stubbed), **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables, cwd=root, timeout=600)


UNREACHED = ("No matching distribution found", "Max retries exceeded", "Connection", "timed out", "ProxyError")


def skip_without_index(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0 and any(word in done.stderr for word in UNREACHED):
        pytest.skip("no package index within reach")


@pytest.mark.slow
def test_virtualenv_stands_in_where_venv_does_not_work(bare: Path) -> None:
    done = bootstrap(bare, stubs={"venv": NO_VENV})
    skip_without_index(done)
    assert done.returncode == 0, done.stderr
    assert "fetching virtualenv" in done.stdout
    code = "import sys, steelyard; print(sys.prefix != sys.base_prefix, steelyard.__doc__)"
    python = bare / "env" / "bin" / "python"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "True A skeleton."
    pip = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert "hatchling" not in pip.stdout


@pytest.mark.slow
def test_venv_is_used_where_it_works_and_a_second_run_keeps_the_environment(bare: Path) -> None:
    first = bootstrap(bare)
    skip_without_index(first)
    assert first.returncode == 0, first.stderr
    assert not (bare / ".bootstrap").exists() or "fetching virtualenv" in first.stdout
    kept = bare / "env" / "kept"
    kept.touch()
    assert bootstrap(bare).returncode == 0
    assert kept.exists()


def test_without_a_network_it_says_what_could_not_be_fetched(bare: Path) -> None:
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(bare / "nothing")}
    done = bootstrap(bare, stubs={"venv": NO_VENV}, **nowhere)
    assert done.returncode == 1
    assert "virtualenv could not be fetched" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_venv_and_pip_it_says_what_to_install(bare: Path) -> None:
    done = bootstrap(bare, stubs={"venv": NO_VENV, "pip": NO_PIP})
    assert done.returncode == 1
    assert "apt-get install python3-pip" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_older_python_is_refused_in_one_sentence(bare: Path) -> None:
    code = (
        "import sys, runpy; sys.version_info = (3, 9); sys.version = '3.9.2'; sys.argv[1:] = ['env', 'lock']; "
        f"runpy.run_path({str(bare / 'scripts' / 'bootstrap.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Steelyard needs Python 3.11 or newer; this is 3.9.2")


def test_a_package_beside_the_project_is_not_refused_as_externally_managed(tmp_path: Path) -> None:
    python = Path("/usr/bin/python3")
    if not any(Path("/usr/lib").glob("python3*/EXTERNALLY-MANAGED")) or not python.exists():
        pytest.skip("this machine's Python is not managed by its distribution")
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("the distribution's Python has no pip")
    source = tmp_path / "tiny"
    source.mkdir()
    wheel = source / "tiny-1.0-py3-none-any.whl"
    write_wheel(wheel)
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", source]
    refused = subprocess.run([*pip, "tiny"], capture_output=True, text=True, check=False)
    assert "externally-managed-environment" in refused.stderr  # or this test shows nothing
    target = subprocess.run([*pip, "--target", tmp_path / "aside", "tiny"], capture_output=True, text=True, check=False)
    assert target.returncode == 0, target.stderr
    assert (tmp_path / "aside" / "tiny.py").exists()


def write_wheel(path: Path) -> None:
    """The smallest package there is."""
    import zipfile

    about = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
