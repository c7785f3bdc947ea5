"""Audit a run's dataset before training on it: what it holds, what was dropped, and whether the rows are right.

In: a run folder whose dataset stage has finished, and the renderer of its base. Out: an `Audit`, which is figures and
text to show, and nothing that depends on the clock. Nothing is changed and nothing dropped; a fault is counted with its
places. Rows are read twice, pairs and additions once, and none of them is held but the rows to preview.

    tuner dataset audit adapters/<run>
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuner.dataset.faults import Fault, FaultBook
from tuner.dataset.origins import Origins, Source, comparable
from tuner.dataset.row_checks import Preview, RowChecks, RowFigures, Side
from tuner.dataset.shares import Ages, Share, ages, folder_shares, overlap, shares
from tuner.errors import DataError
from tuner.progress import Progress
from tuner.records import (
    ITEM_KINDS,
    ONE_LINE_KINDS,
    PAIR_KINDS,
    Addition,
    Cut,
    Dataset,
    Item,
    Mined,
    Pair,
    Rejected,
    Row,
    RowKind,
    read_jsonl,
    sha256_file,
)
from tuner.render import Renderer
from tuner.rundir import Run
from tuner.strict import ALTERED

SPLIT = "data/split.json"
LONG_LINE = 20  # characters; shorter lines occur everywhere
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
CONTENT_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the funnel; None where the stage recorded no such count."""

    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why and how often a room dropped something. `what` is told from the form of its source."""

    room: str
    what: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """The evaluation items. `long_lines` of them have a line long enough to look for in the training rows."""

    items: int
    commits: int
    novel: int
    kinds: dict[str, int]
    cursors: dict[str, int]
    long_lines: int
    lines_trained: int


@dataclass(frozen=True, slots=True)
class Audit:
    """All that the page and the text show."""

    run: str
    repository: str
    base: str
    max_tokens: int
    cut: Cut
    kinds: dict[RowKind, RowFigures]
    valid: RowFigures
    valid_commits: int
    items: ItemFigures
    languages: list[Share]
    folders: list[Share]
    folder_overlap: float
    ages: Ages
    funnel: list[Step]
    reasons: list[Reason]
    previews: list[Preview]
    faults: list[Fault]

    @property
    def total(self) -> RowFigures:
        """Add up the kinds."""
        total = RowFigures()
        for each in self.kinds.values():
            total.add(each)
        return total


def make_audit(run: Run, renderer: Renderer, progress: Progress) -> Audit:
    """Read a run's pairs, rows and items, and check them."""
    mined, dataset = run.record("mine", Mined), run.record("dataset", Dataset)
    recipe = run.manifest["decides"]["recipe"]
    hashes, valid_commits = _read_split(run.folder / SPLIT)
    book = FaultBook()
    _check_files(run.folder, {**hashes, dataset.items: dataset.items_sha256}, book)
    items = list(_items(run.folder / dataset.items))
    reasons = Counter(_reasons(run.folder, mined, dataset))
    checks = RowChecks(
        _origins(run.folder, mined, dataset, progress),
        renderer,
        mined.cut,
        recipe["dataset"]["max_tokens"],
        recipe["seed"],
        valid_commits,
        _lines(items),
        book,
    )
    with progress.track("checking rows", total=None, unit="row") as track:
        for side, number, row in _rows(run.folder, dataset):
            checks.check(row, side, f"{getattr(dataset, side)}:{number} (pair {row.pair_id})")
            track.advance()
    _check_items(items, checks, mined.cut, book)
    folders = folder_shares(*_by_path(checks.by_file, Counter((item.repo, item.path) for item in items)))
    return Audit(
        run=run.folder.name,
        repository=run.manifest["repo"]["name"],
        base=run.manifest["base"]["name"],
        max_tokens=checks.max_tokens,
        cut=mined.cut,
        kinds=checks.figures,
        valid=checks.valid,
        valid_commits=len(valid_commits),
        items=_item_figures(items, checks),
        languages=shares(checks.by_language, Counter(item.language for item in items)),
        folders=folders,
        folder_overlap=overlap(folders),
        ages=ages(checks.by_time, Counter(item.committed_at for item in items), mined.cut.committed_at),
        funnel=_funnel(mined, dataset, checks),
        reasons=[
            Reason(*key, count) for key, count in sorted(reasons.items(), key=lambda each: (each[0][:2], -each[1]))
        ],
        previews=checks.previews(),
        faults=book.faults(),
    )


