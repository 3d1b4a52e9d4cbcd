"""The covariates' coefficients, where one number a comparison does not tell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steelyard.studies.experiments.metric_use import Covariate, MetricUse

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.estimation import Line

__all__ = ["coefficients_table"]


def coefficients_table(lines: Sequence[Line], control: str) -> dict[str, pa.Table]:
    """Each covariate's coefficient in both arms; nothing where each metric has one covariate and one coefficient."""
    import pyarrow as pa

    rows = [
        {
            "metric": line.use.metric,
            "contrast": f"{line.arm} - {control}",
            "covariate": _named(line.use, covariate),
            "treated": treated,
            "control": other,
        }
        for line in lines
        if line.segment == "all" and (len(line.found.thetas) > 1 or line.use.adjustment == "lin")
        for covariate, treated, other in zip(
            line.use.covariates, line.found.thetas, line.found.control_thetas, strict=bool(line.found.thetas)
        )
    ]
    return {"coefficients": pa.Table.from_pylist(rows)} if rows else {}


def _named(use: MetricUse, covariate: Covariate) -> str:
    name = covariate.metric or use.metric
    if covariate.denominator:
        name = f"{covariate.numerator} / {covariate.denominator}"
    return f"{name}, {covariate.before} before" if covariate.before else name
