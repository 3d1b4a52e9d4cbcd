from __future__ import annotations

import itertools
import json
import math
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from gallery import charts
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.document import (
    Band,
    BarChart,
    BoxChart,
    BoxRow,
    Chart,
    Event,
    EventStudyChart,
    EventStudyPoint,
    Format,
    FunnelChart,
    GraphChart,
    GraphNode,
    HeatMap,
    Histogram,
    IntervalChart,
    IntervalRow,
    LineChart,
    Series,
    Sparkline,
    Stage,
    Step,
    Threshold,
    WaterfallChart,
    to_html,
    to_svg,
)
from steelyard.document.chart.layers import crossings, lay_out
from steelyard.document.chart.line import thinned
from steelyard.document.chart.plot import spread
from steelyard.document.chart.scale import date_ticks, nice_ticks, place_of, thin
from steelyard.document.svg import text_width
from steelyard.errors import DefinitionError

SVG = "{http://www.w3.org/2000/svg}"
ALL = {f"{number} {chart.title}": chart for number, chart in enumerate(charts())}
AWKWARD = st.one_of(st.none(), st.floats(width=64), st.integers(-(10**6), 10**6))


def drawn(chart: Chart | Sparkline, width: float = 720) -> ElementTree.Element:
    return ElementTree.fromstring(to_svg(chart, width))


def boxes(svg: ElementTree.Element) -> list[tuple[float, float, float, str]]:
    """Give left, right, baseline and words of every text."""
    found = []
    for text in svg.iter(f"{SVG}text"):
        said = (text[0].tail or "") if len(text) else (text.text or "")
        width, x = text_width(said) * 0.93, float(text.attrib["x"])
        start = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attrib["text-anchor"]] * width
        found.append((start, start + width, float(text.attrib["y"]), said))
    return found


@pytest.mark.parametrize("width", [360, 720, 1100])
@pytest.mark.parametrize("name", ALL)
def test_no_two_labels_of_a_chart_overlap_and_none_is_cut_off(name: str, width: float) -> None:
    svg = drawn(ALL[name], width)
    right = float(svg.attrib["viewBox"].split()[2])
    texts = boxes(svg)
    for start, end, _, said in texts:
        assert start >= -1, said
        assert end <= right + 1, said
    for index, (start, end, y, said) in enumerate(texts):
        for other_start, other_end, other_y, other in texts[index + 1 :]:
            touching = start < other_end and other_start < end and abs(y - other_y) < 11
            assert not touching, (said, other)


@pytest.mark.parametrize("name", ALL)
def test_a_chart_says_what_it_is_and_needs_no_style_attribute(name: str) -> None:
    markup = to_svg(ALL[name])
    svg = ElementTree.fromstring(markup)
    ids = {element.attrib["id"]: element for element in svg.iter() if "id" in element.attrib}
    spoken = [ids[one].text for one in svg.attrib["aria-labelledby"].split()]
    assert svg.attrib["role"] == ("group" if "<a " in markup else "img")
    assert spoken[0] == ALL[name].title
    assert " style=" not in markup
    assert "<script" not in markup


@pytest.mark.parametrize("name", ALL)
def test_a_chart_has_a_vega_lite_specification_that_is_json(name: str) -> None:
    specification = json.loads(json.dumps(ALL[name].to_vega_lite(), allow_nan=False))
    assert specification["$schema"].endswith("v5.json")
    assert "mark" in specification or "layer" in specification
    assert isinstance(specification["data"]["values"], list)


@given(st.lists(AWKWARD, min_size=0, max_size=30), st.integers(200, 900))
@settings(max_examples=40, deadline=None)
def test_any_values_give_a_drawing_with_finite_places(values: list[float | None], width: int) -> None:
    names = [f"label {i}" for i in range(len(values))]
    series = [Series("a", values)]
    for chart in (
        LineChart("t", range(len(values)), series),
        BarChart("t", names, values),
        IntervalChart("t", [IntervalRow(name, value) for name, value in zip(names, values, strict=True)]),
        EventStudyChart("t", [EventStudyPoint(i, value) for i, value in enumerate(values)]),
        HeatMap("t", ["r"], names, [values]),
        Sparkline(values),
    ):
        svg = drawn(chart, width)
        for element in svg.iter():
            for key, value in element.attrib.items():
                if key in {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "d", "viewBox"}:
                    assert "nan" not in value
                    assert "inf" not in value


