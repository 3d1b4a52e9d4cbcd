"""The raw log: its faults are counted exactly, and what they hide can be recovered."""

from __future__ import annotations

import pytest

from steelyard.simulate import shop
from steelyard.simulate.calendar_effects import HOUR_WEIGHTS, MONTH_WEIGHTS, WEEKDAY_WEIGHTS

DEDUPED = "(select * from events qualify row_number() over (partition by event_id order by loaded_at) = 1)"


def test_a_thirty_minute_sessionisation_recovers_the_sessions_exactly(ask):
    wrong, sessions = ask(f"""
        with marked as (
          select visitor_id, session_id, occurred_at,
                 coalesce(occurred_at - lag(occurred_at) over w > interval 30 minutes, true)::int as begins
          from {DEDUPED} window w as (partition by visitor_id order by occurred_at)
        ), numbered as (
          select session_id, visitor_id,
                 sum(begins) over (partition by visitor_id order by occurred_at rows unbounded preceding) as number
          from marked
        ), pairs as (select distinct session_id, visitor_id, number from numbered)
        select count(*) - count(distinct session_id) + count(*) - count(distinct (visitor_id, number)), count(*)
        from pairs""")[0]
    assert wrong == 0
    assert sessions == ask("select count(*) from sessions")[0][0]


def test_removing_duplicates_by_key_removes_exactly_those_that_were_put_in(ask, plain, truth_of):
    repeated = ask("select count(*) - count(distinct event_id) from events")[0][0]
    assert repeated == truth_of(plain, "shop", quantity="duplicates") > 500
    assert ask(
        "select count(distinct (event_id, event, session_id, occurred_at, product_id)) - count(distinct event_id) "
        "from events"
    ) == [(0,)]
    assert ask(
        "select count(*) from (select event_id from events group by 1 "
        "having count(*) > 2 or count(distinct loaded_at) <> count(*))"
    ) == [(0,)]


def test_late_events_are_counted(ask, plain, truth_of):
    late = ask(f"select count(*) from {DEDUPED} where loaded_at - occurred_at > interval 1 hour")[0][0]
    assert late == truth_of(plain, "shop", quantity="late")
    assert late / ask("select count(distinct event_id) from events")[0][0] == pytest.approx(0.01, rel=0.1)


def test_bots_are_counted_can_be_told_and_buy_nothing(ask, plain, truth_of):
    crawlers = "(select visitor_id from visitors where browser = 'crawler')"
    for quantity, sql in (
        ("bot visitors", f"select count(*) from {crawlers}"),
        ("bot sessions", f"select count(*) from sessions where visitor_id in {crawlers}"),
        ("bot events", f"select count(distinct event_id) from events where visitor_id in {crawlers}"),
    ):
        assert ask(sql)[0][0] == truth_of(plain, "shop", quantity=quantity) > 10
    assert ask(f"select count(*) from events where visitor_id in {crawlers} and event = 'add_to_cart'") == [(0,)]


def test_there_are_no_faults_where_none_are_asked_for(ask_of, truth_of):
    clean = shop(events=20_000, bots=0, duplicates=0, late=0)
    ask = ask_of(clean)
    for quantity in ("bot visitors", "duplicates", "late"):
        assert truth_of(clean, "shop", quantity=quantity) == 0
    assert ask("select count(*) - count(distinct event_id) from events") == [(0,)]
    assert ask("select max(loaded_at - occurred_at) <= interval 2 minutes from events") == [(True,)]


def test_counted_rows_are_the_rows(ask, plain, truth_of):
    for table in ("events", "sessions", "orders", "refunds", "emails", "customers"):
        assert ask(f"select count(*) from {table}")[0][0] == truth_of(plain, "shop", quantity=f"rows of {table}")


def test_anonymous_ids_join_to_the_customers_who_signed_in(ask):
    assert ask(
        "select count(*) from visitors v join (select visitor_id, min(customer_id) as one, max(customer_id) as other, "
        "min(started_at) filter (customer_id is not null) as signed from sessions group by 1) s using (visitor_id) "
        "where v.customer_id is distinct from one or one <> other or v.identified_at is distinct from signed"
    ) == [(0,)]
    known, all_, twice = ask(
        "select count(customer_id), count(*), count(customer_id) - count(distinct customer_id) from visitors"
    )[0]
    assert 0.2 < known / all_ < 0.6
    assert twice > 50  # customers with two anonymous ids


def test_people_come_at_their_own_hour_whatever_their_zone(ask):
    rows = ask(
        "select time_zone, hour(started_at at time zone time_zone) as hour, count(*) as n from sessions "
        "join (select visitor_id, time_zone from visitors) using (visitor_id) group by all"
    )
    zones = {zone for zone, _, _ in rows}
    assert len(zones) == 7
    for zone in zones:
        counts = {hour: n for z, hour, n in rows if z == zone}
        total = sum(counts.values())
        for hour, weight in enumerate(HOUR_WEIGHTS):
            share = weight / sum(HOUR_WEIGHTS)
            limit = (
                5 * (share / total) ** 0.5 + 0.012
            )  # the rest is a day's change to summer time, and dropped sessions
            assert abs(counts.get(hour, 0) / total - share) < limit, (zone, hour)


def test_weekdays_and_months_have_their_weights(ask):
    days = dict(ask("select isodow(started_at), count(*) from sessions group by 1"))
    assert days[7] / days[1] == pytest.approx(WEEKDAY_WEIGHTS[6] / WEEKDAY_WEIGHTS[0], abs=0.12)
    months = dict(ask("select month(started_at), count(*) / count(distinct started_at::date) from sessions group by 1"))
    assert months[12] / months[8] > MONTH_WEIGHTS[11] / MONTH_WEIGHTS[7] * 0.95
    friday, weekly = ask(
        "select count(*) filter (started_at::date = '2025-11-28'), count(*) filter (started_at::date = '2025-11-21') "
        "from sessions"
    )[0]
    assert friday > 1.2 * weekly


def test_exchange_rates_have_no_weekend_and_reach_before_the_first_order(ask):
    assert ask("select count(*) from exchange_rates where isodow(rate_date) > 5") == [(0,)]
    assert ask("select count(distinct rate_date), min(rate_date) < '2025-01-01' from exchange_rates") == [
        (268, True)
    ]  # 261 in 2025, 7 before
    assert ask(
        "select count(*) from orders o asof left join exchange_rates r "
        "on o.currency = r.currency and o.ordered_at::date >= r.rate_date where per_euro is null"
    ) == [(0,)]
    assert ask("select count(distinct currency) from orders") == [(5,)]


def test_products_that_go_together_are_viewed_together(ask, plain, truth_of):
    followed, n = ask(f"""
        with views as (
          select session_id, event, product_id, row_number() over w as place, lag(product_id) over w as before,
                 lag(event) over w as kind_before,
                 count(*) filter (event = 'add_to_cart') over (partition by session_id) as carts,
                 count(*) filter (event = 'product_view') over (partition by session_id) as views
          from {DEDUPED} window w as (partition by session_id order by occurred_at)
        )
        select count(*) filter (p.goes_with = v.product_id), count(*) from views v
        join products p on p.product_id = before
        where event = 'product_view' and place % 2 = 1 and place - 2 <= views - carts and kind_before = 'product_view'
    """)[0]
    share = truth_of(plain, "shop", kind="affinity")
    chance = (share * (1 - share) / n) ** 0.5
    by_accident = 0.012  # the companion's own share among views of a complement
    assert share - 4 * chance < followed / n < share + by_accident + 4 * chance
