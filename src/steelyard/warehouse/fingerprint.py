"""One hash of a table's rows, whatever their order, their files and the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.canonical import digest
from steelyard.errors import DataError
from steelyard.warehouse.query import quote_name

if TYPE_CHECKING:
    import duckdb

__all__ = ["Fingerprint", "exact_columns", "fingerprint_of", "fingerprint_sql"]

_MODULUS = 1 << 128
_AS_TEXT = re.compile(r"^(ENUM\(.*\)|INTERVAL|TIME WITH TIME ZONE|BIT)$", re.DOTALL)
_NOT_EXACT = re.compile(r"\b(ENUM\(|INTERVAL|TIME WITH TIME ZONE|BIT)\b", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """The hash of a table's rows as a multiset; the sum of two is the fingerprint of their rows together.

    What it promises. Two tables have the same `digest` when they have the same columns (names and types; the order of
    the columns does not matter) and the same rows, each as often; row order, files, chunks, threads, the machine and
    the version of DuckDB (1.5 to 2.0) do not matter. They have different digests when a column is renamed or has
    another type, or a row is added, taken away, doubled or changed in any value. Doubles count by their exact bits,
    except that -0.0 is 0.0 and every NaN is one NaN. NULL is not the empty text; texts count by their bytes, so that
    `é` in its two Unicode forms is two texts. A decimal's scale is part of its type: 1.1 and 1.10 may differ.

    What it does not promise. A row's hash is md5 of an unambiguous encoding of its values, and the hashes are added
    modulo 2**128. An accident (2**-128 a pair of tables) is out of the question; somebody who sets out to make another
    table with the same fingerprint can. `version_id`, a SHA-256 of the files' bytes, is what holds against that.

    Args:
        columns: Name and type of each column, sorted by name.
        rows: How many rows.
        total: The sum of the rows' md5, modulo 2**128.
    """

    columns: tuple[tuple[str, str], ...]
    rows: int
    total: int

    @property
    def digest(self) -> str:
        """The fingerprint as 64 hexadecimal digits."""
        return digest({"columns": self.columns, "rows": self.rows, "total": f"{self.total:032x}"})

    def __add__(self, other: Fingerprint) -> Fingerprint:
        if self.columns != other.columns:
            raise DataError(f"fingerprints of other columns do not add up: {self.columns} and {other.columns}")
        return Fingerprint(
            columns=self.columns, rows=self.rows + other.rows, total=(self.total + other.total) % _MODULUS
        )


def exact_columns(columns: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Name and type of each column as a fingerprint counts them: sorted by name; an ENUM is its text.

    >>> exact_columns({"kind": "ENUM('a', 'b')", "at": "DATE"})
    (('at', 'DATE'), ('kind', 'VARCHAR'))
    """
    return tuple((name, "VARCHAR" if kind.startswith("ENUM(") else kind) for name, kind in sorted(columns.items()))


def fingerprint_sql(columns: Mapping[str, str], relation: str) -> str:
    """The SELECT (DuckDB's own SQL) whose one row holds the rows, and the sums of the lower and upper 64 bits.

    `create_sort_key` encodes a row so that different rows have different bytes: one byte says NULL or not, numbers
    have a fixed width, texts are ended by a byte that none contains. It is the cheapest such encoding in DuckDB; a test
    holds it to an encoder written apart from it, on every version of DuckDB that is supported.

    Args:
        columns: Name -> type of the columns that count.
        relation: A quoted table, or what else may stand after FROM.

    Raises:
        DataError: A column has a type whose order hides differences (an INTERVAL inside a list, for one).
    """
    if not columns:
        raise DataError("a table without columns has no fingerprint")
    # The empty text at the end keeps the key a BLOB: DuckDB packs a fixed width of up to 8 bytes into an integer.
    values = [*(_exact(name, columns[name]) for name in sorted(columns)), "''"]
    keys = ", ".join(f"{value}, 'ASC NULLS FIRST'" for value in values)
    return (
        "SELECT count(*), coalesce(sum((m & 18446744073709551615::UHUGEINT)::UBIGINT), 0), "
        f"coalesce(sum((m >> 64)::UBIGINT), 0) FROM (SELECT md5_number(create_sort_key({keys})) AS m FROM {relation})"
    )


def _exact(name: str, kind: str) -> str:
    if _AS_TEXT.match(kind):
        return f"CAST({quote_name(name)} AS VARCHAR)"
    if _NOT_EXACT.search(kind):
        raise DataError(f"column {name!r} has the type {kind}, whose rows cannot be told apart exactly")
    return quote_name(name)


def fingerprint_of(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str] | None = None
) -> Fingerprint:
    """The fingerprint of a table, a view or a file.

    Args:
        connection: An open DuckDB connection.
        relation: A quoted table, or what else may stand after FROM.
        columns: Name -> type of the columns that count; None takes all of them.

    >>> import duckdb
    >>> one = fingerprint_of(duckdb.connect(), "(VALUES (1, 'a'), (2, NULL)) AS t(n, word)")
    >>> other = fingerprint_of(duckdb.connect(), "(VALUES (2, NULL), (1, 'a')) AS t(n, word)")
    >>> one == other, one.rows
    (True, 2)
    """
    if columns is None:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        columns = {name: kind for name, kind, *_ in described}
    ((rows, low, high),) = connection.execute(fingerprint_sql(columns, relation)).fetchall()
    total = (int(low) + (int(high) << 64)) % _MODULUS
    return Fingerprint(columns=exact_columns(columns), rows=int(rows), total=total)
