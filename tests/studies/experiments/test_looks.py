"""An experiment that is read several times: its bounds, what its ledger carries from look to look, and its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import ndtr, ndtri

from steelyard.definition_file import build
from steelyard.document import to_text
from steelyard.errors import DefinitionError
from steelyard.result import Result
from steelyard.stats.after_stopping import after_stopping
from steelyard.stats.always_valid import always_valid, ratio_for_units
from steelyard.stats.boundaries import boundaries
from steelyard.stats.proportions import newcombe
from steelyard.stats.relative import log_contrast
from steelyard.stats.repeated import repeated
from steelyard.stats.sample import Sample
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.stats.spending import Spending
from steelyard.stats.welch import welch
from steelyard.studies.experiments import Baseline, Effect, Experiment, Looks, Mean, Share, Stopping
from steelyard.studies.replay import replay
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import plan, run, run_and_keep
from steelyard.studies.setting import Setting
from steelyard.warehouse import Entry, Ledger, connect

FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANNED = 6_000
HYBRID = Stopping(success="obrien_fleming", harm="always_valid")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.in_memory() as opened:
        yield opened


def look(
    study: Experiment, columns: Mapping[str, Any], n: int, day: int, ledger: Ledger, *, hour: int = 0
) -> tuple[Result, Entry]:
    """The study read on a day at which the first `n` units are there."""
    setting = Setting(warehouse=connect(pa.table(dict(columns)).slice(0, n)), ledger=ledger)
    result, entry = run_and_keep(study, setting, as_of=FIRST + timedelta(days=day, hours=hour))
    assert entry is not None
    return result, entry


def samples(columns: Mapping[str, Any], n: int, column: str = "spend") -> tuple[Sample, Sample]:
    found = []
    for arm in ("b", "control"):
        values = np.asarray(columns[column])[:n][np.asarray(columns["arm"])[:n] == arm]
        found.append(Sample(n=len(values), mean=float(values.mean()), variance=float(values.var(ddof=1))))
    return found[0], found[1]


def check(result: Result, name: str) -> Any:
    (found,) = [item for item in result.checks if item.name == name]
    return found


@pytest.fixture
def looked(study: Callable[..., Experiment]) -> Callable[..., Experiment]:
    def make(**changes: Any) -> Experiment:
        return study(**{"looks": Looks(every="daily", units=PLANNED), "stopping": "obrien_fleming", **changes})

    return make


def test_the_numbers_of_three_looks_are_those_of_the_statistics_by_hand(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns, spending = units(PLANNED, lift=0.1), Spending(kind="obrien_fleming")
    sizes = (1_500, 3_300, 6_000)
    for day, n in enumerate(sizes):
        result, _ = look(looked(), columns, n, day, ledger)
        fractions = [size / PLANNED for size in sizes[: day + 1]]
        bounds = boundaries(fractions, spending, alpha=0.025, sides=1)
        tail = 1 - 2 * float(ndtr(-bounds.upper[-1]))
        treated, control = samples(columns, n)
        fixed, wide = welch(treated, control), welch(treated, control, tail)
        row = result.estimate(scale="absolute")
        assert (row.value, row.low, row.high) == pytest.approx((fixed.value, wide.low, wide.high))
        assert row.level == 0.95
        z = -ndtri(fixed.p_value / 2)
        by_hand = repeated(bounds, spending, z * fixed.std_error, fixed.std_error)
        assert row.p_value == pytest.approx(min(1.0, 2 * by_hand.p_value), rel=1e-6)
        assert (row.low, row.high) == pytest.approx(
            (fixed.value - bounds.upper[-1] * fixed.std_error, fixed.value + bounds.upper[-1] * fixed.std_error),
            rel=0.01,
        )
        relative = result.estimate(scale="relative")
        on_logs = (Sample(n=x.n, mean=math.log(x.mean), variance=x.variance / x.mean**2) for x in (treated, control))
        logs = log_contrast(*on_logs, tail)
        assert (relative.low, relative.high) == pytest.approx((logs.low, logs.high))
        last = result.tables["looks"].to_pylist()[-1]
        assert (last["look"], last["fraction"]) == (day + 1, pytest.approx(fractions[-1]))
        assert last["success_bound"] == pytest.approx(bounds.upper[-1])
        assert last["success_width"] == pytest.approx(bounds.upper[-1] / 1.959964, rel=1e-6)
    assert [row["units"] for row in result.tables["looks"].to_pylist()] == list(sizes)
    assert f"{last['success_width']:.2f} times as wide" in result.verdict.says
    (stopped,) = result.tables["stopped"].to_pylist()
    hand = after_stopping(bounds, fixed.value, fixed.std_error)
    assert (stopped["value"], stopped["low"], stopped["high"], stopped["one_sided_p"], stopped["plain"]) == (
        pytest.approx((hand.value, hand.low, hand.high, hand.p_value, fixed.value))
    )


def test_a_hybrid_bounds_the_worse_end_by_success_and_the_better_end_by_harm(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(PLANNED, lift=0.1)
    study = looked(
        stopping=HYBRID,
        secondary=(Share("converted"),),
        guardrails=(Mean("latency", better="down", margin=Effect(relative=0.05)),),
    )
    result, _ = look(study, columns, 3_000, 0, ledger)
    success = boundaries([0.5], Spending(kind="obrien_fleming"), alpha=0.025, sides=1).upper[0]
    harm = always_valid(0.0, 1.0, ratio_for_units(0.5, 1, level=0.975, bound="below"), level=0.975, bound="below").high
    worse, better = (1 - 2 * float(ndtr(-z)) for z in (success, harm))
    row = result.estimate(metric="spend", scale="absolute")
    pair = samples(columns, 3_000)
    assert (row.low, row.high) == pytest.approx((welch(*pair, worse).low, welch(*pair, better).high))
    latency = result.estimate(metric="latency", scale="absolute")
    pair = samples(columns, 3_000, "latency")
    assert (latency.low, latency.high) == pytest.approx((welch(*pair, better).low, welch(*pair, worse).high))
    converted = result.estimate(metric="converted", scale="absolute")
    counts = [round(arm.mean * arm.n) for arm in samples(columns, 3_000, "converted")]
    assert converted.low == pytest.approx(newcombe(counts[0], 1_500, counts[1], 1_500, worse)[0])
    assert "for success" in result.verdict.says
    assert "for harm" in result.verdict.says


def test_a_look_says_the_chance_of_success_at_the_planned_end(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(PLANNED, lift=0.1)
    result, _ = look(looked(stopping=HYBRID), columns, 2_000, 0, ledger)
    (row,) = result.tables["looks"].to_pylist()
    upper = boundaries([1 / 3, 1.0], Spending(kind="obrien_fleming"), alpha=0.025, sides=1).upper[-1]
    fixed = welch(*samples(columns, 2_000))
    z = fixed.value / fixed.std_error
    # B-value (Lan and Wittes 1988): the score now, and what its own drift adds over what is left.
    by_hand = 1 - ndtr((upper - z * math.sqrt(1 / 3) - z / math.sqrt(1 / 3) * (2 / 3)) / math.sqrt(2 / 3))
    assert row["chance_at_end"] == pytest.approx(by_hand, abs=1e-9)
    assert f"{by_hand:.0%}" in result.verdict.settle[1]
    end, _ = look(looked(stopping=HYBRID), columns, PLANNED, 1, ledger)
    assert end.tables["looks"].to_pylist()[-1]["chance_at_end"] is None


def test_a_fixed_rule_says_nothing_before_the_end_and_at_the_end_what_one_look_says(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns, study = units(PLANNED, lift=2.0), looked(stopping=Stopping(success="fixed", harm="always_valid"))
    early, _ = look(study, columns, 3_000, 0, ledger)
    row = early.estimate(scale="absolute")
    assert row.low is None
    assert row.high is not None
    assert row.p_value == 1.0
    assert early.verdict.action == "hold"
    assert "leaves no bound for success" in early.verdict.says
    end, _ = look(study, columns, PLANNED, 1, ledger)
    fixed = welch(*samples(columns, PLANNED))
    assert end.estimate(scale="absolute").low == pytest.approx(fixed.low)
    assert end.verdict.action == "ship"


def test_the_planned_last_day_spends_all_that_is_left(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(PLANNED)
    study = looked(looks=Looks(every="daily", units=PLANNED, until=date(2026, 3, 2)))
    look(study, columns, 2_000, 0, ledger)
    result, _ = look(study, columns, 4_000, 2, ledger)
    row = result.tables["looks"].to_pylist()[-1]
    made = boundaries(
        [2_000 / PLANNED, 4_000 / PLANNED], Spending(kind="obrien_fleming"), alpha=0.025, sides=1, last=True
    )
    assert row["ended"]
    assert row["success_bound"] == pytest.approx(made.upper[-1])
    again, _ = look(study, columns, 5_000, 3, ledger)
    assert again.estimate(scale="absolute").low is None
    assert check(again, "looks_before_the_end").doubts
    assert again.tables["stopped"].num_rows == 0


def test_the_same_units_again_are_the_same_look(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns, study = units(PLANNED), looked()
    look(study, columns, 2_000, 0, ledger)
    once, _ = look(study, columns, 4_000, 1, ledger)
    again, _ = look(study, columns, 4_000, 1, ledger, hour=2)
    assert list(numbers_moved(once, again)) == []
    assert again.tables["looks"].num_rows == 2


def test_later_looks_are_as_registered_as_the_first_and_replay_the_same(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns, study = units(PLANNED), looked(stopping=HYBRID)
    plan(study, Setting(warehouse=connect(pa.table(columns)), ledger=ledger), freeze=True)
    entries = [look(study, columns, n, day, ledger)[1] for day, n in enumerate((1_000, 2_500, 6_000))]
    for entry in entries:
        stored = Result.from_dict(entry.body["result"])
        assert stored.provenance.standing == "registered"

        def remade(definition: Mapping[str, Any]) -> Experiment:
            return build(Experiment, {name: value for name, value in definition.items() if name != "kind"})

        assert replay(entry, ledger, build=remade).says == "same."
    assert Result.from_dict(entries[-1].body["result"]).tables["looks"].num_rows == 3


def test_looks_that_are_not_in_the_plan_or_out_of_order_are_labelled(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns, study = units(PLANNED), looked(looks=Looks(every="daily", planned=2, units=PLANNED))
    first, _ = look(study, columns, 1_000, 0, ledger)
    assert check(first, "looks_as_planned").status == "passed"
    same_day, _ = look(study, columns, 2_000, 0, ledger, hour=3)
    assert "0 days after the one before" in check(same_day, "looks_as_planned").says
    third, _ = look(study, columns, 3_000, 1, ledger)
    assert "Look 3 of 2 is not in the plan: 2 were planned" in check(third, "looks_as_planned").says
    back, _ = look(study, columns, 1_500, 2, ledger)
    assert check(back, "looks_in_order").doubts


@pytest.mark.parametrize(("rule", "doubts"), [("pocock", True), ("always_valid", False)])
def test_without_a_ledger_a_rule_that_spends_is_doubtful(
    looked: Callable[..., Experiment], units: Callable[..., Any], rule: str, doubts: bool
) -> None:
    result = run(looked(stopping=rule), pa.table(units(3_000, lift=2.0)))
    assert any(item.name == "looks_known" and item.doubts for item in result.checks) == doubts
    assert result.verdict.answer == ("unclear" if doubts else "yes")


def test_a_ledger_that_is_handed_to_the_run_gives_it_the_earlier_looks(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    table = pa.table(units(PLANNED))
    for n in (2_000, 4_000):
        result = run(looked(), table.slice(0, n), ledger=ledger)
    assert result.tables["looks"].num_rows == 2


def test_an_edited_study_has_looks_of_its_own(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(PLANNED)
    look(looked(), columns, 2_000, 0, ledger)
    edited, _ = look(looked(power=0.9), columns, 4_000, 1, ledger)
    assert edited.tables["looks"].num_rows == 1
    assert edited.provenance.standing == "exploratory"


def test_planned_units_come_from_the_study_the_registered_plan_or_the_baseline(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(1_000)
    with pytest.raises(DefinitionError, match="nothing says how many are planned"):
        look(looked(looks="daily"), columns, 1_000, 0, ledger)
    primary = Mean("spend", baseline=Baseline(level=6.0, std_dev=3.0), expected_effect=Effect(absolute=0.3))
    study = looked(looks="daily", primary=primary)
    planned = plan(study, Setting(warehouse=connect(pa.table(columns)), ledger=ledger), freeze=True)
    assert "daily looks" in planned.says
    assert "obrien_fleming" in planned.rule
    result, _ = look(study, columns, 1_000, 0, ledger)
    (row,) = result.tables["looks"].to_pylist()
    assert row["fraction"] == pytest.approx(1_000 / planned.sample["units needed"])


def test_the_sample_ratio_is_tested_as_often_as_it_is_looked_at(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(PLANNED)
    arm = np.where(np.arange(PLANNED) % 100 < 46, "b", "control")
    fair, _ = look(looked(), columns, 4_000, 0, ledger)
    skewed, _ = look(looked(name="skewed"), {**columns, "arm": arm}, PLANNED, 0, ledger)
    assert check(fair, "sample_ratio").status == "passed"
    found = check(skewed, "sample_ratio")
    n = int((arm == "b").sum())
    by_hand = sequential_ratio([[PLANNED - n, n]], [[0.5, 0.5]])
    assert found.value == pytest.approx(by_hand.p_value)
    assert found.stops
    assert "e-value" in found.says


def test_segments_have_the_bounds_of_the_look_and_no_p_value(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(PLANNED)
    result, _ = look(looked(segments=("device",)), columns, 3_000, 0, ledger)
    bound = result.tables["looks"].to_pylist()[0]["success_bound"]
    for row in result.estimates:
        if row.segment != "all" and row.scale == "absolute":
            assert row.p_value is None
            assert row.low is not None
            assert row.value is not None
            assert row.std_error is not None
            assert (row.value - row.low) / row.std_error == pytest.approx(bound, rel=0.02)
    assert {row["adjusted"] for row in result.tables["segments"].to_pylist()} == {None}
    shown = " ".join(to_text(result.blocks()).split())
    assert "No segment is tested: how its units came in from look to look is not kept" in shown
    assert "No segment is a finding" not in shown


def test_several_arms_have_looks_of_their_own(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    columns = units(PLANNED, arms=("control", "a", "b"), lift=1.0)
    study = looked(arms={"control": 0.34, "a": 0.33, "b": 0.33}, stopping=HYBRID)
    result, _ = look(study, columns, 3_000, 0, ledger)
    rows = result.tables["looks"].to_pylist()
    made = boundaries([2_000 / (0.67 * PLANNED)], Spending(kind="obrien_fleming"), alpha=0.0125, sides=1)
    assert [row["arm"] for row in rows] == ["a", "b"]
    assert rows[1]["success_bound"] == pytest.approx(made.upper[0])
    assert result.verdict.action == "ship"
    assert math.isfinite(rows[0]["p_value"])


RULES = (
    Stopping(success="obrien_fleming", harm="always_valid"),
    Stopping(success="pocock", harm="pocock"),
    Stopping(success="kim_demets", harm="fixed", shape=3.0),
    Stopping(success="hwang_shih_decani", harm="always_valid", shape=-4.0),
    Stopping(success="always_valid", harm="always_valid"),
)


@pytest.mark.parametrize("days", [5, pytest.param(14, marks=pytest.mark.slow)])
@pytest.mark.parametrize("rules", RULES, ids=lambda rules: f"{rules.success}, {rules.harm}")
def test_daily_looks_without_an_effect_err_no_more_than_the_level_says_and_stopped_intervals_cover(
    rules: Stopping, days: int
) -> None:
    """Real rows, bounds of the study's own looks; the test stops where an interval leaves out zero."""
    from steelyard.studies.experiments.look_bounds import LookBounds

    trials, per_day, truth = (4_000 if days > 5 else 1_000), 100, 0.0
    random = np.random.default_rng(days)
    values = random.gamma(2.0, 1.0, (trials, 2, days * per_day))
    n = np.arange(1, days + 1) * per_day
    sums = [values.cumsum(axis=2)[:, :, n - 1], (values**2).cumsum(axis=2)[:, :, n - 1]]
    means = sums[0] / n
    errors = np.sqrt(((sums[1] - n * means**2) / (n - 1) / n).sum(axis=1))
    effects = means[:, 1] - means[:, 0]
    wrong = np.zeros(trials, dtype=bool)
    for day in range(days):
        fractions = tuple(float(size) / n[-1] for size in n[: day + 1])
        bounds = LookBounds.of(rules, fractions, 0.95, last=False, over=False)
        with np.errstate(invalid="ignore"):
            low = effects[:, day] - bounds.success.critical * errors[:, day]
            high = effects[:, day] + bounds.harm.critical * errors[:, day]
        wrong |= (low > truth) | (high < truth)
    assert wrong.sum() <= 0.05 * trials + 3 * math.sqrt(0.05 * 0.95 * trials)
    if rules.success in ("pocock", "kim_demets"):
        assert wrong.sum() >= 0.05 * trials - 4 * math.sqrt(0.05 * 0.95 * trials), "the error is used"


