"""One window of the browser, and all that went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WIDE = {"width": 1180, "height": 900}
NARROW = {"width": 380, "height": 800}


class Visit:
    """A page, what went wrong in it, and every address that it asked.

    Args:
        page: Playwright's page.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("requestfailed", self._failed)
        page.on("response", lambda answer: self._came(answer.status, answer.url))
        page.on("request", lambda request: self.asked.append(request.url))

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # what was under way when the page was left
            self.wrong.append(f"failed: {request.url}")

    def _came(self, status: int, address: str) -> None:
        if status >= 400:
            self.wrong.append(f"{status}: {address}")

    def refused(self, path: str, status: int) -> None:
        """Opens what is refused, of which Chromium writes into the console; nothing else may go wrong.

        Args:
            path: The whole address.
            status: What it must be refused with.
        """
        answer = self.page.goto(path)
        assert answer.status == status
        self.expect_refusal(status)

    def expect_refusal(self, status: int) -> None:
        """That the page which is shown was refused, and that this is all that went wrong."""
        kinds = sorted(one.partition(":")[0] for one in self.wrong)
        assert kinds == [str(status), "Failed to load resource"], self.wrong
        self.wrong.clear()


@contextmanager
def visiting(chromium: Any, **look: Any) -> Iterator[Visit]:
    """A window without a past, in which nothing may go wrong.

    Args:
        chromium: The browser.
        **look: As `browser.new_context` takes them.
    """
    context = chromium.new_context(**{"viewport": WIDE, **look})
    try:
        visit = Visit(context.new_page())
        yield visit
        assert not visit.wrong, visit.wrong
    finally:
        context.close()
