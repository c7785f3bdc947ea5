"""Find where a completion may come from: the likest line of what the adapter was trained on.

In: examples and `mined/pairs.jsonl`. Out: for each example the training line that is likest to the line as completed by
system a (of several lines the first), its file, commit and a few lines around it. Likeness is rapidfuzz.fuzz.ratio /
100. It shows where something like it stands; it cannot show why the model wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rapidfuzz import fuzz, process

from tuner.comparison import Example, Nearest
from tuner.records import Pair, read_jsonl

MIN_CHARS = 6
LINES_AROUND = 2


def nearest(examples: Sequence[Example], pairs: Path) -> list[Nearest]:
    """Give the nearest training line of each example; nothing for lines too short to say anything."""
    wanted = {each.item_id: _completed(each) for each in examples}
    wanted = {ident: line for ident, line in wanted.items() if len(line) >= MIN_CHARS}
    if not wanted:
        return []
    places = _lines(read_jsonl(pairs, Pair))
    lines = list(places)
    found = []
    for ident, line in wanted.items():
        best = process.extractOne(line, lines, scorer=fuzz.ratio, processor=None)
        if best is not None:
            pair, number = places[best[0]]
            text = pair.response.split("\n")
            snippet = "\n".join(text[max(0, number - LINES_AROUND) : number + LINES_AROUND + 1])
            found.append(Nearest(ident, pair.path, pair.commit, best[1] / 100, best[0], snippet))
    return found


def _completed(example: Example) -> str:
    return (example.before.split("\n")[-1] + example.answers[example.a].partition("\n")[0]).strip()


def _lines(pairs: Iterable[Pair]) -> dict[str, tuple[Pair, int]]:
    """Note each line of what is learned once, where it stands first."""
    places: dict[str, tuple[Pair, int]] = {}
    for pair in pairs:
        for number, line in enumerate(pair.response.split("\n")):
            if len(line.strip()) >= MIN_CHARS:
                places.setdefault(line.strip(), (pair, number))
    return places