@pytest.mark.parametrize("trials", [20, pytest.param(150, marks=pytest.mark.slow)])
@pytest.mark.parametrize("rule", ["obrien_fleming", "pocock"])
def test_an_experiment_that_stops_when_it_may_has_estimates_that_cover(
    looked: Callable[..., Experiment], rule: str, trials: int
) -> None:
    """The whole pipeline with its ledger: repeated and stage-wise intervals hold the true effect."""
    truth, covered, held, above = 0.15, 0, 0, 0
    random = np.random.default_rng(11)
    study = looked(looks=Looks(planned=3, units=1_200), stopping=rule, unit="")
    for _ in range(trials):
        arm = np.array(["control", "b"])[np.arange(1_200) % 2]
        columns = {"arm": arm, "spend": random.normal(size=1_200) + truth * (arm == "b")}
        with Ledger.in_memory() as kept:
            for day, n in enumerate((400, 800, 1_200)):
                result, _ = look(study, columns, n, day, kept)
                row = result.estimate(scale="absolute")
                if row.excludes(0) or n == 1_200:
                    break
        low, high = (-math.inf if row.low is None else row.low), (math.inf if row.high is None else row.high)
        covered += low <= truth <= high
        if result.tables["stopped"].num_rows:
            (stopped,) = result.tables["stopped"].to_pylist()
            held += stopped["low"] <= truth <= stopped["high"]
            above += stopped["value"] > truth
    assert covered >= trials * 0.95 - 3 * math.sqrt(trials * 0.95 * 0.05)
    assert held >= trials * 0.95 - 3.5 * math.sqrt(trials * 0.95 * 0.05)
    assert abs(above - trials / 2) <= 3 * math.sqrt(trials / 4)


