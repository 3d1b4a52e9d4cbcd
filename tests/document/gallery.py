"""One of every block, for tests and for eyes: `python tests/document/gallery.py page.html` writes it as a page."""

from __future__ import annotations

import math
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from steelyard.document import (
    Band,
    BarChart,
    Block,
    BoxChart,
    BoxRow,
    Callout,
    Chart,
    Code,
    CodeBlock,
    Column,
    Event,
    EventStudyChart,
    EventStudyPoint,
    Facts,
    Figure,
    Format,
    FunnelChart,
    GraphChart,
    GraphNode,
    Grid,
    Heading,
    HeatMap,
    Histogram,
    Interval,
    IntervalChart,
    IntervalRow,
    Items,
    LineChart,
    Link,
    Paragraph,
    Section,
    Series,
    Sparkline,
    Stage,
    Step,
    Strong,
    Table,
    Threshold,
    WaterfallChart,
    to_html_page,
)

USD = Format.money("USD", 0)
PERCENT = Format.percent(1)


def wave(count: int, base: float, height: float) -> list[float]:
    """Give a series with a weekly rhythm and a trend."""
    return [base + height * math.sin(2 * math.pi * i / 7) + base * 0.004 * i for i in range(count)]


def charts() -> list[Chart]:
    """Give one of every chart, and the awkward cases of some."""
    days = [date(2026, 8, 3) + timedelta(days=i) for i in range(110)]
    revenue: list[float | None] = list(wave(110, 42_000, 6_000))
    revenue[40:44] = [None] * 4
    low = [None if v is None else v * 0.93 for v in revenue]
    high = [None if v is None else v * 1.07 for v in revenue]
    countries = ["Norway", "Germany", "United Kingdom", "France", "Spain"]
    weeks = [date(2026, 1, 5) + timedelta(weeks=i) for i in range(40)]
    return [
        LineChart(
            "Revenue by day",
            days,
            [Series("revenue", revenue, low, high)],
            USD,
            events=[
                Event(date(2026, 9, 1), "One-page checkout to 20%"),
                Event(date(2026, 9, 8), "Autumn campaign"),
                Event(date(2026, 11, 16), "Tracking outage on iOS"),
            ],
            incomplete_from=date(2026, 11, 17),
        ),
        LineChart(
            "Conversion by country and week",
            weeks,
            [
                Series(name, [0.02 + 0.004 * k + 0.0025 * math.sin(i / 5 + k) for i in range(40)])
                for k, name in enumerate(countries)
            ],
            Format.percent(2),
            zero=True,
        ),
        LineChart(
            "Calibration",
            [0.05, 0.15, 0.35, 0.5, 0.75, 0.95],
            [
                Series("observed", [0.04, 0.17, 0.31, 0.55, 0.72, 0.97]),
                Series("ideal", [0.05, 0.15, 0.35, 0.5, 0.75, 0.95]),
            ],
            PERCENT,
            x_label="predicted share",
            x_format=PERCENT,
        ),
        BarChart(
            "Revenue by country",
            [*countries, "The Democratic Republic of the Congo and its neighbours", "Unknown"],
            [120_400, 98_200, 310_900, 45_000, 22_130, 1_200, None],
            USD,
        ),
        BarChart(
            "Change by segment", ["mobile", "desktop", "tablet"], [0.034, -0.021, 0.002], Format.percent(1, signed=True)
        ),
        IntervalChart(
            "Effect on revenue per visitor",
            [
                IntervalRow("revenue", 0.021, 0.008, 0.034, "good"),
                IntervalRow("refund rate", 0.012, None, 0.019, "bad"),
                IntervalRow("latency, 90th percentile", 0.004, -0.012, 0.02),
                IntervalRow("sessions", -0.004, -0.013, None, "warning"),
                IntervalRow("returning visitors in countries with two currencies", None),
            ],
            Format.percent(1, signed=True),
            limit=0.005,
            limit_label="least effect that matters",
        ),
        EventStudyChart(
            "Spend by week since campaign 8",
            [
                EventStudyPoint(
                    i,
                    (0.0 if i == -1 else 0.4 * math.cos(i) + (1.5 if i >= 0 else 0)),
                    None if i == 7 else -1.0 + (0.3 * i if i > 0 else 0),
                    2.5 if i < 4 else 4.2,
                )
                for i in range(-8, 9)
            ],
            Format.money("$", 2),
            x_label="weeks since the campaign",
        ),
        WaterfallChart(
            "Revenue, third quarter to fourth",
            "July to September",
            1_180_000,
            [
                Step("visitors", 84_000),
                Step("visit to cart", -22_500),
                Step("cart to checkout", 41_000),
                Step("checkout to order", -9_000),
                Step("average order", 132_000),
            ],
            "October to December",
            format=USD,
            better="up",
        ),
        WaterfallChart(
            "Conversion, with a small move",
            "before",
            0.0412,
            [Step("rate within segments", 0.0011), Step("mix of segments", -0.0004)],
            "after",
            format=Format.percent(2),
        ),
        HeatMap(
            "Retention by cohort",
            [f"{m} 2026" for m in ("Jan", "Feb", "Mar", "Apr", "May")],
            [str(i) for i in range(9)],
            [
                [None if i + c > 8 else round(math.exp(-0.25 * i) * (0.9 + 0.02 * c), 3) for i in range(9)]
                for c in range(5)
            ],
            Format.percent(0),
            row_label="joined",
            column_label="months since joining",
        ),
        HeatMap(
            "Residuals",
            ["mobile", "desktop"],
            [f"{h:02d}:00" for h in range(0, 24, 2)],
            [[0.05 * math.sin(h / 3 + k) for h in range(12)] for k in range(2)],
            Format.percent(0, signed=True),
            centre=0.0,
        ),
        LineChart(
            "Revenue by week, as usual and as a year ago",
            weeks,
            [Series("revenue", [900_000 + 9_000 * i + 60_000 * math.sin(i / 4) for i in range(40)])],
            USD,
            events=[
                Event(date(2026, 3, 2), "Payments failed", date(2026, 3, 23)),
                Event(date(2026, 7, 6), "One-page checkout"),
            ],
            incomplete_from=weeks[-1],
            compare=Series("a year before", [840_000 + 7_000 * i + 70_000 * math.sin(i / 4 + 0.4) for i in range(40)]),
            usual=Band(
                "usual range",
                [810_000 + 9_000 * i + 60_000 * math.sin(i / 4) for i in range(40)],
                [990_000 + 9_000 * i + 60_000 * math.sin(i / 4) for i in range(40)],
            ),
            thresholds=[
                Threshold("target", [1_000_000 + 90_000 * (i // 13) for i in range(40)]),
                Threshold("alert below", 850_000),
            ],
        ),
        LineChart(
            "Ramp of the one-page checkout",
            [date(2026, 10, 5), date(2026, 10, 8), date(2026, 10, 14), date(2026, 10, 23), date(2026, 11, 2)],
            [Series("treated share", [0.05, 0.1, 0.2, 0.5, 0.5])],
            Format.percent(0),
            events=[
                Event(date(2026, 10, 8), "guardrails hold"),
                Event(date(2026, 10, 14), "no sample-ratio mismatch"),
                Event(date(2026, 10, 23), "power reached"),
            ],
            stepped=True,
            zero=True,
        ),
        Histogram.of(
            "Orders by value",
            [math.exp(3.2 + 0.55 * math.sin(i * 12.9898) + 0.5 * math.cos(i * 4.1)) for i in range(800)],
            format=USD,
            marks=[Threshold("median", 25.0), Threshold("mean", 28.4)],
            above=3,
        ),
        BoxChart(
            "Order value by country",
            [
                BoxRow(name, 8.0 + k, 18.0 + 2 * k, 27.0 + 3 * k, 41.0 + 4 * k, 95.0 + 9 * k, 1200 - 90 * k)
                for k, name in enumerate(countries)
            ]
            + [BoxRow("Antarctica, which has no customers", None, None, None, None, None, 0)],
            USD,
            whiskers="5th and 95th percentile",
        ),
        FunnelChart(
            "From visit to order",
            [
                Stage("visited", 155_848),
                Stage("put something into the cart", 41_203),
                Stage("began the checkout", 18_955),
                Stage("ordered", 9_412),
                Stage("returned", 0),
            ],
            what="visitors",
        ),
        IntervalChart(
            "Conversion by device",
            [
                IntervalRow("mobile", 0.031, 0.029, 0.033),
                IntervalRow("desktop", 0.047, 0.044, 0.05),
                IntervalRow("tablet", 0.039, 0.031, 0.049),
            ],
            Format.percent(1),
            reference=0.036,
        ),
        GraphChart(
            "Where revenue comes from",
            [
                GraphNode("orders_raw", detail="12 minutes ago", href="/data/orders_raw"),
                GraphNode("rates", "exchange_rates", "warning", "26 hours old"),
                GraphNode("events_raw", detail="4 minutes ago"),
                GraphNode("orders", None, "good", "key tested"),
                GraphNode("sessions", None, "bad", "3 keys twice"),
                GraphNode("orders_in_dollars_by_day_and_country"),
                GraphNode("revenue", None, "good", "metric", "/metrics/revenue"),
                GraphNode("conversion_rate", detail="metric"),
            ],
            [
                ("orders_raw", "orders"),
                ("rates", "orders_in_dollars_by_day_and_country"),
                ("orders", "orders_in_dollars_by_day_and_country"),
                ("events_raw", "sessions"),
                ("orders_in_dollars_by_day_and_country", "revenue"),
                ("sessions", "conversion_rate"),
                ("orders", "conversion_rate"),
            ],
        ),
        LineChart("Nothing yet", [], [Series("orders", [])]),
    ]


def blocks() -> list[Block]:
    """Give one of every block."""
    trend = Sparkline(wave(28, 100, 9), "revenue, 28 days")
    return [
        Heading("Does a one-page checkout raise revenue?", 1),
        Paragraph(
            [
                "Asked of ",
                Strong("155,848"),
                " visitors. The primary metric is ",
                Code("revenue"),
                ", read from ",
                Link("the warehouse", "/data"),
                ".",
            ]
        ),
        Callout(
            "good", "Yes: ship", "The interval lies above the least effect that matters, and no guardrail is crossed."
        ),
        Callout("warning", "One doubt", ["The tail of ", Code("latency_ms"), " is heavier than planned."]),
        Callout("bad", "Not valid", "The split differs from 50:50 (p < 0.001)."),
        Callout("note", "Registered before the data was read"),
        Grid(
            [
                Figure(
                    "Revenue",
                    Decimal("4596039.90"),
                    Format.money("$", 0),
                    0.042,
                    better="up",
                    note="against last week",
                    sparkline=trend,
                ),
                Figure(
                    "Refund rate",
                    0.0312,
                    Format.percent(2),
                    0.08,
                    better="down",
                    note="against last week",
                    sparkline=Sparkline([3, 4, 3, 5, 5, None, 6, 7], "refunds"),
                ),
                Figure("Households", 2469, change=0.0, note="no change", href="/metrics/households"),
            ]
        ),
        Heading("Estimates", 2, "estimates"),
        Table(
            [
                "metric",
                Column("value", format=Format.significant(3)),
                Column("interval", "95% interval", Format.percent(1, signed=True)),
                Column("p_value", "p", Format.p_value()),
                Column("n", format=Format.integer()),
                Column("trend"),
            ],
            [
                [Link("revenue", "/metrics/revenue"), 0.0213, Interval(0.008, 0.034), 0.0004, 155_848, trend],
                [
                    "refund_rate | a long name that is broken over lines where it must",
                    0.0121,
                    Interval(None, 0.019),
                    0.21,
                    155_848,
                    None,
                ],
                [Code("latency_ms"), float("nan"), None, None, 12, Sparkline([])],
            ],
            "Effects at the planned end",
        ),
        Table(["country", "orders"], caption="Orders by country"),
        Facts(
            [
                ("Question", "Does a one-page checkout raise revenue per visitor?"),
                ("Frozen", date(2026, 10, 1)),
                ("Took", timedelta(seconds=93)),
                ("Definition", Link("sha256:4f2a", "#definition")),
                ("Decided", None),
            ]
        ),
        Items(["Read the plan", ["Check ", Code("sessions")], "Ship to 20%"], ordered=True),
        Section(
            "SQL that ran",
            [CodeBlock("select country, sum(amount) as revenue\nfrom orders\ngroup by country", "sql")],
            open=False,
        ),
        Section("What would settle it", [Items(["Two more weeks", "A placebo date that fails"])]),
        Heading("Charts"),
        *charts(),
        Grid(charts()[0:2], columns=2),
    ]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(to_html_page("Gallery", blocks()), "utf-8")
