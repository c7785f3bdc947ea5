"""Write what mine keeps and what it drops, and count both.

In: drafts with their provenance, additions, rejections. Out: lines in the three files of `mined/`, and the counts of
the `Mined` record. The names of the repository's authors are taken out here, on the way to disk. Dropped here: a pair
that was written before, and one whose cut leaves what looks like a secret or splits a person's name.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tuner.mine.asked import names_a_person_in_code
from tuner.mine.drafts import Draft
from tuner.mine.people import People
from tuner.mine.redact import find_secrets
from tuner.mine.scan import APART
from tuner.records import PAIR_KINDS, Addition, Neighbour, Pair, Rejected, to_json

ROOM = "mine"
END_CHARS = 600  # longer than any secret that is not dropped with its whole file
NAMES_MATTER = ("body", "test", "repository_infilling", "syntax_infilling", "line_infilling")
PAIRS, ADDITIONS, REJECTED = "mined/pairs.jsonl", "mined/additions.jsonl", "mined/rejected.jsonl"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a pair is from, and how much it counts."""

    repo: str
    commit: str
    committed_at: int
    weight: float


@dataclass(slots=True)
class Books:
    """The three open files, and the counts of what went into them. `people` are the authors of all repositories."""

    pairs: TextIO
    additions: TextIO
    rejected: TextIO
    people: People = field(default_factory=lambda: People(()))
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)

    def reject(self, source: str, reason: str) -> None:
        """Write down a source that gave nothing, or a candidate that was not taken."""
        printable = self._nameless(source.encode("utf-8", "backslashreplace").decode())
        self.rejected.write(to_json(Rejected(printable, ROOM, reason)) + "\n")
        self.reasons[reason] += 1

    def keep(self, draft: Draft, origin: Provenance) -> bool:
        """Write a pair, unless something speaks against it."""
        asked, before, after, response = map(
            self._nameless, (draft.instruction, draft.context, draft.suffix, draft.response)
        )
        pair = Pair.make(
            draft.kind,
            instruction=asked,
            context=before,
            suffix=after,
            response=response,
            neighbours=[Neighbour(each.path, self._nameless(each.text)) for each in draft.neighbours],
            repo=origin.repo,
            path=draft.path,
            language=draft.language,
            commit=origin.commit,
            committed_at=origin.committed_at,
            weight=origin.weight,
        )
        if reason := self._reason(pair):
            self.reject(pair.id, reason)
            return False
        self.ids.add(pair.id)
        self.pairs.write(to_json(pair) + "\n")
        self.counts[pair.kind] += 1
        return True

    def keep_addition(self, addition: Addition) -> bool:
        """Write an addition, unless a cut left what looks like a secret."""
        prefix, added, suffix = map(self._nameless, (addition.prefix, addition.added, addition.suffix))
        # a name that was replaced moves what stands behind it, and no item is made of such a line anyway
        spans = addition.spans if added == addition.added else []
        addition = dataclasses.replace(addition, prefix=prefix, added=added, suffix=suffix, spans=spans)
        if find_secrets(_ends((prefix, added, suffix))):
            self.reject(addition.id, "secret_after_cut")
            return False
        self.additions.write(to_json(addition) + "\n")
        self.counts["additions"] += 1
        return True

    def flush(self) -> None:
        """Bring everything to disk, where it can be read again."""
        for stream in (self.pairs, self.additions, self.rejected):
            stream.flush()

    def _nameless(self, text: str) -> str:
        redacted = self.people.redact(text)
        self.count_redactions(redacted.counts)
        return redacted.text

    def count_redactions(self, redactions: dict[str, int]) -> None:
        """Add to the counts of what was replaced."""
        for kind, count in redactions.items():
            self.counts[f"redacted.{kind}"] += count

    def _reason(self, pair: Pair) -> str | None:
        if pair.id in self.ids:
            return "duplicate_pair"
        if pair.kind == "file":  # whole: nothing was cut
            return None
        # A cut through the middle of a word can leave what looks like a secret although the whole file did not.
        texts = (pair.instruction, pair.context, pair.suffix, pair.response, *(each.text for each in pair.neighbours))
        if find_secrets(_ends(texts)):
            return "secret_after_cut"
        if self.people.names_in(pair.context + pair.instruction + pair.response + pair.suffix):
            return "name_after_cut"
        if pair.kind in NAMES_MATTER and any(map(names_a_person_in_code, texts)):
            return "name_in_code"  # what is compared with it no longer fits
        return None


def _ends(texts: Iterable[str]) -> str:
    """Give the parts of cut texts in which a cut can matter: inside, each is as it was in its redacted file."""
    ends = ((each,) if len(each) <= 2 * END_CHARS else (each[:END_CHARS], each[-END_CHARS:]) for each in texts)
    return APART.join(part for parts in ends for part in parts)


@contextmanager
def open_books(out: Path) -> Iterator[Books]:
    """Open the three files under `out`."""
    (out / PAIRS).parent.mkdir(parents=True, exist_ok=True)
    with (
        (out / PAIRS).open("w", encoding="utf-8", newline="\n") as pairs,
        (out / ADDITIONS).open("w", encoding="utf-8", newline="\n") as additions,
        (out / REJECTED).open("w", encoding="utf-8", newline="\n") as rejected,
    ):
        books = Books(pairs, additions, rejected)
        books.counts.update(dict.fromkeys((*PAIR_KINDS, "additions", "files_kept", "commits_kept"), 0))
        yield books
