"""What of a result is not as it was: numbers and judgements, which count, and words, which are noted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.result import Result
from steelyard.studies.tables_differ import same_value

__all__ = ["numbers_moved", "result_moved"]

WORDS = re.compile(r"\.(says|rule|settle)(\[\d+\])?$")


def numbers_moved(stored: Result, again: Result) -> Iterator[str]:
    """What of the estimates, checks and verdict is not the same, words among it, doubles within the tolerance."""
    before, after = stored.to_dict(), again.to_dict()
    for part in ("estimates", "checks", "verdict"):
        for place, old, new in _unequal(before[part], after[part], part):
            yield f"{place} was {old!r} and is {new!r}"


def result_moved(stored: Result, again: Result) -> tuple[list[str], list[str]]:
    """What moved, and what is only told otherwise.

    A later version may word a rule otherwise, and may look at more: neither makes a result another one. What counts are
    estimates, the verdict's answer, action and clauses, and the checks that there were.

    Args:
        stored: The result as it was kept.
        again: The same, made again.

    Returns:
        Sentences on numbers and judgements; sentences on words, and on checks that are new and hold.
    """
    before, after = stored.to_dict(), again.to_dict()
    found = [item for part in ("estimates", "verdict") for item in _unequal(before[part], after[part], part)]
    old, new = _by_name(before["checks"]), _by_name(after["checks"])
    for name in sorted({*old, *new}):
        if name in old and name in new:
            found += _unequal(old[name], new[name], f"checks.{name}")
    moved = [f"{place} was {was!r} and is {is_now!r}" for place, was, is_now in found if not WORDS.search(place)]
    moved += [f"the check {name!r} is not made any more" for name in sorted(set(old) - set(new))]
    worded = [place for place, _, _ in found if WORDS.search(place)]
    notes = [f"Worded otherwise now: {', '.join(worded)}."] if worded else []
    for name in sorted(set(new) - set(old)):
        holds = new[name]["status"] == "passed" or new[name]["severity"] == "note"
        (notes if holds else moved).append(f"The check {name!r} is new{'.' if holds else ', and does not hold'}")
    return moved, notes


def _by_name(checks: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Checks by name; those that share one are numbered in their order."""
    found: dict[str, Mapping[str, Any]] = {}
    for check in checks:
        times = sum(key.split("#")[0] == check["name"] for key in found)
        found[f"{check['name']}#{times + 1}" if times else check["name"]] = check
    return found


def _unequal(old: Any, new: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _unequal(old.get(key), new.get(key), f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _unequal(one, other, f"{place}[{number}]")
    elif not same_value(old, new):
        yield place, old, new
