"""The documents say everything that is public, and nothing that does not exist."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import steelyard as sy

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [ROOT / "README.md", ROOT / "docs" / "index.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>[a-z]*)[^\n]*\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
NAMES = sorted(name for name in sy.__all__ if not inspect.ismodule(getattr(sy, name)))
# What nobody makes by its name is shown where another name gives it.
SHOWN_BY = {
    "Decision": r"decide|Decision",
    "Plan": r"sy\.plan|project\.plan|plan\(",
    "Project": "open_project",
    "Provenance": r"Provenance|\.provenance",
    "Result": r"run\(|project\.run|Result",
    "SourceDefinition": "source_definition|read_source_file",
    "Study": "Experiment|DifferenceInDifferences",
    "TableDefinition": "parse_table|read_table_file",
    "Warehouse": "connect",
    "plan": r"sy\.plan",
    "run": r"sy\.run",
}
# Options of the whole command, and what Typer and pip add.
EVERYWHERE = {"--help", "-h", "--version", "--install-completion", "--show-completion"}


def section(thing: object, title: str) -> str:
    found = re.search(rf"^{title}:.*?(?=^\S|\Z)", inspect.getdoc(thing) or "", re.DOTALL | re.MULTILINE)
    return found[0] if found else ""


def named_in_args(thing: object) -> set[str]:
    return set(re.findall(r"^ +\*{0,2}(\w+): ", section(thing, "Args"), re.MULTILINE))


@cache
def examples() -> str:
    """Every line of code that is executed to document: doctests and the guides' blocks."""
    found: list[str] = []
    for path in (ROOT / "src").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                found += [line.source for line in doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")]
    for path in GUIDES:
        blocks = FENCE.finditer(path.read_text(encoding="utf-8"))
        found += [block["body"] for block in blocks if block["language"] == "python"]
    return "\n".join(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_documented(name: str) -> None:
    thing = getattr(sy, name)
    assert len(inspect.getdoc(thing) or "") > 10
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return
    if inspect.isclass(thing) and dataclasses.is_dataclass(thing):
        said = set().union(*(named_in_args(parent) for parent in thing.__mro__ if "__doc__" in vars(parent)))
        wanted = {item.name for item in dataclasses.fields(thing) if item.init and not item.name.startswith("_")}
        assert not wanted - said, f"{name} does not say what these are"
    elif inspect.isroutine(thing):
        signature = inspect.signature(thing)
        assert not set(signature.parameters) - named_in_args(thing), f"{name} does not say what these are"
        if signature.return_annotation not in (None, "None"):
            assert section(thing, "Returns") or re.match(r"(The|A|An|What) ", inspect.getdoc(thing) or "")


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example_that_is_executed(name: str) -> None:
    thing = getattr(sy, name)
    if inspect.isclass(thing) and issubclass(thing, Exception):
        pytest.skip("an error is shown by what raises it")
    assert re.search(rf"\b(?:{SHOWN_BY.get(name, name)})", examples())


def commands() -> dict[str, Any]:
    from typer.main import get_command

    from steelyard.cli.app import app

    found: dict[str, Any] = {}
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        found[name] = command
        found |= {f"{name} {inner}": item for inner, item in getattr(command, "commands", {}).items()}
    return found


def leaves() -> list[str]:
    return sorted(name for name, command in commands().items() if not getattr(command, "commands", None))


def written_commands(text: str) -> Iterator[str]:
    """Every `steelyard ...` in a code span or a console block."""
    for block in FENCE.finditer(text):
        if block["language"] in ("console", "sh", "bash"):
            yield from re.findall(r"^\$ (steelyard\b[^\n]*)", block["body"], re.MULTILINE)
    yield from re.findall(r"`(steelyard [^`\n]+)`", FENCE.sub("", text))


@pytest.mark.parametrize("name", leaves())
def test_a_command_appears_in_a_guide(name: str) -> None:
    said = [line for path in GUIDES for line in written_commands(path.read_text(encoding="utf-8"))]
    assert any(re.match(rf"steelyard {name}\b", line) for line in said)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_mentions_a_command_or_option_that_does_not_exist(path: Path) -> None:
    known = commands()
    for line in written_commands(path.read_text(encoding="utf-8")):
        words = re.sub(r"\s#.*", "", line).split()[1:]
        if words[0].startswith("-"):
            assert words[0] in EVERYWHERE, line
            continue
        name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        assert name in known, line
        options = {option for item in known[name].params for option in (*item.opts, *item.secondary_opts)}
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert not used - options - EVERYWHERE, line


def test_the_changelog_begins_with_the_version_of_the_package_or_with_what_comes_after() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == version
    assert "Unreleased" not in headings[1:]


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) >= len(PAGES) - 1
    loads = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)")
    assert [(page.name, url) for page in pages for url in loads.findall(page.read_text(encoding="utf-8"))] == []
    sheets = "".join(sheet.read_text(encoding="utf-8") for sheet in tmp_path.rglob("*.css"))
    assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", sheets)


def test_generated_parts_are_as_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_says_what_it_measures_and_gives_rows(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    if path.stem not in ("__init__", "__main__", "measure"):
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert [item.arg for item in functions["rows"].args.args] == ["small"]
