"""A query that takes long is shown as running, can be stopped, is shared by those who ask the same, and never leaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from steelyard.document import Heading
from steelyard.errors import SteelyardError, UnknownNameError
from steelyard.project import Project
from steelyard.web import create_app, work
from steelyard.web.live import LiveProject
from steelyard.web.page import Page
from steelyard.web.site import Site
from steelyard.web.view import View
from steelyard.web.work_pages import work_routes

LONG = "SELECT sum(a.visit_id * b.visit_id * c.visit_id) AS s FROM visits AS a, visits AS b, visits AS c"
HTML = {"accept": "text/html"}
JSON = {"accept": "application/json"}


class Slow:
    """A page that waits until it may go on, and one whose query takes days."""

    def __init__(self) -> None:
        self.holds, self.made, self.ended = threading.Event(), 0, threading.Event()
        self.began, self.lasts = threading.Event(), 0.0

    def held(self, view: View) -> Page:
        self.made += 1
        self.began.set()
        assert self.holds.wait(30)
        time.sleep(self.lasts)
        with view.warehouse() as warehouse:
            warehouse.fetch("SELECT 1 AS one")
        return Page(title="there", lead=[Heading("There it is", 1)], data={"made": self.made})

    def endless(self, view: View) -> Page:
        self.made += 1
        self.began.set()
        try:
            with view.warehouse() as warehouse:
                warehouse.fetch(LONG)
        finally:
            self.ended.set()
        raise AssertionError("it cannot have ended")


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def client(own: Project, browser: Any, slow: Slow) -> Iterator[Any]:
    live = LiveProject(own)
    site = Site(live, patience=0.05)
    routes = [
        Route("/held", site.endpoint(slow.held, queries=True, takes=("n",))),
        Route("/held-anew", site.endpoint(slow.held, queries=True, lasting=False)),
        Route("/endless", site.endpoint(slow.endless, queries=True)),
        *work_routes(site),
    ]
    made = type(browser)(Starlette(routes=routes, exception_handlers={SteelyardError: site.failed}))  # type: ignore[dict-item]
    made.site = site
    yield made
    slow.holds.set()
    made.close()
    site.close()
    live.close()


def until(true: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def number_of(answer: Any) -> str:
    return str(answer.headers["x-steelyard-work"])


@pytest.mark.parametrize("path", ["/held", "/held-anew"])
def test_a_person_is_shown_that_it_runs_and_is_led_to_the_answer(client: Any, slow: Slow, path: str) -> None:
    answer = client.page(path)
    assert answer.status_code == 202
    assert "Working on it" in answer.text
    assert "<script>" not in answer.text
    assert f'action="/work/{number_of(answer)}/cancel"' in answer.text
    seconds, _, again = answer.headers["refresh"].partition("; url=")
    assert seconds == "1"
    assert client.page(again).status_code == 202
    slow.holds.set()
    there = until(lambda: (found := client.page(again)).status_code == 200 and found)
    assert "There it is" in there.text
    assert slow.made == 1
    led = client.page(again)  # it is fetched once, and then the address without it stands for the page
    assert (led.status_code, led.headers["location"]) == (303, path)


def test_a_program_waits_for_the_answer(client: Any, slow: Slow) -> None:
    threading.Timer(0.4, slow.holds.set).start()
    answer = client.ask("/held", headers=JSON)
    assert (answer.status_code, answer.json()["data"]) == (200, {"made": 1})


def test_a_program_may_wait_for_longer_than_anybody_is_silent(
    client: Any, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "FORSAKEN", 0.1)
    threading.Timer(1.0, slow.holds.set).start()
    assert client.ask("/held", headers=JSON).status_code == 200


def test_those_who_ask_the_same_share_one_run_and_others_do_not(client: Any, slow: Slow) -> None:
    first, second, other = client.page("/held"), client.page("/held"), client.page("/held?n=2")
    assert len({number_of(answer) for answer in (first, second, other)}) == 3
    until(lambda: slow.made == 2)
    slow.holds.set()
    pages = [until(lambda a=a: (f := client.page(a.headers["refresh"].partition("url=")[2])).status_code == 200 and f)
             for a in (first, second, other)]  # fmt: skip
    assert slow.made == 2
    assert [page.text.count("There it is") > 0 for page in pages] == [True] * 3
    assert client.page("/held").status_code == 200
    assert slow.made == 2  # remembered


def test_what_is_made_anew_each_time_is_not_shared(client: Any, slow: Slow) -> None:
    client.page("/held-anew")
    client.page("/held-anew")
    until(lambda: slow.made == 2)


def test_cancelling_interrupts_the_query(client: Any, slow: Slow) -> None:
    answer = client.page("/endless")
    assert slow.began.wait(20)
    number = number_of(answer)
    said = client.json(f"/work/{number}")
    assert (said["state"], said["id"]) == ("running", number)
    assert said["seconds"] >= 0
    assert said["progress"] is None or 0 <= said["progress"] <= 1
    gone = client.ask(f"/work/{number}/cancel", method="POST", headers=HTML)
    assert (gone.status_code, gone.headers["location"]) == (303, f"/work/{number}/cancelled")
    assert slow.ended.wait(20)
    page = client.page(gone.headers["location"])
    assert page.status_code == 409
    assert "This was cancelled" in page.text
    assert client.ask(f"/work/{number}", headers=JSON).status_code == 404


def test_one_who_cancels_does_not_stop_it_for_the_others(client: Any, slow: Slow) -> None:
    first, second = client.page("/held"), client.page("/held")
    said = client.ask(f"/work/{number_of(first)}/cancel", method="POST", headers=JSON)
    assert said.json()["state"] == "cancelled"
    slow.holds.set()
    again = second.headers["refresh"].partition("url=")[2]
    assert "There it is" in until(lambda: (found := client.page(again)).status_code == 200 and found).text


def test_after_a_cancel_it_can_be_asked_again(client: Any, slow: Slow) -> None:
    for time_ in (1, 2):
        slow.began.clear()
        answer = client.page("/endless")
        assert slow.began.wait(20)
        assert slow.made == time_
        client.ask(f"/work/{number_of(answer)}/cancel", method="POST")
        assert slow.ended.wait(20)
        until(lambda: not client.site.queue._shared)


def test_a_run_that_waits_for_its_turn_can_be_cancelled_too(client: Any, slow: Slow) -> None:
    held = [client.page(f"/held?n={n}") for n in range(8)]
    until(lambda: slow.made == 8)
    waiting = client.page("/held?n=9")
    client.ask(f"/work/{number_of(waiting)}/cancel", method="POST")
    slow.holds.set()
    until(lambda: not client.site.queue._shared)
    assert slow.made == 8
    assert len(held) == 8


@pytest.mark.parametrize("accept", ["*/*", "text/csv", "image/png,image/*;q=0.8", ""])
def test_who_asks_for_no_page_waits_and_gets_no_page_that_works_in_the_place_of_a_file(
    client: Any, slow: Slow, accept: str
) -> None:
    slow.holds.set()
    slow.lasts = 0.3
    answer = client.ask("/held", headers={"accept": accept})
    assert (answer.status_code, "refresh" in answer.headers) == (200, False)
    assert "There it is" in answer.text


def test_what_nobody_waits_for_any_more_is_stopped(client: Any, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "FORSAKEN", 0.2)
    client.page("/endless")
    assert slow.began.wait(20)
    assert slow.ended.wait(20)
    until(lambda: not client.site.queue._tickets)


def test_a_program_that_hangs_up_stops_its_query(client: Any, slow: Slow) -> None:
    sent: list[Any] = []
    hung_up = threading.Event()

    async def ask() -> None:
        import anyio

        async def receive() -> dict[str, Any]:
            while not hung_up.is_set():
                await anyio.sleep(0.02)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/endless", "raw_path": b"/endless", "query_string": b"",
                 "headers": [(b"accept", b"application/json"), (b"host", b"127.0.0.1")], "root_path": "",
                 "scheme": "http", "server": ("127.0.0.1", 80)}  # fmt: skip
        await client.client._transport.app(scope, receive, send)

    threading.Thread(target=lambda: slow.began.wait(20) and hung_up.set()).start()
    client._portal.call(ask)
    assert slow.ended.wait(20)


def test_nobody_holds_what_another_began(client: Any, slow: Slow) -> None:
    number = number_of(client.page("/held"))
    mine = client.json(f"/work/{number}")
    assert mine["state"] == "running"
    with pytest.raises(UnknownNameError):
        client.site.queue.ticket(number, "another's session")
    slow.holds.set()


def test_an_unknown_run_is_not_found(browser: Any) -> None:
    assert browser.ask("/work/nope", headers=JSON).status_code == 404
    assert browser.ask("/work/nope/cancel", method="POST", headers=JSON).status_code == 404
    led = browser.page("/metrics/revenue?where=channel+%3D+'a%26b'&work=nope&since=")
    assert (led.status_code, led.headers["location"]) == (303, "/metrics/revenue?where=channel+%3D+%27a%26b%27&since=")
    assert browser.page("//evil.example/x?work=nope").status_code == 404


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
def test_another_sites_page_cannot_post(browser: Any, headers: dict[str, str]) -> None:
    answer = browser.ask("/work/nope/cancel", method="POST", headers={**JSON, **headers})
    assert answer.status_code == 403
    assert answer.json()["error"] == "CrossSiteError"


def test_stopping_the_application_stops_what_runs(own: Project, browser: Any, slow: Slow) -> None:
    app = create_app(own, patience=0.05)

    async def whole() -> None:
        async with app.router.lifespan_context(app):
            pass

    live = LiveProject(own)
    site = Site(live, patience=0.05)
    other = type(browser)(Starlette(routes=[Route("/endless", site.endpoint(slow.endless, queries=True))]))
    other.page("/endless")
    assert slow.began.wait(20)
    site.close()
    assert slow.ended.wait(20)
    other._portal.call(whole)
    other.close()
    live.close()
