"""The one SELECT of a load: every column converted and tested, every row that fails handed to the catcher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from steelyard.errors import DefinitionError
from steelyard.pipeline.conversion import Conversion, from_typed
from steelyard.pipeline.source_definition import SourceDefinition
from steelyard.pipeline.sources.scan import Scan
from steelyard.warehouse import quote_name, quote_text

__all__ = ["NEW_KEYS", "PIECE", "CheckedSelect", "RowTest", "checked_select", "json_keys_select", "target_types"]

PIECE = "steelyard piece"
NEW_KEYS = "steelyard met a new key"


@dataclass(frozen=True, kw_only=True)
class RowTest:
    """What has to hold of a row.

    Args:
        holds: SQL that is true where it does.
        says: What is wrong where it does not; `{}` stands for the value.
        value: The position of the value among those handed over; None where it speaks of the whole row.
    """

    holds: str
    says: str
    value: int | None = None


@dataclass(frozen=True, kw_only=True)
class CheckedSelect:
    """A SELECT of the rows that pass, and what the catcher must know of the others.

    Args:
        sql: DuckDB's own SQL.
        tests: The tests, in the order in which the catcher gets their outcomes.
    """

    sql: str
    tests: tuple[RowTest, ...]


def target_types(scan: Scan, definition: SourceDefinition, present: Mapping[str, str]) -> dict[str, str]:
    """The type that each column gets: as declared, else as it is in the table, else as the source has it.

    Declared and present columns that the scan lacks are not among them.
    """
    declared = {name.casefold(): (name, kind) for name, kind in definition.columns.items()}
    there = {name.casefold(): (name, kind) for name, kind in present.items()}
    types: dict[str, str] = {}
    for column, kind in scan.columns.items():
        name, target = declared.get(column.casefold()) or there.get(column.casefold()) or (column, kind)
        types[name] = target
    order = {name: number for number, name in enumerate([*present, *definition.columns])}
    return dict(sorted(types.items(), key=lambda item: order.get(item[0], len(order))))


def checked_select(
    scan: Scan,
    types: Mapping[str, str],
    definition: SourceDefinition,
    *,
    catcher: str,
    window: str = "",
    piece: bool = False,
) -> CheckedSelect:
    """The SELECT of a scan.

    Args:
        scan: The rows.
        types: Column -> type, as `target_types` gives them.
        definition: Key and cursor, which may not be null, and the zone.
        catcher: The SQL function that takes a row that fails.
        window: SQL of the rows that are wanted, where the column `v` + position is that of `types`; `{cursor}` stands
            for the cursor.
        piece: Whether to give the row's file as well, as the column `steelyard piece`.
    """
    inner, tests = _conversions(scan, types, definition)
    tests = [*_document_tests(scan), *tests, *_null_tests(types, definition)]
    kept = ", ".join(f"v{number} AS {quote_name(name)}" for number, name in enumerate(types))
    if piece:
        file = "f" if scan.source else quote_text(scan.files[0].label if scan.files else scan.label)
        kept += f", {file} AS {quote_name(PIECE)}"
    select = f"SELECT {kept} FROM (SELECT {', '.join(inner)} FROM {scan.relation})"
    position = list(types).index(definition.cursor) if definition.cursor in types else None
    wanted = window.replace("{cursor}", f"v{position}") if window and position is not None else "true"
    if not tests:
        return CheckedSelect(sql=select if wanted == "true" else f"{select} WHERE {wanted}", tests=())
    holds = " AND ".join(test.holds for test in tests)
    order = _scan_order(scan, types)
    values = ", ".join(f"CAST(g{number} AS VARCHAR)" for number in order)
    tests = [test if test.value is None else replace(test, value=order.index(test.value)) for test in tests]
    place = f"{'f' if scan.source else 'NULL'}, {'l' if scan.line else 'NULL'}, {'w' if scan.raw else 'NULL'}"
    outcomes = ", ".join(test.holds for test in tests)
    caught = f"{catcher}({place}, [{values}], [{outcomes}])"
    sql = f"{select} WHERE CASE WHEN {holds} THEN {wanted} ELSE {caught} END"
    return CheckedSelect(sql=sql, tests=tuple(tests))


def _scan_order(scan: Scan, types: Mapping[str, str]) -> list[int]:
    """The positions of the columns in the order of the scan, so that a row's values read as the source wrote them."""
    positions = {name.casefold(): number for number, name in enumerate(types)}
    return [positions[column.casefold()] for column in scan.columns]


