"""The laws of every study, on experiments of each sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.definition_file import build
from steelyard.studies.contract import LAWS, Case
from steelyard.studies.experiments import Experiment, Mean, Quantile


def rebuilt(stored: Mapping[str, Any]) -> Experiment:
    return build(Experiment, {name: value for name, value in stored.items() if name != "kind"})


@pytest.fixture(params=["full", "three arms", "by hash", "gaps", "nobody", "quantiles", "bootstrap"])
def case(
    request: pytest.FixtureRequest, units: Callable[..., Any], study: Callable[..., Experiment], full: Any
) -> Case:
    columns = units(1_200)
    if request.param == "full":
        one = study(**full)
    elif request.param == "three arms":
        columns = units(1_200, arms=("control", "a", "b"))
        one = study(**full, arms={"control": 0.4, "a": 0.3, "b": 0.3})
    elif request.param == "by hash":
        one = study(assignment="steelyard", primary=Mean("spend"))
    elif request.param == "gaps":
        columns["spend"] = [None if i % 7 == 0 else x for i, x in enumerate(columns["spend"])]
        one = study(**full)
    elif request.param == "quantiles":
        quantiles = (Quantile("latency", 0.9), Quantile("latency", 0.5), Quantile("spend", 0.25))
        one = study(**{**full, "primary": quantiles[0], "secondary": quantiles[1:]})
    elif request.param == "bootstrap":
        columns["spend"] = np.exp(columns["spend"] / 2)
        columns["arm"] = np.where(np.arange(1_200) % 10 == 0, "b", "control")
        one = study(arms={"control": 0.9, "b": 0.1}, primary=Mean("spend"))
    else:
        columns["arm"] = ["c"] * 1_200
        one = study(**full)
    return Case(study=one, tables={"data": pa.table(columns)}, build=rebuilt)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_law_holds(law: Callable[[Case], None], case: Case) -> None:
    law(case)
