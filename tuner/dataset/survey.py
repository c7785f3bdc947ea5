"""Read all pairs once: check them against the cut, index them, find exact copies and the lines that training knows.

In: the file of pairs. Out: a `Survey`, which holds a line's place in the file, not its text. Dropped: pairs that repeat
another pair's text word for word (`duplicate`; the first by path is kept).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tuner.dataset.near_duplicates import NearDuplicates
from tuner.dataset.pair_file import PairFile
from tuner.dataset.split import check_pair
from tuner.progress import Progress
from tuner.records import PAIR_KINDS, Cut, Pair, PairKind, content_id


@dataclass(frozen=True, slots=True)
class Entry:
    """One pair's place in the file, and what is needed to sort and split it."""

    offset: int
    id: str
    kind: PairKind
    path: str
    commit: str


@dataclass(slots=True)
class Survey:
    """What one reading of the pairs shows."""

    entries: dict[PairKind, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in PAIR_KINDS})
    duplicates: list[str] = field(default_factory=list)
    near_duplicates: list[str] = field(default_factory=list)
    known_lines: set[str] = field(default_factory=set)
    languages: Counter[str] = field(default_factory=Counter)
    oldest: int | None = None
    newest: int | None = None

    @property
    def pairs(self) -> int:
        kept = sum(map(len, self.entries.values()))
        return kept + len(self.duplicates) + len(self.near_duplicates)


def survey_pairs(
    pairs: PairFile,
    cut: Cut,
    future_commits: set[str],
    asked_lines: set[str],
    threshold: float,
    progress: Progress,
) -> Survey:
    """Read the pairs, and the files among them a second time; `asked_lines` are the lines behind the items."""
    survey = Survey()
    firsts: dict[str, Entry] = {}
    search = NearDuplicates(threshold)
    with progress.track("reading pairs", total=pairs.bytes, unit="byte") as track:
        before = 0
        for offset, where, pair in pairs.scan():
            check_pair(pair, cut, future_commits, where)
            survey.known_lines.update(asked_lines.intersection(_lines_of(pair)))
            survey.languages[pair.language] += 1
            survey.oldest = pair.committed_at if survey.oldest is None else min(pair.committed_at, survey.oldest)
            survey.newest = pair.committed_at if survey.newest is None else max(pair.committed_at, survey.newest)
            entry = Entry(offset, pair.id, pair.kind, pair.path, pair.commit)
            key = content_id(pair.kind, pair.instruction, pair.context, pair.suffix, pair.response)
            first = firsts.setdefault(key, entry)
            if first is not entry:
                kept, copy = sorted((first, entry), key=lambda each: (each.path, each.id, each.offset))
                firsts[key] = kept
                survey.duplicates.append(copy.id)
            elif pair.kind == "file":
                search.count(pair.response)
            track.advance(offset - before)
            before = offset
    for entry in firsts.values():
        survey.entries[entry.kind].append(entry)
    _drop_near_duplicates(survey, pairs, search, progress)
    return survey


def _drop_near_duplicates(survey: Survey, pairs: PairFile, search: NearDuplicates, progress: Progress) -> None:
    files = survey.entries["file"]
    with progress.track("comparing files", total=len(files), unit="file") as track:
        for entry in files:
            search.offer(entry.path, entry.id, pairs.at(entry.offset).response)
            track.advance()
    copies = search.copies()
    survey.near_duplicates += sorted(copies)
    survey.entries["file"] = [entry for entry in files if entry.id not in copies]


def _lines_of(pair: Pair) -> Iterator[str]:
    for text in (pair.response, pair.context, pair.instruction, pair.suffix):
        for line in text.split("\n"):
            yield line.strip()
