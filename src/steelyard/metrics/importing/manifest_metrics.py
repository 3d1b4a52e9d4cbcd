"""The metrics of a dbt semantic manifest: simple, ratio, derived and cumulative; what has no equal is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.importing.arithmetic import arithmetic
from steelyard.metrics.importing.draft import Draft, listed, part, text_of
from steelyard.metrics.importing.manifest_measures import ADDING, SIDES, Aggregate, read_aggregate
from steelyard.metrics.importing.manifest_models import Models
from steelyard.metrics.importing.row_expression import parsed

__all__ = ["MetricImport"]

_METRIC_KEYS = (
    "name", "description", "type", "datatype", "type_params", "filter", "metadata", "label", "config", "meta", "tags",
    "time_granularity",
)  # fmt: skip
_WINDOW_DAYS = {"day": 1, "week": 7}
_PERIODS = ("week", "month", "quarter", "year")
_FIRST = "for longer periods than a day it is the value of the last day, where MetricFlow takes {}"
_LAST = "that of the last day whose window has a row"
_WINDOWED = (*ADDING, "distinct")
"""Kinds whose windows are worked out from the window's rows."""
Filters = tuple[str, ...]


class MetricImport:
    """The metrics on their way into a draft; what one of them needs comes before it.

    Args:
        draft: Takes them.
        models: The semantic models.
        manifest: The manifest.
    """

    def __init__(self, draft: Draft, models: Models, manifest: Mapping[str, Any]) -> None:
        self.draft, self.models = draft, models
        said = listed(manifest.get("metrics"))
        count = Counter(text_of(item.get("name")) for item in said)
        self.twice = {name for name, number in count.items() if number > 1}
        self.said = {text_of(item.get("name")): item for item in said}
        self.measures = {
            text_of(measure.get("name")): (model, measure)
            for model in listed(manifest.get("semantic_models"))
            for measure in listed(model.get("measures"))
        }
        self.made: dict[tuple[str, Filters], str | SteelyardError] = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.based: dict[str, Aggregate] = {}
        self.open: list[str] = []
        self.names = {name: draft.name(name) for name in self.said}

    def run(self) -> None:
        """Brings every metric into the draft, or says why it was left out."""
        for name, said in self.said.items():
            place = f"metrics.{name}"
            try:
                now = self.named(name)
            except SteelyardError as error:
                self.draft.refused("metric", name, place, error)
            else:
                self.draft.carried("metric", name, place, now=now, notes=self.notes.get(now, ()))
            self._rest(place, said)
        self._unused()

    def _rest(self, place: str, said: Mapping[str, Any]) -> None:
        self.draft.unread(place, said, _METRIC_KEYS)
        if grain := text_of(said.get("time_granularity")):
            reason = f"a question names its own grain, and none is asked by {grain} unless it says so"
            self.draft.left_out("key", "time_granularity", place, reason, f"`--by {grain}`")
        if part(said, "config").get("meta"):
            self.draft.left_out("key", "meta", place, "notes of the company's own have no place here")

    def _unused(self) -> None:
        """Measures that no metric names: nothing here asks a measure without a metric."""
        used = {text_of(part(part(item, "type_params"), "measure").get("name")) for item in self.said.values()}
        used |= {
            text_of(measure.get("name"))
            for item in self.said.values()
            for measure in listed(part(item, "type_params").get("input_measures"))
        }
        for name, (model, _) in self.measures.items():
            if name not in used and name not in self.names:
                place = f"semantic_models.{text_of(model.get('name'))}.measures.{name}"
                self.draft.left_out("measure", name, place, "no metric uses it", "write a metric of it")

    # One metric

    def named(self, name: str, filters: Filters = (), wanted: str = "") -> str:
        """The name in the draft of a metric, of fewer rows where there are filters.

        Args:
            name: Its name in the manifest.
            filters: Templates that are to be true as well.
            wanted: What the metric of fewer rows may be called.

        Raises:
            DefinitionError: It cannot be carried over.
        """
        if name not in self.said:
            raise unknown_name("metric", name, self.said)
        if name in self.open:
            raise DefinitionError(f"it goes in a circle: {' -> '.join((*self.open[self.open.index(name) :], name))}")
        key = (name, filters)
        if key not in self.made:
            self.open.append(name)
            try:
                self.made[key] = self._write(name, filters, wanted)
            except SteelyardError as error:
                self.made[key] = error
            finally:
                self.open.pop()
        made = self.made[key]
        if isinstance(made, SteelyardError):
            raise made
        return made

    def _needed(self, name: str, filters: Filters = (), wanted: str = "") -> str:
        """The same, for a metric that needs it."""
        try:
            return self.named(name, filters, wanted)
        except SteelyardError as error:
            if error.problem.startswith("it goes in a circle"):
                raise
            raise DefinitionError(f"it needs {name!r}, which is not carried over: {error.problem}") from error

    def _write(self, name: str, filters: Filters, wanted: str) -> str:
        if name in self.twice:
            raise DefinitionError(f"there are two metrics of the name {name!r}", hint="rename one in the source")
        said = self.said[name]
        kind = text_of(said.get("type")).lower()
        kinds: dict[str, Callable[[str, Filters], tuple[dict[str, Any], Iterable[str]]]] = {
            "simple": self._simple,
            "ratio": self._ratio,
            "derived": self._derived,
            "cumulative": self._cumulative,
            "conversion": self._conversion,
        }
        if kind not in kinds:
            raise unknown_name("type of metric", kind, kinds)
        definition, notes = kinds[kind](name, (*_templates(said.get("filter")), *filters))
        if filters:
            now = self.draft.helper(wanted or f"{self.names[name]}_filtered", definition)
        else:
            now = self.names[name]
            self.draft.metrics[now] = definition | _about(said)
        self.notes[now] = tuple(dict.fromkeys(notes))
        return now

    def _rests_on(self, *names: str) -> list[str]:
        return [f"it rests on {name}, which differs" for name in dict.fromkeys(names) if self.notes.get(name)]

    # Its kinds

    def aggregate(self, name: str, filters: Filters) -> Aggregate:
        """A simple metric as one aggregate, of the rows that all filters find."""
        params = part(self.said[name], "type_params")
        measure = part(params, "measure")
        if measure:
            found = self._of_measure(measure)
            return found.filtered(self.models, filters)
        said = part(params, "metric_aggregation_params")
        if not said:
            raise DefinitionError(f"the simple metric {name!r} has neither a measure nor an aggregation")
        model = self.models.model(text_of(said.get("semantic_model")))
        found = read_aggregate(self.models, {**said, "expr": params.get("expr")}, model, name)
        return _filled(found.filtered(self.models, filters), params)

    def _of_measure(self, measure: Mapping[str, Any]) -> Aggregate:
        name = text_of(measure.get("name"))
        if name not in self.measures:
            raise unknown_name("measure", name, self.measures)
        model, said = self.measures[name]
        found = read_aggregate(self.models, said, self.models.model(text_of(model.get("name"))), name)
        return _filled(found.filtered(self.models, _templates(measure.get("filter"))), measure)

    def _simple(self, name: str, filters: Filters) -> tuple[dict[str, Any], Iterable[str]]:
        found = self.aggregate(name, filters)
        return found.said(), found.notes

    def _ratio(self, name: str, filters: Filters) -> tuple[dict[str, Any], Iterable[str]]:
        params = part(self.said[name], "type_params")
        sides = [self._input(params.get(side), side) for side in ("numerator", "denominator")]
        if all(self._is_side(text_of(side["name"])) for side in sides):
            written, notes = zip(*(self._side(side, filters) for side in sides), strict=True)
            ratio = dict(zip(("numerator", "denominator"), written, strict=True))
            return {"ratio": ratio}, [note for found in notes for note in found]
        over = [self._part(side, filters) for side in sides]
        return {"derived": f"{over[0]} / {over[1]}"}, self._rests_on(*over)

    def _is_side(self, name: str) -> bool:
        if name not in self.said or text_of(self.said[name].get("type")) != "simple" or name in self.twice:
            return False
        try:
            return self.aggregate(name, ()).kind in SIDES
        except SteelyardError:
            return False

    def _side(self, side: Mapping[str, Any], filters: Filters) -> tuple[Any, list[str]]:
        """A side of a ratio: the name of a metric, or the aggregate itself where it is of fewer rows."""
        name = text_of(side["name"])
        own = (*_templates(side.get("filter")), *filters)
        if not own:
            now = self._needed(name)
            return now, self._rests_on(now)
        found = self.aggregate(name, (*_templates(self.said[name].get("filter")), *own))
        return found.said(), list(found.notes)

    def _derived(self, name: str, filters: Filters) -> tuple[dict[str, Any], Iterable[str]]:
        params = part(self.said[name], "type_params")
        said = params.get("metrics")
        inputs = [self._input(item, "input") for item in (said if isinstance(said, list) else [])]
        parts = {text_of(item.get("alias")) or text_of(item["name"]): self._part(item, filters) for item in inputs}
        tree = parsed(text_of(params.get("expr")))
        text, notes = arithmetic(tree, parts)
        return {"derived": text}, [*notes, *self._rests_on(*parts.values())]

    def _part(self, item: Mapping[str, Any], filters: Filters) -> str:
        return self._needed(
            text_of(item["name"]), (*_templates(item.get("filter")), *filters), wanted=text_of(item.get("alias"))
        )

    def _input(self, said: Any, what: str) -> Mapping[str, Any]:
        item = {"name": said} if isinstance(said, str) else said
        if not isinstance(item, dict) or not text_of(item.get("name")):
            raise DefinitionError(f"its {what} is no metric")
        if item.get("offset_window"):
            window = item["offset_window"]
            ago = f"{window.get('count')} {window.get('granularity')}" if isinstance(window, dict) else str(window)
            raise DefinitionError(
                f"it takes {text_of(item['name'])!r} as it was {ago} before, and a metric is of one moment here",
                hint=f"ask {text_of(item['name'])} by that period and compare, or `steelyard explain`",
            )
        if item.get("offset_to_grain"):
            raise DefinitionError(
                f"it takes {text_of(item['name'])!r} as it was when the {item['offset_to_grain']} began",
                hint=f"`period_to_date: {{of: {text_of(item['name'])}, period: {item['offset_to_grain']}}}`",
            )
        return item

    def _cumulative(self, name: str, filters: Filters) -> tuple[dict[str, Any], Iterable[str]]:
        params = part(self.said[name], "type_params")
        nested = part(params, "cumulative_type_params")
        of = self._base(params.get("measure"), nested.get("metric"), filters)
        found = self.based[of]
        if found.kind not in _WINDOWED:
            raise DefinitionError(
                f"it is a window of {of!r}, and a {found.kind} has no window here", hint=f"ask {of} by the period"
            )
        window = nested.get("window") or params.get("window")
        to_date = text_of(nested.get("grain_to_date") or params.get("grain_to_date")).lower()
        first = text_of(nested.get("period_agg")).lower() or "first"
        theirs = {"first": "the first day's", "last": _LAST if window or to_date else ""}.get(first, "the average")
        notes = [_FIRST.format(theirs)] if theirs else []
        return self._window(of, window, to_date), [*notes, *self._rests_on(of)]

    def _window(self, of: str, window: Any, to_date: str) -> dict[str, Any]:
        if to_date:
            if to_date not in _PERIODS:
                raise DefinitionError(
                    f"it starts anew every {to_date}", hint=f"a period is one of {', '.join(_PERIODS)}"
                )
            return {"period_to_date": {"of": of, "period": to_date}}
        if not window:
            return {"cumulative": of}
        count, unit = _window_of(window)
        if unit not in _WINDOW_DAYS:
            raise DefinitionError(
                f"its window of {count} {unit} has no fixed number of days",
                hint=f"`rolling: {{of: {of}, days: ...}}`, or `period_to_date: {{of: {of}, period: {unit}}}`",
            )
        return {"rolling": {"of": of, "days": count * _WINDOW_DAYS[unit], "warm_up": "partial"}}

    def _base(self, measure: Any, metric: Any, filters: Filters) -> str:
        """The name in the draft of the metric that a window is over."""
        if isinstance(metric, dict | str) and metric:
            item = self._input(metric, "input metric")
            name = text_of(item["name"])
            now = self._part(item, filters)
            if text_of(self.said[name].get("type")) != "simple":
                raise DefinitionError(f"it is a window of {name!r}, which is not a simple metric")
            own = _templates(self.said[name].get("filter"))
            self.based[now] = self.aggregate(name, (*own, *_templates(item.get("filter")), *filters))
            return now
        measure = {"name": measure} if isinstance(measure, str) else measure
        if not isinstance(measure, dict) or not measure:
            raise DefinitionError("it is of no measure and of no metric")
        return self._measure_metric(measure, filters)

    def _measure_metric(self, measure: Mapping[str, Any], filters: Filters) -> str:
        """The name in the draft of the metric that is a measure and nothing else; made where there is none."""
        name = text_of(measure.get("name"))
        found = self._of_measure(measure).filtered(self.models, filters)
        said = found.said()
        for now, definition in self.draft.metrics.items():
            if {key: definition.get(key) for key in ("where", "time", *said)} == {"where": None, "time": None, **said}:
                self.based[now] = found
                return now
        same = [] if filters or measure.get("filter") else list(self._metrics_of(name))
        now = self._needed(same[0]) if same else self.draft.helper(name, said)
        if not same:
            self.notes[now] = found.notes
        self.based[now] = found
        return now

    def _conversion(self, name: str, filters: Filters) -> tuple[dict[str, Any], Iterable[str]]:
        params = part(part(self.said[name], "type_params"), "conversion_type_params")
        base = _input_name(params, "base_metric", "base_measure")
        then = _input_name(params, "conversion_metric", "conversion_measure")
        problem = (
            f"MetricFlow gives each {then!r} to the last {base!r} before it and divides by all {base!r}; "
            f"here a conversion is the share of {base!r} that a {then!r} follows"
        )
        if params.get("constant_properties"):
            problem += "; and it asks that properties of the two are the same"
        if text_of(params.get("calculation")) == "conversions":
            problem += "; and it is their number, not a share"
        within = ""
        if params.get("window"):
            count, unit = _window_of(params["window"])
            within = f", within: {count} {unit}s"
        nearest = (
            f"{self._simple_of(base)}, then: {self._simple_of(then)}, entity: {text_of(params.get('entity'))}{within}"
        )
        raise DefinitionError(problem, hint=f"`conversion: {{base: {nearest}}}`")

    def _simple_of(self, name: str) -> str:
        """The metric of a measure, for a hint."""
        if name in self.names:
            return self.names[name]
        return next((self.names[metric] for metric in self._metrics_of(name)), name)

    def _metrics_of(self, measure: str) -> Iterator[str]:
        """The simple metrics that are a measure and nothing else."""
        for name, item in self.said.items():
            its = part(part(item, "type_params"), "measure")
            plain = not item.get("filter") and not its.get("filter")
            if text_of(item.get("type")) == "simple" and text_of(its.get("name")) == measure and plain:
                yield name


