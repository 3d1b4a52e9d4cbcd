"""Writes the parts of the documents that code knows better: `make generate` writes, `make check` compares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "steelyard"
MARK = re.compile(r"(<!-- begin: (?P<name>[a-z-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)


def first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def folders() -> str:
    """One line a folder."""
    packages = sorted(path for path in SOURCE.rglob("__init__.py") if path.parent != SOURCE)
    modules = [SOURCE / name for name in ("errors.py", "canonical.py", "definition_file.py")]
    rows = [(f"`{path.name}`", first_line(path)) for path in modules]
    rows += [(f"`{path.parent.relative_to(SOURCE)}/`", first_line(path)) for path in packages]
    return table(("where", "what"), rows)


def ladder() -> str:
    """The ladder, as the linter holds it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return "```text\n" + "\n".join(contracts[0]["layers"]) + "\n```\n"


def errors() -> str:
    """Every error with what it means and the exit code."""
    from steelyard import errors as module

    classes = [item for item in vars(module).values() if isinstance(item, type) and item.__module__ == module.__name__]
    rows = [(f"`{item.__name__}`", (item.__doc__ or "").splitlines()[0], str(item.exit_code)) for item in classes]
    return table(("error", "when", "exit code"), rows)


def estimate_columns() -> str:
    """The glossary of an estimate's columns."""
    from steelyard.result import Estimate

    text = " ".join((Estimate.__doc__ or "").split("Args:")[1].split(">>>")[0].split())
    parts = re.split(r" ?\b([a-z_]+): (?=[A-Z`])", text)[1:]
    return table(
        ("column", "meaning"), [(f"`{name}`", says) for name, says in zip(parts[::2], parts[1::2], strict=True)]
    )


def settings() -> str:
    """The keys of `steelyard.toml`."""
    from steelyard.project.settings import Settings, Target

    rows = [(f"`{name}`", says) for name, says in documented(Settings)]
    rows += [(f"`targets.NAME.{name}`", says) for name, says in documented(Target)]
    return table(("key", "meaning"), rows)


def documented(cls: type) -> Iterator[tuple[str, str]]:
    """The fields of a dataclass with what its docstring says of them."""
    text = " ".join((cls.__doc__ or "").split("Args:")[1].split())
    names = list(cls.__dataclass_fields__)  # type: ignore[attr-defined]
    places = [re.search(rf"(?:^| ){name}: ", text) for name in names]
    for number, (name, place) in enumerate(zip(names, places, strict=True)):
        if place is None:
            sys.exit(f"{cls.__name__}.{name} is not documented")
        following = [later.start() for later in places[number + 1 :] if later]
        yield name, text[place.end() : min(following, default=len(text))].strip()


def commands() -> str:
    """The command line's help."""
    from typer.main import get_command

    from steelyard.cli.app import app

    rows = []
    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]
        nested = getattr(command, "commands", None)
        for inner, item in sorted(nested.items()) if nested else [("", command)]:
            rows.append((f"`steelyard {f'{name} {inner}'.strip()}`", item.get_short_help_str(limit=120)))
    return table(("command", "what"), rows)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [
        " | ".join(head),
        " | ".join("---" for _ in head),
        *(" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows),
    ]
    return "".join(f"| {line} |\n" for line in lines)


PARTS = {
    "folders": folders,
    "ladder": ladder,
    "errors": errors,
    "estimate-columns": estimate_columns,
    "settings": settings,
    "commands": commands,
}


def written(text: str) -> str:
    """The document with its generated parts as they should be."""
    return MARK.sub(lambda found: f"{found[1]}{PARTS[found['name']]()}{found[3]}", text)


def main() -> None:
    """Rewrites the documents, or with --check says which are stale."""
    stale = []
    for path in [ROOT / "ARCHITECTURE.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        new = written(text)
        if new != text and "--check" in sys.argv:
            stale.append(str(path.relative_to(ROOT)))
        elif new != text:
            path.write_text(new, encoding="utf-8")
    if stale:
        sys.exit(f"stale: {', '.join(stale)}: run `make generate`")


if __name__ == "__main__":
    main()
