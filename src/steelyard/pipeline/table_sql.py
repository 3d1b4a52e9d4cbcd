"""A table file's two parts, its YAML header and its SELECT, each with the lines of the file kept."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError

from steelyard.errors import DefinitionError
from steelyard.pipeline.own_functions import OWN_FUNCTIONS

__all__ = ["TableText", "parse_table_sql", "split_table_file"]

_OUTSIDE = ("read_", "readcsv", "readparquet", "glob", "parquet_", "sniff_", "query", "getenv", "sqlite_", "postgres_")


class _Tables(DuckDB):
    """DuckDB's SQL, in which Steelyard's own functions are nobody else's of that name."""

    class Parser(DuckDB.Parser):  # type: ignore[misc, valid-type]
        FUNCTIONS = {  # noqa: RUF012
            name: made for name, made in DuckDB.Parser.FUNCTIONS.items() if name.lower() not in OWN_FUNCTIONS
        }


@dataclass(frozen=True, kw_only=True)
class TableText:
    """The two parts of a table file.

    Args:
        header: The YAML, at the lines that it has in the file.
        sql: The SELECT as written, without a semicolon at its end.
        first_line: The line of the file, from 1, that the SELECT begins on.
    """

    header: str
    sql: str
    first_line: int


def split_table_file(text: str, *, where: str = "") -> TableText:
    """The header (the first block of `--` lines, when nothing but blank lines comes before it) and the SELECT.

    Raises:
        DefinitionError: There is no SELECT after the header.

    >>> parts = split_table_file("-- key: order_id\\nSELECT * FROM raw_orders;\\n")
    >>> parts.header, parts.sql, parts.first_line
    ('key: order_id', 'SELECT * FROM raw_orders', 2)
    """
    lines = text.removeprefix("\ufeff").splitlines()
    header: list[str] = []
    for line in lines:
        bare = line.strip()
        if bare.startswith("--"):
            header.append(bare[2:].removeprefix(" "))
        elif bare or any(header):
            break
        else:
            header.append("")
    rest = lines[len(header) :]
    blank = next((number for number, line in enumerate(rest) if line.strip()), len(rest))
    sql = "\n".join(rest[blank:]).rstrip()
    sql = sql.removesuffix(";").rstrip()
    if not sql:
        raise DefinitionError("there is no SELECT in the file", where=where, hint="write one SELECT after the header")
    return TableText(header="\n".join(header), sql=sql, first_line=len(header) + blank + 1)


def parse_table_sql(sql: str, *, path: str, first_line: int = 1) -> exp.Query:
    """The one SELECT, parsed; what does not parse is placed as `file:line:column`.

    Args:
        sql: The SELECT.
        path: The file, for errors.
        first_line: The line of the file that the SELECT begins on.

    Raises:
        DefinitionError: It does not parse, is not one SELECT, or reads a file.
    """
    try:
        trees = [tree for tree in _Tables().parse(sql) if tree is not None]
    except ParseError as error:
        raise _not_parsed(error, path, first_line) from error
    except SqlglotError as error:
        raise DefinitionError(f"the SQL cannot be read: {error}", where=f"{path}:{first_line}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        what = f"{len(trees)} statements" if len(trees) != 1 else f"something else ({trees[0].key.upper()})"
        raise DefinitionError(
            f"here stands {what}, not one SELECT", where=f"{path}:{first_line}", hint="one SELECT a file"
        )
    _refuse_files(trees[0], path, first_line)
    return trees[0]


def _refuse_files(tree: exp.Query, path: str, first_line: int) -> None:
    """Files are not read in a table: nothing would say which version of them was, or when they change."""
    for node in tree.find_all(exp.Func):
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).casefold()
        if name.startswith(_OUTSIDE):
            raise DefinitionError(
                f"{name}(...) reaches outside of the store",
                where=f"{path}:{first_line}",
                hint="a table reads tables; let a source load the file",
            )


def _not_parsed(error: ParseError, path: str, first_line: int) -> DefinitionError:
    found = error.errors[0] if error.errors else {}
    line, column = found.get("line"), found.get("col")
    where = f"{path}:{first_line + line - 1}:{column}" if line else f"{path}:{first_line}"
    near = found.get("highlight", "")
    says = (found.get("description") or str(error)).split(" but got <Token")[0]
    return DefinitionError(f"the SQL does not parse: {says}" + (f" near {near!r}" if near else ""), where=where)
