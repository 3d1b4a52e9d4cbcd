"""Connections, SQL in one dialect sent to many engines, kept versions, fingerprints, the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.first_use import load_on_first_use
from steelyard.warehouse.declaration import Bridge, Deduplicate, History, Rates, Role, TableDeclaration
from steelyard.warehouse.key_proof import KeyProof
from steelyard.warehouse.query import Query, Value, quote_name, quote_text
from steelyard.warehouse.warehouse import TableVersion, Warehouse

if TYPE_CHECKING:
    from steelyard.warehouse.append_log import AppendLog, Segment
    from steelyard.warehouse.clean import Cleaned
    from steelyard.warehouse.columns_named import columns_named
    from steelyard.warehouse.connect import connect
    from steelyard.warehouse.dialect import parse_select, referenced_tables, render
    from steelyard.warehouse.duckdb_open import open_duckdb
    from steelyard.warehouse.duckdb_warehouse import DuckDbWarehouse
    from steelyard.warehouse.erasure import Erasure, concerns, erase, erasures, finish_erasures
    from steelyard.warehouse.fingerprint import Fingerprint, fingerprint_of
    from steelyard.warehouse.ledger import Ledger
    from steelyard.warehouse.ledger_entry import Entry, Verification
    from steelyard.warehouse.snapshot import DataFile, Snapshot, StoredTable
    from steelyard.warehouse.store import Store
    from steelyard.warehouse.transaction import ConflictError, Transaction

# What loads an engine or SQLGlot loads on first use: name -> its module.
_ON_FIRST_USE = {
    "AppendLog": "append_log",
    "Cleaned": "clean",
    "ConflictError": "transaction",
    "DataFile": "snapshot",
    "DuckDbWarehouse": "duckdb_warehouse",
    "Entry": "ledger_entry",
    "Erasure": "erasure",
    "Fingerprint": "fingerprint",
    "Ledger": "ledger",
    "Segment": "append_log",
    "Snapshot": "snapshot",
    "Store": "store",
    "StoredTable": "snapshot",
    "Transaction": "transaction",
    "Verification": "ledger_entry",
    "columns_named": "columns_named",
    "concerns": "erasure",
    "connect": "connect",
    "erase": "erasure",
    "erasures": "erasure",
    "fingerprint_of": "fingerprint",
    "finish_erasures": "erasure",
    "open_duckdb": "duckdb_open",
    "parse_select": "dialect",
    "referenced_tables": "dialect",
    "render": "dialect",
}

__all__ = [
    "AppendLog",
    "Bridge",
    "Cleaned",
    "ConflictError",
    "DataFile",
    "Deduplicate",
    "DuckDbWarehouse",
    "Entry",
    "Erasure",
    "Fingerprint",
    "History",
    "KeyProof",
    "Ledger",
    "Query",
    "Rates",
    "Role",
    "Segment",
    "Snapshot",
    "Store",
    "StoredTable",
    "TableDeclaration",
    "TableVersion",
    "Transaction",
    "Value",
    "Verification",
    "Warehouse",
    "columns_named",
    "concerns",
    "connect",
    "erase",
    "erasures",
    "fingerprint_of",
    "finish_erasures",
    "open_duckdb",
    "parse_select",
    "quote_name",
    "quote_text",
    "referenced_tables",
    "render",
]

load_on_first_use(__name__, _ON_FIRST_USE)
