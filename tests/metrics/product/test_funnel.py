"""Funnels, against every chain counted by hand in plain Python."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import Exclusion, Funnel, FunnelStep, run_funnel
from steelyard.warehouse import History, TableDeclaration, connect

START = datetime(2026, 1, 1)
EVENTS = TableDeclaration(
    name="events", time="ts", zone="UTC", entities={"user": ("user_id",)}, dimensions=("step", "device")
)
CATALOG = MetricCatalog.of(metrics=[], tables=[EVENTS], sensitive=("events.email",))


def steps(*names: str, **given: Any) -> tuple[FunnelStep, ...]:
    return tuple(FunnelStep(name=f"{n + 1} {name}", where=f"step = '{name}'", **given) for n, name in enumerate(names))


def events(*rows: tuple[Any, ...]) -> pa.Table:
    """Rows of user, minutes after the start, step, and sequence."""
    full = [(*row, None, None)[:5] for row in rows]
    return pa.table(
        {
            "user_id": pa.array([row[0] for row in full], pa.string()),
            "ts": pa.array(
                [None if row[1] is None else START + timedelta(minutes=row[1]) for row in full], pa.timestamp("us")
            ),
            "step": pa.array([row[2] for row in full], pa.string()),
            "seq": pa.array([row[3] for row in full], pa.int64()),
            "device": pa.array([row[4] for row in full], pa.string()),
        }
    )


def reached(funnel: Funnel, table: pa.Table, **asked: Any) -> list[int]:
    with connect({"events": table}) as warehouse:
        return [row["entities"] for row in run_funnel(CATALOG, warehouse, funnel, **asked).rows()]


def funnel(*names: str, **given: Any) -> Funnel:
    return Funnel(**{"name": "f", "table": "events", "steps": steps(*names), "window": "10 minutes", **given})


# The oracle: every chain of rows


@dataclass(frozen=True)
class Row:
    user: str
    minute: int
    seq: int
    step: str


@dataclass(frozen=True)
class Made:
    """A funnel for the oracle: which steps a word is, and what may not lie in which gap."""

    words: tuple[str, ...]
    window: int | None
    first: bool = False
    excluded: tuple[tuple[int, str], ...] = ()
    sequenced: bool = False

    def flags(self, row: Row) -> tuple[bool, ...]:
        gaps = sorted({gap for gap, _ in self.excluded})
        return (*(row.step in word for word in self.words), *((gap, row.step) in self.excluded for gap in gaps))

    def place(self, row: Row) -> tuple[Any, ...]:
        return (row.minute, row.seq if self.sequenced else 0, tuple(not flag for flag in self.flags(row)))


def chains(made: Made, rows: Sequence[Row], length: int) -> Iterator[tuple[int, ...]]:
    """Every chain of that many steps, as the places of its rows in their order."""

    def grow(chain: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(chain) == length:
            yield chain
            return
        for place in range(chain[-1] + 1 if chain else 0, len(rows)):
            row = rows[place]
            if row.step not in made.words[len(chain)]:
                continue
            if chain and made.window is not None and row.minute - rows[chain[0]].minute > made.window:
                continue
            between = rows[chain[-1] + 1 : place] if chain else []
            if any((len(chain), item.step) in made.excluded for item in between):
                continue
            if not chain and made.first and any(item.step in made.words[0] for item in rows[:place]):
                continue
            yield from grow((*chain, place))

    yield from grow(())


def oracle(made: Made, rows: Sequence[Row]) -> list[tuple[int, float | None, float | None]]:
    """Each step's entities, and the medians of the seconds from the step before and from the start."""
    found: list[tuple[int, float | None, float | None]] = []
    by_user: dict[str, list[Row]] = {}
    for row in rows:
        if any(made.flags(row)):
            by_user.setdefault(row.user, []).append(row)
    for number in range(1, len(made.words) + 1):
        waits: list[tuple[int, int]] = []
        for own in by_user.values():
            ordered = sorted(own, key=made.place)
            all_chains = list(chains(made, ordered, number))
            if not all_chains:
                continue
            end = min(chain[-1] for chain in all_chains)
            ending = [chain for chain in all_chains if chain[-1] == end]
            start = max(ordered[chain[0]].minute for chain in ending)
            before = max(ordered[chain[max(number - 2, 0)]].minute for chain in ending)
            waits.append((ordered[end].minute - before, ordered[end].minute - start))
        medians = (
            (median(w[0] for w in waits) * 60, median(w[1] for w in waits) * 60)
            if waits and number > 1
            else (None, None)
        )
        found.append((len(waits), *medians))
    return found


