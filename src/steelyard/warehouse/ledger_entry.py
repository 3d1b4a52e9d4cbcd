"""One entry of the ledger, and the digest that chains it to those before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.canonical import canonical_json, digest_of_bytes

__all__ = ["ENTRY_FORMAT", "Entry", "Verification", "entry_digest"]

ENTRY_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the ledger.

    Args:
        number: Its place in this ledger, from 1; another ledger may hold the same entry at another place.
        digest: What it is cited by: SHA-256 over everything below.
        kind: "registration", "result", "decision", "review", "erasure", "refresh", "migration", "stage",
            "metric_definition".
        name: What it is about, such as the study's name.
        body: Plain JSON.
        parents: Digests of the entries that were the last ones when it was written; two after two laptops were merged.
        at: When it was written, UTC, ISO; never before its parents.
        kept: Name -> digest of the contents kept with it.
    """

    number: int
    digest: str
    kind: str
    name: str
    body: Mapping[str, Any]
    parents: tuple[str, ...]
    at: str
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of checking a ledger.

    Args:
        ok: Whether nothing was found.
        entries: How many entries were checked.
        problems: What was found, one sentence each, naming the entry.
        heads: Digests of the last entries; printed elsewhere, they show a lost tail later.
    """

    ok: bool
    entries: int
    problems: tuple[str, ...]
    heads: tuple[str, ...]


def entry_digest(*, kind: str, name: str, body: str, parents: str, at: str, kept: str, form: int) -> str:
    """The digest of an entry from what is stored of it: body, parents and kept as the texts of their canonical JSON."""
    covered = {
        "format": form,
        "kind": kind,
        "name": name,
        "body": digest_of_bytes(body.encode()),
        "parents": parents,
        "at": at,
        "kept": kept,
    }
    return digest_of_bytes(canonical_json(covered).encode())
