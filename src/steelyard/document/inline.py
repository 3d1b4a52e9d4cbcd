"""Text with links, emphasis and code, and what keeps text harmless in every medium."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from steelyard.errors import DefinitionError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
# What a terminal obeys, what XML forbids, what reverses the reading order, and halves of surrogate pairs.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True)
class Link:
    """Text that leads somewhere.

    Args:
        text: what is read.
        href: an `http://` or `https://` address, a path, or a `#fragment`.

    Raises:
        DefinitionError: the address has another scheme (such as `javascript:`), no host, or characters that
            browsers drop.
    """

    text: str
    href: str

    def __post_init__(self) -> None:
        check_href(self.href)


@dataclass(frozen=True)
class Strong:
    """Text that is stressed."""

    text: str


@dataclass(frozen=True)
class Code:
    """A name or an expression, in a fixed-width face."""

    text: str


Inline = str | Link | Strong | Code
Text = str | Iterable[Inline]


def spans(text: Text | Inline) -> tuple[Inline, ...]:
    """Give text as a tuple of its spans, neighbouring plain ones joined.

    >>> spans(["see ", "the ", Code("orders"), " table"])
    ('see the ', Code(text='orders'), ' table')
    """
    if isinstance(text, str | Link | Strong | Code):
        return (text,) if text != "" else ()
    joined: list[Inline] = []
    for span in text:
        if not isinstance(span, str | Link | Strong | Code):
            raise DefinitionError(
                f"text cannot hold a {type(span).__name__}", hint="use strings, Link, Strong and Code"
            )
        if isinstance(span, str) and joined and isinstance(joined[-1], str):
            joined[-1] += span
        elif span != "":
            joined.append(span)
    return tuple(joined)


def plain(text: Text | Inline) -> str:
    """Give the words of a text without its markup."""
    return "".join(span if isinstance(span, str) else span.text for span in spans(text))


def visible(text: str) -> str:
    r"""Write characters that a terminal would obey or a reader could not see as escapes.

    >>> visible("\x1b[31mred")
    '\\x1b[31mred'
    """
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Give visible text with each line break as a space."""
    return visible(text).replace("\n", " ").replace("\t", " ")


def check_href(href: str) -> None:
    """Refuse an address that is not http(s), a path or a fragment.

    Raises:
        DefinitionError: see `Link`.
    """
    scheme = _SCHEME.match(href)
    if scheme and scheme[0].lower() not in ("http:", "https:"):
        raise DefinitionError(
            f"a link may not lead to '{visible(href)}': its scheme is '{scheme[0]}'",
            hint="use http://, https://, a path or a #fragment (./ before a path that holds a colon)",
        )
    unprintable = _UNSAFE.search(href) or re.search(r"\s", href)
    if unprintable or "\\" in href or href.startswith("//") or (scheme and not re.match(r"https?://[^/]", href, re.I)):
        raise DefinitionError(
            f"a link may not lead to {href!a}",
            hint="percent-encode spaces and backslashes, and write http:// or https:// before a host",
        )
