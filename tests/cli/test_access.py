"""`steelyard access` makes what steelyard.toml takes, and shows a key once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steelyard.cli.app import app
from steelyard.errors import DefinitionError
from steelyard.project.settings import read_settings

PASSWORD = "correct horse battery"


def run(*arguments: str, given: str = "") -> str:
    found = CliRunner().invoke(app, ["access", *arguments], input=given)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.output


def settings_of(folder: Path, *parts: str) -> object:
    (folder / "steelyard.toml").write_text("\n".join(('name = "x"', *parts)), encoding="utf-8")
    return read_settings(folder).access


def test_a_password_becomes_a_hash_that_the_settings_take(tmp_path: Path) -> None:
    said = run("password", "ada.l", "--role", "decider", given=f"{PASSWORD}\n")
    assert PASSWORD not in said
    user = settings_of(tmp_path, said).users["ada.l"]  # type: ignore[attr-defined]
    assert user.role == "decider"
    assert user.accepts(PASSWORD)
    assert not user.accepts(PASSWORD + "!")


def test_a_key_is_shown_once_with_its_hash(tmp_path: Path) -> None:
    said = json.loads(run("key", "nightly", "--role", "analyst", "--json"))
    text = f'[access.keys.nightly]\nrole = "analyst"\nkey = "{said["key"]}"'
    key = settings_of(tmp_path, text).keys["nightly"]  # type: ignore[attr-defined]
    assert key.accepts(said["secret"])
    assert said["secret"] not in said["key"]
    assert text.splitlines()[0] in run("key", "nightly", "--role", "analyst")


@pytest.mark.parametrize(
    ("arguments", "given", "says"),
    [
        (("password", "ada"), "short\n", "fewer than 12 characters"),
        (("password", "ada", "--role", "king"), f"{PASSWORD}\n", "no role named 'king'"),
        (("key", "nightly", "--role", "king"), "", "no role named 'king'"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], given: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=says) as caught:
        run(*arguments, given=given)
    assert "short" not in str(caught.value)
