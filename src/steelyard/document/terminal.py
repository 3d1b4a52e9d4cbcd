"""Blocks for the terminal: colours where there are any, and the same words without."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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
from steelyard.document.chart import BarChart, Chart, FunnelChart, Histogram, LineChart
from steelyard.document.draw import NOTHING
from steelyard.document.format import MISSING, Format, format_number, format_value
from steelyard.document.inline import Code, Inline, Link, Strong, Text, one_line, spans, visible
from steelyard.document.sparkline import Sparkline, finite
from steelyard.document.table import Cell, Column, Table, cell_text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text as RichText

_COLOURS = {"good": "green", "warning": "yellow", "bad": "red", "note": "cyan", "neutral": "default"}
_SIGNS = {"good": "✓ Good", "warning": "! Warning", "bad": "✗ Problem", "note": "i Note"}
_TEXT_COLUMN = 12
SPARK = 24


def to_terminal(blocks: Blocks) -> RenderableType:
    """Give blocks as something that a rich console prints; markup in the text is shown, not obeyed."""
    from rich.console import Group
    from rich.padding import Padding

    shown = [_block(block) for block in blocks]
    return Group(*(Padding(one, (0 if number == 0 else 1, 0, 0, 0)) for number, one in enumerate(shown)))


def to_text(blocks: Blocks, width: int = 100) -> str:
    """Give blocks as plain text without colours.

    Args:
        blocks: what to show.
        width: characters in a line, 20 or more. A table that cannot fit is written row by row.

    >>> from steelyard.document import Table
    >>> print(to_text([Table(["country", "orders"], [["NO", 1200], ["DE", None]])]), end="")
    country  orders
    ───────────────
    NO        1,200
    DE            –
    """
    from rich.console import Console

    page = io.StringIO()
    console = Console(
        file=page, width=max(width, 20), color_system=None, force_terminal=False, legacy_windows=False, _environ={}
    )
    console.print(to_terminal(blocks))
    return "\n".join(line.rstrip() for line in page.getvalue().split("\n"))


def _block(block: Block) -> RenderableType:  # noqa: PLR0911 (one a kind)
    match block:
        case Heading():
            from rich.text import Text as Words

            return Words(one_line(block.text), style="bold underline" if block.level <= 2 else "bold")
        case Paragraph():
            return _words(block.text)
        case Table():
            return _FittedTable(block)
        case Facts():
            return _facts(block)
        case Callout():
            return _callout(block)
        case CodeBlock():
            from rich.padding import Padding
            from rich.text import Text as Words

            return Padding(Words(visible(block.text).rstrip("\n"), style="cyan"), (0, 0, 0, 2))
        case Items():
            return _items(block)
        case _:
            return _group(block)


def _group(block: Block) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text as Words

    match block:
        case Section():
            title = Words(f"▾ {one_line(block.title)}", style="bold")
            return Group(title, Padding(to_terminal(block.blocks), (0, 0, 0, 2)))
        case Figure():
            return _figure(block)
        case Grid():
            if all(isinstance(one, Figure) for one in block.blocks):
                return Group(*map(_block, block.blocks))
            return to_terminal(block.blocks)
        case Sparkline():
            return Words(f"{one_line(block.label)}  {block.text(SPARK)}")
        case Chart():
            return _chart(block)
        case _:
            raise unknown_block(block)


class _FittedTable:
    """A table that is written row by row where the terminal is too narrow for its numbers."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Any, options: Any) -> Iterator[RenderableType]:
        from rich.text import Text as Words

        if self._table.caption:
            yield Words(one_line(self._table.caption), style="bold")
        if not self._table.rows:
            yield Words("no rows", style="dim")
        elif self._least_width() <= options.max_width:
            yield self._columns(console, tight=self._least_width(broken=False) > options.max_width)
        else:
            yield from self._records()

    def _least_width(self, *, broken: bool = True) -> int:
        """The width that the table needs, with the headings of numbers broken into words or not."""
        return sum(self._least_of(place, broken=broken) + 2 for place in range(len(self._table.columns))) - 2

    def _least_of(self, place: int, *, broken: bool = True) -> int:
        from rich.cells import cell_len

        column, whole = self._table.columns[place], self._is_whole(place)
        widest = max(cell_len(_cell(row[place], column.format).plain) for row in self._table.rows)
        heading = one_line(column.heading)
        if whole and not broken:
            return max(widest, cell_len(heading))
        head = max((cell_len(word) for word in heading.split()), default=0)
        return max(widest if whole else min(widest, _TEXT_COLUMN), min(head, _TEXT_COLUMN))

    def _is_whole(self, place: int) -> bool:
        """Tell whether a column's cells may not be broken over lines: numbers and small pictures."""
        pictures = any(isinstance(row[place], Sparkline) for row in self._table.rows)
        return pictures or self._table.alignment(place) == "right"

    def _columns(self, console: Any, *, tight: bool) -> RenderableType:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text as Words

        drawn = RichTable(
            box=box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n"),
            show_edge=False,
            padding=(0, 1, 0, 0),
            pad_edge=False,
            header_style="bold",
            border_style="dim",
        )
        for place, column in enumerate(self._table.columns):
            side, whole = self._table.alignment(place), self._is_whole(place)
            heading = Words(one_line(column.heading))
            if tight and whole:  # a column that is never broken does not break its heading either
                heading = Words("\n").join(heading.wrap(console, self._least_of(place)))
            drawn.add_column(heading, justify=side, no_wrap=whole, overflow="fold")
        for row in self._table.rows:
            drawn.add_row(*(_cell(cell, column.format) for cell, column in zip(row, self._table.columns, strict=True)))
        return drawn

    def _records(self) -> Iterator[RenderableType]:
        from rich.text import Text as Words

        for number, row in enumerate(self._table.rows):
            if number:
                yield Words("")
            for cell, column in zip(row, self._table.columns, strict=True):
                line = Words(f"{one_line(column.heading)}: ", style="dim") if column.heading else Words()
                line.append_text(_cell(cell, column.format))
                yield line


