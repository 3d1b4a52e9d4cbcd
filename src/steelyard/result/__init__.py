"""Estimate, Check, Verdict, Provenance, Result: the one shape of every answer."""

from steelyard.result.check import Check
from steelyard.result.estimate import ESTIMATE_COLUMNS, Estimate
from steelyard.result.provenance import Provenance, Read, TableRead
from steelyard.result.result import Result
from steelyard.result.verdict import Clause, Verdict, judged

__all__ = [
    "ESTIMATE_COLUMNS",
    "Check",
    "Clause",
    "Estimate",
    "Provenance",
    "Read",
    "Result",
    "TableRead",
    "Verdict",
    "judged",
]
