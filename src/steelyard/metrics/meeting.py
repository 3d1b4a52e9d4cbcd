"""Relations meet only after aggregation: side by side on their groups, or beside a grid of periods and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.metrics.expression import Parameters
from steelyard.metrics.names import sql_name
from steelyard.metrics.relation import Relation, Step
from steelyard.metrics.spine import Coverage, Spine

__all__ = ["Meeting"]


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Where the relations of an answer meet.

    Args:
        relations: Those whose groups are rows of the answer.
        totals: Those that are looked up by some of the answer's keys.
        keys: The answer's keys: `period` where there is one, and dimensions.
        spine: The periods that are rows whether or not there is data; None where they are not filled in.
        coverage: The days of each relation's fact, by its name.
        ranged: Whether every row that is read has a time.
        parameters: Takes the values.
        names: Names that are free for its steps: of `grid`, `groups` and `calendar`.
    """

    relations: Sequence[Relation]
    totals: Sequence[Relation]
    keys: Sequence[str]
    spine: Spine | None
    coverage: Mapping[str, Coverage]
    ranged: bool
    parameters: Parameters
    names: Mapping[str, str]

    def made(self) -> tuple[list[Step], list[str], str]:
        """The steps that are needed for it, the SQL of each key, and the FROM and JOIN lines."""
        if self.spine is not None and "period" in self.keys:
            steps, step = self._grid(self.spine), self.names["grid"]
        elif len(self.relations) > 1 and not self._never_null():
            steps, step = [self._groups(self.keys)], self.names["groups"]
        else:
            return self._side_by_side()
        shown = {key: f"{step}.{sql_name(key)}" for key in self.keys}
        lines = [f"FROM {step}", *(self._beside(relation, shown) for relation in (*self.relations, *self.totals))]
        return steps, list(shown.values()), "\n".join(lines)

    def _side_by_side(self) -> tuple[list[Step], list[str], str]:
        """A group that any of them has is a row; no key can be NULL."""
        first = self.relations[0]
        lines = [f"FROM {sql_name(first.name)}"]
        shown = [_at(first, key) for key in self.keys]
        for number, relation in enumerate(self.relations[1:], start=2):
            if not self.keys:
                lines.append(f"CROSS JOIN {sql_name(relation.name)}")
                continue
            on = [f"{left} = {_at(relation, key)}" for left, key in zip(shown, self.keys, strict=True)]
            lines.append(f"FULL JOIN {sql_name(relation.name)} ON {' AND '.join(on)}")
            shown = [
                f"coalesce({', '.join(_at(member, key) for member in self.relations[:number])})" for key in self.keys
            ]
        known = dict(zip(self.keys, shown, strict=True))
        lines += [self._beside(total, known) for total in self.totals]
        return [], shown, "\n".join(lines)

    def _beside(self, relation: Relation, shown: Mapping[str, str]) -> str:
        """A relation beside what lists the groups; NULL meets NULL.

        A FULL JOIN would do on DuckDB, but other engines have none on IS NOT DISTINCT FROM.
        """
        keys = [key for key in self.keys if key == "period" or key in relation.outputs]
        if not keys:
            return f"CROSS JOIN {sql_name(relation.name)}"
        on = []
        for key in keys:
            equal = self._timed() if key == "period" else relation.labelled(key)
            on.append(f"{_at(relation, key)} {'=' if equal else 'IS NOT DISTINCT FROM'} {shown[key]}")
        return f"LEFT JOIN {sql_name(relation.name)} ON {' AND '.join(on)}"

    def _timed(self) -> bool:
        return self.ranged or (bool(self.coverage) and not any(item.without_time for item in self.coverage.values()))

    def _never_null(self) -> bool:
        """Whether no key of a group can be NULL: text is labelled, and a period is there where every row has a time."""
        return all(
            self._timed() if key == "period" else all(relation.labelled(key) for relation in self.relations)
            for key in self.keys
        )

    def _groups(self, keys: Sequence[str]) -> Step:
        """The step that lists every group that any relation has, once."""
        names = ", ".join(sql_name(key) for key in keys)
        listed = (f"SELECT DISTINCT {names} FROM {sql_name(relation.name)}" for relation in self.relations)
        return self.names["groups"], "\nUNION\n".join(listed)

    def _grid(self, spine: Spine) -> list[Step]:
        """Every period, for every group that has rows in any."""
        calendar, groups = self.names["calendar"], self.names["groups"]
        made = [(calendar, spine.calendar(self.parameters))]
        names = [sql_name(key) for key in self.keys if key != "period"]
        grid = f"SELECT {calendar}.period\nFROM {calendar}"
        if names:
            made.append(self._groups([key for key in self.keys if key != "period"]))
            chosen = ", ".join(f"{groups}.{name}" for name in names)
            grid = f"SELECT {calendar}.period, {chosen}\nFROM {calendar}\nCROSS JOIN {groups}"
        for relation in self.relations:
            known = self.coverage.get(relation.fact.name)
            if known is not None and known.without_time and not self.ranged:
                untimed = ", ".join(["period", *names])
                grid += f"\nUNION\nSELECT DISTINCT {untimed} FROM {sql_name(relation.name)} WHERE period IS NULL"
        return [*made, (self.names["grid"], grid)]


def _at(relation: Relation, key: str) -> str:
    return f"{sql_name(relation.name)}.{sql_name(key)}"
