"""Writes the parts of the documents that code knows better: `make generate` writes, `make check` compares."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from generated import architecture, commands, definitions, public_names, schemas, traps

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "src" / "steelyard" / "project" / "schemas"
MARK = re.compile(r"(<!-- begin: (?P<name>[a-z-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)
PARTS: dict[str, Callable[[], str]] = {
    "folders": architecture.folders,
    "ladder": architecture.ladder,
    "commands": commands.commands,
    "command-options": commands.command_options,
    "errors": definitions.errors,
    "estimate-columns": definitions.estimate_columns,
    "result-parts": definitions.result_parts,
    "settings": definitions.settings,
    "source-keys": definitions.source_keys,
    "table-keys": definitions.table_keys,
    "metric-keys": definitions.metric_keys,
    "study-keys": definitions.study_keys,
    "dashboard-keys": definitions.dashboard_keys,
    "public-names": public_names.public_names,
    "traps": traps.traps,
    "trap-peers": traps.peers,
}


def written(text: str) -> str:
    """The document with its generated parts as they should be."""
    return MARK.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]()}\n{found[3]}", text)


def documents() -> Iterator[tuple[Path, str]]:
    """Every file that is generated, or has a generated part, with the text that it should have."""
    for path in [ROOT / "ARCHITECTURE.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        yield path, written(path.read_text(encoding="utf-8"))
    for name, text in schemas.schemas().items():
        yield SCHEMAS / name, text


def main() -> None:
    """Rewrites the documents, or with --check says which are stale."""
    stale = []
    for path, text in documents():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}: run `make generate`")


if __name__ == "__main__":
    main()
