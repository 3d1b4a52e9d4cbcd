"""Every address has a stated right, and every role gets what the table says, no more and no less."""

from __future__ import annotations

import sys
from typing import Any, get_args

import pytest

from steelyard.project import Project
from steelyard.project.access import Role
from steelyard.web import create_app
from steelyard.web.access.rights import MAY, RIGHTS, named

browse: Any = sys.modules["tests_web_browse"]
KEYS: dict[str, str] = {role: f"sy_{role}_{'x' * 40}" for role in get_args(Role)}
SETTINGS = "".join(
    f'\n[access.keys.{role}]\nrole = "{role}"\nkey = "${{TEST_{role.upper()}_KEY}}"\n' for role in get_args(Role)
)


@pytest.fixture(scope="module")
def guarded(shop_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    import os
    import shutil

    from steelyard.project import open_project

    folder = tmp_path_factory.mktemp("guarded") / "shop"
    shutil.copytree(shop_folder, folder)
    with (folder / "steelyard.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    names = {f"TEST_{role.upper()}_KEY": key for role, key in KEYS.items()}
    os.environ.update(names)
    with open_project(folder) as project:
        made = browse.Browser(create_app(project))
        yield project, made
        made.close()
    for name in names:
        del os.environ[name]


def test_every_address_has_a_stated_right_and_every_right_an_address(project: Project) -> None:
    found = named(create_app(project).routes)
    assert sorted(found) == sorted(set(found)), "an address is there twice"
    assert set(found) - set(RIGHTS) == set(), "say in web/access/rights.py what these need"
    assert set(RIGHTS) - set(found) == set(), "these are no addresses"


def path_of(address: str, project: Project) -> str:
    ledger = project.ledger
    digest = {"results": "result", "decisions": "decision", "ledger": "registration"}
    said = {"table": "orders", "file": "x.css", "id": "none"}
    path = address.split(" ")[1]
    for name, value in said.items():
        path = path.replace(f"{{{name}}}", value)
    kind = digest.get(path.split("/")[1], "result")
    path = path.replace("{name:path}", "none.md")
    path = path.replace("{digest}", ledger.entries(kind=kind)[0].digest)
    return path.replace("{name}", "revenue" if path.startswith("/metrics") else "newsletter")


@pytest.mark.parametrize("address", sorted(RIGHTS))
def test_a_role_gets_what_the_table_says(guarded: Any, address: str) -> None:
    project, browser = guarded
    method, path = address.split(" ", maxsplit=1)[0], path_of(address, project)
    for role, key in KEYS.items():
        headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
        data = {"seen": "nothing"} if method == "POST" else None
        answer = browser.ask(path, method=method, headers=headers, **({"data": data} if data else {}))
        forbidden = answer.status_code == 403 and answer.json().get("error") == "RoleError"
        assert forbidden == (RIGHTS[address] not in MAY[role]), (role, answer.text[:300])
        if forbidden:
            said = answer.json()
            assert role in said["problem"]
            assert "decider" in said["hint"]
    nobody = browser.ask(path, method=method, headers={"accept": "application/json"})
    assert (nobody.status_code == 401) == (RIGHTS[address] != "open")


def test_a_question_of_ones_own_is_not_a_viewers(guarded: Any) -> None:
    _, browser = guarded
    path = "/metrics/revenue?where=channel+%3D+'web'"
    for role, status in (("viewer", 403), ("analyst", 200)):
        answer = browser.ask(path, headers={"authorization": f"Bearer {KEYS[role]}", "accept": "text/html"})
        assert answer.status_code == status
    assert "A viewer" not in answer.text


def test_not_allowed_is_a_page_that_says_what_where_and_whom_to_ask(guarded: Any) -> None:
    _, browser = guarded
    headers = {"authorization": f"Bearer {KEYS['viewer']}", "accept": "text/html"}
    answer = browser.ask("/studies/newsletter/decide", headers=headers)
    assert answer.status_code == 403
    assert "Not allowed" in answer.text
    assert "/studies/newsletter/decide" in answer.text
    assert "ask a decider" in answer.text


def test_an_address_that_the_table_forgot_is_a_deciders_alone(guarded: Any) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    project, _ = guarded
    app = create_app(project)
    app.router.routes.append(Route("/forgotten", lambda _: PlainTextResponse("here")))
    gate = next(item for item in app.user_middleware if "routes" in item.kwargs)
    gate.kwargs["routes"].append(app.router.routes[-1])
    made = browse.Browser(app)
    for role, status in (("viewer", 403), ("analyst", 403), ("decider", 200)):
        assert made.ask("/forgotten", headers={"authorization": f"Bearer {KEYS[role]}"}).status_code == status
    made.close()


def test_pages_of_one_role_are_never_given_to_another(guarded: Any) -> None:
    _, browser = guarded
    pages = {}
    for role, key in KEYS.items():
        headers = {"authorization": f"Bearer {key}", "accept": "text/html"}
        answer = browser.ask("/studies/newsletter", headers=headers)
        pages[role] = answer.headers["etag"]
        assert ("it takes a decider" in answer.text) == (role != "decider")
        assert "private" in answer.headers["cache-control"]
    assert len(set(pages.values())) == len(KEYS)
    again = {"authorization": f"Bearer {KEYS['viewer']}", "accept": "text/html", "if-none-match": pages["decider"]}
    assert browser.ask("/studies/newsletter", headers=again).status_code == 200


def test_a_program_with_a_key_acts_without_a_form(guarded: Any) -> None:
    project, browser = guarded
    headers = {"authorization": f"Bearer {KEYS['decider']}", "accept": "application/json"}
    fields = {"question": "Again?", "choice": "stop", "action": "No.", "why": "It is done.", "reversible": "no"}
    answer = browser.ask("/studies/newsletter/decide", method="POST", data=fields, headers=headers)
    assert answer.status_code == 201
    assert answer.json()["location"].startswith("/decisions/")
    assert project.ledger.latest("decision", "newsletter").body["decision"]["who"] == "decider"
