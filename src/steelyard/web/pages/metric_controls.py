"""What may be chosen on the page of a metric."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.web.page import Choice, Choices, Controls, Input, address
from steelyard.web.pages.metric_asked import COMPARED, GRAINS, MetricAsked

__all__ = ["metric_controls"]


def metric_controls(asked: MetricAsked, dimensions: Sequence[str], targets: Sequence[str]) -> Controls:
    """Grain, comparison, breakdown, range and condition; what else was asked is carried on.

    Args:
        asked: What is shown.
        dimensions: What the metric can be broken down by.
        targets: Metrics of targets that it can be compared with.
    """
    grains = [
        Choice(text=grain.capitalize(), href=asked.but(grain=grain).href(), current=grain == asked.grain)
        for grain in GRAINS
    ]
    carried = {"grain": asked.grain, "spread": asked.spread, "as_of": "" if asked.as_of is None else str(asked.as_of)}
    compared = [*COMPARED.items(), *((name, name.replace("_", " ")) for name in targets)]
    return Controls(
        label="What is shown",
        action=address("metrics", asked.name),
        choices=[Choices(label="Grain", items=grains)],
        inputs=[
            *(Input(name=name, value=value, kind="hidden") for name, value in carried.items() if value),
            Input(
                name="compare",
                label="Compared with",
                value=asked.compare,
                kind="select",
                options=[("", "nothing"), *compared],
            ),
            Input(
                name="by",
                label="Broken down by",
                value=asked.by,
                kind="select",
                options=[("", "nothing"), *((item, item.replace("_", " ")) for item in dimensions)],
            ),
            Input(name="since", label="Since", value=asked.since.isoformat() if asked.since else "", kind="date"),
            Input(name="until", label="Until", value=asked.until.isoformat() if asked.until else "", kind="date"),
            Input(name="where", label="Only where", value=asked.where, hint=_example(dimensions)),
        ],
    )


def _example(dimensions: Sequence[str]) -> str:
    return f"such as {dimensions[0]} = 'value'" if dimensions else ""
