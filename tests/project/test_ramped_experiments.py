"""A project's experiment from registration over its stages to a launch: assigned, exposed, analysed, refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.web.till import FILES, write_till

from steelyard.errors import DataError, DefinitionError, PolicyError, UnknownNameError
from steelyard.project import Project, open_project
from steelyard.studies.experiments.assignment import assign, drawn
from steelyard.studies.experiments.exposure_log import Exposed
from steelyard.studies.experiments.stage_ledger import StageLedger

UNITS = 6_000
SAID = {"who": "ann", "why": "all is well"}
STUDY = FILES["studies/one_page.yml"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    write_till(tmp_path, UNITS)
    with open_project(tmp_path) as opened:
        assert opened.problems == ()
        yield opened


def expose_all(project: Project, name: str = "one_page") -> dict[int, str]:
    """Logs an exposure of every unit that is given an arm now; returns the arms."""
    found = project.assign_many(name, np.arange(UNITS)).arms.to_pylist()
    given = {unit: arm for unit, arm in enumerate(found) if arm is not None}
    now = datetime.now(UTC)
    project.expose(name, [Exposed(unit=unit, at=now) for unit in given])
    return given


def one_stage(project: Project) -> dict[int, str]:
    """Everything that a stage is: begun, exposed, loaded, run."""
    project.advance("one_page", **SAID)
    given = expose_all(project)
    project.refresh()
    project.run("one_page")
    return given


def test_an_experiment_goes_through_its_stages_and_is_analysed_from_its_exposure_log(project: Project) -> None:
    project.refresh()
    planned = project.plan("one_page", register=True)
    assert "bucket('one_page:ramp'" in planned.queries["ids"].sql, "planned before any stage began"
    digest = project.study("one_page").digest()
    first = one_stage(project)
    assert len(first) == pytest.approx(UNITS * 0.2, abs=4 * np.sqrt(UNITS * 0.16))
    second = one_stage(project)
    assert {unit: second[unit] for unit in first} == first, "nobody moved"
    third = one_stage(project)
    assert len(third) == UNITS
    assert {unit: third[unit] for unit in second} == second
    result = project.run("one_page")
    assert result.estimate(metric="spend", scale="absolute").n == UNITS
    shown = {row["arm"]: row["units"] for row in result.tables["arms"].to_pylist()}
    assert shown == {arm: sum(given == arm for given in third.values()) for arm in ("control", "one_page")}
    standing = project.ramp("one_page")
    assert (standing.state, standing.next_stage, len(standing.acts)) == ("running", None, 3)
    assert project.study("one_page").digest() == digest == standing.acts[0]["digest"]
    assert result.provenance.digest == digest, "stages live in the ledger, not in the definition"
    with pytest.raises(DefinitionError, match="no next stage: it is running") as whole:
        project.advance("one_page", **SAID)
    assert "--launch" in whole.value.hint


def register(project: Project, name: str = "one_page") -> None:
    """Registers without a plan, which would need the table of exposures."""
    from steelyard.studies.standing import register as freeze
    from steelyard.studies.study import Plan

    freeze(project.study(name), Plan(says="planned", rule="the rule"), project.ledger)


def test_the_first_stage_needs_a_registration_and_the_next_a_run_in_this_stage(project: Project) -> None:
    project.refresh(select=["visits"])
    assert [need.name for need in project.ramp("one_page").needs] == ["registered"]
    with pytest.raises(PolicyError, match="not registered"):
        project.advance("one_page", **SAID)
    assert project.assign("one_page", 1) is None
    register(project)
    assert project.ramp("one_page").ready
    project.advance("one_page", **SAID)
    with pytest.raises(PolicyError, match="has not been run"):
        project.advance("one_page", **SAID)
    expose_all(project)
    project.refresh()
    project.run("one_page")
    project.advance("one_page", **SAID)
    with pytest.raises(PolicyError, match="from before this stage began"):
        project.advance("one_page", **SAID)


def test_a_skewed_stage_and_a_harmed_guardrail_stop_the_ramp_and_name_themselves(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    project.advance("one_page", **SAID)
    given = project.assign_many("one_page", np.arange(UNITS)).arms.to_pylist()
    now = datetime.now(UTC)
    lost = [
        Exposed(unit=unit, at=now)
        for unit, arm in enumerate(given)
        if arm == "control" or (arm == "one_page" and unit % 3)
    ]
    project.expose("one_page", lost)
    project.refresh()
    project.run("one_page")
    with pytest.raises(PolicyError, match="did not fall as the split says") as refused:
        project.advance("one_page", **SAID)
    assert "sample_ratio" in refused.value.hint
    assert [row["act"] for row in project.stage_ledger.rows("one_page")] == ["advance"], "what is refused is not kept"


def test_a_guardrail_that_is_worse_for_sure_stops_it(project: Project) -> None:
    allocation = project.allocation
    project.refresh(select=["visits"])
    register(project)
    project.advance("one_page", **SAID)
    expose_all(project)
    worse = project.folder / "data" / "visits.csv"
    head, *lines = worse.read_text(encoding="utf-8").splitlines()
    shown = allocation("one_page")
    rows = []
    for line in lines:
        unit, spend, errors = line.split(",")
        rows.append(f"{unit},{spend},{float(errors) + 2.0 * (shown.arm_of(int(unit)) == 'one_page'):.4f}")
    worse.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    project.refresh()
    assert project.run("one_page").verdict.action == "rollback"
    with pytest.raises(PolicyError, match="'errors' is worse than its margin for sure") as refused:
        project.advance("one_page", **SAID)
    assert "guardrail_errors" in refused.value.hint
    project.rollback("one_page", who="ann", why="errors doubled")
    assert project.assign_many("one_page", np.arange(500)).arms.null_count == 500
    assert project.ramp("one_page").state == "rolled back"
    with pytest.raises(DefinitionError, match="no next stage: it is rolled back") as ended:
        project.advance("one_page", **SAID)
    assert "another name" in ended.value.hint
    with pytest.raises(DefinitionError, match="rolled back already"):
        project.rollback("one_page", **SAID)


def test_what_happens_after_the_end_is_in_no_estimate(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    one_stage(project)
    before = project.run("one_page").estimate(metric="spend", scale="absolute").n
    project.launch("one_page", "one_page", who="ann", why="it won")
    assert project.assign("one_page", 1) == project.assign("one_page", "anybody") == "one_page"
    assert project.ramp("one_page").state == "launched"
    expose_all(project)
    project.refresh()
    assert project.run("one_page").estimate(metric="spend", scale="absolute").n == before
    assert project.exposures("one_page").exposures == before + UNITS
    project.rollback("one_page", who="ann", why="it broke")
    assert project.assign("one_page", 1) is None


def test_an_edited_file_neither_moves_units_nor_advances(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    project.advance("one_page", **SAID)
    before = drawn(project.allocation("one_page"), np.arange(UNITS)).arms
    path = project.folder / "studies" / "one_page.yml"
    path.write_text(STUDY.replace("control: 0.5, one_page: 0.5", "control: 0.2, one_page: 0.8"), encoding="utf-8")
    project.reread()
    assert drawn(project.allocation("one_page"), np.arange(UNITS)).arms == before
    with pytest.raises(PolicyError, match="was edited after the first stage began"):
        project.advance("one_page", **SAID)
    path.write_text("kind: [", encoding="utf-8")
    project.reread()
    assert project.assign("one_page", 3) == before[3].as_py()
    project.rollback("one_page", who="ann", why="its file is broken")
    assert project.assign("one_page", 3) is None


# --- exposures


def test_exposures_are_kept_once_and_conflicts_are_counted_and_listed(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    project.advance("one_page", **SAID)
    now = datetime.now(UTC)
    given = project.assign_many("one_page", np.arange(UNITS)).arms.to_pylist()
    treated = [unit for unit, arm in enumerate(given) if arm == "one_page"]
    outside = given.index(None)
    batch = [Exposed(unit=unit, at=now) for unit in treated[:10]]
    assert project.expose("one_page", batch).new == 10
    again = project.expose("one_page", [*batch, Exposed(unit=treated[0], at=now + timedelta(hours=1))])
    assert (again.given, again.new, again.duplicates, again.conflicts) == (11, 1, 10, 0)
    wrong = project.expose(
        "one_page",
        [
            Exposed(unit=treated[1], at=now, arm="control"),
            Exposed(unit=outside, at=now, arm="one_page"),
            Exposed(unit=treated[2], at=now - timedelta(days=2), arm="one_page"),
        ],
    )
    assert (wrong.new, wrong.conflicts) == (3, 3)
    assert wrong.listed[0].arms == ("control", "one_page")
    assert "assigned 'nothing'" in wrong.listed[1].says
    found = project.exposures("one_page")
    assert (found.exposures, found.units, found.repeated) == (14, 11, 3)
    assert (found.in_two_arms, found.otherwise, found.unassigned) == (1, 1, 2)
    assert found.listed[0].unit == str(treated[1])
    single = project.expose("one_page", Exposed(unit=str(treated[3]), at=now))
    assert (single.new, single.duplicates) == (0, 1), "7 and '7' are one unit"


_SERVICE = """
import sys
from datetime import UTC, datetime
from steelyard.project import open_project
from steelyard.studies.experiments.exposure_log import Exposed
at = datetime.now(UTC)
with open_project(sys.argv[1]) as project:
    for start in range(0, 100, 10):
        for _ in range(2):  # a service repeats what it is not sure of
            project.expose("one_page", [Exposed(unit=unit, at=at, arm="control") for unit in range(start, start + 10)])
        print(start, flush=True)
