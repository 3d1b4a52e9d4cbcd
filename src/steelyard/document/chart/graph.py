"""What depends on what: a layered drawing of a graph without circles, such as lineage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.document.chart.chart import Chart, vega
from steelyard.document.chart.interval import STATUSES, Status
from steelyard.document.chart.layers import Layered, lay_out
from steelyard.document.inline import Link, check_href
from steelyard.document.svg import Canvas, shorten
from steelyard.document.table import Table
from steelyard.errors import DefinitionError

NODE, GAP, ROW = 150.0, 46.0, 54.0
HEIGHT = 38.0
LINE, INDENT, DEEPEST = 15.0, 14.0, 6


@dataclass(frozen=True)
class GraphNode:
    """One box: its id, what is written in it, its status, a second line, and where it leads.

    Raises:
        DefinitionError: the status is unknown, or the address is refused (see `Link`).
    """

    id: str
    label: str | None = None
    status: Status = "neutral"
    detail: str | None = None
    href: str | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise DefinitionError(f"'{self.status}' is not a status", hint=f"use one of {', '.join(STATUSES)}")
        if self.href is not None:
            check_href(self.href)

    @property
    def name(self) -> str:
        """What is written in the box."""
        return self.label or self.id


@dataclass(frozen=True)
class GraphChart(Chart):
    """Boxes in layers from left to right, and arrows from each to what is made of it.

    Args:
        title: what is shown.
        nodes: the boxes, each id once.
        edges: pairs of ids, from source to what depends on it.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: an id occurs twice, an edge names an unknown id, or the edges form a circle.
    """

    title: str
    nodes: Sequence[GraphNode]
    edges: Sequence[tuple[str, str]] = ()
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "edges", tuple(dict.fromkeys((str(a), str(b)) for a, b in self.edges)))
        ids = [node.id for node in self.nodes]
        if len(set(ids)) < len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise DefinitionError(f"node '{twice}' occurs twice", where=self.title)
        for edge in self.edges:
            for end in edge:
                if end not in ids:
                    raise DefinitionError(f"an edge names '{end}', which is no node", where=self.title)
        lay_out(ids, self.edges, self.title)

    def is_empty(self) -> bool:
        """Tell whether there is no box."""
        return not self.nodes

    def table(self) -> Table:
        """Give one row a box: its name, status, and what it comes from."""
        names = {node.id: node.name for node in self.nodes}
        rows = []
        for node in self.nodes:
            sources = ", ".join(names[a] for a, b in self.edges if b == node.id)
            name = node.name if node.href is None else Link(node.name, node.href)
            rows.append((name, "" if node.status == "neutral" else node.status, node.detail, sources or None))
        return Table(["name", "status", "detail", "comes from"], rows, self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give the layout as points and rules."""
        laid = self._layout()
        at = {node.id: {"layer": laid.layer[node.id], "row": laid.row[node.id]} for node in self.nodes}
        rows: list[dict[str, Any]] = [{"id": n.id, "label": n.name, "status": n.status} | at[n.id] for n in self.nodes]
        lines = [
            {"x": at[a]["layer"], "y": at[a]["row"], "x2": at[b]["layer"], "y2": at[b]["row"]} for a, b in self.edges
        ]
        x, y = {"type": "quantitative", "axis": None}, {"type": "quantitative", "axis": None}
        edges = {"x": x | {"field": "x"}, "y": y | {"field": "y"}, "x2": {"field": "x2"}, "y2": {"field": "y2"}}
        nodes = {"x": x | {"field": "layer"}, "y": y | {"field": "row"}}
        layers = [
            {"data": {"values": lines}, "mark": "rule", "encoding": edges},
            {"mark": "point", "encoding": nodes | {"color": {"field": "status", "type": "nominal"}}},
            {"mark": {"type": "text", "dy": -12}, "encoding": nodes | {"text": {"field": "label"}}},
        ]
        return vega(self, rows, layer=layers)

    def draw(self, width: float) -> Canvas:
        """Draw arrows, then boxes; many layers make the drawing wider than asked.

        Where that is narrow, draw the boxes one under the other, each layer further in, and say in each what it is
        made of: arrows would cross all of them.
        """
        if width < 520:
            return self._draw_stacked(width)
        laid = self._layout()
        depth = max(laid.layer.values()) + 1
        canvas = Canvas(max(width, depth * NODE + (depth - 1) * GAP + 4), max(laid.row.values()) * ROW + HEIGHT + 8)
        step = (canvas.width - 4 - NODE) / (depth - 1) if depth > 1 else 0.0
        step = min(step, NODE + 130)
        place = {name: (2 + step * laid.layer[name], 4 + ROW * laid.row[name]) for name in laid.layer}
        for chain in laid.chains:
            self._draw_edge(canvas, [place[name] for name in chain])
        for node in self.nodes:
            self._draw_node(canvas, node, *place[node.id])
        return canvas

    def _draw_stacked(self, width: float) -> Canvas:
        laid = self._layout()
        ordered = sorted(self.nodes, key=lambda node: (laid.layer[node.id], laid.row[node.id]))
        names = {node.id: node.name for node in self.nodes}
        lines = {node.id: [node.detail] if node.detail else [] for node in ordered}
        for node in ordered:
            if sources := [names[a] for a, b in self.edges if b == node.id]:
                lines[node.id].append(f"from {', '.join(sources)}")
        heights = {node.id: 24.0 + LINE * len(lines[node.id]) for node in ordered}
        canvas = Canvas(width, sum(heights.values()) + 8 * len(ordered) + 2)
        y = 2.0
        for node in ordered:
            x = 2 + INDENT * min(laid.layer[node.id], DEEPEST)
            self._draw_listed(canvas, node, lines[node.id], (x, y, width - x - 2, heights[node.id]))
            y += heights[node.id] + 8
        return canvas

    def _draw_listed(
        self, canvas: Canvas, node: GraphNode, lines: Sequence[str], place: tuple[float, float, float, float]
    ) -> None:
        x, y, width, height = place
        hover = ", ".join([node.name, *lines, *([] if node.status == "neutral" else [node.status])])
        with canvas.link(node.href):
            canvas.add("rect", f"sy-node sy-{node.status}", x=x, y=y, width=width, height=height, rx=6, title=hover)
            canvas.text(x + 12, y + 16, shorten(node.name, width - 20), "sy-label sy-strong")
            for number, line in enumerate(lines, 1):
                canvas.text(x + 12, y + 16 + LINE * number, shorten(line, width - 20, 11), "sy-small")

    def _draw_edge(self, canvas: Canvas, places: list[tuple[float, float]]) -> None:
        x, y = places[0][0] + NODE, places[0][1] + HEIGHT / 2
        steps = [f"M{x:.1f},{y:.1f}"]
        for number, (left, top) in enumerate(places[1:], 1):
            end, middle = left - (6 if number == len(places) - 1 else 0), top + HEIGHT / 2
            bend = (x + end) / 2
            steps.append(f"C{bend:.1f},{y:.1f} {bend:.1f},{middle:.1f} {end:.1f},{middle:.1f}")
            x, y = left + NODE, middle
            if number < len(places) - 1:
                steps.append(f"L{x:.1f},{y:.1f}")
        canvas.add("path", "sy-edge", d="".join(steps))
        tip, middle = places[-1][0] - 1, places[-1][1] + HEIGHT / 2
        canvas.path([(tip - 7, middle - 4), (tip, middle), (tip - 7, middle + 4)], "sy-tip", closed=True)

    def _draw_node(self, canvas: Canvas, node: GraphNode, x: float, y: float) -> None:
        hover = ", ".join(
            word for word in (node.name, node.detail, "" if node.status == "neutral" else node.status) if word
        )
        with canvas.link(node.href):
            canvas.add("rect", f"sy-node sy-{node.status}", x=x, y=y, width=NODE, height=HEIGHT, rx=6, title=hover)
            baseline = y + (16 if node.detail else 23)
            canvas.text(x + 12, baseline, shorten(node.name, NODE - 20), "sy-label sy-strong")
            if node.detail:
                canvas.text(x + 12, y + 31, shorten(node.detail, NODE - 20, 11), "sy-small")

    def _layout(self) -> Layered:
        return lay_out([node.id for node in self.nodes], self.edges, self.title)
