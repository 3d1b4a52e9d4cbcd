"""Prints blocks or JSON, and errors in their one shape."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from steelyard.canonical import plain
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from rich.console import Console

    from steelyard.document import Block

__all__ = ["console", "folded", "print_error", "print_json", "show"]


def console(*, stderr: bool = False) -> Console:
    """The terminal, or the pipe, that is written to."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def show(blocks: Sequence[Block], data: Any, *, as_json: bool, details: bool = True) -> None:
    """Prints blocks for a person, or `data` for a program.

    Args:
        blocks: What a person reads.
        data: Plain values, or what can be made plain.
        as_json: Whether a program reads.
        details: Whether folded sections are printed; else they are named.
    """
    from steelyard.document import to_terminal, to_text

    if as_json:
        print_json(data)
        return
    blocks = blocks if details else folded(blocks)
    if sys.stdout.isatty():
        console().print(to_terminal(blocks))
    else:
        sys.stdout.write(to_text(blocks, width=120))


def folded(blocks: Sequence[Block]) -> list[Block]:
    """The blocks with every section that is folded in a page left out, and named in one last line."""
    from steelyard.document import Paragraph, Section

    closed = [block.title for block in blocks if isinstance(block, Section) and not block.open]
    shown = [block for block in blocks if not (isinstance(block, Section) and not block.open)]
    return [*shown, Paragraph(f"--details shows: {', '.join(closed)}.")] if closed else shown


def print_json(data: Any) -> None:
    """Prints plain values as indented JSON; letters that the terminal does not have are escaped."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(plain(data), indent=2, ensure_ascii=not unicode) + "\n")


def print_error(error: SteelyardError, *, as_json: bool) -> None:
    """Prints the error's three lines, or its JSON shape, to standard error."""
    if as_json:
        sys.stderr.write(json.dumps(error.to_dict()) + "\n")
        return
    colour = sys.stderr.isatty()
    for line in str(error).splitlines():
        label, _, text = line.partition(":")
        known = label in ("problem", "where", "hint")
        sys.stderr.write(f"\x1b[1m{label}:\x1b[0m{text}\n" if colour and known else f"{line}\n")
