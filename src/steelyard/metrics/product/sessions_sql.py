"""The SQL of sessions: rows of one moment are together, and each moment says whether it begins a session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from steelyard.errors import DefinitionError
from steelyard.metrics.calendar import Clock
from steelyard.metrics.product.reading import Reading
from steelyard.metrics.product.sessions import Sessions
from steelyard.metrics.product.source import Source, moments_of

__all__ = ["SessionsSql"]

BY_MOMENT = "OVER (PARTITION BY entity ORDER BY moment"


class SessionsSql:
    """Sessions on their way to SQL.

    Args:
        reading: The question's reading.
        sessions: What makes a session.
        entity: Whose they are.
        by: Dimensions of a session's first row.
        where: A condition on dimensions of a session's first row; None for none.
        since: First local day on which a session began.
        until: Last local day.
    """

    def __init__(
        self,
        reading: Reading,
        sessions: Sessions,
        entity: str,
        *,
        by: Sequence[str] = (),
        where: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        self.reading, self.sessions = reading, sessions
        self.source: Source = reading.source(sessions, entity)
        self.condition = self.source.condition(sessions)
        self.moments = moments_of([self.source], sessions.defined_at)
        if self.moments.dated:
            raise DefinitionError(
                f"the rows of {sessions.table!r} are dated by day, and a session is of moments",
                where=sessions.defined_at,
                hint="give `time:`, a timestamp",
            )
        self.segments = {f"segment_{n}": self.source.attribute(name) for n, name in enumerate(by)}
        self.asked = self.source.asked(where)
        self.campaign = self.source.named(sessions.new_on, missing="NULL") if sessions.new_on else ""
        self.clock = Clock(
            column="started_at",
            kind=self.moments.kind,
            zone=reading.catalog.zone,
            column_zone="UTC",
            week_start=reading.catalog.week_start,
        )
        self.range = reading.within(self.clock, since, until)

    @property
    def _first_row(self) -> dict[str, str]:
        """What is asked of a session's first row."""
        kept = {} if self.asked == "TRUE" else {"kept": f"CASE WHEN {self.asked} THEN 1 ELSE 0 END"}
        return {**self.segments, **kept}

    def steps(self) -> tuple[dict[str, str], str]:
        """The named steps, and the name of the one that has a row a session."""
        made: dict[str, str] = {}
        rows = self._name(made, "rows_of_sessions", self._rows())
        if self._first_row or self.campaign:
            rows = self._name(made, "moments", self._together(rows))
        if self.campaign:
            rows = self._name(made, "stretches", f"SELECT *, count(campaign) {BY_MOMENT}) AS stretch\nFROM {rows}")
            known = "max(campaign) OVER (PARTITION BY entity, stretch) AS known"
            rows = self._name(made, "campaigns", f"SELECT *, {known}\nFROM {rows}")
        begun = self._name(made, "begun", self._begun(rows))
        numbered = f"SELECT *, sum(begins) {BY_MOMENT}) AS session_number\nFROM {begun}"
        return made, self._name(made, "sessions", self._sessions(self._name(made, "numbered", numbered)))

    def _name(self, made: dict[str, str], wanted: str, sql: str) -> str:
        name = self.reading.step(wanted)
        made[name] = sql
        return name

    def _rows(self) -> str:
        outputs = {"entity": self.source.owner, "moment": self.moments.each[0]}
        if self.sessions.break_at_midnight:
            outputs["day"] = self.source.clock.day
        if not self._first_row and not self.campaign:
            return self.source.select({**outputs, "events": "1"}, [self.source.known, self.condition])
        outputs |= self._first_row
        if self.campaign:
            outputs["campaign"] = self.campaign
        order = [self.source.sequence, *self._first_row.values(), self.campaign]
        keys = ", ".join(text for text in order if text) or self.moments.each[0]
        together = f"PARTITION BY {self.source.owner}, {self.moments.each[0]}"
        outputs["place"] = f"row_number() OVER ({together} ORDER BY {keys})"
        if self.source.sequence:
            outputs["sequence"] = self.source.sequence
        return self.source.select(outputs, [self.source.known, self.condition])

    def _together(self, rows: str) -> str:
        """One row a moment: its first row's attributes, its last known campaign."""
        outputs = ["entity", "moment", "count(*) AS events"]
        if self.sessions.break_at_midnight:
            outputs.append("min(day) AS day")
        outputs += [f"max(CASE WHEN place = 1 THEN {name} END) AS {name}" for name in self._first_row]
        if self.campaign and self.source.sequence:
            outputs.append("coalesce(last_by(campaign, sequence), max(campaign)) AS campaign")
        elif self.campaign:
            outputs.append("max(campaign) AS campaign")
        return f"SELECT {', '.join(outputs)}\nFROM {rows}\nGROUP BY entity, moment"

    def _begun(self, rows: str) -> str:
        """Each row, and whether it begins a session."""
        before = [f"lag(moment) {BY_MOMENT}) AS moment_before"]
        tests = ["moment_before IS NULL", f"moment > moment_before + INTERVAL {self.sessions.seconds} SECOND"]
        if self.sessions.break_at_midnight:
            before.append(f"lag(day) {BY_MOMENT}) AS day_before")
            tests.append("day > day_before")
        if self.campaign:
            before.append(f"lag(known) {BY_MOMENT}) AS known_before")
            tests.append("(campaign IS NOT NULL AND campaign IS DISTINCT FROM known_before)")
        return (
            f"SELECT *, CASE WHEN {' OR '.join(tests)} THEN 1 ELSE 0 END AS begins\nFROM (\n"
            f"  SELECT *, {', '.join(before)}\n  FROM {rows}\n) AS compared"
        )

    def _sessions(self, numbered: str) -> str:
        outputs = ["entity", "min(moment) AS started_at", "max(moment) AS ended_at", "sum(events) AS events"]
        outputs += [f"max(CASE WHEN begins = 1 THEN {name} END) AS {name}" for name in self._first_row]
        return f"SELECT {', '.join(outputs)}\nFROM {numbered}\nGROUP BY entity, session_number"

    @property
    def kept(self) -> str:
        """The WHERE of the sessions that are asked for; empty for all."""
        conditions = [
            text for text in (self.range, "kept = 1" if "kept" in self._first_row else "TRUE") if text != "TRUE"
        ]
        return f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
