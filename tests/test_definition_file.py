"""Definition files: YAML 1.2 scalars, lines of keys, and placed, friendly errors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steelyard.definition_file import build, read_definition
from steelyard.errors import DefinitionError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Window:
    days: int
    after: str = "start"

    def __post_init__(self) -> None:
        if self.days < 0:
            raise DefinitionError(f"a window of {self.days} days is in the past", hint="give days >= 0")


@dataclass(frozen=True, kw_only=True)
class Metric:
    name: str
    window: Window | None = None
    windows: Mapping[str, Window] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    steps: tuple[Window, ...] = ()
    between: tuple[date, date] | None = None
    margin: Decimal = Decimal(0)
    share: float = 0.0


def read(text: str):
    return read_definition("shop.yml", text=text)


def test_words_that_yaml_1_1_would_change_stay_what_was_written():
    data = read("a: no\nb: on\nc: 12:30\nd: 2026-01-02\ne: 0123x\nf: true\ng: 1e3\nh: ~\ni: -7\nj: .5\n").data
    assert [data[k] for k in "abcde"] == ["no", "on", "12:30", "2026-01-02", "0123x"]
    assert [data[k] for k in "fghij"] == [True, 1000.0, None, -7, 0.5]


def test_a_key_given_twice_is_an_error_that_names_both_lines():
    with pytest.raises(DefinitionError) as caught:
        read("a:\n  key: 1\n  other: 2\n  key: 3\n")
    assert caught.value.where == "shop.yml:4"
    assert "twice" in caught.value.problem
    assert "line 2" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2\nb: 3\n", 2),
        ("a:\n\t- x\n", 2),
        ("a: !!python/object:os.system x\n", 1),
        ("- 1\n", 1),
        ("a: 'x\n", 2),
    ],
)
def test_what_is_not_a_plain_mapping_is_an_error_with_its_line(text, line):
    with pytest.raises(DefinitionError) as caught:
        read(text)
    assert caught.value.where.startswith("shop.yml:")
    assert abs(int(caught.value.where.split(":")[1]) - line) <= 1


def test_a_file_that_refers_to_itself_is_refused_and_not_followed_for_ever():
    with pytest.raises(DefinitionError, match="itself"):
        read("a: &a\n  b: *a\n")
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    with pytest.raises(DefinitionError, match="too large"):
        read(bomb)


def test_an_empty_file_is_an_empty_mapping_and_a_missing_one_an_error(tmp_path: Path):
    assert read("# nothing\n").data == {}
    with pytest.raises(DefinitionError, match="no file"):
        read_definition(tmp_path / "absent.yml")
    (tmp_path / "latin.yml").write_bytes(b"a: \xe9\n")
    with pytest.raises(DefinitionError, match="cannot be read"):
        read_definition(tmp_path / "latin.yml")


def test_an_unknown_key_deep_down_names_its_line_and_the_nearest_key():
    definition = read("name: x\nwindows:\n  w:\n    days: 3\n    aftr: end\n")
    with pytest.raises(UnknownNameError) as caught:
        build(Metric, definition.data, definition)
    assert caught.value.where == "shop.yml:5"
    assert "after" in caught.value.hint


def test_a_missing_key_is_named():
    definition = read("name: x\nwindow:\n  after: y\n")
    with pytest.raises(DefinitionError, match="'days'") as caught:
        build(Metric, definition.data, definition)
    assert caught.value.where == "shop.yml:2"


def test_a_value_of_the_wrong_type_is_placed_and_quoted():
    definition = read("name: x\nwindows:\n  one:\n    days: 1\n  two:\n    days: soon\n")
    with pytest.raises(DefinitionError) as caught:
        build(Metric, definition.data, definition)
    assert caught.value.where == "shop.yml:6"
    assert "soon" in caught.value.problem
    assert "windows.two.days" in caught.value.problem


def test_a_dataclass_own_complaint_keeps_its_words_and_gets_a_place():
    definition = read("name: x\nsteps:\n  - days: 1\n  - days: -4\n")
    with pytest.raises(DefinitionError, match="-4 days") as caught:
        build(Metric, definition.data, definition)
    assert caught.value.where == "shop.yml:4"
    assert caught.value.hint == "give days >= 0"


def test_values_become_what_the_fields_say():
    metric = build(
        Metric,
        read("name: x\nkey: id\nsteps: {days: 2}\nbetween: [2017-02-06, 2017-06-25]\nmargin: 0.1\nshare: 1\n").data,
    )
    assert metric.key == ("id",)
    assert metric.steps == (Window(days=2),)
    assert metric.between == (date(2017, 2, 6), date(2017, 6, 25))
    assert metric.margin == Decimal("0.1")
    assert metric.share == 1.0


def test_two_hundred_files_are_read_and_built_in_under_a_second(tmp_path: Path):
    text = "name: x\nkey: [a, b]\nwindows:\n" + "".join(f"  w{i}: {{days: {i}, after: start}}\n" for i in range(20))
    for number in range(200):
        (tmp_path / f"{number}.yml").write_text(text)
    start = time.perf_counter()
    for path in sorted(tmp_path.iterdir()):
        definition = read_definition(path)
        build(Metric, definition.data, definition)
    assert time.perf_counter() - start < 1.5


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), plain, max_size=4))
def test_plain_data_written_as_yaml_reads_back_the_same(data):
    text = yaml.safe_dump(data, allow_unicode=True, default_style='"')
    back = read_definition("x.yml", text=text)
    assert back.data == data
    assert all(back.line_of((key,)) >= 1 for key in data)


@dataclass(frozen=True, kw_only=True)
class Level:
    policy: Literal["end_of_period", "last_in_period", "average"]
    better: Literal["up", "down", ""] = ""
    either: Literal["a", "b"] | None = None


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("policy: last_in_perod\n", "'policy' cannot be 'last_in_perod'",
         "did you mean 'last_in_period'? known: end_of_period, last_in_period, average"),
        ("policy: 7\n", "'policy' cannot be 7", "known: end_of_period, last_in_period, average"),
        ("policy: average\nbetter: sideways\n", "'better' cannot be 'sideways'", "known: up, down"),
        ("policy: average\neither: c\n", "'either' cannot be 'c'", "known: a, b"),
        ("policy: [average]\n", "'policy' cannot be ['average']", "known: end_of_period, last_in_period, average"),
    ],
)  # fmt: skip
def test_a_word_that_a_key_does_not_take_is_answered_with_those_that_it_takes(text, problem, hint):
    definition = read(text)
    with pytest.raises(DefinitionError) as caught:
        build(Level, definition.data, definition)
    assert (caught.value.problem, caught.value.hint) == (problem, hint)
    assert caught.value.where == f"shop.yml:{text.count(chr(10))}"


def test_a_word_that_a_key_takes_or_nothing_where_it_may_be_left_out_is_taken():
    assert build(Level, {"policy": "average", "better": "", "either": None}) == Level(policy="average")
