"""Blocks as JSON, and back."""

from __future__ import annotations

import math
import re
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from steelyard.document.block import (
    Block,
    Blocks,
    Callout,
    CodeBlock,
    Facts,
    Figure,
    Grid,
    Heading,
    Items,
    Paragraph,
    Section,
    unknown_block,
)
from steelyard.document.chart import (
    Band,
    BarChart,
    BoxChart,
    BoxRow,
    Event,
    EventStudyChart,
    EventStudyPoint,
    FunnelChart,
    GraphChart,
    GraphNode,
    HeatMap,
    Histogram,
    IntervalChart,
    IntervalRow,
    LineChart,
    Series,
    Stage,
    Step,
    Threshold,
    WaterfallChart,
)
from steelyard.document.format import Format, Interval
from steelyard.document.inline import Code, Link, Strong
from steelyard.document.sparkline import Sparkline
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError, unknown_name

BLOCKS: tuple[type, ...] = (
    Heading, Paragraph, Facts, Table, Callout, CodeBlock, Items, Section, Figure, Grid, Sparkline, LineChart, BarChart,
    IntervalChart, EventStudyChart, WaterfallChart, HeatMap, GraphChart,
    Histogram, BoxChart, FunnelChart,
)  # fmt: skip
_PARTS: tuple[type, ...] = (
    Link, Strong, Code, Column, Format, Interval, Series, Event, Band, Threshold, IntervalRow, EventStudyPoint, Step,
    GraphNode, BoxRow, Stage,
)  # fmt: skip


def type_name(kind: type) -> str:
    """Give the name that a class has in JSON.

    >>> type_name(LineChart)
    'line_chart'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


_KINDS = {type_name(kind): kind for kind in (*BLOCKS, *_PARTS)}


def to_json(blocks: Blocks) -> list[dict[str, Any]]:
    """Give blocks as lists, dicts, strings, numbers, booleans and None.

    A block is `{"type": "paragraph", ...its fields}`. What JSON has no word for is tagged: `{"type": "decimal",
    "value": "12.50"}`, and likewise `date`, `datetime`, `duration` (seconds) and `float` (`nan`, `inf`, `-inf`).

    >>> to_json([Heading("Sales")])
    [{'type': 'heading', 'text': 'Sales', 'level': 2, 'id': None}]
    """
    for block in blocks:
        if not isinstance(block, BLOCKS):
            raise unknown_block(block)
    return [_encoded(block) for block in blocks]


def from_json(blocks: list[dict[str, Any]]) -> list[Block]:
    """Give back the blocks that `to_json` wrote.

    Raises:
        DefinitionError: something in it is no block, has another field, or breaks a rule of its block.
    """
    if not isinstance(blocks, list):
        raise DefinitionError(f"blocks are a list, not a {type(blocks).__name__}")
    decoded = [_decoded(block) for block in blocks]
    for block in decoded:
        if not isinstance(block, BLOCKS):
            raise unknown_block(block)
    return cast("list[Block]", decoded)


def _encoded(value: Any) -> Any:  # noqa: PLR0911 (one a kind)
    if isinstance(value, float) and not math.isfinite(value):
        return {"type": "float", "value": str(value)}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple | list):
        return [_encoded(one) for one in value]
    if isinstance(value, Decimal):
        return {"type": "decimal", "value": str(value)}
    if isinstance(value, datetime):
        zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
        return {"type": "datetime", "value": value.isoformat()} | ({"zone": zone} if zone else {})
    if isinstance(value, date):
        return {"type": "date", "value": value.isoformat()}
    if isinstance(value, timedelta):
        return {"type": "duration", "value": str(Decimal(value // timedelta(microseconds=1)).scaleb(-6))}
    if is_dataclass(value) and type_name(type(value)) in _KINDS:
        return {"type": type_name(type(value))} | {
            field.name: _encoded(getattr(value, field.name)) for field in fields(value)
        }
    raise unknown_block(value)


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(one) for one in value)
    if not isinstance(value, dict):
        return value
    given = dict(value)
    name = given.pop("type", None)
    if name in ("float", "decimal", "date", "datetime", "duration"):
        return _scalar(name, given)
    if name not in _KINDS:
        raise unknown_name("type of block", str(name), _KINDS)
    try:
        return _KINDS[name](**{key: _decoded(one) for key, one in given.items()})
    except (TypeError, AttributeError, ValueError) as error:
        if isinstance(error, DefinitionError):
            raise
        raise DefinitionError(f"this is no {name}: {error}", where=name) from error


def _scalar(name: str, given: dict[str, Any]) -> Any:
    text = str(given.get("value"))
    try:
        if name == "datetime":
            moment = datetime.fromisoformat(text)
            return moment.astimezone(ZoneInfo(given["zone"])) if "zone" in given else moment
        if name == "duration":
            return timedelta(microseconds=int(Decimal(text).scaleb(6)))
        return {"float": float, "decimal": Decimal, "date": date.fromisoformat}[name](text)  # type: ignore[operator]
    except (ValueError, ArithmeticError, KeyError) as error:
        raise DefinitionError(f"'{text}' is no {name}", where="blocks in JSON") from error
