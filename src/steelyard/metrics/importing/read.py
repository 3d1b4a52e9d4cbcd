"""Reads a file of another semantic layer: which one, and what is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from steelyard.definition_file import read_definition
from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.importing.imported import Imported
from steelyard.metrics.importing.ossie import import_ossie, is_ossie
from steelyard.metrics.importing.semantic_manifest import import_semantic_manifest, is_semantic_manifest

__all__ = ["FORMATS", "import_definitions"]

FORMATS: dict[str, Callable[[Mapping[str, Any], str], Imported]] = {
    "semantic-manifest": import_semantic_manifest,
    "ossie": import_ossie,
}
"""The formats by the name that a person gives them."""
_LARGEST = 100_000_000
_UNPRINTABLE = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def import_definitions(path: str | Path, *, format: str = "") -> Imported:  # noqa: A002 - the word for it
    """Definitions from a file of another semantic layer, with an account of everything in it.

    Nothing is written, and nothing is approximated without a word: what has no equal here is left out, with the reason
    and what comes nearest.

    Args:
        path: dbt's `target/semantic_manifest.json`, or an Apache Ossie document in YAML or JSON.
        format: `semantic-manifest` or `ossie`; empty looks what it is.

    Raises:
        UnknownNameError: There is no such format.
        DefinitionError: The file is not there, is of neither format, or of a version that is not known.
    """
    if format and format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    data = _read(Path(path))
    _refuse_unprintable(data, str(path))
    return FORMATS[format or _format_of(data, str(path))](data, str(path))


def _format_of(data: Mapping[str, Any], shown: str) -> str:
    if is_semantic_manifest(data) or ("nodes" in data and "metadata" in data):
        return "semantic-manifest"
    if is_ossie(data):
        return "ossie"
    keys = ", ".join(list(data)[:5]) or "nothing"
    hint = "give dbt's target/semantic_manifest.json, or an Apache Ossie document"
    raise DefinitionError(f"this is of no format that is known; it has {keys}", where=shown, hint=hint)


def _refuse_unprintable(data: Mapping[str, Any], shown: str) -> None:
    """Refuses text that cannot be written: control characters, and halves of characters."""
    waiting: list[tuple[str, Any]] = [("", data)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(place, str(key)) for key in value]
            waiting += [(f"{place}.{ascii(key)[1:-1]}".lstrip("."), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{place}[{number}]", item) for number, item in enumerate(value)]
        elif isinstance(value, str) and (wrong := _UNPRINTABLE.search(value)):
            problem = f"the text at {place or 'the top'} has the character U+{ord(wrong[0]):04X}"
            raise DefinitionError(problem, where=shown, hint="take it out: no file of definitions can hold it")


def _read(path: Path) -> Mapping[str, Any]:
    shown = str(path)
    if path.suffix.lower() != ".json":
        return read_definition(path).data
    try:
        if path.stat().st_size > _LARGEST:
            raise DefinitionError(f"{shown!r} is larger than {_LARGEST:,} bytes", where=shown)
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DefinitionError(f"no file {shown!r}", where=shown, hint="`dbt parse` writes it to target/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{shown!r} cannot be read: {error}", where=shown) from error
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise DefinitionError(f"this is not JSON: {error}", where=f"{shown}:{line}", hint="look at its end") from error
    if not isinstance(data, dict):
        raise DefinitionError("the JSON is not an object", where=shown, hint="give dbt's target/semantic_manifest.json")
    return data
