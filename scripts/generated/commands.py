"""The command line's help: every command, argument and option."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from generated.markdown import table


def each_command() -> Iterator[tuple[str, Any]]:
    """Every command by its full name, such as `ledger verify`."""
    from typer.main import get_command

    from steelyard.cli.app import app

    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]
        nested = getattr(command, "commands", None)
        for inner, item in sorted(nested.items()) if nested else [("", command)]:
            yield f"{name} {inner}".strip(), item


def commands() -> str:
    """One line a command."""
    rows = [(f"`steelyard {name}`", command.get_short_help_str(limit=120)) for name, command in each_command()]
    return table(("command", "what"), rows)


def command_options() -> str:
    """Each command with all that it takes."""
    return "\n".join(_command(name, command) for name, command in each_command())


def _command(name: str, command: Any) -> str:
    parameters = [item for item in command.params if not getattr(item, "hidden", False)]
    arguments = [item for item in parameters if item.param_type_name == "argument"]
    usage = " ".join(["steelyard", name, *map(_placeholder, arguments), "[OPTIONS]"])
    hints = get_type_hints(inspect.unwrap(command.callback))
    rows = [(_spelling(item, hints[item.name]), _default(item), _meaning(item)) for item in parameters]
    body = table(("argument or option", "default", "meaning"), rows) if rows else ""
    return f"## `steelyard {name}`\n\n{command.help.strip()}\n\n```text free\n{usage}\n```\n\n{body}"


def _placeholder(item: Any) -> str:
    text = f"{item.name.upper()}{'...' if item.nargs != 1 or getattr(item, 'multiple', False) else ''}"
    return text if item.required else f"[{text}]"


def _spelling(item: Any, hint: Any) -> str:
    if item.param_type_name == "argument":
        return f"`{item.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in (*item.opts, *item.secondary_opts))
    return names if item.is_flag else f"{names} {_kind(hint)}"


def _kind(hint: Any) -> str:
    mentioned = {hint, *get_args(hint)}
    return "PATH" if Path in mentioned else "NUMBER" if mentioned & {int, float} else "TEXT"


def _default(item: Any) -> str:
    if item.required:
        return "must be given"
    default = item.default() if callable(item.default) else item.default
    nothing = default in (None, "", (), []) or (isinstance(default, bool) and not item.secondary_opts)
    if nothing:
        return ""
    if isinstance(default, bool):
        return f"`{(item.opts if default else item.secondary_opts)[0]}`"
    return f"`{default}`"


def _meaning(item: Any) -> str:
    variable = f" Or the environment variable `{item.envvar}`." if item.envvar else ""
    return f"{item.help or ''}{variable}"
