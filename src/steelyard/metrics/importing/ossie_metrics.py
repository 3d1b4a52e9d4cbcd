"""The metrics of an Apache Ossie semantic model: SQL with aggregates, taken apart into metrics of our kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.importing.arithmetic import is_arithmetic, without_nullif
from steelyard.metrics.importing.condition import row_value, when_true
from steelyard.metrics.importing.draft import Draft, listed, text_of
from steelyard.metrics.importing.ossie_datasets import Dataset, Field, dialect_text
from steelyard.metrics.importing.row_expression import (
    MAKE_A_COLUMN,
    all_of,
    checked,
    column_node,
    divides,
    parsed,
)

__all__ = ["OssieMetrics"]

_KEYS = ("name", "expression", "description", "datatype", "ai_context", "custom_extensions")
_AGGREGATES = (exp.Sum, exp.Count, exp.Avg, exp.Median, exp.WithinGroup, exp.Filter)
_ACROSS = (
    "each side is counted over its own table, whether or not its rows are referred to; Ossie does not say how it joins"
)
_SIDES = ("sum", "count", "distinct")


@dataclass(frozen=True)
class _Made:
    """A part of an expression: a definition's keys, and what differs."""

    said: dict[str, Any]
    tables: frozenset[str]
    notes: tuple[str, ...] = ()