@pytest.mark.parametrize("values", [[], [None, None], [math.nan, math.inf], [10**400]])
def test_a_chart_without_points_says_so_and_draws_no_axis(values: list[float | None]) -> None:
    chart = LineChart("Sales", range(len(values)), [Series("a", values)])
    assert chart.is_empty()
    assert "no points" in to_svg(chart)
    assert 'sy-axis"' not in to_svg(chart).replace(".sy-axis", "")
    assert "nothing to draw" in to_html([chart])


def test_nan_is_a_gap_and_is_said() -> None:
    chart = LineChart("Sales", range(5), [Series("a", [1.0, 2.0, math.nan, 3.0, 4.0])])
    lines = [path for path in drawn(chart).iter(f"{SVG}path") if "sy-line" in path.attrib["class"]]
    assert len(lines) == 2
    assert chart.notes() == ("1 value is missing or not finite: drawn as gaps",)


def test_bars_begin_at_zero_and_the_largest_is_first() -> None:
    chart = BarChart("Sales", ["a", "b", "c", "d"], [10, 30, None, -5])
    assert [label for label, _ in chart.rows()] == ["b", "a", "d", "c"]
    bars = [rect for rect in drawn(chart).iter(f"{SVG}rect") if "sy-bar" in rect.attrib["class"]]
    x, width = ([float(bar.attrib[key]) for bar in bars] for key in ("x", "width"))
    assert x[0] == x[1] == pytest.approx(x[2] + width[2], abs=0.2)
    assert width[0] / width[1] == pytest.approx(3, rel=0.01)
    assert width[1] / width[2] == pytest.approx(2, rel=0.01)


def test_an_unbounded_interval_ends_in_an_arrow() -> None:
    svg = drawn(IntervalChart("e", [IntervalRow("a", 0.1, None, 0.2), IntervalRow("b", 0.1, 0.0, 0.2)]))
    assert sum("sy-arrow" in path.attrib["class"] for path in svg.iter(f"{SVG}path")) == 1


def test_interval_ends_stand_where_their_values_are() -> None:
    rows = [IntervalRow("a", 1.0, 0.0, 2.0), IntervalRow("b", 3.0, 2.0, 4.0)]
    svg = drawn(IntervalChart("e", rows))
    dots = [float(c.attrib["cx"]) for c in svg.iter(f"{SVG}circle")]
    spans = [
        line
        for line in svg.iter(f"{SVG}line")
        if "sy-interval" in line.attrib["class"] and line.attrib["y1"] == line.attrib["y2"]
    ]
    assert float(spans[0].attrib["x2"]) == pytest.approx(float(spans[1].attrib["x1"]), abs=0.2)
    assert dots[0] == pytest.approx((float(spans[0].attrib["x1"]) + float(spans[0].attrib["x2"])) / 2, abs=0.2)


def test_contributions_that_do_not_lead_to_the_end_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"lead to 110, not to 120"):
        WaterfallChart("w", "before", 100, [Step("a", 10)], "after", 120)
    assert WaterfallChart("w", "before", 100, [Step("a", 10)], "after").end == 110