ROWS = st.lists(
    st.builds(
        Row, user=st.sampled_from("ab"), minute=st.integers(0, 12), seq=st.integers(0, 2), step=st.sampled_from("xyzn")
    ),
    max_size=12,
)
WORDS = st.lists(st.sampled_from(("x", "y", "z", "xy", "yz", "xyz")), min_size=2, max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=ROWS,
    words=WORDS,
    window=st.sampled_from((1, 4, 8, None)),
    first=st.booleans(),
    sequenced=st.booleans(),
    excluded=st.lists(st.tuples(st.integers(1, 3), st.sampled_from("nyz")), max_size=2),
)
def test_a_funnel_counts_what_every_chain_says(
    rows: list[Row], words: list[str], window: int | None, first: bool, sequenced: bool, excluded: list[Any]
) -> None:
    kept = tuple(dict.fromkeys((gap, step) for gap, step in excluded if gap < len(words)))
    made = Made(tuple(words), window, first, kept, sequenced)
    asked = Funnel(
        name="f",
        table="events",
        steps=tuple(
            FunnelStep(name=f"s{n + 1}", where=" OR ".join(f"step = '{letter}'" for letter in word))
            for n, word in enumerate(words)
        ),
        window=f"{window} minutes" if window else "",
        start="first" if first else "any",
        sequence="seq" if sequenced else "",
        without=tuple(Exclusion(after=f"s{gap}", where=f"step = '{step}'") for gap, step in kept),
        quantiles=(0.5,),
    )
    table = events(*((row.user, row.minute, row.step, row.seq) for row in rows))
    with connect({"events": table}) as warehouse:
        answer = run_funnel(CATALOG, warehouse, asked)
    found = [(row["entities"], row["step_seconds_p50"], row["total_seconds_p50"]) for row in answer.rows()]
    assert found == oracle(made, rows)


def unordered(words: Sequence[str], window: int, rows: Sequence[Row]) -> list[int]:
    """Entities for which some stretch of the window's length holds all of the first k steps."""
    found = []
    for number in range(1, len(words) + 1):
        users = set()
        for row in rows:
            inside = [r for r in rows if r.user == row.user and 0 <= r.minute - row.minute <= window]
            if all(any(r.step in word for r in inside) for word in words[:number]):
                users.add(row.user)
        found.append(len(users))
    return found


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, words=st.lists(st.sampled_from(("x", "y", "z", "xy")), min_size=2, max_size=4, unique=True))
def test_steps_in_any_order_are_all_within_one_window(rows: list[Row], words: list[str]) -> None:
    asked = funnel(
        order="any",
        window="4 minutes",
        steps=tuple(
            FunnelStep(name=word, where=" OR ".join(f"step = '{letter}'" for letter in word)) for word in words
        ),
    )
    table = events(*((row.user, row.minute, row.step, row.seq) for row in rows))
    assert reached(asked, table) == unordered(words, 4, rows)


# The laws


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, seed=st.randoms())
def test_the_order_of_the_rows_and_a_split_in_two_tables_change_no_number(rows: list[Row], seed: Any) -> None:
    told = [(row.user, row.minute, row.step, row.seq) for row in rows]
    asked = funnel("x", "y", "z")
    once = reached(asked, events(*told))
    seed.shuffle(told)
    assert reached(asked, events(*told)) == once
    other = replace(EVENTS, name="later")
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, other])
    split = replace(asked, steps=(*asked.steps[:2], replace(asked.steps[2], table="later")))
    parts = {"events": [row for row in told if row[2] != "z"], "later": [row for row in told if row[2] == "z"]}
    with connect({name: events(*some) for name, some in parts.items()}) as warehouse:
        assert [row["entities"] for row in run_funnel(catalog, warehouse, split).rows()] == once


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, devices=st.lists(st.sampled_from(("phone", "desk", None)), min_size=12, max_size=12))
def test_segments_add_up_to_the_whole(rows: list[Row], devices: list[str | None]) -> None:
    table = events(*((row.user, row.minute, row.step, row.seq, devices[n]) for n, row in enumerate(rows)))
    asked = funnel("x", "y", "z")
    with connect({"events": table}) as warehouse:
        whole = [row["entities"] for row in run_funnel(CATALOG, warehouse, asked).rows()]
        parts = run_funnel(CATALOG, warehouse, asked, by="device").rows()
    assert [sum(row["entities"] for row in parts if row["position"] == n) for n in (1, 2, 3)] == whole
    for device in {row["device"] for row in parts}:
        counts = [row["entities"] for row in parts if row["device"] == device]
        assert counts == sorted(counts, reverse=True)


