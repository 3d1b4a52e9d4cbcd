"""Answers agents over the Model Context Protocol: the same functions as the pages, each answer with its provenance."""

from __future__ import annotations

from steelyard.web.mcp.server import mcp_server

__all__ = ["mcp_server"]
