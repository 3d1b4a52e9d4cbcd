"""How each kind of source is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from steelyard.pipeline.sources.dlt_resource import open_dlt
from steelyard.pipeline.sources.files import open_files
from steelyard.pipeline.sources.log import open_log
from steelyard.pipeline.sources.packaged import open_complete_journey, open_shop
from steelyard.pipeline.sources.python_rows import open_python
from steelyard.pipeline.sources.rest import open_rest
from steelyard.pipeline.sources.scan import Found, Setting
from steelyard.pipeline.sources.sql import open_sql

__all__ = ["KINDS"]

KINDS: Mapping[str, Callable[[Setting], Found]] = {
    "files": open_files,
    "sql": open_sql,
    "rest": open_rest,
    "python": open_python,
    "completejourney": open_complete_journey,
    "shop": open_shop,
    "log": open_log,
    "dlt": open_dlt,
}
"""What opens a source, by its `kind:`."""
