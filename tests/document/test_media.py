from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from io import StringIO
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from gallery import blocks, charts
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from steelyard.document import (
    BarChart,
    Block,
    Callout,
    Code,
    CodeBlock,
    Column,
    Event,
    Facts,
    Figure,
    Format,
    FunnelChart,
    Grid,
    Heading,
    Interval,
    Items,
    LineChart,
    Link,
    Paragraph,
    Section,
    Series,
    Sparkline,
    Stage,
    Strong,
    Table,
    Threshold,
    from_json,
    stylesheet,
    to_html,
    to_html_page,
    to_json,
    to_markdown,
    to_terminal,
    to_text,
)
from steelyard.errors import DefinitionError

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]></style><script>",
    "[bold red]x[/bold red] [link=http://a]b[/link]",
    "\x1b[31mred\x1b]8;;http://evil\x07",
    "a | b \\| c `d` ``` **e** ~~f~~ &lt;",
    "\u202egnirts\u2066",
    "one\ntwo\r\nthree\rfour",
    "# not a heading\n- nor an item\n1. nor this\n---\n    nor code",
    "nul \x00, bell \x07, half \ud800",
]


def everywhere(text: str) -> list[Block]:
    """Give blocks that hold a text in every place where text can stand."""
    return [
        Heading(text),
        Paragraph([text, Strong(text), Code(text), Link(text, "/x")]),
        Facts([(text, text), (text, Code(text))]),
        Table([Column("a", text), text], [[text, Link(text, "#x")], [Code(text), Strong(text)]], text),
        Callout("bad", text, text),
        CodeBlock(text, text),
        Items([text, [Code(text)]]),
        Section(text, [Paragraph(text)]),
        Grid([Figure(text, text, Format(), 0.1, note=text, sparkline=Sparkline([1, 2], text), href="/x")]),
        BarChart(text, [text, text + "2"], [1, 2], description=text),
        LineChart(
            text, [1, 2], [Series(text, [1, 2]), Series(text + "2", [2, 3])], events=[Event(1, text)], x_label=text
        ),
        *charts()[5:6],
    ]


