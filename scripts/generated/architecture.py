"""The folders and the ladder of imports, as the code and the linter have them."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from generated.markdown import table

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "steelyard"


def folders() -> str:
    """One line a folder."""
    packages = sorted(path for path in SOURCE.rglob("__init__.py") if path.parent != SOURCE)
    modules = [SOURCE / name for name in ("errors.py", "canonical.py", "definition_file.py")]
    rows = [(f"`{path.name}`", first_line(path)) for path in modules]
    rows += [(f"`{path.parent.relative_to(SOURCE)}/`", first_line(path)) for path in packages]
    return table(("where", "what"), rows)


def first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def ladder() -> str:
    """The ladder, as the linter holds it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return "```text free\n" + "\n".join(contracts[0]["layers"]) + "\n```\n"
