"""Independence of draws is measured, and dependent draws are found."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.allocation import Allocation, everybody
from steelyard.studies.experiments.independence import LEVEL, independence
from steelyard.studies.experiments.many_buckets import many_buckets

HALVES = {"control": 0.5, "b": 0.5}
THREE = {"control": 0.4, "a": 0.3, "b": 0.3}
IDS = np.arange(20_000)


def running(*names: str) -> dict[str, Allocation]:
    return {name: Allocation(name=name, segments=(everybody(THREE, "control"),)) for name in names}


def test_the_statistic_is_pearson_s_by_hand() -> None:
    (found,) = independence(Allocation(name="mine"), HALVES, "control", running("other"), IDS)
    mine = many_buckets("mine:arm", IDS) >= 2**59
    theirs = np.searchsorted(np.array([0.4, 0.7]) * 2.0**60, many_buckets("other:arm", IDS), side="right")
    table = np.array([[np.sum((mine == row) & (theirs == column)) for column in range(3)] for row in (False, True)])
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    assert found.statistic == pytest.approx(((table - expected) ** 2 / expected).sum())
    assert (found.df, found.units, found.limit) == (2, 20_000, LEVEL)
    assert found.holds


def test_the_same_salt_is_found_and_says_so() -> None:
    """What an experiment under another's name would do."""
    others = {"copy": Allocation(name="mine", segments=(everybody(THREE, "control"),)), **running("other")}
    copy, other = independence(Allocation(name="mine"), HALVES, "control", others, IDS)
    assert not copy.holds
    assert "NOT independent" in copy.says
    assert other.holds
    assert copy.limit == LEVEL / 2, "the level is shared by both comparisons"


def test_independent_draws_are_rarely_called_dependent() -> None:
    """200 pairs: p-values below .05 come in 5 % of them, within three standard errors."""
    names = [f"experiment_{number}" for number in range(200)]
    found = independence(Allocation(name="mine"), HALVES, "control", running(*names), IDS[:5_000])
    low = sum(item.p_value < 0.05 for item in found)
    assert abs(low - 10) <= 3 * np.sqrt(200 * 0.05 * 0.95)
    assert all(item.holds for item in found)


def test_too_few_ids_are_refused() -> None:
    with pytest.raises(DefinitionError, match="20 ids are too few"):
        independence(Allocation(name="mine"), HALVES, "control", running("other"), IDS[:20])
