"""Gives everybody the unchanged product again."""

from __future__ import annotations

from steelyard.document import Column, Table
from steelyard.project import Project
from steelyard.web.acts.act import Act, Beforehand, Said, state_of, study_address, why_needed

__all__ = ["ROLLBACK"]


def _before(project: Project, name: str) -> Beforehand:
    acts = project.stage_ledger.rows(name)
    if not acts:
        project.experiment(name)  # a name that is none is not found; the file of what began need not be there
    why_not = "" if acts else "it has not begun"
    if acts and acts[-1]["act"] == "rollback":
        why_not = "it is rolled back already"
    rows = [(row["act"], row["since"][:16], row["who"], row["why"]) for row in acts]
    return Beforehand(
        blocks=[Table([Column("act"), Column("at"), Column("who"), Column("why")], rows)] if rows else [],
        will=f"Everybody is given the unchanged product again, at once. {name} ends for good; what was logged stays.",
        state=state_of([row["entry"] for row in acts]),
        why_not=why_not,
    )


def _do(project: Project, name: str, said: Said) -> str:
    project.rollback(name, who=said.needed("who"), why=said.needed("why"))
    return study_address(name)


ROLLBACK = Act(name="rollback", label="Roll back", right="act", before=_before, check=why_needed, do=_do)
