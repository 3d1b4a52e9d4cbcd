"""A watch finds what was planted, tells it once, says what it did not look at, and is quiet when nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.watching import Alert, WatchReport, watch
from steelyard.warehouse import Query, TableDeclaration, Warehouse, connect

START, DAYS = date(2026, 3, 1), 80
LAST = START + timedelta(days=DAYS - 1)
NOW = datetime(2026, 5, 20, 3, tzinfo=UTC)
REVENUE = Alert(name="revenue_low", metric="revenue", by=("country",))
ShopOf = Callable[..., Warehouse]
CatalogOf = Callable[..., MetricCatalog]


def watched(catalog: MetricCatalog, shop: Warehouse, **said: Any) -> WatchReport:
    with shop:
        return watch(catalog, shop, **{"on": LAST, "now": NOW, **said})


def test_a_quiet_day_is_quiet_and_says_what_was_looked_at(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    report = watched(catalog_of(alerts=[REVENUE]), shop_of())
    assert (report.alerts, report.exit_code) == ((), 0)
    # The whole and four countries, of which XX sells about two a day.
    assert (report.looked_at, report.tests, report.quiet) == (5, 4, 4)
    assert [(item.segment, "fewer than 30" in item.not_judged) for item in report.not_judged] == [
        ({"country": "XX"}, True)
    ]
    assert "No alerts on 2026-05-19" in report.to_text()


def test_a_segment_that_falls_is_one_alert_under_the_segment_with_an_explanation(
    shop_of: ShopOf, catalog_of: CatalogOf
) -> None:
    report = watched(catalog_of(alerts=[REVENUE]), shop_of({(LAST, "DE"): 0.2}))
    (alert,) = report.alerts
    assert alert.title == "revenue in country DE is low"
    assert alert.headline.segment == {"country": "DE"}
    assert alert.owner == "growth"
    assert report.exit_code == 5
    assert alert.explanation is not None
    assert alert.explained_against == (LAST - timedelta(days=7), LAST - timedelta(days=7))
    by_country = next(item for item in alert.explanation.dimensions if item.dimension == "country")
    assert by_country.segments[0].value == "DE"
    assert f"on {LAST}" in alert.says


def test_a_fall_of_everything_is_one_alert_under_the_whole(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    report = watched(catalog_of(alerts=[REVENUE]), shop_of({(LAST, ""): 0.3}))
    (alert,) = report.alerts
    assert alert.headline.segment == {}
    assert {item.segment["country"] for item in alert.cause.also} == {"DE", "FR", "IT"}
    assert report.fired == 4


def test_metrics_of_a_tree_that_fall_together_are_one_alert_under_the_highest(
    shop_of: ShopOf, catalog_of: CatalogOf
) -> None:
    alerts = [Alert(name=f"{name}_low", metric=name) for name in ("conversion", "orders", "revenue", "visits")]
    trees = {"revenue": "orders * average_order", "orders": "visits * conversion"}
    factors = {(LAST, ""): 0.3}
    report = watched(catalog_of(alerts=alerts, trees=trees), shop_of(factors))
    (alert,) = report.alerts
    assert alert.headline.alert.metric == "revenue"
    assert {item.alert.metric for item in alert.cause.also} == {"orders", "conversion"}
    apart = watched(catalog_of(alerts=alerts), shop_of(factors))
    assert {item.headline.alert.metric for item in apart.alerts} == {"revenue", "orders", "conversion"}


def test_an_alert_comes_only_on_the_side_that_is_worse_or_that_it_names(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    factors = {(day, ""): 0.4 for day in (START + timedelta(days=n) for n in range(DAYS - 1))}  # the last day is high
    for direction, comes in (("", False), ("down", False), ("up", True), ("both", True)):
        catalog = catalog_of(alerts=[Alert(name="a", metric="revenue", direction=direction)])
        assert bool(watched(catalog, shop_of(factors)).alerts) is comes, direction


def test_a_small_fall_that_stays_is_found_by_a_run_rule(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    factors = {(LAST - timedelta(days=n), ""): 0.86 for n in range(8)}
    report = watched(catalog_of(alerts=[Alert(name="orders_low", metric="orders")]), shop_of(factors))
    (alert,) = report.alerts
    assert "beyond_3_sigma" not in alert.headline.rules
    assert alert.headline.first < alert.headline.last == LAST
    assert alert.explained_against is not None
    assert alert.explained_against[1] <= LAST - timedelta(days=7)
    only = Alert(name="orders_low", metric="orders", rules=("beyond_3_sigma",))
    assert watched(catalog_of(alerts=[only]), shop_of(factors)).alerts == ()


def test_a_fall_to_nothing_in_one_segment_is_found(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    report = watched(catalog_of(alerts=[REVENUE]), shop_of({(LAST, "IT"): 0.0}))
    (alert,) = report.alerts
    assert (alert.headline.segment, alert.headline.value) == ({"country": "IT"}, 0.0)


# Incomplete data


def test_a_day_whose_rows_have_not_all_come_mutes_the_alert_and_says_why(
    shop_of: ShopOf, catalog_of: CatalogOf
) -> None:
    report = watched(catalog_of(alerts=[REVENUE]), shop_of(last=LAST - timedelta(days=1)))
    assert report.alerts == ()
    assert [item.why for item in report.muted] == [
        f"the rows of orders end on {LAST - timedelta(days=1)}, before {LAST}"
    ]
    assert "revenue_low is muted" in report.to_text()
    assert report.looked_at == 0


def test_a_day_that_is_not_over_in_the_projects_zone_is_muted(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    evening = datetime(2026, 5, 19, 23, 30, tzinfo=UTC)
    assert watched(catalog_of(alerts=[REVENUE]), shop_of(), now=evening).muted[0].why == f"{LAST} is not over"
    berlin = catalog_of(alerts=[REVENUE], zone="Europe/Berlin")
    assert watched(berlin, shop_of(), now=evening).muted == ()


def test_without_a_day_it_looks_at_yesterday(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    assert watched(catalog_of(alerts=[REVENUE]), shop_of(), on=None).on == LAST


def test_a_week_is_judged_when_it_is_over(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    weekly = Alert(name="weekly", metric="orders", grain="week", baseline="12 weeks")
    report = watched(catalog_of(alerts=[weekly]), shop_of())
    (item,) = report.not_judged  # 80 days hold eleven weeks
    assert "not enough history" in item.not_judged
    assert item.last == date(2026, 5, 17)  # a Sunday


# What is not enough


def test_a_baseline_longer_than_the_data_is_said_and_counted(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    long = Alert(name="long", metric="revenue", baseline="20 weeks")
    report = watched(catalog_of(alerts=[long]), shop_of())
    (item,) = report.not_judged
    assert item.not_judged == "not enough history: its baseline begins on 2025-12-23, and the data on 2026-03-01"
    assert (report.looked_at, report.tests, report.quiet, report.exit_code) == (1, 0, 0, 0)


def test_a_segment_that_is_new_has_not_enough_history(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    factors = {(START + timedelta(days=n), "FR"): 0.0 for n in range(DAYS - 20)}
    report = watched(catalog_of(alerts=[REVENUE]), shop_of(factors))
    why = {item.segment["country"]: item.not_judged for item in report.not_judged}
    assert "not enough history" in why["FR"]


def test_one_alert_that_cannot_be_asked_does_not_stop_the_others(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    wrong = Alert(name="wrong", metric="revenue", where="nothing = 'x'")
    report = watched(catalog_of(alerts=[wrong, REVENUE]), shop_of({(LAST, "DE"): 0.2}))
    assert [(alert.name, "nothing" in error.problem) for alert, error in report.failed] == [("wrong", True)]
    assert len(report.alerts) == 1
    assert watched(catalog_of(alerts=[wrong]), shop_of()).exit_code == 2


# Annotations


def test_a_noted_outage_is_left_out_of_the_baseline_and_coincides_where_it_meets_the_alert(
    shop_of: ShopOf, catalog_of: CatalogOf
) -> None:
    outages = [LAST - timedelta(days=7 * n) for n in (2, 3, 4, 5)]
    factors = {**{(day, ""): 0.1 for day in outages}, (LAST, ""): 0.1}
    noted = [Annotation(at=day, says="Payments failed", kind="outage") for day in outages]
    today = Annotation(at=LAST, says="New prices", kind="launch", where="country = 'DE'")
    elsewhere = Annotation(at=LAST, says="Of another metric", metrics=("visits",))
    alerts = [Alert(name="revenue_low", metric="revenue")]
    report = watched(catalog_of(alerts=alerts, annotations=[*noted, today, elsewhere]), shop_of(factors))
    (alert,) = report.alerts
    assert [item.says for item in alert.coincides] == ["New prices"]
    assert alert.headline.expected is not None
    assert alert.headline.expected > 8_000
    assert "At the same time: New prices" in report.to_text()
    # Days that failed so often are usual where nobody has noted that they were not.
    assert watched(catalog_of(alerts=alerts), shop_of(factors)).alerts == ()


# Fixed limits


def test_a_fixed_limit_comes_beyond_it_and_not_at_it(catalog_of: CatalogOf) -> None:
    table = pa.table({"day": [date(2026, 5, 18), date(2026, 5, 19)], "id": [1, 2], "minutes": [10, 30]})
    for limits, comes in (
        ({"above": 30}, False), ({"above": 29.5}, True), ({"below": 30}, False), ({"below": 31}, True),
        ({"below": 5, "above": 40}, False),
    ):  # fmt: skip
        catalog = MetricCatalog.of(
            metrics=[Metric(name="waited", sum="waits.minutes")],
            tables=[TableDeclaration(name="waits", key=("id",), time="day")],
            alerts=[Alert(name="a", metric="waited", **limits)],
        )
        report = watched(catalog, connect({"waits": table}))
        assert bool(report.alerts) is comes, limits
        assert report.tests == 0


def test_a_limit_on_a_ratio_waits_for_enough_of_what_it_divides_by(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    alert = Alert(name="a", metric="conversion", by=("country",), below=0.9)
    report = watched(catalog_of(alerts=[alert]), shop_of())
    assert [item.segment for item in report.not_judged] == [{"country": "XX"}]
    (raised,) = report.alerts
    assert raised.says.endswith("below 0.9.")
    more = Alert(name="a", metric="conversion", below=0.9, minimum_volume=1e6)
    assert "fewer than 1,000,000" in watched(catalog_of(alerts=[more]), shop_of()).not_judged[0].not_judged


# Freshness


@pytest.mark.parametrize(
    ("newest", "zone", "fresh"),
    [
        (datetime(2026, 5, 19, 4, tzinfo=UTC), "", True),  # 23 hours ago
        (datetime(2026, 5, 18, 20, tzinfo=UTC), "", False),
        (datetime(2026, 5, 19, 3), "Europe/Berlin", True),  # noqa: DTZ001 - 1 o'clock in UTC: 26 hours ago
        (datetime(2026, 5, 19, 2, 59), "Europe/Berlin", False),  # noqa: DTZ001
        (date(2026, 5, 18), "", False),  # ended 27 hours ago
        (date(2026, 5, 19), "", True),
    ],
)
def test_the_newest_row_may_be_as_old_as_it_is_said(newest: date, zone: str, fresh: bool) -> None:
    table = pa.table({"id": [1, 2], "at": [newest - timedelta(days=30), newest]})
    catalog = MetricCatalog.of(
        metrics=[Metric(name="orders", count="orders")],
        tables=[TableDeclaration(name="orders", key=("id",), time="at", zone=zone)],
        alerts=[Alert(name="late", fresh="orders", within="26 hours")],
    )
    report = watched(catalog, connect({"orders": table}))
    assert bool(report.alerts) is not fresh
    assert "is not fresh" not in report.to_text() or not fresh


def test_a_row_of_the_future_makes_nothing_fresh_and_no_rows_are_not_fresh() -> None:
    for days in ([date(2026, 5, 1), date(2031, 1, 1)], []):
        table = pa.table({"id": list(range(len(days))), "at": pa.array(days, pa.date32())})
        catalog = MetricCatalog.of(
            metrics=[Metric(name="orders", count="orders")],
            tables=[TableDeclaration(name="orders", key=("id",), time="at")],
            alerts=[Alert(name="late", fresh="orders", within="26 hours")],
        )
        assert watched(catalog, connect({"orders": table})).exit_code == 5


# The family


def test_the_correction_counts_every_series_of_the_day(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    factors = {(LAST, "FR"): 0.62}
    one = watched(catalog_of(alerts=[Alert(name="fr", metric="orders", where="country = 'FR'")]), shop_of(factors))
    assert len(one.alerts) == 1
    (alert,) = one.alerts
    many = [Alert(name=f"a{n}", metric="visits", by=("country",)) for n in range(200)]
    fr = Alert(name="fr", metric="orders", where="country = 'FR'")
    crowd = watched(catalog_of(alerts=[fr, *many[:30]]), shop_of(factors))
    assert crowd.tests == 1 + 30 * 4  # XX has too few visits
    again = next((item for item in crowd.alerts if item.headline.alert.name == "fr"), None)
    adjusted = min(1.0, (alert.headline.p_value or 0) * crowd.tests)
    assert (again is not None) == (adjusted <= 0.01)
    assert crowd.before_correction >= 1


def test_what_cannot_be_watched_is_refused(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    with pytest.raises(UnknownNameError, match="revenue_lo"):
        watched(catalog_of(alerts=[REVENUE]), shop_of(), names=["revenue_lo"])
    with pytest.raises(DefinitionError, match="no alert"):
        watched(catalog_of(), shop_of())
    with pytest.raises(DefinitionError, match="no zone"):
        watched(catalog_of(alerts=[REVENUE]), shop_of(), now=datetime(2026, 5, 20))  # noqa: DTZ001


def test_a_report_is_plain_values_all_through(shop_of: ShopOf, catalog_of: CatalogOf) -> None:
    import json

    report = watched(catalog_of(alerts=[REVENUE]), shop_of({(LAST, "DE"): 0.2}))
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["counts"]["fired"] == report.fired
    assert found["alerts"][0]["segment"] == {"country": "DE"}
    assert found["alerts"][0]["adjusted_p_value"] <= 0.01


@pytest.mark.postgres
def test_postgres_gives_the_same_alerts(shop_of: ShopOf, catalog_of: CatalogOf, postgres_url: str) -> None:
    alerts = [
        REVENUE,
        Alert(name="conversion", metric="conversion", by=("country",), direction="both"),
        Alert(name="late", fresh="orders", within="2 hours"),
    ]
    catalog = catalog_of(alerts=alerts)
    with shop_of({(LAST, "DE"): 0.2}) as duck, connect(postgres_url) as post:
        for name in ("orders", "visits"):
            post.write(name, duck.fetch(Query(sql=f"SELECT * FROM {name}", limit=1_000_000)))
        found = [watch(catalog, warehouse, on=LAST, now=NOW).to_dict() for warehouse in (duck, post)]
    for one in found:
        for alert in one["alerts"]:
            for name in ("value", "expected", "low", "high", "p_value", "adjusted_p_value"):
                if alert[name] is not None:  # sums of doubles differ in their last digits
                    alert[name] = float(f"{alert[name]:.9g}")
            alert["explanation"] = alert["explanation"].splitlines()[:1]
    assert found[0]["alerts"] == found[1]["alerts"]
    assert found[0]["counts"] == found[1]["counts"]
    assert len(found[0]["alerts"]) >= 2
