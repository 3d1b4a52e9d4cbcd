"""The one text of a plain value, and the digest of that text."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from steelyard.errors import DefinitionError

__all__ = ["canonical_json", "digest", "digest_of_bytes", "plain"]


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
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    raise DefinitionError(f"a {type(value).__name__} has no plain form: {value!r}")


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
