"""Freezes a study's definition in the ledger, before its data is read."""

from __future__ import annotations

from steelyard.document import Paragraph
from steelyard.project import Project
from steelyard.web.acts.act import Act, Beforehand, Said, state_of, study_address

__all__ = ["REGISTER"]


def _before(project: Project, name: str) -> Beforehand:
    study = project.study(name)
    known = any(
        entry.body["digest"] == study.digest() for entry in project.ledger.entries(kind="registration", name=name)
    )
    return Beforehand(
        blocks=[Paragraph(study.question)],
        will=f"The definition of {name}, as its file says it now, is kept in the ledger for good, with its rule.",
        state=state_of(study.digest(), known),
        why_not="this very definition is registered already" if known else "",
        inputs=(),
    )


def _do(project: Project, name: str, said: Said) -> str:
    project.plan(name, register=True)
    return study_address(name)


REGISTER = Act(
    name="register", label="Register", right="study", before=_before, check=lambda *_: None, do=_do, alone=False
)
