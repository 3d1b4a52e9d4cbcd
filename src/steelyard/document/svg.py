"""An SVG drawing made of escaped elements with classes, and no style attribute that a strict page would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

from steelyard.document.inline import check_href, one_line

FONT = 12.0
_NARROW = frozenset("ijl.,:;'|!ftrI()[]- ")
_WIDE = frozenset("mwMW%@∞+▲▼")


def text_width(text: str, size: float = FONT) -> float:
    """Estimate how wide a text is in a system font, on the generous side.

    >>> text_width("iii") < text_width("mmm")
    True
    """
    width = 0.0
    for character in text:
        if character in _NARROW:
            width += 0.41
        elif character in _WIDE:
            width += 0.96
        elif "A" <= character <= "Z":
            width += 0.72
        elif character.isdigit() or character < "\u1100":
            width += 0.64
        else:
            width += 1.05
    return width * size


def shorten(text: str, room: float, size: float = FONT) -> str:
    """Cut a text that is wider than the room, with an ellipsis; whoever cuts keeps the whole text in a title."""
    if text_width(text, size) <= room:
        return text
    kept = text
    while kept and text_width(kept + "…", size) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


class Canvas:
    """A drawing of a known size, built from top to bottom.

    >>> canvas = Canvas(10, 10)
    >>> canvas.add("rect", "sy-bar", x=1, y=2.04, width=3, height=4, title="a < b")
    >>> canvas.markup()
    '<rect class="sy-bar" x="1" y="2" width="3" height="4"><title>a &lt; b</title></rect>'
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def add(self, tag: str, kind: str, *, title: str = "", content: str = "", **attributes: float | str) -> None:
        """Add one element; attribute names take `_` for `-`, numbers are rounded to a tenth."""
        given = "".join(f' {name.replace("_", "-")}="{_attribute(value)}"' for name, value in attributes.items())
        hover = f"<title>{escape(one_line(title))}</title>" if title else ""
        self._parts.append(f'<{tag} class="{kind}"{given}>{hover}{escape(one_line(content))}</{tag}>')

    def text(
        self, x: float, y: float, content: str, kind: str = "sy-tick", anchor: str = "start", title: str = ""
    ) -> None:
        """Write text whose baseline is at `y`."""
        self.add("text", kind, x=x, y=y, text_anchor=anchor, content=content, title=title)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Draw a straight line."""
        self.add("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def path(self, points: list[tuple[float, float]], kind: str, *, closed: bool = False) -> None:
        """Draw straight lines from point to point."""
        steps = "L".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self.add("path", kind, d=f"M{steps}{'Z' if closed else ''}")

    @contextmanager
    def link(self, href: str | None) -> Iterator[None]:
        """Make what is drawn inside lead to an address, where there is one."""
        if href is None:
            yield
            return
        check_href(href)
        self._parts.append(f'<a href="{escape(href)}">')
        yield
        self._parts.append("</a>")

    def markup(self) -> str:
        """Give the elements, without the `svg` around them."""
        return "".join(self._parts)


def _number(value: float) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _attribute(value: float | str) -> str:
    return escape(value) if isinstance(value, str) else _number(value)
