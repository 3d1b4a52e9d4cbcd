"""The installed versions that stand in the provenance of what is computed."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

__all__ = ["package_versions"]


def package_versions(*names: str) -> dict[str, str]:
    """Package -> its installed version, and Python's.

    Args:
        names: The packages.

    >>> sorted(package_versions("numpy"))
    ['numpy', 'python']
    """
    return {**{name: _version(name) for name in names}, "python": platform.python_version()}


@cache
def _version(name: str) -> str:
    """The version, read once: each reading goes through a file."""
    return version(name)
