"""What priors and data say together, as blocks: shown beside the rule, and deciding nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.document import Block, Column, Format, Interval, Paragraph, Table, format_value

if TYPE_CHECKING:
    from steelyard.result.result import Result

__all__ = ["belief_blocks"]


def belief_blocks(result: Result) -> list[Block]:
    """The posteriors of a result with stated priors; nothing where it has no table `posteriors`."""
    if "posteriors" not in result.tables:
        return []
    rows = []
    for row in result.tables["posteriors"].to_pylist():
        relative = row["of"].startswith("relative")
        number = Format.percent(2, signed=True) if relative else Format.significant(4, signed=True)
        loss = Format.percent(2) if relative else Format.significant(3)
        interval = format_value(Interval(row["low"], row["high"]), number)
        rows.append(
            (
                row["metric"], row["contrast"], row["of"], format_value(row["mean"], number), interval,
                _chance(row["chance_to_beat_control"]), format_value(row["expected_loss"], loss),
                format_value(row["expected_loss_of_control"], loss), row["prior"],
            )
        )  # fmt: skip
    columns = [
        Column("metric"), Column("contrast"), Column("of"), Column("mean", align="right"),
        Column("interval", align="right"), Column("better", "chance to beat control", align="right"),
        Column("loss", "expected loss if shipped", align="right"),
        Column("kept", "expected loss if not", align="right"), Column("prior"),
    ]  # fmt: skip
    return [Paragraph("What the stated priors and the data say together. It decides nothing."), Table(columns, rows)]


def _chance(value: float | None) -> str | None:
    """A chance in words that never claims to be sure.

    >>> _chance(0.99999), _chance(0.5)
    ('> 99.9%', '50.0%')
    """
    if value is None:
        return None
    return "> 99.9%" if value > 0.999 else "< 0.1%" if value < 0.001 else format_value(value, Format.percent(1))
