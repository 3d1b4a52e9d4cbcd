"""The scoreboard of the traps: what each of ours asks, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generated.markdown import table

TRAPS = Path(__file__).resolve().parents[2] / "tests" / "metrics" / "traps"
# What the peers did on the reference traps, and the questions of ours that ask the same.
PEERS = (
    ("an order's fee by the category of its lines", "refused", "right, not flagged", "right, not flagged",
     "right, not flagged", "43 q1"),
    ("two facts by a dimension that can be NULL, with orphan keys", "right", "wrong (10 for 43)", "right", "wrong",
     "02 q1"),
    ("balances", "right", "summed over time", "right", "no answer", "38 q1"),
    ("a zero denominator", "right", "`inf`", "right", "right", "29 q2"),
    ("local days across daylight saving", "wrong (UTC days)", "wrong", "wrong if the column carries a zone", "right",
     "36 q2"),
    ("a rolling window over days without rows", "right", "no answer", "rows missing", "no answer", "27 q8"),
    ("the same, asked for a few days", "right", "no answer", "does not look back (35 for 147)", "no answer", "27 q1"),
    ("a share of the unfiltered total", "no answer", "obeys the filter (.24 for .07)", "no answer", "by rewriting",
     "11 q1"),
    ("history rows that overlap", "order counted twice (320 for 280)", "no answer", "no answer", "no answer", "16 q4"),
    ("an exclusion keeps what is NULL", "wrong", "wrong", "wrong", "right", "50 q1"),
    ("orders and sessions by campaign", "right", "an order lost", "right", "4 for 3", "23 q1"),
    ("the declared key of a dimension is false", "150 for 100", "150 for 100", "110 for 100", "150 for 100", "49 q1"),
    ("distinct users of the last days", "right", "no answer", "sum of daily counts", "no answer", "27 q5"),
    ("exchange rates", "no answer", "no answer", "no answer", "no answer", "19 q1"),
)  # fmt: skip


def cases() -> dict[str, dict[str, Any]]:
    """Every case of ours by the number that begins its name."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(TRAPS.glob("*/case.json"))]
    return {case["id"].partition("_")[0]: case for case in found}


def pending() -> Mapping[str, list[str]]:
    """Case -> its questions that cannot be answered yet."""
    listed = json.loads((TRAPS / "pending.json").read_text(encoding="utf-8"))
    return {case: names.split() for case, names in listed.items()}


def outcome(case: Mapping[str, Any], name: str) -> str:
    """What the tests hold Steelyard to."""
    if name in pending().get(case["id"], ()):
        return "not yet"
    question = next(question for question in case["questions"] if question["id"] == name)
    right = "right, and flagged" if question.get("flag") else "right"
    return {"answer": right, "refuse": "refused, with the reason"}.get(question["accept"], f"{right}, or refused")


def peers() -> str:
    """What others do on the reference traps, and Steelyard on the same question of ours."""
    known = cases()
    rows = []
    for says, *others, place in PEERS:
        number, name = place.split()
        rows.append((says, *others, f"{outcome(known[number], name)} ({place})"))
    return table(("trap", "MetricFlow", "boring-semantic-layer", "sidemantic", "Malloy", "Steelyard"), rows)


def traps() -> str:
    """Every case of ours with how many of its questions are as they should be."""
    rows, asked, left = [], 0, 0
    for number, case in cases().items():
        waiting = pending().get(case["id"], [])
        refusals = sum(question["accept"] == "refuse" for question in case["questions"])
        total = len(case["questions"])
        asked, left = asked + total, left + len(waiting)
        done = f"{total - len(waiting)} of {total}"
        rows.append((number, case["title"], str(total - refusals), str(refusals), done))
    head = ("", "trap", "to answer", "to refuse", "as they should be")
    said = f"{asked} questions in {len(rows)} cases: {asked - left} are as they should be, {left} not yet."
    return f"{said} None may be wrong in silence.\n\n{table(head, rows)}"
