"""What every test may use."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings


def _beside(name: str) -> ModuleType:
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


postgres_url = _beside("postgres_server").postgres_url
spark_url = _beside("spark_server").spark_url

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
