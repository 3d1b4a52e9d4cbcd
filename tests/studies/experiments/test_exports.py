"""Exports of other systems, in the columns that these document, are read as they come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.result import Result
from steelyard.studies.experiments import Assignment, Experiment, Mean
from steelyard.studies.run import run

BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
Make = Callable[..., Any]


def _exposures(labels: dict[str, str], *, n: int = 400, in_two: int = 5) -> list[tuple[str, str, datetime]]:
    """Unit, what the system calls its arm, moment: each unit twice, the second time a day later; a few in both arms."""
    control, treated = (next(label for label, arm in labels.items() if arm == name) for name in ("control", "b"))
    rows = []
    for unit in range(n):
        word = (control, treated)[unit % 2]
        again = (control, treated)[(unit + 1) % 2] if unit < in_two else word
        at = BEGUN + timedelta(minutes=unit)
        rows += [(str(unit), again, at + timedelta(days=1)), (str(unit), word, at)]
    return rows


def _growthbook(rows: list[tuple[str, str, datetime]]) -> tuple[str, pa.Table]:
    """`experiment_viewed`, as event trackers write it; a row of another experiment is among them."""
    others = [("0", "1", "another", BEGUN)]
    listed = [(unit, arm, "test", at) for unit, arm, at in rows] + others
    names = ("user_id", "variation_id", "experiment_id", "timestamp")
    columns = dict(zip(names, (list(column) for column in zip(*listed, strict=True)), strict=True))
    return "experiment_viewed", pa.table({**columns, "received_at": columns["timestamp"]})


def _launchdarkly(rows: list[tuple[str, str, datetime]]) -> tuple[str, pa.Table]:
    """`evaluation_events`: one row a context, exposures or not."""
    listed = [(unit, "user", arm, "it-1", at) for unit, arm, at in rows]
    listed += [(f"org-{unit}", "organization", arm, "it-1", at) for unit, arm, at in rows]  # of the same evaluations
    listed += [("399", "user", rows[0][1], None, BEGUN)]  # evaluated, and no exposure
    names = ("context_key", "context_kind", "variation_value", "experiment_iteration_id", "received_time")
    columns = dict(zip(names, (list(column) for column in zip(*listed, strict=True)), strict=True))
    return "evaluation_events", pa.table({**columns, "flag_key": ["test"] * len(listed)})


def _statsig(rows: list[tuple[str, str, datetime]]) -> tuple[str, pa.Table]:
    """`first_exposures`."""
    names = ("unit_id", "experiment_group", "first_exposure_utc")
    columns = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True))
    more = {"name": ["test"] * len(rows), "exposure_type": ["get_experiment"] * len(rows), "unit_type": "userID"}
    return "first_exposures", pa.table({**columns, **more, "unit_type": ["userID"] * len(rows)})


SYSTEMS: dict[str, tuple[Callable[..., tuple[str, pa.Table]], dict[str, str]]] = {
    "growthbook": (_growthbook, {"0": "control", "1": "b"}),
    "launchdarkly": (_launchdarkly, {"false": "control", "true": "b"}),
    "statsig": (_statsig, {"Control": "control", "Test": "b"}),
}


def _answered(system: str, study: Callable[..., Experiment], units: Make, *, in_two: int) -> Result:
    write, labels = SYSTEMS[system]
    table, rows = write(_exposures(labels, in_two=in_two))
    columns = units(400)
    users = pa.table({"user_id": [str(unit) for unit in range(400)], "spend": columns["spend"]})
    assignment = Assignment(system=system, labels=labels)
    one = study(assignment=assignment, table="users", primary=Mean("spend", window="7 days"))
    return run(one, {"users": users, table: rows}, as_of=NOW)


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_export_gives_each_unit_its_arm_and_first_moment(system: str, study: Make, units: Make) -> None:
    found = _answered(system, study, units, in_two=0)
    columns = units(400)
    given = {"user_id": [str(unit) for unit in range(400)], "arm": columns["arm"], "spend": columns["spend"]}
    at = [BEGUN + timedelta(minutes=unit) for unit in range(400)]
    plain = study(assignment=Assignment(at="at"), table="users", primary=Mean("spend", window="7 days"))
    want = run(plain, {"users": pa.table({**given, "at": at})}, as_of=NOW)
    assert [row.value for row in found.estimates] == pytest.approx([row.value for row in want.estimates])
    assert [row.n for row in found.estimates] == [row.n for row in want.estimates] == [400] * len(want.estimates)
    assert "invalid" not in found.verdict.answer


@pytest.mark.parametrize("system", SYSTEMS)
def test_units_in_two_arms_are_counted_and_in_no_arm(system: str, study: Make, units: Make) -> None:
    found = _answered(system, study, units, in_two=5)
    check = next(check for check in found.checks if check.name == "one_arm_each")
    assert check.status == "failed"
    assert check.value == 5
    assert {row.n for row in found.estimates} == {395}


def test_a_column_that_is_named_goes_before_the_systems(study: Make, units: Make) -> None:
    kept = Assignment(system="growthbook", table="exposures", at="received_at", unit="anonymous_id", experiment="x")
    assert (kept.table, kept.arm, kept.at, kept.unit) == ("exposures", "variation_id", "received_at", "anonymous_id")
    assert kept.rows_sql("test", ["experiment_id"]) == ["\"experiment_id\" = 'x'"]


def test_what_cannot_be_an_export_is_refused(study: Make) -> None:
    with pytest.raises(UnknownNameError, match="growthboook"):
        Assignment(system="growthboook")
    with pytest.raises(DefinitionError, match="no system"):
        Assignment(experiment="x")
    with pytest.raises(UnknownNameError, match="'c'"):
        study(assignment=Assignment(system="statsig", labels={"Test": "c"}))
