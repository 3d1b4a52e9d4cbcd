"""Registration: what was frozen before outcomes were read, and how a result stands to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from steelyard.canonical import digest_of_bytes
from steelyard.errors import SteelyardError
from steelyard.result import Result
from steelyard.studies.kept import table_from_bytes, table_to_bytes
from steelyard.studies.study import Plan, Study
from steelyard.studies.tables_differ import tables_differ
from steelyard.warehouse import Entry, Ledger

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.metrics import MetricCatalog

__all__ = ["Standing", "earlier_results", "governed_digests", "register", "registered_sample", "standing_of"]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a definition stands to what was registered.

    Args:
        label: `registered`, or `exploratory`.
        says: Why, in words.
    """

    label: Literal["registered", "exploratory"]
    says: str


def governed_digests(study: Study, metrics: MetricCatalog | None) -> dict[str, str]:
    """The digest of each governed metric that the study names."""
    try:
        return {} if metrics is None else {name: metrics.digest(name) for name in study.governed()}
    except SteelyardError as error:
        raise error.at(f"studies/{study.name}.yml") from None


def register(study: Study, plan: Plan, ledger: Ledger, governed: Mapping[str, str] | None = None) -> Entry:
    """Freezes the study's definition and rule in the ledger; the same definition again gives the first entry.

    Args:
        study: The study.
        plan: Its plan, whose words and rule are frozen with it.
        ledger: Where it is kept.
        governed: Digests of the governed metrics that it names; they are frozen with it.
    """
    governed = dict(governed or {})
    registrations = list(ledger.entries(kind="registration", name=study.name))
    for entry in registrations:
        if _is_of(entry, study, governed):
            return entry
    body = {
        "definition": study.definition(),
        "digest": study.digest(),
        "metrics": governed,
        "version": len(registrations) + 1,
        "says": plan.says,
        "rule": plan.rule,
        "sample": dict(plan.sample),
        "sql": {name: query.sql for name, query in plan.queries.items()},
    }
    return ledger.append("registration", study.name, body)


def _is_of(entry: Entry, study: Study, governed: Mapping[str, str]) -> bool:
    return bool(entry.body["digest"] == study.digest() and entry.body["metrics"] == dict(governed))


def standing_of(
    study: Study,
    ledger: Ledger | None,
    governed: Mapping[str, str] | None = None,
    fetched: Mapping[str, pa.Table] | None = None,
) -> Standing:
    """Whether this very definition was registered first, before any result, and this is its first look.

    Args:
        study: The study.
        ledger: Where registrations and results are; None when nothing is kept.
        governed: Digests of the governed metrics that it names.
        fetched: What it fetched, by name; a look at other data than the first one is a later look.
    """
    if ledger is None:
        return Standing(label="exploratory", says="it ran without a ledger, so nothing was registered beforehand")
    registrations = list(ledger.entries(kind="registration", name=study.name))
    results = list(ledger.entries(kind="result", name=study.name))
    mine = [entry for entry in registrations if _is_of(entry, study, governed or {})]
    if not mine:
        says = (
            f"an edit of version {len(registrations)}, itself not registered" if registrations else "never registered"
        )
        return Standing(label="exploratory", says=says)
    version = mine[0].body["version"]
    if version > 1:
        says = f"version {version}, registered {_moment(mine[0])} after version 1 was: a later edit"
        return Standing(label="exploratory", says=says)
    if results and results[0].number < mine[0].number:
        return Standing(
            label="exploratory", says=f"registered {_moment(mine[0])}, but it had run at {_moment(results[0])} already"
        )
    looks = [entry for entry in results if entry.body["result"]["provenance"]["digest"] == study.digest()]
    if looks and fetched and not study.may_look_again and _is_other(looks[0], fetched, ledger):
        says = f"a later look: it was read on {_moment(looks[0])} already, and the data has changed since"
        return Standing(label="exploratory", says=says)
    return Standing(
        label="registered", says=f"registered {_moment(mine[0])} as {mine[0].digest[:12]}, before any result"
    )


def _is_other(look: Entry, fetched: Mapping[str, pa.Table], ledger: Ledger) -> bool:
    """Whether a look fetched something else; doubles that were added up in another order are the same."""
    kept = {read["name"]: read["kept"] for read in look.body["result"]["provenance"]["reads"]}
    if list(kept) != list(fetched):
        return True
    return any(_other_table(kept[name], table, ledger) for name, table in fetched.items())


def _other_table(kept: str, table: pa.Table, ledger: Ledger) -> bool:
    content = table_to_bytes(table)
    if digest_of_bytes(content) == kept:
        return False
    try:
        before = ledger.kept(kept)
    except SteelyardError:  # erased, so that only its digest is left to compare
        return True
    return bool(tables_differ(table_from_bytes(before), table))


def _moment(entry: Entry) -> str:
    return f"{entry.at[:10]} {entry.at[11:16]} UTC"


def earlier_results(ledger: Ledger, name: str) -> tuple[Result, ...]:
    """The study's results so far, oldest first."""
    return tuple(Result.from_dict(entry.body["result"]) for entry in ledger.entries(kind="result", name=name))


def registered_sample(ledger: Ledger, study: Study) -> Mapping[str, Any]:
    """What the first registered plan of this very definition says of sample size and power; empty without one."""
    for entry in ledger.entries(kind="registration", name=study.name):
        if entry.body["digest"] == study.digest():
            return dict(entry.body["sample"])
    return {}
