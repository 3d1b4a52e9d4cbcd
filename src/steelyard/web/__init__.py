"""Turns routes into calls of the project, and shows what comes back as HTML or JSON.

`create_app` makes the ASGI application, `serve` runs it on an address.
"""

from __future__ import annotations

from steelyard.web.app import create_app
from steelyard.web.serving import serve

__all__ = ["create_app", "serve"]
