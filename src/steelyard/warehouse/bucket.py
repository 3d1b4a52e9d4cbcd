"""A stable place for an id, the same in SQL and in Python."""

from __future__ import annotations

from hashlib import md5

__all__ = ["BUCKETS", "bucket"]

BUCKETS = 2**60
"""How many buckets there are."""


def bucket(salt: str, identity: str | int) -> int:
    """The bucket of an id, what `bucket(salt, id)` gives in SQL on every engine: the first 60 bits of `md5(salt:id)`.

    Args:
        salt: What the draw is for, such as the name of an experiment; another salt is an independent draw.
        identity: The id, as text or a whole number.

    Returns:
        A whole number of at least 0 and below 2**60, even over ids.

    >>> bucket("checkout", 42)
    943049852123996242
    >>> bucket("checkout", "42") == bucket("checkout", 42)
    True
    """
    return int(md5(f"{salt}:{identity}".encode(), usedforsecurity=False).hexdigest()[:15], 16)
