"""Read all pairs once: check them against the cut, index them, find copies, and what training knows of the items.

In: the file of pairs. Out: a `Survey`, which holds a line's place in the file, not its text. Dropped: pairs that repeat
another pair's text word for word (`duplicate`), near copies of a pair of their kind, and whatever is taken from a file
that is itself a copy of another (`near_duplicate`). Of copies the newest is kept, then the first by path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tuner.dataset.names import words_of
from tuner.dataset.near_duplicates import Candidate, NearDuplicates, compared_text
from tuner.dataset.pair_file import PairFile
from tuner.dataset.split import Source, check_pair
from tuner.progress import Progress
from tuner.records import COMMIT_KINDS, PAIR_KINDS, Cut, Pair, RowKind, content_id


@dataclass(frozen=True, slots=True)
class Entry:
    """One pair's place in the file, and what is needed to sort, draw and split it."""

    offset: int
    id: str
    kind: RowKind
    repo: str
    path: str
    commit: str
    committed_at: int
    weight: float

    @property
    def file(self) -> Source:
        return self.repo, self.path

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.offset, self.kind, self.id, self.path, self.committed_at)


@dataclass(slots=True)
class Survey:
    """What one reading of the pairs shows."""

    entries: dict[RowKind, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in PAIR_KINDS})
    duplicates: list[str] = field(default_factory=list)
    near_duplicates: list[str] = field(default_factory=list)
    known_lines: set[str] = field(default_factory=set)
    known_names: set[str] = field(default_factory=set)
    languages: Counter[str] = field(default_factory=Counter)
    repos: set[str] = field(default_factory=set)
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
    asked_names: set[str],
    threshold: float,
    progress: Progress,
) -> Survey:
    """Read the pairs, and those that are long enough to be compared again.

    `asked_lines` stand behind the items, and `asked_names` in their targets.
    """
    survey = Survey()
    firsts: dict[str, Entry] = {}
    copied_files: set[Source] = set()
    short: set[int] = set()
    search = NearDuplicates(threshold)
    with progress.track("reading pairs", total=pairs.bytes, unit="byte") as track:
        before = 0
        for offset, where, pair in pairs.scan():
            check_pair(pair, cut, future_commits, where)
            survey.known_lines.update(asked_lines.intersection(_lines_of(pair)))
            if pair.kind == "file":  # the files at the cut, each of them whole
                survey.known_names.update(asked_names.intersection(words_of(pair.response)))
            survey.languages[pair.language] += 1
            survey.repos.add(pair.repo)
            survey.oldest = pair.committed_at if survey.oldest is None else min(pair.committed_at, survey.oldest)
            survey.newest = pair.committed_at if survey.newest is None else max(pair.committed_at, survey.newest)
            entry = Entry(offset, pair.id, pair.kind, pair.repo, pair.path, pair.commit, pair.committed_at, pair.weight)
            # not the neighbours: a hole is the same hole whatever is read before it
            key = content_id(pair.kind, pair.instruction, pair.context, pair.suffix, pair.response)
            first = firsts.setdefault(key, entry)
            if first is not entry:
                kept, copy = sorted((first, entry), key=lambda each: (each.candidate.order, each.offset))
                firsts[key] = kept
                survey.duplicates.append(copy.id)
                copied_files |= {copy.file} if copy.kind == "file" and copy.file != kept.file else set()
                if first.offset in short:
                    short.add(offset)
            elif not search.count(pair.kind, compared_text(pair)):
                short.add(offset)
            track.advance(offset - before)
            before = offset
    for entry in firsts.values():
        survey.entries[entry.kind].append(entry)
    _drop_near_duplicates(survey, pairs, search, copied_files, short, progress)
    return survey


def _drop_near_duplicates(
    survey: Survey,
    pairs: PairFile,
    search: NearDuplicates,
    copied_files: set[Source],
    short: set[int],
    progress: Progress,
) -> None:
    compared = [each for entries in survey.entries.values() for each in entries if each.offset not in short]
    with progress.track("comparing pairs", total=len(compared), unit="pair") as track:
        for entry in compared:
            search.offer(entry.candidate, compared_text(pairs.at(entry.offset)))
            track.advance()
    copies = search.copies(lambda offset: compared_text(pairs.at(offset)))
    copied_files |= {each.file for each in survey.entries["file"] if each.id in copies}
    copied_files -= {each.file for each in survey.entries["file"] if each.id not in copies}
    for kind, entries in survey.entries.items():
        kept = [
            each
            for each in entries
            if each.id not in copies and not (kind not in COMMIT_KINDS and each.file in copied_files)
        ]
        survey.near_duplicates += sorted({each.id for each in entries} - {each.id for each in kept})
        survey.entries[kind] = kept


def _lines_of(pair: Pair) -> Iterator[str]:
    beside = (each.text for each in pair.neighbours)
    for text in (pair.response, pair.context, pair.instruction, pair.suffix, *beside):
        for line in text.split("\n"):
            yield line.strip()
            if pair.kind == "message" and line[:1] in ("+", "-"):  # lines of a diff
                yield line[1:].strip()