class Tags(HTMLParser):
    """Collects the elements of a page, and fails on what may not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("script", "img", "iframe", "object", "form")
        assert not any(name.startswith("on") or name == "style" for name in given)
        assert (given.get("href") or "/").startswith(("/", "#", "http"))
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def parsed(markup: str) -> Tags:
    tags = Tags()
    tags.feed(markup)
    tags.close()
    assert tags.open == []
    return tags


@pytest.mark.parametrize("text", EVIL)
def test_no_text_becomes_markup_in_html(text: str) -> None:
    page = to_html_page(text, everywhere(text))
    tags = parsed(page)
    page.encode()
    assert len(set(tags.ids)) == len(tags.ids)
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_terminal_draws_bars_of_counts_and_says_what_a_line_is_compared_with() -> None:
    funnel = FunnelChart("Checkout", [Stage("cart", 40), Stage("order", 10)], what="visits")
    assert to_text([funnel]) == (
        "Checkout\n"
        "stage  visits  of stage before  of first\n"
        "──────────────────────────────────────────────────────────────────\n"
        "cart       40                –    100.0%  ████████████████████████\n"
        "order      10            25.0%     25.0%  ██████\n"
    )
    line = LineChart(
        "Sales",
        [1, 2],
        [Series("now", [1, 2])],
        compare=Series("before", [2, 3]),
        thresholds=[Threshold("target", 2), Threshold("plan", [1, 3])],
        events=[Event(1, "outage", 2)],
    )
    said = to_text([line])
    assert "before" in said
    for words in ("1 to 2: outage", "target: 2\n", "plan: 1 to 3\n"):
        assert words in said


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_reads_back_from_html(text: str) -> None:
    words = parsed(to_html([Paragraph(["start ", text, " end"])])).words
    if text.isprintable():
        assert "".join(words) == f"start {text} end"


@pytest.mark.parametrize("text", EVIL)
def test_no_text_becomes_a_control_sequence_or_rich_markup(text: str) -> None:
    plain = to_text(everywhere(text), 200)
    page = StringIO()
    Console(file=page, force_terminal=True, color_system="truecolor", width=200, _environ={}).print(
        to_terminal(everywhere(text))
    )
    plain.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", plain)
    # What is left after the styles that we write ourselves is free of escapes.
    rest = re.sub(r"\x1b\[[\d;]*m|\x1b\]8;[^;]*;[^\x1b\x07]*\x1b\\", "", page.getvalue())
    assert "\x1b" not in rest
    assert "http://evil\x07" not in page.getvalue()
    if text.startswith("[bold"):
        assert "[bold red]x[/bold red]" in plain


@pytest.mark.parametrize("text", EVIL)
def test_no_text_becomes_markup_in_markdown(text: str) -> None:
    reader = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    for token in reader.parse(to_markdown([Paragraph(text)])):
        assert token.type in ("paragraph_open", "paragraph_close", "inline")
        for child in token.children or []:
            assert child.type in ("text", "text_special", "softbreak")
    table = reader.parse(to_markdown([Table(["a", "b"], [[text, Code(text)]])]))
    assert sum(token.type == "td_open" for token in table) == 2
    assert not any(token.type.startswith("html") for token in reader.parse(to_markdown(everywhere(text))))


@given(st.text(st.characters(codec="ascii", exclude_characters="\t\n\r\x0b\x0c"), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_text_in_markdown_reads_back_as_it_was(text: str) -> None:
    text = " ".join(text.split())
    if not text or not text.isprintable():
        return
    reader = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    tokens = reader.parse(to_markdown([Paragraph(text)]))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert "".join(child.content for child in tokens[1].children or []) == text


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
        "\x01javascript:x",
        "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//evil.example", "/\\evil.example", "http:evil", "https:///x",
        "a b", "\u202e/x",
    ],
)  # fmt: skip
def test_a_dangerous_address_is_refused(href: str) -> None:
    with pytest.raises(DefinitionError):
        Link("x", href)
    with pytest.raises(DefinitionError):
        from_json([{"type": "paragraph", "text": [{"type": "link", "text": "x", "href": href}]}])
    with pytest.raises(DefinitionError):
        Figure("x", 1, href=href)


@pytest.mark.parametrize(
    "href", ["/metrics/revenue", "#top", "?since=2026", "page.html", "./a:b", "https://example.org/a?b=1&c=(2)"]
)
def test_an_ordinary_address_is_kept(href: str) -> None:
    assert f'href="{href.replace("&", "&amp;")}"' in to_html([Paragraph([Link("x", href)])])
    tokens = MarkdownIt().parse(to_markdown([Paragraph([Link("x", href)])]))
    assert [child.type for child in tokens[1].children or []] == ["link_open", "text", "link_close"]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.decimals(allow_nan=False), st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC)),
    st.datetimes(
        datetime(1980, 1, 1), datetime(2040, 1, 1), timezones=st.just(ZoneInfo("Europe/Oslo")), allow_imaginary=False  # noqa: DTZ001
    ),
    st.timedeltas(), st.builds(Interval, st.none() | st.floats(allow_nan=False), st.none() | st.integers()),
    st.builds(Code, st.text(max_size=5)), st.builds(Link, st.text(max_size=5), st.just("/x")),
    st.builds(Sparkline, st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=4)),
)  # fmt: skip
LEAVES = st.one_of(
    st.builds(Heading, st.text(max_size=5), st.integers(1, 6)),
    st.builds(Paragraph, st.lists(st.text(max_size=5) | st.builds(Strong, st.text(max_size=5)), max_size=3)),
    st.builds(Facts, st.lists(st.tuples(st.text(max_size=5), SCALARS), max_size=3)),
    st.builds(
        lambda rows: Table(["a", Column("b", format=Format.percent())], rows),
        st.lists(st.tuples(SCALARS, SCALARS), max_size=3),
    ),
    st.builds(Callout, st.sampled_from(["good", "bad"]), st.text(max_size=5), st.text(max_size=5)),
    st.builds(CodeBlock, st.text(max_size=9)),
    st.builds(Items, st.lists(st.text(max_size=5), max_size=3), st.booleans()),
    st.builds(Figure, st.text(max_size=5), SCALARS, change=st.none() | st.floats(allow_nan=False)),
    st.sampled_from(charts()),
)
BLOCKS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Section, st.text(max_size=5), st.lists(inner, max_size=3)),
        st.builds(Grid, st.lists(inner, max_size=3), st.integers(1, 6)),
    ),
    max_leaves=5,
)


@given(st.lists(BLOCKS, max_size=4))
@settings(max_examples=80, deadline=None)
def test_blocks_survive_json_and_every_medium_shows_them(given_blocks: list[Block]) -> None:
    stored = json.dumps(to_json(given_blocks), allow_nan=False)
    back = from_json(json.loads(stored))
    assert back == given_blocks
    assert json.dumps(to_json(back), allow_nan=False) == stored
    parsed(to_html(given_blocks))
    to_text(given_blocks, 40)
    to_markdown(given_blocks)


def test_nan_in_a_cell_survives_json() -> None:
    stored = to_json([Table(["a"], [[math.nan], [math.inf]])])
    assert json.loads(json.dumps(stored, allow_nan=False)) == stored
    cells = [row[0] for row in from_json(stored)[0].rows]  # type: ignore[union-attr]
    assert math.isnan(cells[0])
    assert cells[1] == math.inf


@pytest.mark.parametrize(
    "stored",
    [
        {},
        [1],
        [{"type": "paragraf", "text": ""}],
        [{"type": "paragraph", "words": "x"}],
        [{"type": "link", "text": "x", "href": "/"}],
        [{"type": "heading", "text": "x", "level": 9}],
        [{"type": "facts", "pairs": [["a", {"type": "decimal", "value": "x"}]]}],
        [{"type": "facts", "pairs": [["a", {"type": "datetime", "value": "2026-01-01T00:00", "zone": "No/Where"}]]}],
        [{"type": "facts", "pairs": 3}],
    ],
)
def test_json_that_is_no_blocks_is_refused(stored: object) -> None:
    with pytest.raises(DefinitionError):
        from_json(stored)  # type: ignore[arg-type]


@pytest.mark.parametrize("medium", [to_html, to_markdown, to_json, to_text])
def test_something_that_is_no_block_is_refused(medium: Callable[[list[object]], object]) -> None:
    with pytest.raises(DefinitionError, match="a str is not a block"):
        medium(["words"])


@pytest.mark.parametrize("medium", [to_html, to_markdown, to_text])
def test_an_empty_table_says_no_rows(medium: Callable[[list[Block]], str]) -> None:
    assert "no rows" in medium([Table(["country", "orders"])])
    assert "no points" in medium([LineChart("x", [], [])])


def test_a_table_keeps_numpy_scalars_as_numbers_and_counts_its_cells() -> None:
    table = Table(["a", "b", "c"], [[np.int64(1200), np.float32(0.5), np.datetime64("2026-01-02")]])
    assert table.text_rows() == [["1,200", "0.5", "2026-01-02"]]
    with pytest.raises(DefinitionError, match="row 0 of a table has 1 cells"):
        Table(["a", "b"], [[1]])


@pytest.mark.parametrize("width", [20, 40, 60, 100, 140])
def test_plain_text_stays_in_its_width_and_loses_no_number(width: int) -> None:
    table = Table(
        ["metric", "value", "n", "description"],
        [["revenue", Decimal("4596039.90"), 155_848, "what customers paid us " * 3]],
    )
    text = to_text([table], width)
    assert all(len(line) <= width for line in text.split("\n"))
    assert "4,596,039.90" in text
    assert "155,848" in text
    assert text.count("customers") + text.count("custo\n") == 3 or width < 40
    assert "…" not in text


@pytest.mark.parametrize("width", range(30, 131, 10))
def test_a_long_heading_over_a_number_is_broken_into_words_and_cuts_no_number(width: int) -> None:
    names = ["units in the control", "units in the other arm", "days without the covariate", "chance at the expected"]
    row = [12_456_001, 98_765_432, 315_777, 100_002]
    lines = to_text([Table(names, [row])], width).split("\n")
    assert all(len(line) <= width for line in lines)
    assert all(f"{number:,}" in " ".join(lines).split() for number in row)
    assert sorted(" ".join(lines).replace(":", " ").replace("─", " ").split()) == sorted(
        [*" ".join(names).split(), *(f"{number:,}" for number in row)]
    )


def test_every_medium_shows_the_words_of_the_gallery() -> None:
    page, marks, text = to_html(blocks()), to_markdown(blocks()), to_text(blocks())
    for words in ("Yes: ship", "USD 310,900", "Autumn campaign", "least effect that matters", "Read the plan"):
        assert words in page
        assert words in text or words == "least effect that matters"
    assert "USD 310,900" in marks


def test_a_page_stands_alone_and_has_one_main_heading() -> None:
    page = to_html_page("Report", [Heading("Part"), Paragraph("x")])
    assert page.count("<h1") == 1
    assert "default-src 'none'" in page
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert to_html_page("Report", blocks()).count("<h1") == 1


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", [0, 1])
def test_words_have_the_contrast_that_people_need(mode: int) -> None:
    halves = stylesheet().split("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--sy-([\w-]+): (#[0-9a-f]{6})", halves[mode].split("@media print")[0]))
    for name in ("ink", "soft", "accent", "good", "bad", "warning", *(f"t{i}" for i in range(1, 9))):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in ("soft", "accent", "ink"):
        assert contrast(colours[name], colours["panel"]) >= 4.5, name
    for wash, name in (
        ("good-wash", "good"),
        ("bad-wash", "bad"),
        ("warning-wash", "warning"),
        ("note-wash", "accent"),
    ):
        assert contrast(colours[name], colours[wash]) >= 4.5, name
    for tint in ("q0", "q1", "q2", "q3", "q4", "d2", "d3", "d4", "d5", "d6"):
        assert contrast(colours["in-low"], colours[tint]) >= 4.5, tint
    for tint in ("q5", "q6", "q7", "q8", "d0", "d1", "d7", "d8"):
        assert contrast(colours["in-high"], colours[tint]) >= 4.5, tint


def test_a_figure_says_whether_its_move_is_good_also_without_colour() -> None:
    up = Figure("refunds", 0.03, Format.percent(), 0.1, better="down")
    assert up.movement() == ("▲ +10.0%", "bad")
    assert Figure("refunds", 1, change=-0.1, better="down").movement() == ("▼ -10.0%", "good")
    assert Figure("refunds", 1, change=0.0, better="down").movement() == ("= 0.0%", "neutral")
    assert Figure("refunds", 1, change=math.nan).movement() == ("NaN", "neutral")


def test_dates_in_cells_keep_their_type() -> None:
    facts = Facts(
        [("day", date(2026, 1, 2)), ("took", timedelta(seconds=90)), ("at", datetime(2026, 1, 2, tzinfo=UTC))]
    )
    assert from_json(to_json([facts])) == [facts]
    assert to_text([facts]).split() == [
        "day",
        "2026-01-02",
        "took",
        "1",
        "min",
        "30",
        "s",
        "at",
        "2026-01-02",
        "00:00",
        "UTC",
    ]
