"""The datasets and relationships of an Apache Ossie semantic model as tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.importing.draft import Draft, listed, part, snake_case, text_of
from steelyard.metrics.importing.row_expression import MAKE_A_COLUMN, parsed, plain_column

__all__ = ["Dataset", "Field", "dialect_text", "read_datasets", "read_relationships"]

SQL_DIALECTS = ("OSSIE_SQL_2026", "ANSI_SQL")
_DATASET_KEYS = (
    "name",
    "source",
    "primary_key",
    "unique_keys",
    "description",
    "fields",
    "ai_context",
    "custom_extensions",
)
_FIELD_KEYS = ("name", "expression", "dimension", "label", "description", "datatype", "ai_context", "custom_extensions")
_RELATIONSHIP_KEYS = ("name", "from", "to", "from_columns", "to_columns", "ai_context", "custom_extensions")
_DAYS = ("Date", "DateTime", "DateTimeTz")
_PART = r'(?:"(?:[^"]|"")+"|[^\s."`()]+|`[^`]+`)'
_RELATION = re.compile(rf"{_PART}(?:\.{_PART}){{0,3}}")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field: its SQL, and whether it may be grouped by."""

    name: str
    expression: str
    problem: str = ""

    @property
    def column(self) -> str:
        """The column that it is; empty where it is an expression."""
        return plain_column(self.expression) if self.expression else ""

    @property
    def readable(self) -> bool:
        """Whether its SQL parses."""
        try:
            return bool(self.expression) and parsed(self.expression) is not None
        except DefinitionError:
            return False


@dataclass(kw_only=True)
class Dataset:
    """A dataset: one table, and its fields by name."""

    name: str
    table: str
    fields: dict[str, Field] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()

    @property
    def physical(self) -> frozenset[str]:
        """The columns of its table that are known: those of its keys, and those in its fields' expressions."""
        named = {column for key in (self.key, *self.unique) for column in key}
        trees = [parsed(item.expression) for item in self.fields.values() if item.readable]
        return frozenset(named | {column.name for tree in trees for column in tree.find_all(exp.Column)})

    def columns(self, names: Any) -> tuple[str, ...]:
        """The columns that a key or a relationship names: fields that are columns, or columns that are no field."""
        found = []
        for name in names if isinstance(names, list) else []:
            its = self.fields.get(text_of(name))
            if its is not None and not its.column:
                raise DefinitionError(f"{name!r} of {self.name!r} is no column", hint=MAKE_A_COLUMN)
            found.append(its.column if its is not None else text_of(name))
        return tuple(found)


def dialect_text(said: Any) -> tuple[str, str]:
    """The SQL of an expression, or what is wrong with it."""
    if isinstance(said, str):
        return said, ""
    written = {text_of(item.get("dialect")) or "ANSI_SQL": text_of(item.get("expression")) for item in _dialects(said)}
    for dialect in SQL_DIALECTS:
        if written.get(dialect):
            return written[dialect], ""
    if not written:
        return "", "it has no expression"
    return "", f"it is written in {', '.join(sorted(written))}, and only {' and '.join(SQL_DIALECTS)} are read"


def _dialects(said: Any) -> list[dict[str, Any]]:
    return listed(said.get("dialects")) if isinstance(said, dict) else []


def read_datasets(draft: Draft, model: Mapping[str, Any], place: str) -> dict[str, Dataset]:
    """The datasets of a model by name; their tables go into the draft."""
    found: dict[str, Dataset] = {}
    said = listed(model.get("datasets"))
    count = Counter(text_of(item.get("name")) for item in said)
    for item in said:
        name = text_of(item.get("name"))
        at = f"{place}.datasets.{name}"
        draft.unread(at, item, _DATASET_KEYS)
        draft.strays(at, item, ("fields",))
        try:
            if count[name] > 1:
                raise DefinitionError(f"there are two datasets of the name {name!r}", hint="rename one in the source")
            found[name] = _dataset(draft, item, at)
        except SteelyardError as error:
            draft.refused("dataset", name, at, error)
    return found


def _dataset(draft: Draft, said: Mapping[str, Any], at: str) -> Dataset:
    dataset = Dataset(name=text_of(said.get("name")), table=_table(said.get("source")))
    if dataset.table in draft.tables:
        raise DefinitionError(f"its table {dataset.table!r} is another dataset's already, and a table is declared once")
    for item in listed(said.get("fields")):
        name = text_of(item.get("name"))
        draft.unread(f"{at}.fields.{name}", item, _FIELD_KEYS)
        text, problem = dialect_text(item.get("expression"))
        if name in dataset.fields:
            problem = f"there are two fields of the name {name!r}"
        dataset.fields[name] = Field(name=name, expression="" if problem else text, problem=problem)
    table: dict[str, Any] = {}
    notes = _keys(dataset, said, table)
    time, dimensions = _dimensions(draft, dataset, said, at)
    if time:
        table["time"] = time
        notes.append(
            f"{time} is taken to date its rows: it is its one time field, and Ossie does not say by which they count"
        )
    if dimensions:
        table["dimensions"] = dimensions
    if text_of(said.get("description")):
        table["description"] = text_of(said["description"])
    draft.tables[dataset.table] = table
    draft.carried("dataset", dataset.name, at, now=dataset.table, notes=notes)
    return dataset


