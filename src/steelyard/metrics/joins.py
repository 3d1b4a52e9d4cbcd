"""The references that one SELECT follows, each once under a name of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from steelyard.errors import DefinitionError
from steelyard.metrics.names import sql_name
from steelyard.metrics.place import Path, Step

__all__ = ["Joins", "column_sql"]


def column_sql(table: str, column: str) -> str:
    """A column with its table, or the name that the table has in the SELECT."""
    return f"{sql_name(table)}.{sql_name(column)}"


@dataclass
class Joins:
    """The references that one SELECT follows, each once, in order.

    Args:
        fact: The table that it starts from.
        state: Gives the condition that a history's row (its step, its name) holds at the fact's moment; None where
            there is no moment.
        named: Gives what stands in FROM for a table under a name; None takes the table as it is.
        taken: Names that none may have, in lower case.
        steps: Name in the SELECT -> what is joined under it, in order.
        worked_out: Name -> SQL of what is worked out once a row of the fact, under that name.
    """

    fact: str
    state: Callable[[Step, str], str] | None = None
    named: Callable[[str, str], str] | None = None
    taken: set[str] = field(default_factory=set)
    steps: dict[str, Step] = field(default_factory=dict)
    worked_out: dict[str, str] = field(default_factory=dict)
    _names: dict[Path, str] = field(default_factory=dict, repr=False)
    _lines: dict[str, str] = field(default_factory=dict, repr=False)
    _links: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.taken = {*self.taken, self.fact.lower()}
        self._names[()] = self.fact

    def follow(self, path: Path) -> str:
        """Joins what the path needs; gives the name that its last table has in the SELECT.

        A table has its own name, and a role's table the role's: two roles of one entity stand side by side.
        """
        for length in range(1, len(path) + 1):
            if path[:length] not in self._names:
                self._join(path[:length])
        return self._names[path]

    def _join(self, path: Path) -> None:
        step, source = path[-1], self._names[path[:-1]]
        name = self._free(step.role or step.target)
        pairs = zip(step.key, step.columns, strict=True)
        on = [f"{column_sql(name, key)} = {column_sql(source, own)}" for key, own in pairs]
        if step.history is not None:
            if self.state is None:
                raise DefinitionError(
                    f"{step.target!r} is a history, and here is no time as of which its rows could be taken",
                    hint=f"ask for it by a metric of a table with a time that refers to {step.entity!r}",
                )
            on.append(self.state(step, name))
        self._lines[name] = f"LEFT JOIN {self._named(step.target, name)} ON {' AND '.join(on)}"
        self._names[path] = name
        self.steps[name] = step

    def link(self, name: str, keys: tuple[str, ...], base: Path, columns: tuple[str, ...]) -> None:
        """Joins a step of the query by its keys to columns of a table that is joined; rows that it has none of go."""
        source = self.follow(base)
        pairs = zip(keys, columns, strict=True)
        on = " AND ".join(f"{column_sql(name, key)} = {column_sql(source, own)}" for key, own in pairs)
        self.taken.add(name.lower())
        self._links[name] = f"JOIN {sql_name(name)} ON {on}"

    def has(self, path: Path) -> bool:
        """Whether the path is joined."""
        return path in self._names

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name.lower() in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name.lower())
        return name

    def sql(self, *, without: str = "", nested: bool = False) -> list[str]:
        """The FROM and JOIN lines.

        Args:
            without: The name of a step that is linked: the rows that it has none of, in place of those that it has.
            nested: Whether a table that is referred to is joined to what it refers to before the fact is joined to it;
                that is faster where the fact is large and is read whole.
        """
        links = [line for name, line in self._links.items() if not without or name == without]
        links = [f"LEFT {line}" if without else line for line in links]
        lines = self._nested() if nested else list(self._lines.values())
        return [f"FROM {self._from()}", *lines, *links]

    def _nested(self) -> list[str]:
        """The JOIN lines with every plain reference of a plain reference inside its own."""
        lines, inside = dict(self._lines), dict[str, list[str]]()
        for path, name in self._names.items():
            outer = self._names[path[:1]]
            if len(path) == 2 and self._plain(path[0], outer) and self._plain(path[1], name):
                inside.setdefault(outer, []).append(lines.pop(name))
        for outer, joined in inside.items():
            table = sql_name(outer)
            on = lines[outer].removeprefix(f"LEFT JOIN {table} ")
            lines[outer] = f"LEFT JOIN ({table} {' '.join(joined)}) {on}"
        return list(lines.values())

    def _plain(self, step: Step, name: str) -> bool:
        """Whether a join is of the table under its own name, by its key alone."""
        own = f"LEFT JOIN {sql_name(step.target)} ON "
        return step.history is None and not step.weight and name == step.target and own in self._lines[name]

    def _from(self) -> str:
        fact, source = sql_name(self.fact), self._named(self.fact, self.fact)
        if not self.worked_out:
            return source
        more = ", ".join(f"{sql} AS {sql_name(name)}" for name, sql in self.worked_out.items())
        return f"(SELECT {fact}.*, {more} FROM {source}) AS {fact}"

    def _named(self, table: str, name: str) -> str:
        if self.named is not None:
            return self.named(table, name)
        return sql_name(table) if table == name else f"{sql_name(table)} AS {sql_name(name)}"
