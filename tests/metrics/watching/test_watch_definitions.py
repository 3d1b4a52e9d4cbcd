"""Alerts, annotations and sinks in YAML: read, and refused with file, line, problem and hint."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from steelyard.errors import DefinitionError
from steelyard.metrics import MetricCatalog, read_metrics
from steelyard.metrics.watching import Alert, Mail, Sink, Webhook

SHOP = """
tables:
  orders: {key: id, time: day, dimensions: [country]}
metrics:
  revenue: {sum: orders.amount, better: up}
"""


def read(tmp_path: Path, text: str) -> MetricCatalog:
    path = tmp_path / "shop.yml"
    path.write_text(SHOP.lstrip() + text, encoding="utf-8")
    return read_metrics([path])


def test_all_sections_are_read(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        """
alerts:
  revenue_low: {metric: revenue, by: country, direction: down, rules: [beyond_3_sigma], baseline: 6 weeks, to: ops}
  late: {fresh: orders, within: 26 hours, severity: critical}
annotations:
  - {at: 2026-05-19, until: 2026-06-07, kind: outage, says: Payment provider down, where: "country = 'DE'"}
sinks:
  ops: {webhook: {url: "https://hooks.example.org/${HOOK_TOKEN}"}}
  mail: {mail: {host: mail.example.org, to: ann@example.org, sender: steelyard@example.org}}
""",
    )
    assert catalog.problems == ()
    alert = catalog.alerts["revenue_low"]
    assert (alert.by, alert.to, alert.weeks) == (("country",), ("ops",), 6)
    assert alert.defined_at.endswith("shop.yml:6") or alert.defined_at.endswith("shop.yml:7")
    (noted,) = catalog.annotations
    assert (noted.at, noted.last, noted.kind) == (date(2026, 5, 19), date(2026, 6, 7), "outage")
    assert {name: sink.kind for name, sink in catalog.sinks.items()} == {"ops": "webhook", "mail": "mail"}


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("alerts: {a: {metric: revenu}}", "'revenu'", "'revenue'"),
        ("alerts: {a: {metric: revenue, by: contry}}", "'contry'", "'country'"),
        ("alerts: {a: {metric: revenue, by: week}}", "no segment", "grain"),
        ("alerts: {a: {metric: revenue, rules: beyond_3_sigm}}", "'beyond_3_sigm'", "'beyond_3_sigma'"),
        ("alerts: {a: {metric: revenue, to: opps}}\nsinks: {ops: {file: a.jsonl}}", "'opps'", "'ops'"),
        ("alerts: {a: {metric: revenue, volume: visit}}", "'visit'", "revenue"),
        ("alerts: {a: {metric: revenue, baselin: 3 weeks}}", "'baselin'", "'baseline'"),
        ("alerts: {a: {metric: revenue, baseline: 3 weeks}}", "'3 weeks'", "4 to 104"),
        ("alerts: {a: {metric: revenue, direction: sideways}}", "sideways", ""),
        ("alerts: {a: {metric: revenue, fdr: 2}}", "fdr 2", "0.01"),
        ("alerts: {a: {metric: revenue, above: 3, below: 5}}", "every value", "lower limit"),
        ("alerts: {a: {metric: revenue, above: 3, rules: beyond_3_sigma}}", "fixed limit", "two alerts"),
        ("alerts: {a: {metric: revenue, where: 'country = (SELECT 1)'}}", "may not stand", ""),
        ("alerts: {a: {fresh: order, within: 3 hours}}", "'order'", "'orders'"),
        ("alerts: {a: {fresh: orders}}", "no age", "26 hours"),
        ("alerts: {a: {fresh: orders, within: soon}}", "'soon'", "26 hours"),
        ("alerts: {a: {fresh: orders, metric: revenue}}", "metric and fresh", ""),
        ("alerts: {a: {severity: note}}", "watches nothing", ""),
        ("alerts: [revenue]", "not a mapping", ""),
        ("annotations: {a: b}", "not a list", "- at:"),
        ("annotations: [{at: 2026-13-01, says: x}]", "at", ""),
        ("annotations: [{at: 2026-01-02, until: 2026-01-01, says: x}]", "before it begins", ""),
        ("annotations: [{at: 2026-01-02}]", "says nothing", ""),
        ("annotations: [{at: 2026-01-02, says: x, metrics: revenu}]", "'revenu'", "'revenue'"),
        ("annotations: [{at: 2026-01-02, says: x, kind: storm}]", "storm", ""),
        ("sinks: {a: {}}", "nothing", "exactly one"),
        ("sinks: {a: {file: x, webhook: {url: 'https://x.example.org'}}}", "webhook and file", "exactly one"),
        ("sinks: {a: {webhook: {url: 'hooks.example.org'}}}", "no address", "https"),
        ("sinks: {a: {webhook: {url: 'ftp://x.example.org'}}}", "no address", "https"),
        ("sinks: {a: {webhook: {url: 'https://ann:pw@x.example.org'}}}", "written out", "environment"),
        ("sinks: {a: {webhook: {url: 'https://x.org', headers: {Authorization: Bearer x}}}}", "written out", "NAME"),
        ("sinks: {a: {mail: {host: m.org, to: [ann], sender: b@m.org}}}", "'ann'", "name@example.org"),
        ("sinks: {a: {mail: {host: m.org, to: [a@m.org], sender: b@m.org, user: b, password: x}}}", "written out", ""),
        ("sinks: {a: {mail: {host: m.org, to: [a@m.org], sender: b@m.org, user: b}}}", "go together", ""),
    ],
)
def test_what_cannot_be_is_refused_with_its_line_and_the_rest_works(
    tmp_path: Path, text: str, problem: str, hint: str
) -> None:
    catalog = read(tmp_path, text)
    assert [problem in error.problem for error in catalog.problems][:1] == [True], catalog.problems
    error = catalog.problems[0]
    assert hint in error.hint
    assert "shop.yml:5" in error.where or "shop.yml:6" in error.where, error.where
    assert "revenue" in catalog.metrics


def test_two_alerts_of_one_name_are_refused_with_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("alerts: {late: {fresh: orders, within: 1 day}}", encoding="utf-8")
    (tmp_path / "b.yml").write_text(SHOP + "alerts: {late: {fresh: orders, within: 2 days}}", encoding="utf-8")
    catalog = read_metrics([tmp_path / "a.yml", tmp_path / "b.yml"])
    (error,) = catalog.problems
    assert "defined already" in error.problem
    assert "a.yml:1" in error.problem
    assert "b.yml" in error.where
    assert catalog.alerts["late"].within == "1 day"


def test_definitions_in_python_are_held_to_the_same(tmp_path: Path) -> None:
    for wrong in (
        lambda: Alert(name="A", metric="revenue"),
        lambda: Alert(name="a", metric="revenue", by=("x", "x")),
        lambda: Alert(name="a", metric="revenue", minimum_volume=-1),
        lambda: Alert(name="a", metric="revenue", within="1 day"),
        lambda: Webhook(url="https://x.example.org", timeout=0),
        lambda: Mail(host="a b", to=("a@b.c",), sender="a@b.c"),
        lambda: Mail(host="m.org", to=("a@b.c\nBcc: d@e.f",), sender="a@b.c"),
        lambda: Sink(name="a"),
    ):
        with pytest.raises(DefinitionError):
            wrong()
