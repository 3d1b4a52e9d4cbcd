"""The SQL of an attribution: each conversion beside its touches, and each touch's share in each model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from steelyard.errors import DefinitionError
from steelyard.metrics.names import sql_name
from steelyard.metrics.product.reading import Reading, steps_sql
from steelyard.metrics.product.source import moments_of
from steelyard.metrics.product.touch_attribution import TouchAttribution

__all__ = ["UNATTRIBUTED", "AttributionSql"]

UNATTRIBUTED = "(unattributed)"
DAY = 86_400


class AttributionSql:
    """An attribution on its way to SQL.

    Args:
        reading: The question's reading.
        attribution: The definition.
        entity: Who was touched and converted.
        by: Dimensions of the conversions.
        where: A condition on dimensions of the conversions; None for none.
        since: First local day of a conversion.
        until: Last local day.
    """

    def __init__(
        self,
        reading: Reading,
        attribution: TouchAttribution,
        entity: str,
        *,
        by: Sequence[str] = (),
        where: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        self.reading, self.attribution, self.by = reading, attribution, tuple(by)
        self.touches = reading.source(attribution.touches, entity)
        self.conversions = reading.source(attribution.conversions, entity)
        self.touch_condition = self.touches.condition(attribution.touches)
        self.conversion_condition = self.conversions.condition(attribution.conversions)
        self.moments = moments_of([self.touches, self.conversions], attribution.defined_at)
        if self.moments.dated and attribution.seconds % DAY:
            raise DefinitionError(
                f"the rows of {attribution.name!r} are dated by day, and its window is {attribution.window!r}",
                where=attribution.defined_at,
                hint="give the window in days",
            )
        self.channel = self.touches.named(attribution.channel)
        self.value = self.conversions.value(attribution.value) if attribution.value else ""
        self.segments = {f"segment_{n}": self.conversions.attribute(name) for n, name in enumerate(by)}
        self.kept = [
            self.conversions.known, self.conversion_condition, self.conversions.within(since, until),
            self.conversions.asked(where),
        ]  # fmt: skip

    def value_probe(self) -> str:
        """A SELECT of no rows that shows the value's type."""
        return self.conversions.select({"value": self.value}, ["FALSE"])

    def query(self, scale: int | None) -> str:
        """The whole: one row a model, segment and channel.

        Args:
            scale: Decimals of the value, to which credits are rounded; None where it is no decimal.
        """
        steps = ("conversions_numbered", "touches_before", "weighed", "credited")
        names = {name: self.reading.step(name) for name in steps}
        made = {names["conversions_numbered"]: self._conversions()}
        touches = self.reading.step("touch_rows")
        made[touches] = self._touches()
        made[names["touches_before"]] = self._before(names["conversions_numbered"], touches)
        made[names["weighed"]] = self._weighed(names["touches_before"])
        parts = [self._credited(model, names["weighed"], scale) for model in self.attribution.models]
        made[names["credited"]] = "\nUNION ALL\n".join(parts)
        named = [f"{name} AS {sql_name(told)}" for name, told in zip(self.segments, self.by, strict=True)]
        keys = ["model", *named, "channel"]
        outputs = [*keys, "sum(weight) AS conversions"]
        if self.value:
            outputs.append('sum(credit) AS "value"')
        groups = ", ".join(str(number + 1) for number in range(len(keys)))
        listed = ",\n  ".join(outputs)
        return steps_sql(made, f"SELECT\n  {listed}\nFROM {names['credited']}\nGROUP BY {groups}\nORDER BY {groups}")

    def _conversions(self) -> str:
        outputs = {"entity": self.conversions.owner, "moment": self.moments.each[1], **self.segments}
        if self.value:
            outputs["amount"] = f"coalesce({self.value}, 0)"
        order = ", ".join([self.moments.each[1], *([self.value] if self.value else []), *self.segments.values()])
        outputs["conversion"] = f"row_number() OVER (PARTITION BY {self.conversions.owner} ORDER BY {order})"
        return self.conversions.select(outputs, self.kept)

    def _touches(self) -> str:
        outputs = {"entity": self.touches.owner, "moment": self.moments.each[0], "channel": self.channel}
        if self.touches.sequence:
            outputs["sequence"] = self.touches.sequence
        return self.touches.select(outputs, [self.touches.known, self.touch_condition])

    def _before(self, conversions: str, touches: str) -> str:
        """Each conversion with each touch in its window; one without any has one row without a touch."""
        told = ["entity", "conversion", *self.segments, *(["amount"] if self.value else [])]
        outputs = [f"c.{name} AS {name}" for name in told]
        outputs += ["t.channel AS channel", "t.moment AS moment", "c.moment AS converted_at"]
        outputs += ["t.sequence AS sequence"] if self.touches.sequence else []
        return (
            f"SELECT {', '.join(outputs)}\nFROM {conversions} AS c\nLEFT JOIN {touches} AS t ON t.entity = c.entity\n"
            f"  AND t.moment <= c.moment AND t.moment >= c.moment - INTERVAL {self.attribution.seconds} SECOND"
        )

    def _weighed(self, before: str) -> str:
        """Each touch with its place from the first and from the last, and how much earlier than the last it was."""
        keys = ["moment", *(["sequence"] if self.touches.sequence else []), "channel"]
        each = "OVER (PARTITION BY entity, conversion"
        outputs = [
            "*",
            f"row_number() {each} ORDER BY {', '.join(keys)}) AS place",
            f"count(*) {each}) AS touches",
            f"seconds_between(moment, max(moment) {each})) AS earlier",
        ]
        if "last_non_direct" in self.attribution.models:
            direct = ", ".join(self.reading.value(name, "direct") for name in self.attribution.direct)
            marketed = f"CASE WHEN channel IN ({direct}) THEN 0 ELSE 1 END"
            back = ", ".join([f"{marketed} DESC", *(f"{key} DESC" for key in keys)])
            outputs.append(f"row_number() {each} ORDER BY {back}) AS place_without_direct")
        return f"SELECT {', '.join(outputs)}\nFROM {before}"

    def _weight(self, model: str) -> str:
        """The share of one touch, before the shares of a conversion are brought to add to 1."""
        if model == "position":
            return self._position()
        return {
            "first": "CASE WHEN place = 1 THEN 1.0 ELSE 0.0 END",
            "last": "CASE WHEN place = touches THEN 1.0 ELSE 0.0 END",
            "last_non_direct": "CASE WHEN place_without_direct = 1 THEN 1.0 ELSE 0.0 END",
            "linear": "1.0",
            "time_decay": f"power(0.5, earlier / {self.attribution.half_life_seconds}.0)",
        }[model]

    def _position(self) -> str:
        first, last = self.attribution.first_share, self.attribution.last_share
        rest = round(1 - first - last, 12)
        return (
            f"CASE WHEN touches = 1 THEN 1.0 WHEN place = 1 THEN {first!r} WHEN place = touches THEN {last!r} "
            f"ELSE {rest!r} / (touches - 2) END"
        )

    def _credited(self, model: str, weighed: str, scale: int | None) -> str:
        """One model's credits: shares that add to 1, and of a decimal value parts that add to it to the last digit."""
        raw = f"CASE WHEN moment IS NULL THEN 1.0 ELSE {self._weight(model)} END"
        each = "OVER (PARTITION BY entity, conversion"
        told = [*self.segments, *(["amount"] if self.value else [])]
        outputs = ["entity", "conversion", "place", *told]
        outputs.append(f"CASE WHEN moment IS NULL THEN '{UNATTRIBUTED}' ELSE channel END AS channel")
        outputs.append(f"raw / sum(raw) {each}) AS weight")
        if scale is not None:
            so_far = f"sum(raw) {each} ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
            outputs += [f"{so_far} / sum(raw) {each}) AS so_far", f"max(place) {each}) AS last_place"]
        listed = ", ".join(outputs)
        inner = f"SELECT *, CAST({raw} AS DOUBLE) AS raw FROM {weighed}"
        shares = f"SELECT {listed}\n  FROM ({inner}) AS weights\n  WHERE raw > 0"
        outputs = [f"'{model}' AS model", *self.segments, "channel", "weight"]
        if scale is not None:
            shares = self._owed(shares, scale)
            outputs.append(f"owed - lag(owed, 1, CAST(0 AS DECIMAL(38, {scale}))) {each} ORDER BY place) AS credit")
        elif self.value:
            outputs.append("CAST(amount AS DOUBLE) * weight AS credit")
        return f"SELECT {', '.join(outputs)}\nFROM (\n  {shares}\n) AS shares"

    def _owed(self, shares: str, scale: int) -> str:
        """What is owed to the touches so far, rounded; the whole value at the last."""
        kind = f"DECIMAL(38, {scale})"
        part = f"CAST(round(CAST(amount AS DOUBLE) * so_far, {scale}) AS {kind})"
        owed = f"CASE WHEN place = last_place THEN CAST(amount AS {kind}) ELSE {part} END"
        return f"SELECT *, {owed} AS owed FROM (\n  {shares}\n  ) AS parts"
