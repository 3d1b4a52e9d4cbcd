"""The one text of a plain value, and the digest of that text."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from steelyard.errors import DefinitionError

__all__ = ["LATER", "canonical_json", "digest", "digest_of_bytes", "plain", "written_fields"]

LATER: Mapping[str, Any] = MappingProxyType({"later": True})
"""Metadata of a dataclass field that came after definitions were stored: it is not written at its default, so that what
was registered before keeps its digest."""


def plain(value: Any) -> Any:
    """The value as JSON's own types: dates in ISO form, decimals as text, tuples as lists, dataclasses as objects.

    Raises:
        DefinitionError: The value has no plain form, or is a NaN or an infinity.

    >>> plain({"at": date(2026, 1, 2), "amount": Decimal("1.10"), "arms": ("a", "b")})
    {'at': '2026-01-02', 'amount': '1.10', 'arms': ['a', 'b']}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DefinitionError(f"{value!r} has no plain form", hint="use null for a number that is not there")
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f} seconds"
    return _plain_container(value)


def _plain_container(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(item) for name, item in written_fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    raise DefinitionError(f"a {type(value).__name__} has no plain form: {value!r}")


def written_fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of each field of a dataclass that its plain form has: all but later ones at their default."""
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if not (field.metadata.get("later") and item == _default(field)):
            yield field.name, item


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def canonical_json(value: Any) -> str:
    """The value as JSON with sorted keys and no spaces: equal values have equal texts on every machine."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the value's canonical JSON, in hexadecimal.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return digest_of_bytes(canonical_json(value).encode())


def digest_of_bytes(content: bytes) -> str:
    """SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
