"""One table: what it is, what it is made of, whether its tests hold, its versions, and what was left in quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from steelyard.dashboards import age, lineage_chart
from steelyard.document import (
    Block,
    Callout,
    Code,
    CodeBlock,
    Column,
    Facts,
    Format,
    Heading,
    Link,
    Paragraph,
    Section,
    Table,
)
from steelyard.warehouse import Query, quote_name
from steelyard.web.page import Crumb, Page, address
from steelyard.web.pages.problems import shown_place
from steelyard.web.pages.tables_known import REJECTS, KnownTable, known_table, known_tables, stations
from steelyard.web.view import View

__all__ = ["table"]

VERSIONS = 30
REASONS = 10
MARK = {"passed": "✓", "failed": "✗", "not_run": "–"}


def table(view: View) -> Page:
    """One source or table."""
    found = known_table(view, view.names["table"])
    versions = _versions(view, found.name)
    reasons = _reasons(view, found)
    metrics = view.project.definitions.metrics.names_by_table().get(found.name, ())
    blocks: list[Block] = [
        *(
            []
            if found.version_id
            else [Callout("warning", "Not published yet", "steelyard refresh loads and builds it.")]
        ),
        _facts(view, found, metrics),
        *_tests(found),
        lineage_chart("What it is made of, and what is made of it", stations(known_tables(view)), around=found.name),
        *_columns(found),
        *_quarantine(found, reasons),
        *_version_blocks(view, versions),
        *_sql(found),
    ]
    return Page(
        title=found.name,
        section="Data",
        crumbs=[Crumb(text="Data", href="/data")],
        lead=[Heading(found.name, 1), *([Paragraph(found.description)] if found.description else [])],
        blocks=blocks,
        data={
            **found.to_dict(),
            "metrics": metrics,
            "versions": versions,
            "rejects": reasons,
            "sql": found.details.get("written", ""),
        },
    )


def _facts(view: View, found: KnownTable, metrics: tuple[str, ...]) -> Facts:
    pairs: list[tuple[str, Any]] = [("kind", found.kind), ("rows", found.rows)]
    if found.published_at:
        at = found.published_at[:16].replace("T", " ")
        pairs.append(("published", f"{age(found.published_at, view.now)} ({at} UTC)"))
    if found.version_id:
        pairs += [("version", Code(found.version_id)), ("fingerprint", Code(found.fingerprint or "not computed"))]
    pairs += [("defined in", shown_place(found.where, view.project.folder))] if found.where else []
    pairs += [("owner", found.owner)] if found.owner else []
    declared = found.details.get("declaration") or {}
    pairs += [(label, ", ".join(declared[label])) for label in ("key", "dimensions") if declared.get(label)]
    pairs += [(label, declared[label]) for label in ("grain", "time") if declared.get(label)]
    pairs += [("metrics", ", ".join(metrics))] if metrics else []
    return Facts(pairs)


def _tests(found: KnownTable) -> list[Block]:
    if not found.tests:
        return []
    rows = [(MARK[check.status], check.name.replace("_", " "), check.severity, check.says) for check in found.tests]
    return [
        Heading("Tests", 2, id="tests"),
        Table([Column("holds", ""), Column("test"), Column("severity"), Column("says")], rows),
    ]


def _columns(found: KnownTable) -> list[Block]:
    if not found.columns:
        return []
    origins = found.details.get("lineage") or {}
    rows = [(Code(name), kind, _origin(origins.get(name))) for name, kind in found.columns.items()]
    columns = ["column", "type", *(["comes from"] if origins else [])]
    return [Heading("Columns", 2, id="columns"), Table(columns, [row[: len(columns)] for row in rows])]


def _origin(origins: Any) -> str:
    return ", ".join(".".join(origin) for origin in origins) if origins else "–"


def _reasons(view: View, found: KnownTable) -> list[dict[str, Any]]:
    """The most frequent reasons for which rows of a source are in quarantine, with how many each has.

    A reason quotes the value; one that names a sensitive column is told without it.
    """
    name = f"{found.name}{REJECTS}"
    if not found.rejected:
        return []
    with view.warehouse() as warehouse:
        if "reason" not in warehouse.columns(name):
            return []
        sql = f"SELECT reason, count(*) AS count FROM {quote_name(name)} GROUP BY reason ORDER BY count(*) DESC, reason"
        rows = warehouse.fetch(Query(sql=sql, says="why rows were rejected")).to_pylist()
    counted: Counter[str] = Counter()
    for row in rows:
        counted[_told(str(row["reason"]), found.name, view.project.settings.sensitive)] += int(row["count"])
    return [{"reason": reason, "count": count} for reason, count in counted.most_common(REASONS)]


def _told(reason: str, table: str, sensitive: Sequence[str]) -> str:
    hidden = {item.casefold().removeprefix(f"{table}.".casefold()) for item in sensitive}
    named = next((column for column in sorted(hidden) if f"'{column}'" in reason.casefold()), None)
    return reason if named is None else f"column '{named}': a value that is sensitive and not shown"


def _quarantine(found: KnownTable, reasons: list[dict[str, Any]]) -> list[Block]:
    if found.rejected is None:
        return []
    heading = Heading("Quarantine", 2, id="quarantine")
    if not found.rejected:
        return [heading, Callout("good", "Every row parsed", "Rows that do not would be kept here, with the reason.")]
    link = Link(f"{found.name}{REJECTS}", address("data", f"{found.name}{REJECTS}"))
    says = Callout("warning", f"{found.rejected:,} rows did not parse", ["They are kept in ", link, "."])
    columns = [Column("reason"), Column("count", "rows", Format.integer())]
    shown = [(row["reason"], row["count"]) for row in reasons]
    most = f"The {REASONS} most frequent reasons." if len(shown) == REASONS else None
    return [heading, says, *([Table(columns, shown, caption=most)] if shown else [])]


def _versions(view: View, name: str) -> list[dict[str, Any]]:
    """The versions that remain, newest first; a catalog version that did not change the table is not one."""
    if not view.project.embedded:
        return []
    found: list[dict[str, Any]] = []
    before = ""
    for snapshot in view.project.store.history():
        stored = snapshot.tables.get(name)
        if stored is not None and stored.version_id != before:
            found.append(
                {
                    "catalog": snapshot.number,
                    "version_id": stored.version_id,
                    "fingerprint": stored.fingerprint,
                    "rows": stored.rows,
                    "published_at": stored.published_at,
                    "says": snapshot.says,
                }
            )
        before = stored.version_id if stored else ""
    return found[::-1]


def _version_blocks(view: View, versions: list[dict[str, Any]]) -> list[Block]:
    if not versions:
        return []
    rows = [
        (item["catalog"], item["rows"], item["version_id"][:8], age(item["published_at"], view.now), item["says"])
        for item in versions[:VERSIONS]
    ]
    columns = [
        Column("catalog", align="right"), Column("rows", format=Format.integer(), align="right"), Column("version"),
        Column("published"), Column("says"),
    ]  # fmt: skip
    more = f"The newest {VERSIONS} of {len(versions):,}." if len(versions) > VERSIONS else None
    return [Heading("Versions", 2, id="versions"), Table(columns, rows, caption=more)]


def _sql(found: KnownTable) -> list[Block]:
    written = found.details.get("written") or found.details.get("sql")
    return [Section("How it is made", [CodeBlock(str(written).strip(), "sql")], open=False)] if written else []
