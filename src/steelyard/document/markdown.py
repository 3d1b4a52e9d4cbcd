"""Blocks as Markdown, in GitHub's flavour."""

from __future__ import annotations

import re

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
from steelyard.document.chart import Chart
from steelyard.document.draw import NOTHING
from steelyard.document.format import Format
from steelyard.document.inline import Code, Inline, Link, Strong, Text, one_line, spans, visible
from steelyard.document.sparkline import Sparkline
from steelyard.document.table import Cell, Table, cell_text

_SIGNS = {"good": "Good", "warning": "Warning", "bad": "Problem", "note": "Note"}
_SPECIAL = re.compile(r"[\\`*\[\]<>|~&#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LEADING = re.compile(r"^([ ]*)([-+=]|\d{1,9}(?=[.)]))", re.MULTILINE)


def to_markdown(blocks: Blocks) -> str:
    """Give blocks as Markdown; characters that would mean something are escaped, charts become tables.

    >>> from steelyard.document import Paragraph
    >>> print(to_markdown([Paragraph("1. a *plain* <b>line</b>")]), end="")
    1\\. a \\*plain\\* \\<b\\>line\\</b\\>
    """
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:  # noqa: PLR0911 (one a kind)
    match block:
        case Heading():
            return f"{'#' * block.level} {_escaped(one_line(block.text))}"
        case Paragraph():
            return _text(block.text)
        case Table():
            return _table(block)
        case Facts():
            return (
                "\n".join(
                    f"- **{_escaped(one_line(label))}:** {_cell(value, Format())}" for label, value in block.pairs
                )
                or "no facts"
            )
        case Callout():
            said = f"**{_SIGNS[block.kind]}: {_escaped(one_line(block.title))}**"
            said += f"\n\n{_text(block.text)}" if block.text else ""
            return "\n".join(f"> {line}".rstrip() for line in said.split("\n"))
        case CodeBlock():
            return _fenced(block)
        case Items():
            marks = [f"{number}." if block.ordered else "-" for number in range(1, len(block.items) + 1)]
            return "\n".join(
                f"{mark} {_text(item)}".replace("\n", "\n" + " " * (len(mark) + 1))
                for mark, item in zip(marks, block.items, strict=True)
            )
        case _:
            return _group(block)


def _group(block: Block) -> str:
    match block:
        case Section():
            return "\n\n".join([f"**{_escaped(one_line(block.title))}**", *map(_block, block.blocks)])
        case Figure():
            return _figure(block)
        case Grid():
            return "\n\n".join(map(_block, block.blocks))
        case Sparkline():
            return _escaped(f"{one_line(block.label)} {block.text()}")
        case Chart():
            if block.is_empty():
                return f"**{_escaped(one_line(block.title))}**\n\n{NOTHING}"
            return "\n\n".join([_table(block.table()), *(f"*{_escaped(one_line(note))}*" for note in block.notes())])
        case _:
            raise unknown_block(block)


def _table(table: Table) -> str:
    heads = [_escaped(one_line(column.heading)) or " " for column in table.columns]
    rules = ["---:" if table.alignment(place) == "right" else "---" for place in range(len(heads))]
    rows = [[_cell(cell, column.format) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    lines = [heads, rules, *(rows or [["no rows", *[""] * (len(heads) - 1)]])]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{_escaped(one_line(table.caption))}**\n\n{body}" if table.caption else body


def _figure(figure: Figure) -> str:
    name = _escaped(one_line(figure.label)) if figure.href is None else _span(Link(figure.label, figure.href))
    moved = figure.movement()
    parts = [f"**{name}:** {_cell(figure.value, figure.format)}", moved[0] if moved else "", figure.note or ""]
    parts.append(figure.sparkline.text() if figure.sparkline else "")
    return " ".join([parts[0], *(_escaped(one_line(part)) for part in parts[1:] if part)])


def _cell(cell: Cell, style: Format) -> str:
    if isinstance(cell, Code):
        # In a table a pipe ends the cell even inside code, unless it is escaped.
        return _span(Code(one_line(cell.text))).replace("|", "\\|")
    if isinstance(cell, Link | Strong):
        return _span(
            type(cell)(one_line(cell.text), cell.href) if isinstance(cell, Link) else Strong(one_line(cell.text))
        )
    return _escaped(one_line(cell_text(cell, style)))


def _text(text: Text) -> str:
    lines = "".join(_span(span) for span in spans(text)).split("\n")
    whole = "\n".join(line.strip() for line in lines)
    return _LEADING.sub(r"\1\\\2", whole) if not whole[:1].isdigit() else _numbered(whole)


def _numbered(text: str) -> str:
    # A digit cannot be escaped: the point after it can.
    return re.sub(r"^(\d{1,9})([.)])", r"\1\\\2", text, flags=re.MULTILINE)


def _span(span: Inline) -> str:
    match span:
        case Link():
            return f"[{_escaped(span.text)}]({_address(span.href)})"
        case Strong():
            return f"**{_escaped(span.text)}**" if span.text.strip() else span.text
        case Code():
            return _code(visible(span.text))
        case str():
            return _escaped(span)


def _code(text: str) -> str:
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _fenced(block: CodeBlock) -> str:
    text = visible(block.text)
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    language = re.sub(r"[^A-Za-z0-9+#.\-]", "", block.language)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def _address(href: str) -> str:
    for character, code in (("(", "%28"), (")", "%29"), ("<", "%3C"), (">", "%3E"), ("|", "%7C"), ("`", "%60")):
        href = href.replace(character, code)
    return href


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], visible(text))
