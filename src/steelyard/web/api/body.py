"""What is sent to an address: JSON of a known shape and a bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from steelyard.definition_file import build
from steelyard.errors import CancelledError, DefinitionError, SteelyardError, UnknownNameError
from steelyard.web.access.refused import MediaTypeError, TooLargeError

__all__ = ["MOST_BYTES", "body_of"]

MOST_BYTES = 1_000_000
T = TypeVar("T")


async def body_of(request: Request, kind: type[T]) -> T:
    """What was sent, as a value of this type.

    Args:
        request: The request.
        kind: A dataclass; keys that it does not have are refused.

    Raises:
        MediaTypeError: It does not say that it is JSON.
        TooLargeError: It has more than `MOST_BYTES`; the rest is not read.
        DefinitionError: It is no JSON, or of another shape.
    """
    said = request.headers.get("content-type", "")
    if said.partition(";")[0].strip().lower() != "application/json":
        hint = "send the header content-type: application/json"
        raise MediaTypeError(f"the body is {said or 'of no stated type'}, not JSON", where="the body", hint=hint)
    content = await _content(request)
    try:
        data = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DefinitionError(f"the body is not JSON: {error}", where="the body", hint="send one object") from error
    if not isinstance(data, Mapping):
        raise DefinitionError("the body is no object", where="the body", hint='such as {"metrics": ["revenue"]}')
    try:
        return build(kind, data)
    except UnknownNameError as error:
        raise DefinitionError(error.problem, where=error.where or "the body", hint=error.hint) from error
    except SteelyardError as error:
        raise error.at("the body") from error


async def _content(request: Request) -> bytes:
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > MOST_BYTES:
                hint = "send it in several requests"
                raise TooLargeError(f"the body has more than {MOST_BYTES:,} bytes", where="the body", hint=hint)
    except ClientDisconnect as error:
        raise CancelledError("the sender hung up", where="the body") from error
    return bytes(found)
