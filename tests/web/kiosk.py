"""A small project with an experiment that has all that an experiment can have: looks, segments, guardrails that are
asked for on two scales, a prior, strata of days, and a holdout. Its rows are arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from steelyard.project import Project, open_project

VISITORS = 6_000
FILES = {
    "steelyard.toml": 'name = "Kiosk"\n',
    "studies/short_form.yml": """kind: experiment
question: Does a shorter form sell more?
unit: visitor
table: visitors
arms: {control: 0.5, short: 0.5}
assignment: {arm: arm, at: came_at}
between: [2026-03-02, 2026-03-29]
primary: {metric: spend, measured_in: USD, min_effect: {relative: 0.002}, expected_effect: {relative: 0.018},
  baseline: {level: 42, std_dev: 9, daily: 220},
  prior: {mean: 0, std_dev: 0.05, scale: relative}}
secondary: [{metric: items}]
guardrails:
  - {metric: errors, better: down, margin: {absolute: 0.05}}
  - {metric: stays, margin: {relative: 0.05}, measured_in: minutes}
segments: [device, country]
looks: weekly
stopping: {success: obrien_fleming, harm: always_valid}
""",
}
ROWS = f"""
SELECT i AS visitor, CASE WHEN (i * 2654435761) % 4294967296 < 2147483648 THEN 'control' ELSE 'short' END AS arm,
  TIMESTAMPTZ '2026-03-02 08:00:00+00' + to_seconds(CAST(floor(i * 27.4 * 86400 / {VISITORS}) AS BIGINT)) AS came_at,
  CASE WHEN i % 3 = 0 THEN 'desktop' ELSE 'mobile' END AS device,
  CASE i % 4 WHEN 0 THEN 'AT' WHEN 1 THEN 'CH' ELSE 'DE' END AS country,
  CAST(27 + (i * 7919) % 31 + CASE WHEN (i * 2654435761) % 4294967296 < 2147483648 THEN 0
    WHEN i % 3 = 0 THEN 1.9 ELSE 0.7 END AS DOUBLE) AS spend,
  CAST((i * 104729) % 5 AS DOUBLE) AS items, CAST((i * 15485863) % 10 AS DOUBLE) / 10 AS errors,
  CAST(3 + (i * 32452843) % 9 AS DOUBLE) AS stays
FROM range(0, {VISITORS}) AS made(i)
"""


def make_kiosk(folder: Path) -> Project:
    """The project, with its experiment registered and looked at on two Mondays and at its end."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project = open_project(folder)
    with project.store.transaction("who came") as change:
        change.create("visitors", ROWS)
    project.plan("short_form", register=True)
    for day in (9, 16, 30):
        project.run("short_form", as_of=datetime(2026, 3, day, 6, tzinfo=UTC))
    project.decide(
        "short_form", choice="ship", action="Everybody gets the short form.", why="It sells more.", who="Ada",
        reversible=True, expected_effect="+5 % spend a visitor",
    )  # fmt: skip
    return project
