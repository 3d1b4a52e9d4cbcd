"""A source as its YAML file defines it: what to load, its columns, key, cursor, limits and owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from steelyard.definition_file import Definition, Place, build, read_definition
from steelyard.errors import DefinitionError, unknown_name
from steelyard.pipeline.conversion import column_type
from steelyard.pipeline.duration import parse_duration
from steelyard.pipeline.sources.packaged import DATASETS
from steelyard.pipeline.sources.reads import READS, Reads
from steelyard.warehouse.named_zone import named_zone

__all__ = ["Identity", "SourceDefinition", "read_source_file", "source_definition"]

MODES = ("replace", "append", "merge")
RULES = ("first_known", "last_known", "at_time")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How ids of anonymous visitors are joined to known customers: by rows of this source that carry both.

    Args:
        anonymous: The column of the anonymous id.
        known: The column of the known id; NULL while nobody is known.
        time: The column that orders the rows; the source's cursor by default.
        rule: Whose the anonymous id is when it was seen with several: `first_known`, `last_known`, or `at_time`
            (whoever was known last at each moment; before the first, the first).
        table: The mapping's table; `<table>_identity` by default.
    """

    anonymous: str
    known: str
    time: str = ""
    rule: str = "first_known"
    table: str = ""

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise unknown_name("identity rule", self.rule, RULES)


