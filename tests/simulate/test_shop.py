"""A shop is the same everywhere, however it is cut into chunks, and its rows belong together."""

from __future__ import annotations

import hashlib
import random
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.simulate import KEYS, ConfoundedCampaign, ConversionDrop, Experiment, shop
from steelyard.simulate.random_stream import Draws

# What machines must agree on: the rows as text, which depends on no version of Arrow.
PINNED = {
    "customers": "5e23ad7f11911173",
    "visitors": "86f3382f40b160d3",
    "sessions": "580c32c1ee220ba8",
    "events": "60756f82021763a1",
    "orders": "b06ce7bd4e4ce2f1",
    "order_lines": "ddd28beb4c419bd3",
    "refunds": "c09bd6d47ad2d057",
    "deliveries": "27cbd876147d806f",
    "emails": "33ec16f61eca34cc",
    "exposures": "7ba55a383040657d",
    "campaigns": "fc70756794292049",
    "products": "6b3a5a6ece6b224f",
    "exchange_rates": "a94f5ebfbebc7334",
}


def content(batch: pa.RecordBatch) -> str:
    lines = (repr([str(value) for value in column.to_pylist()]) for column in batch.columns)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def test_the_rows_of_a_seed_are_the_same_on_every_machine():
    test = Experiment(
        name="test", arms={"control": 0.5, "new": 0.5}, ramp={date(2025, 1, 1): 1.0}, conversion_lift={"new": 0.07},
        value_lift={"new": 0.013}, novelty=0.1, novelty_half_life=9,
    )  # fmt: skip
    spring = ConfoundedCampaign(name="spring", since=date(2025, 1, 5), until=date(2025, 5, 31), lift=0.1)
    made = shop(events=5_000, seed=2024, inject=[test, spring])
    found = {table: content(batch) for table, batch in (made.chunk(0) | made.fixed()).items()}
    assert found == PINNED


def test_a_chunk_is_the_same_alone_and_among_others_in_any_order(plain):
    alone = {number: shop(events=150_000, seed=11).chunk(number) for number in range(plain.chunks_in_all)}
    order = list(alone)
    random.Random(5).shuffle(order)
    for number, tables in zip(order, plain.chunks(order), strict=True):
        for table, batch in tables.items():
            assert batch.equals(alone[number][table]), (number, table)


def test_batches_and_chunks_give_the_same_rows(plain):
    joined = pa.Table.from_batches([tables["orders"] for tables in plain.chunks()])
    assert plain.table("orders").equals(joined)
    assert plain.table("products").num_rows == 600


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), events=st.integers(1_000, 40_000))
def test_people_are_the_same_in_a_smaller_shop_of_the_same_seed(seed, events):
    small, large = shop(events=events, seed=seed), shop(events=60_000, seed=seed)
    for table in ("customers", "sessions", "orders", "order_lines", "emails"):
        few, many = small.chunk(0)[table], large.chunk(0)[table]
        if table == "emails":  # by mailing and then by person
            few, many = few.sort_by("email_id"), many.sort_by("email_id")
        assert few.equals(many.slice(0, few.num_rows)), table


def test_another_seed_gives_other_rows():
    assert not shop(events=1_000, seed=1).chunk(0)["events"].equals(shop(events=1_000, seed=2).chunk(0)["events"])


def test_purposes_have_streams_of_their_own_and_longer_ones_begin_with_shorter_ones():
    draws = Draws(3, 9)
    assert draws.words("a", 100)[:10].tolist() == draws.words("a", 10).tolist()
    streams = {tuple(Draws(s, c).words(p, 2).tolist()) for s in (0, 1) for c in (0, 1, 2) for p in ("a", "b", "visits")}
    assert len(streams) == 18


def test_the_event_log_is_about_as_long_as_asked(plain):
    for events, made in ((150_000, plain), (10_000, shop(events=10_000)), (600_000, shop(events=600_000))):
        assert made.table("events").num_rows == pytest.approx(events, rel=0.02)


