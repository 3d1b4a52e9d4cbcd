"""Replay says same, or names data, definition or code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from tests.studies.test_standing import PANEL, STUDY

from steelyard.definition_file import build
from steelyard.errors import WarehouseError
from steelyard.result import Check
from steelyard.studies import Setting, replay, run_and_keep
from steelyard.studies.causal import DifferenceInDifferences
from steelyard.studies.tables_differ import tables_differ
from steelyard.warehouse import Entry, Ledger, Warehouse, connect


def from_definition(data: Mapping[str, Any]) -> DifferenceInDifferences:
    return build(DifferenceInDifferences, {name: value for name, value in data.items() if name != "kind"})


@pytest.fixture
def kept() -> Iterator[tuple[Ledger, Entry]]:
    with Ledger.in_memory() as ledger:
        entry = run_and_keep(STUDY, Setting(warehouse=connect(PANEL), ledger=ledger))[1]
        assert entry is not None
        yield ledger, entry


def test_the_same_data_and_code_are_the_same(kept: tuple[Ledger, Entry]) -> None:
    ledger, entry = kept
    outcome = replay(entry, ledger, build=from_definition, reopen=lambda _: connect(PANEL), now=STUDY)
    assert outcome.same
    assert outcome.says.startswith("same")
    assert outcome.from_data == "same"


def test_changed_data_is_named(kept: tuple[Ledger, Entry]) -> None:
    ledger, entry = kept
    rows = PANEL.to_pylist()
    rows[3]["sales"] += 1.0
    outcome = replay(
        entry, ledger, build=from_definition, reopen=lambda _: connect(pa.Table.from_pylist(rows)), now=STUDY
    )
    assert outcome.from_kept
    assert outcome.from_data == "differs"
    assert {item.kind for item in outcome.differences} == {"data"}


def test_data_that_is_gone_is_said_with_the_reason(kept: tuple[Ledger, Entry]) -> None:
    ledger, entry = kept

    def gone(_: Any) -> Warehouse:
        raise WarehouseError("the rows of version 3 were erased on request")

    outcome = replay(entry, ledger, build=from_definition, reopen=gone, now=STUDY)
    assert outcome.from_data == "gone"
    assert outcome.from_kept
    assert "erased on request" in outcome.says


def test_an_edited_definition_is_named_with_its_fields(kept: tuple[Ledger, Entry]) -> None:
    ledger, entry = kept
    outcome = replay(entry, ledger, build=from_definition, now=replace(STUDY, min_effect=1.0))
    assert {item.kind for item in outcome.differences} == {"definition"}
    assert "min_effect" in outcome.says


def test_changed_code_is_named_with_what_moved(kept: tuple[Ledger, Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, entry = kept
    from steelyard.stats import difference as module
    from steelyard.studies.causal import estimate

    honest = module.difference

    def shifted(*given: Any, **named: Any) -> Any:
        return replace(honest(*given, **named), value=123.0)

    monkeypatch.setattr(estimate, "difference", shifted)
    outcome = replay(entry, ledger, build=from_definition, now=STUDY)
    assert not outcome.from_kept
    assert "code" in outcome.says
    assert "123.0" in outcome.says


def test_other_words_and_a_new_check_that_holds_are_noted(
    kept: tuple[Ledger, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, entry = kept
    answer, checks = DifferenceInDifferences.answer, DifferenceInDifferences.checks
    more = [Check(name="another_look", status="passed", severity="doubt", says="It holds.")]
    monkeypatch.setattr(
        DifferenceInDifferences,
        "answer",
        lambda self, found: replace(answer(self, found), rule="The same, said better."),
    )
    monkeypatch.setattr(
        DifferenceInDifferences, "checks", lambda self, data, found: (*checks(self, data, found), *more)
    )
    outcome = replay(entry, ledger, build=from_definition, now=STUDY)
    assert outcome.same
    assert "Worded otherwise now: verdict.rule." in outcome.says
    assert "The check 'another_look' is new." in outcome.says
    more[0] = replace(more[0], status="failed")
    outcome = replay(entry, ledger, build=from_definition, now=STUDY)
    assert not outcome.from_kept
    assert "'another_look' is new, and does not hold" in outcome.says


def test_a_check_that_is_not_made_any_more_is_a_difference(
    kept: tuple[Ledger, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, entry = kept
    checks = DifferenceInDifferences.checks
    monkeypatch.setattr(DifferenceInDifferences, "checks", lambda self, data, found: checks(self, data, found)[1:])
    outcome = replay(entry, ledger, build=from_definition, now=STUDY)
    assert not outcome.same
    assert "is not made any more" in outcome.says


def test_last_digits_of_doubles_are_the_same_and_integers_are_exact() -> None:
    old = pa.table({"a": [1.0], "n": [3]})
    assert tables_differ(old, pa.table({"a": [1.0 + 1e-12], "n": [3]})) == ""
    assert "a in row 1" in tables_differ(old, pa.table({"a": [1.0 + 1e-6], "n": [3]}))
    assert "n in row 1" in tables_differ(old, pa.table({"a": [1.0], "n": [4]}))
    assert "rows" in tables_differ(old, old.slice(0, 0))
    assert "columns" in tables_differ(old, pa.table({"a": [1.0]}))
