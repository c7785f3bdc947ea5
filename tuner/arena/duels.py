"""Decide which two systems meet over which item, in which order each voter sees them, and who stands on the left.

In: pairs of systems, the items, their answers and the run's seed. Out: duels, balanced over the pairs of systems, and
for each voter an own order of them. Dropped, and counted for each pair: items that one of the two did not answer (a
void), and items that both answered alike, which nobody can judge: they are ties outside the vote.

A voter goes through rounds. The first duels of a round are shown to every voter, so that agreement can be told; the
others begin at another place for each voter, so that few votes cover many items. Nothing here depends on a vote.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.records import Item, Prediction, content_id

ROUND = 50  # duels between two pauses: about ten minutes
SHARED = 10  # of them, those that every voter is shown

Side = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Duel:
    """Two systems' different answers to one item. The id is the hash of the item, the systems and both answers."""

    id: str
    item: str
    commit: str
    a: str
    b: str
    text_a: str
    text_b: str


@dataclass(frozen=True, slots=True)
class Matchup:
    """Why a pair of systems has as many duels as it has: `items` minus `voided` minus `identical`."""

    a: str
    b: str
    items: int
    voided: int
    identical: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A duel as one voter sees it. `token` names it in the page and tells nothing; `round` counts from 0."""

    duel: Duel
    left: Side
    round: int
    token: str

    @property
    def systems(self) -> tuple[str, str]:
        """Name the systems on the left and on the right."""
        return (self.duel.a, self.duel.b) if self.left == "a" else (self.duel.b, self.duel.a)

    @property
    def texts(self) -> tuple[str, str]:
        """Give the answers on the left and on the right."""
        texts = (self.duel.text_a, self.duel.text_b)
        return texts if self.left == "a" else (texts[1], texts[0])


def trimmed(text: str) -> str:
    """Cut an answer as every answer is cut: at the end of its line, without trailing blanks."""
    return text.partition("\n")[0].rstrip()


def pair_up(
    pairs: Sequence[tuple[str, str]],
    items: Sequence[Item],
    answers: Mapping[str, Mapping[str, Prediction]],
    seed: int,
) -> tuple[list[Duel], list[Matchup]]:
    """List all duels, dealt so that every part of the list is balanced over the pairs, and each pair's counts."""
    queues: dict[tuple[str, str], list[Duel]] = {}
    matchups = []
    for a, b in pairs:
        found, voided, identical = [], 0, 0
        for item in items:
            answer_a, answer_b = answers[a][item.id], answers[b][item.id]
            if answer_a.void is not None or answer_b.void is not None:
                voided += 1
                continue
            text_a, text_b = trimmed(answer_a.text), trimmed(answer_b.text)
            if text_a == text_b:
                identical += 1
                continue
            found.append(_duel(item, (a, text_a), (b, text_b)))
        queues[a, b] = sorted(found, key=lambda duel: content_id(str(seed), "deal", duel.id))
        matchups.append(Matchup(a, b, len(items), voided, identical))
    return list(_deal(queues)), matchups


def ballot(duels: Sequence[Duel], voter: int, seed: int) -> list[Shown]:
    """Order all duels for the voter with this number (from 1), round by round, and put each system on a side."""
    chunks = [duels[start : start + ROUND] for start in range(0, len(duels), ROUND)]
    shown: list[Shown] = []
    for number, chunk in enumerate(chunks):
        own = chunks[(number + voter - 1) % len(chunks)]
        generator = random.Random(content_id(str(seed), "ballot", str(voter), str(number)))
        order = [*chunk[:SHARED], *own[SHARED:]]
        generator.shuffle(order)
        for duel, left in zip(order, _sides(order, generator), strict=True):
            shown.append(Shown(duel, left, number, content_id(str(seed), "shown", str(voter), duel.id)))
    return shown


def _duel(item: Item, *sides: tuple[str, str]) -> Duel:
    ident = content_id(item.id, *(part for side in sorted(sides) for part in side))
    (a, text_a), (b, text_b) = sides
    return Duel(ident, item.id, item.commit, a, b, text_a, text_b)


def _deal(queues: Mapping[tuple[str, str], Sequence[Duel]]) -> Iterator[Duel]:
    """Take from the pairs in turn, the one with the fewest first, and no item again before all items had a turn."""
    left = {pair: list(queue) for pair, queue in queues.items() if queue}
    dealt = dict.fromkeys(queues, 0)
    while left:
        items: set[str] = set()
        taken: set[str] = set()
        turn = {pair: iter(queue) for pair, queue in left.items()}
        while turn:
            pair = min(turn, key=lambda each: dealt[each])
            duel = next((each for each in turn[pair] if each.item not in items), None)
            if duel is None:
                del turn[pair]
                continue
            items.add(duel.item)
            taken.add(duel.id)
            dealt[pair] += 1
            yield duel
        rest = {pair: [each for each in queue if each.id not in taken] for pair, queue in left.items()}
        left = {pair: queue for pair, queue in rest.items() if queue}


def _sides(order: Sequence[Duel], generator: random.Random) -> Iterator[Side]:
    """Put each pair's first system on the left as often as on the right, give or take one, in no foreseeable order."""
    counts: dict[tuple[str, str], int] = {}
    for duel in order:
        counts[duel.a, duel.b] = counts.get((duel.a, duel.b), 0) + 1
    dealt: dict[tuple[str, str], list[Side]] = {}
    for pair, count in counts.items():
        extra: list[Side] = [generator.choice(("a", "b"))] if count % 2 else []
        dealt[pair] = [*("a", "b") * (count // 2), *extra]
        generator.shuffle(dealt[pair])
    for duel in order:
        yield dealt[duel.a, duel.b].pop()