def _input_name(params: Mapping[str, Any], *keys: str) -> str:
    return next((text_of(part(params, key).get("name")) for key in keys if part(params, key)), "?")


def _templates(said: Any) -> Filters:
    """The filters in any of the shapes that manifests have had: a text, a list, `where_filters`."""
    if isinstance(said, str):
        return (said,) if said.strip() else ()
    if isinstance(said, dict):
        known = next((key for key in ("where_sql_template", "where_filters") if key in said), None)
        if known is not None:
            return _templates(said[known])
    if said is None:
        return ()
    if not isinstance(said, list):
        raise DefinitionError(f"its filter {said!r} cannot be read")
    return tuple(text for item in said for text in _templates(item))


def _about(said: Mapping[str, Any]) -> dict[str, Any]:
    """The label and the description as one."""
    name, label, description = (text_of(said.get(key)) for key in ("name", "label", "description"))
    if label.lower().replace(" ", "_") == name.lower() or label in description:
        label = ""
    said_so = f"{label}: {description}" if label and description else label or description
    return {"description": said_so} if said_so else {}


def _filled(found: Aggregate, said: Mapping[str, Any]) -> Aggregate:
    """What is put in place of nothing: here always 0 for a sum or a count, and never anything else."""
    fill = said.get("fill_nulls_with")
    if fill is None or (fill == 0 and found.kind in ("sum", "count", "distinct", "balance")):
        return found
    note = f"what is not known is not filled with {fill}"
    return replace(found, notes=(*found.notes, note))


def _window_of(said: Any) -> tuple[int, str]:
    """How many of which unit."""
    if isinstance(said, str):
        count, _, unit = said.partition(" ")
        said = {"count": count, "granularity": unit}
    try:
        return int(said["count"]), str(said["granularity"]).lower().rstrip("s")
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise DefinitionError(f"{said!r} is no window") from error
