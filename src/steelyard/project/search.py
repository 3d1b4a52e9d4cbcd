"""Finds what a project knows by words: metrics, studies, decisions, initiatives, tables and documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from steelyard.canonical import plain
from steelyard.document import Block, Callout, Column, Shown, Table
from steelyard.errors import DefinitionError

if TYPE_CHECKING:
    from steelyard.project.project import Project

__all__ = ["KINDS", "MOST_BYTES", "Found", "Outcome", "search"]

Kind = Literal["metric", "study", "decision", "initiative", "table", "document"]
KINDS: tuple[Kind, ...] = ("metric", "study", "decision", "initiative", "table", "document")
LONGEST = 200
MOST_WORDS = 12
MOST_BYTES = 1_000_000
AROUND = 90
IN_NAME, IN_TITLE, IN_TEXT = 8.0, 4.0, 1.0
WHOLE, BEGINS, INSIDE = 1.0, 0.6, 0.2


@dataclass(frozen=True, kw_only=True)
class Found:
    """One thing that matches.

    Args:
        kind: What it is.
        name: What it is called by; of a decision its digest, of a document its path in `documents/`.
        title: What it says of itself in a line.
        text: The place in its words that matches, or how they begin.
        score: How well it matches; larger is better.
    """

    kind: Kind
    name: str
    title: str
    text: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Outcome(Shown):
    """What a search found.

    Args:
        found: The best matches, best first.
        total: How many there are.
        nearest: Words of the project that are spelled like those that nothing has.
        unread: Documents that could not be read, or of which only the beginning was.
    """

    found: tuple[Found, ...]
    total: int
    nearest: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def blocks(self) -> list[Block]:
        """The matches as a table."""
        return _blocks(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a program."""
        return dict(plain(asdict(self)))


@dataclass(frozen=True)
class _Item:
    kind: Kind
    name: str
    title: str
    text: str = ""
    says: str = ""
    notes: list[str] = field(default_factory=list)


def search(project: Project, text: str, *, kinds: Sequence[str] = (), most: int = 30) -> Outcome:
    """What a project knows that has every one of these words.

    Args:
        project: An opened project.
        text: Words; letters' case does not matter, and the beginning of a word is enough. Up to 12 words.
        kinds: Only these kinds; empty is all.
        most: The most matches.

    Raises:
        DefinitionError: No word, too many, or an unknown kind.
    """
    words = [word for word in re.split(r"[^\w]+", text.casefold().replace("_", " ")) if word]
    if not words or len(text) > LONGEST or len(words) > MOST_WORDS:
        problem = "too much to search for" if words else "there is nothing to search for"
        hint = f"write one to {MOST_WORDS} words, up to {LONGEST} characters"
        raise DefinitionError(problem, where="search", hint=hint)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise DefinitionError(f"no kind {unknown[0]!r} is searched", where="search", hint=f"one of {', '.join(KINDS)}")
    items = [item for item in _items(project) if not kinds or item.kind in kinds]
    scored = [(score, item) for item in items if (score := _score(item, words)) > 0]
    scored.sort(key=lambda pair: (-pair[0], KINDS.index(pair[1].kind), pair[1].name))
    return Outcome(
        found=tuple(
            Found(kind=item.kind, name=item.name, title=item.title, text=_around(item.text, words), score=score)
            for score, item in scored[:most]
        ),
        total=len(scored),
        nearest=() if scored else _nearest(items, words),
        unread=tuple(note for item in items for note in item.notes),
    )


def _blocks(outcome: Outcome) -> list[Block]:
    blocks: list[Block] = []
    if outcome.found:
        named = [
            (item.kind, item.name[:16] if item.kind == "decision" else item.name, item.title, item.text)
            for item in outcome.found
        ]
        left = f"; the best {len(named):,} are shown" if outcome.total > len(named) else ""
        columns = [Column("kind"), Column("name"), Column("says"), Column("words")]
        blocks.append(Table(columns, named, caption=f"{outcome.total:,} found{left}"))
    else:
        near = f"Did you mean {', '.join(outcome.nearest)}?" if outcome.nearest else ""
        hint = near or "Try fewer words, or their beginnings."
        blocks.append(Callout("note", "Nothing has all of these words", hint))
    if outcome.unread:
        blocks.append(Callout("warning", "Not searched whole", " ".join(outcome.unread)))
    return blocks


