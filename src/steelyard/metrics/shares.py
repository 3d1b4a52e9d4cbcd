"""Aggregates of rows that a bridge's shares share out."""

from __future__ import annotations

from steelyard.errors import DefinitionError

__all__ = ["shared_out"]


def shared_out(function: str, value: str, share: str) -> str:
    """An aggregate in which each row counts for its share; the shares of a row add up to 1, and so do its parts.

    A distinct count is of what occurs at all, and has no shares.

    Args:
        function: `sum`, `rows`, `values` or `distinct`.
        value: What is aggregated, as SQL; empty for `rows`.
        share: The share, as SQL.

    Raises:
        DefinitionError: It is another aggregate, which shares do not take apart.

    >>> shared_out("sum", "orders.amount", "links.share")
    'sum(orders.amount * links.share)'
    """
    forms = {
        "sum": f"sum({_factor(value)} * {share})",
        "rows": f"sum({share})",
        "values": f"sum(CASE WHEN {value} IS NOT NULL THEN {share} END)",
        "distinct": f"count(DISTINCT {value})",
    }
    if function not in forms:
        raise DefinitionError(
            f"a bridge shares its rows out, and a {function} of shares of rows has no meaning",
            hint="ask for a sum, count or mean by it; or for this without it",
        )
    return forms[function]


def _factor(value: str) -> str:
    """The value so that it can stand before `*`."""
    return value if value.replace(".", "").replace("_", "").replace('"', "").isalnum() else f"({value})"
