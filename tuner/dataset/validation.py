"""Keep some later commits for validation, and render what they added as rows whose loss is that of evaluation.

In: additions, and the lines that the evaluation items ask for. Out: rows of at most `dataset.max_tokens` tokens. A row
is the prompt that evaluation would show at the beginning of the added lines, and behind it these lines as their author
typed them. So each of them is foretold from the file and from the added lines above it, as an item's is, and one row
holds as much as several items. Labels stand on lines that could make an item, and on nothing else: the mean loss in
nats per token is the bits per byte of validation but for a constant factor.

Commits take turns, in seeded order, so that the rows come from as many of them as possible.

Dropped: lines that make no item, and lines that an item asks for, since nothing that is reported may decide what is
kept; all but the first lines of what is long; with counted reasons, additions that leave no labelled line in a row
(`no_valid_line`), that repeat a row (`duplicate_row`), or whose text the tokenizer spells otherwise (`respelled`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, zip_longest

from tuner.dataset.cursors import fault_of, lines_of
from tuner.dataset.order import rank
from tuner.dataset.split import choose_valid_commits, missing_note
from tuner.recipe import DatasetSettings
from tuner.records import Addition, Rejected, Row
from tuner.render import MASKED, Renderer

LINES = 20  # of one addition at most: as far as any answer is looked at
SPARE = 4  # additions kept for each row that is wanted, since some give none
PROMPT_SHARE = 0.75  # of a row at most: something must be left for the lines


@dataclass(slots=True)
class Kept:
    """The commits kept for validation, and those of their additions that may become rows, in turns."""

    commits: list[str]
    later_commits: int
    notes: list[str]
    turns: list[str]
    found: dict[str, Addition] = field(default_factory=dict)

    def others(self, additions: Iterable[Addition]) -> Iterator[Addition]:
        """Pass on the additions of all other commits, and hold those that may become rows."""
        kept, wanted = set(self.commits), set(self.turns)
        for addition in additions:
            if addition.commit not in kept:
                yield addition
            elif addition.id in wanted:
                self.found[addition.id] = addition


@dataclass(slots=True)
class ValidRows:
    """The rows by date, the text behind them, how many tokens and bytes have a label, and what was dropped."""

    rows: list[Row] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    commits: set[str] = field(default_factory=set)
    labels: int = 0
    bytes: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def keep_for_validation(additions: Iterable[Addition], settings: DatasetSettings, seed: int) -> Kept:
    """Choose the commits, among those with a line that could make an item."""
    of_commit: dict[str, list[str]] = {}
    sources: set[tuple[str, str]] = set()
    for addition in additions:
        if any(fault_of(line) is None for line in lines_of(addition.added)):
            sources.add((addition.repo, addition.commit))
            of_commit.setdefault(addition.commit, []).append(addition.id)
    commits = choose_valid_commits(sources, settings.valid_share, seed)
    notes = [missing_note(len(of_commit), settings.valid_share)] if settings.valid_share and not commits else []
    queues = [
        sorted(set(of_commit[commit]), key=lambda each: (rank(seed, "valid row", each), each))
        for commit in sorted(commits, key=lambda each: (rank(seed, "valid turn", each), each))
    ]
    turns = [each for turn in zip_longest(*queues) for each in turn if each is not None]
    return Kept(commits, len(of_commit), notes, turns[: SPARE * settings.valid_rows])


def valid_rows(
    kept: Kept,
    asked_lines: Collection[str],
    renderer: Renderer,
    settings: DatasetSettings,
    prompt_tokens: int,
    seed: int,
) -> ValidRows:
    """Render the rows; `prompt_tokens` is the room that evaluation gives a prompt."""
    made, seen = ValidRows(), set()
    taken: list[tuple[Addition, Row]] = []
    room = min(prompt_tokens, int(PROMPT_SHARE * settings.max_tokens))
    for ident in kept.turns:
        if len(taken) == settings.valid_rows:
            break
        addition = kept.found[ident]
        rendered = _rendered(addition, asked_lines, renderer, settings.max_tokens, room, seed)
        if isinstance(rendered, str):
            made.rejected.append(Rejected(ident, "dataset", rendered))
        elif (key := (tuple(rendered[0].input_ids), tuple(rendered[0].labels))) in seen:
            made.rejected.append(Rejected(ident, "dataset", "duplicate_row"))
        else:
            row, spelled = rendered
            seen.add(key)
            taken.append((addition, row))
            made.bytes += spelled
    taken.sort(key=lambda each: (each[0].committed_at, each[0].commit, each[0].path, each[0].id))
    made.rows = [row for _, row in taken]
    made.labels = sum(len(row.labels) - row.labels.count(MASKED) for row in made.rows)
    made.commits = {addition.commit for addition, _ in taken}
    made.added = [addition.added for addition, _ in taken]
    return made


def _rendered(
    addition: Addition, asked_lines: Collection[str], renderer: Renderer, max_tokens: int, room: int, seed: int
) -> tuple[Row, int] | str:
    """Give the row with the bytes that its labels spell, or say why there is none."""
    lines = lines_of(addition.added)
    start = rank(seed, "valid line", addition.id) % max(1, len(lines) - LINES + 1)
    shown = lines[start : start + LINES]
    before = addition.prefix + "".join(lines[:start])
    while shown:
        text = "".join(shown)
        typed = text.rstrip("\r\n")
        prompt = renderer.infilling_prompt(
            before, text[len(typed) :] + addition.suffix, addition.path, room, repo=addition.repo
        )
        completion = renderer.completion_ids(prompt.healed, typed)
        if len(prompt.ids) + len(completion) <= max_tokens:
            break
        shown.pop()
    else:
        return "no_valid_line"
    spelled = [renderer.vocabulary[ident] if ident < len(renderer.vocabulary) else b"" for ident in completion]
    if b"".join(spelled) != prompt.healed + typed.encode("utf-8"):
        return "respelled"
    ends = list(accumulate((len(line.encode("utf-8")) for line in shown), initial=len(prompt.healed)))
    labels = [MASKED] * len(prompt.ids)
    count, at = 0, 0
    for ident, own in zip(completion, spelled, strict=True):
        at += len(own)
        line = bisect_right(ends, at - 1) - 1  # that of the token's last byte; -1 where it only spells what was there
        is_told = line >= 0 and fault_of(shown[line]) is None and shown[line].strip() not in asked_lines
        is_told = is_told and bool(labels)  # a row's first token has nothing before it
        labels.append(ident if is_told else MASKED)
        count += min(len(own), at - len(prompt.healed)) if is_told else 0
    if not count:
        return "no_valid_line"
    return Row(addition.id, "addition", prompt.ids + completion, labels), count
