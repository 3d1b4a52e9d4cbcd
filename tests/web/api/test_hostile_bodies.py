"""Whatever is sent, the service answers with one shape of error, and neither fails nor shows its inside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATHS = ("/query", "/query?format=csv", "/assign")
TYPE = {"content-type": "application/json"}
SHAPE = {"error", "problem", "where", "hint"}
BODIES = {
    "nothing": b"",
    "no JSON": b"metrics=revenue",
    "no UTF-8": b'{"metrics": "\xff\xfe"}',
    "half": b'{"metrics": ["revenue"',
    "two": b'{"metrics": ["revenue"]} {}',
    "a list": b'["revenue"]',
    "a text": b'"revenue"',
    "null": b"null",
    "NaN": b'{"metrics": ["revenue"], "limit": NaN}',
    "infinity": b'{"metrics": ["revenue"], "limit": 1e999}',
    "deep": b'{"metrics": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "deep in a known key": b'{"metrics": ["revenue"], "top": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
    "a long number": b'{"metrics": ["revenue"], "limit": ' + b"9" * 5_000 + b"}",
    "a lone surrogate": b'{"metrics": ["\\ud800"], "experiment": "\\ud800", "units": ["a"]}',
    "a zero byte": b'{"metrics": ["a\\u0000b"], "experiment": "a\\u0000b", "units": ["a"]}',
}


def post(browser: Any, path: str, content: bytes, **headers: str) -> Any:
    return browser.ask(path, method="POST", content=content, headers={**TYPE, **headers})


def harmless(answer: Any, path: str) -> None:
    assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == SHAPE
    assert "Traceback" not in answer.text
    assert len(answer.text) < 20_000


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_refused(browser: Any, path: str, name: str) -> None:
    harmless(post(browser, path, BODIES[name]), path)


@pytest.mark.parametrize("path", PATHS)
def test_a_huge_body_is_refused_and_not_read_to_its_end(browser: Any, path: str) -> None:
    answer = post(browser, path, b'{"metrics": ["' + b"x" * 1_100_000 + b'"]}')
    assert answer.status_code == 413
    harmless(answer, path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "said", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"]
)
def test_another_content_type_is_refused(browser: Any, path: str, said: str) -> None:
    """A form of another site can send these without asking first."""
    answer = browser.ask(
        path, method="POST", content=b"{}", headers={"content-type": said, "accept": "application/json"}
    )
    assert answer.status_code == 415
    assert set(answer.json()) == SHAPE


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(browser: Any, path: str, method: str) -> None:
    answer = browser.ask(path, method=method, headers={"accept": "application/json"})
    assert answer.status_code == 405
    assert set(answer.json()) == SHAPE


@pytest.mark.parametrize("path", PATHS)
def test_another_sites_page_cannot_ask(browser: Any, path: str) -> None:
    assert post(browser, path, b"{}", origin="https://evil.example").status_code == 403


@pytest.mark.parametrize(
    "where",
    [
        "channel = '<script>alert(1)</script>'", "channel = 'a''b'", "channel = '\"; DROP TABLE orders; --'",
        "channel = '{{ 7 * 7 }}'", "channel = '../../etc/passwd'",
    ],
)  # fmt: skip
def test_a_value_with_quotes_and_scripts_is_a_value(browser: Any, where: str) -> None:
    answer = browser.ask("/query", method="POST", json={"metrics": ["orders"], "where": where})
    assert answer.status_code == 200
    assert answer.json()["rows"] == [{"orders": 0}]


@pytest.mark.parametrize(
    "where",
    [
        "channel = 'a' OR 1 = (SELECT 1)",
        "1; DROP TABLE orders",
        "channel = read_text('/etc/passwd')",
        "email = 'a'",
    ],
)
def test_a_condition_that_is_none_is_refused(browser: Any, where: str) -> None:
    harmless(browser.ask("/query", method="POST", json={"metrics": ["orders"], "where": where}), where)


KEYS = ["metrics", "by", "grain", "where", "since", "until", "order", "limit", "fill", "having", "top", "context",
        "complete_through", "as_of", "definitions", "experiment", "units", "expose", "at", "constructor"]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
        ["revenue", "channel", "month", "checkout", "2026-01-01", "now"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=st.sampled_from(PATHS), body=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_whatever_is_sent_is_answered(browser: Any, path: str, body: dict[str, Any]) -> None:
    answer = post(browser, path, json.dumps(body).encode("utf-8", "replace"))
    assert answer.status_code < 500, (body, answer.text)
    assert "Traceback" not in answer.text
