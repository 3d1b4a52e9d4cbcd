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

__all__ = ["console", "print_error", "print_json", "show"]


def console(*, stderr: bool = False) -> Console:
    """The terminal, or the pipe, that is written to."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def show(blocks: Sequence[Block], data: Any, *, as_json: bool) -> None:
    """Prints blocks for a person, or `data` for a program.

    Args:
        blocks: What a person reads.
        data: Plain values, or what can be made plain.
        as_json: Whether a program reads.
    """
    from steelyard.document import to_terminal, to_text

    if as_json:
        print_json(data)
    elif sys.stdout.isatty():
        console().print(to_terminal(blocks))
    else:
        sys.stdout.write(to_text(blocks, width=120))


def print_json(data: Any) -> None:
    """Prints plain values as indented JSON."""
    sys.stdout.write(json.dumps(plain(data), indent=2, ensure_ascii=False) + "\n")


def print_error(error: SteelyardError, *, as_json: bool) -> None:
    """Prints the error's three lines, or its JSON shape, to standard error."""
    if as_json:
        sys.stderr.write(json.dumps(error.to_dict(), ensure_ascii=False) + "\n")
        return
    colour = sys.stderr.isatty()
    for line in str(error).splitlines():
        label, _, text = line.partition(":")
        known = label in ("problem", "where", "hint")
        sys.stderr.write(f"\x1b[1m{label}:\x1b[0m{text}\n" if colour and known else f"{line}\n")
