"""Runs a study now, and keeps its result."""

from __future__ import annotations

from steelyard.document import Callout, Facts, Paragraph
from steelyard.project import Project
from steelyard.web.acts.act import Act, Beforehand, Said, latest_result, state_of
from steelyard.web.page import address

__all__ = ["RUN"]


def _before(project: Project, name: str) -> Beforehand:
    study, latest = project.study(name), latest_result(project, name)
    registered = any(
        entry.body["digest"] == study.digest() for entry in project.ledger.entries(kind="registration", name=name)
    )
    facts = [
        ("kind", study.kind.replace("_", " ")),
        ("reads", f"catalog version {project.newest}" if project.newest is not None else "the tables as they are"),
        ("last run", f"{latest.at[:16].replace('T', ' ')} UTC" if latest else "never"),
    ]
    exploratory = Callout("warning", "Not registered", "Its rule is not fixed beforehand: the result is exploratory.")
    return Beforehand(
        blocks=[Paragraph(study.question), Facts(facts), *([] if registered else [exploratory])],
        will=f"The data of {name} is read, and its result is kept in the ledger for good. That may take a while.",
        state=state_of(study.digest(), project.newest, latest.digest if latest else ""),
        inputs=(),
    )


def _do(project: Project, name: str, said: Said) -> str:
    _, entry = project.run_and_keep(name)
    return address("results", entry.digest)


RUN = Act(name="run", label="Run now", right="study", before=_before, check=lambda *_: None, do=_do, alone=False)
