"""`ramp` and `assign` in the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from steelyard.cli.app import app
from steelyard.document import LineChart
from steelyard.errors import DefinitionError, PolicyError, SteelyardError, UnknownNameError
from steelyard.project import open_project
from steelyard.project.ramp_blocks import ramp_blocks
from steelyard.studies.experiments.assignment import assign
from steelyard.studies.experiments.exposure_log import Exposed

FILES = {
    "steelyard.toml": 'name = "Till"\n',
    "sources/web.yml": """sources:
  visits: {kind: files, path: data/visits.csv, columns: {visitor: BIGINT, spend: DOUBLE}, mode: replace, key: visitor}
""",
    "data/visits.csv": "visitor,spend\n" + "".join(f"{unit},{unit * 7919 % 101}\n" for unit in range(3_000)),
    "data/some.csv": "who,visitor\n" + "".join(f"x,{unit:04}\n" for unit in range(50)),
    "studies/one_page.yml": """kind: experiment
question: Does one page sell more?
unit: visitor
table: visits
arms: {control: 0.5, one_page: 0.5}
ramp: [0.5, 1.0]
primary: {metric: spend}
""",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with open_project(tmp_path) as project:
        project.refresh()
    return tmp_path


@contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


def run(folder: Path, *words: str) -> str:
    with standing_in(folder):
        done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, SteelyardError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def asked(folder: Path, *words: str) -> Any:
    return json.loads(run(folder, *words, "--json"))


SAID = ("--who", "ann", "--why", "all is well")


def test_a_ramp_is_shown_advanced_refused_and_rolled_back(shop: Path) -> None:
    text = run(shop, "ramp", "one_page")
    for words in ("Not begun", "not registered", "--register", "50 %"):
        assert words in text
    with pytest.raises(PolicyError, match="not registered"):
        run(shop, "ramp", "one_page", "--advance", *SAID)
    run(shop, "plan", "one_page", "--register")
    assert asked(shop, "ramp", "one_page")["ready"] is True
    with pytest.raises(DefinitionError, match="does not say who"):
        run(shop, "ramp", "one_page", "--advance", "--why", "x")
    text = run(shop, "ramp", "one_page", "--advance", *SAID)
    for words in (
        "Stage 1 of 2: 50 % enrolled",
        "may not begin. It has not been run",
        "ann",
        "all is well",
        "steelyard run",
    ):
        assert words in text
    run(shop, "run", "one_page")
    told = asked(shop, "ramp", "one_page")
    assert {need["name"]: need["holds"] for need in told["needs"]} == {
        "unedited": True, "run_since": True, "new_units": True, "sample_ratio": True, "sound": True,
            "not_worse": True,
    }  # fmt: skip
    assert "Stage 2 of 2" in run(shop, "ramp", "one_page", "--advance", *SAID)
    said = run(shop, "ramp", "one_page", "--rollback", "--who", "ann", "--why", "it burns")
    assert "everybody is given the unchanged product" in said
    text = run(shop, "ramp", "one_page")
    assert "it burns" in text
    assert "Share of units enrolled, since each act" in text
    with open_project(shop) as project:
        (drawn,) = [block for block in ramp_blocks(project.ramp("one_page")) if isinstance(block, LineChart)]
    assert drawn.series[0].values == (0.5, 1.0, 0.0, 0.0)  # the last until now
    assert asked(shop, "assign", "one_page", "--unit", "1") == {"1": None}


def test_draws_and_exposures_are_shown_when_they_are_asked_for(shop: Path) -> None:
    run(shop, "plan", "one_page", "--register")
    run(shop, "ramp", "one_page", "--advance", *SAID)
    assert "no draw to compare" in run(shop, "ramp", "one_page", "--independence")
    assert "no draw to compare" not in run(shop, "ramp", "one_page")
    at = datetime.now(UTC)
    with open_project(shop) as project:
        given = assign(project.experiment("one_page"), range(40), enrolled=0.5)
        seen = [Exposed(unit=unit, at=at) for unit, arm in enumerate(given) if arm is not None]
        other = next(arm for arm in ("control", "one_page") if arm != given[int(seen[0].unit)])
        project.expose("one_page", [*seen, Exposed(unit=seen[0].unit, at=at, arm=other)])
    text = run(shop, "ramp", "one_page", "--exposures")
    assert "units shown two arms or more" in text
    assert f"shown {other!r}" in text.replace("\n", " ")
    told = asked(shop, "ramp", "one_page", "--exposures")["exposures"]
    assert (told["exposures"], told["units"], told["in_two_arms"]) == (len(seen) + 1, len(seen), 1)
    assert asked(shop, "ramp", "one_page")["exposures"] is None


def test_a_launch_is_an_act_of_its_own(shop: Path) -> None:
    run(shop, "plan", "one_page", "--register")
    run(shop, "ramp", "one_page", "--advance", *SAID)
    with pytest.raises(PolicyError, match="launching 'one_page'"):
        run(shop, "ramp", "one_page", "--launch", "one_page", *SAID)
    run(shop, "run", "one_page")
    with pytest.raises(UnknownNameError, match="two_page"):
        run(shop, "ramp", "one_page", "--launch", "two_page", *SAID)
    told = asked(shop, "ramp", "one_page", "--launch", "one_page", *SAID)
    assert told["state"] == "launched"
    act = told["acts"][-1]
    assert (act["act"], act["arm"], len(act["cites"])) == ("launch", "one_page", 64)
    assert asked(shop, "assign", "one_page", "--unit", "1", "--unit", "zoe") == {"1": "one_page", "zoe": "one_page"}


def test_units_of_a_file_and_of_a_table_are_assigned_as_one_by_one(shop: Path) -> None:
    run(shop, "plan", "one_page", "--register")
    run(shop, "ramp", "one_page", "--advance", *SAID)
    out = shop / "given.parquet"
    said = run(shop, "assign", "one_page", "--file", "data/some.csv", "--column", "visitor", "--output", str(out))
    assert said.startswith("50 units: ")
    table = pq.read_table(out)
    assert table["unit"][7].as_py() == "0007", "an id is what the file says, and no number"
    with open_project(shop) as project:
        study, rows = project.experiment("one_page"), project.stage_ledger.rows("one_page")
    assert table["arm"].to_pylist() == list(assign(study, table["unit"].to_pylist(), stages=rows))
    counted = asked(shop, "assign", "one_page", "--table", "visits")
    expected = list(assign(study, range(3_000), stages=rows))
    assert counted == {
        arm or "unchanged product": expected.count(arm) for arm in ("control", "one_page", None)
    }  # fmt: skip
    line = run(shop, "assign", "one_page", "--unit", "nobody-7")
    assert line.split("\t")[0] == "nobody-7"


def test_testers_are_made_and_what_was_typed_wrong_is_told(shop: Path) -> None:
    run(shop, "plan", "one_page", "--register")
    told = asked(shop, "assign", "one_page", "--unit", "ann", "--arm", "one_page", "--who", "ann", "--why", "try it")
    assert told == asked(shop, "assign", "one_page", "--unit", "ann") == {"ann": "one_page"}
    for words, says in (
        (("assign", "one_page"), "no units"),
        (("assign", "one_page", "--unit", "1", "--table", "visits"), "several kinds"),
        (("assign", "one_page", "--table", "visits", "--arm", "one_page", *SAID), "named one by one"),
        (("assign", "one_page", "--file", "data/some.csv", "--column", "wo"), "wo"),
        (("assign", "one_page", "--file", "steelyard.toml"), "no known format"),
        (("assign", "one_page", "--table", "visit"), "visit"),
        (("assign", "one_page", "--table", "visits", "--column", "visiter"), "visiter"),
        (("ramp", "one_page", "--advance", "--rollback", *SAID), "several acts"),
        (("ramp", "two_page"), "two_page"),
    ):
        with pytest.raises(DefinitionError, match=says):
            run(shop, *words)
