"""Write what mine keeps and what it drops, and count both.

In: pairs, additions, rejections. Out: lines in the three files of `mined/`, and the counts of the `Mined` record.
Dropped here: a pair that was written before, and one whose cut leaves what looks like a secret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tuner.mine.redact import find_secrets
from tuner.records import PAIR_KINDS, Addition, Pair, Rejected, to_json

ROOM = "mine"
PAIRS, ADDITIONS, REJECTED = "mined/pairs.jsonl", "mined/additions.jsonl", "mined/rejected.jsonl"


@dataclass(slots=True)
class Books:
    """The three open files, and the counts of what went into them."""

    pairs: TextIO
    additions: TextIO
    rejected: TextIO
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)

    def reject(self, source: str, reason: str) -> None:
        printable = source.encode("utf-8", "backslashreplace").decode()
        self.rejected.write(to_json(Rejected(printable, ROOM, reason)) + "\n")
        self.reasons[reason] += 1

    def keep_pair(self, pair: Pair) -> bool:
        if pair.id in self.ids:
            self.reject(pair.id, "duplicate_pair")
            return False
        # A cut through the middle of a word can leave what looks like a secret although the whole file did not.
        texts = (pair.instruction, pair.context, pair.response, pair.suffix)
        if pair.kind in ("infilling", "body") and any(map(find_secrets, texts)):
            self.reject(pair.id, "secret_after_cut")
            return False
        self.ids.add(pair.id)
        self.pairs.write(to_json(pair) + "\n")
        self.counts[pair.kind] += 1
        return True

    def keep_addition(self, addition: Addition) -> bool:
        if any(map(find_secrets, (addition.prefix, addition.added, addition.suffix))):
            self.reject(addition.id, "secret_after_cut")
            return False
        self.additions.write(to_json(addition) + "\n")
        self.counts["additions"] += 1
        return True

    def count_redactions(self, redactions: dict[str, int]) -> None:
        for kind, count in redactions.items():
            self.counts[f"redacted.{kind}"] += count


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
