"""What was registered keeps its digest in later versions: else every registered study would seem edited.

The digests are those that version 0.2.0 gave. A new field of a definition is marked `LATER` (`steelyard.canonical`).
"""

from __future__ import annotations

from datetime import date

from steelyard.studies.experiments import (
    Assignment,
    Covariate,
    Effect,
    Experiment,
    Exposure,
    Looks,
    Mean,
    MetricUse,
    Ratio,
    Share,
    Stopping,
)

GOVERNED = Experiment(
    name="one_page",
    question="Does one page sell more?",
    unit="customer",
    arms={"control": 0.5, "one_page": 0.5},
    exposure=Exposure(event="checkout_started"),
    between=(date(2026, 3, 1), date(2026, 3, 28)),
    primary=MetricUse(
        metric="revenue", window="7 days", covariate=Covariate(before="28 days"), min_effect=Effect(relative=0.005)
    ),
    secondary=(Share("converted"),),
    guardrails=(MetricUse(metric="refund_rate", margin=Effect(absolute=0.002)),),
    segments=("country",),
    looks=Looks(planned=4, units=10000),
    stopping=Stopping(success="obrien_fleming", harm="always_valid"),
)
OF_A_TABLE = Experiment(
    name="trial",
    question="Does it help?",
    unit="id",
    table="trial",
    arms={"a": 0.5, "b": 0.5},
    assignment=Assignment(arm="arm"),
    primary=(Mean("spend", covariate="before", winsorise=0.99), Ratio("orders", "sessions")),
    correction="holm",
)


def test_definitions_of_0_2_0_have_the_digests_of_0_2_0() -> None:
    assert GOVERNED.digest() == "c31ecb2e9d84e27985c074d8f2b1f557f9d2342e8a7db5697e22b070f970c6ff"
    assert OF_A_TABLE.digest() == "0446a9b6b9023b05a1c3bfa6f88b755d2bf43acda83125b636e0958d79ab4ffc"
