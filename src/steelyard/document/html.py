"""Blocks as HTML: safe fragments and standalone reports."""

from __future__ import annotations

from html import escape
from itertools import count

from steelyard.document.block import (
    Block,
    Blocks,
    Callout,
    CodeBlock,
    Facts,
    Figure,
    Grid,
    Heading,
    Items,
    Paragraph,
    Section,
    unknown_block,
)
from steelyard.document.chart import Chart, GraphChart
from steelyard.document.chart.chart import NARROW, WIDE
from steelyard.document.draw import NOTHING, inline_svg
from steelyard.document.format import Format
from steelyard.document.inline import Code, Inline, Link, Strong, Text, spans, visible
from steelyard.document.sparkline import Sparkline
from steelyard.document.stylesheet import stylesheet
from steelyard.document.table import Cell, Table, cell_text

ROWS_UNDER_A_CHART = 200
WORDY = 28
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_SPOKEN = {"good": "Good", "warning": "Warning", "bad": "Problem", "note": "Note"}


def to_html(blocks: Blocks, *, key: str = "") -> str:
    """Give blocks as an HTML fragment in which all text is escaped.

    Args:
        blocks: what to show.
        key: something of its own where one page holds several fragments, so that ids differ.

    Returns:
        Elements whose classes begin with `sy-`; they need `stylesheet()`. No script, no `style` attribute.

    >>> from steelyard.document import Paragraph
    >>> to_html([Paragraph("<script>")])
    '<p class="sy-p">&lt;script&gt;</p>'
    """
    return _Page(key).blocks(blocks)


def to_html_page(title: str, blocks: Blocks, *, lang: str = "en") -> str:
    """Give a report that stands alone: one file, stylesheet inside, nothing fetched, no script.

    Args:
        title: of the page; it is also the first heading, unless the blocks begin with one of level 1.
        blocks: what to show.
        lang: the language of the text.
    """
    first = blocks[0] if blocks else None
    own = isinstance(first, Heading) and first.level == 1
    body = to_html(blocks if own else [Heading(title, 1), *blocks])
    return (
        f'<!doctype html>\n<html lang="{_safe(lang)}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{_safe(title)}</title>'
        f'<style>{stylesheet()}</style></head>\n<body class="sy-body">'
        f'<main class="sy-page">{body}</main></body></html>\n'
    )


