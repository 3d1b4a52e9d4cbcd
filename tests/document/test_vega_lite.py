"""Every chart's specification against the schema that Vega-Lite publishes.

The schema is in the npm package `vega-lite` (`npm pack vega-lite@5`), 1.9 MB, so it is not kept here: name its file in
`VEGA_LITE_SCHEMA` to run these tests.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from gallery import charts

SCHEMA = os.environ.get("VEGA_LITE_SCHEMA", "")
ALL = {f"{number} {chart.title}": chart for number, chart in enumerate(charts())}


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    if not SCHEMA:
        pytest.skip("VEGA_LITE_SCHEMA names no file")
    return jsonschema.Draft7Validator(json.loads(Path(SCHEMA).read_text("utf-8")))


@pytest.mark.parametrize("name", ALL)
def test_a_specification_is_valid_vega_lite(name: str, validator: Any) -> None:
    specification = json.loads(json.dumps(ALL[name].to_vega_lite()))
    assert validator.is_valid(specification)


def test_the_schema_refuses_what_is_no_vega_lite(validator: Any) -> None:
    specification = ALL[next(iter(ALL))].to_vega_lite()
    assert not validator.is_valid({**specification, "layer": [{"mark": "pie"}]})