def test_the_words_of_a_stopped_study_are_unchanged_when_it_is_copied(looked: Callable[..., Experiment]) -> None:
    study = looked(stopping=Stopping(success="kim_demets", harm="pocock", shape=2.0))
    assert replace(study).digest() == study.digest()


@pytest.mark.postgres
def test_looks_are_the_same_in_postgres(
    looked: Callable[..., Experiment], units: Callable[..., Any], postgres_url: str
) -> None:
    columns, study = units(PLANNED), looked(table="looked_units")
    with connect(postgres_url) as there, Ledger.in_memory() as one, Ledger.in_memory() as other:
        for n, day in ((2_000, 0), (6_000, 1)):
            table = pa.table(columns).slice(0, n)
            there.write("looked_units", table)
            here = connect({"looked_units": table})
            at = FIRST + timedelta(days=day)
            found = [run(study, Setting(warehouse=w, ledger=k), as_of=at) for w, k in ((here, one), (there, other))]
    assert list(numbers_moved(*found)) == []
    assert found[1].tables["looks"].num_rows == 2


def test_a_plan_of_looks_over_unknown_units_says_so_and_cannot_be_registered(
    looked: Callable[..., Experiment], units: Callable[..., Any], ledger: Ledger
) -> None:
    study = looked(looks="daily")
    setting = Setting(warehouse=connect(pa.table(units(1_000))), ledger=ledger)
    planned = plan(study, setting)
    assert planned.unready is not None
    assert "nothing says how many are planned" in " ".join(planned.to_text().split())
    assert "Not to be registered so" in planned._repr_html_()
    with pytest.raises(DefinitionError, match="nothing says how many are planned"):
        plan(study, setting, freeze=True)
    assert not list(ledger.entries(kind="registration"))
    assert plan(looked(), setting, freeze=True).unready is None