def test_a_waterfall_that_leaves_zero_out_draws_no_bar_for_a_total_and_says_so() -> None:
    small = WaterfallChart("w", "before", 100, [Step("a", 1)], "after")
    large = WaterfallChart("w", "before", 100, [Step("a", 90)], "after")
    assert small.notes() == ("the axis does not begin at zero",)
    assert large.notes() == ()
    assert sum("sy-sum" in r.attrib["class"] for r in drawn(small).iter(f"{SVG}rect")) == 0
    assert sum("sy-sum" in r.attrib["class"] for r in drawn(large).iter(f"{SVG}rect")) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: LineChart("t", [1, 2], [Series("a", [1])]),
        lambda: LineChart("t", [2, 1], [Series("a", [1, 2])]),
        lambda: LineChart("t", [date(2026, 1, 1), 3], [Series("a", [1, 2])]),
        lambda: LineChart("t", [date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC)], [Series("a", [1, 2])]),
        lambda: LineChart("t", ["a", "b"], [Series("a", [1, 2])]),
        lambda: LineChart("t", [1.0, math.nan], [Series("a", [1, 2])]),
        lambda: LineChart("t", [1], [Series("a", [1]), Series("a", [1])]),
        lambda: LineChart("t", [1], [Series("a", [1])], events=[Event(date(2026, 1, 1), "e")]),
        lambda: LineChart("t", [1], [Series("a", [1])], compare=Series("a", [1])),
        lambda: LineChart("t", [1], [Series("a", [1])], compare=Series("b", [1, 2])),
        lambda: LineChart("t", [1], [Series("a", [1])], usual=Band("u", [1, 2], [1, 2])),
        lambda: LineChart("t", [1], [Series("a", [1])], thresholds=[Threshold("u", [1, 2])]),
        lambda: LineChart("t", [1], [Series("a", [1])], events=[Event(1, "e", date(2026, 1, 1))]),
        lambda: Event(date(2026, 1, 2), "e", date(2026, 1, 1)),
        lambda: Event(date(2026, 1, 2), "e", 3),
        lambda: Band("u", [2], [1]),
        lambda: Band("u", [1, 2], [3]),
        lambda: Threshold("u", math.nan),
        lambda: Histogram("t", [0, 1], [1, 2]),
        lambda: Histogram("t", [0, 1, 3], [1, 2]),
        lambda: Histogram("t", [0, 1, 2], [1, -2]),
        lambda: Histogram("t", [0, 1, 2], [1, 2], marks=[Threshold("m", [1, 2])]),
        lambda: BoxRow("a", 1, 2, None, 3, 4),
        lambda: BoxRow("a", 1, 3, 2, 4, 5),
        lambda: Stage("a", -1),
        lambda: Series("a", [1], low=[0]),
        lambda: Series("a", [1, 2], low=[0], high=[2]),
        lambda: BarChart("t", ["a"], []),
        lambda: IntervalRow("a", 1, 3, 2),
        lambda: IntervalRow("a", 1, status="great"),
        lambda: EventStudyChart("t", [EventStudyPoint(1, 1), EventStudyPoint(1, 1)]),
        lambda: WaterfallChart("t", "a", 1, [Step("b", math.nan)], "c"),
        lambda: HeatMap("t", ["a"], ["b"], [[1, 2]]),
        lambda: GraphChart("t", [GraphNode("a"), GraphNode("a")]),
        lambda: GraphChart("t", [GraphNode("a")], [("a", "b")]),
        lambda: GraphChart("t", [GraphNode("a"), GraphNode("b")], [("a", "b"), ("b", "a")]),
        lambda: GraphNode("a", href="javascript:alert(1)"),
    ],
)
def test_a_chart_that_cannot_be_drawn_truthfully_is_refused(make: object) -> None:
    with pytest.raises(DefinitionError):
        make()  # type: ignore[operator]


def classed(svg: ElementTree.Element, tag: str, kind: str) -> list[dict[str, float]]:
    """Give the numbers of every element of a class."""
    found = [one for one in svg.iter(f"{SVG}{tag}") if kind in one.attrib["class"].split()]
    return [{key: float(value) for key, value in one.attrib.items() if key != "class"} for one in found]


@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 6)), min_size=1, max_size=60), st.integers(1, 30))
def test_a_histogram_counts_every_value_once_in_the_range_that_holds_it(values: list[float], bins: int) -> None:
    chart = Histogram.of("t", values, bins=bins)
    assert sum(chart.counts) == len(values)
    assert len(chart.counts) <= bins + 4
    assert chart.edges[0] <= min(values)
    assert chart.edges[-1] >= max(values)
    for (low, high), count in zip(pairwise(chart.edges[:-1]), chart.counts, strict=False):
        assert count == sum(low <= value < high for value in values)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.integers(300, 900))
