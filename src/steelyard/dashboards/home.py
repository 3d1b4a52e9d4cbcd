"""The first page of a project where nobody wrote another: the state of things, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.document import Block, Figure, Grid, Heading, Link, Paragraph

__all__ = ["home_blocks"]


def home_blocks(
    *,
    attention: Sequence[Block],
    tiles: Sequence[Figure],
    tiles_say: str,
    studies: Sequence[Block],
    decisions: Sequence[Block],
    data: Sequence[Block],
) -> list[Block]:
    """The page: what needs somebody, the metrics, what was found, what was chosen, and how fresh the data is.

    Args:
        attention: What is wrong or due; nothing is shown where nothing is.
        tiles: One a metric.
        tiles_say: What the tiles compare, or why there are none.
        studies: The latest results.
        decisions: What was decided.
        data: Its freshness.
    """
    metrics: list[Block] = [
        Heading("Metrics", 2, id="metrics"),
        Paragraph([tiles_say, " ", Link("All metrics", "/metrics")]),
    ]
    if tiles:
        metrics.append(Grid(list(tiles), columns=4 if len(tiles) in (4, 7, 8) else 3))
    return [
        *attention,
        *metrics,
        Heading("Latest studies", 2, id="studies"),
        *studies,
        Heading("Decisions", 2, id="decisions"),
        *decisions,
        Heading("Data", 2, id="data"),
        *data,
    ]
