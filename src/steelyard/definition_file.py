"""A YAML file of definitions: its plain data, the line of every key, and a dataclass made of it with placed errors."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from steelyard.errors import DefinitionError, SteelyardError, unknown_name

__all__ = ["Definition", "Place", "build", "read_definition"]

T = TypeVar("T")
Place = tuple[str | int, ...]
MOST_NODES = 200_000
TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a definition file says, and the line that says it.

    Args:
        path: The file, as it is shown in messages.
        data: Its mapping; an empty file is an empty mapping. Dates stay text as written.
        lines: Line (from 1) of each key or item, by the path of keys and positions that leads to it.

    >>> d = read_definition("metrics/shop.yml", text="metrics:\\n  revenue:\\n    sum: orders.amount\\n")
    >>> d.data["metrics"]["revenue"], d.line_of(("metrics", "revenue", "sum")), d.where(("metrics", "revenue"))
    ({'sum': 'orders.amount'}, 3, 'metrics/shop.yml:2')
    """

    path: str
    data: dict[str, Any]
    lines: Mapping[Place, int]

    def line_of(self, place: Sequence[str | int] = ()) -> int:
        """The line of a key, or of the nearest thing around it that has one."""
        for length in range(len(place), -1, -1):
            line = self.lines.get(tuple(place[:length]))
            if line is not None:
                return line
        return 1

    def where(self, place: Sequence[str | int] = ()) -> str:
        """`file:line` of a key, as errors show it."""
        return f"{self.path}:{self.line_of(place)}"


def read_definition(path: str | Path, *, text: str | None = None, shown_as: str = "") -> Definition:
    """Reads a YAML file of definitions (scalars by YAML 1.2: `no`, `on` and `12:30` are text, and so are dates).

    Args:
        path: The file.
        text: Its text where that is at hand already; nothing is read then.
        shown_as: The name that messages give the file; the path as given by default.

    Raises:
        DefinitionError: The file is missing or is not YAML, says a key twice, or is not a mapping.
    """
    shown = shown_as or str(path)
    if text is None:
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise DefinitionError(f"no file {shown!r}", where=shown) from None
        except (UnicodeDecodeError, OSError) as error:
            raise DefinitionError(f"{shown!r} cannot be read: {error}", where=shown) from error
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise _not_yaml(error, shown) from error
    finally:
        loader.dispose()
    reading = _Reading(shown)
    data = {} if node is None else reading.value(node, ())
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise DefinitionError(
            f"{shown!r} is not a mapping of keys", where=f"{shown}:1", hint="write `key: value` lines"
        )
    return Definition(path=shown, data=data, lines=reading.lines)


def build(cls: type[T], data: Mapping[str, Any], definition: Definition | None = None, at: Place = ()) -> T:
    """A dataclass made of plain data, every key and value checked against the fields' types.

    A single value where a field takes a tuple or list is a sequence of one.

    Args:
        cls: A dataclass; its fields may be dataclasses, mappings, tuples, optional, unions with one dataclass.
        data: Field name -> plain value.
        definition: The file that `data` comes from; gives errors their file and line.
        at: Where in the file `data` stands.

    Raises:
        UnknownNameError: A key that is no field; names the nearest.
        DefinitionError: A required key is missing, or a value is not of its field's type.

    >>> @dataclass(frozen=True, kw_only=True)
    ... class Table:
    ...     name: str
    ...     key: tuple[str, ...] = ()
    >>> build(Table, {"name": "orders", "key": "order_id"}).key
    ('order_id',)
    >>> build(Table, {"name": "orders", "kee": "x"}, read_definition("a.yml", text="name: orders\\nkee: x"))
    Traceback (most recent call last):
    steelyard.errors.UnknownNameError: problem: no key named 'kee'
    where:   a.yml:2
    hint:    did you mean 'key'?
    """
    fitting = _Fitting(definition)
    fitted = fitting.fit(cls, data, at)
    try:
        return msgspec.convert(fitted, type=cls)
    except msgspec.ValidationError as error:
        fitting.find_fault(cls, fitted, at)
        raise fitting.error(error, at) from error


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """PyYAML's fastest safe loader with the plain scalars of YAML 1.2 and nothing else implied."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(TAG + _kind, re.compile(f"(?:{_pattern})\\Z"), _first)


class _Reading:
    """One walk over a file's nodes."""

    def __init__(self, shown: str) -> None:
        self.shown, self.lines, self.nodes = shown, dict[Place, int](), 0

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.nodes += 1
        self.lines.setdefault(place, node.start_mark.line + 1)
        if self.nodes > MOST_NODES or len(place) > 100:
            raise self.fault(node, "the file refers to itself, or is too large for a definition")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.fault(key_node, "a key must be a plain name")
            key = key_node.value
            if key in data:
                first = self.lines[(*place, key)]
                raise self.fault(key_node, f"the key {key!r} is given twice", f"it stands in line {first} already")
            self.lines[(*place, key)] = key_node.start_mark.line + 1
            data[key] = self.value(value_node, (*place, key))
        return data

    def scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        kind = node.tag.removeprefix(TAG)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind in ("int", "float"):
            try:
                return int(text) if kind == "int" else float(text)
            except ValueError:
                raise self.fault(node, f"{text!r} is no number") from None
        raise self.fault(node, f"the tag {node.tag!r} is not known", "write a plain value")

    def fault(self, node: yaml.Node, problem: str, hint: str = "") -> DefinitionError:
        return DefinitionError(problem, where=f"{self.shown}:{node.start_mark.line + 1}", hint=hint)