# Single cases


def test_the_trap_has_its_answers(shared: Path) -> None:
    folder = shared / "reference" / "metrics" / "traps" / "17_funnel"
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    with (folder / "tables" / "events.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = pa.table(
        {
            "user_id": [row["user_id"] for row in rows],
            "ts": pa.array([datetime.fromisoformat(row["ts"]) for row in rows], pa.timestamp("us")),
            "seq": [int(row["seq"]) for row in rows],
            "step": [row["step"] for row in rows],
        }
    )
    for question, start in zip(case["questions"], ("any", "first"), strict=True):
        asked = Funnel(
            name="buying",
            table="events",
            sequence="seq",
            window="24 hours",
            start=start,
            steps=tuple(FunnelStep(name=name, where=f"step = '{name}'") for name in ("view", "cart", "purchase")),
        )
        with connect({"events": table}) as warehouse:
            found = {row["step"]: row["entities"] for row in run_funnel(CATALOG, warehouse, asked).rows()}
        assert found == dict(question["answer"])


def test_the_end_of_the_window_counts_and_a_second_later_does_not() -> None:
    at = {"a": 600, "b": 601}
    table = pa.table(
        {
            "user_id": ["a", "a", "b", "b"],
            "ts": [START, START + timedelta(seconds=at["a"]), START, START + timedelta(seconds=at["b"])],
            "step": ["x", "y", "x", "y"],
            "device": ["d"] * 4,
        }
    )
    assert reached(funnel("x", "y"), table) == [2, 1]


def test_a_step_that_comes_again_needs_a_row_of_its_own() -> None:
    assert reached(funnel("x", "x", "y"), events(("a", 0, "x"), ("a", 1, "y"))) == [1, 0, 0]
    assert reached(funnel("x", "x", "y"), events(("a", 0, "x"), ("a", 0, "x"), ("a", 1, "y"))) == [1, 1, 1]


def test_a_later_start_is_found_where_the_first_is_too_early() -> None:
    table = events(("a", 0, "x"), ("a", 50, "x"), ("a", 55, "y"))
    assert reached(funnel("x", "y"), table) == [1, 1]
    assert reached(funnel("x", "y", start="first"), table) == [1, 0]


def test_a_later_second_step_is_found_where_something_excluded_follows_the_first() -> None:
    table = events(("a", 0, "x"), ("a", 1, "y"), ("a", 2, "n"), ("a", 3, "y"), ("a", 4, "z"), ("b", 0, "x"),
                   ("b", 1, "y"), ("b", 2, "n"), ("b", 3, "z"))  # fmt: skip
    assert reached(funnel("x", "y", "z"), table) == [2, 2, 2]
    for after, expected in (("2 y", [2, 2, 1]), ("1 x", [2, 2, 2]), ("", [2, 2, 0])):
        asked = funnel("x", "y", "z", without=(Exclusion(where="step = 'n'", after=after),))
        assert reached(asked, table) == expected


def test_rows_without_a_time_or_a_user_are_left_out_and_counted() -> None:
    table = events(("a", 0, "x"), (None, 1, "x"), ("b", None, "y"), ("a", 2, "y"), ("c", None, "other"))
    with connect({"events": table}) as warehouse:
        answer = run_funnel(CATALOG, warehouse, funnel("x", "y"))
    assert [row["entities"] for row in answer.rows()] == [1, 1]
    (read,) = answer.how.rows
    assert (read.rows, read.of_nobody, read.without_time) == (4, 1, 1)
    assert "1 of 4 rows of events (steps) do not say whom they are of and are left out." in answer.notes
    assert "1 of 4 rows of events (steps) have no time and are left out." in answer.notes


