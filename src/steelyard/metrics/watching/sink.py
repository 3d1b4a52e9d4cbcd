"""Where alerts are sent: a webhook, mail, a file. Secrets are named, never written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Literal
from urllib.parse import urlsplit

from steelyard.errors import DefinitionError

__all__ = ["Mail", "Sink", "Webhook"]

_SECRET = re.compile(r"\$\{\w+\}")
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key")
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[A-Za-z0-9_.\-]+(?:\.[A-Za-z0-9\-]+)?")


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A JSON document sent by POST.

    Args:
        url: The address, `https://` or `http://`; `${NAME}` in it is taken from the environment.
        headers: More headers; `${NAME}` in them likewise.
        timeout: Seconds that one try may take.
        retries: How often a try that failed, or was answered with 429 or 5xx, is repeated, after growing pauses.

    Raises:
        DefinitionError: The address is none, or a secret is written in it.

    >>> Webhook(url="https://hooks.example.org/${HOOK_TOKEN}").retries
    3
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    retries: int = 3

    def __post_init__(self) -> None:
        shown = re.sub(r"[?#].*", "", self.url)
        whole_is_named = re.fullmatch(r"\$\{\w+\}", self.url) is not None
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in ("http", "https") and bool(parts.netloc) and not re.search(r"\s", self.url)
        except ValueError:
            good = False
        if not good and not whole_is_named:
            hint = "write https://host/path, or ${NAME} where the environment has the whole address"
            raise DefinitionError(f"{shown!r} is no address of a webhook", hint=hint)
        if good and "@" in parts.netloc and not _SECRET.search(parts.netloc.rpartition("@")[0].partition(":")[2]):
            raise _written("a password in the address of a webhook")
        for name, text in self.headers.items():
            if name.lower() in _SECRET_HEADERS and not _SECRET.search(text):
                raise _written(f"the header {name!r} of a webhook")
        _check_patience(self.timeout, self.retries, "a webhook")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A message sent by SMTP.

    Args:
        host: The mail server.
        to: Who receives it.
        sender: Whom it is from.
        port: The server's port; 0 takes 587, 465 or 25, by `security`.
        security: `starttls`, `tls` or `none`.
        user: The user to sign in as; empty signs in as nobody. `${NAME}` is taken from the environment.
        password: `${NAME}` of the environment variable that holds the password.
        timeout: Seconds that the server may take to answer.
        retries: How often a try that failed is repeated.

    Raises:
        DefinitionError: An address is malformed, or the password is written out.

    >>> Mail(host="mail.example.org", to=("ann@example.org",), sender="steelyard@example.org").port_used
    587
    """

    host: str
    to: tuple[str, ...]
    sender: str
    port: int = 0
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    timeout: float = 20.0
    retries: int = 2

    def __post_init__(self) -> None:
        if not self.to:
            raise DefinitionError("a mail has nobody to go to", hint="add `to:`")
        for address in (*self.to, self.sender):
            if not _ADDRESS.fullmatch(parseaddr(address)[1]) or re.search(r"[\r\n]", address):
                raise DefinitionError(f"{address!r} is no mail address", hint="write it as name@example.org")
        if not self.host or re.search(r"[\s/]", self.host) or not 0 <= self.port <= 65535:
            raise DefinitionError(
                f"{self.host!r}, port {self.port}, is no mail server", hint="write `host: mail.example.org`"
            )
        if self.security not in ("starttls", "tls", "none"):
            raise DefinitionError(f"{self.security!r} is no security of mail", hint="write starttls, tls or none")
        if bool(self.user) != bool(self.password):
            raise DefinitionError("a mail server's user and password go together", hint="give both, or neither")
        if self.password and not _SECRET.fullmatch(self.password):
            raise _written("the password of a mail server")
        _check_patience(self.timeout, self.retries, "mail")

    @property
    def port_used(self) -> int:
        """The port, or the usual one."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]


@dataclass(frozen=True, kw_only=True)
class Sink:
    """One place that alerts are sent to; exactly one of `webhook`, `mail` and `file` is given.

    Args:
        name: As alerts name it.
        webhook: A JSON document sent by POST.
        mail: A message sent by SMTP.
        file: A file of JSON lines that is appended to, relative to the project's folder.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It is none of them, or several.

    >>> Sink(name="log", file="alerts.jsonl").kind
    'file'
    """

    name: str
    webhook: Webhook | None = None
    mail: Mail | None = None
    file: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        given = [kind for kind in ("webhook", "mail", "file") if getattr(self, kind)]
        if len(given) != 1:
            raise DefinitionError(
                f"the sink {self.name!r} is {' and '.join(given) or 'nothing'}",
                where=self.defined_at,
                hint="give exactly one of webhook, mail and file",
            )

    @property
    def kind(self) -> str:
        """Which of the three it is."""
        return next(kind for kind in ("webhook", "mail", "file") if getattr(self, kind))


def _written(what: str) -> DefinitionError:
    return DefinitionError(f"{what} is written out", hint="name an environment variable that holds it: ${NAME}")


def _check_patience(timeout: float, retries: int, what: str) -> None:
    if not 0 < timeout <= 600 or not 0 <= retries <= 20:
        raise DefinitionError(
            f"{what} with a timeout of {timeout:g} s and {retries} retries",
            hint="give up to 600 seconds, and 0 to 20 retries",
        )