def _facts(facts: Facts) -> RenderableType:
    from rich.table import Table as RichTable
    from rich.text import Text as Words

    if not facts.pairs:
        return Words("no facts", style="dim")
    drawn = RichTable.grid(padding=(0, 2, 0, 0))
    drawn.add_column(overflow="fold")
    drawn.add_column(overflow="fold")
    for label, value in facts.pairs:
        drawn.add_row(Words(one_line(label), style="dim"), _cell(value, Format(), addresses=True))
    return drawn


def _callout(callout: Callout) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text as Words

    title = Words(f"{_SIGNS[callout.kind]}: {one_line(callout.title)}", style=f"bold {_COLOURS[callout.kind]}")
    return Group(title, Padding(_words(callout.text), (0, 0, 0, 2))) if callout.text else title


def _items(items: Items) -> RenderableType:
    from rich.table import Table as RichTable
    from rich.text import Text as Words

    drawn = RichTable.grid(padding=(0, 1, 0, 0))
    for number, item in enumerate(items.items, 1):
        drawn.add_row(Words(f"{number}." if items.ordered else "•"), _words(item))
    return drawn


def _figure(figure: Figure) -> RenderableType:
    from rich.text import Text as Words

    line = Words(f"{one_line(figure.label)}  ", style="dim")
    value = _cell(figure.value, figure.format)
    value.stylize("bold not dim")
    line.append_text(value)
    moved = figure.movement()
    if moved:
        line.append(f"  {moved[0]}", style=f"not dim {_COLOURS[moved[1]]}")
    if figure.note:
        line.append(f" {one_line(figure.note)}")
    if figure.sparkline:
        line.append(f"  {figure.sparkline.text(SPARK)}", style="not dim")
    return line


def _chart(chart: Chart) -> RenderableType:
    from rich.console import Group
    from rich.text import Text as Words

    title = Words(one_line(chart.title), style="bold")
    if chart.is_empty():
        return Group(title, Words(NOTHING, style="dim"))
    table, sizes = chart.table(), _sizes(chart)
    if isinstance(chart, LineChart):
        table = _trends(chart)
    elif sizes is not None:
        table = _bars(table, sizes)
    said = chart.notes()
    if isinstance(chart, LineChart):
        said = (*_happened(chart), *said)
    body = _block(Table(table.columns, table.rows))
    return Group(title, body, *(Words(one_line(note), style="dim") for note in said))


def _happened(chart: LineChart) -> Iterator[str]:
    for event in chart.events:
        until = "" if event.until is None else f" to {format_value(event.until, chart.x_format)}"
        yield f"{format_value(event.at, chart.x_format)}{until}: {event.label}"
    for threshold in chart.thresholds:
        known = [height for height in threshold.heights(len(chart.x)) if height is not None]
        written = [format_number(height, chart.format) for height in (min(known), max(known))] if known else []
        yield f"{threshold.name}: {' to '.join(dict.fromkeys(written)) or MISSING}"


def _trends(chart: LineChart) -> Table:
    rows = []
    for one in [*chart.series, *([] if chart.compare is None else [chart.compare])]:
        known = [value for value in one.values if value is not None]
        ends = (known[0], known[-1], min(known), max(known)) if known else (None,) * 4
        rows.append((one.name, Sparkline(one.values, one.name), *ends))
    names = ("first", "last", "lowest", "highest")
    numbers = [Column(name, format=chart.format, align="right") for name in names]
    return Table(["series", "trend", *numbers], rows)


def _sizes(chart: Chart) -> list[float] | None:
    """How long each bar of a chart is; None for charts that draw none."""
    match chart:
        case BarChart():
            return [abs(finite(value) or 0.0) for _, value in chart.rows()]
        case Histogram():
            return [float(count) for count in chart.counts]
        case FunnelChart():
            return [float(stage.count) for stage in chart.stages]
        case _:
            return None


def _bars(table: Table, sizes: list[float]) -> Table:
    longest = max(sizes) or 1.0
    cells = [(*row, "█" * round(size / longest * SPARK)) for row, size in zip(table.rows, sizes, strict=True)]
    return Table([*table.columns, Column("size", "")], cells)


def _cell(cell: Cell, style: Format, *, addresses: bool = False) -> RichText:
    from rich.text import Text as Words

    if isinstance(cell, Link | Strong | Code):
        return _span(cell, addresses=addresses, flat=True)
    return Words(one_line(cell.text(SPARK) if isinstance(cell, Sparkline) else cell_text(cell, style)))


def _words(text: Text) -> RichText:
    from rich.text import Text as Words

    return Words.assemble(*(_span(span, addresses=True) for span in spans(text)))


def _span(span: Inline, *, addresses: bool, flat: bool = False) -> RichText:
    from rich.style import Style
    from rich.text import Text as Words

    clean = one_line if flat else visible
    match span:
        case Link():
            absolute = span.href.lower().startswith("http")
            shown = clean(span.text) + (f" ({span.href})" if addresses and absolute and span.text != span.href else "")
            return Words(shown, style=Style(underline=True, link=span.href if absolute else None))
        case Strong():
            return Words(clean(span.text), style="bold")
        case Code():
            return Words(clean(span.text), style="cyan")
        case str():
            return Words(clean(span))