def test_dates_bound_the_first_step_and_later_steps_may_follow() -> None:
    day = 24 * 60
    table = events(
        ("a", 0, "x"), ("a", day + 5, "y"), ("b", day, "x"), ("b", day + 1, "y"), ("c", -1, "x"), ("c", 3, "y")
    )
    asked = funnel("x", "y", window="2 days")
    assert reached(asked, table) == [3, 3]
    assert reached(asked, table, since="2026-01-01", until="2026-01-01") == [1, 1]
    assert reached(asked, table, until="2025-12-31") == [1, 1]
    assert reached(asked, table, since="2027-01-01") == [0, 0]


def test_days_are_local() -> None:
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS], zone="America/New_York")
    table = events(("a", 120, "x"), ("a", 121, "y"))  # 9 p.m. on 31 December in New York
    with connect({"events": table}) as warehouse:
        found = run_funnel(catalog, warehouse, funnel("x", "y"), since=date(2025, 12, 31), until=date(2025, 12, 31))
    assert [row["entities"] for row in found.rows()] == [1, 1]


def test_a_condition_and_a_segment_are_of_the_first_step() -> None:
    a = [("a", 0, "x", 0, "phone"), ("a", 1, "y", 0, "desk")]
    c = [("c", 0, "x", 0, "desk"), ("c", 2, "x", 0, "phone"), ("c", 3, "y", 0, "phone")]
    table = events(*a, ("b", 0, "x", 0, None), *c)
    assert reached(funnel("x", "y"), table, where="device = 'phone'") == [2, 2]
    with connect({"events": table}) as warehouse:
        rows = run_funnel(CATALOG, warehouse, funnel("x", "y"), by=["device"]).rows()
    found = {(row["device"], row["position"]): row["entities"] for row in rows}
    assert found == {("(unknown)", 1): 1, ("(unknown)", 2): 0, ("desk", 1): 1, ("desk", 2): 1, ("phone", 1): 1,
                     ("phone", 2): 1}  # fmt: skip


def test_those_whose_window_is_not_over_are_said() -> None:
    table = events(("a", 0, "x"), ("b", 25, "x"), ("c", 30, "y"))
    with connect({"events": table}) as warehouse:
        (note,) = run_funnel(CATALOG, warehouse, funnel("x", "y")).notes
    assert note.startswith("1 of 2 entities last began less than 10 minutes before the data ends")


def test_an_attribute_of_another_table_is_joined_by_a_key_that_is_proved() -> None:
    users = TableDeclaration(name="users", key=("user_id",), entity="user", dimensions=("country",))
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, users])
    table = events(("a", 0, "x"), ("a", 1, "y"), ("b", 0, "x"))
    good = pa.table({"user_id": ["a"], "country": ["DE"]})
    with connect({"events": table, "users": good}) as warehouse:
        answer = run_funnel(catalog, warehouse, funnel("x", "y"), by="country")
    found = [(row["country"], row["entities"]) for row in answer.rows()]
    assert found == [("(unknown)", 1), ("(unknown)", 0), ("DE", 1), ("DE", 1)]
    assert [proof.table for proof in answer.how.proofs] == ["users"]
    twice = pa.table({"user_id": ["a", "a"], "country": ["DE", "FR"]})
    with connect({"events": table, "users": twice}) as warehouse, pytest.raises(DataError, match="is not unique"):
        run_funnel(catalog, warehouse, funnel("x", "y"), by="country")


def test_moments_with_a_zone_and_moments_without_one_compare() -> None:
    zoned = pa.table(
        {"user_id": ["a"], "bought_at": pa.array([datetime(2026, 1, 1, 0, 5, tzinfo=UTC)], pa.timestamp("us", "UTC"))}
    )
    sales = TableDeclaration(name="sales", time="bought_at", entities={"user": ("user_id",)})
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, sales], zone="Asia/Tokyo")
    asked = funnel(steps=(FunnelStep(name="x", where="step = 'x'"), FunnelStep(name="buy", table="sales")))
    for start, expected in ((0, [1, 1]), (6, [1, 0])):
        with connect({"events": events(("a", start, "x")), "sales": zoned}) as warehouse:
            assert [row["entities"] for row in run_funnel(catalog, warehouse, asked).rows()] == expected


