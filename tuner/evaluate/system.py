"""What evaluation asks of a system: a local model here, Copilot or an endpoint elsewhere.

In: frozen items. Out: one prediction per item; an item that a system cannot answer gets a prediction with `void` set,
never nothing, so that no system can do better by leaving out what is hard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tuner.records import Item, Prediction


class System(Protocol):
    """Something that completes the line at a cursor."""

    name: str

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer and score the items, whole batches at a time, in an order that the items alone decide.

        Leaving out the items of the first batches must leave all other answers as they were: a killed run goes on so.
        """

    def complete(self, item: Item) -> str:
        """Answer one item from text to text and nothing more, as an editor would ask: this is what latency means."""


def first_line(raw: str) -> str:
    """Cut an answer where every system's answers are cut: at the end of the line, without trailing blanks."""
    return raw.partition("\n")[0].rstrip()
