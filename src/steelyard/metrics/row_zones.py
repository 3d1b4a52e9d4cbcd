"""Zones that rows name are looked at before an engine reads them: once a version of their table."""

from __future__ import annotations

import zoneinfo
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from steelyard.errors import DataError, unknown_name
from steelyard.metrics.facts import Fact
from steelyard.metrics.names import sql_name
from steelyard.warehouse import Query, TableVersion, Warehouse

__all__ = ["refuse_false_zones"]

NO_PLACES = ("localtime", "posixrules", "Factory")
MOST = 2_000
_REMEMBERED = 4096
_PROVED: OrderedDict[tuple[str, str, str], None] = OrderedDict()


def refuse_false_zones(warehouse: Warehouse, fact: Fact, version_of: Callable[[str], TableVersion]) -> None:
    """Refuses a column of zones that has a name which is no IANA zone; engines take some of those for something else.

    Args:
        warehouse: Where the tables are.
        fact: Whose days are counted.
        version_of: Gives a table's version.

    Raises:
        DataError: The column has such a name; says which, and how many rows have it.
    """
    place = fact.catalog.zone_of_day(fact.time.table) if fact.time is not None else None
    if place is None:
        return
    address = (version_of(place.table).version_id, place.table, place.column)
    if address[0] and address in _PROVED:
        _PROVED.move_to_end(address)
        return
    column, table = sql_name(place.column), sql_name(place.table)
    sql = (
        f"SELECT {column} AS zone, count(*) AS counted\nFROM {table}\nWHERE {column} IS NOT NULL\n"
        f"GROUP BY 1\nORDER BY 1\nLIMIT {MOST}"
    )
    found = warehouse.fetch(Query(sql=sql, limit=MOST)).to_pylist()
    wrong = {row["zone"]: row["counted"] for row in found if row["zone"] not in _zones()}
    if wrong:
        shown = ", ".join(f"{zone!r} ({count:,} rows)" for zone, count in list(wrong.items())[:5])
        near = unknown_name("zone", str(next(iter(wrong))), _zones()).hint
        meant = near if near.startswith("did you") else "write IANA names, such as Europe/Berlin"
        raise DataError(
            f"{str(place)!r} says in which zone days are counted, and has names of no zone: {shown}",
            where=fact.catalog.tables[place.table].where or place.table,
            hint=f"{meant}; a row whose zone is NULL is left out, and counted",
        )
    if address[0]:
        _PROVED[address] = None
        while len(_PROVED) > _REMEMBERED:
            _PROVED.popitem(last=False)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """The names of IANA's zones."""
    return frozenset(zoneinfo.available_timezones().difference(NO_PLACES))
