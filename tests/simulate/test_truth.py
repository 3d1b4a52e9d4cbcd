"""Every injected effect is found in the rows within its sampling error, and is not there when it is not injected."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import log, sqrt

import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.simulate import (
    ConfoundedCampaign,
    ConversionDrop,
    Drift,
    Experiment,
    MixShift,
    StaggeredRollout,
    TrackingOutage,
    buckets,
    shop,
)  # fmt: skip
from steelyard.simulate.places import LIST_RATE

RAMP = {date(2025, 2, 1): 0.05, date(2025, 2, 10): 0.1, date(2025, 2, 20): 0.2, date(2025, 3, 1): 1.0}
HALVES = {"control": 0.5, "one_page": 0.5}
EURO = "case o.currency " + " ".join(f"when '{c}' then {r / 1e6}" for c, r in LIST_RATE.items()) + " end"
EVENTS = 400_000


def experiment_of(**settings):
    return Experiment(**{"name": "one_page", "arms": HALVES, "ramp": RAMP} | settings)


def by_arm(ask, unit="visitor", days=400, where="true"):
    """Units, and the mean and variance of orders, of having ordered, and of revenue at list rates, by arm."""
    rows = ask(f"""
        with outcomes as (
          select x.arm, x.unit_id, count(o.order_id)::double as orders, (count(o.order_id) > 0)::double as any_order,
                 coalesce(sum(o.amount::double / {EURO}), 0) as revenue
          from exposures x
          join sessions s on s.visitor_id = x.visitor_id and x.exposed_at between s.started_at and s.ended_at
          left join orders o on o.{unit}_id = x.unit_id and o.ordered_at >= x.exposed_at
                             and o.ordered_at < x.exposed_at + to_days({days})
          where {where} group by 1, 2
        ) select arm, count(*), avg(orders), var_samp(orders), avg(any_order), var_samp(any_order), avg(revenue),
                 var_samp(revenue)
        from outcomes group by 1""")
    return {arm: numbers for arm, *numbers in rows}


def z_of(moments, column, truth, treated="one_page"):
    """How many standard errors the difference of two arms lies from the truth."""
    (n0, *control), (n1, *arm) = moments["control"], moments[treated]
    difference = arm[2 * column] - control[2 * column]
    return (difference - truth) / sqrt(control[2 * column + 1] / n0 + arm[2 * column + 1] / n1)


def ratio(ask, segment_sql, dates_sql):
    """Orders per checkout, with numerator and denominator."""
    return ask(
        "select count(distinct event_id) filter (event = 'order_placed'), count(distinct event_id) filter "
        f"(event = 'checkout_started') from events where {segment_sql} and {dates_sql}"
    )[0]


def log_ratio_z(hit, other, truth):
    """How many standard errors the log of a ratio of two shares lies from the log of the truth."""
    (a, n), (b, m) = hit, other
    return (log((a / n) / (b / m)) - log(truth)) / sqrt(1 / a - 1 / n + 1 / b - 1 / m)


QUANTITIES = (
    ("orders per exposed unit", "orders"),
    ("share of exposed units that order", "share"),
    ("revenue per exposed unit", "EUR"),
)


@pytest.mark.parametrize("settings", [
    {"conversion_lift": {"one_page": 0.3}},
    {"conversion_lift": {"one_page": 0.1}, "value_lift": {"one_page": 0.3}, "unit": "customer"},
    {"conversion_lift": {"one_page": -0.3}, "exposed_at": "session_started", "until": date(2025, 9, 30)},
    {"conversion_lift": {"one_page": 0.0}, "novelty": 0.35, "novelty_half_life": 20, "window_days": 10},
    {"arms": {"control": 0.4, "other": 0.2, "one_page": 0.4}, "conversion_lift": {"one_page": 0.2, "other": 0.05}},
], ids=["lift", "value by customer", "exposed at session", "novelty", "three arms"])  # fmt: skip
def test_the_lift_of_an_experiment_is_found_within_four_standard_errors(settings, ask_of, truth_of):
    experiment = experiment_of(**settings)
    made = shop(events=EVENTS, seed=5, inject=[experiment])
    ask = ask_of(made)
    # After the experiment's end orders have no effect and are not in the truth.
    if experiment.until:
        ask("delete from orders where ordered_at >= ?", datetime(2025, 10, 1, tzinfo=UTC))
    moments = by_arm(ask, experiment.unit, experiment.window_days or 400)
    for column, (quantity, unit) in enumerate(QUANTITIES):
        truth = truth_of(made, "one_page", quantity=quantity, measured_in=unit, arm="one_page", segment="")
        assert abs(z_of(moments, column, truth)) < 4, quantity
    if settings.get("conversion_lift", {}).get("one_page"):
        truth = truth_of(
            made, "one_page", quantity=QUANTITIES[0][0], measured_in="relative", arm="one_page", segment=""
        )
        assert truth == pytest.approx(settings["conversion_lift"]["one_page"], abs=1e-6)
        assert abs(z_of(moments, 0, 0.0)) > 2  # so that the test above can fail


def test_a_harmed_segment_has_its_own_lift(ask_of, truth_of):
    harmed = experiment_of(conversion_lift={"one_page": 0.3}, harmed={"device": "mobile"}, harm=-0.4)
    made = shop(events=EVENTS, seed=6, inject=[harmed])
    ask = ask_of(made)
    for where, segment in (("s.device = 'mobile'", "device=mobile"), ("s.device <> 'mobile'", "not device=mobile")):
        truth = truth_of(
            made, "one_page", quantity=QUANTITIES[0][0], measured_in="orders", arm="one_page", segment=segment
        )
        assert abs(z_of(by_arm(ask, where=where), 0, truth)) < 4
        assert (truth < 0) == (segment == "device=mobile")
        assert abs(z_of(by_arm(ask, where=where), 0, 0.0)) > 4


def test_an_experiment_without_an_effect_changes_no_order(plain):
    made = shop(events=150_000, seed=11, inject=[experiment_of()])
    assert made.table("orders").equals(plain.table("orders"))
    assert made.table("events").equals(plain.table("events"))
    assert made.table("exposures").num_rows > 500
    assert plain.table("exposures").num_rows == 0
    zeros = [
        r["value"] for r in made.truth.to_pylist() if r["name"] == "one_page" and r["quantity"] in dict(QUANTITIES)
    ]
    assert set(zeros) == {0.0}


def test_truth_fades_with_the_novelty(truth_of):
    values = [
        truth_of(
            shop(events=60_000, inject=[experiment_of(novelty=0.3, novelty_half_life=7, window_days=days)]),
            "one_page", quantity=QUANTITIES[0][0], measured_in="relative", arm="one_page",
        )
        for days in (1, 30, 300)
    ]  # fmt: skip
    assert values[0] == pytest.approx(0.3, abs=1e-6)
    assert values[0] > values[1] > values[2] > 0


def chi_square(ask, shares):
    counts = dict(ask("select arm, count(*) from exposures group by 1"))
    total = sum(counts.values())
    return sum((counts[arm] - share * total) ** 2 / (share * total) for arm, share in shares.items())


def test_a_lossy_arm_is_a_sample_ratio_mismatch_and_the_loss_is_counted(ask_of, truth_of):
    clean = shop(events=300_000, seed=3, inject=[experiment_of(ramp={date(2025, 1, 1): 1.0})])
    lossy = shop(events=300_000, seed=3, inject=[
        experiment_of(ramp={date(2025, 1, 1): 1.0}, lost_exposures={"one_page": 0.6}, lost_segment={"device": "mobile"})
    ])  # fmt: skip
    assert chi_square(ask_of(clean), HALVES) < 10.8  # p = .001
    ask = ask_of(lossy)
    assert chi_square(ask, HALVES) > 15
    for arm in HALVES:
        recorded = ask("select count(*) from exposures where arm = ?", arm)[0][0]
        exposed = truth_of(lossy, "one_page", quantity="units exposed", arm=arm)
        lost = truth_of(lossy, "one_page", quantity="exposures never recorded", arm=arm)
        assert exposed == recorded + lost
        assert (lost > 0) == (arm == "one_page")
        assert exposed == truth_of(clean, "one_page", quantity="units exposed", arm=arm)


@pytest.mark.parametrize("unit", ["visitor", "customer"])
def test_assignment_is_what_md5_says_in_sql(unit, ask_of):
    ask = ask_of(shop(events=100_000, inject=[experiment_of(unit=unit, salt="checkout")]))
    bucket = "('0x' || md5('checkout:{}:' || unit_id)[:15])::bigint / 16::double ** 15"
    wrong, n = ask(f"""
        select count(*) filter ((arm = 'control') <> ({bucket.format("arm")} < 0.5)
          or {bucket.format("ramp")} >= enrolled_share
          or stage <> case when exposed_at < '2025-02-10' then 1 when exposed_at < '2025-02-20' then 2
                           when exposed_at < '2025-03-01' then 3 else 4 end
             and (exposed_at - interval 1 hour)::date = exposed_at::date), count(*) from exposures""")[0]
    assert wrong == 0
    assert n > 300
    assert ask("select count(*) from exposures where exposed_at < '2025-02-01'") == [(0,)]


def test_an_exposure_is_the_first_checkout_of_its_unit_after_it_was_enrolled(ask_of):
    ask = ask_of(shop(events=100_000, inject=[experiment_of(ramp={date(2025, 3, 1): 1.0})]))
    assert ask("""
        select count(*) from (
          select visitor_id, min(occurred_at) as at from events join sessions s using (visitor_id, session_id)
          where event = 'checkout_started' and s.started_at >= '2025-03-01' group by 1
        ) c full join exposures x using (visitor_id) where c.at is distinct from x.exposed_at""") == [(0,)]


def test_buckets_are_known_values_of_md5():
    import hashlib

    import numpy as np

    ids = [1, 42, 10**15]
    known = [int(hashlib.md5(f"s:{i}".encode()).hexdigest()[:15], 16) / 16**15 for i in ids]
    assert buckets("s:", np.array(ids)).tolist() == known


def test_a_confounded_campaign_misleads_the_naive_and_not_those_who_adjust(ask_of, truth_of):
    campaign = ConfoundedCampaign(name="spring", since=date(2025, 4, 1), until=date(2025, 9, 30), lift=0.3)
    made = shop(events=EVENTS, seed=8, inject=[campaign])
    rows = ask_of(made)("""
        with who as (
          select c.customer_id, c.tier, k.customer_id is not null as targeted, count(o.order_id)::double as orders
          from customers c left join campaigns k using (customer_id)
          left join orders o on o.customer_id = c.customer_id
               and o.ordered_at >= '2025-04-01' and o.ordered_at < '2025-10-01'
          where c.joined_on < '2025-04-01' group by all
        ) select tier, targeted, count(*), avg(orders), var_samp(orders) from who group by all""")
    cells = {(tier, targeted): (n, mean, variance) for tier, targeted, n, mean, variance in rows}
    size = sum(cells[tier, True][0] for tier in ("bronze", "silver", "gold"))
    assert size == truth_of(made, "spring", quantity="customers targeted")
    effect = variance = 0.0
    for tier in ("bronze", "silver", "gold"):
        (n1, mean1, var1), (n0, mean0, var0) = cells[tier, True], cells[tier, False]
        effect += n1 / size * (mean1 - mean0)
        variance += (n1 / size) ** 2 * (var1 / n1 + var0 / n0)
    truth = truth_of(made, "spring", quantity="orders per customer, effect on the targeted")
    naive = truth_of(made, "spring", quantity="orders per customer, naive difference")
    others = sum(n * m for (_, t), (n, m, _) in cells.items() if not t) / sum(
        n for (_, t), (n, _, _) in cells.items() if not t
    )
    found_naive = sum(n * m for (_, t), (n, m, _) in cells.items() if t) / size - others
    assert abs(effect - truth) < 4 * sqrt(variance)
    assert abs(found_naive - naive) < 4 * sqrt(variance)
    assert naive > 3 * truth > 0
    assert found_naive - truth > 4 * sqrt(variance)


def test_a_staggered_rollout_has_its_dynamic_effect_and_nobody_else_does(ask_of, truth_of):
    adopts = {"DE": date(2025, 3, 1), "GB": date(2025, 5, 1), "FR": date(2025, 8, 1)}
    rollout = StaggeredRollout(name="lockers", by="country", adopts=adopts, effects=(-0.2,) * 8 + (0.3,))
    made = shop(events=EVENTS, seed=9, inject=[rollout])
    ask = ask_of(made)
    week = (
        "date_diff('day', case country "
        + " ".join(f"when '{place}' then date '{day}'" for place, day in adopts.items())
        + " end, (occurred_at - interval 30 minutes)::date)"
    )
    never, before = ratio(ask, "country in ('US', 'IN', 'AU')", "true"), ratio(ask, f"{week} < 0", "true")
    early, late = ratio(ask, f"{week} between 1 and 55", "true"), ratio(ask, f"{week} >= 57", "true")
    assert abs(log_ratio_z(before, never, 1.0)) < 4
    assert abs(log_ratio_z(early, never, 0.8)) < 3 < abs(log_ratio_z(early, never, 1.0))
    assert abs(log_ratio_z(late, never, 1.3)) < 4 < abs(log_ratio_z(late, never, 1.0))
    average = truth_of(made, "lockers", quantity="orders, average effect on the adopters")
    orders, checkouts = (sum(both) for both in zip(early, late, strict=True))
    assert abs(log_ratio_z((orders, checkouts), never, 1 + average)) < 4


def test_a_drop_in_conversion_hits_its_segment_and_dates_only(ask_of, truth_of):
    drop = ConversionDrop(
        name="bug", since=date(2025, 6, 1), until=date(2025, 8, 31), drop=0.4, segment={"device": "mobile"}
    )
    made, whole = (shop(events=EVENTS, seed=10, inject=inject) for inject in ([drop], []))
    ask = ask_of(made)
    dates = "occurred_at >= '2025-06-01' and occurred_at < '2025-09-01'"
    hit, normal = ratio(ask, "device = 'mobile'", dates), ratio(ask, "device = 'mobile'", f"not ({dates})")
    assert abs(log_ratio_z(hit, normal, 1 + truth_of(made, "bug", measured_in="relative"))) < 4
    assert abs(log_ratio_z(hit, normal, 1.0)) > 6
    desktop = ratio(ask, "device = 'desktop'", dates), ratio(ask, "device = 'desktop'", f"not ({dates})")
    assert abs(log_ratio_z(*desktop, 1.0)) < 4
    lost = whole.table("orders").num_rows - made.table("orders").num_rows
    expected = truth_of(made, "bug", quantity="order_placed lost, expected")
    assert abs(lost - expected) < 4 * sqrt(expected)


def test_a_drop_at_an_earlier_step_is_there_too(ask_of, truth_of):
    drop = ConversionDrop(name="bug", since=date(2025, 6, 1), until=date(2025, 8, 31), drop=0.5, step="add_to_cart")
    made = shop(events=EVENTS, seed=10, inject=[drop])
    inside, outside = (
        ask_of(made)(
            "select count(distinct session_id) filter (event = 'add_to_cart'), "
            "count(distinct session_id) filter (event = 'product_view') "
            f"from events where {word} (occurred_at >= '2025-06-01' and occurred_at < '2025-09-01')"
        )[0]
        for word in ("", "not")
    )
    assert abs(log_ratio_z(inside, outside, 0.5)) < 4


def test_an_outage_loses_exactly_the_events_that_it_says(plain, ask_of, ask, truth_of):
    outage = TrackingOutage(
        name="outage", since=datetime(2025, 5, 3, 8, tzinfo=UTC), until=datetime(2025, 5, 5, 8, tzinfo=UTC),
        segment={"country": "US"}, events=("product_view", "order_placed"),
    )  # fmt: skip
    made = shop(events=150_000, seed=11, inject=[outage])
    there = {row[0] for row in ask_of(made)("select event_id from events")}
    lost = ask("select distinct event_id, country, event, occurred_at from events")
    lost = [row[1:] for row in lost if row[0] not in there]
    assert len(lost) == truth_of(made, "outage", quantity="events lost") > 20
    assert all(c == "US" and e in outage.events and outage.since <= at < outage.until for c, e, at in lost)
    assert made.table("orders").equals(plain.table("orders"))
    assert made.table("sessions").equals(plain.table("sessions"))


def test_a_mix_shift_moves_shares_and_no_rates(ask_of, truth_of):
    shift = MixShift(name="shift", since=date(2025, 9, 1), until=date(2025, 11, 30), shares={"social": 0.4})
    made = shop(events=EVENTS, seed=12, inject=[shift])
    ask = ask_of(made)
    inside = "started_at >= '2025-09-01' and started_at < '2025-12-01'"
    for when, where in (("shifted", inside), ("before", f"not ({inside})")):
        counts = dict(ask(f"select channel, count(*) from sessions where {where} group by 1"))
        total = sum(counts.values())
        for channel, n in counts.items():
            share = truth_of(made, "shift", quantity=f"share of sessions, {when}", segment=f"channel={channel}")
            assert abs(n / total - share) < 4 * sqrt(share * (1 - share) / total) + 1e-4
    dates = "occurred_at >= '2025-09-01' and occurred_at < '2025-12-01'"
    for channel in ("organic", "social", "direct"):
        pair = (ratio(ask, f"channel = '{channel}'", d) for d in (dates, f"not ({dates})"))
        assert abs(log_ratio_z(*pair, 1.0)) < 4


def test_drift_changes_a_relationship_or_a_distribution_little_by_little(ask_of):
    since, until = date(2025, 3, 1), date(2025, 8, 31)
    meaning = Drift(name="a", since=since, until=until, of="conversion", segment={"channel": "organic"}, change=-0.6)
    often = Drift(name="b", since=since, until=until, of="share", segment={"channel": "social"}, change=1.0)
    ask = ask_of(shop(events=EVENTS, seed=13, inject=[meaning, often]))
    before, middle, after = (
        f"occurred_at >= '2025-{a}' and occurred_at < '2025-{b}'"
        for a, b in (("01-01", "03-01"), ("05-17", "06-16"), ("09-01", "12-31"))
    )
    rate = {name: ratio(ask, "channel = 'organic'", d) for name, d in (("b", before), ("m", middle), ("a", after))}
    assert abs(log_ratio_z(rate["a"], rate["b"], 0.4)) < 4 < abs(log_ratio_z(rate["a"], rate["b"], 1.0))
    assert abs(log_ratio_z(rate["m"], rate["b"], 0.7)) < 4
    for dates, share in ((before, 0.14), (middle, 0.21), (after, 0.28)):
        social, total = ask(
            "select count(*) filter (channel = 'social'), count(*) from sessions "
            f"where {dates.replace('occurred', 'started')}"
        )[0]
        assert abs(social / total - share) < 4 * sqrt(share * (1 - share) / total) + 0.002


def test_the_effects_of_several_injections_are_told_apart(truth_of):
    bug = ConversionDrop(name="bug", since=date(2025, 6, 1), until=date(2025, 6, 30), drop=0.5)
    both = shop(events=60_000, inject=[experiment_of(conversion_lift={"one_page": 0.1}), bug])
    truth = truth_of(both, "one_page", quantity=QUANTITIES[0][0], measured_in="relative", arm="one_page")
    assert truth == pytest.approx(0.1, abs=1e-6)


MAY = datetime(2025, 5, 1, tzinfo=UTC)
DAYS = {"since": date(2025, 5, 1), "until": date(2025, 5, 31)}


@pytest.mark.parametrize(("wrong", "says"), [
    (lambda: experiment_of(ramp={date(2025, 2, 1): 0.5, date(2025, 3, 1): 0.2}), "the ramp falls"),
    (lambda: experiment_of(ramp={date(2025, 3, 1): 0.1, date(2025, 2, 1): 0.2}), "not in order"),
    (lambda: experiment_of(ramp={}), "no stage"),
    (lambda: experiment_of(ramp={date(2025, 3, 1): 1.5}), "shares of the ramp"),
    (lambda: experiment_of(ramp={date(2024, 3, 1): 1.0}), "outside the shop"),
    (lambda: experiment_of(until=date(2025, 2, 15)), "is before since"),
    (lambda: experiment_of(arms={"control": 0.5, "one_page": 0.6}), "do not split a whole"),
    (lambda: experiment_of(arms={"control": 1.0}), "compare nothing"),
    (lambda: experiment_of(conversion_lift={"two_page": 0.1}), "no arm named 'two_page'"),
    (lambda: experiment_of(conversion_lift={"control": 0.1}), "a lift names the control"),
    (lambda: experiment_of(conversion_lift={"one_page": 5.0}), "5.0"),
    (lambda: experiment_of(conversion_lift={"one_page": float("nan")}), "nan"),
    (lambda: experiment_of(harmed={"device": "phone"}), "no device named 'phone'"),
    (lambda: experiment_of(harmed={"colour": "red"}), "no segment column named 'colour'"),
    (lambda: experiment_of(harmed="device=mobile"), "not a mapping"),
    (lambda: experiment_of(unit="household"), "no unit named 'household'"),
    (lambda: experiment_of(exposed_at="page_view"), "no exposed_at"),
    (lambda: experiment_of(lost_exposures={"one_page": 1.5}), "1.5 of the exposures"),
    (lambda: experiment_of(window_days=0), "window_days of 0"),
    (lambda: experiment_of(novelty_half_life=0), "novelty_half_life"),
    (lambda: experiment_of(name=""), "the name ''"),
    (lambda: experiment_of(ramp={"2025-03-01": 1.0}), "'2025-03-01' is not a date"),
    (lambda: experiment_of(ramp={datetime(2025, 3, 1, tzinfo=UTC): 1.0}), "is not a date"),
    (lambda: experiment_of(arms={"control": float("nan"), "one_page": 0.5}), "do not split a whole"),
    (lambda: experiment_of(novelty=0.3, conversion_lift={"one_page": 0.3}), "0.6"),
    (lambda: MixShift(name="m", **DAYS, shares={"email": float("nan")}), "no mix"),
    (lambda: ConfoundedCampaign(name="c", **DAYS, lift=0.1, targeted={"platinum": 0.5}), "no tier named"),
    (lambda: ConfoundedCampaign(name="c", **DAYS, lift=0.1, targeted={"gold": 5}), "a chance of 5"),
    (lambda: ConfoundedCampaign(name="c", since=date(2025, 6, 1), until=date(2025, 5, 1), lift=0.1), "is before since"),
    (lambda: StaggeredRollout(name="r", adopts={"Bavaria": date(2025, 5, 1)}, effects=(0.1,)), "no region named"),
    (lambda: StaggeredRollout(name="r", adopts={"DE-01": date(2026, 5, 1)}, effects=(0.1,)), "before since"),
    (lambda: StaggeredRollout(name="r", adopts={}, effects=(0.1,)), "nobody adopts"),
    (lambda: ConversionDrop(name="d", **DAYS, drop=1.5), "a drop of 1.5"),
    (lambda: ConversionDrop(name="d", **DAYS, drop=0.5, step="page_view"), "no step named"),
    (lambda: TrackingOutage(name="o", since=datetime(2025, 5, 1), until=datetime(2025, 5, 2)), "no time zone"),  # noqa: DTZ001
    (lambda: TrackingOutage(name="o", **DAYS), "no time zone"),
    (lambda: TrackingOutage(name="o", since=MAY.replace(day=2), until=MAY), "not after"),
    (lambda: MixShift(name="m", **DAYS, shares={"tv": 0.5}), "no channel named 'tv'"),
    (lambda: MixShift(name="m", **DAYS, shares={"email": 0.8, "social": 0.8}), "no mix"),
    (lambda: MixShift(name="m", **DAYS, shares={}), "no mix"),
    (lambda: Drift(name="f", **DAYS, of="price", segment={}, change=0.1), "no drift named"),
    (lambda: Drift(name="f", **DAYS, of="share", segment={"device": "mobile"}, change=0.1), "cannot drift"),
    (lambda: Drift(name="f", **DAYS, of="share", segment={"channel": "organic"}, change=9.0), "no mix"),
])  # fmt: skip
def test_an_injection_that_cannot_be_is_refused_by_name(wrong, says):
    with pytest.raises(DefinitionError) as refused:
        shop(events=1_000, inject=[wrong()])
    assert says in refused.value.problem
    assert refused.value.hint
    assert refused.value.where


def test_a_mix_of_one_channel_can_still_drift():
    whole = MixShift(name="m", **DAYS, shares={"social": 1.0})
    drift = Drift(name="d", **DAYS, of="share", segment={"channel": "social"}, change=0.5)
    channels = set(shop(events=5_000, inject=[whole, drift]).table("sessions")["channel"].unique().to_pylist())
    assert len(channels) == 6


def test_two_injections_need_two_names():
    with pytest.raises(DefinitionError, match="'one_page'"):
        shop(events=1_000, inject=[experiment_of(), experiment_of()])
    with pytest.raises(UnknownNameError) as refused:
        shop(events=1_000, inject=[MixShift(name="m", **DAYS, shares={"emial": 0.1})])
    assert refused.value.hint == "did you mean 'email'?"
