"""Every page, as HTML and as JSON, says what the project knows."""

from __future__ import annotations

import builtins
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from steelyard.dashboards import narrowed
from steelyard.document import can_draw_png, from_json
from steelyard.project import Project, open_project
from steelyard.web import create_app

NAMES = (
    "home", "metrics", "metric", "metric by day and channel", "explain", "explain two weeks", "studies", "study",
    "study not run", "plan", "result", "replay of a result", "decisions", "decision", "replay of a decision", "data",
    "table", "source", "quarantine", "ledger", "entry", "initiatives", "search", "search of words",
    "search of nothing", "document",
)  # fmt: skip
RAMPED = """kind: experiment
question: Does a shorter checkout sell more?
unit: customer_id
table: trial
arms: {control: 0.5, short: 0.5}
assignment: steelyard
ramp: [0.1, 1.0]
primary: {metric: spend, min_effect: {relative: 0.01}, expected_effect: {relative: 0.1}}
"""
VOID = {"meta", "link", "input", "img", "br", "hr"}


class Outline(HTMLParser):
    """What a page is made of, and whether its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_a_heading_landmarks_and_nothing_inline(browser: Any, paths: dict[str, str], name: str) -> None:
    answer = browser.page(paths[name])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Outline(answer.text)
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == len(page.all("header")) == len(page.all("footer")) == 1
    (script,) = page.all("script")
    assert str(script["src"]).startswith("/assets/steelyard-")
    assert page.all("style") == page.all("iframe") == []
    assert not [
        tag for tag, attributes in page.tags if any(key.startswith("on") or key == "style" for key in attributes)
    ]
    assert page.all("a")[0]["href"] == "#main"
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    labelled = {attributes["for"] for attributes in page.all("label")}
    fields = [item for tag in ("input", "select") for item in page.all(tag) if item.get("type") != "hidden"]
    assert all(field["id"] in labelled for field in fields)


@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_also_json_whose_blocks_read_back(browser: Any, paths: dict[str, str], name: str) -> None:
    answer = browser.ask(paths[name], headers={"accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert set(said) == {"title", "data", "blocks"}
    assert from_json(said["blocks"])
    joined = "&" if "?" in paths[name] else "?"
    same = browser.page(f"{paths[name]}{joined}format=json").json()
    assert same["title"] == said["title"]
    assert same["data"].keys() == said["data"].keys()


def test_every_link_of_every_page_leads_somewhere(browser: Any, paths: dict[str, str]) -> None:
    found: set[str] = set()
    for name in NAMES:
        for link in Outline(browser.page(paths[name]).text).all("a"):
            href = str(link["href"])
            assert href.startswith(("/", "#", "?")), href
            found.add(href)
    broken = {href: browser.page(href).status_code for href in sorted(found) if href.startswith("/")}
    assert {href for href, status in broken.items() if status != 200} == set()


def test_home_shows_metrics_with_their_change_studies_decisions_and_what_is_due(browser: Any) -> None:
    said = browser.json("/")["data"]
    # Week of 2026-03-23; by hand: 7 days of 12 orders and 150 visits. Of day 77 (2026-03-19) all 12 orders fall away.
    assert said["metrics"]["conversion"]["value"] == pytest.approx(84 / 1050)
    assert said["metrics"]["conversion"]["change"] == pytest.approx(84 / 1050 - 72 / 1050)
    assert said["studies"]["newsletter"]["verdict"]["answer"] == "yes"
    assert [item["what"] for item in said["due"]] == ["Look whether it wore off"]
    assert said["decisions"][0]["decision"]["name"] == "price_list"
    page = browser.page("/").text
    assert "▲ +1.1 pp" in page
    assert "1 follow-up is due" in page


def test_the_metric_that_a_tree_takes_apart_comes_first(browser: Any) -> None:
    assert list(browser.json("/")["data"]["metrics"])[:2] == ["revenue", "visits"]


def test_a_metric_page_says_the_number_the_definition_and_the_sql(browser: Any) -> None:
    said = browser.json("/metrics/orders?grain=day&since=2026-01-05&until=2026-01-06")["data"]
    assert said["trend"] == [{"period": "2026-01-05", "value": 12}, {"period": "2026-01-06", "value": 12}]
    assert "SELECT" in said["how"]["sql"]
    assert said["how"]["tables"][0]["fingerprint"]
    page = browser.page("/metrics/orders").text
    assert "How this number was made" in page
    assert re.search(r'<pre class="sy-code" data-language="sql"', page)


def test_a_breakdown_adds_up_and_says_shares(browser: Any) -> None:
    said = browser.json("/metrics/orders?by=channel&since=2026-01-01&until=2026-02-28")["data"]
    assert sum(row["orders"] for row in said["breakdown"]) == 12 * 59
    assert "share of all" in browser.page("/metrics/orders?by=channel").text


def test_a_period_that_is_cut_short_is_said_and_left_out_of_the_comparison(browser: Any) -> None:
    said = browser.json("/metrics/orders?grain=week&until=2026-03-25")["data"]
    assert "2026-03-23" in said["partial"]
    assert said["change"] == pytest.approx(72 / 84 - 1)
    assert "sy-dashed" in browser.page("/metrics/orders?grain=week&until=2026-03-25").text


def test_the_link_to_exactly_these_numbers_shows_them_again_after_new_data(own: Project, own_browser: Any) -> None:
    before = own_browser.json("/metrics/visits")["data"]["trend"]
    link = re.search(r'href="([^"]*as_of=[^"]*)"', own_browser.page("/metrics/visits").text)
    assert link is not None
    with own.store.transaction("forget the visits") as change:
        change.create("visits", "SELECT * FROM visits LIMIT 10")
    assert own_browser.json("/metrics/visits")["data"]["trend"] != before
    assert own_browser.json(link[1].replace("&amp;", "&"))["data"]["trend"] == before


def test_an_explanation_adds_up(browser: Any, paths: dict[str, str]) -> None:
    said = browser.json(paths["explain two weeks"])["data"]
    text = browser.page(paths["explain two weeks"]).text
    assert "Why did revenue move?" in text
    assert 'value="2026-03-02..2026-03-08"' in text
    assert said


def test_a_study_shows_its_latest_result_its_earlier_one_and_its_registration(browser: Any) -> None:
    said = browser.json("/studies/newsletter")["data"]
    assert said["latest"]["result"]["verdict"]["answer"] == "yes"
    assert len(said["earlier"]) == len(said["registrations"]) == 1
    page = browser.page("/studies/newsletter").text
    assert "Earlier results" in page
    assert "Registration" in page


def test_a_replay_says_same(browser: Any, paths: dict[str, str]) -> None:
    said = browser.json(paths["replay of a decision"])["data"]
    assert [(item["same"], item["from_data"]) for item in said["replays"]] == [(True, "same")]


def test_a_decision_without_a_result_has_nothing_to_replay(browser: Any, project: Project) -> None:
    entry = project.ledger.entries(kind="decision")[1]
    answer = browser.page(f"/decisions/{entry.digest}/replay")
    assert answer.status_code == 400
    assert "cites no result" in answer.text


def test_the_data_page_counts_tests_and_rejected_rows(browser: Any) -> None:
    said = browser.json("/data")["data"]
    tables = {table["name"]: table for table in said["tables"]}
    assert (tables["raw_orders"]["kind"], tables["raw_orders"]["rows"], tables["raw_orders"]["rejected"]) == (
        "source",
        1032,
        3,
    )
    assert tables["orders"]["status"] == "good"
    assert tables["daily"]["status"] == "warning"
    assert tables["orders"]["inputs"] == ["raw_orders"]
    path = said["critical_path"]["tables"]  # which chain takes longest is the machine's matter
    assert path
    assert all(before in tables[after]["inputs"] for before, after in pairwise(path))
    assert said["last_refresh"]["loads"]["raw_orders"]["rejected"] == 3


def test_a_table_says_why_rows_are_in_quarantine(browser: Any) -> None:
    said = browser.json("/data/raw_orders")["data"]
    assert sum(row["count"] for row in said["rejects"]) == 3
    assert "&lt;b&gt;x&lt;/b&gt;" in browser.page("/data/raw_orders").text


@pytest.mark.parametrize("named", ["email", "Email", "raw_orders.EMAIL"])
def test_a_reason_that_quotes_a_sensitive_column_is_told_without_its_value(
    own: Project, own_browser: Any, named: str
) -> None:
    path = own.folder / "steelyard.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('["email"]', f'["{named}"]'), encoding="utf-8")
    with own.store.transaction("a person's row is rejected") as change:
        change.create("raw_orders_rejects", "SELECT 'column ''email'': ''ada@example.org'' is no number' AS reason")
    answer = own_browser.page("/data/raw_orders")
    assert answer.status_code == 200
    assert "ada@example.org" not in answer.text
    assert "sensitive and not shown" in answer.text


def test_a_data_test_on_a_sensitive_column_fails_without_examples_and_the_ledger_has_none(
    own: Project, own_browser: Any
) -> None:
    path = own.folder / "tables" / "orders.sql"
    tests = "-- tests:\n--   - accepted_values: {column: email, values: [nobody]}\n--     severity: doubt\n"
    more = "--   - unique: [email]\n--     severity: doubt\n"
    path.write_text(path.read_text(encoding="utf-8").replace("-- tests:\n", tests + more), encoding="utf-8")
    own.reread()
    own.refresh()
    page = own_browser.page("/data/orders").text
    assert page.count("examples are sensitive and not shown") == 2
    assert "@example.org" not in page
    for entry in own.ledger.entries(kind="refresh")[-1:]:
        assert "@example.org" not in str(entry.body)


def test_the_ledger_page_verifies_each_time(own: Project, own_browser: Any) -> None:
    import sqlite3

    assert own_browser.json("/ledger")["data"]["ok"] is True
    connection = sqlite3.connect(own.ledger.name)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE ledger_entries SET name = 'another' WHERE number = 2")
    connection.commit()
    connection.close()
    said = own_browser.json("/ledger")["data"]
    assert said["ok"] is False
    assert said["problems"]
    assert "Not whole" in own_browser.page("/ledger").text


def test_the_ledger_page_shows_a_kind_and_older_entries(browser: Any) -> None:
    results = browser.json("/ledger?kind=result")["data"]["entries"]
    assert {item["kind"] for item in results} == {"result"}
    older = browser.json(f"/ledger?before={results[0]['number']}")["data"]["entries"]
    assert max(item["number"] for item in older) < results[0]["number"]


def test_a_decision_shows_what_happened_beside_what_was_expected(own: Project, own_browser: Any) -> None:
    digest = own.ledger.entries(kind="decision")[0].digest
    assert "Not reviewed yet" in own_browser.page(f"/decisions/{digest}").text
    own.review("newsletter", outcome="as_expected", happened="+12 % in March", who="Grace", next_question="And twice?")
    page = own_browser.page(f"/decisions/{digest}").text
    for words in ("As expected: +12 % in March", "+11 % spend a customer", "And twice?"):
        assert words in page
    assert own_browser.json(f"/decisions/{digest}")["data"]["reviews"][0]["review"]["outcome"] == "as_expected"
    assert own_browser.json("/decisions")["data"]["due"] == []


def test_initiatives_say_where_each_study_stands(browser: Any) -> None:
    said = browser.json("/initiatives")["data"]
    (standing,) = said["initiatives"][0]["standing"]
    assert (standing["study"], standing["next"]) == ("newsletter", "reviewed")
    assert [item["study"] for item in said["alone"]] == ["second_try"]


def test_search_leads_to_what_it_finds_and_escapes_it(browser: Any) -> None:
    found = {item["kind"]: item for item in browser.json("/search?q=newsletter")["data"]["found"]}
    assert set(found) == {"study", "decision", "initiative", "document"}
    for item in found.values():
        assert browser.page(item["href"].split("#")[0]).status_code == 200
    document = browser.page(found["document"]["href"]).text
    assert "&lt;b&gt;never" in document
    assert "Did you mean" in browser.page("/search?q=newslettr").text
    assert browser.page("/search?q=%3Cscript%3E").status_code == 200


def test_a_document_elsewhere_is_not_found(browser: Any) -> None:
    for path in ("/documents/../steelyard.toml", "/documents/%2e%2e/steelyard.toml", "/documents/nothing.md"):
        assert browser.page(path).status_code == 404


def test_a_document_that_cannot_be_shown_whole_says_so(own: Project, own_browser: Any) -> None:
    (own.folder / "documents" / "long.md").write_text("# Long\n\n" + "word " * 300_000, encoding="utf-8")
    page = own_browser.page("/documents/long.md")
    assert "Not shown whole" in page.text
    assert len(page.text) < 1_100_000
    said = own_browser.json("/documents/long.md")["data"]
    assert (said["whole"], len(said["text"])) == (False, 1_000_000)


def test_home_has_one_headline_its_drivers_and_guardrails(browser: Any) -> None:
    said = browser.json("/")["data"]
    assert said["health"] == "revenue"
    assert said["drivers"] == ["visits", "conversion", "average_order"]
    assert said["guardrails"] == ["refunds"]
    assert said["data_through"] == "2026-03-29"
    page = browser.page("/").text
    order = [page.index(f'id="{part}"') for part in ("drivers", "guardrails", "studies", "decisions", "data")]
    assert order == sorted(order)
    assert "The parts add up to the change." in page


def test_home_of_a_project_without_metrics_or_data_says_what_to_do(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "steelyard.toml").write_text('name = "new"\n', encoding="utf-8")
    with open_project(tmp_path) as empty:
        client = type(browser)(create_app(empty))
        page = client.page("/").text
        client.close()
    assert "No metric is defined yet" in page
    assert "steelyard refresh" in page
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "orders.sql").write_text("-- key: id\n-- time: day\nSELECT id, day FROM raw\n", "utf-8")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "m.yml").write_text("metrics:\n  orders: {count: orders}\n", encoding="utf-8")
    with open_project(tmp_path) as empty:
        client = type(browser)(create_app(empty))
        answer = client.page("/")
        client.close()
    assert answer.status_code == 200
    assert "orders has no number" in answer.text


def test_settings_that_name_no_metric_are_a_problem_that_home_tells(own: Project, own_browser: Any) -> None:
    assert own_browser.page("/").status_code == 200
    path = own.folder / "steelyard.toml"
    path.write_text(path.read_text("utf-8").replace('["refunds"]', '["refund"]'), encoding="utf-8")
    page = own_browser.page("/").text
    assert "no metric for guardrails named &#x27;refund&#x27;" in page
    assert "did you mean &#x27;refunds&#x27;" in page


def test_an_open_alert_is_on_home_until_it_is_over(own: Project, own_browser: Any) -> None:
    tag = own_browser.page("/").headers["etag"]
    report = own.watch(on="2026-03-19")
    assert [item.title for item in report.alerts] == ["orders is below 9"]
    page = own_browser.page("/")
    assert page.headers["etag"] != tag
    assert "Orders is below 9 (growth)" in page.text
    assert "Look at the payments first." in page.text
    link = re.search(r'href="(/metrics/orders/explain[^"]*)"', page.text)
    assert link is not None
    assert "after=2026-03-19..2026-03-19" in link[1].replace("%2E", ".")
    assert own_browser.page(link[1].replace("&amp;", "&")).status_code == 200
    own.watch(on="2026-03-20")
    assert own_browser.json("/")["data"]["alerts"] == []


def test_a_metric_draws_what_is_usual_what_happened_and_what_an_alert_watches(browser: Any) -> None:
    said = browser.json("/metrics/orders?grain=day")["data"]
    assert [item["says"] for item in said["happened"]] == ["The till was down"]
    assert said["expected"]["season"] == 7
    page = browser.page("/metrics/orders?grain=day").text
    assert "alert below" in page
    assert "usual range" in page
    assert "The till was down" in page
    assert "alert below" not in browser.page("/metrics/orders?grain=day&where=channel+%3D+'web'").text


def test_a_metric_is_compared_with_the_period_before(browser: Any) -> None:
    said = browser.json("/metrics/visits?grain=day&since=2026-02-01&until=2026-02-14&compare=previous")["data"]
    assert [value is not None for value in said["compared"]["values"]] == [True] * 14
    earlier = browser.json("/metrics/visits?grain=day&since=2026-01-18&until=2026-01-31")["data"]["trend"]
    assert said["compared"]["values"] == [row["value"] for row in earlier]
    year = browser.json("/metrics/visits?grain=day&since=2026-02-01&until=2026-02-14&compare=year")["data"]
    assert year["compared"]["values"] == [None] * 14


def test_a_group_of_a_breakdown_leads_to_itself_and_on_to_its_rows(browser: Any) -> None:
    page = browser.page("/metrics/orders?by=channel").text
    link = re.search(r'<a href="(/metrics/orders[^"]*)">web</a>', page)
    assert link is not None
    narrowed = browser.json(link[1].replace("&amp;", "&"))["data"]
    whole = browser.json("/metrics/orders?by=channel")["data"]["breakdown"]
    assert sum(row["value"] for row in narrowed["trend"]) == next(r["orders"] for r in whole if r["channel"] == "web")
    rows = browser.json("/metrics/orders/rows?where=channel+%3D+'web'")["data"]
    assert rows["rows"] == sum(row["value"] for row in narrowed["trend"])
    assert "email" not in rows["shown"][0]


def test_the_rows_of_a_ratio_are_of_one_side(browser: Any) -> None:
    page = browser.page("/metrics/conversion").text
    assert "rows?side=numerator" in page
    assert browser.page("/metrics/conversion/rows").status_code == 400
    said = browser.json("/metrics/conversion/rows?side=denominator&since=2026-03-23&until=2026-03-29")["data"]
    assert said["rows"] == 1050


def test_the_spread_of_a_metric_is_counted_over_rows_or_things(browser: Any) -> None:
    said = browser.json("/metrics/revenue?spread=customer")["data"]["spread"]
    assert said["values"] == 97
    assert "Revenue of each customer" in browser.page("/metrics/revenue?spread=customer").text
    assert browser.page("/metrics/revenue?spread=custmer").status_code == 404


def test_cohorts_are_reached_from_the_metrics_of_their_table(browser: Any) -> None:
    assert 'href="/analyses/came_back"' in browser.page("/metrics/orders").text
    assert 'href="/analyses/came_back"' not in browser.page("/metrics/visits").text
    said = browser.json("/analyses/came_back")
    assert said["data"]["kind"] == "cohorts"
    assert browser.page("/analyses/came_bck").status_code == 404


def test_what_a_page_is_of_is_also_csv(browser: Any) -> None:
    answer = browser.page("/metrics/orders?grain=day&since=2026-01-05&until=2026-01-06&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines() == ['"period","orders"', "2026-01-05,12", "2026-01-06,12"]
    parts = browser.page("/metrics/orders?by=channel&format=csv").text.splitlines()
    assert parts[0] == '"channel","orders"'
    assert browser.page("/decisions?format=csv").status_code == 400


def test_a_definition_tells_its_history(browser: Any) -> None:
    said = browser.json("/metrics/revenue")["data"]["how"]
    assert said["history"]["revenue"]


def test_the_chart_of_a_page_is_also_png(browser: Any) -> None:
    answer = browser.page("/metrics/orders?format=png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n")
    assert browser.page("/ledger?format=png").status_code == 400


@pytest.mark.parametrize("value", ["O'Neill", "<script>alert(1)</script>", "'; DROP TABLE orders; --", "a\\b", "%_"])
def test_a_filter_value_may_be_any_text_and_leads_on(browser: Any, value: str) -> None:
    where = narrowed("device = 'mobile'", "channel", value)
    answer = browser.ask("/metrics/orders", params={"where": where, "by": "device"}, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    said = browser.ask("/metrics/orders", params={"where": where, "format": "json"}).json()["data"]
    assert sum(row["value"] for row in said["trend"]) == 0


def test_an_experiment_that_runs_is_on_home_with_its_stage(own: Project, own_browser: Any) -> None:
    (own.folder / "studies" / "checkout.yml").write_text(RAMPED, encoding="utf-8")
    assert own_browser.json("/")["data"]["experiments"] == []
    with open_project(own.folder) as project:
        project.plan("checkout", register=True)
        project.advance("checkout", who="Ada", why="the plan stands")
    (running,) = own_browser.json("/")["data"]["experiments"]
    assert (running["experiment"], running["stage"], running["stages"], running["share"]) == ("checkout", 1, 2, 0.1)
    page = own_browser.page("/").text
    assert "Experiments that run" in page
    assert "1 of 2" in page
    assert "waits for" in page


def test_the_data_page_begins_with_the_tests_that_do_not_hold_and_lists_trouble_first(browser: Any) -> None:
    text = browser.page("/data").text
    assert text.index('id="failures"') < text.index("Lineage") < text.index('id="tables"')
    listed = re.findall(r'<a href="/data/([a-z_]+)">', text[text.index('id="tables"') :])
    assert listed[:2] == ["raw_orders", "daily"], "rows in quarantine, and a doubt that failed, in the pipeline's order"
    assert listed.index("raw_orders_rejects") > listed.index("trial"), "quarantine is apart"
    assert "3 rows rejected" in text
    assert "from raw_orders" in text, "what a table is made of, where the drawing is narrow"


def test_a_page_is_compressed_once_and_means_the_same(browser: Any, paths: dict[str, str]) -> None:
    for name in ("home", "metric", "study"):
        plain = browser.ask(paths[name], headers={"accept": "text/html", "accept-encoding": "identity"})
        packed = browser.ask(paths[name], headers={"accept": "text/html", "accept-encoding": "gzip"})
        again = browser.ask(paths[name], headers={"accept": "text/html", "accept-encoding": "gzip"})
        assert packed.content == plain.content == again.content
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == again.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept, Accept-Encoding"
        assert packed.headers["etag"] == plain.headers["etag"]


def test_a_chart_is_offered_as_png_only_where_one_can_be_drawn(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resvg_py")
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "resvg_py":
            raise ImportError(name)
        return real(name, *rest, **more)

    # Pages are kept: these are asked for by nobody else.
    path = "/metrics/revenue?where=channel+is+not+null&grain="
    assert "format=png" in browser.page(f"{path}week").text
    can_draw_png.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "__import__", without)
        page = browser.page(f"{path}day").text
    can_draw_png.cache_clear()
    assert "format=csv" in page
    assert "format=png" not in page
