"""JSON-lines files as text columns: each line is read as text, checked to be JSON, and taken apart once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice

from steelyard.errors import DataError
from steelyard.pipeline.conversion import TEXT
from steelyard.pipeline.sources.file_facts import numbered_lines
from steelyard.pipeline.sources.row_file import rows_beside
from steelyard.pipeline.sources.scan import FileFacts, Scan, Setting
from steelyard.warehouse import quote_text

__all__ = ["DOCUMENT", "KEYS", "json_scan", "keys_of"]

DOCUMENT, KEYS, FILE, LINE = "steelyard document", "steelyard keys", "steelyard file", "steelyard line"
_LOOKED_AT = 200


def json_scan(setting: Setting, files: Sequence[FileFacts]) -> Scan:
    """The rows of JSON-lines files; a key that no column has ends the reading with `NEW_KEYS`."""
    names = _names(setting, files)
    careful = any(file.label in setting.careful for file in files)
    rejects = "" if careful else f"rejects_{os.urandom(4).hex()}"
    lines, lost = _careful_lines(setting, files) if careful else (_lines(files, rejects), ())
    own = [DOCUMENT, *([FILE] if careful or len(files) > 1 else []), *([LINE] if careful else [])]
    kept = ", ".join(f'"{name}"' for name in own)
    shape = quote_text(json.dumps(dict.fromkeys(names, TEXT)))
    # TRY parses a line once for both validity and keys.
    keyed = f'(SELECT {kept}, TRY(json_keys("{DOCUMENT}")) AS "{KEYS}" FROM {lines} WHERE "{DOCUMENT}" <> \'\')'
    valid = f'CASE WHEN "{KEYS}" IS NOT NULL THEN "{DOCUMENT}" END'
    relation = f'(SELECT {kept}, "{KEYS}", unnest(json_transform({valid}, {shape})) FROM {keyed})'
    return Scan(
        label=files[0].label if len(files) == 1 else f"{len(files)} files",
        relation=relation,
        columns=dict.fromkeys(names, TEXT),
        document=DOCUMENT,
        keys=KEYS,
        usual_keys=_first_keys(files),
        raw=DOCUMENT,
        source=FILE if FILE in own else "",
        line=LINE if careful else "",
        files=tuple(files),
        rejects=rejects,
        counted=not careful,
        lost=lost,
    )


def _lines(files: Sequence[FileFacts], rejects: str) -> str:
    """Lines as one column: no valid JSON text holds the delimiter, a control character."""
    paths = ", ".join(quote_text(str(file.path)) for file in files)
    several = f", filename = {quote_text(FILE)}" if len(files) > 1 else ""
    return (
        f"read_csv([{paths}], columns = {{{quote_text(DOCUMENT)}: '{TEXT}'}}, header = false, auto_detect = false, "
        f"delim = '\x1f', quote = '', escape = '', nullstr = '\x1e', store_rejects = true, rejects_limit = 0, "
        f"rejects_table = {quote_text(rejects)}, rejects_scan = {quote_text(rejects + '_scan')}{several})"
    )


def _careful_lines(setting: Setting, files: Sequence[FileFacts]) -> tuple[str, tuple[tuple[str, int, str, str], ...]]:
    lost: list[tuple[str, int, str, str]] = []

    def rows() -> Iterator[tuple[str | int, ...]]:
        for file in files:
            setting.tell(0, None, f"reading {file.label} line by line")
            for number, content in numbered_lines(file.path):
                try:
                    text = content.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    shown = content.decode(errors="backslashreplace").rstrip("\r\n")
                    lost.append((str(file.path), number, shown, f"byte {error.start + 1} is not UTF-8"))
                else:
                    yield text, str(file.path), number

    return rows_beside(setting.scratch, rows(), {DOCUMENT: TEXT, FILE: TEXT, LINE: "BIGINT"}), tuple(lost)


def _names(setting: Setting, files: Sequence[FileFacts]) -> tuple[str, ...]:
    """Declared columns, the table's own, those met before, and those of the first lines."""
    names = dict.fromkeys([*setting.definition.columns, *setting.columns, *setting.keys])
    for file in files:
        for _, content in islice(numbered_lines(file.path), _LOOKED_AT):
            names |= dict.fromkeys(keys_of(content))
    folded: dict[str, str] = {}
    for name in names:
        if (other := folded.setdefault(name.casefold(), name)) != name:
            problem = f"the keys {other!r} and {name!r} differ in upper and lower case alone"
            raise DataError(problem, where=files[0].label, hint="give one of them another name at the source")
    if not names:
        names = {"value": None}
    return tuple(names)


def _first_keys(files: Sequence[FileFacts]) -> tuple[str, ...]:
    first = next((content for _, content in numbered_lines(files[0].path)), b"")
    return keys_of(first)


def keys_of(content: bytes) -> tuple[str, ...]:
    """The keys of a JSON line; none where it is no object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return ()
    return tuple(found) if isinstance(found, dict) else ()
