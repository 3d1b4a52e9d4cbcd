"""A project's experiment whose stores are randomised: drawn, exposed, analysed at the customer's grain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import DataError, DefinitionError
from steelyard.project import Project, open_project
from steelyard.stats.intraclass import intraclass_correlation
from steelyard.studies.experiments import Assignment, Experiment, Mean
from steelyard.studies.experiments.allocation import allocation_of
from steelyard.studies.experiments.assignment import assign, drawn
from steelyard.studies.experiments.exposure_log import Exposed
from steelyard.studies.run import run

STORES, CUSTOMERS = 80, 1_200
SAID = {"who": "ann", "why": "all is well"}
FILES = {
    "steelyard.toml": 'name = "Till"\n',
    "sources/web.yml": """sources:
  customers:
    kind: files
    path: data/customers.csv
    columns: {customer_id: BIGINT, store_id: BIGINT, region: BIGINT, spend: DOUBLE}
    mode: replace
    key: customer_id
  orders:
    kind: files
    path: data/orders.csv
    columns: {order_id: BIGINT, customer_id: BIGINT, amount: DOUBLE, ordered_at: TIMESTAMPTZ}
    mode: replace
    key: order_id
  exposures:
    kind: log
    columns: {id: VARCHAR, experiment: VARCHAR, unit: VARCHAR, cluster: VARCHAR, arm: VARCHAR, assigned: VARCHAR,
      stage: BIGINT, tester: BOOLEAN, at: TIMESTAMPTZ}
    mode: append
    key: id
""",
    "metrics/shop.yml": """tables:
  customers: {key: customer_id, entity: customer, entities: {store: store_id}, dimensions: [store_id, region]}
  orders: {key: order_id, time: ordered_at, entities: {customer: customer_id}}
metrics:
  revenue: {sum: orders.amount, measured_in: USD, better: up}
""",
    "studies/shelves.yml": """kind: experiment
question: Do other shelves sell more?
unit: customer_id
cluster: store_id
table: customers
arms: {control: 0.5, shelves: 0.5}
assignment: steelyard
ramp: [0.5, 1.0]
exposure: {table: exposures, unit: unit, at: at, where: "experiment = 'shelves' AND NOT tester"}
primary: {metric: spend}
""",
    "studies/prices.yml": """kind: experiment
question: Do other prices earn more?
unit: customer
cluster: store
arms: {control: 0.5, prices: 0.5}
assignment: steelyard
between: [2026-03-01, 2026-03-28]
primary: {metric: revenue}
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "data").mkdir()
    rows = [f"{place},{store_of(place)},{store_of(place) % 3},{spend_of(place):.4f}" for place in range(CUSTOMERS)]
    (tmp_path / "data" / "customers.csv").write_text("customer_id,store_id,region,spend\n" + "\n".join(rows) + "\n")
    rows = [f"{place},{place},{spend_of(place):.4f},2026-03-1{place % 10}T12:00:00Z" for place in range(CUSTOMERS)]
    (tmp_path / "data" / "orders.csv").write_text("order_id,customer_id,amount,ordered_at\n" + "\n".join(rows) + "\n")
    with open_project(tmp_path) as opened:
        assert opened.problems == ()
        opened.refresh()
        yield opened


def store_of(customer: int) -> int:
    return (customer * customer) % STORES if customer % 3 else customer % STORES


def spend_of(customer: int) -> float:
    return float(np.random.default_rng(customer).gamma(2, 5) + store_of(customer) % 7)


def by_column(arms: dict[int, str | None], taken: list[int], *, regions: bool = False) -> tuple[float | None, ...]:
    """The analysis of a table in which each customer's arm is written."""
    study = Experiment(
        name="written", question="The same?", arms={"control": 0.5, "b": 0.5}, table="data", cluster="store",
        assignment=Assignment(), primary=Mean("spend"), strata=("region",) if regions else (),
    )  # fmt: skip
    found = [("control" if arms[store_of(one)] == "control" else "b", one) for one in taken if arms[store_of(one)]]
    table = {"arm": [arm for arm, _ in found], "store": [store_of(one) for _, one in found]}
    table["region"] = [store % 3 for store in table["store"]]
    row = run(study, pa.table({**table, "spend": [spend_of(one) for _, one in found]})).estimates[0]
    return row.value, row.std_error, row.low, row.high, row.n


