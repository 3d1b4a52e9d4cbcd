"""Review gates: what a decision lacks, marked on it for good."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.decisions.decision import Decision
from steelyard.document import number_of
from steelyard.result import Check, Result

__all__ = ["gates"]


def gates(decision: Decision, results: Sequence[Result]) -> tuple[Check, ...]:
    """What a reviewer would ask of the decision; a gate that fails marks the decision and forbids nothing.

    People may decide against the verdict: the record then says that they did.

    Args:
        decision: What was chosen.
        results: The results that it cites.

    Returns:
        One check a gate, all of severity `note`.
    """
    found = [_cites_a_result(results)]
    if decision.choice == "ship":
        found += [_primary(results), _guardrails(results), _rule_beforehand(results)]
    found += [_valid(results), _agrees(decision, results), _expected(decision), _follow_up(decision)]
    return tuple(found)


def _gate(name: str, holds: bool | None, yes: str, no: str) -> Check:
    status = "not_run" if holds is None else "passed" if holds else "failed"
    return Check(name=name, status=status, severity="note", says=yes if holds else no)  # type: ignore[arg-type]


def _cites_a_result(results: Sequence[Result]) -> Check:
    cited = f"It cites {number_of(len(results), 'result')}."
    return _gate("cites_a_result", bool(results), cited, "It cites no result.")


def _primary(results: Sequence[Result]) -> Check:
    holds = any(row.role == "primary" and row.value is not None for result in results for row in result.estimates)
    return _gate("has_a_primary_metric", holds, "A primary metric was measured.", "No primary metric was measured.")


def _guardrails(results: Sequence[Result]) -> Check:
    holds = any(row.role == "guardrail" and row.value is not None for result in results for row in result.estimates)
    return _gate("has_guardrails", holds, "Guardrails were measured.", "Launched without any guardrail.")


def _rule_beforehand(results: Sequence[Result]) -> Check:
    holds = bool(results) and all(result.provenance.standing == "registered" for result in results)
    return _gate(
        "rule_fixed_beforehand",
        holds,
        "Every cited study was registered before its data was read.",
        "A rule was not fixed beforehand: an exploratory result is cited.",
    )


def _valid(results: Sequence[Result]) -> Check:
    bad = [result.name for result in results if result.verdict.answer == "invalid"]
    return _gate(
        "evidence_is_valid",
        None if not results else not bad,
        "No cited verdict is invalid.",
        f"Cites an invalid verdict: {', '.join(bad)}." if bad else "There is no verdict to look at.",
    )


def _agrees(decision: Decision, results: Sequence[Result]) -> Check:
    actions = {result.verdict.action for result in results if result.verdict.action != "none"}
    answers = {result.verdict.answer for result in results}
    if not actions and decision.choice == "ship" and answers:
        says = f"The verdict's answer is {', '.join(sorted(answers))}; people chose ship."
        return _gate("agrees_with_the_verdict", answers == {"yes"}, says, says)
    agrees = None if not actions else actions == {decision.choice}
    verdicts = ", ".join(sorted(actions)) or "none"
    return _gate(
        "agrees_with_the_verdict",
        agrees,
        f"The verdict's action is {verdicts}, and so is the choice.",
        f"The verdict's action is {verdicts}; people chose {decision.choice}.",
    )


def _expected(decision: Decision) -> Check:
    holds = bool(decision.expected_effect.strip())
    return _gate("says_what_to_expect", holds, "It says what to expect.", "It does not say what effect is expected.")


def _follow_up(decision: Decision) -> Check:
    holds = bool(decision.follow_ups)
    return _gate("has_a_follow_up", holds, "Somebody looks again on a date.", "Nobody is to look again.")