class OssieMetrics:
    """The metrics of one model on their way into a draft.

    Args:
        draft: Takes them.
        datasets: The datasets that were carried over, by name.
        model: The model.
        place: Where it is in the source.
    """

    def __init__(self, draft: Draft, datasets: Mapping[str, Dataset], model: Mapping[str, Any], place: str) -> None:
        self.draft, self.datasets, self.place = draft, datasets, place
        said = listed(model.get("metrics"))
        count = Counter(text_of(item.get("name")) for item in said)
        self.twice = {name for name, number in count.items() if number > 1}
        self.said = {text_of(item.get("name")): item for item in said}
        self.names = {name: draft.name(name) for name in self.said}
        self.made: dict[str, _Made | SteelyardError] = {}
        self.open: list[str] = []
        self.columns: list[str] = []

    def run(self) -> None:
        """Brings every metric into the draft, or says why it was left out."""
        for name, said in self.said.items():
            at = f"{self.place}.metrics.{name}"
            self.draft.unread(at, said, _KEYS)
            try:
                made = self._named(name)
            except SteelyardError as error:
                self.draft.refused("metric", name, at, error)
            else:
                self.draft.carried("metric", name, at, now=self.names[name], notes=made.notes)

    def _named(self, name: str) -> _Made:
        if name in self.open:
            raise DefinitionError(f"it goes in a circle: {' -> '.join((*self.open[self.open.index(name) :], name))}")
        if name not in self.made:
            self.open.append(name)
            try:
                made = self._metric(name)
                about = text_of(self.said[name].get("description"))
                self.draft.metrics[self.names[name]] = made.said | ({"description": about} if about else {})
                self.made[name] = made
            except SteelyardError as error:
                self.made[name] = error
            finally:
                self.open.pop()
        found = self.made[name]
        if isinstance(found, SteelyardError):
            raise found
        return found

    def _metric(self, name: str) -> _Made:
        if name in self.twice:
            raise DefinitionError(f"there are two metrics of the name {name!r}", hint="rename one in the source")
        text, problem = dialect_text(self.said[name].get("expression"))
        if problem:
            raise DefinitionError(problem)
        tree = parsed(text).unnest()
        if isinstance(tree, _AGGREGATES):
            return self._aggregate(tree)
        if isinstance(tree, exp.Div) and (found := self._ratio(tree)) is not None:
            return found
        return self._derived(tree, name)

    def _ratio(self, tree: exp.Div) -> _Made | None:
        """A ratio of two aggregates; None where a side is anything else."""
        above, below = tree.this.unnest(), without_nullif(tree.expression).unnest()
        if not (isinstance(above, _AGGREGATES) and isinstance(below, _AGGREGATES)):
            return None
        sides = [self._aggregate(side) for side in (above, below)]
        if any(next(iter(side.said)) not in _SIDES for side in sides):
            return None
        across = (_ACROSS,) if sides[0].tables != sides[1].tables else ()
        said = {"ratio": {"numerator": sides[0].said, "denominator": sides[1].said}}
        return _Made(said, sides[0].tables | sides[1].tables, (*sides[0].notes, *sides[1].notes, *across))

    def _derived(self, tree: exp.Expr, name: str) -> _Made:
        """Arithmetic over aggregates, each of which becomes a metric, and over other metrics."""
        parts: list[_Made] = []

        def write(node: exp.Expr) -> exp.Expr:
            if isinstance(node, _AGGREGATES):
                made = self._aggregate(node)
                parts.append(made)
                return exp.column(self._part(made, name))
            if isinstance(node, exp.Column):
                parts.append(self._other(node))
                return exp.column(self.names[node.name])
            if not is_arithmetic(node):
                hint = "compute it where the numbers are read"
                raise DefinitionError(
                    f"{node.sql()!r} is no sum, count, mean, quantile or arithmetic of them", hint=hint
                )
            copied = node.copy()
            for key, value in node.args.items():
                if isinstance(value, exp.Expr):
                    copied.set(key, write(value))
            return copied

        def divided(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Div):
                return exp.Div(this=node.this, expression=without_nullif(node.expression))
            return node

        text = write(tree.transform(divided)).sql(dialect="duckdb")
        if not parts:
            raise DefinitionError(f"{text!r} aggregates nothing")
        tables = frozenset(table for made in parts for table in made.tables)
        notes = [note for made in parts for note in made.notes]
        notes += [_ACROSS] if len(tables) > 1 else []
        notes += ["it is NULL where it divides by 0"] if divides(tree) else []
        return _Made({"derived": text}, tables, tuple(dict.fromkeys(notes)))

    def _other(self, node: exp.Column) -> _Made:
        if node.table or node.name not in self.said:
            raise DefinitionError(f"{node.sql()!r} stands outside of every aggregate", hint="aggregate it")
        return self._named(node.name)

    def _part(self, made: _Made, name: str) -> str:
        """The metric that is exactly this aggregate; made where there is none."""
        for now, said in self.draft.metrics.items():
            if {key: value for key, value in said.items() if key != "description"} == made.said:
                return now
        return self.draft.helper(f"{self.names[name]}_part", made.said)

    # Aggregates

    def _aggregate(self, node: exp.Expr) -> _Made:
        conditions: list[exp.Expr] = []
        self.columns = []
        while isinstance(node, exp.Filter):
            conditions.append(node.expression.this)
            node = node.this
        value, node = self._subject(node, conditions)
        if value is not None and (found := _chosen(value)) is not None:
            conditions.append(found[0])
            value = found[1]
        made = self._write(node, value, conditions)
        return replace(made, notes=(*made.notes, *dict.fromkeys(self.columns)))

    def _subject(self, node: exp.Expr, conditions: list[exp.Expr]) -> tuple[exp.Expr | None, exp.Expr]:
        """What is aggregated; None for whole rows."""
        if isinstance(node, exp.WithinGroup):
            order = node.expression.expressions[0] if isinstance(node.expression, exp.Order) else None
            if order is None or order.args.get("desc"):
                raise DefinitionError(f"{node.sql()!r} is ordered from the largest")
            return order.this, node
        value = node.this
        if isinstance(value, exp.Star):
            return None, node
        if isinstance(value, exp.Distinct):
            if isinstance(node, exp.Count) and len(value.expressions) == 1:
                return value.expressions[0], node
            raise DefinitionError(f"{node.sql()!r} is a distinct aggregate of a kind that is not there")
        return value, node

    def _write(self, node: exp.Expr, value: exp.Expr | None, conditions: list[exp.Expr]) -> _Made:
        distinct = isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct)
        whole = value is None or (isinstance(value.unnest(), exp.Literal) and value.unnest().name == "1")
        rows = whole and isinstance(node, exp.Sum | exp.Count) and not distinct
        dataset = self._dataset_of([*([] if rows or value is None else [value]), *conditions], node)
        wheres = [when_true(self._replaced(tree, dataset, own=False)) for tree in conditions]
        if rows or value is None:
            return self._rows(dataset, wheres)
        own = row_value(self._replaced(value, dataset, own=True))
        notes = ("what divides by 0 is NULL here, and whole numbers are divided as fractions",) if divides(own) else ()
        if isinstance(node, exp.Count) and not distinct:
            bare = row_value(self._replaced(value, dataset, own=False))
            bare = bare if isinstance(bare, exp.Column) else exp.Paren(this=bare)
            return self._rows(dataset, [*wheres, exp.Not(this=exp.Is(this=bare, expression=exp.null()))])
        said = _kind(node, checked(own), distinct=distinct)
        return self._limited(said, wheres, dataset, notes)

    def _rows(self, dataset: Dataset, wheres: list[exp.Expr]) -> _Made:
        return self._limited({"count": dataset.table}, wheres, dataset, ())

    def _limited(self, said: dict[str, Any], wheres: list[exp.Expr], dataset: Dataset, notes: tuple[str, ...]) -> _Made:
        where = all_of(wheres)
        return _Made(said | ({"where": where} if where else {}), frozenset({dataset.table}), notes)

    # Fields

    def _dataset_of(self, trees: list[exp.Expr], node: exp.Expr) -> Dataset:
        """The dataset whose rows an aggregate is of: that of its value, which its conditions may look beyond."""
        for tree in trees:
            names = {column.table or self._owner(column.name) for column in tree.find_all(exp.Column)}
            if len(names) > 1 and tree is trees[0]:
                raise DefinitionError(f"{node.sql()!r} mixes the rows of {' and '.join(sorted(names))}")
            if names:
                return self._dataset(names.pop())
        if len(self.datasets) == 1:
            return next(iter(self.datasets.values()))
        raise DefinitionError(
            f"{node.sql()!r} does not say of which dataset",
            hint="count a column of it, such as its key, in the source",
        )

    def _dataset(self, name: str) -> Dataset:
        if name not in self.datasets:
            raise unknown_name("dataset", name, self.datasets)
        return self.datasets[name]

    def _owner(self, column: str) -> str:
        """The one dataset that has a field of this name."""
        having = [name for name, dataset in self.datasets.items() if column in dataset.fields]
        having = having or [name for name, dataset in self.datasets.items() if column in dataset.physical]
        if len(having) != 1:
            known = [item for dataset in self.datasets.values() for item in dataset.fields]
            if not having:
                raise unknown_name("field", column, known)
            raise DefinitionError(f"{column!r} is a field of {' and '.join(having)}")
        return having[0]

    def _replaced(self, tree: exp.Expr, dataset: Dataset, *, own: bool) -> exp.Expr:
        """The tree with fields replaced by columns; those of the dataset itself with its table's name if `own`."""

        def write(node: exp.Expr) -> exp.Expr:
            return self._column(node, dataset, own=own) if isinstance(node, exp.Column) else node

        return tree.transform(write)

    def _column(self, node: exp.Column, dataset: Dataset, *, own: bool) -> exp.Expr:
        at = self._dataset(node.table or self._owner(node.name))
        field = at.fields.get(node.name)
        if field is None:
            # dbt-core writes the columns of the table where the specification has fields.
            field = Field(name=node.name, expression=column_node(node.name).sql(dialect="duckdb"))
            if node.name not in at.physical:
                self.columns.append(f"{node.name!r} is no field of {at.name!r}, and is taken for a column of its table")
        if field.problem:
            raise DefinitionError(f"its field {node.name!r}: {field.problem}")
        home = at is dataset
        if field.column:
            if not home:
                self._declare(at, field.column)
            return column_node(field.column, at.table if own or not home else "")
        if not home:
            raise DefinitionError(f"the field {node.name!r} of {at.name!r} is an expression", hint=MAKE_A_COLUMN)
        inner = parsed(field.expression)
        if any(column.table for column in inner.find_all(exp.Column)):
            raise DefinitionError(f"the field {node.name!r} of {at.name!r} names a table", hint=MAKE_A_COLUMN)
        named = inner.transform(
            lambda part: column_node(part.name, at.table if own else "") if isinstance(part, exp.Column) else part
        )
        return exp.Paren(this=named)

    def _declare(self, dataset: Dataset, column: str) -> None:
        """A condition on another table's column needs it to be a dimension there."""
        dimensions = self.draft.tables[dataset.table].setdefault("dimensions", [])
        if column not in dimensions:
            dimensions.append(column)


def _chosen(value: exp.Expr) -> tuple[exp.Expr, exp.Expr] | None:
    """Of `CASE WHEN c THEN v END`, the condition and the value: an aggregate of it is one of v over the rows with c."""
    value = value.unnest()
    if not isinstance(value, exp.Case) or value.this is not None or value.args.get("default") is not None:
        return None
    if len(value.args["ifs"]) != 1:
        return None
    branch = value.args["ifs"][0]
    return branch.this, branch.args["true"]


def _kind(node: exp.Expr, of: str, *, distinct: bool) -> dict[str, Any]:
    if distinct:
        return {"distinct": of}
    if isinstance(node, exp.Sum):
        return {"sum": of}
    if isinstance(node, exp.Avg):
        return {"mean": of}
    if isinstance(node, exp.Median):
        return {"quantile": {"of": of, "share": 0.5}}
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        share = node.this.this
        if isinstance(share, exp.Literal) and not share.is_string and 0 <= float(share.name) <= 1:
            return {"quantile": {"of": of, "share": float(share.name)}}
    hint = f"`quantile: {{of: {of}, share: ...}}`, which lies between two values"
    raise DefinitionError(f"{node.sql()!r} is no sum, count, mean or continuous percentile", hint=hint)
