"""What MkDocs does not know by itself: the order of the pages, the project's own files, and the guides' blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
GUIDES = (
    "loading", "tables", "storage", "warehouse", "metrics", "metric_kinds", "joins", "time", "product", "explain",
    "watching", "audit", "importing", "experiments", "assignment", "causal", "ledger", "decisions", "web", "document",
    "simulate",
)  # fmt: skip
REFERENCE = (
    "commands", "python", "settings", "sources", "tables", "metrics", "studies", "result", "errors", "editors",
)  # fmt: skip
PROJECT = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
BLOCK = re.compile(r"^```(?P<language>[a-z]+) (?P<rest>[^\n`]+)$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the pages: a guide or a reference page that is not in the order above comes after those that are."""
    config.nav = [
        {"Home": "index.md"},
        {"Guides": listed("guides", GUIDES)},
        {"Reference": listed("reference", REFERENCE)},
        {"Traps": "traps.md"},
        {"The project": [name.lower() for name in PROJECT]},
    ]
    return config


def listed(folder: str, order: tuple[str, ...]) -> list[str]:
    """The pages of a folder."""
    names = [path.stem for path in (ROOT / "docs" / folder).glob("*.md")]
    ranked = sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
    return [f"{folder}/{name}.md" for name in ranked]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the project's own files, which stand outside docs/, with their links as they are inside it."""
    for name in PROJECT:
        text = (ROOT / name).read_text(encoding="utf-8")
        for other in PROJECT:
            text = text.replace(f"]({other})", f"]({other.lower()})")
        files.append(File.generated(config, name.lower(), content=re.sub(r"\]\((?:\./)?docs/", "](", text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Shows a block's file name above it, and takes away the words that only the guides' test reads."""
    return BLOCK.sub(lambda found: f"{caption(found['rest'])}```{found['language']}", markdown)


def caption(rest: str) -> str:
    """The name of the file that a block is."""
    name = re.search(r"file=(\S+)", rest)
    return f"`{name[1]}`:\n\n" if name else ""