def test_days_make_a_funnel_of_days_and_do_not_mix_with_moments() -> None:
    daily = TableDeclaration(name="daily", time="day", entities={"user": ("user_id",)}, dimensions=("step",))
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, daily])
    table = pa.table({"user_id": ["a", "a"], "day": [date(2026, 1, 1), date(2026, 1, 3)], "step": ["x", "y"]})
    tables = {"events": events(("a", 0, "x")), "daily": table}
    with connect(tables) as warehouse:
        for window, expected in (("2 days", [1, 1]), ("1 day", [1, 0])):
            asked = funnel("x", "y", table="daily", window=window)
            assert [row["entities"] for row in run_funnel(catalog, warehouse, asked).rows()] == expected
        with pytest.raises(DefinitionError, match="dated by day"):
            run_funnel(catalog, warehouse, funnel("x", "y", table="daily", window="3 hours"))
        mixed = funnel(steps=(FunnelStep(name="x", where="step = 'x'"), FunnelStep(name="y", table="daily")))
        with pytest.raises(DefinitionError, match="which of two on one day came first is not known"):
            run_funnel(catalog, warehouse, mixed)


BAD: tuple[tuple[Mapping[str, Any], type[Exception], str], ...] = (
    ({"table": "event"}, UnknownNameError, "no table named 'event'"),
    ({"entity": "usr"}, UnknownNameError, "no entity named 'usr'"),
    ({"time": "tz"}, UnknownNameError, "no column of 'events' named 'tz'"),
    ({"sequence": "sq"}, UnknownNameError, "no column of 'events' named 'sq'"),
    ({"steps": (FunnelStep(name="a", where="stp = 'x'"), FunnelStep(name="b"))}, UnknownNameError, "'stp'"),
    ({"steps": (FunnelStep(name="a", where="email = 'x'"), FunnelStep(name="b"))}, PolicyError, "sensitive"),
    ({"steps": (FunnelStep(name="a", where="step ="), FunnelStep(name="b"))}, DefinitionError, "does not parse"),
)


@pytest.mark.parametrize(("given", "error", "says"), BAD)
def test_what_is_not_there_is_refused_by_name(given: Mapping[str, Any], error: type[Exception], says: str) -> None:
    table = events(("a", 0, "x")).append_column("email", pa.array(["e"]))
    with connect({"events": table}) as warehouse, pytest.raises(error, match=says):
        run_funnel(CATALOG, warehouse, funnel(*("x", "y"), **given))


IMPOSSIBLE: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({"window": "soon"}, "no length of time"),
    ({"window": "0 days"}, "no length of time"),
    ({"steps": ()}, "has 0 steps"),
    ({"steps": steps("x")}, "has 1 steps"),
    ({"steps": (FunnelStep(name="x"), FunnelStep(name="x"))}, "two steps of the funnel 'f' are named 'x'"),
    ({"name": "My funnel"}, "cannot be named"),
    ({"order": "any", "start": "first"}, "any order, and `start: first`"),
    ({"order": "any", "window": ""}, "no window"),
    ({"quantiles": (2.0,)}, "the quantile 2.0"),
    ({"without": (Exclusion(after="2 y"),)}, "no step of 'f' before its last named '2 y'"),
)