def _not_yaml(error: yaml.YAMLError, shown: str) -> DefinitionError:
    mark = getattr(error, "problem_mark", None)
    where = f"{shown}:{mark.line + 1}" if mark is not None else shown
    says = getattr(error, "problem", None) or str(error)
    return DefinitionError(
        f"this is not YAML: {says}", where=where, hint="look at the indentation, the colons and the quotes"
    )


@lru_cache(maxsize=1024)
def _fields(cls: type) -> dict[str, tuple[Any, bool]]:
    """Field name -> (type, whether it must be given)."""
    hints = get_type_hints(cls)
    absent = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is absent and field.default_factory is absent)
        for field in dataclasses.fields(cls)
        if field.init
    }


class _Fitting:
    """Plain data walked along a type: keys known, single values wrapped, faults placed."""

    def __init__(self, definition: Definition | None) -> None:
        self.definition = definition

    def where(self, place: Place) -> str:
        if self.definition is not None:
            return self.definition.where(place)
        return ".".join(str(part) for part in place)

    def fit(self, hint: Any, value: Any, place: Place) -> Any:
        hint = _narrowed(hint, value)
        if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
            return self.fit_fields(hint, value, place)  # type: ignore[arg-type]
        origin, arguments = get_origin(hint), get_args(hint)
        if _is_mapping(origin) and isinstance(value, Mapping):
            return {key: self.fit(arguments[1], item, (*place, key)) for key, item in value.items()}
        if _is_sequence(origin):
            if not isinstance(value, list | tuple) and value is not None:
                value = [value]
            if isinstance(value, list | tuple):
                return [self.fit(_item(arguments, n), item, (*place, n)) for n, item in enumerate(value)]
        return value

    def fit_fields(self, cls: type, data: Mapping[str, Any], place: Place) -> dict[str, Any]:
        fields = _fields(cls)
        for key in data:
            if key not in fields:
                raise unknown_name("key", key, fields, where=self.where((*place, key)))
        missing = [name for name, (_, required) in fields.items() if required and name not in data]
        if missing:
            names = ", ".join(repr(name) for name in missing)
            raise DefinitionError(f"missing: {names}", where=self.where(place), hint=f"add `{missing[0]}:`")
        return {key: self.fit(fields[key][0], value, (*place, key)) for key, value in data.items()}

    def find_fault(self, hint: Any, value: Any, place: Place) -> None:
        """Raises at the innermost place that does not convert; returns where everything does."""
        narrow = _narrowed(hint, value)
        origin, arguments = get_origin(narrow), get_args(narrow)
        if dataclasses.is_dataclass(narrow) and isinstance(value, Mapping):
            for key, item in value.items():
                self.find_fault(_fields(narrow)[key][0], item, (*place, key))  # type: ignore[arg-type]
        elif _is_mapping(origin) and isinstance(value, Mapping):
            for key, item in value.items():
                self.find_fault(arguments[1], item, (*place, key))
        elif _is_sequence(origin) and isinstance(value, list):
            for number, item in enumerate(value):
                self.find_fault(_item(arguments, number), item, (*place, number))
        elif (words := _words(hint)) and value not in words:
            raise self.no_word(value, words, place)
        try:
            msgspec.convert(value, type=hint)
        except msgspec.ValidationError as error:
            raise self.error(error, place, value) from error

    def no_word(self, value: Any, words: Sequence[Any], place: Place) -> DefinitionError:
        """The error that a value is none of the words that a key takes."""
        said = [str(word) for word in words if word not in ("", None)]
        near = get_close_matches(value, said, n=1, cutoff=0.6) if isinstance(value, str) else []
        name = ".".join(str(part) for part in place) or "the definition"
        hint = f"did you mean {near[0]!r}? known: {', '.join(said)}" if near else f"known: {', '.join(said)}"
        return DefinitionError(f"{name!r} cannot be {value!r}", where=self.where(place), hint=hint)

    def error(self, error: msgspec.ValidationError, place: Place, value: Any = None) -> SteelyardError:
        cause = error.__cause__
        if isinstance(cause, SteelyardError):
            return self.placed(cause, place)
        says = str(error).split(" - at ")[0]
        name = ".".join(str(part) for part in place) or "the definition"
        shown = "" if value is None or isinstance(value, Mapping | list) else f" ({value!r})"
        return DefinitionError(
            f"{name!r}: {says[:1].lower()}{says[1:]}{shown}", where=self.where(place), hint=_what_to_give(says)
        )

    def placed(self, cause: SteelyardError, place: Place) -> SteelyardError:
        """What a value's own class says of it, with the line of the key that it names."""
        if self.definition is None or cause.where.startswith(self.definition.path):
            return cause.at(self.where(place))
        _, _, key = cause.where.partition(".")
        line = self.where((*place, *(key.split(".") if key else ())))
        cause.where = f"{line} ({cause.where})" if cause.where else line
        return cause