def test_parquet_files_hold_what_the_batches_hold(plain, tmp_path):
    seen = []
    files = plain.write_parquet(tmp_path / "new", progress=lambda done, of: seen.append((done, of)))
    assert list(files) == list(plain.tables)
    assert seen[-1] == (plain.chunks_in_all, plain.chunks_in_all)
    for table, file in files.items():
        assert pq.read_table(file).equals(plain.table(table)), table
    assert sorted(path.suffix for path in (tmp_path / "new").iterdir()) == [".parquet"] * len(files)


def test_parts_written_apart_make_the_whole(plain, tmp_path):
    parts = [plain.write_parquet(tmp_path / str(n), tables=["orders"], numbers=[n]) for n in range(plain.chunks_in_all)]
    assert pa.concat_tables([pq.read_table(part["orders"]) for part in parts]).equals(plain.table("orders"))


def test_a_write_that_fails_leaves_no_file_that_looks_complete(plain, tmp_path):
    def stop(done, of):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        plain.write_parquet(tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_injection_leaves_everything_that_it_does_not_reach_as_it_was(plain):
    drop = ConversionDrop(name="bug", since=date(2025, 5, 1), until=date(2025, 5, 31), drop=0.9)
    injured = shop(events=150_000, seed=11, inject=[drop])
    for table in ("customers", "visitors", "emails"):
        assert injured.table(table).equals(plain.table(table)), table
    before, after = (made.table("orders").to_pylist() for made in (plain, injured))
    kept = {row["order_id"] for row in after}
    assert [row for row in before if row["order_id"] in kept] == after
    assert all(row["ordered_at"].month in (5, 6) for row in before if row["order_id"] not in kept)
    assert len(before) > len(after)


@pytest.mark.parametrize("table", list(KEYS))
def test_keys_are_unique_once_duplicates_are_removed(table, ask):
    key = ", ".join(KEYS[table])
    rows = f"(select distinct * exclude (loaded_at) from {table})" if table == "events" else table
    assert ask(f"select {key} from {rows} group by all having count(*) > 1 limit 5") == []


@pytest.mark.parametrize(
    ("child", "column", "parent"),
    [
        ("visitors", "customer_id", "customers"),
        ("sessions", "visitor_id", "visitors"),
        ("sessions", "customer_id", "customers"),
        ("events", "session_id", "sessions"),
        ("events", "visitor_id", "visitors"),
        ("events", "product_id", "products"),
        ("orders", "session_id", "sessions"),
        ("orders", "visitor_id", "visitors"),
        ("orders", "customer_id", "customers"),
        ("order_lines", "order_id", "orders"),
        ("order_lines", "product_id", "products"),
        ("refunds", "order_id", "orders"),
        ("deliveries", "order_id", "orders"),
        ("emails", "customer_id", "customers"),
    ],
)
def test_every_reference_is_to_a_row_that_is_there(child, column, parent, ask):
    lost = (
        f"select count(*) from {child} where {column} is not null and {column} not in (select {column} from {parent})"
    )
    assert ask(lost) == [(0,)]
    assert ask(f"select count({column}) > 0 from {child}") == [(True,)]


def test_totals_agree(ask):
    assert ask(
        "select count(*) from orders join (select order_id, sum(amount) as total from order_lines group by 1) "
        "using (order_id) where amount <> total"
    ) == [(0,)]
    assert ask("select count(*) from orders anti join order_lines using (order_id)") == [(0,)]
    assert ask("select count(*) from order_lines where amount <> quantity * unit_price or unit_price <= 0") == [(0,)]
    assert (
        ask(
            "select count(*), count(*) filter (r.amount > o.amount or r.amount <= 0 or r.currency <> o.currency "
            "or o.status <> 'completed' or r.refunded_at <= o.ordered_at) from refunds r join orders o using (order_id)"
        )[0][1]
        == 0
    )


def test_an_order_is_an_event_of_its_session_and_agrees_with_it(ask):
    assert ask(
        "select count(*) from orders o join sessions s using (session_id) where o.visitor_id <> s.visitor_id "
        "or o.customer_id is distinct from s.customer_id or o.ordered_at <> s.ended_at or o.device <> s.device"
    ) == [(0,)]
    orders = ask("select count(*) from orders")[0][0]
    assert ask("select count(distinct event_id) from events where event = 'order_placed'") == [(orders,)]
    assert ask(
        "select count(distinct event_id) from events e join orders o "
        "on e.session_id = o.session_id and e.event = 'order_placed' and e.occurred_at = o.ordered_at"
    ) == [(orders,)]


def test_lines_are_what_was_put_into_the_cart(ask):
    assert ask(
        "with carts as (select session_id, list_sort(list(product_id)) as items from (select distinct event_id, "
        "session_id, product_id from events where event = 'add_to_cart') group by 1), bought as (select session_id, "
        "list_sort(list(product_id)) as items from order_lines join orders using (order_id) group by 1) "
        "select count(*) from bought left join carts using (session_id) where bought.items is distinct from carts.items"
    ) == [(0,)]


def test_all_times_lie_in_the_span_and_in_order(ask):
    for table, column in (
        ("events", "occurred_at"), ("sessions", "started_at"), ("sessions", "ended_at"), ("orders", "ordered_at"),
        ("refunds", "refunded_at"), ("deliveries", "delivered_at"), ("emails", "clicked_at"),
        ("visitors", "first_seen_at"),
    ):  # fmt: skip
        assert ask(
            f"select min({column}) >= '2025-01-01 00:00:00+00' and max({column}) < '2026-01-01 00:00:00+00' "
            f"from {table}"
        ) == [(True,)], column
    assert ask("select count(*) from events where loaded_at <= occurred_at") == [(0,)]
    assert ask(
        "select count(*) from deliveries join orders using (order_id) where shipped_at <= ordered_at "
        "or delivered_at <= shipped_at or status <> 'completed'"
    ) == [(0,)]
    assert ask("select count(*) from emails where opened_at <= sent_at or clicked_at <= opened_at") == [(0,)]
    assert ask(
        "select count(*) from sessions s join customers c using (customer_id) "
        "where (s.started_at at time zone c.time_zone)::date < c.joined_on"
    ) == [(0,)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"events": -5}, "-5 events"),
        ({"events": 10}, "10 events"),
        ({"events": 1e6}, "1000000.0 events"),
        ({"events": True}, "True events"),
        ({"seed": -1}, "seed of -1"),
        ({"seed": 2**64}, "seed of"),
        ({"since": date(2025, 5, 2), "until": date(2025, 5, 1)}, "a span from 2025-05-02 to 2025-05-01"),
        ({"since": date(1960, 1, 1), "until": date(1960, 12, 31)}, "a span from 1960"),
        ({"since": "2025-01-01"}, "'2025-01-01' is not a date"),
        ({"bots": -0.1}, "bots of -0.1"),
        ({"late": float("nan")}, "late of nan"),
        ({"duplicates": 2}, "duplicates of 2"),
        ({"inject": ["experiment"]}, "'experiment' is not an injection"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(wrong, says):
    with pytest.raises(DefinitionError) as refused:
        shop(**{"events": 1_000} | wrong)
    assert says in refused.value.problem
    assert refused.value.hint


def test_an_unknown_table_or_chunk_is_refused(plain, tmp_path):
    with pytest.raises(UnknownNameError, match="'order'") as refused:
        plain.batches("order")
    assert "orders" in refused.value.hint
    with pytest.raises(UnknownNameError):
        plain.write_parquet(tmp_path, tables=["event"])
    with pytest.raises(DefinitionError, match="no chunk 99"):
        plain.chunk(99)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    since=st.dates(date(2001, 1, 1), date(2030, 1, 1)),
    days=st.integers(7, 800),
    bots=st.sampled_from([0.0, 0.2]),
)
def test_any_span_gives_sessions_inside_it_and_apart(seed, since, days, bots):
    from datetime import UTC, datetime, timedelta

    import numpy as np

    until = since + timedelta(days=days - 1)
    made = shop(events=3_000, seed=seed, since=since, until=until, bots=bots).chunk(0)["sessions"]
    begin = int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp())
    start, end = (made[name].cast(pa.int64()).to_numpy() // 1_000_000 for name in ("started_at", "ended_at"))
    assert start.min() >= begin
    assert end.max() < begin + days * 86_400
    visitor = made["visitor_id"].to_numpy()
    order = np.lexsort((start, visitor))
    same = np.diff(visitor[order]) == 0
    assert (start[order][1:] - end[order][:-1])[same].min(initial=10**9) >= 31 * 60
