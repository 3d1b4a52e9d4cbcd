"""The stored values of R, of papers and of other tools, and the data that they are of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def folder(shared: Path) -> Path:
    return shared / "reference" / "experiments"


@pytest.fixture(scope="session")
def reference(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "reference.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def peers(reference: dict[str, Any]) -> dict[str, Any]:
    """Entry -> its value."""
    return {name: entry["value"] for name, entry in reference["peer_values"].items()}