@pytest.mark.parametrize(("given", "says"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_when_it_is_made(given: Mapping[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        funnel("x", "y", **given)


def test_steps_that_lead_to_different_entities_are_refused() -> None:
    visits = TableDeclaration(name="visits", time="at", entities={"visitor": ("visitor_id",)})
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, visits])
    apart = funnel(steps=(FunnelStep(name="x", table="visits"), FunnelStep(name="y")))
    with pytest.raises(DefinitionError, match="of the entities that visits and events share there are none"):
        apart.check(catalog)
    named = funnel(steps=(FunnelStep(name="x", entity="visitor"), FunnelStep(name="y", entity="user")))
    with pytest.raises(DefinitionError, match="lead to different entities: user, visitor"):
        named.check(catalog)
    with pytest.raises(DefinitionError, match="do not say of which user"):
        replace(apart, entity="user").check(catalog)


def test_a_sensitive_column_is_neither_a_segment_nor_a_condition() -> None:
    hidden = MetricCatalog.of(metrics=[], tables=[EVENTS], sensitive=("device",))
    with connect({"events": events(("a", 0, "x"))}) as warehouse:
        for asked in ({"by": "device"}, {"where": "device = 'phone'"}):
            with pytest.raises(PolicyError, match="sensitive"):
                run_funnel(hidden, warehouse, funnel("x", "y"), **asked)  # type: ignore[arg-type]


def test_the_answer_says_how_it_was_made() -> None:
    with connect({"events": events(("a", 0, "x"), ("a", 1, "y"))}) as warehouse:
        answer = run_funnel(CATALOG, warehouse, funnel("x", "y"))
    said = answer.to_dict()
    assert said["how"]["definition"]["definition"]["window"] == "10 minutes"
    assert "max(started) OVER" in answer.how.sql
    assert [table.name for table in answer.how.tables] == ["events"]
    assert answer.provenance.reads[-1].rows == 2
    assert "2 y" in answer.to_text()
    assert answer.to_pandas().shape == (2, 9)


def test_a_window_is_of_real_time_where_the_clocks_change() -> None:
    """On 8 March 2026 the clocks of New York go from 2 to 3 a.m.: 01:50 and 03:05 are 15 minutes apart."""
    local = replace(EVENTS, zone="")
    catalog = MetricCatalog.of(metrics=[], tables=[local], zone="America/New_York")
    at = [
        datetime(2026, 3, 8, 1, 50),
        datetime(2026, 3, 8, 3, 5),
        datetime(2026, 3, 7, 1, 50),
        datetime(2026, 3, 7, 3, 5),
    ]
    table = pa.table({"user_id": ["a", "a", "b", "b"], "ts": at, "step": ["x", "y", "x", "y"]})
    with connect({"events": table}) as warehouse:
        found = run_funnel(catalog, warehouse, funnel("x", "y", window="20 minutes")).rows()
    assert [(row["entities"], row["step_seconds_p50"]) for row in found] == [(2, None), (1, 900.0)]


def test_ids_of_different_types_are_refused() -> None:
    sales = TableDeclaration(name="sales", time="ts", zone="UTC", entities={"user": ("user_id",)})
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, sales])
    numbers = pa.table({"user_id": [1], "ts": [START]})
    asked = funnel(steps=(FunnelStep(name="x", where="step = 'x'"), FunnelStep(name="buy", table="sales")))
    with (
        connect({"events": events(("1", 0, "x")), "sales": numbers}) as warehouse,
        pytest.raises(DefinitionError, match=r"is VARCHAR in events\.user_id and BIGINT in sales\.user_id"),
    ):
        run_funnel(catalog, warehouse, asked)


def test_the_first_start_is_the_first_in_the_range() -> None:
    day = 24 * 60
    table = events(("a", 0, "x"), ("a", 2 * day, "x"), ("a", 2 * day + 5, "y"))
    asked = funnel("x", "y", start="first")
    assert reached(asked, table) == [1, 0]
    assert reached(asked, table, since="2026-01-03") == [1, 1]
    assert reached(asked, table, until="2026-01-01") == [1, 0]


def test_a_history_gives_the_segment_of_the_moment() -> None:
    plans = TableDeclaration(
        name="plans", entity="user", key=("user_id",), history=History(valid_from="since", valid_to="until"),
        dimensions=("plan",),
    )  # fmt: skip
    catalog = MetricCatalog.of(metrics=[], tables=[EVENTS, plans])
    changed = pa.table(
        {
            "user_id": ["a", "a"],
            "plan": ["free", "pro"],
            "since": [START - timedelta(days=9), START + timedelta(minutes=30)],
            "until": pa.array([START + timedelta(minutes=30), None], pa.timestamp("us")),
        }
    )
    with connect({"events": events(("a", 0, "x"), ("a", 40, "x"), ("a", 45, "y")), "plans": changed}) as warehouse:
        found = run_funnel(catalog, warehouse, funnel("x", "y"), by="plan").rows()
        later = run_funnel(catalog, warehouse, funnel("x", "y"), where="plan = 'pro'").rows()
    assert [(row["plan"], row["entities"]) for row in found] == [("free", 1), ("free", 1)]
    assert [row["entities"] for row in later] == [1, 1]
