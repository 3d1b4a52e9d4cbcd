"""An act of a person: what it shows beforehand, what it asks, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.canonical import digest
from steelyard.document import Block
from steelyard.errors import DefinitionError, unknown_name
from steelyard.project import Project
from steelyard.web.access.rights import Right
from steelyard.web.page import Input, address

if TYPE_CHECKING:
    from steelyard.warehouse import Entry

__all__ = ["WHO_AND_WHY", "Act", "Beforehand", "Said", "latest_result", "state_of", "study_address", "why_needed"]

WHO = Input(name="who", label="Who", required=True)
WHY = Input(name="why", label="Why", kind="textarea", required=True, hint="A year later this is what is asked.")
WHO_AND_WHY = (WHO, WHY)


@dataclass(frozen=True, kw_only=True)
class Beforehand:
    """What is shown before an act.

    Args:
        blocks: Where things stand.
        will: What will happen, in a sentence.
        state: Stands for all that the person sees; where it is another when they send the form, nothing is done.
        why_not: Why it cannot be done now; empty where it can.
        inputs: What is asked; `who` is left out where that is known.
    """

    blocks: Sequence[Block]
    will: str
    state: str
    why_not: str = ""
    inputs: Sequence[Input] = WHO_AND_WHY


class Said:
    """What a person filled in.

    Args:
        given: Field -> text.
        where: The act, for errors.
    """

    def __init__(self, given: Mapping[str, str], where: str) -> None:
        self._given, self._where = given, where

    def text(self, name: str) -> str:
        """A field; empty where it was left out."""
        return self._given.get(name, "")

    def needed(self, name: str) -> str:
        """A field that must be filled in.

        Raises:
            DefinitionError: It is not.
        """
        if not self.text(name):
            raise DefinitionError(f"the form does not say {name!r}", where=self._where, hint="fill it in")
        return self.text(name)

    def lines(self, name: str) -> tuple[str, ...]:
        """A field's lines that are not empty."""
        return tuple(line.strip() for line in self.text(name).split("\n") if line.strip())

    def one_of(self, name: str, known: Sequence[str]) -> str:
        """A field that must be one of these.

        Raises:
            DefinitionError: It is another.
        """
        value = self.needed(name)
        if value not in known:
            raise unknown_name(name, value, known, where=self._where)
        return value


@dataclass(frozen=True, kw_only=True)
class Act:
    """An act on a study.

    Args:
        name: The last part of its address.
        label: What its button says.
        right: What a role must be able to do.
        before: What is shown beforehand, of a study's name.
        check: Refuses what cannot be, before anything is done.
        do: Does it, and gives the address that shows what came of it.
        alone: Whether one is done at a time; what takes long is not.
    """

    name: str
    label: str
    right: Right
    before: Callable[[Project, str], Beforehand]
    check: Callable[[Project, str, Said], object]
    do: Callable[[Project, str, Said], str]
    alone: bool = True


def study_address(name: str) -> str:
    """Where a study is shown."""
    return address("studies", name)


def latest_result(project: Project, name: str) -> Entry | None:
    """The study's latest kept result."""
    return project.ledger.latest("result", name)


def state_of(*parts: object) -> str:
    """One word for all that a form shows."""
    return digest([str(part) for part in parts])[:32]


def why_needed(project: Project, name: str, said: Said) -> None:
    """The check of an act that asks for nothing but who and why."""
    said.needed("why")
