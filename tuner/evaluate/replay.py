"""A system that answers from a file: a stored run, or answers that people collected by hand.

In: frozen items. Out: what the file says, in the items' order; an item that it does not name is void `not_asked`. The
file is read, and refused, when the first items come: only they say what may stand in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from tuner.errors import EvaluateError
from tuner.records import Item, Prediction


class Replay:
    """Answer with what is known. `about` says where it is from."""

    # All answers are kept at once or none is: so whoever resumes asks about all items or about none, and an answer to
    # another item is told from one to an item that is done.
    batch = sys.maxsize
    times_alone = False

    def __init__(self, name: str, about: dict[str, str]) -> None:
        self.name = name
        self.about = about
        self._known: Mapping[str, Prediction] = {}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Give each item's prediction; `items` are all the frozen items, or none."""
        if items:
            self._known = self.read({item.id: item for item in items})
        for item in items:
            yield self._known.get(item.id) or not_asked(item)

    def complete(self, item: Item) -> str:
        """Give one item's text again; the time that this takes means nothing."""
        found = self._known.get(item.id) or not_asked(item)
        if found.void is not None:
            raise EvaluateError(f"{self.name}: no answer to item {item.id}: {found.void}")
        return found.text

    def figures(self, items: Sequence[Item]) -> dict[str, float]:
        """Give none: a file has no figures of its own."""
        return {}

    def read(self, items: Mapping[str, Item]) -> Mapping[str, Prediction]:
        """Read the file's predictions by item; what does not fit the frozen items is refused."""
        raise NotImplementedError


def void(item: Item, reason: str) -> Prediction:
    """Make the prediction of an item that has no answer."""
    return Prediction(item.id, "", "", None, target_bytes(item), None, None, reason)


def not_asked(item: Item) -> Prediction:
    """Make the prediction of an item that nobody was asked about."""
    return void(item, "not_asked")


def target_bytes(item: Item) -> int:
    """Count the bytes of what the author wrote."""
    return len(item.target.encode("utf-8"))
