"""What can go wrong, by whose hand: the caller's input, a combination we lack, a solve that did not finish."""

from typing import Any


class MixotError(Exception):
    """Any error that mixot raises on purpose."""


class InputError(MixotError, ValueError):
    """The input is not what was expected; the message says what was, what came, and what to do."""


class UnsupportedError(MixotError, TypeError):
    """The combination has no formula or no solver here; the message names the alternative."""


class SolveError(MixotError, RuntimeError):
    """A solver stopped before its tolerance; ``result`` holds the best feasible answer, its gap stated."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class AccuracyWarning(UserWarning):
    """The answer stands, but something in the data makes it worth a second look."""