_GIVE = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text, in quotes if it looks like a number",
    "date": "a day, such as 2026-03-01",
    "datetime": "a moment, such as 2026-03-01T12:00:00Z",
    "object": "keys with values: {key: value}",
    "array": "a list: [one, other]",
    "null": "nothing",
}
"""What a type of a value is to its writer."""


def _what_to_give(says: str) -> str:
    """What a key takes, of what the converter says that it expected; empty where it says something else."""
    if "RFC3339" in says:
        return f"give {_GIVE['date']}"
    wanted = re.match(r"Expected `([^`]+)`", says)
    names = wanted[1].split(" | ") if wanted else []
    return (
        f"give {', or '.join(_GIVE[name] for name in names)}" if all(name in _GIVE for name in names) and names else ""
    )


def _narrowed(hint: Any, value: Any) -> Any:
    """Of a union, the one member that a value of this shape can be; the hint itself where several could."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    members = [member for member in get_args(hint) if member is not type(None)]
    if isinstance(value, Mapping):
        fitting = [m for m in members if dataclasses.is_dataclass(m) or _is_mapping(get_origin(m))]
    elif isinstance(value, list | tuple):
        fitting = [m for m in members if _is_sequence(get_origin(m))]
    else:
        fitting = members
    return fitting[0] if len(fitting) == 1 else hint


def _words(hint: Any) -> tuple[Any, ...]:
    """The words that a field takes, where it takes nothing else."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    given = [member for member in members if member is not type(None)]
    if not given or any(get_origin(member) is not Literal for member in given):
        return ()
    found = [word for member in given for word in get_args(member)]
    return (*found, None) if len(given) < len(members) else tuple(found)


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_sequence(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Sequence)


def _item(arguments: tuple[Any, ...], number: int) -> Any:
    """The type of a sequence's item: its own in `tuple[date, date]`, the one of all in `tuple[str, ...]`."""
    if len(arguments) > 1 and arguments[-1] is not Ellipsis:
        return arguments[min(number, len(arguments) - 1)]
    return arguments[0]
