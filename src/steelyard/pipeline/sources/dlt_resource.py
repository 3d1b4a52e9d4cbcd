"""Rows of a dlt resource: dlt extracts them, the load converts, checks and commits them."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from steelyard.errors import DataError, DefinitionError, MissingExtraError, SteelyardError
from steelyard.pipeline.sources.python_rows import called, project_function, scan_rows
from steelyard.pipeline.sources.reads import DltReads
from steelyard.pipeline.sources.scan import Found, Setting

__all__ = ["open_dlt"]


def open_dlt(setting: Setting) -> Found:
    """What a dlt resource (or all resources of a dlt source) yields for the range that is asked.

    Raises:
        MissingExtraError: dlt is not installed.
        DefinitionError: The function is not there.
        DataError: dlt failed.
    """
    reads, where = setting.definition.reads, setting.definition.where
    assert isinstance(reads, DltReads)  # noqa: S101
    if find_spec("dlt") is None:
        raise MissingExtraError("dlt is not installed", where=where, hint="pip install 'steelyard[dlt]'")
    module, _, name = reads.resource.partition(":")
    local = (setting.folder / (module.replace(".", "/") + ".py")).is_file()
    try:
        function = (
            project_function(reads.resource, setting.folder, where)
            if local
            else getattr(importlib.import_module(module), name)
        )
    except (ImportError, AttributeError) as error:
        raise DefinitionError(
            f"there is no {reads.resource!r}: {error}", where=where, hint="module:function"
        ) from error
    setting.tell(0, None, f"extracting {reads.resource}")
    try:
        scans = scan_rows(setting, called(function, setting, reads.arguments, where), label=reads.resource)
    except SteelyardError:
        raise
    except Exception as error:
        raise DataError(f"dlt failed: {type(error).__name__}: {error}", where=where) from error
    return Found(scans=scans, whole=not (setting.asked.since or setting.asked.until))
