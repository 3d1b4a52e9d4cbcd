"""The files that pages need, each at an address that holds the hash of its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from steelyard.canonical import digest_of_bytes
from steelyard.document import stylesheet

__all__ = ["Asset", "asset_address", "assets"]


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file.

    Args:
        name: As the source tree calls it.
        address: Where it is served; another content has another address.
        kind: Its media type.
        content: Its bytes.
    """

    name: str
    address: str
    kind: str
    content: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its address; nothing else is ever read for a request, so no path can lead outside."""
    made = (
        _asset("steelyard.css", "text/css; charset=utf-8", stylesheet() + _text("web.css")),
        _asset("steelyard.js", "text/javascript; charset=utf-8", _text("steelyard.js")),
        _asset("mark.svg", "image/svg+xml", _text("mark.svg")),
    )
    return {asset.address: asset for asset in made}


def asset_address(name: str) -> str:
    """Where the file of this name is served."""
    return next(asset.address for asset in assets().values() if asset.name == name)


def _asset(name: str, kind: str, text: str) -> Asset:
    content = text.encode()
    stem, _, ending = name.rpartition(".")
    return Asset(
        name=name, address=f"/assets/{stem}-{digest_of_bytes(content)[:16]}.{ending}", kind=kind, content=content
    )


def _text(name: str) -> str:
    return files("steelyard.web").joinpath("assets", name).read_text(encoding="utf-8")
