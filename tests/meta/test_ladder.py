"""The ladder of imports, and what the linter cannot see."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "steelyard"
MODULES = sorted(SOURCE.rglob("*.py"))

# Each may import by name: a package's own names on first use (which it also imports for type checkers, so that the
# linter sees them), an optional library, a plug-in's entry point, or a user's own generator.
BY_NAME = {
    "first_use.py",
    "result/arrow.py",
    "project/kinds.py",
    "pipeline/sources/python_rows.py",
    "pipeline/sources/dlt_resource.py",
}


def rungs() -> dict[str, int]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = contracts[0]["layers"]
    return {name.strip(): level for level, layer in enumerate(reversed(layers)) for name in layer.split("|")}


def test_every_top_level_module_declares_its_rung() -> None:
    found = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    found |= {path.stem for path in SOURCE.glob("*.py") if not path.stem.startswith("__")}
    assert found == set(rungs())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_hides_an_import_from_the_linter(path: Path) -> None:
    if str(path.relative_to(SOURCE)) in BY_NAME:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in ("__import__", "importlib.import_module", "import_module", "exec", "eval"), (
                f"{path.relative_to(ROOT)}:{node.lineno} imports by name; the ladder cannot see it"
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_says_in_one_line_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, f"{path.relative_to(ROOT)} has no docstring"
    assert docstring.splitlines()[0].strip()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_is_named_after_nothing(path: Path) -> None:
    assert not {path.stem, *path.relative_to(SOURCE).parts} & {
        "utils",
        "helpers",
        "common",
        "core",
        "base",
        "manager",
        "misc",
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_and_no_function_grows_past_the_limit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, "look for the second idea in it"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert lines <= 60, f"{path.name}: {node.name} has {lines} lines: look for the second idea in it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_error_is_swallowed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path.name}:{node.lineno} a bare except"
            only_pass = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
            assert not only_pass, f"{path.name}:{node.lineno} swallows {ast.unparse(node.type)}"
