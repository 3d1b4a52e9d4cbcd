"""The totals beside an answer, against the same sums in plain Python."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.metrics.counted import counted
from steelyard.metrics.expression import UNKNOWN

GROUPS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 2**40)),
        st.one_of(st.none(), st.sampled_from([UNKNOWN, "", "DE", "unknown"])),
        st.one_of(st.none(), st.integers(-3, 3)),
    )
)


@given(GROUPS)
def test_the_totals_are_those_of_plain_python(groups: list[tuple[Any, Any, Any]]) -> None:
    counts, texts, numbers = ([row[at] for row in groups] for at in range(3))
    table = pa.table(
        {
            "n": pa.array(counts, pa.int64()),
            "text": pa.array(texts, pa.string()),
            "number": pa.array(numbers, pa.int64()),
        }
    )
    assert counted(table, "n") == sum(count or 0 for count in counts)
    for dimension in ("text", "number"):
        wanted = sum(row["n"] or 0 for row in table.to_pylist() if row[dimension] in (None, UNKNOWN))
        assert counted(table, "n", unknown=dimension) == wanted


def test_an_answer_in_several_chunks_is_one_answer() -> None:
    part = pa.table({"n": [1, 2], "country": ["DE", UNKNOWN]})
    table = pa.concat_tables([part, part.slice(0, 0), part])
    assert (counted(table, "n"), counted(table, "n", unknown="country")) == (6, 4)


@pytest.mark.parametrize("kind", [pa.null(), pa.decimal128(38, 0)])
def test_counts_that_an_engine_gives_in_another_type_are_counts(kind: pa.DataType) -> None:
    assert counted(pa.table({"n": pa.nulls(3, kind)}), "n") == 0
