"""Tables of keys: what a definition file may say, taken from the dataclasses that it is built into."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from generated.markdown import fields_said, first_paragraph, table

WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", date: "date", Any: "anything"}
WORDS |= {datetime: "date and time", types.NoneType: "nothing"}


def keys(cls: type, *, without: Sequence[str] = (), heading: str = "") -> str:
    """A class's keys, and those of every class that stands inside it.

    Args:
        cls: A dataclass.
        without: Fields that a file does not give.
        heading: Level of the headings of the classes inside, such as `###`.
    """
    inner = (f"{heading} `{one.__name__}`\n\n{first_paragraph(one)}\n\n{keys_of(one)}" for one in nested(cls, without))
    return "\n".join([keys_of(cls, without), *inner])


def keys_of(cls: type, without: Sequence[str] = ()) -> str:
    """The table of one class's keys."""
    said, hints = fields_said(cls), get_type_hints(cls)
    rows = [
        (f"`{field.name}`", words(hints[field.name]), default_of(field), said[field.name])
        for field in dataclasses.fields(cls)
        if field.name not in without and field.init
    ]
    return table(("key", "takes", "default", "meaning"), rows) if rows else "It takes no key of its own.\n"


def nested(cls: type, without: Sequence[str] = ()) -> list[type]:
    """The dataclasses that the fields of a dataclass take, and theirs, each once."""
    found: dict[type, None] = {}
    waiting = [cls]
    while waiting:
        one = waiting.pop(0)
        skipped = without if one is cls else ()
        hints = get_type_hints(one)
        for field in dataclasses.fields(one):
            for inner in classes(hints[field.name]) if field.name not in skipped else ():
                if inner not in found:
                    found[inner] = None
                    waiting.append(inner)
    return list(found)


def classes(hint: Any) -> Iterator[type]:
    """The dataclasses that a type mentions."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for argument in get_args(hint):
        yield from classes(argument)


def words(hint: Any) -> str:
    """What a field takes, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(words(item) for item in arguments if item is not types.NoneType)
    if origin is Literal:
        return ", ".join(f"`{item}`" for item in arguments if item != "")
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of name to {words(arguments[1])}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        pair = len(arguments) > 1 and arguments[-1] is not Ellipsis
        return f"[{', '.join(map(words, arguments))}]" if pair else f"list of {words(arguments[0])}"
    return f"`{hint.__name__}`" if dataclasses.is_dataclass(hint) else WORDS[hint]


def default_of(field: dataclasses.Field[Any]) -> str:
    """The default, as YAML writes it; empty where it is nothing."""
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return "must be given"
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    if default in (None, "") or dataclasses.is_dataclass(default) or default in ((), {}):
        return ""
    if isinstance(default, tuple):
        return f"`[{', '.join(map(str, default))}]`"
    if isinstance(default, Mapping):
        return f"`{{{', '.join(default)}}}`"
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default}`"
