"""The key ledger: what is said of keys, references, histories and shares, counted once a version and kept with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steelyard.canonical import plain
from steelyard.errors import SteelyardError
from steelyard.result import Check
from steelyard.warehouse import KeyProof, TableDeclaration, Warehouse
from steelyard.warehouse.key_proofs import prove_history, prove_key, prove_reference, prove_weights

if TYPE_CHECKING:
    from steelyard.warehouse.snapshot import StoredTable
    from steelyard.warehouse.transaction import Transaction

__all__ = ["publish_proofs"]


def publish_proofs(
    change: Transaction, warehouse: Warehouse, declarations: Mapping[str, TableDeclaration]
) -> dict[str, tuple[Check, ...]]:
    """Counts what the declarations say and no proof of the present versions shows yet, and keeps it beside the tables.

    A reference is counted again when either of its two tables has changed; nothing else is counted twice.

    Args:
        change: The store's transaction.
        warehouse: Its tables, to read from.
        declarations: Of every table of the project, by name; those that are not there are left out.

    Returns:
        Table -> what could not be counted, and why, as checks that did not run.
    """
    tables = change.tables
    there = {name: declared for name, declared in declarations.items() if name in tables}
    found: dict[str, tuple[Check, ...]] = {}
    for name, declared in there.items():
        ledger = _Ledger(warehouse, tables, declared)
        for says in _said(declared, there):
            ledger.add(says)
        if ledger.proofs != ledger.kept:
            change.describe(name, {**tables[name].details, "proofs": [plain(proof) for proof in ledger.proofs]})
        if ledger.checks:
            found[name] = tuple(ledger.checks)
    return found


@dataclass(frozen=True)
class _Said:
    """One thing that a declaration says: of these columns, by this rule or of that table."""

    columns: tuple[str, ...]
    count: Callable[[Warehouse, str, str], KeyProof]
    rule: str = ""
    references: str = ""
    key: tuple[str, ...] = ()


def _said(declared: TableDeclaration, tables: Mapping[str, TableDeclaration]) -> Iterator[_Said]:
    name = declared.name
    if declared.key:
        yield _unique(name, declared.key)
    for one in declared.one_to_one:
        if one in declared.references:
            yield _unique(name, declared.references[one].columns)
    if (history := declared.history) is not None and declared.id_columns:
        yield _Said(
            declared.id_columns,
            lambda warehouse, version, _: prove_history(
                warehouse, name, declared.id_columns, history, version_id=version
            ),
            rule=f"history {history.valid_from} {history.valid_to}",
        )
    if (bridge := declared.bridge) is not None and bridge.weight and bridge.of in declared.references:
        columns = declared.references[bridge.of].columns
        yield _Said(
            columns,
            lambda warehouse, version, _: prove_weights(warehouse, name, columns, bridge.weight, version_id=version),
            rule=f"weights {bridge.weight}",
        )
    for reference in declared.references.values():
        for parent in tables.values():
            key = parent.id_columns
            states = parent.history is not None and parent.entities.get(reference.entity, ()) == key
            own = parent.entity == reference.entity and parent.name != name
            if (own or (states and parent.name != name)) and len(key) == len(reference.columns):
                yield _reference(name, reference.columns, parent.name, key)


def _unique(table: str, columns: tuple[str, ...]) -> _Said:
    return _Said(columns, lambda warehouse, version, _: prove_key(warehouse, table, columns, version_id=version))


def _reference(table: str, columns: tuple[str, ...], parent: str, key: tuple[str, ...]) -> _Said:
    def count(warehouse: Warehouse, version: str, theirs: str) -> KeyProof:
        return prove_reference(warehouse, table, columns, parent, key, version_id=version, parent_version=theirs)

    return _Said(columns, count, references=parent, key=key)


@dataclass
class _Ledger:
    """The proofs of one table: those that are kept and still speak of what is there, and those that are added."""

    warehouse: Warehouse
    tables: Mapping[str, StoredTable]
    declared: TableDeclaration
    checks: list[Check] = field(default_factory=list)

    def __post_init__(self) -> None:
        stored = self.tables[self.declared.name]
        self.kept = [KeyProof.from_dict(said) for said in stored.details.get("proofs", ())]
        self.proofs = [proof for proof in self.kept if self._speaks(proof)]

    def _speaks(self, proof: KeyProof) -> bool:
        """Whether the proof is of the versions that are there; a data test says nothing of its parent's version."""
        if proof.version_id != self.tables[self.declared.name].version_id:
            return False
        parent = self.tables.get(proof.references)
        return not proof.references_version or (parent is not None and proof.references_version == parent.version_id)

    def add(self, said: _Said) -> None:
        """Counts it where no proof shows it."""
        parent = self.tables[said.references].version_id if said.references else ""
        asked = (said.columns, said.rule, said.references, parent)
        if any((p.columns, p.rule, p.references, p.references_version) == asked for p in self.proofs):
            return
        try:
            self.proofs.append(said.count(self.warehouse, self.tables[self.declared.name].version_id, parent))
        except SteelyardError as error:
            named = "_".join((*said.rule.split()[:1], *said.columns, *filter(None, [said.references])))
            says = f"it could not be counted: {error.problem}"
            self.checks.append(Check(name=f"proof_{named}", status="not_run", severity="note", says=says))
