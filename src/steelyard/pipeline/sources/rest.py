"""Rows of a paged REST API: pages followed to the end, failed requests sent again with growing pauses."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from steelyard.errors import DataError, DefinitionError
from steelyard.pipeline.sources.python_rows import scan_rows
from steelyard.pipeline.sources.reads import RestReads
from steelyard.pipeline.sources.row_file import parse_json
from steelyard.pipeline.sources.scan import Found, Setting

if TYPE_CHECKING:
    import urllib3

__all__ = ["open_rest"]

_AGAIN = (429, 500, 502, 503, 504)
_USUAL = {"page": "page", "offset": "offset", "cursor": "cursor"}


def open_rest(setting: Setting) -> Found:
    """Every row that the API gives for the range that is asked.

    Raises:
        DataError: The API keeps failing, answers no JSON, repeats a page, or has no rows where they should be.
    """
    reads = setting.definition.reads
    assert isinstance(reads, RestReads)  # noqa: S101
    label = re.sub(r"[?#].*", "", reads.url)
    pages = _Pages(reads=reads, setting=setting, label=label)
    rows = (row for page in pages.follow() for row in page)
    return Found(
        scans=scan_rows(setting, rows, label=label),
        whole=not (setting.asked.since or setting.asked.until),
    )


def _filled(text: str, where: str) -> str:
    """The text with each `${NAME}` taken from the environment."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            problem = f"the environment variable {found[1]!r} is not set"
            raise DefinitionError(problem, where=where, hint=f"export {found[1]}=...")
        return os.environ[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def at_path(answer: Any, path: str) -> Any:
    """What an answer holds at a path such as `data.items`; None where it has none.

    >>> at_path({"data": {"items": [1, 2]}}, "data.items")
    [1, 2]
    """
    for step in filter(None, path.split(".")):
        if isinstance(answer, Mapping):
            answer = answer.get(step)
        elif isinstance(answer, list) and step.isdigit() and int(step) < len(answer):
            answer = answer[int(step)]
        else:
            return None
    return answer


@dataclass
class _Pages:
    """One walk over the pages of an API."""

    reads: RestReads
    setting: Setting
    label: str
    sent: float = 0.0
    seen: set[str] = field(default_factory=set)

    def follow(self) -> Iterator[list[Any]]:
        reads, pages = self.reads, self.reads.pages
        address, position = _filled(reads.url, self.setting.definition.where), self._first()
        for number in range(1, reads.most_pages + 1):
            self.setting.tell(number - 1, None, f"page {number}")
            answer, link = self._get(address, self._parameters(position, number))
            rows = self._rows(answer)
            yield rows
            if pages.by == "none":
                return
            if pages.by in ("page", "offset"):
                if len(rows) < (pages.size if pages.size_parameter else 1):
                    return
                position = int(position or 0) + (1 if pages.by == "page" else len(rows))
                continue
            found = at_path(answer, pages.next) if pages.next else link
            if not found:
                return
            self._new(str(found))
            if pages.by == "cursor":
                position = found
            else:
                address, position = self._same_host(address, str(found)), None
        raise DataError(f"more than {reads.most_pages:,} pages", where=self.label, hint="raise `most_pages:`")

    def _first(self) -> Any:
        pages = self.reads.pages
        if pages.by == "page":
            return 1 if pages.start is None else pages.start
        return (pages.start or 0) if pages.by == "offset" else None

    def _parameters(self, position: Any, number: int) -> dict[str, str]:
        reads, pages = self.reads, self.reads.pages
        if pages.by == "link" and number > 1:
            return {}
        given = {name: _filled(str(value), reads.url) for name, value in reads.parameters.items()}
        if pages.size_parameter:
            given[pages.size_parameter] = str(pages.size)
        if pages.by in _USUAL and position is not None:
            given[pages.parameter or _USUAL[pages.by]] = str(position)
        asked = self.setting.asked
        bounds = {reads.since_parameter: asked.since, reads.until_parameter: asked.until}
        return given | {name: value for name, value in bounds.items() if name and value}

    def _same_host(self, address: str, found: str) -> str:
        """The next address; secrets in headers go to no other host."""
        following = urljoin(address, found)
        if urlsplit(following)[:2] != urlsplit(address)[:2]:
            raise DataError(f"the next page is on another host: {urlsplit(following).netloc!r}", where=self.label)
        return following

    def _new(self, token: str) -> None:
        if token in self.seen:
            raise DataError(f"the API gives the page {token!r:.60} again and again", where=self.label)
        self.seen.add(token)

    def _rows(self, answer: Any) -> list[Any]:
        rows = at_path(answer, self.reads.rows)
        if not isinstance(rows, list):
            place = self.reads.rows or "its top"
            held = "nothing" if rows is None else f"a {type(rows).__name__}"
            raise DataError(f"the answer has {held} at {place!r}, not a list of rows", where=self.label)
        return rows

    def _get(self, address: str, parameters: Mapping[str, str]) -> tuple[Any, str]:
        import urllib3

        self._wait()
        try:
            answer = _pool(self.reads).request(
                "GET",
                address,
                fields=parameters or None,
                headers={name: _filled(text, self.reads.url) for name, text in self.reads.headers.items()},
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            problem = f"the API does not answer after {self.reads.retries + 1} tries: {type(error).__name__}"
            raise DataError(problem, where=self.label, hint="nothing of this load was stored; run it again") from error
        if answer.status != 200:
            said = answer.data[:200].decode(errors="replace")
            raise DataError(f"the API answered {answer.status}: {said}", where=self.label)
        try:
            return parse_json(answer.data), _next_link(answer.headers.get("Link", ""))
        except (ValueError, RecursionError) as error:
            raise DataError(f"the answer is no JSON: {error}", where=self.label) from error

    def _wait(self) -> None:
        """Keeps to the most requests a second."""
        if self.reads.per_second:
            time.sleep(max(0.0, self.sent + 1 / self.reads.per_second - time.monotonic()))
        self.sent = time.monotonic()


def _next_link(header: str) -> str:
    found = re.search(r'<([^>]*)>\s*;[^,]*\brel="?next"?', header)
    return found[1] if found else ""


def _pool(reads: RestReads) -> urllib3.PoolManager:
    import urllib3

    retries = urllib3.Retry(
        total=reads.retries,
        backoff_factor=reads.backoff / 2,
        backoff_max=60,
        status_forcelist=_AGAIN,
        respect_retry_after_header=True,
        allowed_methods=("GET",),
        raise_on_status=False,
    )
    return urllib3.PoolManager(retries=retries, timeout=reads.timeout)
