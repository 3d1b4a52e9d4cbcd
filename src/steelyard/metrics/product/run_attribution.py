"""Runs an attribution: what each channel is credited with, by each model; the parts add up to the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.attribution_sql import UNATTRIBUTED, AttributionSql
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.reading import Reading, asked_range, names_apart, names_of
from steelyard.metrics.product.touch_attribution import TouchAttribution
from steelyard.warehouse import Warehouse

__all__ = ["run_attribution"]

COLUMNS = ("model", "channel", "conversions", "value")


def run_attribution(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    attribution: TouchAttribution,
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
) -> ProductTable:
    """What each channel is credited with, by each model.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        attribution: The definition.
        by: Dimensions of the conversions.
        where: A condition on dimensions of the conversions.
        since: First local date of a conversion; touches before it count, as far back as the window goes.
        until: Last local date of a conversion, included.

    Returns:
        One row a model, segment and channel: `conversions`, and `value` where the definition has one. A conversion
        without a touch in its window is `(unattributed)`, and a touch whose channel is not known is `(unknown)`. In
        each model the conversions add up to all, and the values to the value of all: to the last digit where it is a
        decimal.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It cannot be.
        PolicyError: It filters or groups by a sensitive column.
        DataError: A key that it leans on is not unique.

    >>> import pyarrow as pa
    >>> from datetime import datetime
    >>> from steelyard.metrics.product import EventRows
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> visits = pa.table(
    ...     {"user": [1, 1], "at": [datetime(2026, 1, 1), datetime(2026, 1, 2)], "campaign": ["ads", "mail"]}
    ... )
    >>> orders = pa.table({"user": [1, 2], "at": [datetime(2026, 1, 3)] * 2})
    >>> ids = {"user": ("user",)}
    >>> tables = [TableDeclaration(name=name, time="at", entities=ids) for name in ("visits", "orders")]
    >>> touched = TouchAttribution(
    ...     name="ads",
    ...     touches=EventRows(table="visits"),
    ...     conversions=EventRows(table="orders"),
    ...     channel="campaign",
    ...     models=("linear",),
    ... )
    >>> with connect({"visits": visits, "orders": orders}) as warehouse:
    ...     answer = run_attribution(MetricCatalog.of(metrics=[], tables=tables), warehouse, touched)
    >>> [(row["channel"], row["conversions"]) for row in answer.rows()]
    [('(unattributed)', 1.0), ('ads', 0.5), ('mail', 0.5)]
    """
    first, last = asked_range(since, until)
    reading = Reading(catalog, warehouse, attribution.defined_at)
    entity = attribution.check(catalog)
    names = names_apart(catalog, attribution.conversions.table, names_of(by), COLUMNS)
    made = AttributionSql(reading, attribution, entity, by=names, where=where, since=first, until=last)
    touched = reading.survey(made.touches, "touches", made.touch_condition)
    reading.survey(made.conversions, "conversions", made.conversion_condition)
    scale, worthless = _value(reading, made)
    table = reading.fetch(made.query(scale), "attribution")
    left_out = {f"conversions of {attribution.conversions.table} have no value and count as 0": worthless}
    return reading.answer(
        "attribution",
        attribution,
        table,
        question={"by": names, "where": where, "since": first, "until": last},
        rules=tuple(_rules(attribution, scale)),
        notes=tuple(_notes(attribution, touched.first_day, first)),
        left_out=left_out,
        by=names,
    )


def _value(reading: Reading, made: AttributionSql) -> tuple[int | None, int]:
    """The decimals of the value, None where it is no decimal; and how many conversions have none."""
    import pyarrow as pa

    if not made.value:
        return None, 0
    kind = reading.fetch(made.value_probe(), "the value's type").schema.field("value").type
    missing = made.conversions.select({"missing": f"count_if({made.value} IS NULL)"}, made.kept)
    count = reading.fetch(missing, "conversions without a value").to_pylist()[0]["missing"]
    return (kind.scale if pa.types.is_decimal(kind) else None), int(count or 0)


def _notes(attribution: TouchAttribution, first_touch: str, since: date | None) -> Iterator[str]:
    """The touches of early conversions may be older than the data is."""
    if not first_touch:
        return
    whole = date.fromisoformat(first_touch) + timedelta(days=-(-attribution.seconds // 86_400))
    if since is None or since < whole:
        yield (
            f"The rows of {attribution.touches.table} begin on {first_touch}: a conversion before {whole} may have had "
            "touches in its window that are not in the data."
        )


def _rules(attribution: TouchAttribution, scale: int | None) -> Iterator[str]:
    yield f"a touch counts for a conversion of its entity at its moment or up to {attribution.window} after it"
    yield f"a conversion without such a touch is {UNATTRIBUTED}"
    ties = f"by {attribution.touches.sequence}, then " if attribution.touches.sequence else ""
    yield f"touches of one moment are taken {ties}in the order of their channels' names"
    if "position" in attribution.models:
        shares = f"{attribution.first_share:.0%} and {attribution.last_share:.0%}"
        yield f"position: {shares} to the ends, the rest equally between; two share as the ends do, and one has all"
    if "time_decay" in attribution.models:
        yield f"time decay: a touch counts half as much as one that is {attribution.half_life} later"
    if "last_non_direct" in attribution.models:
        yield f"last non-direct: the last touch that is not {' or '.join(attribution.direct)}; where all are, the last"
    if scale is not None:
        yield (
            f"of a value, the first n touches together have their share rounded to {scale} decimals, halves away from "
            "zero, and the last has the rest: so the parts add up"
        )
