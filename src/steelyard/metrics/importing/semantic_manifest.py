"""Reads dbt's semantic manifest (MetricFlow's format): `target/semantic_manifest.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.errors import DefinitionError, SteelyardError
from steelyard.metrics.importing.draft import Draft, listed, part, text_of
from steelyard.metrics.importing.filter_template import parse_item
from steelyard.metrics.importing.imported import Imported
from steelyard.metrics.importing.manifest_metrics import MetricImport
from steelyard.metrics.importing.manifest_models import read_models

__all__ = ["FORMAT", "import_semantic_manifest", "is_semantic_manifest"]

FORMAT = "dbt semantic manifest"
_KEYS = ("semantic_models", "metrics", "project_configuration", "saved_queries")
_EMPTY = (
    "a group or period without a value is 0 here for sums and counts, and the top of a ratio; in MetricFlow it is NULL "
    "unless fill_nulls_with says otherwise"
)
_DAYS = "days are those of the project's zone, and weeks begin on its first day; in MetricFlow both are the warehouse's"
_PERIODS = (
    "periods without rows are rows here, as if every metric had join_to_timespine, from the first to the last day that "
    "the data has; in MetricFlow a cumulative metric goes on to the end of the range; `fill=False` leaves them out"
)


def is_semantic_manifest(data: Mapping[str, Any]) -> bool:
    """Whether the data has the shape of a semantic manifest."""
    return isinstance(data.get("semantic_models"), list) and isinstance(data.get("metrics"), list)


def import_semantic_manifest(data: Mapping[str, Any], source: str) -> Imported:
    """The manifest as our definitions, with an account of everything in it.

    Args:
        data: The JSON.
        source: The file, as it is shown in messages.

    Raises:
        DefinitionError: It is no semantic manifest, or of a version that is not known.

    >>> made = import_semantic_manifest({"semantic_models": [], "metrics": []}, "semantic_manifest.json")
    >>> made.metrics, [item.name for item in made.of("differs")]
    ({}, ['empty groups', 'empty periods', 'days and weeks'])
    """
    _check(data, source)
    draft = Draft(source, FORMAT)
    draft.carried("convention", "empty groups", "", notes=(_EMPTY,))
    draft.carried("convention", "empty periods", "", notes=(_PERIODS,))
    draft.carried("convention", "days and weeks", "", notes=(_DAYS,))
    draft.unread("", data, _KEYS)
    draft.strays("", data, ("semantic_models", "metrics", "saved_queries"))
    models = read_models(draft, data)
    MetricImport(draft, models, data).run()
    for query in listed(data.get("saved_queries")):
        _saved_query(draft, query)
    _configuration(draft, part(data, "project_configuration"))
    return draft.finished()


def _check(data: Mapping[str, Any], source: str) -> None:
    if "nodes" in data and "metadata" in data:
        hint = "give target/semantic_manifest.json, which `dbt parse` writes beside it"
        raise DefinitionError("this is dbt's manifest.json, not its semantic manifest", where=source, hint=hint)
    if not is_semantic_manifest(data):
        hint = "`dbt parse` writes it to target/semantic_manifest.json"
        raise DefinitionError(
            "this is no semantic manifest: it lists no semantic models and metrics", where=source, hint=hint
        )
    version = part(part(data, "project_configuration"), "dsi_package_version")
    if version and text_of(version.get("major_version")) != "0":
        said = ".".join(text_of(version.get(key)) for key in ("major_version", "minor_version", "patch_version"))
        hint = "known are the versions 0.x; a later one may mean something else by the same words"
        raise DefinitionError(f"the manifest is of the version {said.strip('.')!r}", where=source, hint=hint)


def _saved_query(draft: Draft, said: Mapping[str, Any]) -> None:
    name = text_of(said.get("name"))
    params = part(said, "query_params")
    metrics, groups = (found if isinstance(found := params.get(key), list) else [] for key in ("metrics", "group_by"))
    words = ["steelyard query", *(text_of(item) for item in metrics)]
    for item in groups:
        try:
            found = parse_item(text_of(item))
        except SteelyardError:
            continue
        words.append(f"--by {found.grain or found.name}")
    reason = "a question is asked, and not kept"
    if params.get("where"):
        reason += "; its condition is for you to write, with --where"
    if said.get("exports"):
        reason += "; what it exports, `--output` writes"
    draft.left_out("saved query", name, f"saved_queries.{name}", reason, f"`{' '.join(words)}`")


def _configuration(draft: Draft, said: Mapping[str, Any]) -> None:
    for spine in listed(said.get("time_spines")):
        for item in listed(spine.get("custom_granularities")):
            name = text_of(item.get("name"))
            reason = "periods are day, week, month, quarter and year"
            nearest = "a dimension of a calendar table that the rows refer to"
            draft.left_out("custom granularity", name, "project_configuration.time_spines", reason, nearest)
        table = text_of(part(spine, "node_relation").get("alias"))
        draft.carried("time spine", table, "project_configuration.time_spines")
