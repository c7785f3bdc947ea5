"""Freeze evaluation items: a cursor in a line that a later commit added, and what its author typed next.

In: additions, read twice. Out: at most `dataset.items` items, spread over as many commits as possible, because the
verdict's intervals are clustered by commit. No tokenizer is involved, so that every base and every rival answers the
same items, and the order of the input plays no part.

The author typed from top to bottom: earlier lines of the addition stand before the cursor, later ones do not exist yet.
Dropped, with counts: lines of fewer than 6 visible or more than 160 characters, lines without a word, a line that
another item has asked already, and lines in which a secret or an e-mail address was replaced.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tuner.dataset.order import rank, unit
from tuner.recipe import DatasetSettings
from tuner.records import Addition, CursorPlace, Item, Rejected, content_id

FEWEST_VISIBLE = 6
LONGEST_LINE = 160
FEWEST_LEFT = 3  # visible characters after the cursor
FEWEST_TYPED = 2  # characters of a word before a cursor inside it
SPARE = 8  # candidates kept for each wanted item of a commit, since some lines are taken by other commits
LEXEME = re.compile(r"\w+|[^\w\s]")
WORD = re.compile(r"[^\W_]\w*|_\w+")
REDACTED = re.compile(
    r"REDACTED|user@example\.com|192\.0\.2\.|2001:db8::|\b[Ss]omeone\b"
)  # as the mine room marks what it replaced


@dataclass(frozen=True, slots=True)
class Question:
    """An item, the whole line that it stands in (stripped), and the addition that the line is from."""

    item: Item
    line: str
    added: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The questions by date, what was dropped, and the commits of all additions."""

    questions: list[Question]
    rejected: list[Rejected]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    turn: int
    key: int
    addition_id: str
    number: int
    line: str


def choose_items(additions: Callable[[], Iterable[Addition]], settings: DatasetSettings, seed: int) -> Chosen:
    """Choose and freeze the items; `additions` is called twice and must yield the same each time."""
    candidates: dict[str, list[_Candidate]] = {}
    rejected: list[Rejected] = []
    counts: Counter[str] = Counter()
    room = settings.items_per_commit * SPARE
    for addition in additions():
        counts["additions"] += 1
        found = []
        for number, line in enumerate(_lines(addition.added)):
            fault = fault_of(line)
            counts[f"added_lines.{fault or 'usable'}"] += 1
            if fault is None:
                key = rank(seed, "item", addition.id, str(number))
                found.append((key, number, line.strip()))
            elif fault == "redacted":
                rejected.append(Rejected(addition.id, "dataset", fault))
        if not found:
            rejected.append(Rejected(addition.id, "dataset", "no_usable_line"))
            continue
        ranked = sorted(found)[:room]
        mine = [_Candidate(turn, key, addition.id, number, line) for turn, (key, number, line) in enumerate(ranked)]
        of_commit = candidates.setdefault(addition.commit, [])
        of_commit += mine
        if len(of_commit) > 4 * room:
            candidates[addition.commit] = sorted(of_commit)[:room]
    wanted = _take_turns(candidates, settings, seed)
    questions = [
        _question(addition, number, settings, seed)
        for addition in additions()
        for number in sorted(wanted.pop(addition.id, ()))
    ]
    questions.sort(key=lambda each: (each.item.committed_at, each.item.commit, each.item.path, each.item.id))
    return Chosen(questions, rejected, dict(counts))


def fault_of(line: str) -> str | None:
    """Say why an added line makes no item; None when it makes one."""
    visible = sum(not each.isspace() for each in line)
    if visible < FEWEST_VISIBLE:
        return "short"
    if len(line.rstrip()) > LONGEST_LINE:
        return "long"
    if not any(each.isalnum() for each in line):
        return "no_word"
    if REDACTED.search(line):
        return "redacted"
    return None


def boundary_cursors(line: str) -> list[int]:
    """List the cursors between lexemes, the one after the indentation included."""
    edges = {place for match in LEXEME.finditer(line) for place in match.span()}
    return _with_enough_left(line, sorted(edges))


def inside_cursors(line: str) -> list[int]:
    """List the cursors inside words and numbers, after two or more of their characters."""
    return _with_enough_left(
        line, [at for match in WORD.finditer(line) for at in range(match.start() + FEWEST_TYPED, match.end())]
    )


def _with_enough_left(line: str, cursors: list[int]) -> list[int]:
    return [at for at in cursors if sum(not each.isspace() for each in line[at:]) >= FEWEST_LEFT]


def _take_turns(candidates: dict[str, list[_Candidate]], settings: DatasetSettings, seed: int) -> dict[str, list[int]]:
    """Let each commit give one line after the other, in seeded order, until there are enough."""
    commits = sorted(candidates, key=lambda commit: (rank(seed, "commit", commit), commit))
    queues: list[Iterator[_Candidate]] = [iter(sorted(candidates[commit])) for commit in commits]
    used: set[str] = set()
    wanted: dict[str, list[int]] = {}
    for _ in range(settings.items_per_commit):
        for queue in queues:
            if len(used) == settings.items:
                return wanted
            candidate = next((each for each in queue if each.line not in used), None)
            if candidate is not None:
                used.add(candidate.line)
                wanted.setdefault(candidate.addition_id, []).append(candidate.number)
    return wanted


def _question(addition: Addition, number: int, settings: DatasetSettings, seed: int) -> Question:
    lines = _lines(addition.added)
    whole = lines[number]
    line = whole.rstrip()
    ending = whole[len(whole.rstrip("\r\n")) :]
    place: CursorPlace = "boundary"
    cursors = boundary_cursors(line)
    inside = inside_cursors(line)
    if inside and unit(seed, "place", addition.id, str(number)) < settings.inside_share:
        place, cursors = "inside", inside
    at = cursors[rank(seed, "cursor", addition.id, str(number)) % len(cursors)]
    prefix = addition.prefix + "".join(lines[:number]) + line[:at]
    suffix, target = ending + addition.suffix, line[at:]
    item = Item(
        id=content_id(addition.repo, addition.path, addition.commit, place, prefix, suffix, target),
        repo=addition.repo,
        path=addition.path,
        language=addition.language,
        commit=addition.commit,
        committed_at=addition.committed_at,
        cursor=place,
        prefix=prefix,
        suffix=suffix,
        target=target,
        novel=True,
    )
    return Question(item, line.strip(), addition.added)


def _lines(text: str) -> list[str]:
    """Split at newlines only, keeping them: `splitlines` also splits at form feeds, which occur within lines."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
