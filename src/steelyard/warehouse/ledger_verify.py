"""Finds what was changed, removed or reordered in a ledger."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from steelyard.canonical import canonical_json, digest_of_bytes
from steelyard.warehouse.ledger_database import LedgerDatabase
from steelyard.warehouse.ledger_entry import Verification, entry_digest

__all__ = ["verify"]


def verify(database: LedgerDatabase, expected: Sequence[str] = ()) -> Verification:
    """Checks every entry, link and kept content of a ledger.

    Args:
        database: Where it is.
        expected: Digests (or their first characters) of heads printed elsewhere; each must still be there.
    """
    rows = database.rows(
        "SELECT number, digest, kind, name, body, parents, at, kept, format FROM ledger_entries ORDER BY number", ()
    )
    heads = [row[0] for row in database.rows("SELECT digest FROM ledger_heads ORDER BY digest", ())]
    problems = [
        *_unguarded(database),
        *_entries(rows),
        *_heads(rows, heads),
        *_contents(database, rows),
        *_expected(rows, expected),
    ]
    return Verification(ok=not problems, entries=len(rows), problems=tuple(problems), heads=tuple(heads))


def _unguarded(database: LedgerDatabase) -> Iterator[str]:
    if not database.guarded():
        yield "the rules that refuse a change of the ledger are not in force"


def _entries(rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for place, row in enumerate(rows, start=1):
        number, digest, *_, at, kept, _ = row
        if number != place:
            yield f"entry {place} is missing: entry {number} stands in its place"
            return
        label = f"entry {number} ({str(digest)[:12]})"
        if not _covered(row):
            yield f"{label} is not what was written: its digest does not cover what it says"
            seen[digest] = str(at)
            continue
        for parent in json.loads(row[5]):
            if parent not in seen:
                yield f"{label} follows {parent[:12]}, which is not among the entries before it"
            elif seen[parent] >= at:
                yield f"{label} was written before {parent[:12]}, which it follows"
        if canonical_json(json.loads(kept)) != kept:
            yield f"{label} has kept contents that cannot be read"
        seen[digest] = at


def _covered(row: tuple[Any, ...]) -> bool:
    _, digest, kind, name, body, parents, at, kept, form = row
    if not all(isinstance(item, str) for item in row[1:8]) or not isinstance(form, int):
        return False
    found = entry_digest(kind=kind, name=name, body=body, parents=parents, at=at, kept=kept, form=form)
    return found == str(digest)


def _heads(rows: Sequence[tuple[Any, ...]], heads: Sequence[str]) -> Iterator[str]:
    followed: set[str] = set()
    for row in rows:
        if _covered_json(row[5]):
            followed.update(json.loads(row[5]))
    computed = sorted(row[1] for row in rows if row[1] not in followed)
    if computed != list(heads):
        is_now = ", ".join(item[:12] for item in computed) or "none"
        was = ", ".join(str(item)[:12] for item in heads) or "none"
        yield f"the last entry is {is_now}, and was {was}: entries are missing or were added around the ledger"


def _covered_json(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (TypeError, ValueError):
        return False


def _contents(database: LedgerDatabase, rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    found: set[str] = set()
    damaged: set[str] = set()
    last = ""
    while page := database.rows(
        "SELECT digest, content FROM ledger_blobs WHERE digest > ? ORDER BY digest LIMIT 500", (last,)
    ):
        for digest, content in page:
            found.add(digest)
            if not _is_content(digest, content):
                damaged.add(digest)
        last = page[-1][0]
    for row in rows:
        for name, digest in _kept(row[7]).items():
            how = "is missing" if digest not in found else "was changed" if digest in damaged else ""
            if how:
                yield f"the content {str(name)[:40]!r} kept with entry {row[0]} ({str(row[1])[:12]}) {how}"
    claimed = {digest for row in rows for digest in _kept(row[7]).values()}
    for digest in sorted(found - claimed):
        yield f"the content {str(digest)[:12]} is kept with no entry: the entry is missing"


def _kept(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_content(digest: Any, content: Any) -> bool:
    try:
        return digest_of_bytes(zlib.decompress(bytes(content))) == str(digest)
    except (zlib.error, TypeError):
        return False


def _expected(rows: Sequence[tuple[Any, ...]], expected: Sequence[str]) -> Iterator[str]:
    for head in expected:
        if not any(str(row[1]).startswith(head) for row in rows):
            yield f"the head {head[:12]}, printed elsewhere, is not in the ledger: its tail was lost or rewritten"
