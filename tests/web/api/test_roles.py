"""A key's role says what a program may ask of the data service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from steelyard.project import Project, open_project
from steelyard.web import create_app

ROLES = ("viewer", "analyst", "decider")
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/query", {"metrics": "orders"}),
    ("/query?format=csv", {"metrics": "orders"}),
    ("/assign", {"experiment": "checkout", "units": ["ann"]}),
)


@pytest.fixture
def keyed(assigning: Project, browser: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    path = assigning.folder / "steelyard.toml"
    lines = [f'{role}_key = {{role = "{role}", key = "${{SHOP_{role.upper()}}}"}}' for role in ROLES]
    path.write_text(path.read_text(encoding="utf-8") + "[access.keys]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    for role in ROLES:
        monkeypatch.setenv(f"SHOP_{role.upper()}", role * 8)
    with open_project(assigning.folder) as project:
        made = type(browser)(create_app(project, patience=60))
        yield made
        made.close()


def post(browser: Any, path: str, key: str, body: dict[str, Any]) -> int:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return int(browser.ask(path, method="POST", json=body, headers=headers).status_code)


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("analyst", 200), ("decider", 200)])
def test_who_may_ask_may_ask_and_others_may_not(keyed: Any, role: str, status: int) -> None:
    for path, body in ASKED:
        assert post(keyed, path, role * 8, body) == status, path
    for path in ("/metrics/orders", "/api", "/openapi.json"):
        headers = {"authorization": f"Bearer {role * 8}", "accept": "application/json"}
        assert keyed.ask(path, headers=headers).status_code == 200


@pytest.mark.parametrize("key", ["", "wrong" * 8])
def test_nobody_and_a_wrong_key_are_asked_to_sign_in(keyed: Any, key: str) -> None:
    for path, body in ASKED:
        assert post(keyed, path, key, body) == 401
