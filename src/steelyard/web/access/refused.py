"""Why a request is not answered: nobody signed in, the role may not, the form is not ours, or it is too much."""

from __future__ import annotations

from steelyard.errors import SteelyardError

__all__ = [
    "FormError",
    "MediaTypeError",
    "RoleError",
    "SignInError",
    "StaleFormError",
    "TooLargeError",
    "TooManyTriesError",
]


class SignInError(SteelyardError):
    """Nobody signed in, or not rightly."""

    headers = {"www-authenticate": "Bearer"}  # noqa: RUF012 - the same for all


class RoleError(SteelyardError):
    """The role may not do this."""


class FormError(SteelyardError):
    """The form is not one that this server gave to this browser."""


class StaleFormError(SteelyardError):
    """What the form showed is no longer so."""


class MediaTypeError(SteelyardError):
    """What was sent is of another kind than what is taken."""


class TooManyTriesError(SteelyardError):
    """Too many tries in too little time."""


class TooLargeError(SteelyardError):
    """More was sent than is taken."""
