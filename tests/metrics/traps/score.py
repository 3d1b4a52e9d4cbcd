"""Asks our own traps of Steelyard and scores the answers: `PYTHONPATH=src:. python tests/metrics/traps/score.py`."""

from __future__ import annotations

import inspect
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

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

PENDING_FILE = FOLDER / "pending.json"


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


def unmet(found: Mapping[Key, tuple[str, str]]) -> list[Key]:
    """The questions whose outcome is not what their case wants."""
    return [key for key, (outcome, _) in found.items() if outcome not in WANTED[QUESTIONS[key]["accept"]]]


def pending() -> frozenset[Key]:
    """What `pending.json` lists: questions that cannot be answered yet. It holds nothing else, and is to be emptied."""
    listed = json.loads(PENDING_FILE.read_text(encoding="utf-8"))
    return frozenset((case, name) for case, names in listed.items() for name in names.split())


def main() -> None:
    """Prints the outcome of every question; with --write lists what is not as it should be in `pending.json`."""
    with tempfile.TemporaryDirectory() as folder:
        found = score(Path(folder))
    wrong = unmet(found)
    for key, (outcome, says) in found.items():
        print("!!" if key in wrong else "  ", *key, outcome, says if key in wrong else "")
    print(dict(Counter(outcome for outcome, _ in found.values())))
    if "--write" in sys.argv:
        listed: dict[str, str] = {}
        for case, name in wrong:
            listed[case] = f"{listed[case]} {name}" if case in listed else name
        PENDING_FILE.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
