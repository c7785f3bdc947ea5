"""Choose the engine's slot for a request, so that what a slot has read is read once.

In: a prompt as token ids (or as text where the engine renders it) and the adapters that it is answered with. Out: the
free slot that has read most of it with the same adapters, or the one that was idle longest. What another adapter has
read is of no use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Loras = tuple[tuple[int, float], ...]
_WORTH_KEEPING = 8  # tokens; fewer are read faster than thought about


@dataclass(slots=True)
class Slot:
    """One of the engine's slots: what it has read last, with which adapters, and whether it is answering."""

    number: int
    read: Sequence[object] = ()
    loras: Loras | None = None
    used_at: int = 0
    is_busy: bool = field(default=False)


class Slots:
    """All slots of one engine."""

    def __init__(self, count: int) -> None:
        self._slots = [Slot(number) for number in range(count)]
        self._turn = 0

    @property
    def free(self) -> int:
        """Count the slots that are not answering."""
        return sum(not slot.is_busy for slot in self._slots)

    @property
    def busy(self) -> int:
        """Count the slots that are answering."""
        return len(self._slots) - self.free

    def take(self, prompt: Sequence[object], loras: Loras) -> Slot:
        """Take the best free slot; there must be one."""
        free = [slot for slot in self._slots if not slot.is_busy]
        known = {slot.number: _common(slot.read, prompt) if slot.loras == loras else 0 for slot in free}
        best = max(free, key=lambda slot: (known[slot.number], -slot.used_at))
        if known[best.number] < _WORTH_KEEPING:
            best = min(free, key=lambda slot: slot.used_at)
        best.is_busy = True
        best.read, best.loras = prompt, loras
        return best

    def better_but_busy(self, prompt: Sequence[object], loras: Loras) -> Slot | None:
        """Give the busy slot that has read far more of a prompt than any free one, if there is one.

        It is most often the same user's last keystroke, which is being given up just now.
        """
        if not self.busy:
            return None
        known = [(_common(slot.read, prompt) if slot.loras == loras else 0, slot) for slot in self._slots]
        free = max((count for count, slot in known if not slot.is_busy), default=0)
        count, slot = max(known, key=lambda each: each[0])
        return slot if slot.is_busy and count > max(2 * free, _WORTH_KEEPING) else None

    def give_back(self, slot: Slot) -> None:
        """Free a slot; it keeps what it has read."""
        self._turn += 1
        slot.is_busy, slot.used_at = False, self._turn


def _common(one: Sequence[object], other: Sequence[object]) -> int:
    """Count the items with which both begin. Slices are compared in C: a walk took a tenth of what the front added."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
