"""The records that pass between stages, and how they lie on disk as JSON lines.

Every record is frozen, written with sorted keys, and read strictly: an unknown or missing key, or a value of the wrong
type, stops with file and line. Paths inside records are relative to the run folder, so that a run can be moved.
"""

from __future__ import annotations

import hashlib
import json
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from tuner.errors import DataError
from tuner.strict import ALTERED, LATER, hints, read

PairKind = Literal[
    "file", "syntax_infilling", "line_infilling", "repository_infilling", "body",
    "edit", "bugfix", "test", "message", "question",
]  # fmt: skip
PAIR_KINDS: tuple[PairKind, ...] = typing.get_args(PairKind)
# How a pair is shown to the model: read from left to right, as a hole in a file, or as a request in the chat template.
INFILLING_KINDS: tuple[PairKind, ...] = ("syntax_infilling", "line_infilling", "repository_infilling", "body")
CHAT_KINDS: tuple[PairKind, ...] = ("edit", "bugfix", "test", "message", "question")
# Kinds that are taken from a commit's change; the others are taken from the files as they stand at the cut.
COMMIT_KINDS: tuple[PairKind, ...] = ("edit", "bugfix", "test", "message")
# replay: the base's own answer to a general request, from no pair; addition: lines of a later commit, for validation.
RowKind = Literal[PairKind, "replay", "addition"]
CursorPlace = Literal["boundary", "inside"]
# What an item asks for: the rest of a line, of a call or a member's name, the body of a statement, that of a function.
ItemKind = Literal["line", "call", "block", "body"]
ITEM_KINDS: tuple[ItemKind, ...] = typing.get_args(ItemKind)
ONE_LINE_KINDS: tuple[ItemKind, ...] = ("line", "call")
SpanKind = Literal["call", "block", "body"]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository that was opened and checked. `path` is its git directory or work tree; `branch` None if detached."""

    name: str
    path: str
    revision: str
    branch: str | None


@dataclass(frozen=True, slots=True)
class Base:
    """A base model that is on this machine. `revision` identifies its exact weights and tokenizer."""

    name: str
    path: str
    revision: str
    fim_form: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another file of the same repository and commit that the model may read before the hole."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One training example in text. `response` is what is learned; everything else is the prompt.

    file             response is a whole file.
    infilling kinds  context is the text before the hole, instruction (if any) follows it at once, suffix is the text
                     after the hole; `neighbours` are files to be read first, the nearest last.
    chat kinds       instruction is the request in words, context the code that it is about (may be empty).

    `weight` is how often a pair should be drawn beside others of its kind: fresh, surviving code counts more.
    """

    id: str
    kind: PairKind
    instruction: str
    context: str
    suffix: str
    response: str
    neighbours: list[Neighbour]
    repo: str
    path: str
    language: str
    commit: str
    committed_at: int
    weight: float

    @staticmethod
    def make(
        kind: PairKind,
        *,
        response: str,
        repo: str,
        path: str,
        language: str,
        commit: str,
        committed_at: int,
        instruction: str = "",
        context: str = "",
        suffix: str = "",
        neighbours: Iterable[Neighbour] = (),
        weight: float = 1.0,
    ) -> Pair:
        """Build a pair whose id is the hash of all that it says and where it is from."""
        read_first = list(neighbours)
        beside = [text for each in read_first for text in (each.path, each.text)]
        ident = content_id(kind, instruction, context, suffix, response, repo, path, commit, *beside)
        return Pair(
            ident, kind, instruction, context, suffix, response, read_first, repo, path, language, commit,
            committed_at, weight,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an addition that is worth asking for, in characters of `added`.

    `start` is where the cursor would stand: behind the bracket or the dot of a call, or before the first line of a
    body. `end` is the end of the line, or of the body's last line.
    """

    kind: SpanKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Addition:
    """One run of lines that a commit after the cut added. `prefix` and `suffix` are that commit's file around it.

    The tree of `parent` is the state the author had before them; nothing later than `commit` is in any field. `spans`
    are what the syntax tree shows in `added`; none where there is no grammar.
    """

    id: str
    repo: str
    path: str
    language: str
    commit: str
    parent: str
    committed_at: int
    prefix: str
    added: str
    suffix: str
    spans: list[Span] = field(default_factory=list, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that was dropped. `source` is a path, a commit sha or a pair id; `room` is the stage that did."""

    source: str
    room: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The moment that separates training from evaluation. Training sees nothing that is later than `commit`."""

    commit: str
    committed_at: int
    commits_before: int
    commits_after: int
    note: str


@dataclass(frozen=True, slots=True)
class Item:
    """One frozen evaluation question: what did the author type after `prefix`?

    `kind` says how far: to the end of the line, or to that of the body which the cursor stands before. `novel` is true
    when the whole added line stands in no training pair; of a body, when any of its lines does not. `new_names` is true
    when the target uses a name that stands in no file at the cut.
    """

    id: str
    repo: str
    path: str
    language: str
    commit: str
    committed_at: int
    cursor: CursorPlace
    prefix: str
    suffix: str
    target: str
    novel: bool
    kind: ItemKind = field(default="line", metadata=LATER)
    new_names: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a pair or an addition: token ids, and as many labels, which are -100 wherever no loss is taken."""

    pair_id: str
    kind: RowKind
    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one system answered to one item. `raw` is as generated; `text` is cut where every system is cut.

    `bits` are the base-2 log loss of the target given the prompt (None where a system cannot say). `void` names why
    there is no answer (then no figure counts it); None for an answer, an empty one included. `format_failure` names
    what was wrong with the form of an answer that is scored all the same. `latency_ms` is None where items were
    answered together, so that no single one has a time of its own. `tokens` are those generated, `prompt_tokens` those
    read, both as the system counts them, None where it does not say. `cuts` are the cursors in the rest of the line at
    which a local model was tried, `right_cuts` those from which it would have given what is left of the line.
    `confidence` is the mean natural log-probability of the generated tokens, None where a system does not give it.
    """

    item_id: str
    raw: str
    text: str
    bits: float | None
    target_bytes: int
    tokens: int | None
    latency_ms: float | None
    void: str | None
    prompt_tokens: int | None = None
    format_failure: str | None = None
    cuts: int | None = field(default=None, metadata=LATER)
    right_cuts: int | None = field(default=None, metadata=LATER)
    confidence: float | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure over `n` values with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class MinedRepo:
    """One repository that was mined; `cut` is None where all of it is later than the common moment."""

    name: str
    revision: str
    cut: Cut | None


@dataclass(frozen=True, slots=True)
class Mined:
    """What mine leaves: `mined/pairs.jsonl`, `additions.jsonl`, `rejected.jsonl`, `names.json.gz`.

    `cut` is that of all `repos` together: the latest moment that training sees, and the commits on both sides. `names`
    is None in runs of older versions, which noted none.
    """

    pairs: str
    additions: str
    rejected: str
    cut: Cut
    repos: list[MinedRepo]
    counts: dict[str, int]
    rejected_counts: dict[str, int]
    metrics: dict[str, float]
    names: str | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What dataset leaves: rows to train and validate on, frozen items with their hash, card; notes for the user."""

    train: str
    valid: str
    items: str
    items_sha256: str
    rejected: str
    counts: dict[str, int]
    rejected_counts: dict[str, int]
    metrics: dict[str, float]
    notes: list[str] = field(default_factory=list, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A trained adapter in PEFT layout."""

    folder: str
    base_name: str
    base_revision: str
    sha256: str
    metrics: dict[str, float]
    fallbacks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One system's answers and scores over the frozen items; `about` says what answered: model, version, day."""

    system: str
    items_sha256: str
    predictions: str
    scores: dict[str, Interval]
    metrics: dict[str, float]
    about: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artefact:
    """One exported file or folder and how far its answers are from the evaluated model's; None: no engine ran it."""

    name: str
    path: str
    format: str
    sha256: str
    max_abs_difference: float | None
    mean_kl: float | None
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What export leaves, with the parity of each artefact."""

    folder: str
    artefacts: list[Artefact]
    metrics: dict[str, float]
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """What report leaves: one offline page, and the same figures as Markdown."""

    html: str
    markdown: str
    metrics: dict[str, float]


def content_id(*parts: str) -> str:
    """Hash `parts` to 16 hex digits; the parts are length-prefixed, so that no two lists collide by joining."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:16]


def sha256_file(path: Path) -> str:
    """Hash a file's bytes, in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def to_json(record: Any) -> str:
    """Write a record as one line of JSON with sorted keys."""
    return json.dumps(record, default=_fields, ensure_ascii=False, sort_keys=True)


def from_json(record_type: type[R], values: Any, where: str) -> R:
    """Build a record from parsed JSON; `where` is the file and line that a message names."""
    return typing.cast(R, read(record_type, values, where, ""))


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Write one record a line and return how many there were."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for record in records:
            stream.write(to_json(record) + "\n")
            count += 1
    return count


def read_jsonl(path: Path, record_type: type[R]) -> Iterator[R]:
    """Yield the records of a file in order; a malformed line stops with its number."""
    if not path.is_file():
        raise DataError(f"{path}: no such file", "run the stage that writes it again; `make verify RUN=...` says which")
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            where = f"{path}:{number}"
            try:
                values = json.loads(line)
            except ValueError as error:  # bytes that are no JSON, or no text at all
                raise DataError(f"{where}: not JSON: {getattr(error, 'msg', 'not UTF-8')}", ALTERED) from None
            yield from_json(record_type, values, where)


def _fields(record: Any) -> dict[str, Any]:
    """List a record's fields without the deep copy of `dataclasses.asdict`, which rows of token ids cannot afford."""
    record_type: Any = type(record)
    return {name: getattr(record, name) for name in hints(record_type)}
