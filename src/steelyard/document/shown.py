"""What is shown as blocks in every medium: terminal, Markdown, notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod

from steelyard.document.block import Block
from steelyard.document.html import to_html
from steelyard.document.markdown import to_markdown
from steelyard.document.stylesheet import stylesheet
from steelyard.document.terminal import to_text

__all__ = ["Shown"]


class Shown(ABC):
    """An answer that says what its blocks are, and so has every medium."""

    @abstractmethod
    def blocks(self) -> list[Block]:
        """The answer as blocks, for any medium."""

    def to_text(self, width: int = 100) -> str:
        """The answer as plain text."""
        return to_text(self.blocks(), width=width)

    def to_markdown(self) -> str:
        """The answer as GitHub-flavoured Markdown."""
        return to_markdown(self.blocks())

    def _repr_html_(self) -> str:
        return f"<style>{stylesheet()}</style>{to_html(self.blocks())}"

    def __str__(self) -> str:
        return self.to_text()
