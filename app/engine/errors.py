"""Errors that are part of the interface."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend: the message says what happened, where, and what to do.

    `remedy` is the way out as a sentence of its own, shown after the message; empty when the message holds it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.fact = message
        self.remedy = remedy


class ModelClosedError(UserError):
    """A model was closed while something was computed with it."""


class TooLongError(UserError):
    """A text has more tokens than the model has positions; `limit` is how many fit, so that it can be cut there."""

    def __init__(self, message: str, remedy: str, limit: int) -> None:
        super().__init__(message, remedy)
        self.limit = limit


class ContextFullError(UserError):
    """A text that is to be written on has taken all the positions the model has."""


class WeightsGoneError(UserError):
    """What is asked of a run of a model would need the weights that the model had then, and it has others now."""


class DivergedError(UserError):
    """The loss of a finetune went wrong and does not come back."""


class Cancelled(Exception):  # noqa: N818 - not a failure
    """A function was asked to stop through its `cancel` callable; whatever it held is freed."""
