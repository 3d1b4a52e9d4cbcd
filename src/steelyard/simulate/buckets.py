"""Where an id falls between 0 and 1: the same in every language that has md5."""

from __future__ import annotations

from hashlib import md5

import numpy as np
import numpy.typing as npt

__all__ = ["buckets"]

_DIGITS = 15  # 60 bits


def buckets(salt: str, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The first 15 hexadecimal digits of md5(salt followed by the id in decimal digits), as a share of 16**15.

    In SQL: `('0x' || md5(salt || id)[:15])::bigint / 16**15`.

    Args:
        salt: What keeps one experiment's buckets apart from another's.
        ids: Whole numbers.

    >>> buckets("checkout:arm:", np.array([1, 2])).round(6).tolist()
    [...]
    """
    begun = md5(salt.encode(), usedforsecurity=False)
    shares = np.empty(len(ids))
    for place, number in enumerate(ids.tolist()):
        digest = begun.copy()
        digest.update(b"%d" % number)
        shares[place] = (int.from_bytes(digest.digest()[:8], "big") >> 4) / float(16**_DIGITS)
    return shares
