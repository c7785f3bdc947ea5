"""Draw the commits that pairs and additions are taken from, before a blob of them is read, and files for some pairs.

In: the ledgers and splits of all repositories, and how many are wanted. Out: for each repository a `Draw`. After the
cut every commit has the same chance, since what is judged must not be chosen. Before it a commit may be drawn when the
log alone does not rule it out: what is reverted before the cut, has a date after it, says too little, or changes only
files that had enough, is not. Each has a chance in proportion to its weight: that of a pair of its date, more for the
message of a fix and for tests beside code, which rare kinds come from, and less for several files of code, since the
more a commit changes, the less often its message asks for it and the longer its pairs are.

A place in a draw depends on the commit or path, its weight and the seed alone. So neither the order of work nor what
was remembered matters, and what a draw leaves out is still looked at wherever others are judged by it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from tuner.mine.cut import Split
from tuner.mine.gates.paths import is_code_path
from tuner.mine.history import Commit
from tuner.mine.labels import Lineage, freshness
from tuner.mine.languages import language_of
from tuner.mine.ledger import Ledger
from tuner.mine.messages import is_fix, says_too_little
from tuner.mine.test_code import is_test_path, may_hold_tests
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import content_id

CHANGES_PER_PAIR = 4  # about as many changes of a file are read as give the pairs that are wanted of it
FIX_WEIGHT, TEST_WEIGHT = 4.0, 4.0  # so that bug fixes and tests, which few commits give, do not become rarer
DIGEST = 1 << 64


@dataclass(slots=True)
class Draw:
    """What becomes of one repository's code commits before the cut. `places` has each candidate's place in the draw.

    `spent` changed only files that had enough; `silent` say too little and add no test; `left_out` are all that are
    neither spent nor drawn, the silent among them. `passed_over` lie after the cut and are not drawn. Where all
    candidates were drawn nothing is left out or passed over.
    """

    places: dict[str, float] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    ruled_out: set[str] = field(default_factory=set)
    left_out: frozenset[str] = frozenset()
    passed_over: frozenset[str] = frozenset()


def draw(
    ledgers: list[Ledger], splits: list[Split], settings: MineSettings, seed: int, progress: Progress
) -> list[Draw]:
    """Draw from each repository its part of the commits wanted on each side, in proportion to its candidates."""
    draws = [
        _candidates(ledger, split, settings, seed, progress) for ledger, split in zip(ledgers, splits, strict=True)
    ]
    for each, beyond in zip(draws, _beyond([each.places for each in draws], settings.history_commits), strict=True):
        if beyond:
            each.left_out = frozenset({*beyond, *each.silent, *each.ruled_out})
    later = [
        {sha: place("later", sha, 1.0, seed) for sha in ledger.code - split.before}
        for ledger, split in zip(ledgers, splits, strict=True)
    ]
    for each, beyond in zip(draws, _beyond(later, settings.later_commits), strict=True):
        each.passed_over = frozenset(beyond)
    return draws


def drawn_paths(weights: Mapping[str, float], count: int | None, seed: int) -> set[str]:
    """Draw `count` paths, each with a chance in proportion to its weight; all where no more are there."""
    return set(weights).difference(*_beyond([{p: place("path", p, w, seed) for p, w in weights.items()}], count))


def _beyond(places: list[dict[str, float]], wanted: int | None) -> list[list[str]]:
    """Give, for each repository, the candidates that are not drawn."""
    counts = [len(each) for each in places]
    if wanted is None or wanted >= sum(counts):
        return [[] for _ in places]
    ordered = ([name for _, name in sorted((at, name) for name, at in each.items())] for each in places)
    return [each[part:] for each, part in zip(ordered, parts(wanted, counts), strict=True)]


def parts(wanted: int, counts: list[int]) -> list[int]:
    """Cut a number in proportion to counts; the parts are whole and sum to it."""
    edges = [wanted * each // sum(counts) for each in accumulate(counts, initial=0)]
    return [end - start for start, end in pairwise(edges)]


def _candidates(ledger: Ledger, split: Split, settings: MineSettings, seed: int, progress: Progress) -> Draw:
    """Go through the code commits before the cut once more, newest first, now that the cut is known."""
    found, lineage = Draw(), Lineage()
    changes_of: Counter[str] = Counter()
    reverted = ledger.reverted(split.before, inside=True) or ("-",)
    if split.cut is None:
        return found
    with progress.track(f"choosing commits of {ledger.repo.name}", total=None, unit="commit") as track:
        for commit in ledger.log:
            track.advance(1)
            if commit.sha not in split.before:
                continue
            if commit.sha in ledger.code:
                code = [each.path for each in commit.changes if is_code_path(each.path, each.mode, settings)]
                at_cut = [lineage.at_cut(path) for path in code]
                # Asked of history alone, so that it does not matter what was found in the later ones, or when.
                if all(changes_of[path] >= CHANGES_PER_PAIR * settings.edits_per_file for path in at_cut):
                    found.spent.add(commit.sha)
                elif commit.sha.startswith(reverted) or commit.committed_at > split.cut.committed_at:
                    found.ruled_out.add(commit.sha)
                elif says_too_little(commit.message) and not _may_hold_tests(code):
                    found.silent.add(commit.sha)
                else:
                    age = freshness(commit.committed_at, split.cut.committed_at, settings.half_life_days)
                    found.places[commit.sha] = place("draw", commit.sha, age * _rarity(commit, code), seed)
                changes_of.update(at_cut)
            lineage.note(commit.changes)
    return found


def _rarity(commit: Commit, code: list[str]) -> float:
    weight = TEST_WEIGHT if 0 < sum(map(is_test_path, code)) < len(code) else 1.0
    return weight * (FIX_WEIGHT if is_fix(commit.message) else 1.0) / len(code) ** 2


def _may_hold_tests(code: list[str]) -> bool:
    return any(may_hold_tests(path, language) for path in code if (language := language_of(path)) is not None)


def place(draw: str, name: str, weight: float, seed: int) -> float:
    """Give a place; the smallest are drawn (Efraimidis and Spirakis 2006: log(u) / w, its sign turned)."""
    return -math.log((int(content_id(draw, name, str(seed)), 16) + 1) / DIGEST) / weight
