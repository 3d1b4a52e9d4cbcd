"""Passwords and API keys as hashes that may be written down, and their comparison in constant time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

__all__ = ["hash_key", "hash_password", "is_hash", "key_matches", "new_key", "password_matches"]

COST = (2**14, 8, 5)
"""scrypt's N, r and p: 16 MB and some tenths of a second a guess (OWASP, Password Storage Cheat Sheet)."""
MOST_MEMORY = 2**27
SCRYPT, SHA256 = "scrypt", "sha256"


def hash_password(password: str, cost: tuple[int, int, int] = COST) -> str:
    """The password's scrypt hash with its cost and salt, as one word.

    Args:
        password: The password.
        cost: scrypt's N, r and p.

    >>> password_matches("correct horse", hash_password("correct horse", (16, 8, 1)))
    True
    """
    salt = secrets.token_bytes(16)
    made = _scrypt(password, salt, cost)
    return ":".join((SCRYPT, *map(str, cost), _text(salt), _text(made)))


def password_matches(password: str, hashed: str) -> bool:
    """Whether the hash is the password's; a hash that is none matches nothing."""
    try:
        kind, n, r, p, salt, made = hashed.split(":")
        found = _scrypt(password, base64.b64decode(salt, validate=True), (int(n), int(r), int(p)))
        return kind == SCRYPT and hmac.compare_digest(found, base64.b64decode(made, validate=True))
    except ValueError:
        return False


def new_key() -> str:
    """A new API key: 256 random bits, with a mark by which scanners of repositories know it."""
    return f"sy_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    """A key's hash; a key is random and long, so that a fast hash does.

    >>> key_matches("sy_abc", hash_key("sy_abc")), key_matches("sy_abd", hash_key("sy_abc"))
    (True, False)
    """
    return f"{SHA256}:{hashlib.sha256(key.encode()).hexdigest()}"


def key_matches(key: str, hashed: str) -> bool:
    """Whether the hash is the key's."""
    return hmac.compare_digest(hash_key(key).encode(), hashed.encode())


def is_hash(text: str) -> bool:
    """Whether a text has the form of a hash made here.

    >>> is_hash(hash_key("sy_abc")), is_hash("scrypt:hello"), is_hash("hunter2")
    (True, False, False)
    """
    kind, *parts = text.split(":")
    if kind == SHA256:
        return len(parts) == 1 and len(parts[0]) == 64
    return kind == SCRYPT and len(parts) == 5 and all(part.isdigit() for part in parts[:3])


def _scrypt(password: str, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=MOST_MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