def _conversions(scan: Scan, types: Mapping[str, str], definition: SourceDefinition) -> tuple[list[str], list[RowTest]]:
    sources = {column.casefold(): (column, kind) for column, kind in scan.columns.items()}
    inner: list[str] = []
    tests: list[RowTest] = []
    for number, (name, kind) in enumerate(types.items()):
        column, source = sources[name.casefold()]
        conversion = _conversion(quote_name(column), number, source, kind, definition, name)
        inner += [f"{quote_name(column)} AS g{number}", f"{conversion.value} AS v{number}"]
        if conversion.fits is not None:
            says = f"column {name!r}: {{}} is no {kind}"
            tests.append(RowTest(holds=conversion.fits, says=says, value=number))
        if scan.document and kind.startswith("DECIMAL"):
            tests.append(_exact_number(name, number))
    for alias, column in (("f", scan.source), ("l", scan.line), ("w", scan.raw), ("k", scan.keys)):
        if column:
            inner.append(f"{quote_name(column)} AS {alias}")
    return inner, tests


def _conversion(
    column: str, number: int, source: str, kind: str, definition: SourceDefinition, name: str
) -> Conversion:
    # The inner SELECT converts the column itself; the tests outside see it under its alias.
    try:
        value, _ = from_typed(column, f"v{number}", kind, source=source, zone=definition.zone or "UTC")
        _, fits = from_typed(f"g{number}", f"v{number}", kind, source=source, zone=definition.zone or "UTC")
    except DefinitionError as error:
        error.problem = f"column {name!r}: {error.problem}"
        raise error.at(definition.where) from error
    return Conversion(value, fits)


def _document_tests(scan: Scan) -> list[RowTest]:
    """JSON lines: valid, an object, no key twice; a key that no column has stops the reading."""
    if not scan.document:
        return []
    known, usual = _texts(scan.columns), _texts(dict.fromkeys(scan.usual_keys))
    stop = f"CAST(error({quote_text(NEW_KEYS)}) AS BOOLEAN)"
    # CASE, because the outcomes are computed side by side: AND and OR would look into a document that is no JSON.
    quick = f"k IS NULL OR k = {usual}"
    kind = "CASE WHEN k IS NULL OR len(k) > 0 THEN true ELSE json_type(w) = 'OBJECT' END"
    return [
        RowTest(holds="k IS NOT NULL", says="not valid JSON"),
        RowTest(holds=kind, says="not a JSON object"),
        RowTest(
            holds=f"CASE WHEN {quick} THEN true ELSE len(list_distinct(k)) = len(k) END", says="a key is given twice"
        ),
        RowTest(holds=f"CASE WHEN {quick} OR list_has_all({known}, k) THEN true ELSE {stop} END", says="a new key"),
    ]


def _texts(names: Iterable[str]) -> str:
    """The names as a SQL list of texts."""
    return f"CAST([{', '.join(quote_text(name) for name in names)}] AS VARCHAR[])"


def _exact_number(name: str, number: int) -> RowTest:
    """A JSON number of more than 15 digits went through a double: what it was is lost."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    kind = f"coalesce(json_type(w, {quote_text(pointer)}), '')"
    says = f"column {name!r}: the number {{}} has more digits than JSON numbers keep; write it as text"
    short = f"k IS NULL OR g{number} IS NULL OR strlen(g{number}) <= 16"
    return RowTest(holds=f"CASE WHEN {short} THEN true ELSE {kind} <> 'DOUBLE' END", says=says, value=number)


def _null_tests(types: Mapping[str, str], definition: SourceDefinition) -> list[RowTest]:
    tests = []
    for role, names in (("key", definition.key), ("cursor", (definition.cursor,) if definition.cursor else ())):
        for name in names:
            if name in types:
                position = list(types).index(name)
                tests.append(
                    RowTest(
                        holds=f"(g{position} IS NOT NULL OR v{position} IS NOT NULL)",
                        says=f"the {role} {name!r} is null",
                    )
                )
    return tests


def json_keys_select(scan: Scan) -> str:
    """The SELECT of every key of a scan's rows, once."""
    return f"SELECT DISTINCT unnest({quote_name(scan.keys)}) FROM {scan.relation}"
