"""Signing in and out: sessions, forms, guesses, cookies, headers, and secrets that show nowhere."""

from __future__ import annotations

import hmac
import logging
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.project import Project, open_project
from steelyard.project.access import Access, Key, User
from steelyard.project.secret_hash import hash_key, hash_password, is_hash, key_matches, new_key, password_matches
from steelyard.web import create_app
from steelyard.web.access.door import session_cookie
from steelyard.web.access.form_token import LASTS, FormTokens, Once
from steelyard.web.access.posted import safe_path
from steelyard.web.access.sessions import MOST, Sessions
from steelyard.web.access.throttle import MOST_KNOWN, Throttle

browse: Any = sys.modules["tests_web_browse"]
forms: Any = sys.modules["tests_web_forms"]
PASSWORD = "correct horse battery"
KEY = "sy_" + "k" * 43
CHEAP = (16, 8, 1)
SETTINGS = f"""
[access.users.ada]
role = "decider"
password = "{hash_password(PASSWORD, CHEAP)}"
[access.users.eve]
role = "viewer"
password = "${{EVE_PASSWORD}}"
[access.keys.nightly]
role = "analyst"
key = "{hash_key(KEY)}"
"""


class Clock:
    """A clock that only moves when it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def guarded(own: Project, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("EVE_PASSWORD", "a password of eve")
    path = own.folder / "steelyard.toml"
    path.write_text(path.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    with open_project(own.folder) as project:
        made = browse.Browser(create_app(project))
        yield made
        made.close()


def sign_in(browser: Any, user: str = "ada", password: str = PASSWORD, **more: str) -> Any:
    fields = {**forms.filled(browser.page("/login").text), "user": user, "password": password, **more}
    return forms.post(browser, "/login", fields)


def cookie_name(project: Project) -> str:
    return session_cookie(project.folder, project.target_name)


def cookie(browser: Any, project: Project) -> str:
    return str(browser.client.cookies.get(cookie_name(project)))


def test_who_is_not_signed_in_is_led_to_the_form_and_back(guarded: Any) -> None:
    asked = guarded.page("/metrics?format=html")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fmetrics%3Fformat%3Dhtml")
    page = guarded.page(asked.headers["location"])
    assert forms.filled(page.text)["next"] == "/metrics?format=html"
    answer = sign_in(guarded, next="/metrics")
    assert (answer.status_code, answer.headers["location"]) == (303, "/metrics")
    assert guarded.page("/metrics").status_code == 200
    assert "decider" in guarded.page("/account").text


def test_a_program_is_told_to_send_a_key(guarded: Any) -> None:
    answer = guarded.ask("/metrics", headers={"accept": "application/json"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert set(answer.json()) == {"error", "problem", "where", "hint"}
    assert guarded.ask("/metrics", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
    for wrong in (f"Bearer {KEY}x", "Bearer ", f"Basic {KEY}", "Bearer \xff"):
        answer = guarded.ask("/metrics", headers={"authorization": wrong.encode("latin-1"), "accept": "a/b"})
        assert answer.status_code == 401


def test_a_password_from_the_environment_works(guarded: Any) -> None:
    assert sign_in(guarded, "eve", "a password of eve").status_code == 303
    assert "viewer" in guarded.page("/account").text


def test_a_session_is_new_after_signing_in_and_what_was_brought_along_is_not_taken_over(
    guarded: Any, own: Project
) -> None:
    guarded.client.cookies.set(cookie_name(own), "chosen-by-somebody-else", domain="127.0.0.1")
    guarded.page("/login")
    before = cookie(guarded, own)
    assert before != "chosen-by-somebody-else"
    sign_in(guarded)
    after = cookie(guarded, own)
    assert after not in (before, "chosen-by-somebody-else")
    guarded.client.cookies.clear()
    for token in (before, "chosen-by-somebody-else"):
        answer = guarded.ask("/metrics", headers={"cookie": f"{cookie_name(own)}={token}", "accept": "text/html"})
        assert answer.status_code == 303


def test_signing_out_ends_the_session_for_whoever_holds_its_cookie(guarded: Any, own: Project) -> None:
    sign_in(guarded)
    token = cookie(guarded, own)
    answer = forms.post(guarded, "/logout", forms.filled(guarded.page("/account").text))
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    again = guarded.ask("/metrics", headers={"cookie": f"{cookie_name(own)}={token}", "accept": "text/html"})
    assert again.status_code == 303


def test_two_projects_on_one_host_do_not_sign_each_other_out(guarded: Any, own: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(own.folder, other)
    sign_in(guarded)
    with open_project(other) as project:
        beside = browse.Browser(create_app(project))
        beside.client.cookies.update(guarded.client.cookies)  # one host: a browser sends both all of its cookies
        assert beside.page("/metrics").status_code == 303
        sign_in(beside)
        assert beside.page("/metrics").status_code == 200
        guarded.client.cookies.update(beside.client.cookies)
        assert guarded.page("/metrics").status_code == 200
        beside.close()


def test_who_is_struck_out_of_the_settings_is_out_at_once(guarded: Any, own: Project) -> None:
    sign_in(guarded)
    assert guarded.page("/metrics").status_code == 200
    path = own.folder / "steelyard.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("access.users.ada", "access.users.bob"), encoding="utf-8")
    assert guarded.page("/metrics").status_code == 303


def test_another_password_ends_the_sessions_of_the_one_before(guarded: Any, own: Project) -> None:
    sign_in(guarded)
    assert guarded.page("/metrics").status_code == 200
    path = own.folder / "steelyard.toml"
    text = path.read_text(encoding="utf-8")
    before = re.search(r'\[access\.users\.ada\][^\[]*?password = "([^"]+)"', text)
    assert before is not None
    path.write_text(text.replace(before[1], hash_password("another one, and long", (16, 8, 1))), encoding="utf-8")
    assert guarded.page("/metrics").status_code == 303


def test_a_file_that_cannot_be_read_lets_nobody_in_and_nobody_out(guarded: Any, own: Project) -> None:
    sign_in(guarded)
    path = own.folder / "steelyard.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "[access", encoding="utf-8")
    assert guarded.page("/metrics").status_code == 200
    path.unlink()
    assert guarded.page("/metrics").status_code == 200
    guarded.client.cookies.clear()
    assert guarded.page("/metrics").status_code == 303


def test_a_cookie_is_for_no_script_and_no_other_site(guarded: Any, own: Project) -> None:
    made = sign_in(guarded).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(made.split("; "))
    assert "Secure" not in made
    with open_project(own.folder) as project:
        tls = browse.Browser(create_app(project), base="https://127.0.0.1:8765")
        assert "Secure" in tls.page("/login").headers["set-cookie"].split("; ")
        tls.close()


def test_pages_with_forms_and_answers_to_them_are_kept_nowhere(guarded: Any) -> None:
    for answer in (guarded.page("/login"), sign_in(guarded), guarded.page("/account"), guarded.page("/nope")):
        assert answer.headers["cache-control"] == "no-store"


def test_guesses_are_slowed_down_by_name_and_by_address(guarded: Any) -> None:
    page = forms.filled(guarded.page("/login").text)
    for number in range(10):
        answer = forms.post(guarded, "/login", {**page, "user": f"ada{number}", "password": "wrong"})
        assert answer.status_code == 401
        assert "The name or the password is wrong" in answer.text
    answer = forms.post(guarded, "/login", {**page, "user": "ada", "password": PASSWORD})
    assert answer.status_code == 429
    assert "wait" in answer.text


def test_guessed_keys_are_slowed_down(guarded: Any) -> None:
    for number in range(10):
        assert guarded.ask("/metrics", headers={"authorization": f"Bearer {number}"}).status_code == 401
    assert guarded.ask("/metrics", headers={"authorization": f"Bearer {KEY}"}).status_code == 429


def test_the_throttle_forgets_after_its_time_and_holds_no_more_names_than_it_may() -> None:
    clock = Clock()
    throttle = Throttle(most=3, seconds=60, clock=clock)
    for _ in range(3):
        throttle.failed("ada", "10.0.0.1")
        clock.now += 1
    assert throttle.wait("ada") == throttle.wait("nobody", "10.0.0.1") == 57
    clock.now += 57
    assert throttle.wait("ada") == 0
    for number in range(MOST_KNOWN + 50):
        throttle.failed(f"name {number}")
    assert len(throttle._failed) == MOST_KNOWN


def test_a_session_ends_after_its_hours_and_too_many_visitors_end_nobodys() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    signed = sessions.begin("ada", 2)
    for _ in range(MOST + 10):
        sessions.begin("", 2)
    assert sessions.find(signed.token) is signed
    assert signed.token not in repr(signed)
    clock.now += 2 * 3600
    assert sessions.find(signed.token) is None


@pytest.mark.parametrize("path", ["/studies/newsletter/run", "/studies/newsletter/decide", "/login", "/logout"])
def test_a_form_without_its_token_or_with_another_sessions_is_refused(guarded: Any, own: Project, path: str) -> None:
    sign_in(guarded)
    before = len(own.ledger.entries())
    other = browse.Browser(guarded.client._transport.app)
    sign_in(other)
    page = {"/login": "/login", "/logout": "/account"}.get(path, path)
    theirs = forms.filled(other.page(page).text)["form"]
    mine = forms.filled(guarded.page(page).text)["form"]
    number, at, signature = mine.split(".")
    wrong = ("", "x", theirs, f"{number}.{at}.{signature[:-1]}", f"{number}.{int(at) + 1}.{signature}", f"{number}..")
    for token in wrong:
        answer = forms.post(guarded, path, {"form": token, "step": "do", "user": "ada", "password": PASSWORD})
        assert answer.status_code == 403, token
        assert "Not this form" in answer.text
    assert forms.post(guarded, path, {"step": "do"}).status_code == 403
    assert len(own.ledger.entries()) == before
    other.close()


def test_a_token_is_for_one_act_and_an_hour() -> None:
    clock = Clock()
    tokens = FormTokens(clock)
    made = tokens.made(b"secret", "/a")
    assert tokens.number_of(made, b"secret", "/a") == made.split(".", maxsplit=1)[0]
    assert tokens.number_of(made, b"secret", "/b") is None
    assert tokens.number_of(made, b"another", "/a") is None
    clock.now += LASTS
    assert tokens.number_of(made, b"secret", "/a") is None


@given(st.text(max_size=60))
def test_whatever_is_sent_as_a_token_is_refused_and_not_an_error(text: str) -> None:
    assert FormTokens(Clock()).number_of(text, b"secret", "/a") is None


def test_what_a_form_did_is_remembered_for_longer_than_its_token_is_valid() -> None:
    clock = Clock()
    once = Once(clock)
    first, mine = once.claim("n")
    assert mine
    clock.now += LASTS + 1
    assert once.claim("n") == (first, False)
    once.release("n")
    assert once.claim("n")[1]


@pytest.mark.parametrize("path", ["/studies/newsletter/run", "/studies/newsletter/decide", "/login", "/logout"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_posts_nothing(guarded: Any, path: str, headers: dict[str, str]) -> None:
    sign_in(guarded)
    answer = forms.post(guarded, path, {"step": "do"}, **headers)
    assert answer.status_code == 403
    assert "may not post here" in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_where_a_form_may_be_posted(guarded: Any, method: str) -> None:
    assert guarded.ask("/studies/newsletter/decide", method=method).status_code == 405


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a\r\nset-cookie: x=1",
        "javascript:alert(1)",
        "/a b",
    ],
)
def test_nobody_is_led_elsewhere_and_no_header_is_made_up(guarded: Any, text: str) -> None:
    assert safe_path(text) == "/"
    answer = sign_in(guarded, next=text)
    assert answer.headers["location"] == "/"
    assert "x=1" not in str(answer.headers)


def test_a_form_that_is_too_large_or_none_is_refused(guarded: Any) -> None:
    assert forms.post(guarded, "/login", {"user": "x" * 70_000}).status_code == 413
    answer = guarded.ask("/login", method="POST", content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 403
    form = {"content-type": "application/x-www-form-urlencoded"}
    for content in (b"user=a&user=b", b"user=%ff", "user=\u00e4".encode(), b"&".join(b"a%d=1" % n for n in range(80))):
        assert guarded.ask("/login", method="POST", content=content, headers=form).status_code == 400


def test_no_secret_is_in_a_page_or_in_the_log(guarded: Any, caplog: pytest.LogCaptureFixture, own: Project) -> None:
    caplog.set_level(logging.DEBUG)
    sign_in(guarded, password="a wrong password")
    sign_in(guarded)
    token = cookie(guarded, own)
    guarded.ask("/metrics", headers={"authorization": f"Bearer {KEY}"})
    texts = [guarded.page(path).text for path in ("/", "/account", "/data", "/ledger", "/studies/newsletter", "/nope")]
    texts += ["\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))]
    settings = open_project(own.folder).settings
    texts.append(repr(settings))
    for secret in (PASSWORD, "a wrong password", token, KEY, hash_key(KEY), settings.access.users["ada"].password):
        assert not any(secret in text for text in texts)


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = hmac.compare_digest

    def counted(left: Any, right: Any) -> bool:
        compared.append(len(left) == len(right))
        return bool(real(left, right))

    monkeypatch.setattr(hmac, "compare_digest", counted)
    assert User(role="viewer", password=hash_password(PASSWORD, CHEAP)).accepts(PASSWORD)
    assert Key(role="viewer", key=hash_key(KEY)).accepts(KEY)
    monkeypatch.setenv("SOME_KEY", KEY)
    assert Key(role="viewer", key="${SOME_KEY}").accepts(KEY)
    FormTokens(Clock()).number_of("a.1.c", b"secret", "/")
    assert len(compared) == 4
    assert compared[:3] == [True] * 3


@given(st.text(), st.text())
def test_a_hash_matches_its_own_secret_alone(one: str, other: str) -> None:
    one, other = (text.encode("utf-8", "ignore").decode() for text in (one, other))
    hashed = hash_password(one, CHEAP)
    assert is_hash(hashed)
    assert password_matches(one, hashed)
    assert password_matches(other, hashed) == (one == other)
    assert key_matches(other, hash_key(one)) == (one == other)
    assert not password_matches(one, one)


def test_keys_are_new_each_time() -> None:
    assert len({new_key() for _ in range(100)}) == 100


@pytest.mark.parametrize("secret", ["hunter2", "", "scrypt:hello", "${A}x", hash_key("x" * 40)])
def test_a_password_in_the_open_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(DefinitionError, match="written down in the open") as caught:
        Access(users={"ada": User(role="viewer", password=secret)}).check("steelyard.toml")
    assert not secret or secret not in str(caught.value)


def test_a_secret_that_is_not_in_the_environment_or_too_short_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(users={"ada": User(role="viewer", password="${ADA_PASSWORD}")})
    for value in (None, "short"):
        if value:
            monkeypatch.setenv("ADA_PASSWORD", value)
        with pytest.raises(DefinitionError, match="ADA_PASSWORD") as caught:
            access.check_environment()
        assert not value or value not in str(caught.value)
    monkeypatch.setenv("ADA_PASSWORD", "long enough to be one")
    access.check_environment()


def test_pages_name_no_path_of_a_template_that_was_asked_for(guarded: Any) -> None:
    answer = guarded.page("/login?next=" + "{{ config }}{% include '/etc/passwd' %}")
    assert answer.status_code == 200
    assert not re.search(r"root:|config \}\}", answer.text)
