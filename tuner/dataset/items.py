"""Freeze evaluation items: a cursor in what a later commit added, and what its author typed next.

In: additions, read twice. Out: at most `dataset.items` items, spread over as many commits as possible, because the
verdict's intervals are clustered by commit. The order of the input plays no part.

    line    a cursor anywhere in a line, to its end
    call    a cursor behind the opening bracket of a call or the dot of a member, to the end of the line
    block   a cursor before the body of a statement, to the body's end
    body    a cursor before the body of a function, to the body's end

`dataset.item_shares` says how many there are of each; lines take the place of what a repository lacks. The author typed
from top to bottom: earlier lines of the addition stand before the cursor, later ones do not exist yet.

Dropped, with counts: lines of fewer than 6 visible or more than 160 characters, lines without a word, lines that
another item has asked already, those in which a secret or an e-mail address was replaced, and bodies that the rule by
which every answer is cut would not end where they end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tuner.dataset.cursors import asked_lines, boundary_cursors, fault_of, inside_cursors, lines_of
from tuner.dataset.order import rank, unit
from tuner.recipe import DatasetSettings
from tuner.records import ITEM_KINDS, ONE_LINE_KINDS, Addition, CursorPlace, Item, ItemKind, Rejected, content_id
from tuner.truncation import cut

SPARE = 8  # candidates kept for each wanted item of a commit, since some lines are taken by other commits


@dataclass(frozen=True, slots=True)
class Question:
    """An item, the lines that it asks for (stripped, the cursor's first), and the addition that they are from."""

    item: Item
    lines: tuple[str, ...]
    added: str

    @property
    def line(self) -> str:
        return self.lines[0]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The questions by date, what was dropped, and the commits of all additions."""

    questions: list[Question]
    rejected: list[Rejected]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    """A line by its number in the addition, or a span by its place among the addition's; `turn` is within its kind."""

    turn: int
    key: int
    addition_id: str
    kind: ItemKind
    number: int
    lines: tuple[str, ...]


@dataclass(slots=True)
class _Taken:
    """What has been chosen so far."""

    lines: set[str] = field(default_factory=set)
    of_commit: Counter[str] = field(default_factory=Counter)
    candidates: list[_Candidate] = field(default_factory=list)

    def take(self, candidate: _Candidate, commit: str) -> None:
        self.lines.update(candidate.lines)
        self.of_commit[commit] += 1
        self.candidates.append(candidate)


def choose_items(additions: Callable[[], Iterable[Addition]], settings: DatasetSettings, seed: int) -> Chosen:
    """Choose and freeze the items; `additions` is called twice and must yield the same each time."""
    candidates: dict[ItemKind, dict[str, list[_Candidate]]] = {kind: {} for kind in ITEM_KINDS}
    rejected: list[Rejected] = []
    counts: Counter[str] = Counter()
    room = settings.items_per_commit * SPARE
    for addition in additions():
        counts["additions"] += 1
        found = [*_line_candidates(addition, seed, counts, rejected), *_span_candidates(addition, seed, counts)]
        if not any(each.kind == "line" for each in found):
            rejected.append(Rejected(addition.id, "dataset", "no_usable_line"))
        for kind in ITEM_KINDS:
            of_commit = candidates[kind].setdefault(addition.commit, [])
            of_commit += _in_turns([each for each in found if each.kind == kind], room)
            if len(of_commit) > 4 * room:
                candidates[kind][addition.commit] = sorted(of_commit)[:room]
    wanted: dict[str, list[_Candidate]] = {}
    for candidate in _chosen(candidates, settings, seed):
        wanted.setdefault(candidate.addition_id, []).append(candidate)
    questions = [
        _question(addition, candidate, settings, seed)
        for addition in additions()
        for candidate in sorted(wanted.pop(addition.id, ()), key=lambda each: (each.kind, each.number))
    ]
    questions.sort(key=lambda each: (each.item.committed_at, each.item.commit, each.item.path, each.item.id))
    return Chosen(questions, rejected, dict(counts))


def _line_candidates(
    addition: Addition, seed: int, counts: Counter[str], rejected: list[Rejected]
) -> Iterator[_Candidate]:
    for number, line in enumerate(lines_of(addition.added)):
        fault = fault_of(line)
        counts[f"added_lines.{fault or 'usable'}"] += 1
        if fault is None:
            yield _Candidate(
                0, rank(seed, "item", addition.id, str(number)), addition.id, "line", number, (line.strip(),)
            )
        elif fault == "redacted":
            rejected.append(Rejected(addition.id, "dataset", fault))


def _span_candidates(addition: Addition, seed: int, counts: Counter[str]) -> Iterator[_Candidate]:
    for number, span in enumerate(addition.spans):
        lines = asked_lines(addition, span)
        key = rank(seed, span.kind, addition.id, str(number))
        candidate = _Candidate(0, key, addition.id, span.kind, number, tuple(lines))
        fault = "unusable"
        if lines:
            is_cut_there = span.kind == "call" or _is_cut_at_its_end(addition, candidate)
            fault = "usable" if is_cut_there else "not_cut_at_its_end"
        counts[f"spans.{span.kind}.{fault}"] += 1
        if fault == "usable":
            yield candidate


def _is_cut_at_its_end(addition: Addition, candidate: _Candidate) -> bool:
    item = _item(addition, candidate, 0, "boundary")
    rest = addition.added[addition.spans[candidate.number].end :] + addition.suffix
    return cut(item, item.target + rest) == item.target


def _in_turns(found: list[_Candidate], room: int) -> list[_Candidate]:
    """Number an addition's candidates in seeded order, so that a commit's additions take turns."""
    return [
        _Candidate(turn, each.key, each.addition_id, each.kind, each.number, each.lines)
        for turn, each in enumerate(sorted(found)[:room])
    ]


def _chosen(
    candidates: dict[ItemKind, dict[str, list[_Candidate]]], settings: DatasetSettings, seed: int
) -> list[_Candidate]:
    """Choose the bodies first, of which there are fewest, and fill up with lines."""
    taken = _Taken()
    for kind in reversed(ITEM_KINDS):
        share = getattr(settings.item_shares, kind)
        most = settings.items if kind == "line" else len(taken.candidates) + round(settings.items * share)
        _take_turns(candidates[kind], kind, min(most, settings.items), settings.items_per_commit, seed, taken)
    return taken.candidates


def _take_turns(
    candidates: dict[str, list[_Candidate]], kind: ItemKind, most: int, per_commit: int, seed: int, taken: _Taken
) -> None:
    """Let each commit give one candidate after the other, in seeded order, until there are enough."""
    name = "commit" if kind == "line" else f"commit {kind}"
    commits = sorted(candidates, key=lambda commit: (rank(seed, name, commit), commit))
    queues: dict[str, Iterator[_Candidate]] = {commit: iter(sorted(candidates[commit])) for commit in commits}
    for turn in range(per_commit):
        for commit, queue in queues.items():
            if len(taken.candidates) >= most:
                return
            if taken.of_commit[commit] > turn:
                continue
            candidate = next((each for each in queue if taken.lines.isdisjoint(each.lines)), None)
            if candidate is not None:
                taken.take(candidate, commit)


def _question(addition: Addition, candidate: _Candidate, settings: DatasetSettings, seed: int) -> Question:
    place: CursorPlace = "boundary"
    at = 0
    if candidate.kind == "line":
        number = str(candidate.number)
        line = lines_of(addition.added)[candidate.number].rstrip()
        cursors = boundary_cursors(line)
        inside = inside_cursors(line)
        if inside and unit(seed, "place", addition.id, number) < settings.inside_share:
            place, cursors = "inside", inside
        at = cursors[rank(seed, "cursor", addition.id, number) % len(cursors)]
    return Question(_item(addition, candidate, at, place), candidate.lines, addition.added)


def _item(addition: Addition, candidate: _Candidate, at: int, place: CursorPlace) -> Item:
    """Cut an addition at a line's character `at`, or at a span; what the author had not typed yet is left out."""
    added, kind = addition.added, candidate.kind
    if kind == "line":
        lines = lines_of(added)
        start = sum(map(len, lines[: candidate.number])) + at
        end = start + len(lines[candidate.number][at:].rstrip())
    else:
        start, end = addition.spans[candidate.number].start, addition.spans[candidate.number].end
    stop = added.find("\n", end)
    line_end = added[end : stop + 1 if stop >= 0 else len(added)]
    ending = line_end[len(line_end.rstrip("\r\n")) :]
    prefix, suffix, target = addition.prefix + added[:start], ending + addition.suffix, added[start:end]
    # an item of a line keeps the id that it had before there were other kinds
    own = [] if kind == "line" else [kind]
    return Item(
        id=content_id(addition.repo, addition.path, addition.commit, place, prefix, suffix, target, *own),
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
        kind=kind,
    )


def is_known(question: Question, known_lines: set[str]) -> bool:
    """Tell whether training knows the item's line, or every line of its body."""
    lines = question.lines[:1] if question.item.kind in ONE_LINE_KINDS else question.lines
    return known_lines.issuperset(lines)
