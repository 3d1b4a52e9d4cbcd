"""Connections, SQL in one dialect sent to many engines, kept versions, fingerprints, the ledger."""

from steelyard.warehouse.declaration import KeyProof, TableDeclaration
from steelyard.warehouse.query import Query, Value, quote_name, quote_text
from steelyard.warehouse.warehouse import TableVersion, Warehouse

__all__ = [
    "KeyProof",
    "Query",
    "TableDeclaration",
    "TableVersion",
    "Value",
    "Warehouse",
    "quote_name",
    "quote_text",
]
