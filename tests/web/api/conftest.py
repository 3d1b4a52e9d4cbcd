"""The project of the pages with an experiment that Steelyard assigns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.project import Project, open_project

CHECKOUT = """kind: experiment
question: Does a shorter checkout sell more?
unit: customer_id
table: trial
arms: {control: 0.5, short: 0.5}
assignment: steelyard
ramp: [0.4, 1.0]
primary: {metric: spend}
"""


@pytest.fixture
def assigning(own: Project) -> Iterator[Project]:
    """A copy of the project in which the first stage of an experiment has begun."""
    (own.folder / "studies" / "checkout.yml").write_text(CHECKOUT, encoding="utf-8")
    with open_project(own.folder) as project:
        project.plan("checkout", register=True)
        project.advance("checkout", who="Ada", why="first users")
        yield project


@pytest.fixture
def service(assigning: Project, browser: Any) -> Iterator[Any]:
    from steelyard.web import create_app

    made = type(browser)(create_app(assigning, patience=60))
    yield made
    made.close()


@pytest.fixture
def folder(own: Project) -> Path:
    return own.folder
