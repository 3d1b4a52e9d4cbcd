"""A small project with an experiment that is ramped by Steelyard."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from steelyard.project import Project, open_project
from steelyard.studies.experiments.exposure_log import Exposed

UNITS = 1_000
FILES = {
    "steelyard.toml": 'name = "Till"\n',
    "sources/web.yml": """sources:
  visits:
    kind: files
    path: data/visits.csv
    columns: {visitor: BIGINT, spend: DOUBLE, errors: DOUBLE}
    mode: replace
    key: visitor
  exposures:
    kind: log
    columns: {id: VARCHAR, experiment: VARCHAR, unit: VARCHAR, arm: VARCHAR, assigned: VARCHAR, stage: BIGINT,
      tester: BOOLEAN, at: TIMESTAMPTZ}
    mode: append
    key: id
""",
    "studies/one_page.yml": """kind: experiment
question: Does one page sell more?
unit: visitor
table: visits
arms: {control: 0.5, one_page: 0.5}
assignment: steelyard
ramp: [0.2, 0.5, 1.0]
exposure: {table: exposures, unit: unit, at: at, where: "experiment = 'one_page' AND NOT tester"}
primary: {metric: spend}
guardrails: [{metric: errors, better: down, margin: {absolute: 0.5}}]
""",
}


def write_till(folder: Path, units: int = UNITS) -> None:
    """The project's files, with what so many visitors spent."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    random = np.random.default_rng(4)
    spend, errors = random.gamma(2, 5, units), random.random(units)
    lines = [f"{unit},{spend[unit]:.4f},{errors[unit]:.4f}" for unit in range(units)]
    (folder / "data").mkdir()
    (folder / "data" / "visits.csv").write_text("visitor,spend,errors\n" + "\n".join(lines) + "\n", encoding="utf-8")


def make_till(folder: Path) -> Project:
    write_till(folder)
    project = open_project(folder)
    project.refresh()
    return project


def expose_all(project: Project) -> None:
    """Logs an exposure of every unit that is given an arm now, and loads them."""
    found = project.assign_many("one_page", np.arange(UNITS)).arms.to_pylist()
    now = datetime.now(UTC)
    project.expose("one_page", [Exposed(unit=unit, at=now) for unit, arm in enumerate(found) if arm is not None])
    project.refresh()
