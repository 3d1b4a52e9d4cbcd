"""Refuses an answer that would lean on a key, a history or shares that are not what they are said to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from steelyard.errors import DataError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim
from steelyard.metrics.keys import prove
from steelyard.warehouse import KeyProof, TableVersion, Warehouse

__all__ = ["refuse_false_claims", "tellable"]


def refuse_false_claims(
    warehouse: Warehouse,
    claims: Iterable[Claim],
    catalog: MetricCatalog,
    version_of: Callable[[str], TableVersion],
) -> tuple[KeyProof, ...]:
    """The proofs of what a plan leans on.

    Args:
        warehouse: Where the tables are.
        claims: What the plan leans on.
        catalog: The definitions: where tables are declared, and which columns are sensitive.
        version_of: Gives a table's version.

    Returns:
        The proofs, and what was counted at refresh about the references that are followed.

    Raises:
        DataError: A claim is false; names what breaks it.
    """
    proofs = []
    for claim in claims:
        proof = prove(warehouse, claim, version_of)
        if proof is None:
            continue
        proof = tellable(catalog, claim, proof)
        said = _what_breaks(claim, proof)
        if said is not None:
            problem, hint = said
            declared = catalog.tables.get(claim.table)
            raise DataError(problem, where=(declared.where if declared else "") or claim.table, hint=hint)
        proofs.append(proof)
    return tuple(proofs)


def tellable(catalog: MetricCatalog, claim: Claim, proof: KeyProof) -> KeyProof:
    """The proof without examples where they would show a sensitive column."""
    hidden = any(catalog.is_sensitive(claim.table, column) for column in claim.columns)
    return replace(proof, examples=("a sensitive column, which is not shown",)) if hidden and proof.examples else proof


def _what_breaks(claim: Claim, proof: KeyProof) -> tuple[str, str] | None:
    """The problem and the hint; None where the claim holds."""
    return _CHECKS[claim.kind](claim, proof)


def _of(columns: tuple[str, ...]) -> str:
    return ", ".join(columns)


def _shown(proof: KeyProof) -> str:
    return f": {'; '.join(proof.examples)}" if proof.examples else ""


def _key(claim: Claim, proof: KeyProof) -> tuple[str, str] | None:
    if proof.unique:
        return None
    return (
        f"the key {_of(claim.columns)} of {claim.table!r} is not unique: {proof.duplicates:,} rows beyond the "
        f"first of their key, {proof.nulls:,} without one; {'; '.join(proof.examples)}",
        f"joined by it, rows would count more than once: mend {claim.table!r}, or declare its true key; "
        f"without its columns the question can be answered",
    )


def _one_to_one(claim: Claim, proof: KeyProof) -> tuple[str, str] | None:
    if not proof.duplicates:
        return None
    repeated = [example for example in proof.examples if not example.startswith("NULL")]
    return (
        f"{claim.table!r} is not one to one by {_of(claim.columns)}: {proof.duplicates:,} rows repeat an id; "
        f"{'; '.join(repeated)}",
        f"mend {claim.table!r}, or take the reference out of its `one_to_one:`; without its columns the question can "
        "be answered",
    )


def _reference(claim: Claim, proof: KeyProof) -> tuple[str, str] | None:
    if proof.complete or not claim.required:
        return None
    return (
        f"{claim.table!r} refers to {claim.references!r} by {_of(claim.columns)}, said to be complete: "
        f"{proof.nulls:,} of {proof.rows:,} rows have none, {proof.orphans:,} find no row there{_shown(proof)}",
        f"mend the rows, or take the reference out of `complete_references:` of {claim.table!r}, and they show as "
        "(unknown)",
    )


def _history(claim: Claim, proof: KeyProof) -> tuple[str, str] | None:
    if proof.holds:
        return None
    return (
        f"the history {claim.table!r} is not one row a {_of(claim.columns)} at a time: {proof.duplicates:,} rows hold "
        f"on when the next has begun, {proof.wrong:,} end before they begin, {proof.nulls:,} have no id or no "
        f"beginning{_shown(proof)}",
        f"joined by it, rows would count more than once, or not at all: mend {claim.table!r}; without its columns the "
        "question can be answered",
    )


def _weights(claim: Claim, proof: KeyProof) -> tuple[str, str] | None:
    if proof.holds:
        return None
    return (
        f"the shares {claim.weight!r} of {claim.table!r} do not add up to 1 for {proof.wrong:,} {_of(claim.columns)}, "
        f"and {proof.nulls:,} rows have no share{_shown(proof)}",
        f"shared out by them, the parts would not add up to the total: mend {claim.table!r}, or take `weight:` away, "
        "and the parts overlap and say so",
    )


_CHECKS: Mapping[str, Callable[[Claim, KeyProof], tuple[str, str] | None]] = {
    "key": _key,
    "one_to_one": _one_to_one,
    "reference": _reference,
    "history": _history,
    "weights": _weights,
}
