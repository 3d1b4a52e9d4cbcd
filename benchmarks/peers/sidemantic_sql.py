"""Run by sidemantic's own interpreter: the SQL that it writes for the questions of `metric_query`, as JSON."""

from __future__ import annotations

import json
import statistics
import time

from sidemantic import Dimension, Metric, Model, Relationship, SemanticLayer

ASKED = {
    "revenue by week and country": {
        "metrics": ["lines.revenue"],
        "dimensions": ["orders.ordered_at__week", "customers.country"],
    },
    "and category, with two filters": {
        "metrics": ["lines.revenue"],
        "dimensions": ["orders.ordered_at__week", "customers.country", "products.category"],
        "filters": ["orders.channel = 'web'", "orders.status IS DISTINCT FROM 'cancelled'"],
    },
    "an order's fee beside its lines' revenue": {
        "metrics": ["orders.fees", "lines.revenue"],
        "dimensions": ["customers.country"],
    },
}
REFUSED = {
    "two facts, each on its own date": "it has no time that two facts share: asked by the weeks of both, it joins "
    "every order of a customer to every visit"
}


def to_one(name: str, column: str) -> Relationship:
    """A reference."""
    return Relationship(name=name, type="many_to_one", foreign_key=column, primary_key=column)


def layer(metrics: list[Metric]) -> SemanticLayer:
    """The same tables; the lines carry these metrics."""
    made = SemanticLayer(connection="duckdb:///:memory:")
    text = {name: Dimension(name=name, type="categorical") for name in ("country", "category", "channel", "status")}
    made.add_model(Model(name="customers", table="customers", primary_key="customer_id", dimensions=[text["country"]]))
    made.add_model(Model(name="products", table="products", primary_key="product_id", dimensions=[text["category"]]))
    ordered_at = Dimension(name="ordered_at", type="time", granularity="day")
    made.add_model(
        Model(
            name="orders",
            table="orders",
            primary_key="order_id",
            relationships=[to_one("customers", "customer_id")],
            dimensions=[text["channel"], text["status"], ordered_at],
            metrics=[Metric(name="fees", agg="sum", sql="fee")],
        )
    )
    made.add_model(
        Model(
            name="lines",
            table="lines",
            primary_key="line_id",
            relationships=[to_one("orders", "order_id"), to_one("products", "product_id")],
            metrics=metrics,
        )
    )
    return made


def compile_ms() -> float:
    """The median time of questions that are new, in a catalog of 200 metrics."""
    many = [Metric(name=f"m{n}", agg="sum", sql="amount", filters=[f"product_id = {n}"]) for n in range(200)]
    made = layer(many)
    taken = []
    for number in range(30):
        begun = time.process_time()
        made.compile(
            metrics=[f"lines.m{number}", f"lines.m{number + 1}"],
            dimensions=["customers.country"],
            filters=[f"orders.channel = 'web {number}'"],
        )
        taken.append((time.process_time() - begun) * 1000)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    whole = layer([Metric(name="revenue", agg="sum", sql="amount")])
    sql = {name: whole.compile(**asked, order_by=asked["dimensions"]) for name, asked in ASKED.items()}
    print(json.dumps({"sql": sql, "refused": REFUSED, "compile_ms": compile_ms()}))
