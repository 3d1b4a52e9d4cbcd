"""Experiments in which groups of units were randomised together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.result import Result
from steelyard.stats.cluster_robust import cluster_difference
from steelyard.stats.interval import Interval
from steelyard.studies.experiments import (
    Assignment,
    Count,
    Effect,
    Experiment,
    Exposure,
    Looks,
    Mean,
    Prior,
    Ratio,
    Share,
    assign,
)
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import run
from steelyard.warehouse import connect

Columns = dict[str, Any]
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def views(clusters: int = 60, *, seed: int = 1, largest: int = 9, lift: float = 0.0) -> Columns:
    """Page views of users in two arms, users unlike in how many they have and in what they do."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, largest + 1, clusters)
    user = np.repeat(np.arange(clusters), sizes)
    own = random.normal(size=clusters)[user]
    n = len(user)
    treated = user % 2 == 1
    return {
        "user_id": user,
        "arm": np.where(treated, "b", "control"),
        "device": np.array(["phone", "desktop"])[random.integers(0, 2, n)],
        "seconds": 20 + own + random.normal(size=n) + lift * treated,
        "seconds_before": own + random.normal(size=n),
        "clicked": (random.random(n) < 0.3).astype(int),
        "clicks": random.poisson(1.0, n).astype(float),
        "chances": random.poisson(2.0, n) + 1.0,
    }


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "views",
        "question": "Do they stay longer?",
        "arms": {"control": 0.5, "b": 0.5},
        "table": "data",
        "cluster": "user_id",
        "assignment": Assignment(),
        "primary": Mean("seconds"),
    }
    return Experiment(**{**words, **changes})


EVERY_KIND: dict[str, Any] = {
    "primary": Mean("seconds", covariate="seconds_before", min_effect=Effect(relative=0.01)),
    "secondary": (Share("clicked"), Ratio("clicks", "chances"), Count("clicks")),
    "segments": ("device",),
}


def answered(columns: Mapping[str, Any], **changes: Any) -> Result:
    return run(study(**changes), pa.table(dict(columns)))


def totals(columns: Mapping[str, Any], arm: str, metric: str, where: Any = None) -> tuple[Any, Any]:
    """Rows and sums of each cluster."""
    taken = (columns["arm"] == arm) & (True if where is None else where)
    _, place = np.unique(columns["user_id"][taken], return_inverse=True)
    return np.bincount(place).astype(float), np.bincount(place, weights=columns[metric][taken])


def numbers(result: Result) -> list[tuple[float | None, ...]]:
    return [(row.value, row.std_error, row.low, row.high, row.p_value) for row in result.estimates]


