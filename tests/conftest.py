"""What every test may use."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import settings

_SERVER = spec_from_file_location("postgres_server", Path(__file__).with_name("postgres_server.py"))
assert _SERVER is not None
assert _SERVER.loader is not None
postgres_server = module_from_spec(_SERVER)
_SERVER.loader.exec_module(postgres_server)
postgres_url = postgres_server.postgres_url

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference values and real data that development has beside the project."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("reference values and data are not beside the project")
    return SHARED


# A test's time says how busy the machine is, never whether the code is right.
settings.register_profile("steelyard", deadline=None)
settings.load_profile("steelyard")
