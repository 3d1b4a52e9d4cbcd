"""Alerts reach real servers, once; what a sink does not take is said, kept, and sent by the next watch."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import DataError, SteelyardError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.watching import Alert, Mail, Sink, WatchReport, Webhook, watch
from steelyard.metrics.watching.alert_log import AlertLog, append_lines
from steelyard.metrics.watching.deliver import deliver
from steelyard.warehouse import Warehouse

LAST = date(2026, 5, 19)
MESSAGE = {"event": "raised", "id": "abc", "title": "revenue\nis low", "says": "It fell.", "to_do": "Ask growth."}
ShopOf = Callable[..., Warehouse]
CatalogOf = Callable[..., MetricCatalog]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steelyard.metrics.watching.deliver.PAUSE", 0.01)


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def catalog(catalog_of: CatalogOf, *sinks: Sink, by: tuple[str, ...] = ("country",)) -> MetricCatalog:
    alert = Alert(name="revenue_low", metric="revenue", by=by, to=tuple(sink.name for sink in sinks))
    return catalog_of(alerts=[alert], sinks=sinks)


def watched(found: MetricCatalog, shop: Warehouse, folder: Path, on: date = LAST, **said: Any) -> WatchReport:
    now = datetime(on.year, on.month, on.day, 3, tzinfo=UTC) + timedelta(days=1)
    with shop:
        return watch(found, shop, on=on, now=now, folder=folder, log=folder / "log.jsonl", **said)


# The webhook


def test_a_webhook_gets_json_with_a_key_that_makes_it_safe_to_repeat(hook: Any, tmp_path: Path) -> None:
    deliver(Sink(name="hook", webhook=Webhook(url=hook.url, headers={"X-Team": "growth"})), MESSAGE, tmp_path)
    assert hook.bodies == [MESSAGE]
    assert hook.headers[0]["Idempotency-Key"] == "raised-abc"
    assert hook.headers[0]["X-Team"] == "growth"


def test_a_webhook_that_fails_for_a_while_is_asked_again(hook: Any, tmp_path: Path) -> None:
    hook.answers[:] = [503, 429, 200]
    deliver(Sink(name="hook", webhook=Webhook(url=hook.url)), MESSAGE, tmp_path)
    assert len(hook.bodies) == 3


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_a_webhook_that_does_not_take_it_is_a_failure(hook: Any, tmp_path: Path, status: int) -> None:
    hook.answers[:] = [status]
    with pytest.raises(SteelyardError, match=f"answered {status}"):
        deliver(Sink(name="hook", webhook=Webhook(url=hook.url, retries=1)), MESSAGE, tmp_path)
    assert len(hook.bodies) == (2 if status == 500 else 1)


def test_a_webhooks_secret_comes_from_the_environment_and_is_in_no_message(
    hook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Sink(name="hook", webhook=Webhook(url=hook.url, headers={"Authorization": "Bearer ${HOOK_TOKEN}"}))
    with pytest.raises(SteelyardError, match="HOOK_TOKEN"):
        deliver(sink, MESSAGE, tmp_path)
    monkeypatch.setenv("HOOK_TOKEN", "s3cret")
    deliver(sink, MESSAGE, tmp_path)
    assert hook.headers[0]["Authorization"] == "Bearer s3cret"
    away = Webhook(url=f"http://127.0.0.1:{closed_port()}/${{HOOK_TOKEN}}", retries=0)
    with pytest.raises(SteelyardError) as caught:
        deliver(Sink(name="hook", webhook=away), MESSAGE, tmp_path)
    assert "s3cret" not in str(caught.value)
    assert "no answer after 1 tries" in caught.value.problem


# Mail


def mail(port: int, **said: Any) -> Sink:
    to = said.pop("to", ("ann@example.org",))
    given = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "steelyard@example.org"}
    return Sink(name="mail", mail=Mail(**{**given, "to": to, **said}))


def test_a_mail_says_what_happened_and_what_to_do(post: Any, tmp_path: Path) -> None:
    deliver(mail(post.port, to=("ann@example.org", "Bo <bo@example.org>")), MESSAGE, tmp_path)
    (letter,) = post.letters
    assert "Subject: revenue is low" in letter
    assert "It fell." in letter
    assert "Ask growth." in letter
    assert post.recipients == ["<ann@example.org>", "<bo@example.org>"]


def test_a_mail_server_that_is_busy_is_asked_again(post: Any, tmp_path: Path) -> None:
    post.busy = 1
    deliver(mail(post.port), MESSAGE, tmp_path)
    assert len(post.letters) == 1


def test_a_recipient_who_is_refused_is_named_and_the_others_get_it_once(post: Any, tmp_path: Path) -> None:
    post.refuses = ("bo@",)
    said = deliver(mail(post.port, to=("ann@example.org", "bo@example.org")), MESSAGE, tmp_path)
    assert said == "127.0.0.1 refused bo@example.org"
    assert len(post.letters) == 1
    with pytest.raises(SteelyardError, match=r"refused bo@example\.org"):
        deliver(mail(post.port, to=("bo@example.org",)), MESSAGE, tmp_path)


def test_a_mail_signs_in_with_what_the_environment_holds(
    post: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = mail(post.port, user="ann", password="${SMTP_PASSWORD}")
    monkeypatch.setenv("SMTP_PASSWORD", "pa$$ word")
    deliver(sink, MESSAGE, tmp_path)
    assert base64.b64decode(post.signed_in[0]).decode() == "\0ann\0pa$$ word"
    monkeypatch.setenv("SMTP_PASSWORD", "pässword")  # SMTP signs in with ASCII
    with pytest.raises(SteelyardError, match="letters that it does not take") as caught:
        deliver(sink, MESSAGE, tmp_path)
    assert "pässword" not in str(caught.value)


def test_a_mail_server_that_cannot_be_reached_or_trusted_is_a_failure(post: Any, tmp_path: Path) -> None:
    for sink in (mail(closed_port(), retries=0), mail(post.port, security="starttls", retries=0)):
        with pytest.raises(SteelyardError, match="did not take the alert"):
            deliver(sink, MESSAGE, tmp_path)
    assert post.letters == []


# Once


def test_a_cause_is_told_once_however_often_it_is_looked_at_and_told_when_it_is_over(
    hook: Any, shop_of: ShopOf, catalog_of: CatalogOf, tmp_path: Path
) -> None:
    days = [LAST - timedelta(days=n) for n in (2, 1)]
    factors = {(day, "DE"): 0.2 for day in days}
    found = catalog(catalog_of, Sink(name="hook", webhook=Webhook(url=hook.url)), Sink(name="log", file="told.jsonl"))
    reports = [watched(found, shop_of(factors), tmp_path, on) for on in (days[0], days[0], days[1], LAST, LAST)]
    assert [len(report.alerts) for report in reports] == [1, 1, 1, 0, 0]
    assert [len(report.deliveries) for report in reports] == [2, 0, 0, 2, 0]
    assert [body["event"] for body in hook.bodies] == ["raised", "resolved"]
    assert len({body["id"] for body in hook.bodies}) == 1
    assert reports[2].alerts[0].since == days[0]
    assert "it goes on" in reports[2].to_text()
    assert [item.title for item in reports[3].resolved] == ["revenue in country DE is low"]
    lines = (tmp_path / "told.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["raised", "resolved"]


def test_what_is_muted_is_not_over(hook: Any, shop_of: ShopOf, catalog_of: CatalogOf, tmp_path: Path) -> None:
    day = LAST - timedelta(days=1)
    found = catalog(catalog_of, Sink(name="hook", webhook=Webhook(url=hook.url)))
    factors = {(day, "DE"): 0.2}
    assert watched(found, shop_of(factors, last=day), tmp_path, day).alerts
    report = watched(found, shop_of(factors, last=day), tmp_path, LAST)
    assert (len(report.muted), report.resolved) == (1, ())


def test_a_sink_that_is_down_loses_nothing_and_holds_up_no_other(
    hook: Any, shop_of: ShopOf, catalog_of: CatalogOf, tmp_path: Path
) -> None:
    hook.answers[:] = [500]
    found = catalog(
        catalog_of, Sink(name="hook", webhook=Webhook(url=hook.url, retries=0)), Sink(name="log", file="told.jsonl")
    )
    factors = {(LAST, "DE"): 0.2}
    first = watched(found, shop_of(factors), tmp_path)
    assert [(item.sink, item.problem is None) for item in first.deliveries] == [("hook", False), ("log", True)]
    assert "hook was not told" in first.to_text()
    assert first.exit_code == 5
    hook.answers[:] = [200]
    second = watched(found, shop_of(factors), tmp_path)
    assert [(item.sink, item.problem is None) for item in second.deliveries] == [("hook", True)]
    assert [body["title"] for body in hook.bodies] == ["revenue in country DE is low"] * 2


def test_a_dry_run_tells_and_remembers_nothing(shop_of: ShopOf, catalog_of: CatalogOf, tmp_path: Path) -> None:
    found = catalog(catalog_of, Sink(name="log", file="told.jsonl"))
    report = watched(found, shop_of({(LAST, "DE"): 0.2}), tmp_path, send=False)
    assert len(report.alerts) == 1
    assert list(tmp_path.iterdir()) == []


RAISED = {"event": "raised", "id": "a", "alert": "low", "title": "t", "says": "s", "last": "2026-05-19", "keys": ["k"]}


@pytest.mark.parametrize(
    "spoilt",
    [
        {key: value for key, value in RAISED.items() if key != "keys"} | {"to": []},
        {**RAISED, "to": [], "keys": []},
        {**RAISED, "to": "ops"},
        {**RAISED, "to": [], "id": ["a"]},
        {**RAISED, "to": [], "last": "yesterday"},
        {**RAISED, "to": [], "event": ["raised"]},
        {"event": "sent", "id": "a"},
        {"event": "resolved", "id": "a", "to": ["ops"]},
        [],
        None,
    ],
)
def test_a_line_that_lacks_what_is_read_of_it_is_named_and_no_traceback(tmp_path: Path, spoilt: Any) -> None:
    log = AlertLog(tmp_path / "log.jsonl")
    log.append([{**RAISED, "to": []}])
    with log.path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(spoilt) + "\n")
    with pytest.raises(DataError, match="line 2 of the alerts") as caught:
        log.records()
    assert "take the line out" in caught.value.hint


def test_a_line_that_a_killed_writer_left_torn_was_never_there_and_a_broken_one_is_named(tmp_path: Path) -> None:
    log = AlertLog(tmp_path / "log.jsonl")
    log.append([{**RAISED, "to": []}])
    with log.path.open("a", encoding="utf-8") as file:
        file.write('{"event": "raised", "id": "b"')
    assert [record["id"] for record in log.records()] == ["a"]
    log.append([{**RAISED, "id": "c", "to": []}])
    assert [record["id"] for record in log.records()] == ["a", "c"]
    log.path.write_text("not json\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        log.records()


def test_a_file_of_somebody_else_keeps_its_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "told.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"half a line")
    append_lines(path, b"{}\n")
    assert path.read_bytes() == b"half a line\n{}\n"


def test_a_full_disk_is_said_and_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "told.jsonl").symlink_to("/dev/full")
    with pytest.raises(SteelyardError):
        deliver(Sink(name="log", file="told.jsonl"), MESSAGE, tmp_path)
