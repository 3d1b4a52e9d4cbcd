"""What every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference values and real data that development has beside the project."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("reference values and data are not beside the project")
    return SHARED
