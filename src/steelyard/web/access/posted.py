"""What a form sent: its fields, bounded, each once."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from steelyard.errors import DefinitionError
from steelyard.web.access.refused import FormError, TooLargeError

__all__ = ["posted_fields", "safe_path"]

MOST_BYTES = 64 * 1024
MOST_FIELDS = 64
KIND = "application/x-www-form-urlencoded"


async def posted_fields(request: Request) -> dict[str, str]:
    """The fields, without the spaces around them.

    Raises:
        FormError: It is no form.
        TooLargeError: It is more than 64 kB.
        DefinitionError: It is not text, or a field is there twice.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise FormError("what was sent is no form", where=request.url.path, hint=f"send {KIND}")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise TooLargeError("the form is larger than 64 kB", where=request.url.path, hint="write less")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise DefinitionError("the form cannot be read", where=request.url.path, hint="send it as UTF-8") from error
    if len({name for name, _ in pairs}) < len(pairs):
        raise DefinitionError("a field of the form is there twice", where=request.url.path, hint="send each once")
    return {name: value.replace("\r\n", "\n").strip() for name, value in pairs}


def safe_path(text: str) -> str:
    """Where to go on this server; whatever leads elsewhere leads home.

    >>> safe_path("/metrics?by=x"), safe_path("//evil.example"), safe_path("/\\\\evil.example"), safe_path("https://evil")
    ('/metrics?by=x', '/', '/', '/')
    """
    fine = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and " " not in text
    return text if fine else "/"