def test_bars_of_a_histogram_stand_on_zero_and_are_as_high_as_their_counts(counts: list[int], width: int) -> None:
    chart = Histogram("t", range(len(counts) + 1), counts)
    if chart.is_empty():
        return
    bars = classed(drawn(chart, width), "rect", "sy-bar")
    known = [count for count in counts if count]
    ground = {round(bar["y"] + bar["height"], 0) for bar in bars}
    assert len(bars) == len(known)
    assert max(ground) - min(ground) <= 1
    for bar, count in zip(bars, known, strict=True):
        tallest = max(other["height"] for other in bars)
        assert bar["height"] == pytest.approx(max(tallest * count / max(known), 0.5), abs=0.2)


def test_a_histogram_says_what_it_does_not_draw() -> None:
    chart = Histogram("t", [0, 1, 2], [3, 4], below=1, above=2, missing=5)
    assert chart.notes() == (
        "1 value lies below 0, not drawn",
        "2 values lie above 2, not drawn",
        "5 values are missing or not finite",
    )
    assert [row[2] for row in chart.table().rows] == [3, 4]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9), st.integers(300, 900))
def test_bars_of_a_funnel_begin_at_zero_and_are_as_long_as_their_counts(counts: list[int], width: int) -> None:
    chart = FunnelChart("t", [Stage(f"s{number}", count) for number, count in enumerate(counts)])
    assert [row[1] for row in chart.table().rows] == counts
    if chart.is_empty():
        return
    bars = classed(drawn(chart, width), "rect", "sy-bar")
    known = [count for count in counts if count]
    longest = max(bar["width"] for bar in bars)
    assert len({bar["x"] for bar in bars}) == 1
    for bar, count in zip(bars, known, strict=True):
        assert bar["width"] == pytest.approx(max(longest * count / max(known), 0.5), abs=0.2)


def test_shares_of_a_funnel_are_of_the_stage_before_and_of_the_first() -> None:
    chart = FunnelChart("t", [Stage("a", 200), Stage("b", 50), Stage("c", 0), Stage("d", 0)])
    assert chart.shares() == [(None, 1.0), (0.25, 0.25), (0.0, 0.0), (None, 0.0)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5), st.integers(300, 900))
def test_a_box_stands_between_its_whiskers_where_its_numbers_are(numbers: list[float], width: int) -> None:
    five = sorted(numbers)
    svg = drawn(BoxChart("t", [BoxRow("a", *five), BoxRow("b", None, None, None, None, None)]), width)
    (box,) = classed(svg, "rect", "sy-box")
    (median,) = classed(svg, "line", "sy-median")
    whiskers = [line for line in classed(svg, "line", "sy-interval") if line["y1"] == line["y2"]]
    assert whiskers[0]["x1"] <= whiskers[0]["x2"] == box["x"] <= median["x1"] + 0.1
    assert median["x1"] <= box["x"] + box["width"] + 0.2
    assert whiskers[1]["x1"] <= whiskers[1]["x2"]
    span = five[4] - five[0]
    if span > 1:
        share = (five[2] - five[0]) / span
        across = whiskers[1]["x2"] - whiskers[0]["x1"]
        assert median["x1"] == pytest.approx(whiskers[0]["x1"] + across * share, abs=0.3)


