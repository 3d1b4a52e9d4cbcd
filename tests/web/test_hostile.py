"""Hostile names, unknown names, wrong dates, other hosts and other methods: a designed page, and the same as JSON."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.project import Project
from steelyard.web import create_app
from steelyard.web.guard import HEADERS

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "'; DROP TABLE orders; --",
    "{{ 7777 * 7777 }}",
    "{% include '/etc/passwd' %}",
    "a\x00b",
    "\ud7ff\U0001f600 \u202eevil",
    "x" * 3000,
)
SCRIPT = re.compile(r'<script src="/assets/steelyard-[0-9a-f]{16}\.js" defer></script>')
IN_PATH = (
    "/metrics/{}", "/metrics/{}/explain", "/studies/{}", "/studies/{}/plan", "/results/{}", "/results/{}/replay",
    "/decisions/{}", "/decisions/{}/replay", "/data/{}", "/ledger/{}", "/assets/{}", "/{}",
    "/documents/{}", "/dashboards/{}", "/analyses/{}", "/studies/{}/run", "/work/{}",
)  # fmt: skip
IN_QUERY = (
    "/metrics/revenue?grain={}", "/metrics/revenue?by={}", "/metrics/revenue?where={}", "/metrics/revenue?since={}",
    "/metrics/revenue?until={}", "/metrics/revenue?as_of={}", "/metrics/revenue/explain?before={}",
    "/metrics/revenue/explain?after={}", "/ledger?before={}", "/ledger?kind={}", "/?format={}", "/?{}=1",
)  # fmt: skip


def harmless(text: str) -> None:
    assert SCRIPT.sub("", text).count("<script") == 0
    assert "<img src=x" not in text
    assert "root:" not in text
    assert "Traceback" not in text
    assert 'File "' not in text
    assert "60481729" not in text


@pytest.mark.parametrize("address", IN_PATH)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_in_the_path_is_not_found_and_escaped(browser: Any, address: str, name: str) -> None:
    answer = browser.page(address.format(quote(name, safe="")))
    assert answer.status_code in (400, 404)
    harmless(answer.text)
    said = browser.json(address.format(quote(name, safe="")))
    assert set(said) == {"error", "problem", "where", "hint"}


@pytest.mark.parametrize("address", IN_QUERY)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_in_the_query_is_refused_and_escaped(browser: Any, address: str, name: str) -> None:
    answer = browser.page(address.format(quote(name, safe="")))
    assert answer.status_code in (400, 404)
    harmless(answer.text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=40), where=st.sampled_from(IN_PATH + IN_QUERY))
def test_whatever_is_asked_the_server_neither_fails_nor_shows_its_inside(browser: Any, name: str, where: str) -> None:
    answer = browser.page(where.format(quote(name, safe="", errors="replace")))
    assert answer.status_code < 500
    harmless(answer.text)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/metrics/revenu", "revenue"),
        ("/metrics/revenu/explain", "revenue"),
        ("/studies/newslettr", "newsletter"),
        ("/data/order", "orders"),
        ("/metrics/revenue?by=chanel", "channel"),
        ("/decision", "/decisions"),
    ],
)
def test_an_unknown_name_is_not_found_with_the_nearest_known_one(browser: Any, path: str, hint: str) -> None:
    answer = browser.page(path)
    assert answer.status_code == 404
    assert "Not found" in answer.text
    assert f"did you mean &#x27;{hint}&#x27;" in answer.text
    said = browser.json(path)
    assert f"did you mean '{hint}'" in said["hint"]
    assert said["error"] == "UnknownNameError"


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday", "since=2026-02-30", "until=20260101", "since=2026-03-01&until=2026-02-01", "grain=fortnight",
        "as_of=-1", "as_of=x", "since=0001-01-01", "since=9999-12-31", "sicne=2026-01-01", "grain=day&grain=week",
        "where=1+=", "format=xml", "where=amount+>+(select+1)",
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_a_400_that_says_why(browser: Any, query: str) -> None:
    answer = browser.page(f"/metrics/revenue?{query}")
    assert answer.status_code in (400, 404), answer.text
    assert browser.json(f"/metrics/revenue?{query}")["problem"]


@pytest.mark.parametrize("query", ["before=2026-01-01", "before=a..b", "before=2026-02-01..2026-01-01", "after=.."])
def test_a_range_that_is_none_is_a_400(browser: Any, query: str) -> None:
    answer = browser.page(f"/metrics/revenue/explain?{query}")
    assert answer.status_code == 400
    assert "range" in answer.text or "date" in answer.text


def test_a_sensitive_column_is_refused_by_policy(browser: Any) -> None:
    for query in ("by=email", "where=email+%3D+'person1@example.org'"):
        answer = browser.page(f"/metrics/revenue?{query}")
        assert answer.status_code == 403, answer.text
        assert "sensitive" in answer.text


def test_a_catalog_version_that_never_was_is_an_error_page(browser: Any) -> None:
    answer = browser.page("/metrics/revenue?as_of=9999")
    assert answer.status_code == 404
    assert "9999" in answer.text


@pytest.mark.parametrize("path", ["/", "/metrics/revenue", "/metrics/nope", "/nope", "/studies/newsletter?format=json"])
def test_every_answer_carries_the_strict_headers(browser: Any, path: str) -> None:
    answer = browser.page(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'; connect-src 'self'" in policy


def test_assets_carry_the_hash_of_their_content_and_may_be_kept_for_ever(browser: Any) -> None:
    page = browser.page("/").text
    found = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
    assert len(set(found)) == 3
    for path in found:
        answer = browser.page(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert browser.page(re.sub(r"-[0-9a-f]{16}", "-0000000000000000", found[0])).status_code == 404
    style = browser.page(next(path for path in found if path.endswith(".css"))).text
    assert "url(" not in style
    assert "@import" not in style


def test_another_host_reads_nothing_even_where_its_name_leads_here(browser: Any) -> None:
    for host in (
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "",
        "[::1].evil.example",
        "10.0.0.1",
    ):
        answer = browser.ask("/", headers={"host": host})
        assert answer.status_code == 421, host
        assert "USD" not in answer.text
    for host in ("localhost:8765", "127.0.0.1", "[::1]:9", "LOCALHOST"):
        assert browser.ask("/metrics", headers={"host": host}).status_code == 200


def test_an_application_for_any_host_can_be_made(project: Project, browser: Any) -> None:
    other = type(browser)(create_app(project, hosts=None, patience=60), base="http://shop.example")
    assert other.page("/metrics").status_code == 200
    other.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_reading_is_allowed(browser: Any, method: str) -> None:
    for path in ("/", "/decisions", "/assets/x", "/nope"):
        answer = browser.ask(path, method=method)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"


def test_head_gives_the_headers_alone(browser: Any) -> None:
    answer = browser.ask("/metrics", method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_unexpected_failure_shows_neither_its_words_nor_a_trace(
    own_browser: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(Project, "results", broken)
    answer = own_browser.page("/studies")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    harmless(answer.text)
    assert own_browser.json("/studies")["error"] == "UnexpectedError"
    assert "hunter2" in caplog.text


def test_a_place_in_an_error_does_not_tell_where_on_the_disk_the_project_is(browser: Any, project: Project) -> None:
    for path in ("/studies/nope", "/data/nope", "/metrics/nope", "/results/00000000"):
        assert str(project.folder) not in browser.page(path).text
