"""The errors a user can meet: one root, one child per room.

A message says what is wrong, where, the value seen and the value wanted; `hint` is the next thing to do.
`exit_status` 2 means that the user can mend it, 1 that a stage failed. Anything that is not a `TunerError` is a bug of
ours and keeps its traceback.
"""

from __future__ import annotations


class TunerError(Exception):
    """Root of all messages shown without a traceback."""

    exit_status = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class RecipeError(TunerError):
    """A setting is unknown, impossible or contradicts another."""


class RepoError(TunerError):
    """The repository cannot be read, or holds nothing to learn from."""


class BaseError(TunerError):
    """The base model cannot be found, loaded, or has no known infilling form."""


class DataError(TunerError):
    """A file between two stages is missing, altered or malformed."""


class RunError(TunerError):
    """A run folder is missing, ambiguous, or does not match its manifest."""


class MachineError(TunerError):
    """The machine lacks disk, memory or a package."""


class TrainError(TunerError):
    """Training failed or cannot start."""

    exit_status = 1


class EvaluateError(TunerError):
    """Evaluation failed or would compare unlike things."""

    exit_status = 1


class ExportError(TunerError):
    """An artefact cannot be written, or is not the model that was evaluated."""

    exit_status = 1


class ServeError(TunerError):
    """The server cannot start or answer."""

    exit_status = 1
