"""Metrics and covariates are of numbers: what else a column may be is refused before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricCatalog
from steelyard.metrics.kinds import Quantile as RowsQuantile
from steelyard.studies.experiments import Assignment, Count, Experiment, Mean, MetricUse, Quantile, Ratio, Share
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import plan, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

NOW = datetime(2026, 4, 1, tzinfo=UTC)
N = 600
Make = Callable[..., Experiment]
NO_NUMBERS = {
    "VARCHAR": ["one", "two"] * (N // 2),
    "DATE": [date(2026, 1, 1)] * N,
    "TIMESTAMP WITH TIME ZONE": [NOW] * N,
    "INTERVAL": [timedelta(hours=1)] * N,
    "BIGINT[]": [[1, 2]] * N,
    "STRUCT(a BIGINT)": [{"a": 1}] * N,
}
USED: dict[str, Callable[[str], MetricUse]] = {
    "a mean": Mean,
    "a share": Share,
    "a count": Count,
    "a ratio": lambda column: Ratio("spend", column),
    "a quantile": lambda column: Quantile(column, 0.9),
    "a covariate": lambda column: Mean("spend", covariate=("before", column)),
}


def table_of(**more: Any) -> pa.Table:
    random = np.random.default_rng(3)
    given = {
        "user_id": np.arange(N),
        "arm": np.array(["control", "b"])[np.arange(N) % 2],
        "before": random.normal(9.0, 1.0, N),
        "spend": random.normal(10.0, 1.0, N),
    }
    return pa.table({**given, **more})


@pytest.mark.parametrize("used", USED)
@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_a_column_without_numbers_is_refused_by_name_and_type(kind: str, used: str, study: Make) -> None:
    use = USED[used]("odd")
    with pytest.raises(DefinitionError) as caught:
        plan(study(primary=use), table_of(odd=NO_NUMBERS[kind]))
    assert caught.value.problem == f"the column 'data.odd' is {kind}, and {used} is of numbers"
    assert caught.value.where == f"test.{use.metric}{'.covariate' if used == 'a covariate' else ''}"
    assert caught.value.hint


@pytest.mark.parametrize("used", USED)
def test_a_boolean_is_one_or_zero_wherever_a_number_is(used: str, study: Make) -> None:
    odd = np.random.default_rng(4).random(N) < 0.4
    of_booleans = run(study(primary=USED[used]("odd")), table_of(odd=odd))
    of_numbers = run(study(primary=USED[used]("odd")), table_of(odd=odd.astype(int)))
    assert list(numbers_moved(of_booleans, of_numbers)) == []
    assert of_booleans.estimates[0].n == N


def test_a_boolean_that_is_not_known_is_missing_and_not_zero(study: Make) -> None:
    odd: list[bool | None] = [None, *([True, False] * N)[: N - 1]]
    result = run(study(primary=Share("odd")), table_of(odd=odd))
    says = {check.name: check.says for check in result.checks}["values_present"]
    assert "'odd' in 'control': 1 NULL of 300" in says


def governed(metric: Metric, odd: Any) -> Setting:
    """A project with one fact of one row a user, whose column `odd` the metric is of."""
    users = TableDeclaration(name="users", key=("user_id",), entity="user")
    seen = TableDeclaration(name="seen", key=("id",), time="at", entities={"user": ("user_id",)})
    tables = {
        "users": table_of(),
        "seen": pa.table({"id": np.arange(N), "user_id": np.arange(N), "at": [NOW] * N, "odd": odd}),
    }
    return Setting(warehouse=connect(tables), metrics=MetricCatalog.of(metrics=[metric], tables=[users, seen]))


GOVERNED = {
    "sum": Metric(name="odd", sum="seen.odd", defined_at="metrics/seen.yml:3"),
    "mean": Metric(name="odd", mean="seen.odd", defined_at="metrics/seen.yml:3"),
    "quantile": Metric(name="odd", quantile=RowsQuantile(of="seen.odd", share=0.9), defined_at="metrics/seen.yml:3"),
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("metric", GOVERNED)
def test_a_governed_metric_of_no_numbers_is_refused_where_it_is_defined(metric: str, kind: str, study: Make) -> None:
    one = study(table="", unit="user", primary="odd", assignment=Assignment(arm="arm"))
    with pytest.raises(DefinitionError) as caught:
        plan(one, governed(GOVERNED[metric], NO_NUMBERS[kind]), as_of=NOW + timedelta(days=2))
    used = "a quantile" if metric == "quantile" else "a sum"
    assert caught.value.problem == f"the column 'seen.odd' is {kind}, and {used} is of numbers"
    assert caught.value.where == "metrics/seen.yml:3"


@pytest.mark.parametrize("metric", GOVERNED)
def test_a_governed_metric_of_booleans_is_that_of_ones_and_zeros(metric: str, study: Make) -> None:
    one = study(table="", unit="user", primary="odd", assignment=Assignment(arm="arm"))
    odd = np.random.default_rng(5).random(N) < 0.4
    found = [run(one, governed(GOVERNED[metric], x), as_of=NOW + timedelta(days=2)) for x in (odd, odd.astype(int))]
    assert list(numbers_moved(*found)) == []
    assert found[0].estimates[0].n == N


@pytest.mark.postgres
def test_postgres_says_the_same_of_each_column(postgres_url: str, study: Make) -> None:
    odd = np.random.default_rng(6).random(N) < 0.4
    columns = {"flag": odd, "words": NO_NUMBERS["VARCHAR"], "day": NO_NUMBERS["DATE"], "moment": [NOW] * N}
    table = table_of(**columns)
    here = connect({"typed_units": table})
    with connect(postgres_url) as there:
        there.write("typed_units", table)
        for column in ("words", "day", "moment"):
            said = []
            for warehouse in (here, there):
                with pytest.raises(DefinitionError) as caught:
                    plan(study(table="typed_units", primary=Mean(column)), warehouse)
                said.append(str(caught.value))
            assert said[0] == said[1]
        for use in (Share("flag"), Mean("spend", covariate="flag"), Ratio("flag", "spend"), Quantile("spend", 0.5)):
            one = study(table="typed_units", primary=use)
            assert list(numbers_moved(run(one, here), run(one, there))) == []
