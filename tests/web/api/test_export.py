"""A question's rows as a file: the same rows in every form, sent as they are made, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any

import anyio
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from steelyard.project import Project
from steelyard.web.api.asking import QueryBody
from steelyard.web.api.export import AT_ONCE, Exports
from steelyard.web.api.row_bytes import ROW_FORMS
from steelyard.web.live import LiveProject
from steelyard.web.site import Site
from steelyard.web.spreadsheet import without_formulas
from steelyard.web.view import View
from steelyard.web.work import Work

ASKED = {"metrics": ["revenue", "orders", "conversion"], "by": ["channel", "day"]}
HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", 'quo"te', "com,ma", "line\nbreak", "<b>", ""]


def export(browser: Any, form: str, **body: Any) -> Any:
    return browser.ask(f"/query?format={form}", method="POST", json=body)


def rows_of(form: str, content: bytes) -> list[dict[str, Any]]:
    if form == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    if form == "ndjson":
        return [json.loads(line) for line in content.splitlines()]
    return (
        pa.ipc.open_stream(content).read_all() if form == "arrow" else pq.read_table(io.BytesIO(content))
    ).to_pylist()


def as_text(value: Any) -> str:
    return "" if value is None else str(value)


@pytest.mark.parametrize("form", list(ROW_FORMS))
def test_every_form_has_the_rows_of_the_query(browser: Any, project: Project, form: str) -> None:
    answer = export(browser, form, **ASKED)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == ROW_FORMS[form]
    assert answer.headers["content-disposition"] == f'attachment; filename="revenue-orders-conversion.{form}"'
    wanted = project.query(**ASKED).table.to_pylist()
    found = rows_of(form, answer.content)
    assert len(found) == len(wanted)
    if form in ("arrow", "parquet"):
        assert found == wanted
    for got, row in zip(found, wanted, strict=True):
        assert list(got) == list(row)
        assert as_text(got["period"]) == as_text(row["period"])
        assert Decimal(str(got["revenue"])) == row["revenue"]
        assert (got["conversion"] or None) is None or float(got["conversion"]) == pytest.approx(row["conversion"])
        assert (got["conversion"] in ("", None)) == (row["conversion"] is None)


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_a_file_that_can_carries_how_it_was_made(browser: Any, project: Project, form: str) -> None:
    content = export(browser, form, **ASKED).content
    schema = pa.ipc.open_stream(content).schema if form == "arrow" else pq.read_schema(io.BytesIO(content))
    said = json.loads(schema.metadata[b"steelyard"])
    how = project.query(**ASKED).how
    assert said["sql"] == how.sql
    assert said["digests"] == dict(how.digests)
    assert [table["version_id"] for table in said["tables"]] == [table.version_id for table in how.tables]


def test_the_header_accept_asks_for_a_form_too(browser: Any) -> None:
    for media in ROW_FORMS.values():
        answer = browser.ask("/query", method="POST", json=ASKED, headers={"accept": media.partition(";")[0]})
        assert answer.headers["content-type"] == media
    assert browser.ask("/query", method="POST", json=ASKED).headers["content-type"] == "application/json"


def test_a_limit_and_an_empty_answer_hold(browser: Any) -> None:
    assert len(rows_of("csv", export(browser, "csv", **ASKED, limit=7).content)) == 7
    empty = export(browser, "csv", metrics="revenue", by="channel", where="channel = 'none'")
    assert empty.text.strip() == '"channel","revenue"'
    assert export(browser, "ndjson", metrics="revenue", by="channel", where="channel = 'none'").content == b""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"metrics": "revenu"}, 404),
        ({"metrics": "revenue", "by": "email"}, 403),
        ({"metrics": "revenue", "where": "1 ="}, 400),
        ({"metrics": "revenue", "order": ["revenue"]}, 400),
        ({"metrics": "revenue", "as_of": 99_999}, 404),
    ],
)
def test_what_cannot_be_exported_is_an_error_and_no_file(browser: Any, body: dict[str, Any], status: int) -> None:
    answer = export(browser, "csv", **body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "problem", "where", "hint"}
    assert export(browser, "xls", metrics="revenue").status_code == 400


def test_hostile_cells_are_text_in_a_spreadsheet_and_exact_elsewhere(own: Project, own_browser: Any) -> None:
    values = ", ".join("({}, '{}')".format(n, text.replace("'", "''")) for n, text in enumerate(HOSTILE))
    with own.store.transaction("names") as change:
        sql = "SELECT n AS visit_id, DATE '2026-01-01' AS visited_on, name AS channel, 'd' AS device"
        change.create("visits", f"{sql} FROM (VALUES {values}) AS v(n, name)")
    asked = {"metrics": "visits", "by": "channel"}
    exact = {row["channel"] for row in rows_of("ndjson", export(own_browser, "ndjson", **asked).content)}
    assert exact == set(HOSTILE)
    cells = [row["channel"] for row in rows_of("csv", export(own_browser, "csv", **asked).content)]
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r")]
    assert {cell.removeprefix("'") for cell in cells} == set(HOSTILE)


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))))
def test_no_text_begins_a_formula_and_other_text_is_unchanged(texts: list[str | None]) -> None:
    shown = without_formulas(pa.table({"=x": pa.array(texts, pa.string())}))
    assert shown.column_names == ["'=x"]
    for before, after in zip(texts, shown.column(0).to_pylist(), strict=True):
        risky = before is not None and before[:1] in ("=", "+", "-", "@", "\t", "\r", "\n")
        assert after == (f"'{before}" if risky else before)


def test_what_csv_has_no_cells_for_is_json_and_an_enumeration_begins_no_formula() -> None:
    kinds = pa.table(
        {
            "list": pa.array([["=1", "b"], None]),
            "struct": [{"at": date(2026, 1, 2), "raw": b"x"}, {"at": None, "raw": None}],
            "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            "enumeration": pa.array(["=1+1", "a"]).dictionary_encode(),
            "large": pa.array(["@b", None], pa.large_string()),
        }
    )
    written = io.BytesIO()
    pa.csv.write_csv(without_formulas(kinds), written)
    assert list(csv.reader(io.StringIO(written.getvalue().decode()))) == [
        ["list", "struct", "map", "enumeration", "large"],
        ['["=1","b"]', '{"at":"2026-01-02","raw":"b\'x\'"}', '[["k",1]]', "'=1+1", "'@b"],
        ["", '{"at":null,"raw":null}', "[]", "a", ""],
    ]


def test_one_who_hangs_up_stops_the_query_and_leaks_nothing(own: Project, own_browser: Any) -> None:
    with own.store.transaction("many visits") as change:
        change.create("visits", "SELECT i AS visit_id, DATE '2026-01-01' AS visited_on, 'c' || CAST(i AS VARCHAR) AS "
                                "channel, 'd' AS device FROM range(0, 2000000) AS r(i)")  # fmt: skip

    async def ask() -> int:
        import anyio

        got, body = 0, json.dumps({"metrics": "visits", "by": ["channel"]}).encode()
        gone = anyio.Event()
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal got
            got += len(message.get("body", b""))
            if got:
                gone.set()
                await anyio.sleep(0.01)

        scope = {"type": "http", "method": "POST", "path": "/query", "raw_path": b"/query", "root_path": "",
                 "query_string": b"format=ndjson", "scheme": "http", "server": ("127.0.0.1", 80),
                 "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")]}  # fmt: skip
        await own_browser.client._transport.app(scope, receive, send)
        return got

    got = own_browser._portal.call(ask)
    assert 0 < got < 50_000_000
    end = time.monotonic() + 20
    while any(edition.running for edition in _editions(own_browser)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(edition.running for edition in _editions(own_browser))
    assert own_browser.page("/metrics").status_code == 200


def test_exports_that_nobody_wants_any_more_do_not_keep_others_waiting(own: Project, own_browser: Any) -> None:
    live = LiveProject(own)
    site = Site(live)
    exports, began, ended = Exports(site), threading.Semaphore(0), threading.Semaphore(0)

    def never(stack: ExitStack, work: Work) -> View:
        began.release()
        try:
            while True:
                work.refuse_if_stopped()
                time.sleep(0.01)
        finally:
            ended.release()

    async def hung_up() -> dict[str, Any]:
        while began._value < AT_ONCE:
            await anyio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def leave(times: int) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(times):
                request = Request({"type": "http", "method": "POST", "path": "/query", "headers": []}, hung_up)
                tasks.start_soon(exports.answer, request, never, QueryBody(metrics=("revenue",)), "csv")

    own_browser._portal.call(leave, 3 * AT_ONCE)
    assert all(ended.acquire(timeout=20) for _ in range(AT_ONCE))
    site.close()
    live.close()


def _editions(browser: Any) -> list[Any]:
    import gc

    from steelyard.web.live import LiveProject

    return [edition for item in gc.get_objects() if isinstance(item, LiveProject) for edition in item._editions]


def test_exports_do_not_wait_for_each_other(own_browser: Any) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(export(own_browser, "csv", **ASKED))) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
