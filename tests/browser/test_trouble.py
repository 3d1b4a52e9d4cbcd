"""What goes wrong while people look: slow queries, broken files, a warehouse that goes away, hostile values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from tests.browser.serving import serving
from tests.browser.sound import SAID, audit
from tests.browser.visit import visiting

pytestmark = pytest.mark.browser
ENDLESS = {
    "steelyard.toml": 'name = "endless"\n[targets.dev]\nwarehouse = "shop.duckdb"\n',
    "metrics/shop.yml": (
        "tables:\n  orders: {key: id, time: at, dimensions: [channel]}\nmetrics:\n  amount: {sum: orders.amount}\n"
    ),
}
ORDERS = """CREATE VIEW orders AS SELECT a.range * 1000000 + b.range AS id, DATE '2026-01-05' AS at, 'web' AS channel,
  hash(a.range + b.range) % 100 AS amount FROM range(0, 1000000) AS a, range(0, 1000000) AS b"""
WHERE = (
    "/metrics/revenue?where={}", "/metrics/revenue?by={}", "/metrics/revenue?since={}",
    "/metrics/revenue/rows?where={}", "/metrics/revenue/explain?before={}", "/metrics/{}", "/analyses/came_back?by={}",
    "/dashboards/morning?channel={}", "/dashboards/{}", "/studies/{}", "/data/{}", "/ledger?kind={}", "/results/{}",
    "/documents/{}",
)  # fmt: skip
EVIL = """<script>document.title = "owned"</script>' OR '1'='1" onload="document.title='owned'"""


@pytest.fixture(scope="module")
def endless(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a project whose one metric takes weeks to add up."""
    folder = tmp_path_factory.mktemp("endless")
    for name, text in ENDLESS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with duckdb.connect(folder / "shop.duckdb") as connection:
        connection.execute(ORDERS)
    with serving(folder, patience=0.2) as address:
        yield address


SLOW = "/metrics/amount?since=2026-01-05&until=2026-01-11"


def test_the_page_that_waits_is_sound(chromium: Any, endless: str, screenshots: Path | None) -> None:
    def once(route: Any) -> None:
        """The page as it is sent, but that it does not ask again by itself, so that it can be looked at."""
        sent = route.fetch()
        route.fulfill(response=sent, headers={name: said for name, said in sent.headers.items() if name != "refresh"})

    with visiting(chromium) as visit:
        visit.page.route(f"{endless}/metrics/**", once)
        assert visit.page.goto(endless + SLOW).status == 202
        audit(visit, screenshots, "working")
        visit.page.get_by_role("button", name="Cancel").press("Enter")
        visit.page.wait_for_url("**/cancelled")
        visit.expect_refusal(409)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_slow_query_is_shown_leaves_the_others_alone_and_is_cancelled(
    chromium: Any, endless: str, scripts: bool
) -> None:
    with visiting(chromium, java_script_enabled=scripts) as visit, visiting(chromium) as other:
        page = visit.page
        assert page.goto(endless + SLOW).status == 202
        assert page.get_by_role("heading", level=1).inner_text() == "Working on it"
        other.page.goto(f"{endless}/decisions")
        assert other.page.get_by_role("heading", level=1).inner_text() == "Decisions"
        page.get_by_role("button", name="Cancel").press("Enter")
        page.get_by_text("This was cancelled").wait_for()
        visit.expect_refusal(409)
        assert page.url.endswith("/cancelled")


def test_a_broken_file_is_named_with_its_line_and_the_others_still_show(
    chromium: Any, own_shop: Path, screenshots: Path | None
) -> None:
    (own_shop / "metrics" / "broken.yml").write_text("metrics:\n  sold: {summ: orders.amount}\n", encoding="utf-8")
    (own_shop / "studies" / "broken.yml").write_text("kind: experiment\nquestion: [\n", encoding="utf-8")
    with serving(own_shop) as base, visiting(chromium) as visit:
        for path, name in (("/metrics", "metrics/broken.yml:2"), ("/studies", "studies/broken.yml")):
            visit.page.goto(base + path)
            assert name in visit.page.evaluate(SAID)
            audit(visit, screenshots, f"broken-{path.strip('/')}")
        for path in ("/", "/metrics/revenue", "/studies/newsletter", "/dashboards/morning"):
            assert visit.page.goto(base + path).status == 200


def test_a_warehouse_that_goes_away_is_said_in_words_and_comes_back(
    chromium: Any, own_shop: Path, screenshots: Path | None
) -> None:
    store, gone = own_shop / ".steelyard" / "warehouse", own_shop / "elsewhere"
    with serving(own_shop) as base, visiting(chromium) as visit:
        visit.page.goto(f"{base}/metrics/revenue")
        store.rename(gone)
        for path in ("/metrics/revenue?grain=month", "/metrics/orders/explain", "/data/orders"):
            answer = visit.page.goto(base + path)
            assert answer.status == 503, path
            said = visit.page.evaluate(SAID)
            assert "Traceback" not in said
            assert "hint" in said
            visit.wrong.clear()
            told = visit.page.request.get(base + path, headers={"accept": "application/json"}).json()
            assert set(told) == {"error", "problem", "where", "hint"}
            assert told["problem"][1:] in said
        audit(visit, screenshots, "gone")
        for path in ("/", "/metrics", "/studies", "/studies/newsletter", "/decisions", "/ledger", "/data"):
            answer = visit.page.goto(base + path)
            assert answer.status in (200, 503), path
            assert visit.page.evaluate(SAID).strip()
            visit.wrong.clear()
        assert not store.exists()  # nobody made an empty one in its place
        gone.rename(store)
        assert visit.page.goto(f"{base}/metrics/revenue?grain=month").status == 200


@pytest.mark.parametrize("path", WHERE)
def test_a_hostile_value_is_refused_in_words_and_runs_nothing(
    chromium: Any, served: tuple[str, dict[str, str]], path: str
) -> None:
    address = served[0] + path.format(quote(EVIL, safe=""))
    with visiting(chromium) as visit:
        answer = visit.page.goto(address)
        assert answer.status in (400, 404)
        assert visit.page.title() != "owned"
        assert visit.page.locator("main script, main [onload], header script").count() == 0
        assert visit.page.locator(".sy-callout").first.inner_text().strip()
        assert set(visit.page.request.get(address, headers={"accept": "application/json"}).json()) == {
            "error", "problem", "where", "hint",
        }  # fmt: skip
        visit.expect_refusal(answer.status)


def test_a_hostile_search_finds_nothing_and_shows_it_as_it_was_written(
    chromium: Any, served: tuple[str, dict[str, str]]
) -> None:
    with visiting(chromium) as visit:
        visit.page.goto(f"{served[0]}/")
        visit.page.locator("#search").fill(EVIL)
        visit.page.locator("#search").press("Enter")
        visit.page.wait_for_url("**/search*")
        assert EVIL in visit.page.content().replace("&lt;", "<").replace("&gt;", ">") or EVIL in visit.page.evaluate(
            SAID
        )
        assert visit.page.title() != "owned"