def _table(source: Any) -> str:
    """The name of the table that a source is."""
    text = text_of(source)
    if isinstance(source, dict):
        text = text_of(source.get("object"))
        if text_of(source.get("kind")) != "table":
            raise DefinitionError("its source is a query", hint="put the query into the project as a SQL table")
    if not text.strip():
        raise DefinitionError("it does not say where its rows are (`source`)")
    if not _RELATION.fullmatch(text.strip()):
        raise DefinitionError("its source is a query", hint="put the query into the project as a SQL table")
    name = str(re.findall(_PART, text.strip())[-1])
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in '"`' else name


def _keys(dataset: Dataset, said: Mapping[str, Any], table: dict[str, Any]) -> list[str]:
    dataset.key = dataset.columns(said.get("primary_key"))
    unique = said.get("unique_keys")
    dataset.unique = tuple(dataset.columns(item) for item in (unique if isinstance(unique, list) else []))
    others = [columns for columns in dataset.unique if set(columns) != set(dataset.key)]
    if not dataset.key and others:
        dataset.key = others.pop(0)
    if dataset.key:
        table.update(key=_one(dataset.key), entity=snake_case(dataset.name))
    return [f"that {', '.join(columns)} is unique too is not declared" for columns in others]


def _one(columns: tuple[str, ...]) -> str | list[str]:
    return columns[0] if len(columns) == 1 else list(columns)


def _dimensions(draft: Draft, dataset: Dataset, said: Mapping[str, Any], at: str) -> tuple[str, list[str]]:
    """The column that dates the rows where there is one time field, and the columns to group by."""
    columns: list[str] = []
    times: list[str] = []
    for item in listed(said.get("fields")):
        name = text_of(item.get("name"))
        found, place = dataset.fields[name], f"{at}.fields.{name}"
        if found.problem:
            draft.left_out("field", name, place, found.problem)
        elif not isinstance(item.get("dimension"), dict):
            draft.carried("field", name, place)
        elif not found.column:
            reason = f"it is the expression {found.expression!r}, and a dimension is a column here; metrics may use it"
            draft.left_out("dimension", name, place, reason, MAKE_A_COLUMN)
        else:
            draft.carried("dimension", name, place, now=found.column)
            (times if _dates(item) else columns).append(found.column)
    if len(times) == 1:
        return times[0], columns
    return "", columns + times


def _dates(said: Mapping[str, Any]) -> bool:
    """Whether a field can date a row: a date or moment, or a time of a type that is not said."""
    kind, flag = text_of(said.get("datatype")), part(said, "dimension").get("is_time")
    return flag is not False and (kind in _DAYS or (not kind and flag is True))


def read_relationships(draft: Draft, datasets: Mapping[str, Dataset], model: Mapping[str, Any], place: str) -> None:
    """Declares the references of a model's relationships in the draft's tables."""
    said = listed(model.get("relationships"))
    pairs = Counter((text_of(item.get("from")), text_of(item.get("to"))) for item in said)
    for item in said:
        name = text_of(item.get("name"))
        at = f"{place}.relationships.{name}"
        draft.unread(at, item, _RELATIONSHIP_KEYS)
        pair = (text_of(item.get("from")), text_of(item.get("to")))
        try:
            notes = _relate(draft, datasets, item, role=pairs[pair] > 1 or pair[0] == pair[1])
        except SteelyardError as error:
            draft.refused("relationship", name, at, error)
        else:
            draft.carried("relationship", name, at, notes=notes)


def _relate(draft: Draft, datasets: Mapping[str, Dataset], said: Mapping[str, Any], *, role: bool) -> list[str]:
    ends = []
    for side in ("from", "to"):
        if text_of(said.get(side)) not in datasets:
            raise unknown_name("dataset", text_of(said.get(side)), datasets)
        ends.append(datasets[text_of(said[side])])
    source, target = ends
    own, its = source.columns(said.get("from_columns")), target.columns(said.get("to_columns"))
    if not own or len(own) != len(its):
        raise DefinitionError(f"it joins {len(own)} columns with {len(its)}")
    notes = _keyed(draft, target, its)
    ordered = [own[its.index(column)] for column in target.key]
    table = draft.tables[source.table]
    entity = draft.tables[target.table]["entity"]
    if not role:
        table.setdefault("entities", {})[entity] = _one(tuple(ordered))
        if set(own) == set(source.key) or any(set(own) == set(columns) for columns in source.unique):
            table.setdefault("one_to_one", []).append(entity)
        return notes
    name = snake_case(text_of(said.get("name")))
    table.setdefault("roles", {})[name] = {"entity": entity, "columns": _one(tuple(ordered))}
    return [*notes, f"it is the role {name}: the dimensions are {name}.COLUMN"]


def _keyed(draft: Draft, target: Dataset, columns: tuple[str, ...]) -> list[str]:
    """Whether the columns that are referred to identify a row of the target; where it has no key, they become it."""
    if not target.key:
        target.key = columns
        draft.tables[target.table] = {
            "key": _one(columns),
            "entity": snake_case(target.name),
            **draft.tables[target.table],
        }
        return [f"{', '.join(columns)} is declared the key of {target.table}, and proved before it is used"]
    if set(columns) != set(target.key):
        raise DefinitionError(
            f"it leads to {', '.join(columns)} of {target.name!r}, whose key is {', '.join(target.key)}: one row could "
            "lead to many",
            hint="a reference leads to the key of a table; a bridge links many with many",
        )
    return []
