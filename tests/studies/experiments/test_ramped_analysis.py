"""What a ramp does to an analysis: who is in, from which moment, and until when; the same on every engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricCatalog
from steelyard.result import Result
from steelyard.studies.experiments import Experiment, Exposure, Holdout, Mean, MetricUse, assign
from steelyard.studies.experiments.allocation import Allocation, allocation_of
from steelyard.studies.experiments.assignment import drawn
from steelyard.studies.experiments.assignment_sql import assignment_select
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import plan, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
HALVES = {"control": 0.5, "b": 0.5}
N = 2_000
DAYS = (0, 10, 20)
STAGES: tuple[Mapping[str, Any], ...] = tuple(
    {"share": share, "since": (START + timedelta(days=day)).isoformat()}
    for share, day in zip((0.1, 0.4, 1.0), DAYS, strict=True)
)


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "page", "question": "Does it help?", "arms": HALVES, "table": "units", "unit": "id",
        "primary": Mean("spend"), "ramp": (0.1, 0.4, 1.0), "exposure": Exposure(table="seen", at="seen_at"),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def tables(kind: pa.DataType | None = None, zoned: bool = True) -> dict[str, pa.Table]:
    """Each unit is seen on some days before and after its stage began; ids of events may be text."""
    random = np.random.default_rng(5)
    unit = random.integers(0, N, 4 * N)
    at = pa.array(
        [START + timedelta(hours=float(h)) for h in random.uniform(-48, 24 * 40, 4 * N)], pa.timestamp("us", "UTC")
    )
    seen = pa.array(unit).cast(kind) if kind else pa.array(unit)
    return {
        "units": pa.table({"id": np.arange(N), "spend": random.normal(10, 2, N)}),
        "seen": pa.table({"id": seen, "seen_at": at if zoned else at.cast(pa.timestamp("us"))}),
    }


def first_seen(
    data: Mapping[str, pa.Table], begun: Mapping[int, datetime], until: datetime = NOW
) -> dict[int, datetime]:
    """By brute force: the first time that each unit was seen after its own stage began."""
    found: dict[int, datetime] = {}
    for unit, at in zip(data["seen"]["id"].to_pylist(), data["seen"]["seen_at"].to_pylist(), strict=True):
        moment = at if at.tzinfo else at.replace(tzinfo=UTC)
        start = begun.get(int(unit))
        if start is not None and start <= moment <= until:
            found[int(unit)] = min(found.get(int(unit), moment), moment)
    return found


def begun_of(stages: Any = STAGES, one: Experiment | None = None) -> dict[int, datetime]:
    found = drawn(allocation_of(one or study(), stages), np.arange(N)).stages.tolist()
    return {unit: datetime.fromisoformat(stages[stage - 1]["since"]) for unit, stage in enumerate(found) if stage}


def answered(one: Experiment, data: Mapping[str, pa.Table], stages: Any = STAGES, as_of: datetime = NOW) -> Result:
    return run(one, Setting(warehouse=connect(dict(data)), stages={"page": stages}), as_of=as_of)


@pytest.mark.parametrize("kind", [None, pa.string()], ids=["numbers", "text ids"])
@pytest.mark.parametrize("zoned", [True, False], ids=["zoned", "local clocks"])
def test_a_unit_enters_by_what_it_saw_after_its_own_stage_began(kind: Any, zoned: bool) -> None:
    data = tables(kind, zoned)
    entered = first_seen(data, begun_of())
    result = answered(study(), data)
    assert result.estimate(scale="absolute").n == len(entered) < N
    arms = dict(enumerate(assign(study(), range(N), stages=STAGES)))
    spend = data["units"]["spend"].to_numpy()
    level = {row["arm"]: row["level"] for row in result.tables["arms"].to_pylist()}
    for arm in HALVES:
        assert level[arm] == pytest.approx(np.mean([spend[unit] for unit in entered if arms[unit] == arm]))


def test_stages_after_the_clock_do_not_exist() -> None:
    data = tables()
    clock = START + timedelta(days=15)
    entered = first_seen(data, begun_of(STAGES[:2]), until=clock)
    assert answered(study(), data, as_of=clock).estimate(scale="absolute").n == len(entered)
    with pytest.raises(DefinitionError, match="no stage of the ramp"):
        answered(study(), data, as_of=START - timedelta(days=1))


@pytest.mark.parametrize("act", [{"act": "rollback"}, {"act": "launch", "arm": "b"}])
def test_nobody_enters_after_the_end(act: Mapping[str, str]) -> None:
    data, end = tables(), START + timedelta(days=25)
    entered = first_seen(data, begun_of(), until=end)
    rows = (*STAGES, {**act, "since": end.isoformat()})
    assert answered(study(), data, rows).estimate(scale="absolute").n == len(entered)
    windowed = answered(study(primary=Mean("spend", window="7 days")), data, rows)
    closed = [unit for unit, at in entered.items() if at <= end - timedelta(days=7)]
    assert windowed.estimate(scale="absolute").n == len(closed), "windows that outlast the end never close"


def test_without_an_exposure_a_unit_starts_when_its_stage_does() -> None:
    """Governed metrics count each unit's own days from there, as brute force does."""
    random = np.random.default_rng(6)
    m = 6 * N
    at = [START + timedelta(hours=float(h)) for h in random.uniform(-240, 24 * 40, m)]
    owner, amount = random.integers(0, N, m), np.round(random.gamma(2, 20, m), 2)
    data = {
        "orders": pa.table(
            {
                "order_id": np.arange(m),
                "customer_id": owner,
                "ordered_at": pa.array(at, pa.timestamp("us", "UTC")),
                "amount": amount,
            }
        ),
        "customers": pa.table({"customer_id": np.arange(N)}),
    }
    catalog = MetricCatalog.of(
        metrics=[Metric(name="revenue", sum="orders.amount", better="up")],
        tables=[
            TableDeclaration(
                name="orders", key=("order_id",), time="ordered_at", entities={"customer": ("customer_id",)}
            ),
            TableDeclaration(name="customers", key=("customer_id",), entity="customer"),
        ],
    )
    one = study(
        unit="customer", table="", exposure=None, primary=MetricUse(metric="revenue", window="7 days"), ramp=(0.1, 0.4)
    )
    setting = Setting(warehouse=connect(data), metrics=catalog, stages={"page": STAGES[:2]})
    result = run(one, setting, as_of=NOW)
    begun = begun_of(STAGES[:2], one)
    sums = dict.fromkeys(begun, 0.0)
    for unit, moment, value in zip(owner.tolist(), at, amount.tolist(), strict=True):
        if unit in begun and begun[unit] <= moment < begun[unit] + timedelta(days=7):
            sums[unit] += value
    arms = assign(one, range(N), stages=STAGES[:2])
    level = {row["arm"]: row["level"] for row in result.tables["arms"].to_pylist()}
    for arm in HALVES:
        assert level[arm] == pytest.approx(np.mean([value for unit, value in sums.items() if arms[unit] == arm]))
    assert result.estimate(scale="absolute").n == len(begun)


