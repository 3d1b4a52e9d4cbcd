"""The laws that every kind of study obeys; a plug-in's tests call `laws` on its own studies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steelyard.result import ESTIMATE_COLUMNS, Check, Result, judged
from steelyard.studies.replay import replay
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import plan, run, run_and_keep
from steelyard.studies.setting import Setting
from steelyard.studies.study import Study
from steelyard.warehouse import Ledger, connect

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from steelyard.metrics import MetricCatalog

__all__ = ["LAWS", "Case", "laws"]

AS_OF = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One study on small data, for the laws to be tried on.

    Args:
        study: The study.
        tables: What it reads, by name.
        metrics: The governed definitions that it names; None when it names none.
        build: Makes a study of a stored definition.
        bounded: Whether the method promises `low <= value <= high`.
        zone: IANA zone in which days are counted.
    """

    study: Study
    tables: Mapping[str, pa.Table]
    build: Callable[[Mapping[str, Any]], Study]
    metrics: MetricCatalog | None = None
    bounded: bool = True
    zone: str = "UTC"

    def setting(self, tables: Mapping[str, pa.Table] | None = None, ledger: Ledger | None = None) -> Setting:
        """The case's data as a study's setting."""
        return Setting(warehouse=connect(tables or self.tables), metrics=self.metrics, ledger=ledger, zone=self.zone)


def it_is_frozen(case: Case) -> None:
    """A study cannot be changed, and its digest is a function of its definition alone."""
    for item in dataclasses.fields(case.study):
        try:
            setattr(case.study, item.name, None)
        except dataclasses.FrozenInstanceError:
            continue
        raise AssertionError(f"{item.name} can be changed")
    assert case.build(case.study.definition()).digest() == case.study.digest(), "the definition does not come back"


def it_plans_without_outcomes(case: Case) -> None:
    """A plan names SQL and a rule, and is the same whatever the outcomes are: emptied tables give the same plan."""
    emptied = {name: table.slice(0, 0) for name, table in case.tables.items()}
    full = plan(case.study, case.setting(), as_of=AS_OF)
    empty = plan(case.study, case.setting(emptied), as_of=AS_OF)
    assert full.rule, "the plan has no rule"
    assert full.queries, "the plan shows no SQL"
    assert full.rule == empty.rule, "the rule depends on the data"


def same_data_same_numbers(case: Case) -> None:
    """Two runs on the same data give equal estimates, checks and verdicts."""
    assert_same(_run(case), _run(case))


def row_order_does_not_matter(case: Case) -> None:
    """Shuffled rows give the same numbers, doubles within the stated tolerance."""
    import numpy as np

    random = np.random.default_rng(7)
    shuffled = {name: _shuffled(table, random) for name, table in case.tables.items()}
    assert_same(_run(case), run(case.study, case.setting(shuffled), as_of=AS_OF))


def _shuffled(table: pa.Table, random: np.random.Generator) -> pa.Table:
    return table.take(random.permutation(table.num_rows))


def it_survives_storage(case: Case) -> None:
    """A result written to plain values and read back is the same result."""
    result = _run(case)
    again = Result.from_dict(result.to_dict())
    assert again.to_dict() == result.to_dict(), "the result changes when it is stored"
    assert again.digest() == result.digest()


def a_failed_blocking_check_makes_it_invalid(case: Case) -> None:
    """Whatever the numbers say, a blocking check that failed or did not run makes the answer invalid."""
    verdict = _run(case).verdict
    for status in ("failed", "not_run"):
        broken = Check(name="law", status=status, severity="blocking", says="It did not hold.")
        assert judged(verdict, (broken,)).answer == "invalid"
    doubtful = Check(name="law", status="failed", severity="doubt", says="It is doubtful.")
    assert judged(verdict, (doubtful,)).answer in ("unclear", "invalid")


def its_checks_decide_its_answer(case: Case) -> None:
    """The answer agrees with the result's own checks."""
    result = _run(case)
    if any(check.stops for check in result.checks):
        assert result.verdict.answer == "invalid"
    elif any(check.doubts for check in result.checks):
        assert result.verdict.answer in ("unclear", "invalid")


def its_provenance_is_complete(case: Case) -> None:
    """Every query is there with its text, its tables, and the address of what came back; replay says same."""
    with Ledger.in_memory() as ledger:
        result, entry = run_and_keep(case.study, case.setting(ledger=ledger), as_of=AS_OF)
        assert entry is not None
        provenance = result.provenance
        assert provenance.digest == case.study.digest()
        assert provenance.reads, "it read nothing"
        for read in provenance.reads:
            assert read.sql
            assert read.sent
            assert read.tables, f"{read.name} names no table"
            assert ledger.kept(read.kept), "a fetch was not kept"
        outcome = replay(entry, ledger, build=case.build, reopen=lambda _: case.setting().warehouse, now=case.study)
        assert outcome.same, outcome.says


def every_medium_shows_it(case: Case) -> None:
    """Text, Markdown, HTML and the notebook show the question and the verdict's words."""
    result = _run(case)
    for shown in (result.to_text(width=400), result.to_markdown()):
        assert result.verdict.answer.lower() in shown.lower()
    assert "<h" in result.to_html()
    assert "<script" not in result.to_html()
    assert result._repr_html_()


def its_rows_can_be_read_alone(case: Case) -> None:
    """Each estimate names what it is, on how many, in what unit, and is inside its own interval."""
    result = _run(case)
    assert result.estimates
    assert tuple(result.to_arrow().column_names) == ESTIMATE_COLUMNS
    for row in result.estimates:
        assert row.metric
        assert 0 < row.level < 1
        assert row.n >= 0
        if case.bounded and row.value is not None:
            assert row.low is None or row.low <= row.value, row
            assert row.high is None or row.value <= row.high, row


LAWS: tuple[Callable[[Case], None], ...] = (
    it_is_frozen,
    it_plans_without_outcomes,
    same_data_same_numbers,
    row_order_does_not_matter,
    it_survives_storage,
    a_failed_blocking_check_makes_it_invalid,
    its_checks_decide_its_answer,
    its_provenance_is_complete,
    every_medium_shows_it,
    its_rows_can_be_read_alone,
)


def laws(case: Case) -> None:
    """Tries every law on the case.

    Raises:
        AssertionError: A law is broken; the message says which.
    """
    for law in LAWS:
        try:
            law(case)
        except AssertionError as broken:
            raise AssertionError(f"{law.__name__}: {broken}") from broken


def assert_same(one: Result, other: Result) -> None:
    """Two results agree in estimates, checks and verdict, doubles within the stated tolerance.

    Raises:
        AssertionError: They do not.
    """
    moved = list(numbers_moved(one, other))
    assert not moved, "; ".join(moved[:3])


def _run(case: Case) -> Result:
    return run(case.study, case.setting(), as_of=AS_OF)
