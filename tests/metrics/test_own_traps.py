"""Our own traps (`traps/*/case.json`), asked of Steelyard: right, flagged, or refused for the right reason."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.metrics.test_traps import load, matches
from tests.metrics.traps.oracle import FOLDER, cases

from steelyard.errors import SteelyardError
from steelyard.metrics import MetricTable, query, read_metrics
from steelyard.warehouse import Warehouse

Key = tuple[str, str]
CASES = cases()
QUESTIONS = {(name, question["id"]): question for name, case in CASES.items() for question in case["questions"]}
RIGHT, REFUSED, NO_FLAG, OTHER_REASON, WRONG, LATER = (
    "right", "refused", "right, not flagged", "refused for another reason", "silently wrong", "cannot be asked yet",
)  # fmt: skip
WANTED = {
    "answer": {RIGHT},
    "refuse": {REFUSED},
    "answer_or_refuse": {RIGHT, REFUSED},
    "refuse_or_flagged": {RIGHT, REFUSED},
}

# What is not there yet: refused because its kind, key or argument is not, or not yet flagged. To be emptied.
PENDING_OF: Mapping[str, str] = {
    "05_quantiles": "q1 q2 q3 q4",
    "06_distinct": "q2 q3",
    "09_week_starts": "q6 q7",
    "11_share_of_total": "q1 q2 q3 q4 q5 q6 q7 q8 q9",
    "13_conversion_window": "q1 q2 q3 q4 q5 q6",
    "15_fixed_per_customer": "q1 q2 q3 q4 q5",
    "16_history_as_of": "q1 q3 q4 q5",
    "19_exchange_rates": "q1 q2 q3 q4 q5 q6 q7 q8",
    "21_bridge_weights": "q1 q3 q4",
    "22_role_playing": "q1 q2 q3 q4 q5",
    "24_many_side_filter": "q1 q2 q3 q4 q5 q6 q7",
    "25_targets": "q1 q2 q3 q4 q5 q6 q7 q8 q9 q10",
    "26_top_and_other": "q1 q2 q3 q4 q5 q6 q7",
    "27_windows": "q1 q2 q3 q4 q5 q6 q7 q8 q9 q10 q11",
    "28_incomplete_periods": "q1 q2 q3 q4 q5",
    "29_averages_and_arithmetic": "q1 q2 q3 q4 q5 q8 q9 q10 q11 q12",
    "32_mixed_currencies": "q1 q2 q3 q4 q5 q6 q7 q8 q9",
    "36_zone_of_each_row": "q1 q2 q3 q4",
    "37_dedupe_before_everything": "q1 q2 q3 q4",
    "38_balance_filtered": "q1 q2 q3 q4 q5 q6 q7 q8",
    "39_not_additive_over": "q1 q2 q3 q4 q5 q6 q7 q8 q9 q10 q11",
    "40_limits": "q1 q2",
    "41_one_to_one_false": "q1 q2",
    "42_complete_references": "q1 q2 q3 q4",
    "43_one_side_by_many_side": "q5 q6",
    "44_zones_of_columns": "q1",
    "45_retention_metric": "q1 q2 q3",
    "46_definitions_that_cannot_be": "q4 q5 q6 q7 q8 q11 q12",
    "47_fact_key_is_false": "q1 q2",
}
PENDING = frozenset((case, name) for case, names in PENDING_OF.items() for name in names.split())


def plainly(value: Any) -> Any:
    """A day or a moment as the case writes it."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.time() != datetime.min.time() else value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


def unknown_to(function: Any, given: Mapping[str, Any]) -> list[str]:
    return sorted(set(given) - set(inspect.signature(function).parameters))


def ask(case: Mapping[str, Any], question: Mapping[str, Any], warehouse: Warehouse) -> tuple[str, str]:
    """The outcome of the question, and what there is to say of it."""
    settings = {**case["settings"], **question.get("settings", {})}
    asked = dict(question["query"])
    missing = unknown_to(read_metrics, settings) + unknown_to(query, asked)
    if missing:
        return LATER, f"no {', '.join(missing)}"
    catalog = read_metrics([FOLDER / case["id"] / question.get("definitions", "metrics.yml")], **settings)
    try:
        found = query(catalog, warehouse, asked.pop("metrics"), **asked)
    except SteelyardError as error:
        return refused(error, question, catalog.problems)
    return answered(found, question)


def refused(
    error: SteelyardError, question: Mapping[str, Any], problems: tuple[SteelyardError, ...]
) -> tuple[str, str]:
    said = f"{error.problem} {error.hint}"
    if question["accept"] not in {"refuse", "refuse_or_flagged"}:
        return REFUSED, f"{said} {[problem.problem for problem in problems[:2]]}"
    lacks = [words for words in question["words"] if not re.search(words, said, re.IGNORECASE | re.DOTALL)]
    unready = "not a kind yet" in said
    return (OTHER_REASON if lacks or unready else REFUSED), f"{said} lacks {lacks}"