def assert_alike(one: Result, other: Result) -> None:
    for mine, theirs in zip(numbers(one), numbers(other), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("metric", ["seconds", "clicked"])
def test_errors_are_those_of_the_clusters_themselves(metric: str) -> None:
    columns = views()
    use = Share(metric) if metric == "clicked" else Mean(metric)
    row = answered(columns, primary=use).estimates[0]
    found = cluster_difference(totals(columns, "b", metric), totals(columns, "control", metric))
    assert (row.value, row.std_error, row.low, row.high, row.p_value) == pytest.approx(
        (found.value, found.std_error, found.low, found.high, found.p_value), rel=1e-9
    )


def test_a_cluster_may_stand_in_several_segments_and_is_one_cluster_of_everybody() -> None:
    columns = views()
    result = answered(columns, segments=("device",))
    for device in ("phone", "desktop"):
        inside = columns["device"] == device
        found = cluster_difference(
            totals(columns, "b", "seconds", inside), totals(columns, "control", "seconds", inside)
        )
        (row,) = [r for r in result.estimates if r.segment == f"device = {device}" and r.scale == "absolute"]
        assert (row.value, row.std_error, row.low) == pytest.approx((found.value, found.std_error, found.low), rel=1e-9)
    whole = answered(columns).estimates[0]
    assert numbers(result)[0] == pytest.approx(
        (whole.value, whole.std_error, whole.low, whole.high, whole.p_value), rel=1e-12
    )


def test_a_ratio_has_the_delta_method_s_error_over_clusters() -> None:
    columns = views(largest=1)
    columns = {name: np.repeat(values, 3) for name, values in columns.items()}
    columns["clicks"] = np.arange(len(columns["arm"])) % 7.0
    row = answered(columns, primary=Ratio("clicks", "chances")).estimates[0]
    squared = 0.0
    for arm in ("b", "control"):
        _, above = totals(columns, arm, "clicks")
        _, below = totals(columns, arm, "chances")
        ratio = above.sum() / below.sum()
        squared += ((above - ratio * below) / below.mean()).var(ddof=1) / len(above)
    assert row.std_error == pytest.approx(squared**0.5, rel=1e-9)


def test_a_covariate_of_clusters_takes_out_what_minimises_the_contrast_s_variance() -> None:
    columns = views(80)
    result = answered(columns, primary=Mean("seconds", covariate="seconds_before"))
    method = result.tables["methods"].to_pylist()[0]

    def left(theta: float) -> Interval:
        left = {**columns, "left": columns["seconds"] - theta * columns["seconds_before"]}
        return cluster_difference(totals(left, "b", "left"), totals(left, "control", "left"))

    best, row = left(method["theta"]), result.estimates[0]
    assert best.std_error < min(left(method["theta"] + step).std_error for step in (-0.05, 0.05))
    # One coefficient was fitted to the clusters: it takes a degree of freedom and adds its own noise.
    df = best.df - 1
    error = best.std_error * math.sqrt(best.df / df * (1 + 1 / (df - 1)))
    assert (row.std_error, row.value) == pytest.approx((error, best.value), rel=1e-9)
    assert row.high == pytest.approx(best.value + t.ppf(0.975, df) * error, rel=1e-9)
    assert method["variance_kept"] == pytest.approx((error / left(0.0).std_error) ** 2, rel=1e-9)


def test_a_covariate_of_clusters_too_few_to_tell_it_leaves_no_bounds() -> None:
    row = answered(views(4, largest=2), primary=Mean("seconds", covariate="seconds_before")).estimates[0]
    assert (row.low, row.high, row.p_value) == (None, None, 1.0)


def test_clusters_of_one_unit_are_units() -> None:
    columns = views(400, largest=1, lift=0.3)
    one = answered(columns, **EVERY_KIND)
    other = answered(columns, **EVERY_KIND, cluster="", unit="user_id")
    assert_alike(one, other)
    assert one.tables["methods"].to_pylist()[1]["method"] == "Newcombe's interval, pooled z"


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1_000), times=st.integers(2, 4))
def test_repeated_rows_within_clusters_tell_nothing_new(seed: int, times: int) -> None:
    columns = views(40, seed=seed)
    again = {name: np.repeat(values, times) for name, values in columns.items()}
    for one, other in zip(
        numbers(answered(columns, **EVERY_KIND)), numbers(answered(again, **EVERY_KIND)), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-8)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1_000), factor=st.floats(0.01, 100), shift=st.floats(-1e6, 1e6))
def test_another_unit_of_measure_order_and_name_of_arms_change_nothing_else(
    seed: int, factor: float, shift: float
) -> None:
    columns = views(40, seed=seed)
    plain = answered(columns).estimates[0]
    order = np.random.default_rng(seed).permutation(len(columns["arm"]))
    moved = {name: values[order] for name, values in columns.items()}
    moved["seconds"] = moved["seconds"] * factor + shift
    row = answered(moved).estimates[0]
    scale = max(abs(shift), 1.0) * 1e-12
    assert row.value == pytest.approx(plain.value * factor, rel=1e-7, abs=scale)  # type: ignore[operator]
    assert row.std_error == pytest.approx(plain.std_error * factor, rel=1e-7, abs=scale)  # type: ignore[operator]
    swapped = answered(columns, control="b").estimates[0]
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx(
        (-plain.value, -plain.high, -plain.low),
        rel=1e-9,  # type: ignore[operator]
    )


def test_a_mean_far_from_zero_costs_no_digits() -> None:
    columns = views()
    far = {**columns, "seconds": columns["seconds"] + 1e9}
    near = {**columns, "seconds": far["seconds"] - 1e9}
    assert answered(far).estimates[0].std_error == pytest.approx(answered(near).estimates[0].std_error, rel=1e-7)


def test_rows_of_a_randomised_user_are_refused_and_told_of_the_cluster() -> None:
    result = answered(views(), cluster="", unit="user_id")
    assert result.verdict.answer == "invalid"
    (check,) = [check for check in result.checks if check.name == "one_row_each"]
    assert "say `cluster: user_id`" in check.says
    helped = answered(views(), cluster="user_id", unit="user_id")
    assert helped.verdict.answer != "invalid"
    assert_alike(helped, answered(views()))