def _read_split(path: Path) -> tuple[dict[str, str], set[str]]:
    """Read the hashes of the files on both sides of the stage, and the commits kept for validation."""
    try:
        split = json.loads(path.read_text(encoding="utf-8"))
        return split["sha256"], set(split["valid_commits"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: no split of this version: {error!r:.80}", ALTERED) from None


def _check_files(folder: Path, wanted: dict[str, str], book: FaultBook) -> None:
    """Hash what the stage read and wrote."""
    for name, digest in sorted(wanted.items()):
        if not (folder / name).is_file() or sha256_file(folder / name) != digest:
            book.add("altered", name)


def _rows(folder: Path, dataset: Dataset) -> Iterator[tuple[Side, int, Row]]:
    sides: tuple[Side, ...] = ("train", "valid")
    for side in sides:
        for number, row in enumerate(read_jsonl(folder / getattr(dataset, side), Row), 1):
            yield side, number, row


def _origins(folder: Path, mined: Mined, dataset: Dataset, progress: Progress) -> Origins:
    wanted = {row.pair_id for _, _, row in _rows(folder, dataset)}
    dropped = read_jsonl(folder / dataset.rejected, Rejected)
    cut_open = {each.source for each in dropped if each.reason == "copy_of_future"}
    with progress.track("reading pairs", total=mined.metrics.get("mine.pairs"), unit="pair") as track:

        def pairs() -> Iterator[Pair]:
            for pair in read_jsonl(folder / mined.pairs, Pair):
                yield pair
                track.advance()

        return Origins(pairs(), read_jsonl(folder / mined.additions, Addition), wanted, cut_open)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the audit keeps of an item: all but the long text around the cursor."""

    id: str
    repo: str
    path: str
    language: str
    commit: str
    committed_at: int
    kind: str
    cursor: str
    novel: bool
    line: str


def _items(path: Path) -> Iterator[_Asked]:
    for item in read_jsonl(path, Item):
        # a body is novel if any of its lines is, so that its first one may well stand in a training row
        is_line = item.kind in ONE_LINE_KINDS
        line = comparable((item.prefix.rpartition("\n")[2] + item.target).strip()) if is_line else ""
        about = (item.id, item.repo, item.path, item.language, item.commit, item.committed_at)
        yield _Asked(*about, item.kind, item.cursor, item.novel, line)


def _by_path(tokens: Counter[Source], items: Counter[Source]) -> tuple[dict[str, int], dict[str, int]]:
    """Name files by their path, and with their repository in front where there are several."""
    several = len({repo for repo, _ in (*tokens, *items)}) > 1
    named = [
        {f"{repo}/{path}" if several else path: count for (repo, path), count in counts.items()}
        for counts in (tokens, items)
    ]
    return named[0], named[1]


def _lines(items: list[_Asked]) -> dict[str, list[str]]:
    """Map each line that is long enough to the items marked novel that ask for it."""
    lines: dict[str, list[str]] = {item.line: [] for item in items if len(item.line) >= LONG_LINE}
    for item in items:
        if item.novel and item.line in lines:
            lines[item.line].append(item.id)
    return lines


def _check_items(items: list[_Asked], checks: RowChecks, cut: Cut, book: FaultBook) -> None:
    for commit in sorted({item.commit for item in items} & checks.commits.keys()):
        book.add("commit_in_two_splits", f"commit {commit}, {checks.commits[commit]}")
    for commit in sorted({item.commit for item in items} & checks.valid_commits):
        book.add("valid_and_items", f"commit {commit}")
    for item in items:
        if item.committed_at <= cut.committed_at:
            book.add("wrong_side_of_cut", f"item {item.id}")


def _item_figures(items: list[_Asked], checks: RowChecks) -> ItemFigures:
    return ItemFigures(
        items=len(items),
        commits=len({item.commit for item in items}),
        novel=sum(item.novel for item in items),
        kinds={kind: sum(item.kind == kind for item in items) for kind in ITEM_KINDS},
        cursors=dict(sorted(Counter(item.cursor for item in items).items())),
        long_lines=sum(item.line in checks.lines for item in items),
        lines_trained=sum(item.line in checks.lines_seen for item in items),
    )


def _reasons(folder: Path, mined: Mined, dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    for path in (mined.rejected, dataset.rejected):
        for each in read_jsonl(folder / path, Rejected):
            commit, ident = SHA.fullmatch(each.source), CONTENT_ID.fullmatch(each.source)
            yield each.room, "commit" if commit else "pair or addition" if ident else "file", each.reason


def _funnel(mined: Mined, dataset: Dataset, checks: RowChecks) -> list[Step]:
    counts = mined.counts
    pairs = sum(checks.origins.pairs[kind] for kind in PAIR_KINDS)
    rows = sum(each.rows for each in checks.figures.values())
    left_out = dataset.counts.get("left_out_by_budget.rows")
    return [
        Step("commits read, of which kept", counts.get("commits_read"), counts.get("commits_kept")),
        Step("files seen, of which kept", counts.get("files_seen"), counts.get("files_kept")),
        Step("pairs mined, of which in rows", pairs, len(checks.pair_ids)),
        Step("rows made, of which within the budget", None if left_out is None else rows + left_out, rows),
        Step("additions mined, of which items", counts.get("additions"), int(dataset.metrics["dataset.items"])),
    ]
