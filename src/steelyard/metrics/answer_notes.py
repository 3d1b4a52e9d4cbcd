"""What a reader of an answer must know: what is not whole, left out, unmatched, twice, or overlapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.how import FactRead
from steelyard.metrics.question import Question
from steelyard.metrics.spine import Coverage
from steelyard.warehouse import KeyProof

if TYPE_CHECKING:
    from steelyard.metrics.asked import Asked

__all__ = ["answer_notes"]


def answer_notes(asked: Asked, facts: Sequence[FactRead], truncated: bool) -> tuple[str, ...]:
    """What a reader of the answer must know, each once.

    Args:
        asked: The question, with its plan.
        facts: What each fact gave.
        truncated: Whether there are more rows than are shown.
    """
    said = [
        *_question_notes(asked, truncated),
        *(note for proof in asked.own_proofs for note in _key_notes(proof)),
        *(note for fact in facts for note in _fact_notes(fact, asked.question)),
        *(n for fact in facts for n in _clock_notes(asked.catalog, fact.table, asked.coverage.get(fact.name))),
        *_meeting_notes(asked, facts),
    ]
    return tuple(dict.fromkeys(said))


def _question_notes(asked: Asked, truncated: bool) -> Iterator[str]:
    question = asked.question
    if truncated:
        yield f"There are more rows than the {question.limit} that are shown; the counts are of what is shown."
    for day, cut in asked.partial.items():
        yield f"The {question.grain} of {day} is not whole: {cut}."
    yield from asked.plan.says
    for claim in asked.uncounted:
        key = ", ".join(claim.columns)
        yield f"Whether the key {key} of {claim.table} is unique was not counted: its warehouse keeps no versions."


def _meeting_notes(asked: Asked, facts: Sequence[FactRead]) -> Iterator[str]:
    """What is to be said of facts that stand side by side, and of groups that overlap."""
    for reasons in asked.plan.overlaps.values():
        for column, reason in reasons.items():
            yield f"The parts by {column!r} overlap and do not add up: {reason}."
    spans = {(fact.first, fact.last) for fact in facts if fact.first}
    if asked.question.grain and len(spans) > 1:
        said = "; ".join(f"{fact.table} from {fact.first} to {fact.last}" for fact in facts if fact.first)
        yield f"The facts cover different days: {said}."
    for column, places in asked.plan.places.items():
        if len(set(places.values())) > 1:
            said = ", ".join(f"{place} for {asked.plan.facts[fact]}" for fact, place in places.items())
            yield f"{column!r} is {said}."


def _key_notes(proof: KeyProof) -> Iterator[str]:
    """A thing that has two rows counts twice: which, and how many."""
    if not proof.unique:
        key, shown = ", ".join(proof.columns), "; ".join(proof.examples)
        yield (
            f"The key {key} of {proof.table} is not unique: {proof.duplicates:,} rows beyond the first of their key, "
            f"{proof.nulls:,} without one ({shown}). What they say may count twice."
        )


def _clock_notes(catalog: MetricCatalog, table: str, known: Coverage | None) -> Iterator[str]:
    """What is to be said of the clocks by which a fact's rows are placed."""
    if known is None:
        return
    if known.without_zone:
        place = catalog.zone_of_day(table)
        said = f"in {place}" if place is not None else "of the time that they take"
        yield f"{known.without_zone:,} rows of {table} have a time and no zone {said}: nobody can say their day."
    if known.ambiguous:
        yield (
            f"{known.ambiguous:,} rows of {table} have a wall clock time that came twice, for clocks were put back: "
            "it is read as the second."
        )
    if known.nonexistent:
        yield (
            f"{known.nonexistent:,} rows of {table} have a wall clock time that never came, for clocks were put "
            "forward: it is read as so much later."
        )


def _fact_notes(fact: FactRead, question: Question) -> Iterator[str]:
    for target, missing in fact.unmatched.items():
        if missing:
            each = " (one that counts in several groups, in each)" if fact.several else ""
            said = f"{missing:,} of {fact.rows:,} rows of {fact.table}{each} find no row in {target}"
            yield f"{said}: what is taken from there is (unknown)."
    yield from _left_notes(fact)
    if fact.without_time:
        kept = "are in no period" if question.grain and not (question.since or question.until) else "are left out"
        yield f"{fact.without_time:,} rows of {fact.table} have no time and {kept}."
    if fact.without_time is not None and not fact.first:
        yield f"The table {fact.table} has no rows with a time."
    if fact.last and question.until and date.fromisoformat(fact.last) < question.until:
        yield f"The rows of {fact.table} end on {fact.last}, before the range does."
    if fact.first and question.since and date.fromisoformat(fact.first) > question.since:
        yield f"The rows of {fact.table} begin on {fact.first}, after the range does."


def _left_notes(fact: FactRead) -> Iterator[str]:
    for table, rows in fact.without.items():
        if rows:
            yield f"{rows:,} rows of {fact.table} have no row of {table}, and are in no group."
    if fact.unconverted:
        yield f"{fact.unconverted:,} of {fact.rows:,} rows of {fact.table} find no exchange rate: they are in no sum."
    if fact.stale:
        yield f"{fact.stale:,} of {fact.rows:,} rows of {fact.table} are converted at a rate older than allowed."
    if fact.immature:
        yield f"{fact.immature:,} of {fact.rows:,} rows of {fact.table} are too recent to count."
    if fact.of_nobody:
        said = f"{fact.of_nobody:,} of {fact.rows:,} rows of {fact.table} belong to nobody"
        yield f"{said}: nothing can follow them, and they count as not followed."
    if fact.superseded:
        yield f"{fact.superseded:,} rows of {fact.table} are older, copied or deleted rows of a key, and do not count."
    if fact.ambiguous:
        yield f"{fact.ambiguous:,} keys of {fact.table} are ambiguous: equally late rows disagree, and are NULL."