def test_what_is_compared_with_lies_behind_and_is_in_the_table() -> None:
    chart = LineChart(
        "Sales",
        range(3),
        [Series("now", [1, 2, 3])],
        compare=Series("before", [3, 2, 1]),
        usual=Band("usual", [0, 1, None], [2, 3, 4]),
        thresholds=[Threshold("target", 2.5), Threshold("plan", [1, 2, None])],
        events=[Event(1, "outage", 2), Event(0, "launch")],
        incomplete_from=2,
    )
    paths = [path.attrib["class"] for path in drawn(chart).iter(f"{SVG}path")]
    assert paths == [
        "sy-band sy-muted",
        "sy-line sy-muted",
        "sy-line sy-s1",
        "sy-line sy-dashed sy-s1",
        "sy-limit sy-open",
    ]
    assert [column.name for column in chart.table().columns] == [
        "x", "now", "before", "usual", "target", "plan", "event",
    ]  # fmt: skip
    assert chart.table().rows[1][-3:] == (2.5, 2.0, "outage")
    assert [row[-1] for row in chart.table().rows] == ["launch", "outage", "outage"]


def test_a_stepped_line_holds_its_value_until_the_next_place() -> None:
    svg = drawn(LineChart("Ramp", [0, 1, 2], [Series("share", [0.1, 0.5, 0.5])], stepped=True))
    (path,) = [one.attrib["d"] for one in svg.iter(f"{SVG}path")]
    points = [tuple(map(float, point.split(","))) for point in path[1:].split("L")]
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(points))


@given(st.lists(st.tuples(st.integers(0, 60), st.text("abcdefgh ", min_size=1, max_size=24)), max_size=7))
@settings(deadline=None)
def test_labels_of_events_never_overlap(events: list[tuple[int, str]]) -> None:
    chart = LineChart("t", range(61), [Series("a", range(61))], events=[Event(at, label) for at, label in events])
    for width in (360, 720):
        labels = [box for box in boxes(drawn(chart, width)) if box[3].strip()]
        for (start, end, y, said), (other_start, other_end, other_y, other) in itertools.combinations(labels, 2):
            assert not (start < other_end and other_start < end and abs(y - other_y) < 11), (said, other)


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(3, 12))
def test_number_ticks_are_even_cover_the_range_and_are_not_too_many(low: float, size: float, most: int) -> None:
    high = low + size
    ticks = nice_ticks(low, high, most)
    steps = np.diff(ticks)
    assert len(ticks) <= most + 1
    assert ticks[0] <= low + abs(low) * 1e-9 + size * 1e-6
    assert ticks[-1] >= high - abs(high) * 1e-9 - size * 1e-6
    assert steps.max() <= steps.min() * 1.01 + abs(low) * 1e-9


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 20_000), st.integers(2, 12))
def test_date_ticks_lie_inside_the_range_and_are_at_most_what_was_asked(first: date, length: int, most: int) -> None:
    low = place_of(first)
    ticks = date_ticks(low, low + length, most)
    assert 1 <= len(ticks) <= most
    assert all(low <= at <= low + length for at, _ in ticks)
    assert all(one != other for (_, one), (_, other) in pairwise(ticks))
    assert re.search(r"\d{4}$", ticks[0][1])


def test_date_ticks_of_some_weeks_are_mondays() -> None:
    ticks = date_ticks(place_of(date(2026, 11, 1)), place_of(date(2026, 12, 20)), 8)
    days = [date(1970, 1, 1) + timedelta(days=at) for at, _ in ticks]
    assert {day.weekday() for day in days} == {0}


def test_times_of_one_day_have_ticks_on_the_clock() -> None:
    hours = [datetime(2026, 3, 1, hour, 30, tzinfo=UTC) for hour in range(24)]
    ticks = date_ticks(place_of(hours[0]), place_of(hours[-1]), 9)
    assert [label for _, label in ticks][:3] == ["1 Mar 03:00", "06:00", "09:00"]


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(1, 100))))
def test_kept_labels_do_not_touch(labels: list[tuple[float, float]]) -> None:
    labels = sorted(labels)
    kept = [labels[index] for index in thin(labels)]
    assert bool(kept) == bool(labels)
    for (centre, width), (later, size) in itertools.pairwise(kept):
        assert centre + width / 2 <= later - size / 2


