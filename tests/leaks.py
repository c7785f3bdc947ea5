"""Find by brute force, and with none of the program's own code, what of the future a sampled repository holds.

In: a repository, and the files that mining and sampling wrote for it. Out: sentences, each about one fault; none where
nothing leaks. Copies are found with plain sets of five words: every window of a row that is as long as an addition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.tiny_repo import git
from tuner.records import Addition, Item, Mined, Pair, Rejected, Row, read_jsonl

WORD = re.compile(r"[A-Za-z_0-9]+")
TELLING = re.compile(r"\w*q[b-z]{3}\w*")  # a name of the random histories, which stands for one commit
MARKER = re.compile(r"<{7} SEARCH|={7}|>{7} REPLACE|⋮\.\.\.|(---|\+\+\+) |@@ |\\ No newline")
WINDOW, SIMILAR, RUN, FEWEST = 5, 0.7, 40, 20
HOLES = ("syntax_infilling", "line_infilling", "repository_infilling", "body")
CHANGES = ("edit", "bugfix", "test", "message")


@dataclass(frozen=True)
class Made:
    """A repository, what was mined from it, and what was sampled for training and evaluation."""

    folder: Path
    out: Path
    mined: Mined
    decode: Callable[[list[int]], str]

    @cached_property
    def pairs(self) -> list[Pair]:
        return list(read_jsonl(self.out / self.mined.pairs, Pair))

    @cached_property
    def additions(self) -> list[Addition]:
        return list(read_jsonl(self.out / self.mined.additions, Addition))

    @cached_property
    def rejected(self) -> list[Rejected]:
        return list(read_jsonl(self.out / self.mined.rejected, Rejected))

    @cached_property
    def items(self) -> list[Item]:
        return list(read_jsonl(self.out / "data/eval_items.jsonl", Item))

    @property
    def asked(self) -> list[Addition | Item]:
        return [*self.additions, *self.items]

    @cached_property
    def rows(self) -> list[Row]:
        return list(read_jsonl(self.out / "data/train.jsonl", Row))

    def commits(self, revision: str) -> set[str]:
        return set(git(self.folder, "rev-list", revision).split())


def faults_of(made: Made) -> list[str]:
    """List everything of the future that stands on the wrong side, and everything that got lost."""
    return [
        *commits_on_both_sides(made),
        *texts_from_after_the_cut(made),
        *dates_on_the_wrong_side(made),
        *copies_of_answers(made),
        *commits_and_files_that_got_lost(made),
    ]


def commits_on_both_sides(made: Made) -> Iterator[str]:
    before = made.commits(made.mined.cut.commit)
    after = made.commits("main") - before
    for pair in made.pairs:
        if pair.commit not in before:
            yield f"pair {pair.kind} of {pair.path} is from {pair.commit}, which the cut does not reach"
    for path, commit in {(each.path, each.commit) for each in made.asked}:
        if commit not in after:
            yield f"what {path} got in {commit} is asked for, and the cut reaches it"


def dates_on_the_wrong_side(made: Made) -> Iterator[str]:
    cut = made.mined.cut.committed_at
    for pair in made.pairs:
        if pair.committed_at > cut:
            yield f"pair {pair.kind} of {pair.path} is from {pair.committed_at}, the cut from {cut}"
    for path, date in {(each.path, each.committed_at) for each in made.asked}:
        if date <= cut:
            yield f"what {path} got at {date} is asked for, the cut is from {cut}"


def texts_from_after_the_cut(made: Made) -> Iterator[str]:
    """Compare with every version of every file that the cut reaches, and with the messages up to it."""
    known = _reachable(made.folder, made.mined.cut.commit)
    said = git(made.folder, "log", "--format=%B", "--name-only", "-m", "--root", made.mined.cut.commit)
    words = set(WORD.findall(known + said))
    lines = {line.strip() for line in known.split("\n")}
    for pair in made.pairs:
        where = f"pair {pair.kind} of {pair.path} ({pair.commit[:7]})"
        beside = [text for each in pair.neighbours for text in (each.path, each.text)]
        own = [pair.instruction, pair.context, pair.response]
        for text in (pair.path, *beside, *([_filled(pair)] if pair.kind in HOLES else own)):
            yield from (f"{where} knows {word}" for word in set(TELLING.findall(text)) - words)
        for line in _code_lines(pair):
            if line.strip() not in lines:
                yield f"{where} holds a line that no earlier file has: {line!r}"


def copies_of_answers(made: Made) -> Iterator[str]:
    """Slide a window of each evaluated addition's length over all that a training row shows."""
    asked = {each.added for each in made.additions if any(_asks(item, each) for item in made.items)}
    regions = [words for text in sorted(asked) if len(words := WORD.findall(text)) >= FEWEST]
    shown = [(row, WORD.findall(text)) for row in made.rows for text in _texts_of(row, made.decode)]
    for region in regions:
        grams, runs = _grams(region, WINDOW), _grams(region, RUN)
        for row, words in shown:
            if len(grams & _grams(words, WINDOW)) < SIMILAR * len(grams):
                continue  # then no window of it can be as similar as that
            starts = range(max(1, len(words) - len(region) + 1))
            near = max(_jaccard(grams, _grams(words[start : start + len(region)], WINDOW)) for start in starts)
            if near >= SIMILAR or runs & _grams(words, RUN):
                yield f"row {row.kind} of pair {row.pair_id} shows {' '.join(region[:6])}... ({near:.2f})"


