"""The blocks: everything that Steelyard shows is a list of these."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from steelyard.document.chart import Chart
from steelyard.document.format import AUTO, SIGNED_PERCENT, Format, format_value
from steelyard.document.inline import Text, check_href, spans
from steelyard.document.sparkline import Sparkline
from steelyard.document.table import Cell, Table, as_cell
from steelyard.errors import DefinitionError

CalloutKind = Literal["good", "warning", "bad", "note"]
CALLOUTS = ("good", "warning", "bad", "note")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*\Z")


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 6; with an `id`, links can lead to `#id`.

    Raises:
        DefinitionError: the level or the id cannot be.
    """

    text: str
    level: int = 2
    id: str | None = None

    def __post_init__(self) -> None:
        if self.level not in range(1, 7):
            raise DefinitionError(f"a heading cannot have level {self.level}", hint="use 1 to 6")
        if self.id is not None and not _ID.match(self.id):
            raise DefinitionError(f"'{self.id}' is no id", hint="begin with a letter; then letters, digits, _ . -")


@dataclass(frozen=True)
class Paragraph:
    """Running text: a string, or a sequence of strings, `Link`, `Strong` and `Code`."""

    text: Text

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", spans(self.text))


@dataclass(frozen=True)
class Facts:
    """Labels with values: pairs, of which a value is anything that a table cell can be."""

    pairs: Sequence[tuple[str, Cell]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", tuple((str(label), as_cell(value)) for label, value in self.pairs))


@dataclass(frozen=True)
class Callout:
    """Something to notice: `good`, `warning`, `bad` or `note`.

    Raises:
        DefinitionError: the kind is another.
    """

    kind: CalloutKind
    title: str
    text: Text = ""

    def __post_init__(self) -> None:
        if self.kind not in CALLOUTS:
            raise DefinitionError(f"there is no callout '{self.kind}'", hint=f"use one of {', '.join(CALLOUTS)}")
        object.__setattr__(self, "text", spans(self.text))


@dataclass(frozen=True)
class CodeBlock:
    """Text in a fixed-width face, such as SQL."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Items:
    """A list, with numbers where `ordered`; each item is text as in a paragraph."""

    items: Sequence[Text]
    ordered: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(spans(item) for item in self.items))


@dataclass(frozen=True)
class Section:
    """Blocks under a title that a reader can fold; `open` tells whether they show at first."""

    title: str
    blocks: Sequence[Block]
    open: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(self.blocks))


@dataclass(frozen=True)
class Figure:
    """A number at a glance.

    Args:
        label: what the number is.
        value: the number.
        format: how it is written.
        change: how it moved against what `note` names, a fraction unless `change_format` says otherwise.
        change_format: how the change is written.
        better: `up` or `down`, which makes the change good or bad; None for neither.
        note: a few words, such as `against last week`.
        sparkline: its trend.
        href: where it leads.

    Raises:
        DefinitionError: `better` is neither, or the address is refused (see `Link`).
    """

    label: str
    value: Cell
    format: Format = AUTO
    change: float | None = None
    change_format: Format = SIGNED_PERCENT
    better: Literal["up", "down"] | None = None
    note: str | None = None
    sparkline: Sparkline | None = None
    href: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", as_cell(self.value))
        object.__setattr__(self, "change", as_cell(self.change))
        if self.better not in (None, "up", "down"):
            raise DefinitionError(f"better cannot be '{self.better}'", hint="use up or down")
        if self.href is not None:
            check_href(self.href)

    def movement(self) -> tuple[str, str] | None:
        """Give the change in words, with an arrow, and whether it is `good`, `bad` or `neutral`."""
        if self.change is None:
            return None
        said = format_value(self.change, self.change_format)
        if self.change != self.change or self.change == 0:
            return f"= {said}" if self.change == 0 else said, "neutral"
        rising = self.change > 0
        judged = "neutral" if self.better is None else "good" if rising == (self.better == "up") else "bad"
        return f"{'▲' if rising else '▼'} {said}", judged


@dataclass(frozen=True)
class Grid:
    """Blocks side by side, at most `columns` in a row; narrow media put them one under the other."""

    blocks: Sequence[Block]
    columns: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if self.columns not in range(1, 7):
            raise DefinitionError(f"a grid cannot have {self.columns} columns", hint="use 1 to 6")


Block = (
    Heading | Paragraph | Facts | Table | Callout | CodeBlock | Items | Section | Figure | Grid | Sparkline | Chart
)  # fmt: skip
Blocks = Sequence[Block]


def unknown_block(block: Any) -> DefinitionError:
    """Give the error for something in a list of blocks that is none."""
    return DefinitionError(
        f"a {type(block).__name__} is not a block", hint="use the classes of steelyard.document, such as Paragraph"
    )
