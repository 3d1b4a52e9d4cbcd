"""Plans, replays, ledger entries, refreshes and problems as blocks and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.canonical import plain
from steelyard.document import (
    Block,
    Callout,
    CodeBlock,
    Column,
    Facts,
    Format,
    Heading,
    Items,
    Table,
    number_of,
)
from steelyard.result import Result

if TYPE_CHECKING:
    from steelyard.pipeline import RefreshReport
    from steelyard.project.check import Checked
    from steelyard.studies import Plan, Replay, Study
    from steelyard.warehouse import Entry

__all__ = [
    "entry_blocks",
    "plan_blocks",
    "plan_data",
    "problem_blocks",
    "refresh_blocks",
    "replay_blocks",
    "replay_data",
]


def plan_blocks(study: Study, plan: Plan, registered: Entry | None = None) -> list[Block]:
    """What a study will do, for a person to read before any outcome is."""
    return [Heading(study.question, level=1), *plan.blocks(), _registration(study, registered)]


def _registration(study: Study, registered: Entry | None) -> Block:
    if registered is None:
        return Callout("note", "Not registered", f"Its digest would be {study.digest()[:16]}; --register freezes it.")
    version = registered.body["version"]
    kind = "good" if version == 1 else "warning"
    says = f"Digest {study.digest()[:16]}, entry {registered.digest[:16]}, {registered.at}."
    edited = "" if version == 1 else " A later edit: its results are exploratory."
    return Callout(kind, f"Registered as version {version}", says + edited)  # type: ignore[arg-type]


def plan_data(study: Study, plan: Plan, registered: Entry | None = None) -> dict[str, Any]:
    """The same for a program."""
    return {
        "study": study.name,
        "digest": study.digest(),
        "says": plan.says,
        "rule": plan.rule,
        "sample": plain(dict(plan.sample)),
        "warnings": list(plan.warnings),
        "unready": plan.unready.to_dict() if plan.unready else None,
        "tables": {title: plain(table.to_pylist()) for title, table in plan.tables.items()},
        "checks": [check.to_dict() for check in plan.checks],
        "queries": {
            name: {"sql": query.sql, "parameters": plain(dict(query.parameters)), "says": query.says}
            for name, query in plan.queries.items()
        },
        "registered": registered.digest if registered else None,
    }


def replay_blocks(replay: Replay) -> list[Block]:
    """What came of recomputing a result."""
    kind = "good" if replay.same else "warning"
    facts = [
        ("result", replay.entry[:16]),
        ("from the kept fetches", "same" if replay.from_kept else "differs"),
        ("from the data", replay.from_data),
    ]
    rows = [(item.kind, item.says) for item in replay.differences]
    blocks: list[Block] = [
        Heading(f"Replay of {replay.study}", level=1),
        Callout(kind, "Same" if replay.same else "Not the same", _in_short(replay)),  # type: ignore[arg-type]
        Facts(facts),
    ]
    return [*blocks, Table([Column("kind"), Column("says")], rows)] if rows else blocks


def _in_short(replay: Replay) -> str:
    """What came of it; where something differs, what kinds of thing, for a table says each."""
    found = number_of(len(replay.differences), "note" if replay.same else "difference")
    if not replay.same:
        return f"{found}: {', '.join(dict.fromkeys(item.kind for item in replay.differences))}."
    data = ", and from the data" if replay.from_data == "same" else ""
    return f"From the kept fetches{data}{f' ({found} below)' if replay.differences else ''}."


def replay_data(replay: Replay) -> dict[str, Any]:
    """The same for a program."""
    return {
        "study": replay.study,
        "entry": replay.entry,
        "same": replay.same,
        "from_kept": "same" if replay.from_kept else "differs",
        "from_data": replay.from_data,
        "differences": [{"kind": item.kind, "says": item.says} for item in replay.differences],
    }


def entry_blocks(entry: Entry) -> list[Block]:
    """One entry of the ledger, in the shape of its kind."""
    from steelyard.decisions import read_decision
    from steelyard.decisions.blocks import decision_blocks

    facts = Facts(
        [
            ("entry", entry.digest),
            ("kind", entry.kind),
            ("name", entry.name),
            ("at", entry.at),
            ("parents", ", ".join(parent[:16] for parent in entry.parents) or "none: the first"),
        ]
    )
    if entry.kind == "result":
        return [*Result.from_dict(entry.body["result"]).blocks(), facts]
    if entry.kind == "decision":
        return [*decision_blocks(read_decision(entry)), facts]
    return [Heading(f"{entry.kind}: {entry.name}", level=1), facts, CodeBlock(_pretty(entry.body), "json")]


def _pretty(body: Any) -> str:
    import json

    return json.dumps(plain(body), indent=2, ensure_ascii=False)


ONE = {"sources": "source", "tables": "table", "metrics": "metric", "studies": "study", "dashboards": "dashboard"}


def problem_blocks(checked: Checked, counts: dict[str, int]) -> list[Block]:
    """What `check` found, and what it could not look at."""
    found = ", ".join(number_of(number, ONE[label], label) for label, number in counts.items())
    unknown: list[Block] = [Callout("note", "Not checked", "\n".join(checked.unknown))] if checked.unknown else []
    if not checked.problems:
        return [Callout("good", "Nothing wrong", found), *unknown]
    rows = [(error.where, error.problem, error.hint) for error in checked.problems]
    return [
        Callout("bad", number_of(len(checked.problems), "problem"), found),
        Table([Column("where"), Column("problem"), Column("hint")], rows),
        *unknown,
    ]


def refresh_blocks(report: RefreshReport) -> list[Block]:
    """What a refresh did: loads, tables, tests that do not hold, the critical path, and the affected numbers."""
    blocks: list[Block] = []
    if report.loads:
        blocks.append(_loads(report))
    if report.tables:
        blocks.append(_tables(report))
    tested = [(item.table, check) for item in report.loads for check in item.checks]
    tested += [(item.table, check) for item in report.tables for check in item.checks]
    failed = [
        (table, check.name.replace("_", " "), check.severity, check.status.replace("_", " "), check.says)
        for table, check in tested
        if check.status != "passed"
    ]
    if failed:
        head = ["table", "test", "severity", "status", "says"]
        blocks.append(Table(head, failed, caption="Data tests that do not hold"))
    if report.metrics:
        blocks.append(Callout("bad", "Published numbers that are affected", ", ".join(report.metrics)))
        blocks.append(Items([f"{metric}: waits for {', '.join(report.why(metric))}" for metric in report.metrics]))
    blocks.append(_path(report))
    return blocks


def _loads(report: RefreshReport) -> Table:
    rows = [
        (item.table, item.status, item.rows, item.rejected, item.seconds, _words(item.says, item.where, item.hint))
        for item in report.loads
    ]
    columns = [
        Column("loaded"), Column("status"), Column("rows", format=Format.integer()),
        Column("rejected", format=Format.integer()), Column("seconds", format=Format.decimal(2)), Column("says"),
    ]  # fmt: skip
    return Table(columns, rows)


def _tables(report: RefreshReport) -> Table:
    rows = [
        (
            item.table,
            item.status,
            item.rows,
            f"{sum(check.status == 'passed' for check in item.checks)} of {len(item.checks)}",
            item.seconds,
            _words(item.says, item.where, item.hint),
        )
        for item in report.tables
    ]
    columns = [
        Column("built"), Column("status"), Column("rows", format=Format.integer()), Column("tests that hold"),
        Column("seconds", format=Format.decimal(2)), Column("says"),
    ]  # fmt: skip
    return Table(columns, rows)


def _words(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _path(report: RefreshReport) -> Facts:
    path = report.path
    slowest = " → ".join(path.tables) or "nothing"
    return Facts(
        [
            ("catalog version", report.snapshot),
            ("took", f"{report.seconds:.1f} s"),
            ("critical path", f"{slowest} ({path.seconds:.1f} s)"),
        ]
    )
