"""What `steelyard.toml` says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from steelyard.definition_file import build
from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.project.access import Access
from steelyard.project.migrations import FORMAT, migrated

__all__ = ["FILE", "Settings", "Target", "read_settings"]

FILE = "steelyard.toml"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where one environment keeps its data and its ledger.

    Args:
        warehouse: A folder (the embedded default), a `.duckdb` file, or a URL; `${NAME}` stands for an environment
            variable, so that no secret is written down.
        ledger: A SQLite file, or a `postgresql://` URL; empty means beside the warehouse.
        memory_limit: The most memory that the embedded engine may take, such as `4GB`; empty leaves it to the engine.
        threads: Threads of the embedded engine; 0 leaves it to the engine.
        timeout: Seconds that a query may take; 0 waits.
    """

    warehouse: str = ".steelyard/warehouse"
    ledger: str = ""
    memory_limit: str = ""
    threads: int = 0
    timeout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `steelyard.toml` says.

    Args:
        name: The project's name.
        format: Version of the project's format.
        zone: IANA zone in which days are counted.
        currency: What money is measured in, such as `USD`.
        week_start: First day of the week.
        fan_out: What becomes of a metric by something of which one of its rows has many: `flag` counts the row in each
            group and says that the groups overlap, `refuse` refuses.
        year_start: First month of the year, from 1: of a fiscal year that begins in April 4. Quarters follow it.
        sensitive: Columns (`column` or `table.column`) that no metric may group by and no study may use.
        smallest_group: The fewest units of which a number is told: groups of fewer are not shown, and single rows never
            are; 1 shows everything.
        smallest_group_of: The entity whose members are the units, such as `customer`; rows are counted of tables that
            do not say it, and of all of them where this is empty.
        health: The metric that says how the whole is doing, which the first page opens with; empty takes the root of
            the first tree, or the first metric.
        guardrails: Metrics that must not get worse while others are pushed; empty takes those that studies guard.
        access: Who may use the web app, and in which role.
        target: The target that is used when none is asked for.
        targets: The environments by name.
        plugins: Whether kinds of study from other packages are looked for.
    """

    name: str
    format: int = FORMAT
    zone: str = "UTC"
    currency: str = ""
    week_start: Day = "monday"
    fan_out: Literal["flag", "refuse"] = "flag"
    year_start: Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] = 1
    sensitive: tuple[str, ...] = ()
    smallest_group: int = 1
    smallest_group_of: str = ""
    health: str = ""
    guardrails: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)
    target: str = "dev"
    targets: Mapping[str, Target] = field(default_factory=lambda: {"dev": Target()})
    plugins: bool = True

    def chosen(self, target: str | None = None) -> Target:
        """The target asked for, or the default one.

        Raises:
            UnknownNameError: There is none of that name.
        """
        name = target or self.target
        if name not in self.targets:
            raise unknown_name("target", name, self.targets, where=FILE)
        return self.targets[name]


def read_settings(folder: Path) -> Settings:
    """What the folder's `steelyard.toml` says.

    Raises:
        DefinitionError: There is none, it is not TOML, or it says something that cannot be.
    """
    path = folder / FILE
    if not path.is_file():
        raise DefinitionError(
            f"there is no project in {str(folder)!r}: it has no {FILE}",
            where=str(folder),
            hint="`steelyard init FOLDER` makes one; `steelyard demo` makes one with data",
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{FILE} is not TOML: {error}", where=str(path)) from error
    return _settings(data, path)


def _settings(data: dict[str, Any], path: Path) -> Settings:
    data = migrated(data, where=str(path))
    data.setdefault("name", path.parent.resolve().name)
    try:
        settings = build(Settings, data)
    except SteelyardError as error:
        error.where = f"{path}: {error.where}" if error.where else str(path)
        raise error from None
    try:
        ZoneInfo(settings.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        hint = "use an IANA name such as 'Europe/Berlin'"
        raise DefinitionError(f"no time zone {settings.zone!r}", where=str(path), hint=hint) from error
    if settings.smallest_group < 1:
        problem = f"{settings.smallest_group} is no size of a group"
        raise DefinitionError(problem, where=f"{path}: smallest_group", hint="give 10, or 1 to show everything")
    settings.access.check(str(path))
    settings.chosen()
    return settings
