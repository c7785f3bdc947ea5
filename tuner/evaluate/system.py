"""What evaluation asks of a system: a local model here, Copilot or an endpoint elsewhere.

In: frozen items. Out: one prediction per item; an item that a system cannot answer gets a prediction with `void` set,
never nothing, so that no system can do better by leaving out what is hard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, get_args

from tuner.errors import EvaluateError
from tuner.records import Item, Prediction

# Why an item has no answer. A failure of what is behind a system is a void and never an empty answer, which would be
# scored as a wrong one.
Void = Literal[
    "auth",  # the key or the sign-in was refused
    "no_access",  # signed in, but without a subscription or the right to this model
    "quota",  # the plan or the credit is used up
    "rate",  # too many requests, also after the last attempt
    "server",  # the server failed
    "timeout",  # no whole answer in time
    "truncated",  # the answer broke off on the way
    "protocol",  # something came back that is no answer at all, such as an HTML page
    "crash",  # the program that was asked ended
    "no_model",  # the model is not known there
    "not_asked",  # the system stopped before this item, or was told to ask no more
]
VOIDS: tuple[Void, ...] = get_args(Void)
# After these no further item would fare better: the system stops at the first.
FINAL_VOIDS: tuple[Void, ...] = ("auth", "no_access", "quota", "no_model")


class Stopped(EvaluateError):
    """A system cannot go on; what it has answered is kept, and the same command goes on from there."""


class System(Protocol):
    """Something that completes the text at a cursor.

    `batch` says how many answers are kept at once: 1 where an answer costs money. `about` says what it is that answers.
    `times_alone` asks for items to be answered again, alone, for their latency: never of what costs or was collected.
    """

    name: str
    batch: int
    times_alone: bool
    about: dict[str, str]

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer and score the items, whole batches at a time, in an order that the items alone decide.

        Leaving out the items of the first batches must leave all other answers as they were: a killed run goes on so.
        """

    def complete(self, item: Item) -> str:
        """Answer one item from text to text and nothing more, as an editor would ask: this is what latency means."""

    def figures(self, items: Sequence[Item]) -> dict[str, float]:
        """Give the system's own figures, after it has answered; they stand beside its scores."""
