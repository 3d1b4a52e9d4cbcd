"""A page before it becomes HTML or JSON: blocks, what may be chosen on it, and plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlencode

from steelyard.document import Block, Chart

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Act", "Choice", "Choices", "Controls", "Crumb", "Form", "Input", "Page", "address"]


def address(*parts: str, **asked: str | int | None) -> str:
    """The path of a page, each part percent-encoded; what is asked and is not empty follows.

    >>> address("metrics", "a b/c", grain="week", since="")
    '/metrics/a%20b%2Fc?grain=week'
    """
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    given = {name: value for name, value in asked.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


@dataclass(frozen=True, kw_only=True)
class Crumb:
    """A step of the way to the page."""

    text: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several views: a link."""

    text: str
    href: str
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Views of which one is shown."""

    label: str
    items: Sequence[Choice]


@dataclass(frozen=True, kw_only=True)
class Input:
    """One field of a form that asks for another view.

    Args:
        name: The parameter.
        label: What it is called.
        value: What it holds.
        kind: How it is entered; `hidden` carries on what was asked elsewhere.
        options: For `select`: value and text.
        hint: What to write, shown under it.
        required: Whether it must be filled in.
    """

    name: str
    label: str = ""
    value: str = ""
    kind: Literal["select", "date", "text", "hidden", "textarea", "password"] = "text"
    options: Sequence[tuple[str, str]] = ()
    hint: str = ""
    required: bool = False

    def shown(self, value: str) -> str:
        """What was filled in, as it was offered: the text of an option and not its value.

        >>> Input(name="reversible", options=[("yes", "Two-way: it can be undone")]).shown("yes")
        'Two-way: it can be undone'
        """
        return dict(self.options).get(value, value)


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What may be chosen on a page: links, and one form that is sent with GET.

    Args:
        label: What the form is for.
        action: The path that the form asks.
        inputs: Its fields.
        choices: Links beside it.
        submit: What its button says.
    """

    label: str
    action: str
    inputs: Sequence[Input]
    choices: Sequence[Choices] = ()
    submit: str = "Show"


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that may be done: a button that posts.

    Args:
        label: What the button says.
        action: The path that it posts to.
    """

    label: str
    action: str


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that is sent with POST.

    Args:
        label: What it is for.
        action: The path that it posts to.
        inputs: Its fields.
        submit: What its button says.
        back: Where to go instead; empty for nowhere.
    """

    label: str
    action: str
    inputs: Sequence[Input]
    submit: str
    back: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page before it becomes HTML or JSON.

    Args:
        title: For the window, and the last step of the breadcrumb.
        section: The part of the site that it belongs to, as the navigation names it.
        lead: Blocks above the controls; the first is a heading of level 1.
        blocks: Blocks below them.
        data: The same for a program, as values that `canonical.plain` can write.
        crumbs: The way from home to here.
        controls: What may be chosen.
        acts: What may be done.
        form: What is to be filled in, below the blocks.
        status: The HTTP status.
        table: What the page is of as one table, which `?format=csv` gives; None where it is of no table.
        picture: Its chart that matters most, which `?format=png` draws; None is the first of its blocks.
    """

    title: str
    section: str = ""
    lead: Sequence[Block] = ()
    blocks: Sequence[Block] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    crumbs: Sequence[Crumb] = ()
    controls: Controls | None = None
    acts: Sequence[Act] = ()
    form: Form | None = None
    status: int = 200
    table: pa.Table | None = None
    picture: Chart | None = None
