"""What went wrong, as a page with a status."""

from __future__ import annotations

from steelyard.document import Block, Callout, Facts, Heading, Paragraph
from steelyard.errors import (
    CancelledError,
    DataError,
    DefinitionError,
    LockedError,
    MissingExtraError,
    NoVersionError,
    PolicyError,
    SteelyardError,
    TimeLimitError,
    UnknownNameError,
    WarehouseError,
    unknown_name,
)
from steelyard.web.access.refused import (
    FormError,
    MediaTypeError,
    RoleError,
    SignInError,
    StaleFormError,
    TooLargeError,
    TooManyTriesError,
)
from steelyard.web.guard import CrossSiteError, NotAllowedError, WrongHostError
from steelyard.web.page import Page
from steelyard.web.render import SECTIONS

__all__ = ["UnexpectedError", "failure_page", "no_such_page", "status_of"]


class UnexpectedError(SteelyardError):
    """Something that should not happen; the server's log says what."""


# The first that fits counts, so that a kind stands before the kinds that it refines.
STATUSES: tuple[tuple[type[SteelyardError], int, str], ...] = (
    (UnknownNameError, 404, "Not found"),
    (NoVersionError, 404, "Not kept"),
    (PolicyError, 403, "Not allowed by policy"),
    (SignInError, 401, "Sign in"),
    (RoleError, 403, "Not allowed"),
    (FormError, 403, "Not this form"),
    (StaleFormError, 409, "Changed meanwhile"),
    (TooManyTriesError, 429, "Too many tries"),
    (NotAllowedError, 405, "Not done here"),
    (CrossSiteError, 403, "Not from here"),
    (WrongHostError, 421, "Another host"),
    (TooLargeError, 413, "Too much"),
    (MediaTypeError, 415, "Another kind of content"),
    (MissingExtraError, 501, "Not installed"),
    (DefinitionError, 400, "That cannot be asked"),
    (CancelledError, 409, "Cancelled"),
    (TimeLimitError, 504, "It took too long"),
    (LockedError, 503, "The warehouse is busy"),
    (DataError, 500, "The data is not what it should be"),
    (WarehouseError, 503, "The warehouse did not answer"),
)


def status_of(error: SteelyardError) -> tuple[int, str]:
    """The HTTP status of an error, and a heading for it."""
    return next(((status, title) for kind, status, title in STATUSES if isinstance(error, kind)), (500, "Went wrong"))


def failure_page(error: SteelyardError) -> Page:
    """An error as a page: problem, where, hint."""
    status, title = status_of(error)
    facts = [(label, text) for label, text in (("where", error.where), ("hint", error.hint)) if text]
    blocks: list[Block] = [Callout("bad", _sentence(error.problem))]
    if facts:
        blocks.append(Facts(facts))
    if status == 404:
        blocks.append(Paragraph("The navigation above leads to everything that there is."))
    return Page(title=title, lead=[Heading(title, 1)], blocks=blocks, status=status)


def no_such_page(path: str) -> SteelyardError:
    """The error for an address that leads nowhere."""
    return unknown_name("page", path, [href for _, href in SECTIONS], where="the address")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
