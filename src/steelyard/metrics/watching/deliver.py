"""Sends a message to a sink: a webhook by POST, mail by SMTP, a file of JSON lines."""

from __future__ import annotations

import json
import os
import re
import smtplib
import ssl
import time
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any

from steelyard.errors import DefinitionError, SteelyardError, WarehouseError
from steelyard.metrics.watching.alert_log import append_lines
from steelyard.metrics.watching.sink import Mail, Sink, Webhook

__all__ = ["deliver"]

Message = Mapping[str, Any]
_AGAIN = (429, 500, 502, 503, 504)
LONGEST_PAUSE = 10.0
PAUSE = 0.5


def deliver(sink: Sink, message: Message, folder: Path) -> str:
    """Sends it; returns when the sink has it, with what is to be said of that: recipients that were refused.

    Args:
        sink: Where to.
        message: Plain values, with an `id`, a `title` and `says`.
        folder: What the path of a file is relative to.

    Raises:
        WarehouseError: The sink did not take it.
        DefinitionError: It names an environment variable that is not set.
    """
    if sink.webhook is not None:
        _post(sink, sink.webhook, message)
    elif sink.mail is not None:
        return _mail(sink, sink.mail, message)
    else:
        path = folder / Path(sink.file).expanduser()
        append_lines(path, (json.dumps(message, ensure_ascii=False) + "\n").encode())
    return ""


def _filled(text: str, sink: Sink) -> str:
    """The text with each `${NAME}` taken from the environment."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise DefinitionError(
                f"the environment variable {found[1]!r} is not set",
                where=sink.defined_at or f"sink {sink.name}",
                hint=f"export {found[1]}=...",
            )
        return os.environ[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _refused(sink: Sink, problem: str) -> SteelyardError:
    hint = "the alert is kept, and sent by the next `steelyard watch`"
    return WarehouseError(f"the sink {sink.name!r} did not take the alert: {problem}", where=sink.defined_at, hint=hint)


def _post(sink: Sink, hook: Webhook, message: Message) -> None:
    import urllib3

    headers = {name: _filled(text, sink) for name, text in hook.headers.items()}
    headers = {"Content-Type": "application/json", "Idempotency-Key": _key(message), **headers}
    retries = urllib3.Retry(
        total=hook.retries,
        backoff_factor=PAUSE,
        backoff_max=LONGEST_PAUSE,
        status_forcelist=_AGAIN,
        allowed_methods=None,
        raise_on_status=False,
        redirect=False,
    )
    try:
        with urllib3.PoolManager(retries=retries, timeout=hook.timeout) as pool:
            answer = pool.request(
                "POST",
                _filled(hook.url, sink),
                body=json.dumps(message, ensure_ascii=False).encode(),
                headers=headers,
                redirect=False,
            )
    except urllib3.exceptions.HTTPError as error:
        # What urllib3 says quotes the address, which may hold a secret.
        cause = getattr(error, "reason", None) or error
        raise _refused(sink, f"no answer after {hook.retries + 1} tries: {type(cause).__name__}") from None
    except (ValueError, OSError) as error:
        raise _refused(sink, f"it cannot be asked: {type(error).__name__}") from None
    if not 200 <= answer.status < 300:
        raise _refused(sink, f"it answered {answer.status}")


def _key(message: Message) -> str:
    return f"{message['event']}-{message['id']}"


def _mail(sink: Sink, mail: Mail, message: Message) -> str:
    """Sends it to all; those whom the server refuses for good while it takes others are named, and not asked again."""
    letter = EmailMessage()
    letter["Subject"] = " ".join(str(message["title"]).split())
    letter["From"], letter["To"] = mail.sender, ", ".join(mail.to)
    letter["Date"] = formatdate()
    letter["Message-ID"] = f"<{_key(message)}@steelyard>"
    letter.set_content(_text(message))
    user, password = _filled(mail.user, sink), _filled(mail.password, sink)
    tried = 0
    while True:
        try:
            refused = _hand_over(mail, letter, user, password)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if tried == mail.retries or _is_final(error):
                raise _refused(sink, f"{mail.host}, port {mail.port_used}: {_said(error)}") from None
            time.sleep(min(PAUSE * 2**tried, LONGEST_PAUSE))
            tried += 1
        else:
            return f"{mail.host} refused {', '.join(refused)}" if refused else ""


def _hand_over(mail: Mail, letter: EmailMessage, user: str, password: str) -> tuple[str, ...]:
    secure, port = ssl.create_default_context(), mail.port_used
    with (
        smtplib.SMTP_SSL(mail.host, port, timeout=mail.timeout, context=secure)
        if mail.security == "tls"
        else smtplib.SMTP(mail.host, port, timeout=mail.timeout)
    ) as server:
        if mail.security == "starttls":
            server.starttls(context=secure)
        if user:
            server.login(user, password)
        return tuple(server.send_message(letter))


def _is_final(error: Exception) -> bool:
    """Whether another try can change nothing: the server said no for good, or signing in failed."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= 500
    return isinstance(error, ValueError | smtplib.SMTPNotSupportedError)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"refused {', '.join(error.recipients)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code}"
    if isinstance(error, UnicodeError):  # its text would quote the password
        return "a user, password or address has letters that it does not take"
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _text(message: Message) -> str:
    """The message for a person."""
    lines = [str(message["says"])]
    if message.get("to_do"):
        lines += ["", str(message["to_do"])]
    if message.get("coincides"):
        lines += ["", "At the same time:", *(f"- {item}" for item in message["coincides"])]
    if message.get("also"):
        lines += ["", "With it:", *(f"- {item['what']} ({item['alert']})" for item in message["also"])]
    if message.get("explanation"):
        lines += ["", str(message["explanation"])]
    about = [f"{name}: {message[name]}" for name in ("alert", "severity", "owner", "id") if message.get(name)]
    return "\n".join([*lines, "", *about]) + "\n"
