"""Run by MetricFlow's own interpreter: the SQL that it writes for the questions of `metric_query`, as JSON."""

from __future__ import annotations

import json
import logging
import statistics
import tempfile
import time
from pathlib import Path

from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantic_interfaces.parsing.dir_to_model import parse_directory_of_yaml_files_to_semantic_manifest
from metricflow_semantics.errors.error_classes import InvalidQueryException
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

MODELS = """
project_configuration:
  time_spines:
    - node_relation: {schema_name: main, alias: days}
      primary_column: {name: day, time_granularity: day}
---
semantic_model:
  name: customers
  node_relation: {schema_name: main, alias: customers}
  entities: [{name: customer, type: primary, expr: customer_id}]
  dimensions: [{name: country, type: categorical}]
---
semantic_model:
  name: products
  node_relation: {schema_name: main, alias: products}
  entities: [{name: product, type: primary, expr: product_id}]
  dimensions: [{name: category, type: categorical}]
---
semantic_model:
  name: orders
  node_relation: {schema_name: main, alias: orders}
  defaults: {agg_time_dimension: ordered_at}
  entities: [{name: order, type: primary, expr: order_id}, {name: customer, type: foreign, expr: customer_id}]
  dimensions:
    - {name: ordered_at, type: time, type_params: {time_granularity: second}}
    - {name: channel, type: categorical}
    - {name: status, type: categorical}
  measures: [{name: orders, agg: count, expr: "1"}, {name: fees, agg: sum, expr: fee}]
---
semantic_model:
  name: lines
  node_relation: {schema_name: main, alias: lines}
  defaults: {agg_time_dimension: made_at}  # it wants a time of the lines' own, which they have not; none is asked
  entities:
    - {name: line, type: primary, expr: line_id}
    - {name: order, type: foreign, expr: order_id}
    - {name: product, type: foreign, expr: product_id}
  dimensions:
    - {name: made_at, type: time, expr: "DATE '2025-01-01'", type_params: {time_granularity: day}}
    - {name: product_id, type: categorical}
  measures: [{name: revenue, agg: sum, expr: amount}]
---
semantic_model:
  name: visits
  node_relation: {schema_name: main, alias: visits}
  defaults: {agg_time_dimension: visited_at}
  entities: [{name: visit, type: primary, expr: visit_id}, {name: customer, type: foreign, expr: customer_id}]
  dimensions: [{name: visited_at, type: time, type_params: {time_granularity: second}}]
  measures: [{name: visits, agg: count, expr: "1"}]
"""
NAMED = "---\nmetric: {{name: {0}, type: simple, type_params: {{measure: {0}}}}}\n"
FILTERED = """---
metric:
  name: m{0}
  type: simple
  type_params: {{measure: revenue}}
  filter: "{{{{ Dimension('line__product_id') }}}} = {0}"
"""
COUNTRY, WEEK, CHANNEL = "order__customer__country", "order__ordered_at__week", "{{ Dimension('order__channel') }}"
ASKED = {
    "revenue by week and country": {"metric_names": ["revenue"], "group_by_names": [WEEK, COUNTRY]},
    "and category, with two filters": {
        "metric_names": ["revenue"],
        "group_by_names": [WEEK, COUNTRY, "product__category"],
        "where_constraints": [
            f"{CHANNEL} = 'web'",
            "{{ Dimension('order__status') }} IS DISTINCT FROM 'cancelled'",
        ],
    },
    "two facts, each on its own date": {
        "metric_names": ["orders", "visits"],
        "group_by_names": ["metric_time__week"],
    },
    "an order's fee beside its lines' revenue": {
        "metric_names": ["fees", "revenue"],
        "group_by_names": ["customer__country"],  # its name for fees; for revenue it is `order__customer__country`
    },
}


class Client:
    """What the engine wants to know of a database that it does not call."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        return f"${bind_parameter_key}"

    def close(self) -> None:
        return None


def engine(models: str) -> MetricFlowEngine:
    """The engine over models written as YAML."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models.yaml").write_text(models, encoding="utf-8")
        read = parse_directory_of_yaml_files_to_semantic_manifest(folder)
    return MetricFlowEngine(SemanticManifestLookup(read.semantic_manifest), Client())


def written(made: MetricFlowEngine, **asked: object) -> str:
    """The SQL of one question, in the order of its groups as the others give it."""
    request = MetricFlowQueryRequest.create(**asked, order_by_names=asked["group_by_names"])
    return made.explain(request).sql_statement.sql


def compile_ms() -> float:
    """The median time of questions that are new, in a catalog of 200 metrics."""
    made = engine(MODELS + "".join(map(FILTERED.format, range(200))))
    taken = []
    for number in range(30):
        begun = time.process_time()
        written(
            made,
            metric_names=[f"m{number}", f"m{number + 1}"],
            group_by_names=[COUNTRY],
            where_constraints=[f"{CHANNEL} = 'web {number}'"],
        )
        taken.append((time.process_time() - begun) * 1000)
    return statistics.median(taken[1:])


def main() -> None:
    """Prints what it writes, and what it refuses."""
    logging.disable(logging.CRITICAL)
    whole = engine(MODELS + "".join(map(NAMED.format, ("revenue", "orders", "fees", "visits"))))
    sql, refused = {}, {}
    for name, asked in ASKED.items():
        try:
            sql[name] = written(whole, **asked)
        except InvalidQueryException as error:
            refused[name] = " ".join(str(error).split("Message:")[-1].split())
    print(json.dumps({"sql": sql, "refused": refused, "compile_ms": compile_ms()}))


if __name__ == "__main__":
    main()
