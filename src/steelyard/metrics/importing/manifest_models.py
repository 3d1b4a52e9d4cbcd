"""The semantic models of a dbt semantic manifest as tables: keys, entities, history, time and dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.importing.draft import Draft, listed, part, text_of
from steelyard.metrics.importing.filter_template import Reference
from steelyard.metrics.importing.row_expression import MAKE_A_COLUMN, column_node, parsed, plain_column

__all__ = ["Model", "Models", "read_models"]

_MODEL_KEYS = (
    "name", "defaults", "description", "node_relation", "primary_entity", "entities", "measures", "dimensions",
    "label", "metadata", "config",
)  # fmt: skip
_ENTITY_KEYS = ("name", "description", "type", "expr", "metadata", "label", "config")
_DIMENSION_KEYS = (
    "name", "description", "type", "datatype", "is_partition", "type_params", "expr", "metadata", "label", "config",
)  # fmt: skip
OWNING = ("primary", "unique", "natural")


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A dimension: its expression, whether it is a time, and to which granularity that is exact."""

    name: str
    expression: str
    time: bool = False
    granularity: str = ""

    @property
    def column(self) -> str:
        """The column that it is; empty where it is an expression."""
        return plain_column(self.expression)


@dataclass(kw_only=True)
class Model:
    """A semantic model: one table, and what its columns mean."""

    name: str
    table: str
    said: Mapping[str, Any]
    entities: dict[str, tuple[str, str]] = field(default_factory=dict)
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    entity: str = ""
    time: str = ""

    @property
    def default_time(self) -> str:
        """The dimension by which its rows are dated where nothing else is said."""
        return text_of(part(self.said, "defaults").get("agg_time_dimension"))

    def leads_itself(self, entity: str) -> bool:
        """Whether the entity is what a row of it is."""
        return entity == text_of(self.said.get("primary_entity")) or self.entities.get(entity, ("", ""))[0] in OWNING


@dataclass(kw_only=True)
class Models:
    """The models by name, and which of them is each entity's own table."""

    draft: Draft
    models: dict[str, Model] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    owners: dict[str, Model] = field(default_factory=dict)

    def model(self, name: str) -> Model:
        """The model of that name.

        Raises:
            DefinitionError: There is none, or it was not carried over.
        """
        if name in self.left:
            raise DefinitionError(f"the semantic model {name!r} was not carried over: {self.left[name]}")
        if name not in self.models:
            raise unknown_name("semantic model", name, self.models)
        return self.models[name]

    def node(self, model: Model, reference: Reference, time: str) -> exp.Expr:
        """What a filter's reference stands for, in a condition on rows of `model`.

        Args:
            model: Whose rows are filtered.
            reference: What is referred to.
            time: The dimension that dates the rows: what `metric_time` means.

        Raises:
            DefinitionError: Nothing here means it.
        """
        if reference.kind == "Metric":
            raise DefinitionError(
                f"a row is kept by the value of the metric {reference.name!r} for each {', '.join(reference.path)}",
                hint="group by it and keep groups with `having`; or a metric of the kind `fixed`",
            )
        if reference.part:
            raise DefinitionError(f"the filter takes the {reference.part} out of a date", hint=MAKE_A_COLUMN)
        at, away = self._walk(model, reference)
        if reference.kind == "Entity" or (reference.name in at.entities and reference.name not in at.dimensions):
            return self._entity(at, reference, away)
        name = time if reference.name == "metric_time" and not reference.path else reference.name
        if name not in at.dimensions:
            raise unknown_name(f"dimension of {at.name!r}", name, at.dimensions)
        return self._dimension(at, at.dimensions[name], reference, away)

    def _walk(self, model: Model, reference: Reference) -> tuple[Model, bool]:
        at, away = model, False
        for number, entity in enumerate(reference.path):
            if number == 0 and at.leads_itself(entity) and (len(reference.path) > 1 or self._has(at, reference.name)):
                continue
            if entity not in at.entities and not at.leads_itself(entity):
                raise unknown_name(f"entity of {at.name!r}", entity, at.entities)
            if entity not in self.owners:
                raise DefinitionError(f"no table is the own table of the entity {entity!r}")
            at, away = self.owners[entity], away or self.owners[entity] is not model
        return at, away

    def _has(self, model: Model, name: str) -> bool:
        return name in model.dimensions or name in model.entities

    def _entity(self, at: Model, reference: Reference, away: bool) -> exp.Expr:
        if reference.name not in at.entities:
            raise unknown_name(f"entity of {at.name!r}", reference.name, at.entities)
        column = at.entities[reference.name][1]
        if not column:
            raise DefinitionError(f"the entity {reference.name!r} of {at.name!r} is not a column", hint=MAKE_A_COLUMN)
        if away:
            self._declare(at, column)
        return column_node(column, at.table if away else "")

    def _dimension(self, at: Model, dimension: Dimension, reference: Reference, away: bool) -> exp.Expr:
        if dimension.time:
            grain = reference.grain or dimension.granularity
            if "day" not in (grain, dimension.granularity) or grain != dimension.granularity:
                raise DefinitionError(
                    f"the filter cuts {dimension.name!r} (exact to the {dimension.granularity}) to the {grain}",
                    hint=f"filter on the day, or {MAKE_A_COLUMN}",
                )
        if dimension.column:
            if away:
                self._declare(at, dimension.column)
            return column_node(dimension.column, at.table if away else "")
        if away:
            raise DefinitionError(
                f"the dimension {dimension.name!r} of {at.name!r} is the expression {dimension.expression!r}, and it "
                "is another table's",
                hint=MAKE_A_COLUMN,
            )
        return exp.Paren(this=parsed(dimension.expression))

    def _declare(self, model: Model, column: str) -> None:
        """A condition on another table's column needs it to be a dimension there."""
        dimensions = self.draft.tables[model.table].setdefault("dimensions", [])
        if column not in dimensions:
            dimensions.append(column)