def _items(project: Project) -> Iterator[_Item]:
    from steelyard.decisions import decisions, reviews

    definitions = project.definitions
    for metric in definitions.metrics.metrics.values():
        yield _Item(
            "metric", metric.name, metric.question or metric.description, _said(metric.description, metric.owner)
        )
    for name in sorted({*definitions.studies, *(entry.name for entry in project.ledger.entries(kind="result"))}):
        latest, defined = project.ledger.latest("result", name), definitions.studies.get(name)
        question = defined.question if defined else str(latest.body["result"]["question"]) if latest else ""
        yield _Item("study", name, question, str(latest.body["result"]["verdict"]["says"]) if latest else "")
    happened = {item.review.decision: item.review.happened for item in reviews(project.ledger)}
    for made in decisions(project.ledger):
        what = made.decision
        told = _said(
            what.action, what.why, what.situation, what.who, *what.dissent, happened.get(made.entry.digest, "")
        )
        yield _Item("decision", made.entry.digest, what.question, told, says=what.name)
    for item in definitions.initiatives.values():
        yield _Item("initiative", item.name, item.goal, _said(item.owner, item.metric, *item.studies))
    yield from _tables(project)
    yield from _documents(project)


def _tables(project: Project) -> Iterator[_Item]:
    definitions = project.definitions
    sources = {source.table or source.name: source.description for source in definitions.sources.values()}
    built = {name: table.declaration.description for name, table in definitions.tables.items()}
    stored = project.store.snapshot().tables if project.embedded else {}
    for name in sorted({*sources, *built, *stored}):
        columns = ", ".join(stored[name].columns) if name in stored else ""
        yield _Item("table", name, sources.get(name) or built.get(name) or "", columns)


def _documents(project: Project) -> Iterator[_Item]:
    folder = project.folder / "documents"
    for path in sorted(item for item in folder.rglob("*") if item.suffix in (".md", ".txt") and item.is_file()):
        name = path.relative_to(folder).as_posix()
        if not path.resolve().is_relative_to(folder.resolve()):
            yield _Item("document", name, "", notes=[f"documents/{name} leads out of the project, and is not read"])
            continue
        try:
            with path.open("rb") as opened:
                raw = opened.read(MOST_BYTES + 1)
        except OSError as error:
            yield _Item("document", name, "", notes=[f"documents/{name} cannot be read: {error.strerror}"])
            continue
        text = raw[:MOST_BYTES].decode("utf-8", errors="replace")
        notes = (
            [f"of documents/{name} only the first {MOST_BYTES:,} bytes are searched"] if len(raw) > MOST_BYTES else []
        )
        title = next((line.lstrip("# ").strip() for line in text.splitlines() if line.strip()), name)
        yield _Item("document", name, title, text, notes=notes)


def _said(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _score(item: _Item, words: Sequence[str]) -> float:
    """The sum over words of where each stands best; 0 where one stands nowhere."""
    named = item.says or item.name
    fields = ((IN_NAME, named), (IN_TITLE, item.title), (IN_TEXT, item.text))
    read = [(weight, text.casefold().replace("_", " ")) for weight, text in fields]
    scores = [max(weight * _fit(word, text) for weight, text in read) for word in words]
    return sum(scores) if min(scores) > 0 else 0.0


def _fit(word: str, text: str) -> float:
    if word not in text:
        return 0.0
    if re.search(rf"\b{re.escape(word)}\b", text):
        return WHOLE
    return BEGINS if re.search(rf"\b{re.escape(word)}", text) else INSIDE


def _around(text: str, words: Sequence[str]) -> str:
    """The words around the first match in one line; the beginning where the match is elsewhere."""
    line = " ".join(text.split())
    places = [place for word in words if (place := line.casefold().find(word)) >= 0]
    start = max(min(places, default=0) - AROUND // 2, 0)
    shown = line[start : start + 2 * AROUND]
    return f"{'…' if start else ''}{shown}{'…' if start + 2 * AROUND < len(line) else ''}"


def _nearest(items: Sequence[_Item], words: Sequence[str]) -> tuple[str, ...]:
    known = {
        word for item in items for word in re.split(r"[^\w]+", f"{item.says or item.name} {item.title}".casefold())
    }
    return tuple(dict.fromkeys(match for word in words for match in get_close_matches(word, sorted(known), n=1)))
