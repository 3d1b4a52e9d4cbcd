"""An experiment's file with anything in any of its fields: made, or refused with a problem, a line and a hint."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from steelyard.definition_file import read_definition
from steelyard.errors import SteelyardError, UnknownNameError
from steelyard.project.kinds import study_from

WHOLE: dict[str, Any] = {
    "kind": "experiment", "question": "Does it help?", "unit": "visitor", "table": "visits",
    "arms": {"control": 0.5, "b": 0.5}, "control": "control", "assignment": {"arm": "arm"},
    "exposure": {"table": "visits", "at": "at"}, "between": ["2026-01-01", "2026-01-28"], "layer": "",
    "ramp": [0.1, {"share": 1.0, "arms": {"control": 0.5, "b": 0.5}}], "holdout": {"everywhere": 0.0, "layer": 0.0},
    "level": 0.95, "power": 0.8, "correction": "", "false_discovery": "bh", "segments": ["country"],
    "looks": {"every": "daily", "planned": 5, "units": 1000, "until": "2026-01-28"},
    "stopping": {"success": "hwang_shih_decani", "harm": "always_valid", "shape": -4},
    "primary": {
        "metric": "spend", "kind": "mean", "window": "7 days", "covariate": {"metric": "before"},
        "min_effect": {"absolute": 0.1}, "expected_effect": {"relative": 0.05}, "better": "up", "winsorise": 0.99,
        "baseline": {"level": 10, "std_dev": 3, "correlation": 0.5, "units": 1000, "daily": 50, "cluster_size": 1,
                     "icc": 0, "cluster_variation": 0, "triggered": 1},
        "relative_method": "log", "prior": {"std_dev": 0.1},
    },
    "secondary": [{"metric": "orders", "kind": "count"}],
    "guardrails": [{"metric": "errors", "better": "down", "margin": {"absolute": 0.5}}],
}  # fmt: skip
ODD = ("null", "''", "[]", "{}", "-1", "2", "1e400", "-1e400", ".nan", ".inf", "true", "x", "[x]", "{x: 1}", "[[1]]",
       "'0.5'", "-0.0", "[null]", "2026-02-30", "[b, b]", "99999999999999999999999")  # fmt: skip


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield (*at, key)
        yield from places(value, (*at, key))


def written(at: tuple[Any, ...], value: str, key: str = "") -> str:
    """The whole file with something else at a place, a key a line."""
    data = copy.deepcopy(WHOLE)
    inside: Any = data
    for part in at[:-1]:
        inside = inside[part]
    inside[at[-1]] = "@"
    if key:
        inside[key] = inside.pop(at[-1])
    return "\n".join(f"{name}: {json.dumps(said)}" for name, said in data.items()).replace('"@"', value)


def made(text: str) -> SteelyardError | None:
    definition = read_definition("studies/t.yml", text=text)
    try:
        study_from({"name": "t", **definition.data}, definition)
    except SteelyardError as error:
        return error
    return None


def test_the_file_itself_is_in_order() -> None:
    assert made(written(("power",), "0.8")) is None


@pytest.mark.parametrize("value", ODD)
def test_whatever_stands_anywhere_is_refused_with_its_line_and_a_hint(value: str) -> None:
    for at in places(WHOLE):
        error = made(written(at, value))
        if error is not None:
            assert error.problem, at
            assert error.where.startswith("studies/t.yml:"), (at, error.where)
            assert error.hint, (at, error.problem)


def test_a_key_that_is_misspelt_names_the_nearest_anywhere() -> None:
    for at in places(WHOLE):
        if isinstance(at[-1], str) and at[:-1] not in {("arms",), ("ramp", 1, "arms")} and at != ("kind",):
            error = made(written(at, "1", key=f"{at[-1]}x"))
            assert isinstance(error, UnknownNameError), at
            assert f"{at[-1]}x" in error.problem, at
            assert error.hint, at


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (("primary",), "[]", "no primary"),
        (("segments",), "[country, country]", "twice"),
        (("segments",), "''", "a column ''"),
        (("primary", "covariate"), "[before, before]", "covariate twice"),
        (("primary", "baseline", "level"), "1e400", "a level of inf"),
        (("primary", "baseline", "cluster_size"), "1e400", "a cluster_size of inf"),
        (("kind",), "[x]", "kind of study"),
    ],
)
def test_what_would_say_nothing_or_the_same_twice_is_refused(at: tuple[Any, ...], value: str, says: str) -> None:
    error = made(written(at, value))
    assert error is not None
    assert says in error.problem


def test_what_a_class_says_of_its_values_is_placed_at_their_line() -> None:
    error = made(written(("primary", "baseline", "correlation"), "3"))
    assert error is not None
    assert error.where == f"studies/t.yml:{1 + list(WHOLE).index('primary')} (baseline)"
