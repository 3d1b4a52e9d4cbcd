"""A line chart as a Vega-Lite specification."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.document.chart.chart import vega
from steelyard.document.chart.scale import place_of

if TYPE_CHECKING:
    from steelyard.document.chart.line import LineChart
    from steelyard.document.chart.series import Place, Values

GREY, AMBER = "#8a93a0", "#8a5a00"
Layer = dict[str, Any]


def line_specification(chart: LineChart) -> dict[str, Any]:
    """Give layers, from back to front: stretches, what is usual, bands, lines, thresholds, events."""
    kind = "temporal" if any(isinstance(place, date) for place in chart.x) else "quantitative"
    x: Layer = {"field": "x", "type": kind, "title": chart.x_label}
    y: Layer = {"field": "value", "type": "quantitative", "scale": {"zero": chart.zero}, "title": None}
    bounds: Layer = {"x": x, "y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    hue: Layer = {"field": "series", "type": "nominal", "title": None}
    layers = [*_happenings(chart, kind), *_usual(chart, bounds)]
    if any(one.low is not None for one in chart.series):
        layers.append({"mark": {"type": "area", "opacity": 0.2}, "encoding": bounds | {"color": hue}})
    shape = {"interpolate": "step-after"} if chart.stepped else {}
    mark: Layer = {"type": "line", "invalid": "break-paths-show-domains"} | shape
    if chart.compare is not None:
        rows = _rows(chart, chart.compare.name, chart.compare.values)
        layers.append({"data": {"values": rows}, "mark": mark | {"color": GREY}, "encoding": {"x": x, "y": y}})
    lines: Layer = {"x": x, "y": y, "color": hue}
    layers.append({"transform": [{"filter": "datum.final"}], "mark": mark, "encoding": lines})
    if chart.incomplete_from is not None:
        dashed: Layer = {"mark": mark | {"strokeDash": [2, 5]}, "encoding": lines}
        layers.append({"transform": [{"filter": "datum.open"}], **dashed})
    layers += _thresholds(chart, x, y)
    return vega(chart, _all_rows(chart), layer=layers)


def _all_rows(chart: LineChart) -> list[Layer]:
    end = len(chart.x)
    if chart.incomplete_from is not None:
        end = sum(place_of(place) < place_of(chart.incomplete_from) for place in chart.x)
    return [
        row
        | ({} if one.low is None or one.high is None else {"low": one.low[place], "high": one.high[place]})
        | {"final": place < end, "open": place >= end - 1}
        for one in chart.series
        for place, row in enumerate(_rows(chart, one.name, one.values))
    ]


def _rows(chart: LineChart, name: str, values: Values) -> list[Layer]:
    return [{"x": _place(x), "series": name, "value": value} for x, value in zip(chart.x, values, strict=True)]


def _usual(chart: LineChart, bounds: Layer) -> list[Layer]:
    if chart.usual is None:
        return []
    rows = [
        {"x": _place(x), "low": low, "high": high}
        for x, low, high in zip(chart.x, chart.usual.low, chart.usual.high, strict=True)
        if low is not None and high is not None
    ]
    return [{"data": {"values": rows}, "mark": {"type": "area", "opacity": 0.2, "color": GREY}, "encoding": bounds}]


def _thresholds(chart: LineChart, x: Layer, y: Layer) -> list[Layer]:
    layers: list[Layer] = []
    for one in chart.thresholds:
        if isinstance(one.value, float):
            rule: Layer = {"y": {"datum": one.value}, "tooltip": {"value": one.name}}
            layers.append({"mark": {"type": "rule", "strokeDash": [5, 3], "color": AMBER}, "encoding": rule})
        else:
            rows = _rows(chart, one.name, one.value)
            mark = {"type": "line", "interpolate": "step-after", "strokeDash": [5, 3], "color": AMBER}
            layers.append({"data": {"values": rows}, "mark": mark, "encoding": {"x": x, "y": y}})
    return layers


def _happenings(chart: LineChart, kind: str) -> list[Layer]:
    layers: list[Layer] = []
    for ended in (True, False):
        rows: Sequence[Layer] = [
            {"x": _place(event.at), "label": event.label}
            | ({} if event.until is None else {"until": _place(event.until)})
            for event in chart.events
            if (event.until is not None) == ended
        ]
        if rows:
            encoding: Layer = {"x": {"field": "x", "type": kind}, "tooltip": {"field": "label"}}
            encoding |= {"x2": {"field": "until"}} if ended else {}
            mark: Layer = {"type": "rect", "opacity": 0.15, "color": GREY} if ended else {"type": "rule"}
            layers.append({"data": {"values": list(rows)}, "mark": mark, "encoding": encoding})
    return layers


def _place(value: Place) -> str | float:
    return value.isoformat() if isinstance(value, date) else value
