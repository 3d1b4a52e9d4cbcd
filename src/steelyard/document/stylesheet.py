"""The stylesheet that the web pages and the exported reports share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def stylesheet() -> str:
    """Give the whole stylesheet as text: colours, charts and pages.

    >>> "prefers-color-scheme: dark" in stylesheet()
    True
    """
    return chart_stylesheet() + _read("steelyard.css")


@cache
def chart_stylesheet() -> str:
    """Give the part that a drawing needs: colours and charts."""
    return _read("chart.css")


def _read(name: str) -> str:
    return files("steelyard.document").joinpath("assets", name).read_text("utf-8")
