"""What an experiment may say, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from datetime import date
from typing import Any

import pytest

from steelyard.definition_file import build, read_definition
from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.project.kinds import study_from
from steelyard.studies.experiments import (
    Assignment,
    Covariate,
    Effect,
    Experiment,
    Exposure,
    Holdout,
    Looks,
    Mean,
    MetricUse,
    Prior,
    Ratio,
    Share,
    Stage,
    Stopping,
)

HALVES = {"control": 0.5, "one_page": 0.5}


def experiment(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "one_page",
        "question": "Does one page sell more?",
        "arms": HALVES,
        "primary": "revenue",
    }
    return Experiment(**{**words, **changes})


YAML = """
kind: experiment
question: Does a one-page checkout raise revenue per visitor?
unit: customer
arms: {control: 0.5, one_page: 0.5}
ramp: [0.05, 0.10, 0.20, 1.0]
assignment: steelyard
exposure: {event: checkout_started}
primary: {metric: revenue, window: 7 days, covariate: {metric: revenue, before: 28 days},
  min_effect: {relative: 0.005}, expected_effect: {relative: 0.02}}
guardrails: [{metric: refund_rate, margin: {absolute: 0.002}}]
segments: [device, country]
between: [2026-01-01, 2026-01-31]
"""


def from_yaml(text: str) -> Experiment:
    definition = read_definition("studies/one_page_checkout.yml", text=text)
    study = study_from({**definition.data, "name": "one_page_checkout"}, definition)
    assert isinstance(study, Experiment)
    return study


def test_the_words_of_a_file_become_the_study() -> None:
    study = from_yaml(YAML)
    assert study.main.covariates == (Covariate(metric="revenue", before="28 days"),)
    assert study.main.min_effect == Effect(relative=0.005)
    assert study.guardrail_uses[0].margin == Effect(absolute=0.002)
    assert study.exposure == Exposure(event="checkout_started")
    assert study.between == (date(2026, 1, 1), date(2026, 1, 31))
    assert study.governed() == ("revenue", "refund_rate")


def test_a_file_says_how_noise_is_taken_out_and_errors_are_shared() -> None:
    text = YAML.replace(
        "covariate: {metric: revenue, before: 28 days}",
        """adjustment: lin, relative_method: fieller,
  prior: {std_dev: 0.1}, covariate: [{before: 28 days}, {metric: sessions, before: 7 days}]""",
    )
    study = from_yaml(text + "strata: [plan]\nfalse_discovery: by\n")
    assert study.main.covariates == (Covariate(before="28 days"), Covariate(metric="sessions", before="7 days"))
    assert (study.main.adjustment, study.main.relative_method) == ("lin", "fieller")
    assert study.main.prior == Prior(std_dev=0.1)
    assert (study.strata, study.false_discovery, study.cut_by) == (("plan",), "by", ("device", "country", "plan"))
    assert study.governed() == ("revenue", "refund_rate", "sessions")
    stored = {name: value for name, value in study.definition().items() if name != "kind"}
    assert build(Experiment, stored).digest() == study.digest()


def test_a_stored_definition_is_the_same_study() -> None:
    study = from_yaml(YAML)
    stored = {name: value for name, value in study.definition().items() if name != "kind"}
    assert build(Experiment, stored).digest() == study.digest()


def test_the_order_of_the_arms_changes_nothing_once_the_control_is_named() -> None:
    there = experiment(arms={"control": 0.5, "a": 0.2, "b": 0.3})
    back = experiment(arms={"b": 0.3, "a": 0.2, "control": 0.5})
    assert there.digest() == back.digest()
    assert there.treated == back.treated == ("a", "b")


def test_the_control_is_written_into_the_definition() -> None:
    assert experiment(arms={"old": 0.5, "new": 0.5}).definition()["control"] == "old"


def test_a_bare_name_is_a_metric() -> None:
    assert experiment(primary="revenue").digest() == experiment(primary=MetricUse(metric="revenue")).digest()


def test_a_lone_metric_or_column_is_one_of_several_and_not_its_letters() -> None:
    alone: dict[str, Any] = {
        "secondary": "orders",
        "guardrails": MetricUse(metric="errors", margin=Effect(absolute=0.1)),
        "segments": "country",
        "strata": "day",
    }
    several = {name: (value,) for name, value in alone.items()}
    assert experiment(**alone).digest() == experiment(**several).digest()


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        experiment().level = 0.9  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"arms": {"control": 0.5, "b": 0.4}}, "add up to 0.9"),
        ({"arms": {"control": 1.0}}, "compare nothing"),
        ({"arms": {}}, "compare nothing"),
        ({"arms": {"control": 1.0, "b": 0.0}}, "not all above 0"),
        ({"arms": {"control": 1.5, "b": -0.5}}, "not all above 0"),
        ({"arms": {"control": float("nan"), "b": 0.5}}, "not all above 0"),
        ({"level": 95}, "level of 95"),
        ({"power": 0.2}, "power of 0.2"),
        ({"ramp": (0.5, 0.2)}, "does not rise"),
        ({"ramp": (0.0, 1.0)}, "does not rise"),
        (
            {"ramp": (0.5, Stage(share=0.6, arms={"control": 0.9, "one_page": 0.1}))},
            "'one_page' would shrink from 0.25 to 0.06",
        ),
        ({"between": (date(2026, 2, 1), date(2026, 1, 1))}, "no day"),
        ({"secondary": ("revenue",)}, "used twice"),
        ({"guardrails": ("latency",)}, "has no margin"),
        ({"primary": Mean("revenue", margin=Effect(relative=0.1))}, "no guardrail"),
        ({"arms": ["control", "one_page"]}, "have no shares"),
        ({"name": "One Page"}, "cannot be named"),
        ({"question": " "}, "asks nothing"),
    ],
)
def test_what_cannot_be_is_refused_with_its_value(changes: Mapping[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says) as refused:
        experiment(**changes)
    assert refused.value.hint or refused.value.where


def test_a_control_that_is_no_arm_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as refused:
        experiment(control="controll")
    assert "control" in refused.value.hint


def test_an_assignment_that_nobody_makes_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="growthbook"):
        experiment(assignment="growthbook")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"layer": "checkout", "assignment": Assignment()}, "layer 'checkout', and another system assigned"),
        ({"holdout": Holdout(everywhere=0.1), "assignment": Assignment()}, "a holdout, and another system"),
        ({"holdout": Holdout(layer=0.1)}, "names no layer"),
        (
            {"cluster": "store", "primary": Share("refunded", prior=Prior(alpha=1, beta=1))},
            "cluster 'store' and a beta prior of 'refunded'",
        ),
        ({"looks": "daily"}, "daily looks: more than one look needs a stopping rule"),
        ({"looks": 5, "stopping": "fixed"}, "5 looks: more than one look needs a stopping rule"),
        ({"stopping": "obrien_fleming"}, "'obrien_fleming'.*with one look"),
        ({"stopping": Stopping(success="obrien_fleming", harm="always_valid")}, "with one look"),
    ],
)
def test_what_is_not_offered_yet_is_refused_and_never_ignored(changes: Mapping[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says) as refused:
        experiment(**changes)
    assert "leave" in refused.value.hint


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"success": "obrian_fleming"}, "obrien_fleming"),
        ({"harm": "wald"}, "no stopping rule named 'wald'"),
        ({"success": "kim_demets"}, "need a shape"),
        ({"success": "kim_demets", "shape": -1.0}, "shape -1.0"),
        ({"success": "pocock", "shape": 2.0}, "have no shape"),
    ],
)
def test_a_stopping_rule_that_cannot_be_is_refused(words: Mapping[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        Stopping(**words)


@pytest.mark.parametrize(
    ("looks", "says"),
    [("hourly", "hourly"), (1, "1 planned looks"), (Looks(units=100), ""), ("daly", "daily")],
)
def test_looks_are_a_rhythm_a_number_or_both(looks: Any, says: str) -> None:
    if not says:
        assert experiment(looks=looks, stopping="pocock").schedule == looks
        return
    with pytest.raises(DefinitionError, match=says):
        experiment(looks=looks, stopping="pocock")


def test_the_looks_and_rules_of_a_file_become_the_study() -> None:
    study = from_yaml(YAML + "looks: daily\nstopping: {success: obrien_fleming, harm: always_valid}\n")
    assert study.schedule == Looks(every="daily")
    assert study.stopping == Stopping(success="obrien_fleming", harm="always_valid")
    several = from_yaml(
        YAML + "looks: {planned: 5, units: 40000, until: 2026-02-15}\nstopping: {success: kim_demets, shape: 2}\n"
    )
    assert several.schedule == Looks(planned=5, units=40_000, until=date(2026, 2, 15))
    stored = {name: value for name, value in several.definition().items() if name != "kind"}
    assert build(Experiment, stored).digest() == several.digest()
    assert from_yaml(YAML + "looks: 4\nstopping: pocock\n").schedule == Looks(planned=4)


def test_a_stage_has_the_study_s_split_or_its_own_and_a_ramp_that_is_not_written_the_default_one() -> None:
    own = {"control": 0.9, "one_page": 0.1}
    stages = experiment(ramp=(Stage(share=0.1, arms=own), 1.0)).stages
    assert [(stage.share, dict(stage.arms)) for stage in stages] == [(0.1, own), (1.0, HALVES)]
    assert [stage.share for stage in experiment().stages] == [0.05, 0.10, 0.20, 1.0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"arms": {"control": 0.5, "one_page": 0.4}}, "add up to 0.9"),
        ({"arms": {"control": 1.5, "one_page": -0.5}}, "not all 0 or more"),
        ({"arms": {"control": 0.5, "two_page": 0.5}}, "two_page"),
    ],
)
def test_a_stage_s_split_that_cannot_be_is_refused(words: Mapping[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        experiment(ramp=(Stage(share=0.1, **words), 1.0))


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_holdout_leaves_somebody(share: float) -> None:
    with pytest.raises(DefinitionError, match="a holdout of"):
        Holdout(everywhere=share)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"kind": "median"}, "median"),
        ({"better": "left"}, "left"),
        ({"numerator": "orders"}, "needs both"),
        ({"denominator": "sessions", "numerator": "orders", "kind": "mean"}, "with a denominator"),
        ({"window": "1 month"}, "not a length of time"),
        ({"min_effect": Effect(relative=-0.1)}, "below zero"),
        ({"min_effect": 0.01}, "min_effect 0.01 says no scale"),
        ({"margin": 0.02}, "margin 0.02 says no scale"),
        ({"margin": Effect(absolute=0.0)}, "margin of 0.0"),
        ({"expected_effect": Effect(absolute=0.0)}, "plans nothing"),
    ],
)
def test_a_metric_that_cannot_be_is_refused(words: Mapping[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        MetricUse(metric="revenue", **words)


@pytest.mark.parametrize("both", [{}, {"relative": 0.1, "absolute": 1.0}, {"relative": float("inf")}])
def test_an_effect_has_exactly_one_finite_size(both: Mapping[str, float]) -> None:
    with pytest.raises(DefinitionError, match="effect of"):
        Effect(**both)


def test_the_short_forms_say_their_kind() -> None:
    assert (Mean("a").kind, Share("a").kind, Ratio("a", "b").kind) == ("mean", "share", "ratio")
    assert Mean("a", covariate="before").covariates == (Covariate(metric="before"),)


def test_an_unknown_key_in_a_file_is_placed() -> None:
    with pytest.raises(UnknownNameError) as refused:
        from_yaml(YAML.replace("segments:", "segmants:"))
    assert "one_page_checkout.yml" in refused.value.where
    assert "segments" in refused.value.hint


def test_a_wrong_nested_value_is_placed() -> None:
    with pytest.raises(DefinitionError) as refused:
        from_yaml(YAML.replace("{relative: 0.005}", "{relative: 0.005, absolute: 1}"))
    assert "one_page_checkout.yml" in refused.value.where


def test_assignments_elsewhere_are_words_too() -> None:
    study = from_yaml(YAML.replace("assignment: steelyard", "assignment: {table: flags, arm: variant, at: seen_at}"))
    assert study.assignment == Assignment(table="flags", arm="variant", at="seen_at")
