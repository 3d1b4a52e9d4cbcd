"""Who may use the web app, and in which role: users with passwords, and keys of programs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.project.secret_hash import SCRYPT, SHA256, hash_key, is_hash, key_matches, password_matches

__all__ = ["Access", "Key", "Role", "User"]

Role = Literal["viewer", "analyst", "decider"]
_NAME = re.compile(r"\$\{(\w+)\}")
SHORTEST = {"password": 12, "key": 32}
"""The fewest characters of a secret that comes from the environment."""


@dataclass(frozen=True, kw_only=True)
class User:
    """A person who signs in.

    Args:
        role: `viewer` reads; `analyst` asks, runs and replays too; `decider` also ramps and decides.
        password: `${NAME}`, an environment variable that holds it; or its hash, of `steelyard access password`.
    """

    role: Role
    password: str = field(repr=False)

    def accepts(self, password: str) -> bool:
        """Whether it is the password."""
        return _accepts(self.password, password)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A program's key, sent as `Authorization: Bearer KEY`.

    Args:
        role: As of a user.
        key: `${NAME}`, an environment variable that holds it; or its hash, of `steelyard access key`.
    """

    role: Role
    key: str = field(repr=False)

    def accepts(self, key: str) -> bool:
        """Whether it is the key."""
        return _accepts(self.key, key)


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may use the web app. Where nobody is named, everybody on this machine may, and nobody elsewhere.

    Args:
        users: Those who sign in, by name.
        keys: Keys of programs, by name.
        session_hours: Hours after which one has to sign in again.
        secure_cookie: Whether browsers send the cookie over HTTPS alone: for a server behind a proxy that speaks HTTPS.
    """

    users: Mapping[str, User] = field(default_factory=dict)
    keys: Mapping[str, Key] = field(default_factory=dict)
    session_hours: float = 12.0
    secure_cookie: bool = False

    @property
    def configured(self) -> bool:
        """Whether anybody is named."""
        return bool(self.users or self.keys)

    def check(self, where: str) -> None:
        """Refuses what cannot be; no secret is quoted.

        Raises:
            DefinitionError: A secret is written down in the open, or a session would have no end or no time.
        """
        for name, user in self.users.items():
            _check_secret(user.password, SCRYPT, f"{where}: access.users.{name}.password", "steelyard access password")
        for name, key in self.keys.items():
            _check_secret(key.key, SHA256, f"{where}: access.keys.{name}.key", "steelyard access key")
        if not 0 < self.session_hours <= 24 * 31:
            problem = f"a session of {self.session_hours:g} hours cannot be"
            raise DefinitionError(problem, where=f"{where}: access.session_hours", hint="give more than 0, at most 744")

    def check_environment(self) -> None:
        """Refuses to begin where a secret is not in the environment, or is too short to be one.

        Raises:
            DefinitionError: It is so.
        """
        said = [("password", user.password, f"access.users.{name}.password") for name, user in self.users.items()]
        said += [("key", key.key, f"access.keys.{name}.key") for name, key in self.keys.items()]
        for kind, text, where in said:
            found = _NAME.fullmatch(text)
            if found is not None and len(os.environ.get(found[1], "")) < SHORTEST[kind]:
                raise DefinitionError(
                    f"the environment variable {found[1]!r} holds no {kind} of at least {SHORTEST[kind]} characters",
                    where=where,
                    hint=f"export {found[1]}=..., or write down a hash: `steelyard access {kind}`",
                )


def _check_secret(text: str, kind: str, where: str, command: str) -> None:
    if _NAME.fullmatch(text) or (is_hash(text) and text.startswith(kind)):
        return
    raise DefinitionError(
        "the secret is written down in the open, or is a hash of another kind",
        where=where,
        hint=f"write ${{NAME}}, an environment variable that holds it, or what `{command}` prints",
    )


def _accepts(secret: str, given: str) -> bool:
    """Whether what was given is the secret; whatever it is, the time is that of one comparison."""
    found = _NAME.fullmatch(secret)
    if found is not None:
        known = os.environ.get(found[1], "")
        return bool(known) and key_matches(given, hash_key(known))
    return password_matches(given, secret) if secret.startswith(SCRYPT) else key_matches(given, secret)