def read_models(draft: Draft, manifest: Mapping[str, Any]) -> Models:
    """The models of the manifest; their tables go into the draft."""
    models = Models(draft=draft)
    said = listed(manifest.get("semantic_models"))
    twice = {name for name, count in Counter(text_of(item.get("name")) for item in said).items() if count > 1}
    for item in said:
        name = text_of(item.get("name"))
        place = f"semantic_models.{name}"
        draft.unread(place, item, _MODEL_KEYS)
        draft.strays(place, item, ("entities", "dimensions", "measures"))
        problem = f"there are two semantic models of the name {name!r}" if name in twice else _where_it_is(models, item)
        if problem:
            models.left[name] = problem
            draft.left_out("semantic model", name, place, problem, "declare the table by hand, under `tables:`")
        else:
            models.models[name] = _read(draft, item, place)
    _own(models)
    times = _times(models, listed(manifest.get("metrics")))
    for model in models.models.values():
        _declare_table(models, model, times[model.name])
    return models


def _where_it_is(models: Models, said: Mapping[str, Any]) -> str:
    """What is wrong with the table that the model is of; empty for nothing."""
    table = _table(said)
    if not table:
        return "it does not say which table it is of (`node_relation`)"
    same = [model.name for model in models.models.values() if model.table == table]
    return (
        f"its table {table!r} is the semantic model {same[0]!r} already, and a table is declared once" if same else ""
    )


def _table(said: Mapping[str, Any]) -> str:
    return text_of(part(said, "node_relation").get("alias"))


def _read(draft: Draft, said: Mapping[str, Any], place: str) -> Model:
    model = Model(name=text_of(said.get("name")), table=_table(said), said=said)
    for entity in listed(said.get("entities")):
        name = text_of(entity.get("name"))
        draft.unread(f"{place}.entities.{name}", entity, _ENTITY_KEYS)
        column = plain_column(text_of(entity.get("expr")) or name)
        model.entities[name] = (text_of(entity.get("type")), column)
        if not column:
            reason = f"its id is the expression {text_of(entity.get('expr'))!r}, not a column"
            draft.left_out("entity", name, f"{place}.entities.{name}", reason, MAKE_A_COLUMN)
    for item in listed(said.get("dimensions")):
        name = text_of(item.get("name"))
        draft.unread(f"{place}.dimensions.{name}", item, _DIMENSION_KEYS)
        grain = text_of(part(item, "type_params").get("time_granularity")).lower() or "day"
        time = text_of(item.get("type")) == "time"
        expression = text_of(item.get("expr")) or name
        model.dimensions[name] = Dimension(
            name=name, expression=expression, time=time, granularity=grain if time else ""
        )
    return model


def _own(models: Models) -> None:
    """Gives each entity its own table: primary before unique before natural, in the manifest's order."""
    for kind in OWNING:
        for model in models.models.values():
            for name, (its, column) in model.entities.items():
                if its == kind and column and not model.entity and name not in models.owners:
                    model.entity = name
                    models.owners[name] = model


