"""Markdown made of code: tables, and what docstrings say of arguments and fields."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [
        " | ".join(head),
        " | ".join("---" for _ in head),
        *(" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows),
    ]
    return "".join(f"| {line} |\n" for line in lines)


def section(thing: object, title: str) -> str:
    """What a docstring says under `Title:`, with its line breaks and relative indentation; empty where nothing."""
    text = inspect.getdoc(thing) or ""
    found = re.search(
        rf"^{title}:(?P<same>[^\n]*)\n?(?P<rest>(?:(?:[ ]+[^\n]*)?\n)*(?:[ ]+[^\n]*)?)", text, re.MULTILINE
    )
    if not found:
        return ""
    return (found["same"].strip() + "\n" + inspect.cleandoc("\n" + found["rest"])).strip()


def arguments(thing: object) -> dict[str, str]:
    """Argument or field -> what the docstring says of it under `Args:`."""
    said: dict[str, str] = {}
    name = ""
    for line in section(thing, "Args").splitlines():
        begun = re.match(r"\*{0,2}(\w+): (.*)", line)
        if begun:
            name = begun[1]
            said[name] = begun[2].strip()
        elif name and line.strip():
            said[name] += f" {line.strip()}"
    return said


def fields_said(cls: type) -> dict[str, str]:
    """Field -> what its class, or the one that it inherits it from, says of it.

    Raises:
        SystemExit: A public field is not documented.
    """
    said: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        if "__doc__" in vars(parent):
            said.update(arguments(parent))
    missing = [item.name for item in dataclasses.fields(cls) if item.name not in said]  # type: ignore[arg-type]
    if missing:
        raise SystemExit(f"{cls.__module__}.{cls.__name__} does not document {', '.join(missing)}")
    return said


def first_paragraph(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
