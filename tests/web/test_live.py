"""Pages are of the project as it is now: changed files, new data, new entries; and what is unchanged costs a 304."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from steelyard.document import Heading
from steelyard.project import Project
from steelyard.web.live import LiveProject
from steelyard.web.page import Page
from steelyard.web.site import Site
from steelyard.web.view import View

METRICS = "metrics/shop.yml"
LONG = "SELECT sum(a.visit_id * b.visit_id * c.visit_id) AS s FROM visits AS a, visits AS b, visits AS c"


def change(project: Project, name: str, old: str, new: str) -> None:
    path = project.folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_metric_that_was_renamed_appears_without_a_restart(own: Project, own_browser: Any) -> None:
    assert own_browser.page("/metrics/refunds").status_code == 200
    change(own, METRICS, "  refunds:", "  given_back:")
    assert own_browser.page("/metrics/refunds").status_code == 404
    assert own_browser.page("/metrics/given_back").status_code == 200


def test_a_file_that_is_wrong_is_named_with_its_line_and_the_rest_still_shows(own: Project, own_browser: Any) -> None:
    change(own, METRICS, "  refunds: {sum:", "  refunds: {summ:")
    (own.folder / "studies" / "broken.yml").write_text("kind: experimnt\nquestion: Why?\n", encoding="utf-8")
    page = own_browser.page("/")
    assert page.status_code == 200
    assert "2 problems in the project&#x27;s files" in page.text
    assert "metrics/shop.yml:" in page.text
    assert own_browser.page("/metrics/revenue").status_code == 200
    study = own_browser.page("/studies/broken")
    assert "studies/broken.yml" in study.text
    assert "did you mean &#x27;experiment&#x27;" in study.text
    assert "Not run yet" not in study.text


def test_a_broken_steelyard_toml_is_said_above_the_pages_as_they_were(own: Project, own_browser: Any) -> None:
    assert own_browser.page("/").status_code == 200
    change(own, "steelyard.toml", 'name = "Corner shop"', "name = Corner shop")
    answer = own_browser.page("/")
    assert answer.status_code == 200
    assert "cannot be read" in answer.text
    change(own, "steelyard.toml", "name = Corner shop", 'name = "Corner shop, mended"')
    answer = own_browser.page("/")
    assert "cannot be read" not in answer.text
    assert "Corner shop, mended" in answer.text


def test_new_data_shows_at_once(own: Project, own_browser: Any) -> None:
    before = own_browser.json("/metrics/visits?grain=day")["data"]["trend"]
    again = "SELECT visit_id + 1000000, visited_on, channel, device FROM visits"
    with own.store.transaction("more visits") as transaction:
        transaction.create(
            "visits",
            f"SELECT * FROM visits UNION ALL {again}",
        )
    after = own_browser.json("/metrics/visits?grain=day")["data"]["trend"]
    assert [row["value"] for row in after] == [2 * row["value"] for row in before]


@pytest.mark.parametrize("path", ["/", "/metrics/orders?grain=month", "/studies/newsletter", "/data", "/decisions"])
def test_an_unchanged_page_costs_a_304_until_something_changes(own: Project, own_browser: Any, path: str) -> None:
    tag = own_browser.page(path).headers["etag"]

    def again() -> int:
        return int(own_browser.ask(path, headers={"accept": "text/html", "if-none-match": tag}).status_code)

    def settled() -> int:  # the clock's bucket may turn over between two requests, once
        return again() if again() == 304 else int(own_browser.page(path).headers["etag"] == tag or 304)

    assert settled() == 304
    own.ledger.append("note", "checkout", {"share": 0.05})
    assert again() == 200
    tag = own_browser.page(path).headers["etag"]
    with own.store.transaction("one more table") as transaction:
        transaction.create("extra", "SELECT 1 AS one")
    assert again() == 200
    tag = own_browser.page(path).headers["etag"]
    change(own, METRICS, "owner: support", "owner: someone else")
    assert again() == 200


def test_html_and_json_never_share_a_tag(browser: Any) -> None:
    page, data = browser.page("/metrics"), browser.ask("/metrics", headers={"accept": "application/json"})
    assert page.headers["etag"] != data.headers["etag"]
    assert page.headers["vary"] == data.headers["vary"] or "Accept" in page.headers["vary"]


@pytest.mark.parametrize("name", ["ledger", "replay of a result", "replay of a decision"])
def test_a_page_that_looks_behind_the_ledgers_heads_is_made_anew(
    browser: Any, paths: dict[str, str], name: str
) -> None:
    answer = browser.page(paths[name])
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_a_page_is_remembered_only_for_its_own_state(
    own: Project, own_browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    results = Project.results
    monkeypatch.setattr(Project, "results", lambda self, name=None: made.append(1) or results(self, name))
    for _ in range(3):
        own_browser.page("/studies")
    assert len(made) <= 2  # a bucket of the clock may end in between
    own.ledger.append("note", "checkout", {"share": 0.1})
    before = len(made)
    own_browser.page("/studies")
    assert len(made) == before + 1


def test_a_request_keeps_its_edition_while_files_change(own: Project) -> None:
    live = LiveProject(own)
    with live.lease() as first:
        assert "refunds" in first.project.definitions.metrics.metrics
        change(own, METRICS, "  refunds:", "  given_back:")
        with live.lease() as second:
            assert second is not first
            assert "given_back" in second.project.definitions.metrics.metrics
        assert first.project.ledger.heads() == second.project.ledger.heads()
        assert "refunds" in first.project.definitions.metrics.metrics
    change(own, METRICS, "  given_back:", "  refunds:")
    with live.lease() as third:
        assert third.users == 1
        assert second.project is not third.project
        assert "ledger" not in second.project.__dict__  # nobody used it any more, and so it was closed
    live.close()


def test_slow_queries_block_neither_each_other_nor_other_pages(own: Project, browser: Any) -> None:
    holds, arrived = threading.Event(), threading.Semaphore(0)

    def slow(_: View) -> Page:
        arrived.release()
        assert holds.wait(20)
        return Page(title="slow", lead=[Heading("slow", 1)])

    def quick(view: View) -> Page:
        for _ in range(8):
            assert arrived.acquire(timeout=20)  # all eight run at one time
        assert not holds.is_set()
        holds.set()
        return Page(title="quick", lead=[Heading("quick", 1)])

    live = LiveProject(own)
    site = Site(live)
    app = Starlette(
        routes=[
            Route("/slow/{n}", site.endpoint(slow, queries=True, lasting=False)),
            Route("/quick", site.endpoint(quick)),
        ]
    )
    client = type(browser)(app)
    started = time.perf_counter()
    answers = client.together(*(f"/slow/{n}" for n in range(8)), "/quick")
    assert [answer.status_code for answer in answers] == [200] * 9
    assert time.perf_counter() - started < 20
    client.close()
    live.close()


def test_many_readers_at_once_get_the_same_numbers(own_browser: Any) -> None:
    paths = ["/metrics/revenue?format=json", "/studies/newsletter?format=json", "/ledger?format=json"] * 5
    answers = own_browser.together(*paths)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers[0::3]}) == 1
    assert all(answer.json()["data"]["ok"] for answer in answers[2::3])


def test_stopping_cancels_what_runs(own: Project) -> None:
    from steelyard.errors import SteelyardError

    live = LiveProject(own)
    failed: list[BaseException] = []
    begun = threading.Event()

    def long() -> None:
        with live.lease() as edition, edition.warehouse() as warehouse:
            begun.set()
            try:
                warehouse.fetch(LONG)
            except SteelyardError as error:
                failed.append(error)

    thread = threading.Thread(target=long)
    thread.start()
    assert begun.wait(10)
    time.sleep(0.5)
    live.close()
    thread.join(20)
    assert not thread.is_alive()
    assert failed


def test_what_is_told_of_the_past_depends_on_now(
    own: Project, own_browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2031, 1, 1, tzinfo=tz or UTC)

    first = own_browser.page("/data").headers["etag"]
    monkeypatch.setattr("steelyard.web.site.datetime", Later)
    later = own_browser.page("/data")
    assert later.headers["etag"] != first
    assert "days ago" in later.text


def test_a_page_that_tells_no_age_stands_for_the_day(
    own: Project, own_browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [datetime(2031, 1, 1, 9, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return moment[0]

    monkeypatch.setattr("steelyard.web.site.datetime", Clock)
    home, explained = own_browser.page("/"), own_browser.page("/metrics/revenue/explain")
    moment[0] = datetime(2031, 1, 1, 15, tzinfo=UTC)
    assert own_browser.page("/").headers["etag"] != home.headers["etag"]
    assert own_browser.page("/metrics/revenue/explain").headers["etag"] == explained.headers["etag"]
    moment[0] = datetime(2031, 1, 2, 9, tzinfo=UTC)
    assert own_browser.page("/metrics/revenue/explain").headers["etag"] != explained.headers["etag"]
