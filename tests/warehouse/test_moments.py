"""One scan of sums by group gives moments that merge, whatever columns are called and whatever they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.stats.moments import merged
from steelyard.warehouse import Query, connect, quote_name
from steelyard.warehouse.moments import moments, moments_by_group, shift_sample, shifts_of, unusable_values

RANDOM = np.random.default_rng(2)
ROWS = 3_000
X, Y = RANDOM.normal(1e9, 1.0, ROWS), RANDOM.gamma(2.0, 3.0, ROWS)
TABLE = pa.table({"arm": np.arange(ROWS) % 3, "half": np.arange(ROWS) % 2, "x; drop table data": X, "it's": Y})
HOSTILE, QUOTED = "x; drop table data", "it's"


def fetched(query: Query, table: pa.Table = TABLE) -> pa.Table:
    return connect(table).fetch(query)


def asked(by: list[str], shifts: dict[str, float] | None = None, **more: Any) -> Query:
    words = {"values": [HOSTILE, QUOTED], "products": [(HOSTILE, QUOTED)], "shifts": shifts, **more}
    return moments(quote_name("data"), by=by, **words)


def sampled() -> dict[str, float]:
    return shifts_of(fetched(shift_sample(quote_name("data"), [HOSTILE, QUOTED])))


def test_they_are_the_moments_of_the_rows_a_milliard_deviations_away() -> None:
    found = moments_by_group(fetched(asked(["arm"], sampled())), ["arm"])
    for arm in range(3):
        mine = np.arange(ROWS) % 3 == arm
        group = found[(arm,)]
        assert group.rows == ROWS / 3
        assert group.mean(HOSTILE) == pytest.approx(X[mine].mean(), rel=1e-15)
        assert group.variance(HOSTILE) == pytest.approx((X[mine] - 1e9).var(ddof=1), rel=1e-9)
        assert group.covariance(HOSTILE, QUOTED) == pytest.approx(
            np.cov(X[mine] - 1e9, Y[mine])[0, 1], rel=1e-6, abs=1e-9
        )


def test_without_a_shift_the_digits_are_lost_which_is_why_there_is_one() -> None:
    raw = moments_by_group(fetched(asked([])), [])[()]
    assert raw.variance(HOSTILE) != pytest.approx((X - 1e9).var(ddof=1), rel=0.01)


def test_finer_groups_merge_into_the_whole() -> None:
    shifts = sampled()
    whole = moments_by_group(fetched(asked([], shifts)), [])[()]
    cells = moments_by_group(fetched(asked(["arm", "half"], shifts)), ["arm", "half"])
    together = merged(cells.values())
    assert len(cells) == 6
    assert together.rows == whole.rows
    assert together.offset == pytest.approx(whole.offset)
    assert together.cross == pytest.approx(whole.cross)


def test_sets_of_columns_are_added_up_beside_each_other_in_one_scan() -> None:
    gaps = TABLE.set_column(1, "half", pa.array([None if i % 5 == 0 else i % 2 for i in range(ROWS)]))
    shifts = sampled()
    query = asked(["arm", "half"], shifts, sets=[["arm"], ["half", "arm"]], where="arm < $most", parameters={"most": 2})
    table = fetched(query, gaps)
    assert query.sql.count('"data"') == 1
    assert table.num_rows == 2 + 2 * 3, "their groups together"
    for place, by in enumerate((["arm"], ["half", "arm"])):
        found = moments_by_group(table, by, of_set=place)
        alone = moments_by_group(fetched(asked(by, shifts, where="arm < 2"), gaps), by)
        assert set(found) == set(alone), "a missing value is a group, not everybody"
        for key, group in alone.items():
            assert (found[key].rows, found[key].counts) == (group.rows, group.counts)
            assert found[key].offset == pytest.approx(group.offset, rel=1e-9, abs=1e-12)
            assert found[key].cross == pytest.approx(group.cross, rel=1e-9, abs=1e-6)


def test_groups_are_merged_over_the_columns_that_are_not_asked_for() -> None:
    shifts = sampled()
    finer = moments_by_group(fetched(asked(["arm", "half"], shifts)), ["arm"])
    for key, group in moments_by_group(fetched(asked(["arm"], shifts)), ["arm"]).items():
        assert finer[key].rows == group.rows
        assert finer[key].cross == pytest.approx(group.cross, rel=1e-9)


def test_a_condition_and_its_values_are_bound() -> None:
    query = asked(["arm"], where="half = $half", parameters={"half": 1})
    assert sum(group.rows for group in moments_by_group(fetched(query), ["arm"]).values()) == ROWS // 2


def test_no_rows_give_no_groups() -> None:
    assert moments_by_group(fetched(asked(["arm"]), TABLE.slice(0, 0)), ["arm"]) == {}
    assert moments_by_group(fetched(asked([]), TABLE.slice(0, 0)), []) == {}
    assert shifts_of(fetched(shift_sample(quote_name("data"), [QUOTED]), TABLE.slice(0, 0))) == {QUOTED: 0.0}


def test_gaps_and_strange_values_are_told_apart() -> None:
    strange = pa.table({"arm": [1, 1, 1, 1], "v": [None, float("nan"), float("inf"), 2.0]})
    (row,) = fetched(unusable_values(quote_name("data"), by=["arm"], values=["v"]), strange).to_pylist()
    assert (row["n"], row["null_0"], row["not_finite_0"]) == (4, 1, 2)


def test_only_the_products_that_were_asked_for_are_summed() -> None:
    sql = moments('"t"', by=[], values=["a", "b", "c"], products=[("c", "a")]).sql
    assert "v_0 * v_2" in sql
    assert "v_0 * v_1" not in sql
    assert sql.count('FROM "t"') == 1
