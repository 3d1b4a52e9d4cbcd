from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.dashboards import read_dashboard_file
from steelyard.errors import DefinitionError

WHOLE = """title: Sales
headline: revenue
compare: year
thresholds: {goal: 100}
filters: country
blocks:
  - {breakdown: revenue, by: country}
  - metric: orders
    compare: year
  - table: [revenue, orders]
  - text: |
      First.

      Second.
"""


def test_a_file_is_read_with_the_line_of_every_block() -> None:
    found = read_dashboard_file(Path("dashboards/sales.yml"), text=WHOLE)
    assert (found.name, found.heading, found.filters) == ("sales", "Sales", ("country",))
    assert [block.kind for block in found.blocks] == ["breakdown", "metric", "table", "text"]
    assert [block.defined_at for block in found.blocks] == [f"dashboards/sales.yml:{n}" for n in (7, 8, 10, 11)]
    assert found.metrics() == ("revenue", "orders")


def test_one_block_need_be_no_list() -> None:
    found = read_dashboard_file("a.yml", text="blocks:\n  metric: revenue\n")
    assert [(block.of, block.defined_at) for block in found.blocks] == [("revenue", "a.yml:1")]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("title: Nothing\n", 1, "shows nothing"),
        ("headline: a\nblocks:\n- {metric: a}\n- {metric: a, table: b}\n", 4, "metric and table"),
        ("headline: a\nblocks:\n- {title: b}\n", 3, "of nothing"),
        ("headline: a\nblocks:\n- {metric: a, chart: pie}\n", 3, "cannot be 'pie'"),
        ("headline: a\nblocks:\n- {metric: a, chart: bar}\n", 3, "cannot be drawn as 'bar'"),
        ("headline: a\nblocks:\n- {breakdown: a}\n", 3, "by 0 dimensions"),
        ("headline: a\nblocks:\n- {breakdown: a, by: [b, c], chart: bar}\n", 3, "by 2 cannot be drawn"),
        ("headline: a\nblocks:\n- {breakdown: a, by: b, chart: heat_map}\n", 3, "by 1 cannot be drawn"),
        ("headline: a\nblocks:\n- {metric: a, by: b, compare: year}\n", 3, "compared with each other"),
        ("headline: a\nblocks:\n- {text: a, where: b}\n", 3, "'where' means nothing to a text"),
        ("headline: a\nblocks:\n- {cohort: a, by: b}\n", 3, "'by' means nothing to a cohort"),
        ("headline: a\nblock: []\n", 2, "no key named 'block'"),
        ("headline: a\nfilters: [since]\n", 1, "'since' cannot be a filter"),
        ("headline: a\nperiods: -1\n", 1, "-1 periods"),
        ("headline: a\nperiods: many\n", 2, "periods"),
        ("headline: a\nsince: 2026-02-01\nuntil: 2026-01-01\n", 1, "before it begins"),
        ("headline: a\nname: b\n", 2, "named 'b'"),
        ("headline: a\ndefined_at: b\n", 2, "no key"),
        ("compare: year\nblocks: [{text: a}]\n", 1, "no headline to compare"),
        ("headline: [", 2, "not YAML"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_line(text: str, line: int, says: str) -> None:
    with pytest.raises(DefinitionError, match=says) as refused:
        read_dashboard_file("sales.yml", text=text)
    assert refused.value.where == f"sales.yml:{line}"


def test_a_name_that_no_address_can_have_is_refused() -> None:
    with pytest.raises(DefinitionError, match="cannot be named 'My page'"):
        read_dashboard_file("My page.yml", text="headline: a\n")
