"""Registration: what was frozen first stays the only registered version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError
from steelyard.studies import Setting, plan, run_and_keep
from steelyard.studies.causal import DifferenceInDifferences, Group
from steelyard.warehouse import Ledger, connect

PANEL = pa.Table.from_pylist(
    [
        {
            "shop": f"s{unit}",
            "week": week,
            "sales": float(unit + week + (3 if unit % 2 and week > 2 else 0) + unit * week % 5),
        }
        for unit in range(12)
        for week in range(1, 7)
    ]
)
STUDY = DifferenceInDifferences(
    name="pilot",
    question="Did the pilot raise sales?",
    unit="shop",
    panel="data",
    time="week",
    outcome="sales",
    treated=Group(where="shop IN ('s1', 's3', 's5', 's7', 's9', 's11')"),
    treated_from=3,
    robustness=(),
)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.in_memory() as opened:
        yield opened


def setting(ledger: Ledger) -> Setting:
    return Setting(warehouse=connect(PANEL), ledger=ledger)


def standing(study: DifferenceInDifferences, ledger: Ledger) -> tuple[str, str]:
    result, _ = run_and_keep(study, setting(ledger))
    return result.provenance.standing, result.provenance.standing_says


def test_a_study_that_was_registered_first_is_registered(ledger: Ledger) -> None:
    plan(STUDY, setting(ledger), freeze=True)
    assert standing(STUDY, ledger)[0] == "registered"


def test_a_study_that_was_never_registered_is_exploratory(ledger: Ledger) -> None:
    assert standing(STUDY, ledger) == ("exploratory", "never registered")


def test_an_edit_is_a_new_version_and_exploratory_and_the_old_result_keeps_its_own(ledger: Ledger) -> None:
    plan(STUDY, setting(ledger), freeze=True)
    first, entry = run_and_keep(STUDY, setting(ledger))
    edited = replace(STUDY, min_effect=0.5)
    plan(edited, setting(ledger), freeze=True)
    label, says = standing(edited, ledger)
    assert label == "exploratory"
    assert "version 2" in says
    assert entry is not None
    kept = ledger.get(entry.digest).body["result"]["provenance"]
    assert kept["standing"] == "registered"
    assert kept["digest"] == first.provenance.digest


def test_registering_after_a_look_does_not_make_it_registered(ledger: Ledger) -> None:
    run_and_keep(STUDY, setting(ledger))
    plan(STUDY, setting(ledger), freeze=True)
    label, says = standing(STUDY, ledger)
    assert label == "exploratory"
    assert "had run" in says


def test_registering_twice_is_registering_once(ledger: Ledger) -> None:
    plan(STUDY, setting(ledger), freeze=True)
    plan(STUDY, setting(ledger), freeze=True)
    assert len(list(ledger.entries(kind="registration"))) == 1


def test_a_plan_cannot_be_registered_where_nothing_is_kept() -> None:
    with pytest.raises(DefinitionError, match="ledger"):
        plan(STUDY, PANEL, freeze=True)


def test_a_sensitive_column_may_not_be_used(ledger: Ledger) -> None:
    from steelyard.errors import PolicyError

    guarded: dict[str, Any] = {"warehouse": connect(PANEL), "ledger": ledger, "sensitive": ("data.sales",)}
    with pytest.raises(PolicyError) as caught:
        run_and_keep(STUDY, Setting(**guarded))
    assert "sensitive" in caught.value.problem
    assert not list(ledger.entries(kind="result"))


def test_a_second_look_at_other_data_is_exploratory_and_one_at_the_same_data_is_not(ledger: Ledger) -> None:
    plan(STUDY, setting(ledger), freeze=True)
    assert standing(STUDY, ledger)[0] == "registered"
    assert standing(STUDY, ledger)[0] == "registered"
    rows = PANEL.to_pylist()
    rows[0]["sales"] += 1.0
    changed = Setting(warehouse=connect(pa.Table.from_pylist(rows)), ledger=ledger)
    provenance = run_and_keep(STUDY, changed)[0].provenance
    assert provenance.standing == "exploratory"
    assert "later look" in provenance.standing_says


def test_doubles_that_were_added_up_in_another_order_are_the_same_data(ledger: Ledger) -> None:
    plan(STUDY, setting(ledger), freeze=True)
    assert standing(STUDY, ledger)[0] == "registered"
    rows = [{**row, "sales": row["sales"] * (1 + 1e-14)} for row in PANEL.to_pylist()]
    nearly = Setting(warehouse=connect(pa.Table.from_pylist(rows)), ledger=ledger)
    assert run_and_keep(STUDY, nearly)[0].provenance.standing == "registered"
