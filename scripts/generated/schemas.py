"""JSON Schemas of the definition files, for editors: as strict as the reader, and as lenient."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, make_dataclass
from typing import Any, get_type_hints

from generated.markdown import fields_said, first_paragraph
from generated.yaml_keys import nested

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def schemas() -> dict[str, str]:
    """File name -> JSON Schema."""
    made = {
        "project": _project(),
        "sources": _sources(),
        "table": _table(),
        "metrics": _metrics(),
        "study": _study(),
        "dashboard": _dashboard(),
    }
    return {f"{name}.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in made.items()}


def _project() -> Schema:
    from steelyard.project.settings import Settings

    made = _Definitions()
    made.add(Settings, optional=("name",))
    return made.file("steelyard.toml", {"$ref": "#/$defs/Settings"})


def _sources() -> Schema:
    from steelyard.pipeline.source_definition import SourceDefinition
    from steelyard.pipeline.sources.reads import READS

    made = _Definitions()
    made.add(SourceDefinition, without=("name", "where", "reads"))
    common = made.parts.pop("SourceDefinition")
    for kind, cls in READS.items():
        made.add(cls)
        own = made.parts[cls.__name__]
        own["properties"] = {
            **_kind(kind),
            **own["properties"],
            **{k: v for k, v in common["properties"].items() if k != "kind"},
        }
        own["required"] = ["kind", *own.get("required", ())]
    made.parts["Source"] = _by_kind({kind: cls.__name__ for kind, cls in READS.items()})
    several = {"sources": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Source"}}}
    return made.file(
        "sources/*.yml: one source, or several under `sources:`",
        {
            "if": {"required": ["sources"]},
            "then": {"type": "object", "properties": several, "additionalProperties": False},
            "else": {"$ref": "#/$defs/Source"},
        },
    )


def _table() -> Schema:
    from steelyard.pipeline.table_definition import Header

    made = _Definitions()
    made.add(Header)
    return made.file("the header of tables/*.sql, its comment lines without the dashes", {"$ref": "#/$defs/Header"})


def _metrics() -> Schema:
    from steelyard.metrics.annotation import Annotation
    from steelyard.metrics.metric import Metric
    from steelyard.metrics.product.analyses import ANALYSES
    from steelyard.metrics.watching import Alert, Sink
    from steelyard.warehouse import TableDeclaration

    made = _Definitions()
    for cls in (Metric, Alert, Sink, *(kind.definition for kind in ANALYSES.values())):
        made.add(cls, without=("name", "defined_at"))
    made.add(Annotation, without=("defined_at",))
    made.add(TableDeclaration, without=("name", "where"))
    sections = {
        "tables": {"type": "object", "additionalProperties": {"$ref": "#/$defs/TableDeclaration"}},
        "metrics": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Metric"}},
        "trees": {"type": "object", "additionalProperties": {"type": "string"}},
        **{
            section: {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{kind.definition.__name__}"}}
            for section, kind in ANALYSES.items()
        },
        "alerts": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Alert"}},
        "annotations": {"type": "array", "items": {"$ref": "#/$defs/Annotation"}},
        "sinks": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Sink"}},
    }
    return made.file("metrics/*.yml", {"type": "object", "properties": sections, "additionalProperties": False})


def _study() -> Schema:
    from steelyard.project.kinds import STUDIES

    made = _Definitions()
    for cls in STUDIES:
        made.add(cls, optional=("name",))
        own = made.parts[cls.__name__]
        own["properties"] = {**_kind(cls.kind), **own["properties"]}
        own["required"] = ["kind", *own["required"]]
    return made.file(
        "studies/*.yml: the kinds that come with Steelyard", _by_kind({c.kind: c.__name__ for c in STUDIES})
    )


def _dashboard() -> Schema:
    from steelyard.dashboards import Dashboard, DashboardBlock

    made = _Definitions()
    made.add(Dashboard, without=("defined_at",), optional=("name",))
    made.add(DashboardBlock, without=("defined_at",))
    return made.file("dashboards/*.yml", {"$ref": "#/$defs/Dashboard"})


def _kind(kind: str) -> Schema:
    return {"kind": {"const": kind}}


def _by_kind(names: dict[str, str]) -> Schema:
    """A mapping whose other keys depend on its `kind`."""
    cases = [
        {"if": {"properties": _kind(kind), "required": ["kind"]}, "then": {"$ref": f"#/$defs/{name}"}}
        for kind, name in names.items()
    ]
    return {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": list(names)}}, "allOf": cases}


class _Definitions:
    """The `$defs` of one file."""

    def __init__(self) -> None:
        self.parts: dict[str, Schema] = {}

    def add(self, cls: type, *, without: Sequence[str] = (), optional: Sequence[str] = ()) -> None:
        """Adds a dataclass, and those inside it.

        Args:
            cls: The dataclass.
            without: Fields that a file does not give.
            optional: Fields that a file may leave out although the class asks for them.
        """
        import msgspec

        given = _only_given(cls, without) if without else cls
        found = msgspec.json.schema(given)["$defs"]
        for one in (cls, *nested(cls, without)):
            part = found[one.__name__]
            said = fields_said(one)
            part.pop("title", None)
            part["description"] = first_paragraph(one)
            part["additionalProperties"] = False
            part["required"] = [name for name in part.get("required", ()) if name not in optional]
            part["properties"] = {
                name: {"description": said[name], **_lenient(_tidy(schema))}
                for name, schema in part["properties"].items()
            }
            part |= _exactly_one(one)
            self.parts[one.__name__] = {key: value for key, value in part.items() if value != []}

    def file(self, says: str, schema: Schema) -> Schema:
        """The schema of a whole file."""
        return {
            "$schema": DRAFT,
            "description": f"Steelyard: {says}.",
            **schema,
            "$defs": dict(sorted(self.parts.items())),
        }


def _only_given(cls: type, without: Sequence[str]) -> type:
    """The class as a file may write it: without the fields that the reader fills in."""
    hints = get_type_hints(cls)
    kept = [item for item in fields(cls) if item.name not in without]
    return make_dataclass(cls.__name__, [(item.name, hints[item.name], item) for item in kept], kw_only=True)


def _exactly_one(cls: type) -> Schema:
    """Of these keys, exactly one is given."""
    from steelyard.dashboards.dashboard import BLOCKS, DashboardBlock
    from steelyard.metrics.metric import KINDS, PLAIN_KINDS, Measure, Metric
    from steelyard.metrics.watching import Alert, Sink
    from steelyard.pipeline.data_test import DataTest
    from steelyard.pipeline.steps import Step

    alternatives: dict[type, Sequence[str]] = {
        DashboardBlock: BLOCKS,
        Metric: KINDS,
        Measure: [kind for kind in PLAIN_KINDS if kind != "ratio"],
        Alert: ("metric", "fresh"),
        Sink: ("webhook", "mail", "file"),
        Step: [item.name for item in fields(Step)],
        DataTest: [item.name for item in fields(DataTest) if item.name not in ("severity", "name", "allow")],
    }
    return {"oneOf": [{"required": [name]} for name in alternatives[cls]]} if cls in alternatives else {}


def _lenient(schema: Any) -> Any:
    """The same, where a single value stands for a list of one, as the reader takes it."""
    if not isinstance(schema, dict):
        return schema
    inner = {key: [_lenient(item) for item in value] if key == "anyOf" else value for key, value in schema.items()}
    if isinstance(inner.get("additionalProperties"), dict):
        inner["additionalProperties"] = _lenient(inner["additionalProperties"])
    if inner.get("type") == "array" and isinstance(inner.get("items"), dict):
        about = {key: inner.pop(key) for key in ("default", "description") if key in inner}
        return {**about, "anyOf": [inner["items"], inner]}
    return inner


def _tidy(schema: Schema) -> Schema:
    """Without defaults that say nothing."""
    return {key: value for key, value in schema.items() if key != "default" or value not in (None, "", [], {})}