class _Page:
    """Writes blocks one after the other, and counts the charts so that their ids differ."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._numbers = count()

    def blocks(self, blocks: Blocks) -> str:
        return "".join(self.block(block) for block in blocks)

    def block(self, block: Block) -> str:  # noqa: PLR0911 (one a kind)
        match block:
            case Heading():
                anchor = f' id="{_safe(block.id)}"' if block.id else ""
                return f'<h{block.level} class="sy-h"{anchor}>{_safe(block.text)}</h{block.level}>'
            case Paragraph():
                return f'<p class="sy-p">{_text(block.text)}</p>'
            case Table():
                return self._table(block)
            case Facts():
                return self._facts(block)
            case Callout():
                return _callout(block)
            case CodeBlock():
                name = f' data-language="{_safe(block.language)}"' if block.language else ""
                return f'<pre class="sy-code"{name} tabindex="0"><code>{_safe(block.text)}</code></pre>'
            case Items():
                tag = "ol" if block.ordered else "ul"
                return f'<{tag} class="sy-items">' + "".join(f"<li>{_text(i)}</li>" for i in block.items) + f"</{tag}>"
            case Section():
                shown = " open" if block.open else ""
                inside = f'<div class="sy-inside">{self.blocks(block.blocks)}</div>'
                return f'<details class="sy-section"{shown}><summary>{_safe(block.title)}</summary>{inside}</details>'
            case _:
                return self._picture(block)

    def _picture(self, block: Block) -> str:
        match block:
            case Figure():
                return self._figure(block)
            case Grid():
                cells = "".join(f'<div class="sy-item">{self.block(one)}</div>' for one in block.blocks)
                return f'<div class="sy-grid-of sy-columns-{block.columns}">{cells}</div>'
            case Sparkline():
                return f'<p class="sy-p">{self._spark(block)}</p>'
            case Chart():
                return self._chart(block)
            case _:
                raise unknown_block(block)

    def _table(self, table: Table) -> str:
        caption = f"<caption>{_safe(table.caption)}</caption>" if table.caption else ""
        sides = [f' class="{_side(table, place)}"' for place in range(len(table.columns))]
        heads = "".join(
            f'<th scope="col"{side}>{_safe(column.heading)}</th>' if column.heading else f"<td{side}></td>"
            for column, side in zip(table.columns, sides, strict=True)
        )
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td{side}>{self._cell(cell, column.format)}</td>"
                for cell, column, side in zip(row, table.columns, sides, strict=True)
            )
            + "</tr>"
            for row in table.rows
        )
        if not table.rows:
            rows = f'<tr><td class="sy-none" colspan="{len(table.columns)}">no rows</td></tr>'
        name = _safe(table.caption or ", ".join(column.heading for column in table.columns))
        scroll = f'<div class="sy-scroll" role="group" tabindex="0" aria-label="{name}">'
        head = f"<thead><tr>{heads}</tr></thead>"
        return f'{scroll}<table class="sy-table">{caption}{head}<tbody>{rows}</tbody></table></div>'

    def _facts(self, facts: Facts) -> str:
        pairs = "".join(
            f"<div><dt>{_safe(label)}</dt><dd>{self._cell(value, Format())}</dd></div>" for label, value in facts.pairs
        )
        return f'<dl class="sy-facts">{pairs}</dl>' if pairs else '<p class="sy-none">no facts</p>'

    def _cell(self, cell: Cell, style: Format) -> str:
        if isinstance(cell, Sparkline):
            return self._spark(cell)
        if isinstance(cell, Link | Strong | Code):
            return _span(cell)
        return _safe(cell_text(cell, style))

    def _spark(self, spark: Sparkline) -> str:
        if all(value is None for value in spark.values):
            return '<span class="sy-none">no points</span>'
        return inline_svg(spark, 120, self._next(), "sy-spark")

    def _figure(self, figure: Figure) -> str:
        name = _safe(figure.label) if figure.href is None else _span(Link(figure.label, figure.href))
        parts = [f'<p class="sy-label-of">{name}</p><p class="sy-number">{self._cell(figure.value, figure.format)}</p>']
        moved = figure.movement()
        under = f'<span class="sy-move sy-is-{moved[1]}">{_safe(moved[0])}</span> ' if moved else ""
        under += f'<span class="sy-note">{_safe(figure.note)}</span>' if figure.note else ""
        parts.append(f'<p class="sy-under">{under}</p>' if under else "")
        parts.append(self._spark(figure.sparkline) if figure.sparkline else "")
        return f'<div class="sy-figure">{"".join(parts)}</div>'

    def _chart(self, chart: Chart) -> str:
        title = f'<figcaption class="sy-title">{_safe(chart.title)}</figcaption>'
        if chart.is_empty():
            return f'<figure class="sy-chart">{title}<p class="sy-none">{NOTHING}</p></figure>'
        if isinstance(chart, GraphChart):
            drawn = inline_svg(chart, WIDE, self._next(), "sy-natural")
            drawn = (
                f'<div class="sy-scroll sy-graph" role="group" tabindex="0" aria-label="{_safe(chart.title)}">{drawn}'
                f"</div>{inline_svg(chart, NARROW, self._next(), 'sy-narrow')}"
            )
        else:
            drawn = inline_svg(chart, WIDE, self._next(), "sy-wide") + inline_svg(
                chart, NARROW, self._next(), "sy-narrow"
            )
        notes = "".join(f'<p class="sy-note">{_safe(note)}</p>' for note in chart.notes())
        return f'<figure class="sy-chart">{title}{drawn}{notes}{self._numbers_of(chart)}</figure>'

    def _numbers_of(self, chart: Chart) -> str:
        table = chart.table()
        if len(table.rows) > ROWS_UNDER_A_CHART:
            return f'<p class="sy-note">{len(table.rows):,} points; the JSON of this page holds them all</p>'
        inside = self._table(Table(table.columns, table.rows))
        return f'<details class="sy-numbers"><summary>Numbers</summary>{inside}</details>'

    def _next(self) -> str:
        return f"{self._key}|{next(self._numbers)}"


def _side(table: Table, place: int) -> str:
    if table.alignment(place) == "right":
        return "sy-right"
    wordy = any(len(row[place]) > WORDY for row in table.text_rows())
    return "sy-left sy-long" if wordy else "sy-left"


def _callout(callout: Callout) -> str:
    said = f"<p>{_text(callout.text)}</p>" if callout.text else ""
    spoken = f'<span class="sy-spoken">{_SPOKEN[callout.kind]}: </span>'
    title = f'<p class="sy-callout-title">{spoken}{_safe(callout.title)}</p>'
    return f'<div class="sy-callout sy-is-{callout.kind}" role="note">{title}{said}</div>'


def _text(text: Text) -> str:
    return "".join(_span(span) for span in spans(text))


def _span(span: Inline) -> str:
    match span:
        case Link():
            return f'<a href="{_safe(span.href)}">{_safe(span.text)}</a>'
        case Strong():
            return f"<strong>{_safe(span.text)}</strong>"
        case Code():
            return f"<code>{_safe(span.text)}</code>"
        case str():
            return _safe(span)


def _safe(text: str) -> str:
    return escape(visible(text), quote=True)
