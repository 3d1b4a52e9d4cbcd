"""A small project with everything that a page can show: loaded and built tables, tests that fail, metrics, a study,
decisions, a quarantine. Its rows are arithmetic, so that every number of it can be computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from steelyard.decisions import FollowUp
from steelyard.project import Project, open_project

FIRST = date(2026, 1, 1)
DAYS = 88  # 2026-01-01 to 2026-03-29, which is a Sunday: the last week is whole

FILES = {
    "steelyard.toml": (
        'name = "Corner shop"\nzone = "Europe/Berlin"\ncurrency = "USD"\n'
        'sensitive = ["email"]\nguardrails = ["refunds"]\n'
    ),
    "sources/shop.yml": """sources:
  raw_orders:
    kind: files
    path: data/orders.csv
    columns: {order_id: BIGINT, customer_id: BIGINT, ordered_on: DATE, channel: VARCHAR, device: VARCHAR,
      email: VARCHAR, amount: "DECIMAL(12, 2)", refunded: "DECIMAL(12, 2)"}
    key: order_id
    owner: data
    description: What the till wrote.
""",
    "tables/orders.sql": """-- key: order_id
-- time: ordered_on
-- grain: one order
-- description: Orders that were paid.
-- owner: data
-- entities: {customer: customer_id}
-- dimensions: [channel, device, email]
-- tests:
--   - accepted_range: {column: amount, low: 0}
--   - accepted_values: {column: channel, values: [web, app, shop]}
SELECT order_id, customer_id, ordered_on, channel, device, email, amount, refunded FROM raw_orders
""",
    "tables/visits.sql": """-- key: visit_id
-- time: visited_on
-- dimensions: [channel, device]
SELECT visit_id, visited_on, channel, device FROM raw_visits
""",
    "tables/daily.sql": """-- key: day
-- description: Orders by day.
-- tests:
--   - row_count: {at_least: 1000}
--     severity: doubt
SELECT ordered_on AS day, count(*) AS orders, sum(amount) AS revenue FROM orders GROUP BY ordered_on
""",
    "metrics/shop.yml": """metrics:
  revenue: {sum: orders.amount, measured_in: USD, better: up, owner: growth, question: What did customers pay us?}
  orders: {count: orders, better: up, question: How often did they order?}
  visits: {count: visits, better: up, question: How often did they look in?}
  conversion: {ratio: {numerator: orders, denominator: visits}, measured_in: fraction, better: up,
    question: How many visits end in an order?}
  average_order: {ratio: {numerator: revenue, denominator: orders}, measured_in: USD, better: up}
  refunds: {sum: orders.refunded, measured_in: USD, better: down, owner: support}
trees:
  revenue: visits * conversion * average_order
alerts:
  orders_low: {metric: orders, below: 9, owner: growth, says: Look at the payments first.}
annotations:
  - {at: 2026-03-02, until: 2026-03-08, kind: outage, says: The till was down}
  - {at: 2026-02-14, kind: holiday, says: "Valentine's Day", metrics: [visits]}
cohorts:
  came_back: {entity: customer, start: {table: orders}, activity: {table: orders}, cohort: month, every: month,
    question: Who orders again?}
""",
    "studies/newsletter.yml": """kind: experiment
question: Does the newsletter raise what customers spend?
unit: customer_id
table: trial
arms: {control: 0.5, newsletter: 0.5}
assignment: {arm: arm}
primary: {metric: spend, min_effect: {relative: 0.01}, expected_effect: {relative: 0.1}}
guardrails: [{metric: visits, margin: {relative: 0.2}}]
""",
    "studies/second_try.yml": """kind: experiment
question: Would a shorter newsletter do as well?
unit: customer_id
table: trial
arms: {control: 0.5, newsletter: 0.5}
assignment: {arm: arm}
primary: {metric: spend}
""",
    "initiatives/letters.yml": "goal: Letters that pay\nowner: growth\nmetric: revenue\nstudies: [newsletter]\n",
    "documents/newsletter/tone.md": "# Tone of the newsletter\n\nShort, and <b>never</b> on a Monday.\n",
}

VISITS = f"""
SELECT i AS visit_id, DATE '2026-01-01' + CAST(i % {DAYS} AS INTEGER) AS visited_on,
  CASE WHEN i % 10 < 6 THEN 'web' WHEN i % 10 < 9 THEN 'app' ELSE 'shop' END AS channel,
  CASE WHEN i % 3 = 0 THEN 'desktop' ELSE 'mobile' END AS device
FROM range(0, {DAYS * 150}) AS made(i)
"""
TRIAL = """
SELECT i AS customer_id, CASE WHEN i % 2 = 0 THEN 'control' ELSE 'newsletter' END AS arm,
  CAST(40 + (i * 7919) % 31 + CASE WHEN i % 2 = 1 THEN 6 ELSE 0 END AS DOUBLE) AS spend,
  CAST((i * 104729) % 9 AS DOUBLE) AS visits
FROM range(0, 4000) AS made(i)
"""


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def order_lines() -> list[str]:
    """A header, one line an order, and three lines whose amount is not a number."""
    lines = ["order_id,customer_id,ordered_on,channel,device,email,amount,refunded"]
    for i in range(DAYS * 12):
        day = i % DAYS
        if day > 60 and i % 11 == 0:
            continue
        channel = "web" if i % 10 < 6 else "app" if i % 10 < 9 else "shop"
        device = "mobile" if i % 3 else "desktop"
        amount = 20 + i % 7 + day / 8
        person = f"{i % 97},{FIRST + timedelta(days=day)},{channel},{device},person{i % 97}@example.org"
        lines.append(f"{i},{person},{amount:.2f},{0 if i % 20 else 5}")
    wrong = [f"{9000 + n},1,2026-03-01,web,mobile,a@example.org,<b>x</b>,0" for n in range(3)]
    return lines + wrong


def fill(project: Project) -> None:
    path = project.folder / "data" / "orders.csv"
    path.parent.mkdir()
    path.write_text("\n".join(order_lines()) + "\n", encoding="utf-8")
    with project.store.transaction("what others load") as change:
        change.create("raw_visits", VISITS)
        change.create("trial", TRIAL)
    project.refresh()


def make_shop(folder: Path) -> Project:
    """The project, refreshed, with a registered study that ran twice, two decisions and a replayable result."""
    write_files(folder)
    project = open_project(folder)
    fill(project)
    project.plan("newsletter", register=True)
    project.run("newsletter")
    project.decide(
        "newsletter",
        choice="ship",
        action="Send it to everybody from Monday on.",
        why="It raises what customers spend, and the guardrail holds.",
        who="Ada",
        reversible=True,
        expected_effect="+11 % spend a customer",
        alternatives=("Wait for another month",),
        dissent=("Grace: the effect may wear off",),
        follow_ups=(FollowUp(on=date(2026, 3, 1), what="Look whether it wore off"),),
    )
    project.run("newsletter")
    project.decide(
        "price_list", question="Do we print the price list again?", choice="stop", action="No.", why="Nobody reads it.",
        who="Grace", reversible=False,
    )  # fmt: skip
    return project
