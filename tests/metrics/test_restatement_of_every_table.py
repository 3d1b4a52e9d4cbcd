"""On every kind of table a restatement's ends are what the question says of each version, or it is refused."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from tests.metrics.test_drill_of_every_table import METRICS, TABLES, same, shop_of

from steelyard.errors import DataError, DefinitionError, SteelyardError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.metrics.kinds import Quantile
from steelyard.metrics.restated import CAUSES
from steelyard.metrics.restatement import DEFINITION, Restatement, restatement
from steelyard.metrics.row_changes import VersionPair
from steelyard.warehouse import StoredTable, connect

Tables = Mapping[str, pa.Table]
QUESTIONS: list[dict[str, Any]] = [
    {}, {"by": "week"}, {"by": "country"}, {"by": "payer.country"}, {"by": "plan"}, {"by": "fee_currency"},
    {"where": "campaign = 'spring'"}, {"where": "product <> 'a'", "by": "country"},
]  # fmt: skip
_IDS = count()


def pair_of(before: Tables, after: Tables) -> VersionPair:
    frames: dict[str, pa.Table] = {}
    kept: dict[str, dict[str, StoredTable]] = {}
    for side, tables in (("before", before), ("after", after)):
        with connect(tables) as warehouse:
            kept[side] = {
                name: StoredTable(
                    name=name, rows=table.num_rows, columns=dict(warehouse.columns(name)), version_id=f"v{next(_IDS)}",
                )
                for name, table in tables.items()
            }  # fmt: skip
        frames |= {name if side == "after" else f"{name} @1": table for name, table in tables.items()}
    names = {name: f"{name} @1" for name in before}
    return VersionPair(warehouse=connect(frames), names=names, before=kept["before"], after=kept["after"])


def restated(
    before: Tables, after: Tables, metric: str, catalog: MetricCatalog | None = None, **asked: Any
) -> Restatement:
    pair = pair_of(before, after)
    with pair.warehouse:
        return restatement(catalog or shop_of(), pair, metric, **asked)


def changed(chance: random.Random) -> Tables:
    """The tables with a few rows gone, doubled or another."""
    made = dict(TABLES)
    for name in chance.sample(["orders", "customers", "links", "parcels", "raw_parcels", "rates", "lines"], 3):
        rows = made[name].to_pylist()
        for _ in range(chance.randint(1, 3)):
            place, kind = chance.randrange(len(rows)), chance.choice(["gone", "doubled", "another"])
            if kind == "gone" and len(rows) > 1:
                rows.pop(place)
            elif kind == "doubled":
                rows.append(dict(rows[place]))
            else:
                column = chance.choice(TABLES[name].column_names)
                rows[place] = {**rows[place], column: chance.choice(TABLES[name].column(column).to_pylist())}
        made[name] = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
    return made


def said(tables: Tables, metric: str, asked: Mapping[str, Any]) -> dict[tuple[Any, ...], Any]:
    with connect(tables) as warehouse:
        answer = query(shop_of(), warehouse, metric, fill=False, **asked)
    return {tuple(row[name] for name in answer.dimensions): row[metric] for row in answer.rows()}


@pytest.mark.parametrize("seed", range(4))
def test_both_ends_are_what_the_question_says_and_the_reasons_add_up(seed: int) -> None:
    chance = random.Random(seed)
    ends = [dict(TABLES), changed(chance)]
    chance.shuffle(ends)
    for metric, asked in chance.sample([(item.name, asked) for item in METRICS[:14] for asked in QUESTIONS], 15):
        try:
            before, after = (said(tables, metric, asked) for tables in ends)
        except SteelyardError:
            with pytest.raises(SteelyardError):
                restated(*ends, metric, **asked)
            continue
        if metric in ("middle", "goal"):
            continue
        nothing = None if metric == "average_order" else 0
        rows = restated(*ends, metric, **asked)
        for row in rows.table.to_pylist():
            group = tuple(row[name] for name in rows.by)
            assert same(row["before"], before.pop(group, nothing)), (metric, asked, group)
            assert same(row["after"], after.pop(group, nothing)), (metric, asked, group)
            if row["change"] is not None:
                assert float(sum(row[name] for name in (*CAUSES, DEFINITION))) == pytest.approx(float(row["change"]))
        assert not any((*before.values(), *after.values()))


def with_rows(name: str, *rows: dict[str, Any], without: int | None = None) -> Tables:
    kept = [row for place, row in enumerate(TABLES[name].to_pylist()) if place != without]
    return {**TABLES, name: pa.Table.from_pylist([*kept, *rows], schema=TABLES[name].schema)}


def test_a_newer_row_of_a_business_key_changes_its_row_and_removes_none() -> None:
    told = {name: table.slice(0, 6) if name == "parcels" else table for name, table in TABLES.items()}
    newer = {**told["parcels"].to_pylist()[2], "seq": 2, "weight": 50}
    after = {
        **told,
        "parcels": pa.Table.from_pylist([*told["parcels"].to_pylist(), newer], schema=told["parcels"].schema),
    }
    found = restated(told, after, "weight")
    row = found.table.to_pylist()[0]
    assert (row["before"], row["after"], row["changed_rows"], row["removed_rows"]) == (25, 70, 45, 0)
    assert found.notes == ()


def test_rows_without_a_business_key_are_told_apart_by_what_they_say() -> None:
    after = with_rows("parcels", {**TABLES["parcels"].to_pylist()[6], "weight": 1})
    found = restated(TABLES, after, "weight")
    assert (found.table.to_pylist()[0]["before"], found.table.to_pylist()[0]["after"]) == (125, 126)
    assert "no key that holds" in found.notes[0]


def test_a_metric_that_tells_its_rows_apart_is_restated_by_that() -> None:
    found = restated(TABLES, with_rows("raw_parcels", without=1), "weight_told_apart", by="parcel")
    moved = {row["parcel"]: (row["before"], row["after"]) for row in found.changed}
    assert moved == {"a": (20, 10)}


def test_a_rate_that_was_corrected_is_a_dimension_that_changed() -> None:
    after = with_rows("rates", {**TABLES["rates"].to_pylist()[1], "rate": 8.0}, without=1)
    asked = {"where": "status = 'void'"}
    row = restated(TABLES, after, "fees_in_eur", **asked).table.to_pylist()[0]
    assert (row["before"], row["after"], row["dimension_changed"]) == (0.5, 0.25, -0.25)


def test_weeks_that_begin_on_another_day_can_be_restated() -> None:
    found = restated(TABLES, with_rows("orders", without=0), "revenue_of_sundays", by="week")
    assert [str(row["period"]) for row in found.changed] == ["2026-01-04"]


def test_what_an_answer_refuses_a_restatement_refuses() -> None:
    one = {**TABLES, "orders": TABLES["orders"].slice(0, 1)}
    for ends in ((TABLES, one), (one, TABLES)):
        with pytest.raises(DataError, match="EUR, USD, XXX would be added up"):
            restated(*ends, "fees")
    with pytest.raises(DefinitionError, match="does not add up over 'status'"):
        restated(TABLES, TABLES, "revenue_of_one_status")


@pytest.mark.parametrize("weight", ["share", ""])
def test_groups_in_which_a_row_counts_several_times_or_in_part_are_refused(weight: str) -> None:
    with pytest.raises(DefinitionError, match="a row of 'orders' has many campaign") as refused:
        restated(TABLES, TABLES, "revenue", shop_of(weight), by="campaign")
    assert "as of each of the two moments" in str(refused.value)


@pytest.mark.parametrize("metric", ["middle", "goal", "again", "rolling", "level", "each"])
def test_a_number_that_is_no_sum_of_rows_names_what_can_be_restated(metric: str) -> None:
    with pytest.raises(DefinitionError, match="not made of rows alone") as refused:
        restated(TABLES, TABLES, metric)
    assert "ask for" in str(refused.value)


def test_a_definition_that_gives_nothing_a_null_has_no_zero_where_rows_went() -> None:
    middle = Metric(name="revenue", quantile=Quantile(of="orders.amount"))
    later = MetricCatalog.of(metrics=[middle], tables=shop_of().tables.values())
    after = {**TABLES, "orders": TABLES["orders"].slice(0, 2)}
    found = restated(TABLES, after, "revenue", by="fee_currency", later=later)
    ends = {row["fee_currency"]: (row["before"], row["after"]) for row in found.table.to_pylist()}
    assert ends == {"EUR": (110.33, 100.0), "USD": (50.0, 50.0), "XXX": (-9.0, None)}