def answered(found: MetricTable, question: Mapping[str, Any]) -> tuple[str, str]:
    rows = [tuple(plainly(value) for value in row.values()) for row in found.rows()]
    if question["accept"] == "refuse" or not is_right(found, rows, question):
        return WRONG, f"{found.table.column_names} {rows}"
    unsaid = [*not_flagged(found, question), *not_said(found, question)]
    return (NO_FLAG, "; ".join(unsaid)) if unsaid else (RIGHT, "")


def is_right(found: MetricTable, rows: list[tuple[Any, ...]], question: Mapping[str, Any]) -> bool:
    metrics = question["query"]["metrics"]
    names = found.table.column_names
    if len(names) != len(question["columns"]) or names[len(names) - len(metrics) :] != metrics:
        return False
    accepted = [question["answer"], *question.get("or", [])]
    exact = [place for place, name in enumerate(question["columns"]) if name in question.get("exact", ())]
    if exact:
        whole = all(isinstance(row[place], int | Decimal) for row in rows for place in exact)
        as_text = [tuple(digits(value) if i in exact else value for i, value in enumerate(row)) for row in rows]
        expected = [
            [digits(value) if i in exact else value for i, value in enumerate(row)] for row in question["answer"]
        ]
        return whole and matches(as_text, expected, question["tolerance"])
    return any(matches(rows, answer, question["tolerance"]) for answer in accepted)


def digits(value: Any) -> Any:
    return None if value is None else f"{Decimal(value).normalize():f}"


def not_flagged(found: MetricTable, question: Mapping[str, Any]) -> Iterator[str]:
    """What should be flagged as not adding up and is not, or is and should not be."""
    flags: Mapping[str, Any] = getattr(found, "non_additive", {})
    for metric, dimensions in question.get("flag", {}).items():
        if not set(dimensions) <= set(flags.get(metric, ())):
            yield f"{metric} is not flagged over {dimensions}: {dict(flags)}"
    for metric in question.get("additive", ()):
        if flags.get(metric):
            yield f"{metric} adds up and is flagged over {flags[metric]}"


def not_said(found: MetricTable, question: Mapping[str, Any]) -> Iterator[str]:
    """What the notes and the partial periods should say and do not, or do and should not."""
    notes = "\n".join(found.notes)
    for words in question.get("says", ()):
        if not re.search(words, notes, re.IGNORECASE):
            yield f"no note says {words!r}: {found.notes}"
    for words in question.get("unsaid", ()):
        if re.search(words, notes, re.IGNORECASE):
            yield f"a note says {words!r}: {found.notes}"
    partial = sorted(day.isoformat() for day in found.partial)
    if "partial" in question and partial != question["partial"]:
        yield f"partial periods are {partial}"


def score(folder: Path) -> dict[Key, tuple[str, str]]:
    """The outcome of every question."""
    found = {}
    for name, case in CASES.items():
        loaded = load(FOLDER / name, case, folder)
        try:
            for question in case["questions"]:
                found[name, question["id"]] = ask(case, question, loaded.warehouse)
        finally:
            loaded.warehouse.close()
    return found


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, tuple[str, str]]:
    return score(tmp_path_factory.mktemp("own_traps"))


@pytest.mark.parametrize("name", CASES)
def test_no_answer_is_silently_wrong(name: str, outcomes: dict[Key, tuple[str, str]]) -> None:
    wrong = {key: says for key, (outcome, says) in outcomes.items() if key[0] == name and outcome == WRONG}
    assert not wrong, "\n".join(f"{key}: {says}" for key, says in wrong.items())


@pytest.mark.parametrize("name", CASES)
def test_a_trap_is_answered_right_or_refused_for_its_reason(name: str, outcomes: dict[Key, tuple[str, str]]) -> None:
    """But for what is in `PENDING`, which holds nothing else."""
    of_case = {key: outcome for key, outcome in outcomes.items() if key[0] == name}
    unmet = {key for key, (outcome, _) in of_case.items() if outcome not in WANTED[QUESTIONS[key]["accept"]]}
    lines = [f"{key}: {of_case[key]}" for key in sorted(unmet - PENDING)]
    lines += [f"{key} is as it should be: take it out of PENDING" for key in sorted((PENDING & set(of_case)) - unmet)]
    assert not lines, "\n".join(lines)


def test_pending_names_questions_that_there_are() -> None:
    assert set(QUESTIONS) >= PENDING


def test_the_score_adds_up(outcomes: dict[Key, tuple[str, str]]) -> None:
    count = Counter(outcome for outcome, _ in outcomes.values())
    assert sum(count.values()) == len(QUESTIONS)
    assert count[WRONG] == 0
