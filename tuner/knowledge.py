"""What must be known beside an item to judge an answer: the repository's names, and the text that was trained on.

In: what the mine room left in a run's folder. Out: `Knowledge`, and what it finds out about one answer, which is kept:
evaluation and comparison ask for the same answers many times. Nothing here knows which system answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tuner.name_check import NamesFound, check_names
from tuner.records import Item, Mined, Pair, Prediction, read_jsonl
from tuner.repo_names import NamesAt, Timeline, read_names
from tuner.training_lines import TrainingLines


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The names of each repository, by its name, and the lines of all training text."""

    names: dict[str, Timeline]
    training: TrainingLines
    _found: dict[tuple[str, str, bool], NamesFound | None] = field(default_factory=dict, repr=False, compare=False)
    _own: dict[tuple[str, bool], NamesFound | None] = field(default_factory=dict, repr=False, compare=False)

    def found(self, item: Item, prediction: Prediction) -> NamesFound | None:
        """Judge the names of an answer; None for a language or a repository whose names are not known."""
        is_cut_off = prediction.raw == prediction.text and prediction.text != item.target
        key = item.id, prediction.text, is_cut_off
        if key not in self._found:
            names = self._before(item)
            self._found[key] = (
                check_names(item, prediction.text, names, is_cut_off=is_cut_off) if names is not None else None
            )
        return self._found[key]

    def own(self, item: Item, *, target_counts: bool) -> NamesFound | None:
        """Judge the author's own text; without `target_counts` as if it were another's."""
        key = item.id, target_counts
        if key not in self._own:
            names = self._before(item)
            self._own[key] = (
                check_names(item, item.target, names, is_cut_off=False, target_counts=target_counts)
                if names is not None
                else None
            )
        return self._own[key]

    def _before(self, item: Item) -> NamesAt | None:
        timeline = self.names.get(item.repo)
        return timeline.before(item.commit) if timeline is not None and timeline.names.is_whole else None


def read_knowledge(folder: Path, mined: Mined) -> Knowledge | None:
    """Read what a run's mine stage left; None where it was of a version that noted no names."""
    if mined.names is None:
        return None
    texts = (pair.response for pair in read_jsonl(folder / mined.pairs, Pair))
    return Knowledge(read_names(folder / mined.names), TrainingLines.of(texts))