def test_units_below_what_a_table_of_assignments_knows_are_refused() -> None:
    columns = views()
    rows = pa.table({**columns, "view_id": np.arange(len(columns["arm"]))}).drop_columns(["arm"])
    users, first = np.unique(columns["user_id"], return_index=True)
    flags = pa.table({"user_id": users, "flag": columns["arm"][first]})
    tables = connect({"data": rows, "flags": flags})
    for given_unit in ("", "user_id"):
        with pytest.raises(DefinitionError, match="which lie below it") as failed:
            run(
                study(cluster="", unit="view_id", assignment=Assignment(table="flags", arm="flag", unit=given_unit)),
                tables,
            )
        assert failed.value.hint == (
            "say `cluster: user_id` if that is what was randomised: units of one are not independent"
        )
    helped = run(study(unit="view_id", assignment=Assignment(table="flags", arm="flag")), tables)
    assert_alike(helped, answered(columns))


def test_assigned_clusters_without_units_count_for_the_split_and_have_no_values() -> None:
    columns = views()
    users, first = np.unique(columns["user_id"], return_index=True)
    silent = np.arange(1_000, 1_040)
    flags = pa.table(
        {
            "user_id": np.concatenate([users, silent]),
            "flag": np.concatenate([columns["arm"][first], np.repeat("b", len(silent))]),
        }
    )
    tables = connect({"data": pa.table(columns).drop_columns(["arm"]), "flags": flags})
    result = run(study(assignment=Assignment(table="flags", arm="flag")), tables)
    checks = {check.name: check for check in result.checks}
    assert "b 70 (expected 50.0)" in checks["sample_ratio"].says
    assert checks["sample_ratio"].status == "failed"
    assert checks["values_present"].status == "passed"
    assert numbers(result)[0] == pytest.approx(numbers(answered(columns))[0])


def test_the_split_is_tested_on_clusters_not_on_units() -> None:
    columns = views(40)
    big = np.flatnonzero(columns["user_id"] == 1)
    heavy = {name: np.concatenate([values, np.repeat(values[big], 50)]) for name, values in columns.items()}
    (check,) = [check for check in answered(heavy).checks if check.name == "sample_ratio"]
    assert check.says == "Clusters fell as the split says: control 20 (expected 20.0), b 20 (expected 20.0); p = 1."


def test_a_cluster_in_two_arms_makes_the_answer_invalid() -> None:
    columns = views()
    columns["arm"] = columns["arm"].astype(object)
    columns["arm"][-1] = "control" if columns["arm"][-1] == "b" else "b"
    if columns["user_id"][-2] != columns["user_id"][-1]:
        columns = {name: np.concatenate([values, values[-1:]]) for name, values in columns.items()}
        columns["arm"][-1] = "control" if columns["arm"][-2] == "b" else "b"
    result = answered(columns)
    (check,) = [check for check in result.checks if check.name == "clusters_in_one_arm"]
    assert (check.status, check.severity, check.value) == ("failed", "blocking", 1.0)
    assert result.verdict.answer == "invalid"


def test_units_without_a_cluster_are_counted_and_block() -> None:
    columns = views()
    users = [None if place < 3 else int(user) for place, user in enumerate(columns["user_id"])]
    for assignment in (Assignment(), "steelyard"):
        result = answered({**columns, "user_id": pa.array(users, pa.int64())}, assignment=assignment)
        (check,) = [check for check in result.checks if check.name == "clusters_known"]
        assert (check.status, check.severity, check.value) == ("failed", "blocking", 3.0)
        assert result.verdict.answer == "invalid"


def test_few_clusters_are_doubted() -> None:
    (check,) = [check for check in answered(views(18)).checks if check.name == "enough_clusters"]
    assert (check.status, check.severity, check.value, check.limit) == ("failed", "doubt", 9.0, 30.0)


def test_a_value_that_is_missing_leaves_no_estimate() -> None:
    columns = views()
    gaps = [None if place == 5 else float(value) for place, value in enumerate(columns["seconds"])]
    result = answered({**columns, "seconds": gaps})
    (check,) = [check for check in result.checks if check.name == "values_present"]
    assert "1 NULL of" in check.says
    assert result.estimates[0].value is None


def test_a_share_that_is_not_binary_is_found_out() -> None:
    columns = views()
    columns["clicked"] = columns["clicked"] * 2
    result = answered(columns, primary=Share("clicked"))
    assert [check.status for check in result.checks if check.name == "share_is_binary"] == ["failed"]
    assert result.estimates[0].value is None


