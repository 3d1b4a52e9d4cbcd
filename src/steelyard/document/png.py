"""A chart as a PNG picture, drawn from its SVG without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from typing import Any, Literal

from steelyard.document.chart.chart import WIDE, Chart
from steelyard.document.chart.plot import BOLD
from steelyard.document.draw import drawing
from steelyard.document.inline import one_line
from steelyard.document.sparkline import Sparkline
from steelyard.document.stylesheet import chart_stylesheet
from steelyard.document.svg import Canvas, text_width
from steelyard.errors import MissingExtraError, SteelyardError

Theme = Literal["light", "dark"]
FAMILIES = '"Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", Arial, "Liberation Sans", sans-serif'
EDGE, TITLE, SMALL = 16.0, 15.0, 11.0
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{(.*?\n)\}\n", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SET = re.compile(r"(--sy-[a-z0-9-]+):\s*([^;]+);")
_USED = re.compile(r"var\((--sy-[a-z0-9-]+)\)")
_HUES = ("--sy-hue", "--sy-word")


def to_png(chart: Chart | Sparkline, width: float = WIDE, *, theme: Theme = "light", zoom: float = 2.0) -> bytes:
    """Draw a chart as PNG; the same chart, fonts and version of resvg give the same bytes.

    Args:
        chart: what is drawn.
        width: in CSS pixels, 200 or more.
        theme: `light` or `dark`.
        zoom: how many pixels a CSS pixel is.

    Raises:
        MissingExtraError: resvg is not installed.
        SteelyardError: this machine has no font to write with; a picture without its words would mislead.
    """
    resvg = _resvg()
    _check_fonts(resvg)
    picture = _framed(chart, width, plain_stylesheet(theme))
    return bytes(resvg.svg_to_bytes(svg_string=picture, background=_colours(theme)["--sy-paper"], zoom=zoom))


@cache
def can_draw_png() -> bool:
    """Whether `to_png` can draw here: what draws is installed, and there is a font."""
    try:
        _check_fonts(_resvg())
    except SteelyardError:
        return False
    return True


def _framed(chart: Chart | Sparkline, width: float, style: str) -> str:
    """The drawing under its title and over its notes: a picture leaves the page that says them."""
    drawn = drawing(chart, width)
    title, said = ("", ()) if isinstance(chart, Sparkline) else (chart.title, chart.notes())
    heading = _lines(title, width, TITLE * BOLD)
    notes = [line for note in said for line in _lines(note, width, SMALL)]
    top = EDGE + 20.0 * len(heading) + (8 if heading else 0)
    words = Canvas(drawn.width + 2 * EDGE, top + drawn.height + EDGE + (8 + 16.0 * len(notes) if notes else 0))
    for number, line in enumerate(heading):
        words.text(EDGE, EDGE + 14 + 20 * number, line, "sy-label sy-title-of")
    for number, line in enumerate(notes):
        words.text(EDGE, top + drawn.height + 20 + 16 * number, line, "sy-small")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{words.width:g}" height="{words.height:g}">'
        f'<style>{escape(style, quote=False)}</style><g class="sy-drawing">{words.markup()}'
        f'<g transform="translate({EDGE:g} {top:g})">{drawn.markup()}</g></g></svg>'
    )


def _lines(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines that fit; a word that does not fit stands alone."""
    lines: list[str] = []
    for word in one_line(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def plain_stylesheet(theme: Theme) -> str:
    """Give the charts' stylesheet in one theme, without variables and media queries, which resvg does not know.

    >>> "var(" in plain_stylesheet("dark")
    False
    """
    colours, rules = _colours(theme), list(_rules())
    hues = {selector: dict(_SET.findall(body)) for selector, body in rules if any(hue in body for hue in _HUES)}
    hues = {selector: own for selector, own in hues.items() if set(own) & set(_HUES)}
    plain = [f".sy-drawing {{ font-family: {FAMILIES}; font-size: 12px; }}"]
    plain.append(f".sy-drawing .sy-title-of {{ font-size: {TITLE:g}px; font-weight: 600; }}")
    for selector, body in rules:
        if selector in hues or ":" in selector:
            continue
        ends = hues.items() if any(f"var({hue})" in body for hue in _HUES) else [("", {})]
        for end, own in ends:
            known = {**colours, **{name: _resolved(value, colours) for name, value in own.items()}}
            if all(name in known for name in _USED.findall(body)):
                heads = ", ".join(part.strip() + end for part in selector.split(","))
                plain.append(f"{heads} {{{_resolved(body, known)}}}")
    return "\n".join(plain)


def _rules() -> Iterator[tuple[str, str]]:
    text = re.sub(r"/\*.*?\*/", "", _DARK.sub("", chart_stylesheet()), flags=re.DOTALL)
    for selector, body in _RULE.findall(text):
        if selector.strip() != ":root":
            yield selector.strip(), body


@cache
def _colours(theme: Theme) -> Mapping[str, str]:
    text = chart_stylesheet()
    light = dict(_SET.findall(next(body for head, body in _RULE.findall(text) if head.strip().endswith(":root"))))
    dark = _DARK.search(text)
    return {**light, **dict(_SET.findall(dark[1]))} if theme == "dark" and dark else light


def _resolved(text: str, known: Mapping[str, str]) -> str:
    return _USED.sub(lambda found: known[found[1]], text)


def _resvg() -> Any:
    try:
        import resvg_py
    except ImportError as error:
        hint = "install the extra: pip install 'steelyard[png]'"
        raise MissingExtraError("a chart as PNG needs resvg-py, which is not installed", hint=hint) from error
    return resvg_py


def _check_fonts(resvg: Any) -> None:
    frame = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'
    word = f"<text y='15' font-family='{FAMILIES}'>M</text>"
    if resvg.svg_to_bytes(svg_string=frame.format(word)) == resvg.svg_to_bytes(svg_string=frame.format("")):
        hint = "install one of its families, such as DejaVu Sans (Debian: apt-get install fonts-dejavu-core)"
        raise SteelyardError("there is no font to write a chart's words with", where="to_png", hint=hint)