@given(st.lists(st.floats(0, 200), max_size=12))
def test_names_beside_lines_are_moved_apart(places: list[float]) -> None:
    moved = spread(sorted(places), 15, 0, 220)
    assert all(later - earlier >= 15 - 1e-9 for earlier, later in itertools.pairwise(moved))
    assert all(place <= 220 + 1e-9 for place in moved)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_every_edge_of_a_layered_graph_leads_right_and_no_two_places_are_the_same(pairs: list[tuple[int, int]]) -> None:
    edges = sorted({(str(min(pair)), str(max(pair))) for pair in pairs if pair[0] != pair[1]})
    laid = lay_out([str(i) for i in range(10)], edges)
    for chain in laid.chains:
        assert [laid.layer[b] - laid.layer[a] for a, b in itertools.pairwise(chain)] == [1] * (len(chain) - 1)
    places = sorted((laid.layer[name], laid.row[name]) for name in laid.layer)
    for (layer, row), (other, below) in itertools.pairwise(places):
        assert layer != other or below - row >= 1 - 1e-9


def test_layers_are_as_long_as_the_longest_path() -> None:
    laid = lay_out(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d")])
    assert [laid.layer[name] for name in "abcd"] == [0, 1, 2, 3]


def test_ordering_removes_a_crossing_that_need_not_be() -> None:
    laid = lay_out(["a", "b", "c", "d"], [("a", "d"), ("b", "c")])
    rows = [sorted((n for n in "abcd" if laid.layer[n] == k), key=laid.row.__getitem__) for k in (0, 1)]
    assert crossings(rows, [["a", "d"], ["b", "c"]]) == 0


def test_a_long_series_keeps_its_extremes_when_drawn() -> None:
    points = [(i / 1000, 50.0) for i in range(500_000)]
    points[123_456] = (123.456, 3.0)
    points[400_000] = (400.0, 97.0)
    kept = thinned(points)
    assert len(kept) < 5000
    assert {points[123_456], points[400_000], points[0], points[-1]} <= set(kept)


def test_a_chart_takes_numpy_and_keeps_text_small_enough_to_send() -> None:
    days = np.arange("2020-01-01", "2026-01-01", dtype="datetime64[D]").astype(object)
    chart = LineChart("Long", days, [Series("a", np.linspace(0, 1, len(days)))], Format.percent())
    html = to_html([chart])
    assert len(html) < 90_000
    assert "2,192 points" in html


def test_a_narrow_graph_lists_its_boxes_layer_by_layer_with_what_each_is_made_of() -> None:
    nodes = [GraphNode("house", status="bad", detail="9 rows"), GraphNode("b"), GraphNode("a", href="/data/a")]
    graph = GraphChart("Lineage", nodes, [("a", "b"), ("b", "house"), ("a", "house")])
    drawn = ElementTree.fromstring(to_svg(graph, 360))
    words = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
    assert words == ["a", "b", "from a", "house", "9 rows", "from b, a"]
    boxes = classed(drawn, "rect", "sy-node")
    assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
    assert all(above["y"] + above["height"] < below["y"] for above, below in itertools.pairwise(boxes))
    assert all(box["x"] + box["width"] <= 360 for box in boxes)
    assert not [path for path in drawn.iter(f"{SVG}path") if "sy-edge" in path.attrib.get("class", "")]
    assert [link.attrib["href"] for link in drawn.iter(f"{SVG}a")] == ["/data/a"]


def test_a_rows_own_margin_is_drawn_where_it_lies() -> None:
    rows = [IntervalRow("errors", 0.1, 0.0, 0.2, limit=0.5), IntervalRow("stays", 0.0, -0.1, 0.1, limit=-0.4)]
    drawn = ElementTree.fromstring(to_svg(IntervalChart("Guardrails", rows), 700))
    marks = classed(drawn, "line", "sy-limit")
    axis = classed(drawn, "line", "sy-axis")[-1]["x1"]
    dots = classed(drawn, "circle", "sy-dot")
    assert [mark["x1"] > axis for mark in marks] == [True, False]
    scale = (marks[0]["x1"] - marks[1]["x1"]) / 0.9
    assert dots[0]["cx"] == pytest.approx(axis + 0.1 * scale, abs=0.2)