def commits_and_files_that_got_lost(made: Made) -> Iterator[str]:
    rejected = {each.source for each in made.rejected}
    used = {pair.commit for pair in made.pairs if pair.kind in CHANGES} | {each.commit for each in made.additions}
    yield from (f"commit {sha} got lost" for sha in made.commits("main") - used - rejected)
    yield from (f"commit {sha} is used and rejected" for sha in used & rejected)
    files = set(git(made.folder, "ls-tree", "-r", "--name-only", made.mined.cut.commit).splitlines())
    kept = {pair.path for pair in made.pairs if pair.kind == "file"}
    yield from (f"file {path} got lost" for path in files - kept - rejected)
    yield from (f"file {path} is not of the cut, or kept and rejected" for path in (kept - files) | (kept & rejected))


def _asks(item: Item, addition: Addition) -> bool:
    typed = (item.prefix + item.target).removeprefix(addition.prefix)
    return (item.commit, item.path) == (addition.commit, addition.path) and addition.added.startswith(typed)


def _reachable(folder: Path, revision: str) -> str:
    """Give the text of every file version that a commit reaches."""
    shas = [line.split()[0] for line in git(folder, "rev-list", "--objects", revision).splitlines()]
    kinds = git(folder, "cat-file", "--batch-check", given="\n".join(shas).encode()).splitlines()
    blobs = [line.split()[0] for line in kinds if " blob " in line]
    return git(folder, "cat-file", "--batch", given="\n".join(blobs).encode())


def _code_lines(pair: Pair) -> Iterator[str]:
    """Yield the lines of a pair that are lines of files; those of questions and of requests are sentences."""
    yield from (line for each in pair.neighbours for line in each.text.split("\n"))
    if pair.kind in HOLES:
        yield from _filled(pair).split("\n")
    elif pair.kind == "message":
        yield from (line[1:] for line in pair.context.split("\n") if not MARKER.match(line))
    elif pair.kind != "question":
        yield from (line for line in f"{pair.context}\n{pair.response}".split("\n") if not MARKER.match(line))


def _filled(pair: Pair) -> str:
    return pair.context + pair.instruction + pair.response + pair.suffix


def _texts_of(row: Row, decode: Callable[[list[int]], str]) -> Iterator[str]:
    """Give what a row shows, and for a hole also what it shows once it is filled."""
    yield decode(row.input_ids)
    parts: list[list[int]] = [[]]
    for token in row.input_ids:
        if decode([token]):
            parts[-1].append(token)
        elif parts[-1]:
            parts.append([])
    if row.kind in HOLES and len(filled := [part for part in parts if part]) >= 3:
        before, after, middle = filled[-3:]
        yield decode(before) + decode(middle) + decode(after)


def _grams(words: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def _jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0
