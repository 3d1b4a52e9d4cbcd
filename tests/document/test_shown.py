"""Every answer has the same media, and a notebook gets the colours with it."""

from __future__ import annotations

import pytest

from steelyard.document import Paragraph, Shown, stylesheet
from steelyard.metrics import MetricTable
from steelyard.metrics.explanation import Explanation
from steelyard.metrics.product import ProductTable
from steelyard.metrics.watching.watch_report import WatchReport
from steelyard.result import Result


class Said(Shown):
    def blocks(self) -> list[Paragraph]:
        return [Paragraph("a < b")]


def test_one_answer_in_every_medium() -> None:
    assert str(Said()) == Said().to_text() == "a < b\n"
    assert Said().to_markdown() == "a \\< b\n"
    assert Said()._repr_html_().startswith(f"<style>{stylesheet()}</style>")
    assert "a &lt; b" in Said()._repr_html_()


@pytest.mark.parametrize("kind", [MetricTable, ProductTable, Explanation, WatchReport, Result])
def test_every_answer_is_shown_alike(kind: type) -> None:
    assert issubclass(kind, Shown)
    assert not {"to_text", "to_markdown", "_repr_html_", "__str__"} & set(vars(kind))
