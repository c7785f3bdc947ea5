"""The faults that an audit can find, what each means, and what to do about it.

In: a fault's name and the place where it was seen. Out: one `Fault` a name, with a count and the first places.
Every one of them must be 0 before training: the stage is built so that none can occur, and this is the check of it.
"""

from __future__ import annotations

from dataclasses import dataclass

PLACES_SHOWN = 8
AGAIN = "remove the run folder and repeat the command; report it if this comes back"
REPORT = "do not train on this run; report it with the places named here"
# name: what is wrong, what to do. The order is that of the screen.
FAULTS: dict[str, tuple[str, str]] = {
    "altered": ("files that are not what the dataset stage wrote", AGAIN),
    "fully_masked": ("rows without a supervised token: they cost time and teach nothing", REPORT),
    "label_differs": ("rows whose labels are not their own tokens: they teach another text than they show", REPORT),
    "prompt_supervised": ("rows without a masked token, although they begin with a prompt", REPORT),
    "response_cut": (
        "responses cut by the row length: the model would learn to stop in the middle",
        "raise `dataset.max_tokens`; report it, since such pairs should be dropped as too_long",
    ),
    "row_too_long": ("rows longer than `dataset.max_tokens`", REPORT),
    "unknown_token": ("rows with a token id that the base does not have", "repeat `make dataset` with the run's BASE="),
    "duplicate_row": ("rows that repeat another row token by token: the text would count twice", REPORT),
    "no_pair": ("rows whose text stands in no mined pair", AGAIN),
    "train_and_valid": ("commits kept for validation that are also trained on", REPORT),
    "valid_and_items": ("commits kept for validation that are also evaluated on: the choice knows the answers", REPORT),
    "valid_elsewhere": ("validation rows that are from no commit kept for validation", REPORT),
    "commit_in_two_splits": ("commits of evaluation items that are also in training: the answers leak", REPORT),
    "wrong_side_of_cut": ("training rows from after the cut, or validation rows or items from before it", REPORT),
    "novel_line_trained": ("items marked novel whose whole line stands in a training row", REPORT),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: how often it was seen, the first places, and what to do."""

    name: str
    count: int
    what: str
    remedy: str
    places: list[str]


class FaultBook:
    """Count faults by name."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {name: [] for name in FAULTS}
        self._counts: dict[str, int] = dict.fromkeys(FAULTS, 0)

    def add(self, name: str, place: str) -> None:
        """Note one occurrence."""
        self._counts[name] += 1
        if len(self._places[name]) < PLACES_SHOWN:
            self._places[name].append(place)

    def faults(self) -> list[Fault]:
        """List what was seen, in the order of `FAULTS`."""
        return [
            Fault(name, count, *FAULTS[name], self._places[name]) for name, count in self._counts.items() if count > 0
        ]