@dataclass(frozen=True, kw_only=True)
class SourceDefinition:
    """What to load, from where, and what holds of it.

    Args:
        name: The source's name.
        kind: `files`, `sql`, `rest`, `python`, `completejourney`, `shop`, `log` or `dlt`.
        reads: What this kind says of where the rows are.
        table: The table to load; the name by default.
        columns: Column -> type; text columns that are not declared stay text, typed ones keep their type.
        key: The columns that identify a row; a row whose key is null is rejected.
        cursor: The column by which a load continues where the last one ended; a row without it is rejected.
        look_back: How far before the cursor a load reads again, for late rows: `3 days`, or a number.
        mode: `replace` (each load is the whole table), `append` (each file or range once), `merge` (rows replace those
            with their key). By default merge with a key, replace for databases, APIs and generators without key and
            cursor, else append.
        max_rejected: The most rejected rows of a load: a share below 1, or a count; more fail it, nothing published.
        zone: The IANA zone of times without an offset; UTC where empty.
        identity: How anonymous ids are joined to known ones.
        schedule: When it is to be loaded, for a scheduler: a cron line.
        owner: Who answers for it.
        description: For a person.
        where: File and line.
    """

    name: str
    kind: str
    reads: Reads
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    cursor: str = ""
    look_back: str | int | float = ""
    mode: str = ""
    max_rejected: float | None = None
    zone: str = ""
    identity: Identity | None = None
    schedule: str = ""
    owner: str = ""
    description: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        typed = {name: column_type(kind, where=self.where) for name, kind in self.columns.items()}
        object.__setattr__(self, "columns", typed)
        object.__setattr__(self, "table", self.table or self.name)
        object.__setattr__(self, "mode", self.mode or self._usual_mode())
        self._check()

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that its loads make: its own, its quarantine, and the mapping of its identity rule."""
        made = self.table, f"{self.table}_rejects"
        return made if self.identity is None else (*made, self.identity.table or f"{self.table}_identity")

    def _usual_mode(self) -> str:
        if self.key and self.kind not in ("completejourney", "shop"):
            return "merge"
        whole = self.kind in ("completejourney", "shop") or (self.kind in _ASKED and not self.cursor)
        return "replace" if whole else "append"

    def _check(self) -> None:
        if self.mode not in MODES:
            raise unknown_name("mode", self.mode, MODES, where=self.where)
        if self.mode == "merge" and not self.key:
            raise DefinitionError("mode 'merge' needs a key", where=self.where, hint="add `key:`")
        if self.mode == "append" and self.kind in _ASKED and not self.cursor:
            problem = f"a source of kind {self.kind!r} cannot append without a cursor: each load would double its rows"
            raise DefinitionError(problem, where=self.where, hint="add `cursor:` or `key:`, or use mode replace")
        if self.look_back not in ("", 0) and not self.cursor:
            raise DefinitionError("`look_back` without a cursor looks back from nothing", where=self.where)
        if isinstance(self.look_back, str) and self.look_back:
            parse_duration(self.look_back, where=self.where)
        if self.max_rejected is not None and self.max_rejected < 0:
            raise DefinitionError(f"max_rejected is {self.max_rejected}", where=self.where, hint="0 or more")
        if self.zone:
            named_zone(self.zone, self.where)
        for name in (*self.key, *((self.cursor,) if self.cursor else ())):
            if self.columns and self.kind in ("files", "log", "rest", "python") and name not in self.columns:
                raise unknown_name("declared column", name, self.columns, where=self.where)

    @property
    def asked(self) -> bool:
        """Whether each load asks the source again (a database, an API, a generator), rather than finding files."""
        return self.kind in _ASKED

    def to_dict(self) -> dict[str, Any]:
        """What the definition says, plain; the place of the file is left out."""
        from steelyard.canonical import plain

        said: dict[str, Any] = plain(replace(self, where=""))
        return said


_ASKED = ("sql", "rest", "python", "dlt")


def source_definition(
    name: str, said: Mapping[str, Any], definition: Definition | None = None, at: Place = ()
) -> SourceDefinition:
    """The source that plain data defines.

    Args:
        name: Its name.
        said: `kind:`, what that kind says, and what all sources say.
        definition: The file it comes from, for the place of errors.
        at: Where in the file.

    Raises:
        DefinitionError: It says something that cannot be; the error carries file and line.

    >>> source_definition("orders", {"kind": "files", "path": "orders/*.csv", "key": "order_id"}).mode
    'merge'
    """
    where = definition.where(at) if definition else ""
    kind = str(said.get("kind", ""))
    if kind not in READS:
        raise unknown_name("kind of source", kind, READS, where=definition.where((*at, "kind")) if definition else "")
    own = {item.name for item in fields(READS[kind])}
    common = {item.name for item in fields(SourceDefinition)} - {"name", "kind", "reads", "where"}
    for key in said:
        if key not in own | common | {"kind"}:
            place = definition.where((*at, key)) if definition else ""
            raise unknown_name("key", str(key), own | common, where=place)
    reads = build(READS[kind], {key: said[key] for key in said if key in own}, definition, at)
    rest = {key: said[key] for key in said if key in common}
    made = build(_Common, rest, definition, at)
    for column, text in made.columns.items():
        column_type(text, where=definition.where((*at, "columns", column)) if definition else "")
    values = {item.name: getattr(made, item.name) for item in fields(made)}
    try:
        return SourceDefinition(name=name, kind=kind, reads=reads, where=where, **values)
    except DefinitionError as error:
        raise error.at(where) from error


@dataclass(frozen=True, kw_only=True)
class _Common:
    """The fields of a `SourceDefinition` that YAML gives directly."""

    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    cursor: str = ""
    look_back: str | int | float = ""
    mode: str = ""
    max_rejected: float | None = None
    zone: str = ""
    identity: Identity | None = None
    schedule: str = ""
    owner: str = ""
    description: str = ""


def read_source_file(path: str | Path, *, shown_as: str = "") -> tuple[SourceDefinition, ...]:
    """The sources of one YAML file: one (named after the file), or several under `sources:`.

    A file that says only `kind: completejourney` or `kind: shop` (and settings) defines all of its tables.

    Args:
        path: The file.
        shown_as: Its name in messages; the path by default.

    Raises:
        DefinitionError: With file and line.
    """
    definition = read_definition(path, shown_as=shown_as)
    data = definition.data
    if "sources" not in data:
        return _one_file(Path(path).stem, data, definition)
    others = sorted(set(data) - {"sources"})
    if others:
        raise unknown_name("key beside 'sources'", others[0], ["sources"], where=definition.where((others[0],)))
    if not isinstance(data["sources"], Mapping):
        raise DefinitionError("`sources` is no mapping", where=definition.where(("sources",)), hint="name: {kind: ...}")
    found = []
    for name, said in data["sources"].items():
        place = ("sources", name)
        if not isinstance(said, Mapping):
            raise DefinitionError(f"the source {name!r} says nothing", where=definition.where(place), hint="kind: ...")
        found.append(source_definition(name, said, definition, place))
    return tuple(found)


def _one_file(name: str, data: Mapping[str, Any], definition: Definition) -> tuple[SourceDefinition, ...]:
    datasets = DATASETS.get(str(data.get("kind")))
    if datasets is None or data.get("dataset") or name in datasets():
        return (source_definition(name, data, definition),)
    return tuple(source_definition(dataset, {**data, "dataset": dataset}, definition) for dataset in datasets())