def test_a_plan_before_any_stage_shows_the_first_one() -> None:
    planned = plan(study(), Setting(warehouse=connect(tables())), as_of=NOW)
    assert "bucket('page:ramp'" in planned.queries["ids"].sql
    layered = plan(study(layer="checkout"), Setting(warehouse=connect(tables())), as_of=NOW)
    assert "bucket('checkout:layer'" in layered.queries["ids"].sql
    with pytest.raises(DefinitionError, match="no part of the layer 'checkout'"):
        run(study(layer="checkout", ramp=()), connect(tables()), as_of=NOW)


def test_held_out_units_are_in_no_arm_of_an_analysis() -> None:
    one = study(ramp=(), exposure=None, holdout=Holdout(everywhere=0.3))
    result = run(one, connect(tables()), as_of=NOW)
    expected = sum(arm is not None for arm in assign(one, range(N)))
    assert result.estimate(scale="absolute").n == expected == pytest.approx(0.7 * N, abs=4 * np.sqrt(0.21 * N))


def test_between_still_bounds_the_exposures() -> None:
    data = tables()
    days = (date(2026, 1, 5), date(2026, 1, 15))
    low, high = START + timedelta(days=4), START + timedelta(days=15)
    begun = {unit: max(at, low) for unit, at in begun_of().items()}
    entered = first_seen(data, begun, until=high - timedelta(microseconds=1))
    assert answered(study(between=days), data).estimate(scale="absolute").n == len(entered)


@pytest.mark.postgres
def test_postgres_assigns_and_analyses_a_ramp_as_duckdb_does(postgres_url: str) -> None:
    data = {f"ramp_{name}": table for name, table in tables(pa.string()).items()}
    one = study(table="ramp_units", exposure=Exposure(table="ramp_seen", at="seen_at"))
    layered = (
        Allocation(name="page", layer="checkout", layer_held_out=0.1, held_out=0.05)
        .with_stage(0.1, HALVES, "control", taken=[(0, 2**59)])
        .with_stage(0.5, {"control": 0.3, "b": 0.7}, "control", taken=[(0, 2**58)])
    )
    sql = f"{assignment_select(layered, 'ramp_units', 'id')} ORDER BY unit"
    with connect(postgres_url) as warehouse:
        for name, table in data.items():
            warehouse.write(name, table)
        there = run(one, Setting(warehouse=warehouse, stages={"page": STAGES}), as_of=NOW)
        rows_there = warehouse.fetch(sql).to_pylist()
    with connect(data) as warehouse:
        here = run(one, Setting(warehouse=warehouse, stages={"page": STAGES}), as_of=NOW)
        rows_here = warehouse.fetch(sql).to_pylist()
    assert list(numbers_moved(here, there)) == []
    assert here.estimate(scale="absolute").n > 0
    assert rows_there == rows_here != []
