"""The installed versions that stand in the provenance of what is computed."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from types import MappingProxyType

__all__ = ["package_versions"]


@cache
def package_versions(*names: str) -> Mapping[str, str]:
    """Package -> its installed version, and Python's; read once, for each reading goes through a file.

    Args:
        names: The packages.

    >>> sorted(package_versions("numpy"))
    ['numpy', 'python']
    """
    return MappingProxyType({**{name: version(name) for name in names}, "python": platform.python_version()})