def test_hashed_assignment_draws_the_cluster() -> None:
    columns = {name: values for name, values in views(300).items() if name != "arm"}
    one = study(assignment="steelyard")
    result = run(one, pa.table(columns))
    given = dict(zip(range(300), assign(one, range(300)), strict=True))
    arms = np.array([given[user] for user in columns["user_id"].tolist()])
    by_column = answered({**columns, "arm": arms})
    assert_alike(result, by_column)
    assert {check.name: check.status for check in result.checks}["clusters_in_one_arm"] == "passed"


def test_exposed_units_of_a_cluster_are_compared_and_the_trigger_is_tested_on_clusters() -> None:
    columns = views(80)
    seen = columns["user_id"] % 4 < 2
    events = pa.table({"user_id": columns["user_id"][seen], "at": [NOW - timedelta(days=1)] * int(seen.sum())})
    tables = connect({"data": pa.table(columns), "seen": events})
    result = run(study(exposure=Exposure(table="seen", at="at")), tables, as_of=NOW)
    kept = {name: values[seen] for name, values in columns.items()}
    assert_alike(result, answered(kept))
    (check,) = [check for check in result.checks if check.name == "trigger_rate"]
    assert "Clusters were exposed alike: control 50.00% (20 of 40), b 50.00% (20 of 40)" in check.says


def looked(at: list[datetime], **changes: Any) -> Result:
    columns = {**views(), "at": at}
    words: dict[str, Any] = {
        "assignment": Assignment(at="at"), "stopping": "obrien_fleming", "looks": Looks(every="daily", units=600),
    }  # fmt: skip
    return run(study(**{**words, **changes}), pa.table(columns), as_of=NOW)


def test_looks_see_whole_clusters_or_are_doubted() -> None:
    user = views()["user_id"]
    whole = looked([NOW - timedelta(days=1 + int(one) % 9) for one in user])
    checks = {check.name: check for check in whole.checks}
    assert (checks["whole_clusters"].status, checks["whole_clusters"].value) == ("passed", 0.0)
    assert "Clusters fell as the split says" in checks["sample_ratio"].says
    (look,) = whole.tables["looks"].to_pylist()
    assert look["fraction"] == pytest.approx(len(user) / 600)
    entries = whole.tables["entries"].to_pylist()
    assert sum(row["units"] for row in entries) == len(np.unique(user)), "a cluster comes in once"
    assert whole.tables["split_by_day"].to_pylist()[-1]["units"] == len(np.unique(user))
    grown = looked([NOW - timedelta(days=1 + place % 9) for place in range(len(user))])
    (check,) = [check for check in grown.checks if check.name == "whole_clusters"]
    assert (check.status, check.severity) == ("failed", "doubt")
    assert "Give units a window from their cluster's start, or look once" in check.says
    untimed = looked([NOW] * len(user), assignment=Assignment())
    (check,) = [check for check in untimed.checks if check.name == "whole_clusters"]
    assert (check.status, check.severity) == ("not_run", "doubt")


def test_what_cannot_be_done_with_clusters_is_refused() -> None:
    with pytest.raises(DefinitionError, match="a beta prior of 'clicked', whose counts are not independent"):
        study(primary=Share("clicked", prior=Prior(alpha=1, beta=1)))
    with pytest.raises(UnknownNameError, match="user"):
        answered(views(), cluster="user")


def test_the_table_of_clusters_says_what_the_next_plan_needs() -> None:
    from steelyard.stats.intraclass import intraclass_correlation

    columns = views()
    row = next(row for row in answered(columns).tables["clusters"].to_pylist() if row["arm"] == "b")
    sizes, sums = totals(columns, "b", "seconds")
    _, squares = totals({**columns, "squares": columns["seconds"] ** 2}, "b", "squares")
    assert row["icc"] == pytest.approx(intraclass_correlation(sizes, sums, squares), rel=1e-7)
    assert (row["clusters"], row["units"]) == (len(sizes), sizes.sum())
    assert row["size_variation"] == pytest.approx(sizes.std() / sizes.mean())


@pytest.mark.postgres
def test_clusters_are_the_same_in_postgres(postgres_url: str) -> None:
    columns = views(120)
    tables = {"cluster_views": pa.table(columns)}
    one = study(**EVERY_KIND, table="cluster_views")
    with connect(postgres_url) as warehouse:
        warehouse.write("cluster_views", tables["cluster_views"])
        there = run(one, warehouse, as_of=NOW)
    here = run(one, connect(tables), as_of=NOW)
    assert list(numbers_moved(here, there)) == []
    assert there.verdict.answer == here.verdict.answer
    assert set(there.tables) == set(here.tables)
