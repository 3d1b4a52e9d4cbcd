"""How a command ends: what went wrong in its one shape, the exit code, and output that nobody takes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from typer import TyperException

from steelyard.cli.output import print_error
from steelyard.errors import DefinitionError, SteelyardError, WarehouseError

__all__ = ["end"]


class UsageError(DefinitionError):
    """What was typed is no command, option or argument of ours."""


class InternalError(SteelyardError):
    """Steelyard itself failed, in a way that nobody foresaw."""

    exit_code = 1


def end(command: Callable[..., Any]) -> None:
    """Runs the command and ends the process with its exit code.

    Args:
        command: The command line's tree of commands, which returns an exit code, or raises.
    """
    _ready_the_streams()
    try:
        code = command(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        code = 0
    except SystemExit as ended:
        # The parser ends the process by itself when the reader of a pipe has gone; that is no failure.
        code = 0 if isinstance(ended.__context__, BrokenPipeError) else ended.code
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - the one place where whatever happened becomes a problem, a place and a hint
        code = _told(error)
    _settle_output()
    sys.exit(code)


def _ready_the_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif isinstance(stream, TextIOWrapper):
            # A letter that the terminal does not have is escaped: never lost, and never the end of the command.
            stream.reconfigure(errors="backslashreplace")


def _settle_output() -> None:
    """Takes away the output that can no longer be written, which Python would complain about when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _told(error: Exception) -> int:
    as_json = "--json" in sys.argv
    if isinstance(error, TyperException) and not as_json and hasattr(error, "show"):
        error.show()
        return 2
    said = _as_ours(error)
    if isinstance(said, InternalError) and os.environ.get("STEELYARD_TRACEBACK"):
        traceback.print_exception(error)
    print_error(said, as_json=as_json)
    return said.exit_code


def _as_ours(error: Exception) -> SteelyardError:
    """The same error as a problem, a place and a hint."""
    if isinstance(error, SteelyardError):
        return error
    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "steelyard"
        problem = error.format_message() if hasattr(error, "format_message") else str(error)
        return UsageError(problem, where=path, hint=f"`{path} --help` lists what there is")
    if isinstance(error, OSError):
        return WarehouseError(
            f"the machine refused: {error.strerror or error}",
            where=str(error.filename or _line_of(error)),
            hint="look whether the place exists, has room, and may be read and written by you",
        )
    return InternalError(
        f"Steelyard failed where it should not have: {type(error).__name__}: {error}",
        where=_line_of(error),
        hint="please report it; with STEELYARD_TRACEBACK=1 it shows where it came from",
    )


def _line_of(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"
