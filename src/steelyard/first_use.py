"""Loads a package's names when they are first used, so that importing the package stays light."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["load_on_first_use"]


def load_on_first_use(package: str, homes: Mapping[str, str]) -> None:
    """Lets a package's names be loaded when they are first used.

    A submodule may carry the name of its one public function: the import system then sets the package's attribute to
    the submodule, and this puts the function in its place, whoever imports what first.

    Args:
        package: The package, `__name__` in its `__init__`.
        homes: Public name -> the submodule that has it; empty where the name is the submodule itself.
    """

    class OnFirstUse(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name not in homes:
                close = get_close_matches(name, homes, n=1)
                hint = f": did you mean {close[0]!r}?" if close else ""
                raise AttributeError(f"{package} has no {name!r}{hint}")
            module = import_module(f"{package}.{homes[name] or name}")
            value = getattr(module, name) if homes[name] else module
            super().__setattr__(name, value)
            return value

        def __setattr__(self, name: str, value: Any) -> None:
            if isinstance(value, ModuleType) and homes.get(name) == name:
                value = getattr(value, name)
            super().__setattr__(name, value)

        def __dir__(self) -> list[str]:
            return sorted({*super().__dir__(), *homes})

    sys.modules[package].__class__ = OnFirstUse
