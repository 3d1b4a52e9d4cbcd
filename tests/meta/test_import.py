"""What `import steelyard` costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pandas", "polars", "sklearn", "scipy.stats", "scipy", "duckdb", "pyarrow", "sqlglot", "starlette", "numpy")


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_steelyard_loads_nothing_heavy() -> None:
    assert not loaded_after("import steelyard") & set(HEAVY)


def test_the_command_line_shows_its_help_without_loading_anything_heavy() -> None:
    assert not loaded_after("import steelyard.cli.app") & set(HEAVY)


def test_every_public_name_can_be_had_and_is_listed() -> None:
    import steelyard as sy

    for name in sy.__all__:
        assert getattr(sy, name) is not None
    assert set(sy.__all__) <= set(dir(sy))
    assert 20 <= len(sy.__all__) <= 45


def test_a_misspelt_public_name_is_an_attribute_error_with_a_hint() -> None:
    import steelyard as sy

    with pytest.raises(AttributeError, match="connect"):
        sy.conect  # noqa: B018
