"""A chart as SVG: with a title for those who do not see it, and its colours inside when it stands alone."""

from __future__ import annotations

from hashlib import sha256
from html import escape

from steelyard.document.chart.chart import WIDE, Chart
from steelyard.document.inline import one_line
from steelyard.document.sparkline import Sparkline
from steelyard.document.stylesheet import chart_stylesheet
from steelyard.document.svg import Canvas

NOTHING = "nothing to draw: no points"


def to_svg(chart: Chart | Sparkline, width: float = WIDE) -> str:
    """Draw a chart as a file of its own.

    Args:
        chart: what is drawn.
        width: in CSS pixels, 200 or more; text is 12 px at any width.

    Returns:
        An SVG document with its stylesheet inside, light or dark as the viewer prefers.
    """
    canvas = drawing(chart, width)
    style = f"<style>{escape(chart_stylesheet(), quote=False)}</style>"
    size = f' width="{canvas.width:g}" height="{canvas.height:g}"'
    return _element(chart, canvas, "", 'xmlns="http://www.w3.org/2000/svg"' + size, style)


def inline_svg(chart: Chart | Sparkline, width: float, key: str, kind: str) -> str:
    """Draw a chart as an element of an HTML page that has the stylesheet; `key` keeps its ids apart from others."""
    canvas = drawing(chart, width) if isinstance(chart, Chart) else chart.draw(width)
    size = f' width="{canvas.width:g}" height="{canvas.height:g}"' if kind == "sy-natural" else ""
    return _element(chart, canvas, key, f'class="{kind}"{size}', "")


def drawing(chart: Chart | Sparkline, width: float) -> Canvas:
    """Draw a chart, or say that there is nothing to draw."""
    if isinstance(chart, Sparkline):
        return chart.draw(min(width, 240))
    if not chart.is_empty():
        return chart.draw(max(width, 200))
    canvas = Canvas(width, 40)
    canvas.text(0, 24, NOTHING, "sy-label")
    return canvas


def _element(chart: Chart | Sparkline, canvas: Canvas, key: str, attributes: str, style: str) -> str:
    spoken = [chart.label, chart.summary()] if isinstance(chart, Sparkline) else [chart.title, _described(chart)]
    title, said = (escape(one_line(words)) for words in spoken)
    name = "sy-" + sha256(f"{key}|{chart!r}|{canvas.width}".encode("utf-8", "backslashreplace")).hexdigest()[:10]
    tall = f"{canvas.width:g} {canvas.height:.5g}"
    drawn = canvas.markup()
    role = "group" if "<a " in drawn else "img"  # nothing inside an image can be reached
    return (
        f'<svg {attributes} viewBox="0 0 {tall}" role="{role}" aria-labelledby="{name}-t {name}-d">'
        f'{style}<title id="{name}-t">{title}</title><desc id="{name}-d">{said}</desc>'
        f'<g class="sy-drawing">{drawn}</g></svg>'
    )


def _described(chart: Chart) -> str:
    kind = type(chart).__name__
    words = chart.description or f"{kind}, {len(chart.table().rows)} rows"
    return ". ".join([words, *chart.notes()])
