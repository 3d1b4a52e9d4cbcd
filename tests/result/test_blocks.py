"""A result as blocks: what does not hold is told first, margins are drawn, bounds that say nothing are left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from steelyard.document import Callout, IntervalChart, LineChart, Section, Table
from steelyard.result import Check, Estimate, Provenance, Result, Verdict
from steelyard.result.charts import effect_charts
from steelyard.result.check_blocks import check_blocks
from steelyard.result.course_chart import course_charts
from steelyard.result.estimate import Role
from steelyard.result.estimate_table import estimate_table
from steelyard.result.guardrail_chart import guardrail_charts


def check(name: str, status: Any = "passed", severity: Any = "blocking") -> Check:
    return Check(name=name, status=status, severity=severity, says=f"{name} is {status}.")


def test_failures_come_first_by_what_they_do_to_the_answer_and_the_rest_is_folded() -> None:
    given = [
        check("fine"), check("late", "failed", "note"), check("odd", "failed", "doubt"), check("unread", "not_run"),
        check("split", "failed"), check("also_fine", "passed", "note"),
    ]  # fmt: skip
    said, table, rest = check_blocks(given)
    assert isinstance(said, Callout)
    assert (said.kind, said.title) == ("bad", "2 of 6 hold")
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == ["split", "unread", "odd", "late"]
    assert isinstance(rest, Section)
    assert not rest.open


@pytest.mark.parametrize(
    ("checks", "kind"),
    [
        ([check("a")], "good"),
        ([check("a"), check("b", "failed", "note")], "note"),
        ([check("a"), check("b", "not_run", "doubt")], "note"),
        ([check("a"), check("b", "failed", "doubt")], "warning"),
        ([check("a", "not_run")], "bad"),
        ([], "warning"),
    ],
)
def test_the_checks_say_in_one_colour_what_they_do_to_the_answer(checks: list[Check], kind: str) -> None:
    said = check_blocks(checks)[0]
    assert isinstance(said, Callout)
    assert said.kind == kind


def guarded(value: float, low: float | None, high: float | None, limit: float) -> Result:
    row = {"metric": "errors", "contrast": "b - a", "scale": "absolute", "limit": limit}
    estimate = Estimate(metric="errors", role="guardrail", contrast="b - a", value=value, low=low, high=high, n=9)
    provenance = Provenance(study="s", kind="experiment", definition={}, digest="0" * 64, reads=(), context={})
    verdict = Verdict(answer="yes", says="", rule="")
    tables = {"guardrails": pa.Table.from_pylist([row])}
    return Result(
        question="?", method="", verdict=verdict, estimates=(estimate,), checks=(), provenance=provenance, tables=tables
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "limit", "status"),
    [
        (0.0, -0.1, 0.1, 0.5, "good"),
        (0.0, -0.1, 0.1, -0.5, "good"),
        (0.4, 0.3, 0.6, 0.5, "warning"),
        (-0.4, -0.6, -0.3, -0.5, "warning"),
        (0.7, 0.6, 0.8, 0.5, "bad"),
        (-0.7, -0.8, -0.6, -0.5, "bad"),
        (0.0, None, 0.1, 0.5, "good"),
        (0.0, -0.1, None, 0.5, "warning"),
        (0.7, 0.6, None, 0.5, "bad"),
        (-0.7, None, -0.6, -0.5, "bad"),
    ],
)
def test_a_guardrail_is_good_within_its_margin_and_bad_beyond_it(
    value: float, low: float | None, high: float | None, limit: float, status: str
) -> None:
    (chart,) = guardrail_charts(guarded(value, low, high, limit))
    assert isinstance(chart, IntervalChart)
    assert (chart.rows[0].status, chart.rows[0].limit) == (status, limit)
    assert [column.name for column in chart.table().columns][-1] == "limit"
    assert any("margin" in note for note in chart.notes())


def test_the_table_of_estimates_says_whose_each_level_is_where_there_are_several() -> None:
    def captioned(*levels: float) -> str | None:
        roles: tuple[Role, ...] = ("primary", "guardrail")
        rows = [Estimate(metric="spend", role=role, level=level) for role, level in zip(roles, levels, strict=True)]
        return estimate_table(rows).caption

    assert captioned(0.95, 0.95) == "Intervals: 95 %"
    assert captioned(0.975, 0.95) == "Intervals: 95 % (guardrail), 97.5 % (primary)"


def test_effects_beside_which_what_decides_could_not_be_seen_have_an_axis_of_their_own() -> None:
    def effect(metric: str, role: Role, high: float | None) -> Estimate:
        return Estimate(
            metric=metric, role=role, contrast="b - a", scale="relative", value=0.02, low=-0.01, high=high, n=9
        )

    rows = (
        effect("spend", "primary", 0.05),
        effect("visits", "secondary", 0.3),
        effect("crashes", "secondary", 40.0),
        effect("refunds", "secondary", None),
    )
    near, far = effect_charts(replace(guarded(0.0, -0.1, 0.1, 0.5), estimates=rows, tables={}))
    assert isinstance(near, IntervalChart)
    assert isinstance(far, IntervalChart)
    assert [row.label for row in near.rows] == ["spend", "visits", "refunds"]
    assert [row.label for row in far.rows] == ["crashes"]
    assert far.title != near.title


def course(widths: list[float | None]) -> list[dict[str, Any]]:
    same = {"metric": "spend", "contrast": "b - a", "scale": "absolute", "value": 0.0}
    return [
        {
            **same,
            "day": date(2026, 3, 1) + timedelta(days=place),
            "low": None if width is None else -width / 2,
            "high": None if width is None else width / 2,
        }
        for place, width in enumerate(widths)
    ]


@pytest.mark.parametrize(
    ("widths", "days"),
    [
        ([1000.0, 400.0, 3.0, 2.0, 1.0], 3),
        ([None, 400.0, 3.0, 2.0, 1.0], 3),
        ([11.0, 5.0, 1.0], 3),
        ([500.0, 1.0], 2),
        ([500.0, 5.0, None], 3),
    ],
)
def test_days_whose_bounds_would_flatten_all_others_are_left_to_the_table(
    widths: list[float | None], days: int
) -> None:
    (chart,) = course_charts(course(widths))
    assert isinstance(chart, LineChart)
    assert len(chart.x) == days
    assert ("from the 3rd day on" in chart.title) == (days < len(widths))