def test_stores_are_drawn_and_their_customers_analysed_through_a_ramp(project: Project) -> None:
    project.plan("shelves", register=True)
    for _ in range(2):
        project.advance("shelves", **SAID)
        rows = project.stage_ledger.rows("shelves")
        arms = dict(enumerate(assign(project.experiment("shelves"), range(STORES), stages=rows)))
        given = project.assign_many("shelves", np.arange(STORES)).arms.to_pylist()
        assert given == list(arms.values())
        now = datetime.now(UTC)
        seen = [one for one in range(CUSTOMERS) if arms[store_of(one)] is not None and one % 5]
        done = project.expose("shelves", [Exposed(unit=one, cluster=store_of(one), at=now) for one in seen])
        assert done.conflicts == 0
        project.refresh()
        result = project.run("shelves")
        row = result.estimates[0]
        found = row.value, row.std_error, row.low, row.high, row.n
        assert found == pytest.approx(by_column(arms, seen), rel=1e-3), "spend is written with four digits"
    checks = {check.name: check for check in result.checks}
    assert checks["clusters_in_one_arm"].status == checks["clusters_known"].status == "passed"
    assert "Clusters were exposed alike" in checks["trigger_rate"].says
    again = project.expose("shelves", Exposed(unit=seen[0], cluster=store_of(seen[0]), at=now))
    assert (again.new, again.duplicates) == (0, 1)


def test_an_exposure_without_its_store_is_refused(project: Project) -> None:
    project.plan("shelves", register=True)
    project.advance("shelves", **SAID)
    with pytest.raises(DataError, match="names no 'store_id', which is what was randomised"):
        project.expose("shelves", Exposed(unit=1, at=datetime.now(UTC)))


@pytest.mark.parametrize("regions", [False, True])
def test_governed_metrics_of_customers_are_compared_over_their_stores(project: Project, regions: bool) -> None:
    if regions:
        (project.folder / "studies" / "prices.yml").write_text(FILES["studies/prices.yml"] + "strata: [region]\n")
    with open_project(project.folder) as opened:
        result = opened.run("prices")
        arms = dict(enumerate(assign(opened.experiment("prices"), range(STORES))))
    row = result.estimates[0]
    found = row.value, row.std_error, row.low, row.high, row.n
    assert found == pytest.approx(by_column(arms, list(range(CUSTOMERS)), regions=regions), rel=1e-3)
    assert row.measured_in == "USD"
    strata = [check.status for check in result.checks if check.name == "clusters_in_one_stratum"]
    assert strata == ["passed"] * regions


def test_a_ramp_whose_first_stage_has_a_split_of_its_own_takes_stores_in(project: Project) -> None:
    path = project.folder / "studies" / "shelves.yml"
    text = path.read_text().replace("[0.5, 1.0]", "[{share: 0.6, arms: {control: 0.7, shelves: 0.3}}, 1.0]")
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("exposure:")) + "\n")
    with open_project(project.folder) as opened:
        opened.plan("shelves", register=True)
        for _ in range(2):
            opened.advance("shelves", **SAID)
            result = opened.run("shelves")
        taken = drawn(
            allocation_of(opened.experiment("shelves"), opened.stage_ledger.rows("shelves")), np.arange(STORES)
        )
    arms, stages = np.array(taken.arms.to_pylist()), taken.stages
    stores = np.array([store_of(one) for one in range(CUSTOMERS)])
    spend = np.array([spend_of(one) for one in range(CUSTOMERS)])
    expected = sum(
        (stages[stores] == stage).mean()
        * (spend[at & (arms[stores] == "shelves")].mean() - spend[at & (arms[stores] == "control")].mean())
        for stage in (1, 2)
        for at in [stages[stores] == stage]
    )
    row = result.estimates[0]
    assert (row.value, row.n) == (pytest.approx(expected, abs=1e-3), CUSTOMERS)
    (check,) = [check for check in result.checks if check.name == "sample_ratio"]
    assert "Clusters f" in check.says


def test_a_cluster_that_is_the_unit_itself_is_refused(project: Project) -> None:
    path = project.folder / "studies" / "prices.yml"
    path.write_text(path.read_text().replace("cluster: store", "cluster: customer"))
    with open_project(project.folder) as again, pytest.raises(DefinitionError, match="'customer' is the unit itself"):
        again.run("prices")


def test_a_plan_has_the_stores_and_their_likeness_from_before(project: Project) -> None:
    path = project.folder / "studies" / "prices.yml"
    path.write_text(path.read_text().replace("2026-03-01, 2026-03-28", "2026-04-01, 2026-04-28"))
    with open_project(project.folder) as again:
        planned = again.plan("prices", replays=200)
    sizes = np.bincount([store_of(one) for one in range(CUSTOMERS)]).astype(float)
    sizes = sizes[sizes > 0]
    spend = np.array([spend_of(one) for one in range(CUSTOMERS)])
    sums = np.bincount([store_of(one) for one in range(CUSTOMERS)], weights=spend, minlength=STORES)
    squares = np.bincount([store_of(one) for one in range(CUSTOMERS)], weights=spend**2, minlength=STORES)
    there = np.isin(np.arange(STORES), [store_of(one) for one in range(CUSTOMERS)])
    expected = intraclass_correlation(sizes, sums[there], squares[there])
    assert planned.sample["correlation within clusters"] == pytest.approx(expected, rel=1e-3)
    assert planned.sample["units of a cluster"] == pytest.approx(sizes.mean(), rel=1e-5)
    (title,) = [name for name in planned.tables if name.startswith("A/A")]
    assert f"{len(sizes):,} clusters, {CUSTOMERS:,} units," in title
