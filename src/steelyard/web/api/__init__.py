"""The data service: assignments, questions to metrics, exports, and the document that describes every address."""

from __future__ import annotations

from steelyard.web.api.routes import api_routes

__all__ = ["api_routes"]
