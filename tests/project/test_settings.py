"""`steelyard.toml`: what it may say, older formats, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.project.settings import read_settings


def said(folder: Path, text: str) -> Path:
    (folder / "steelyard.toml").write_text(text, encoding="utf-8")
    return folder


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    settings = read_settings(said(tmp_path, ""))
    assert (settings.name, settings.zone, settings.format) == (tmp_path.name, "UTC", 1)
    assert settings.chosen().warehouse == ".steelyard/warehouse"


def test_a_file_of_format_0_is_read_as_the_present_one_and_not_changed(tmp_path: Path) -> None:
    folder = said(tmp_path, 'format = 0\nname = "old"\nwarehouse = "data/old.duckdb"\n')
    settings = read_settings(folder)
    assert settings.format == 1
    assert settings.chosen("dev").warehouse == "data/old.duckdb"
    assert "format = 0" in (folder / "steelyard.toml").read_text()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("format = 2", "format 2"),
        ("format = true", "format True"),
        ('format = "one"', "format 'one'"),
        ('zone = "Mars/Base"', "Mars/Base"),
        ("name = ", "TOML"),
        ('week_start = "someday"', "someday"),
    ],
)
def test_what_cannot_be_is_refused_with_the_file(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_settings(said(tmp_path, text))
    assert problem in caught.value.problem
    assert "steelyard.toml" in caught.value.where


def test_a_misspelt_key_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        read_settings(said(tmp_path, 'timezone = "UTC"\ncurency = "EUR"\n'))
    assert caught.value.where.startswith(str(tmp_path))


def test_a_target_that_is_none_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        read_settings(said(tmp_path, 'target = "prod"\n'))
    assert "dev" in caught.value.hint
