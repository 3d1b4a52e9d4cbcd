"""Reads Apache Ossie (incubating; formerly Open Semantic Interchange): a semantic model in YAML or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from steelyard.errors import DefinitionError
from steelyard.metrics.importing.draft import Draft, listed, text_of
from steelyard.metrics.importing.imported import Imported
from steelyard.metrics.importing.ossie_datasets import read_datasets, read_relationships
from steelyard.metrics.importing.ossie_metrics import OssieMetrics

__all__ = ["FORMAT", "import_ossie", "is_ossie"]

FORMAT = "Apache Ossie"
_MODEL_KEYS = ("name", "description", "ai_context", "datasets", "relationships", "metrics", "custom_extensions")
_ROOT_KEYS = ("version", "semantic_model", "dialects", "vendors", *_MODEL_KEYS)
_KNOWN = re.compile(r"0\.[12]\.\d+([.-]?\w+)?")
_EMPTY = "a group or period without a value is 0 here for sums and counts, and the top of a ratio"
_TIMES = (
    "Ossie does not say by which time a metric's rows count; each is dated by its table's `time`, where there is one"
)
_BY_DBT = (
    "dbt-core writes cumulative metrics, balances and offsets as plain sums into this file; its semantic_manifest.json "
    "has them whole: import that"
)
_JOINS = "Ossie does not say how it joins (apache/ossie, issue 290); here no join repeats a row, and a key is proved"


def is_ossie(data: Mapping[str, Any]) -> bool:
    """Whether the data has the shape of an Ossie document: models in a list, or one at the root."""
    return "semantic_model" in data or ("datasets" in data and "version" in data)


def import_ossie(data: Mapping[str, Any], source: str) -> Imported:
    """The document as our definitions, with an account of everything in it.

    Args:
        data: The YAML or JSON.
        source: The file, as it is shown in messages.

    Raises:
        DefinitionError: It is no Ossie document, or of a version that is not known.

    >>> orders = {"name": "orders", "source": "shop.public.orders", "fields": []}
    >>> made = import_ossie({"version": "0.2.0.dev0", "name": "shop", "datasets": [orders]}, "shop.yaml")
    >>> made.tables
    {'orders': {}}
    """
    models = list(_models(data, source))
    draft = Draft(source, FORMAT)
    for name, says in (("empty groups", _EMPTY), ("times", _TIMES), ("joins", _JOINS)):
        draft.carried("convention", name, "", notes=(says,))
    if PurePath(source).name == "osi_document.json":
        draft.carried("convention", "written by dbt", "", notes=(_BY_DBT,))
    draft.unread("", data, _ROOT_KEYS)
    if isinstance(data.get("semantic_model"), list):
        draft.strays("", data, ("semantic_model",))
    for number, model in enumerate(models):
        place = f"semantic_model[{number}]"
        draft.unread(place, model, _ROOT_KEYS if model is data else _MODEL_KEYS)
        draft.strays(place, model, ("datasets", "relationships", "metrics"))
        datasets = read_datasets(draft, model, place)
        read_relationships(draft, datasets, model, place)
        OssieMetrics(draft, datasets, model, place).run()
        _beside(draft, model, place)
    return draft.finished()


def _models(data: Mapping[str, Any], source: str) -> Iterator[Mapping[str, Any]]:
    if not is_ossie(data):
        hint = "it has `version:` and `semantic_model:`, or `version:`, `name:` and `datasets:`"
        raise DefinitionError("this is no Ossie document", where=source, hint=hint)
    version = text_of(data.get("version"))
    if not _KNOWN.fullmatch(version):
        said = f"of the version {version!r}" if version else "of no stated version"
        hint = "known are 0.1.x and 0.2.x; another may mean something else by the same words"
        raise DefinitionError(f"the Ossie document is {said}", where=source, hint=hint)
    if "semantic_model" not in data:
        yield data
        return
    said = data["semantic_model"]
    models = [said] if isinstance(said, dict) else listed(said)
    if not models:
        raise DefinitionError(
            "the Ossie document has no semantic model", where=source, hint="write it under `semantic_model:`"
        )
    yield from models


def _beside(draft: Draft, model: Mapping[str, Any], place: str) -> None:
    """What the document says beside tables and metrics: words for machines, and what vendors added."""
    count = _counted(model, "ai_context")
    if count:
        reason = f"{count} places tell machines synonyms, examples or instructions, and nothing here does"
        draft.left_out("key", "ai_context", place, reason, "`description:` and `question:`, for people")
    vendors = sorted(set(_vendors(model)))
    if vendors:
        reason = f"what {', '.join(vendors)} added has a meaning only there"
        draft.left_out("key", "custom_extensions", place, reason)
    labels = _counted(model, "label")
    if labels:
        draft.left_out("key", "label", place, f"{labels} fields have a label, and a column is shown by its name")


def _walk(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(item)


def _counted(model: Mapping[str, Any], key: str) -> int:
    return sum(1 for item in _walk(model) if item.get(key))


def _vendors(model: Mapping[str, Any]) -> Iterator[str]:
    for item in _walk(model):
        for extension in listed(item.get("custom_extensions")):
            yield text_of(extension.get("vendor_name")) or "a vendor"
