"""How fresh the data of the first page is, in words."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.dashboards import age
from steelyard.web.pages.home_metrics import HomeMetrics
from steelyard.web.pages.tables_known import KnownTable
from steelyard.web.view import View

__all__ = ["freshness_says", "tests_say"]


def freshness_says(view: View, found: HomeMetrics) -> str:
    """To which day the metrics' data goes, and when it was published."""
    published = [table.published_at for table in found.tables if table.published_at]
    through = [f"Data through {found.through.day} {found.through:%B %Y}"] if found.through else []
    return " · ".join([*through, *([f"published {age(max(published), view.now)}"] if published else [])])


def tests_say(tables: Sequence[KnownTable]) -> str:
    """How many data tests hold."""
    checks = [check for table in tables for check in table.tests]
    failed = sum(check.status != "passed" for check in checks)
    return f"{len(checks) - failed:,} of {len(checks):,} data tests hold" if checks else "no data test is declared"