def _times(models: Models, metrics: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Model -> the dimension that dates its table: its default, else what most of its measures and metrics say."""
    found: dict[str, Counter[str]] = {name: Counter() for name in models.models}
    for metric in metrics:
        said = part(part(metric, "type_params"), "metric_aggregation_params")
        found.get(text_of(said.get("semantic_model")), Counter())[text_of(said.get("agg_time_dimension"))] += 1
    times = {}
    for name, model in models.models.items():
        for measure in listed(model.said.get("measures")):
            found[name][text_of(measure.get("agg_time_dimension"))] += 1
        counted = sorted(((-count, item) for item, count in found[name].items() if item), key=lambda pair: pair)
        times[name] = model.default_time or (counted[0][1] if counted else "")
    return times


def _declare_table(models: Models, model: Model, time: str) -> None:
    draft, place = models.draft, f"semantic_models.{model.name}"
    table: dict[str, Any] = {}
    notes = _keys(models, model, table)
    if time and time in model.dimensions:
        model.time = time
        if model.dimensions[time].column:
            table["time"] = model.dimensions[time].column
        else:
            expression = model.dimensions[time].expression
            notes.append(f"its time {time!r} is the expression {expression!r}, so its rows are placed in no period")
    elif time:
        notes.append(f"it has no dimension {time!r}, which should date its rows")
    history = _history(model)
    if history:
        table["history"] = history
    dimensions = _dimensions(draft, model, place, {*(history or {}).values(), table.get("time", "")})
    if dimensions:
        table["dimensions"] = dimensions
    if description := text_of(model.said.get("description")):
        table["description"] = description
    draft.tables[model.table] = table
    draft.carried("semantic model", model.name, place, now=model.table, notes=notes)
    if part(model.said, "config").get("meta"):
        draft.left_out("key", "meta", f"{place}.config", "notes of the company's own have no place here")


def _keys(models: Models, model: Model, table: dict[str, Any]) -> list[str]:
    """Writes key, entity, entities and one_to_one; returns what of them differs."""
    notes: list[str] = []
    if model.entity:
        table.update(key=model.entities[model.entity][1], entity=model.entity)
    references: dict[str, str] = {}
    unique: list[str] = []
    for name, (kind, column) in model.entities.items():
        if name == model.entity or not column:
            continue
        references[name] = column
        if kind == "foreign":
            continue
        if kind != "natural":
            unique.append(name)
            table.setdefault("key", column)
        owner = models.owners.get(name)
        if owner is None:
            notes.append(f"no table can refer to its {kind} entity {name!r}: a table is one entity's own table here")
        else:
            notes.append(
                f"its dimensions are not reached through {name!r}: the own table of {name!r} is {owner.table!r}"
            )
    if references:
        table["entities"] = references
    if unique:
        table["one_to_one"] = unique
    return notes


def _history(model: Model) -> dict[str, str] | None:
    """The columns between which a row of a slowly changing table is valid."""
    found: dict[str, str] = {}
    for item in listed(model.said.get("dimensions")):
        validity = part(part(item, "type_params"), "validity_params")
        column = model.dimensions[text_of(item.get("name"))].column
        if validity.get("is_start"):
            found["valid_from"] = column
        if validity.get("is_end"):
            found["valid_to"] = column
    return found if len(found) == 2 and all(found.values()) else None


def _dimensions(draft: Draft, model: Model, place: str, used: set[str]) -> list[str]:
    columns: list[str] = []
    for said in listed(model.said.get("dimensions")):
        dimension = model.dimensions[text_of(said.get("name"))]
        at = f"{place}.dimensions.{dimension.name}"
        if not dimension.column:
            reason = f"it is the expression {dimension.expression!r}, and a dimension is a column here"
            draft.left_out("dimension", dimension.name, at, reason, MAKE_A_COLUMN)
            continue
        if dimension.time:
            _time_dimension(draft, dimension, at, used)
        else:
            columns.append(dimension.column)
            draft.carried("dimension", dimension.name, at, now=dimension.column, notes=_partition(said))
    return list(dict.fromkeys(columns))


def _partition(said: Mapping[str, Any]) -> Sequence[str]:
    return ("tables are not joined by partition as well",) if said.get("is_partition") else ()


def _time_dimension(draft: Draft, dimension: Dimension, at: str, used: set[str]) -> None:
    if dimension.column in used:
        draft.carried("dimension", dimension.name, at, now=dimension.column)
    else:
        reason = "only the time that dates a metric's rows is asked by day, week, month, quarter or year"
        nearest = f"`time: {dimension.column}` on a metric; or list {dimension.column} under `dimensions:`"
        draft.left_out("time dimension", dimension.name, at, reason, nearest)