"""


def test_an_exposure_that_is_repeated_after_its_unit_became_a_tester_is_the_same(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    project.advance("one_page", **SAID)
    unit = next(unit for unit in range(100) if project.assign("one_page", unit) == "one_page")
    shown = Exposed(unit=unit, at=datetime.now(UTC), arm="one_page")
    assert project.expose("one_page", shown).new == 1
    project.give("one_page", unit, "control", **SAID)
    again = project.expose("one_page", shown)
    assert (again.new, again.duplicates, again.conflicts) == (0, 1, 1), "what it was shown is not what it is given now"
    elsewhere = replace(shown, at=shown.at.astimezone(timezone(timedelta(hours=9))))
    assert project.expose("one_page", elsewhere).new == 0, "one moment, on another clock"
    assert project.exposures("one_page").exposures == 1


def test_a_service_may_log_while_the_project_refreshes(project: Project) -> None:
    project.refresh()
    project.plan("one_page", register=True)
    project.advance("one_page", **SAID)
    sql, seen = "SELECT count(*) AS n, count(DISTINCT unit) AS units FROM exposures", []
    words = [sys.executable, "-c", _SERVICE, str(project.folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        while service.stdout.readline():
            project.refresh()
            with project.warehouse(project.newest) as warehouse:
                seen += warehouse.fetch(sql).to_pylist()
    assert service.returncode == 0
    project.refresh()
    with project.warehouse(project.newest) as warehouse:
        seen += warehouse.fetch(sql).to_pylist()
    assert all(row["n"] == row["units"] and row["n"] % 10 == 0 for row in seen)  # whole batches, each once
    assert [row["n"] for row in seen] == sorted(row["n"] for row in seen)
    assert seen[-1]["n"] == 100
    assert project.exposures("one_page").exposures == 100


@pytest.mark.parametrize(
    ("exposed", "error", "says"),
    [
        (Exposed(unit="nobody", at=datetime(2026, 1, 1, tzinfo=UTC)), DataError, "was given nothing"),
        (Exposed(unit=1, at=datetime(2026, 1, 1)), DefinitionError, "no time zone"),  # noqa: DTZ001
    ],
)
def test_an_exposure_that_says_nothing_is_refused_and_the_batch_with_it(
    project: Project, exposed: Exposed, error: type[Exception], says: str
) -> None:
    project.refresh(select=["visits"])
    register(project)
    project.advance("one_page", **SAID)
    fine = Exposed(unit=2, at=datetime.now(UTC), arm="control")
    with pytest.raises(error, match=says):
        project.expose("one_page", [fine, exposed])
    assert project.exposures("one_page").exposures == 0


def test_testers_keep_their_arm_and_stay_out_of_the_analysis(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    outside = "tester-1"
    project.give("one_page", outside, "one_page", who="ann", why="to try it")
    assert project.assign("one_page", outside) == "one_page", "before any stage"
    project.advance("one_page", **SAID)
    inside = next(unit for unit in range(UNITS) if project.allocation("one_page").drawn(unit) == "control")
    project.give("one_page", inside, "one_page", who="ann", why="to try it")
    expose_all(project)
    project.refresh()
    enrolled = sum(arm is not None for arm in drawn(project.allocation("one_page"), np.arange(UNITS)).arms.to_pylist())
    assert project.run("one_page").estimate(metric="spend", scale="absolute").n == enrolled - 1
    assert project.exposures("one_page").of_testers == 1
    project.give("one_page", inside, None, who="ann", why="done")
    assert project.assign("one_page", inside) == "control"
    with pytest.raises(UnknownNameError, match="one_pag"):
        project.give("one_page", 1, "one_pag", who="ann", why="typo")
    with pytest.raises(DefinitionError, match="without who"):
        project.give("one_page", 1, "control", who="", why="x")


def test_an_erasure_reaches_the_logs(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    project.give("one_page", 7, "one_page", who="ann", why="to try it")
    project.expose("one_page", Exposed(unit=7, at=datetime.now(UTC)))
    entry = project.erase(["visits.visitor"], 7, who="ann", why="asked")
    assert entry.body["logs"] == {"exposures": 1, "testers": 1}
    assert project.exposures("one_page").exposures == 0
    assert project.assign("one_page", 7) is None


# --- layers, holdouts, independence


def layered(name: str, **words: Any) -> str:
    said = {"layer": "page", "ramp": "[0.4, 0.7]", **words}
    more = "".join(f"{key}: {value}\n" for key, value in said.items())
    return STUDY.replace("ramp: [0.2, 0.5, 1.0]\n", more).replace("'one_page'", f"'{name}'")


def write_studies(project: Project, **texts: str) -> None:
    for name, text in texts.items():
        (project.folder / "studies" / f"{name}.yml").write_text(text, encoding="utf-8")
    project.reread()
    assert project.problems == ()
    for name in texts:
        register(project, name)


def arms_of(project: Project, name: str) -> list[str | None]:
    return list(project.assign_many(name, np.arange(UNITS)).arms.to_pylist())


def test_experiments_of_a_layer_share_no_unit_and_its_holdout_none(project: Project) -> None:
    project.refresh(select=["visits"])
    write_studies(
        project,
        one=layered("one", holdout="{layer: 0.1}"),
        two=layered("two", holdout="{layer: 0.1}"),
        three=layered("three", holdout="{layer: 0.2}"),
    )
    project.advance("one", **SAID)
    project.advance("two", **SAID)
    mine, theirs = arms_of(project, "one"), arms_of(project, "two")
    assert not any(a is not None and b is not None for a, b in zip(mine, theirs, strict=True))
    share = sum(a is not None for a in mine) / UNITS
    assert share == pytest.approx(0.4 * 0.9, abs=4 * np.sqrt(0.36 * 0.64 / UNITS))
    with pytest.raises(DefinitionError, match=r"needs 0\.3 more, and 0\.2 is free"):
        run_stage(project, "one")
    with pytest.raises(DefinitionError, match=r"holds out 0\.2 \(layer\)"):
        project.advance("three", **SAID)
    project.rollback("two", who="ann", why="done")
    project.advance("one", **SAID)
    more = arms_of(project, "one")
    assert all(b == a for a, b in zip(mine, more, strict=True) if a is not None)
    assert project.independence("one") == (), "nothing else runs"


def run_stage(project: Project, name: str) -> None:
    expose_all(project, name)
    project.refresh()
    project.run(name)
    project.advance(name, **SAID)


def test_independence_is_measured_against_all_that_runs_outside_of_the_layer(project: Project) -> None:
    project.refresh(select=["visits"])
    write_studies(project, one=layered("one", layer="page"), two=layered("two", layer="basket"))
    project.advance("two", **SAID)
    (found,) = project.independence("one")
    assert (found.other, found.units, found.df) == ("two", UNITS, 1)
    assert found.holds, found.says


def test_a_race_for_a_layer_has_one_winner_and_the_other_is_told(project: Project) -> None:
    """Two people look at once; the second act follows what is no longer last, and does not count."""
    project.refresh(select=["visits"])
    write_studies(project, one=layered("one"), two=layered("two"))
    early = StageLedger(project.ledger)
    project.advance("one", **SAID)
    from steelyard.studies.experiments.ramp_acts import advance

    with pytest.raises(DataError, match="recorded at the same time"):
        advance(project.experiment("two"), project.ramp("two"), early, who="bob", why="me too")
    assert project.ramp("two").state == "not begun"
    assert project.ramp("two").void == 1
    project.advance("two", **SAID)
    mine, theirs = arms_of(project, "one"), arms_of(project, "two")
    assert not any(a is not None and b is not None for a, b in zip(mine, theirs, strict=True))


def test_a_rollback_counts_whatever_came_between(project: Project) -> None:
    project.refresh(select=["visits"])
    write_studies(project, one=layered("one"), two=layered("two"))
    project.advance("one", **SAID)
    early = StageLedger(project.ledger)
    project.advance("two", **SAID)
    from steelyard.studies.experiments.ramp_acts import rollback

    rollback("one", early, who="bob", why="it burns")
    assert project.ramp("one").state == "rolled back"
    assert project.ramp("two").state == "running"


def test_a_stage_with_a_split_of_its_own_assigns_and_is_analysed_by_it(project: Project) -> None:
    project.refresh(select=["visits"])
    ramp = "[{share: 0.2, arms: {control: 0.9, one_page: 0.1}}, 1.0]"
    write_studies(project, one=layered("one", ramp=ramp, layer="page"))
    project.advance("one", **SAID)
    arms = arms_of(project, "one")
    assert arms.count("one_page") / UNITS == pytest.approx(0.02, abs=0.01)
    expose_all(project, "one")
    project.refresh()
    result = project.run("one")
    shares = {row["arm"]: row["share"] for row in result.tables["stages"].to_pylist()}
    assert shares == pytest.approx({"control": 0.9, "one_page": 0.1})
    assert next(check for check in result.checks if check.name == "sample_ratio").status == "passed"


def test_the_same_arms_come_from_the_study_and_its_rows_alone(project: Project) -> None:
    project.refresh(select=["visits"])
    register(project)
    project.advance("one_page", **SAID)
    rows = project.stage_ledger.rows("one_page")
    assert list(assign(project.experiment("one_page"), range(500), stages=rows)) == arms_of(project, "one_page")[:500]
    held = replace(project.allocation("one_page"), held_out=1.0 - 2**-20)
    assert [held.arm_of(unit) for unit in range(50)] == [None] * 50
