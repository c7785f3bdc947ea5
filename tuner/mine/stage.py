"""Turn repositories into training pairs from before a cut, and additions from after it.

In: checked `Repo`s, `recipe.mine`, a seed, a folder for what is remembered between runs. Out: `mined/pairs.jsonl`,
`mined/additions.jsonl`, `mined/rejected.jsonl`, `mined/names.json.gz`. Every commit that was read and every file of the
snapshots ends in a pair, an addition or, with a reason, among the rejected. The same repositories, settings and seed
give the same bytes, whether or not something was remembered. No text leaves this room unredacted: what was written is
scanned again.

    tuner mine --repo PATH
"""

from __future__ import annotations

import time
from pathlib import Path

from tuner import __version__
from tuner.errors import RepoError
from tuner.mine.books import ADDITIONS, PAIRS, REJECTED, Books, Provenance, open_books
from tuner.mine.changes import FEW_COMMITS, Changes, Touch
from tuner.mine.cut import Split, choose_cuts
from tuner.mine.draw import Draw, draw
from tuner.mine.held_log import MOST_HELD
from tuner.mine.ledger import Ledger, read_ledger
from tuner.mine.memo import Memo
from tuner.mine.names import names_of
from tuner.mine.people import People
from tuner.mine.scan import require_clean
from tuner.mine.snapshot import Snapshot
from tuner.mine.workers import Workers
from tuner.recipe import MineSettings
from tuner.records import PAIR_KINDS, Cut, Mined, MinedRepo, Repo, content_id
from tuner.repo_names import PLACE as NAMES
from tuner.repo_names import RepoNames, write_names
from tuner.rundir import Workspace, slug

# What these choose is not what is found in a commit or file: the results that are remembered serve all their values.
DECIDES_NO_FACT = {"only_authors", "except_authors", "cut", "history_commits", "later_commits", "repository_files"}


def run(repos: list[Repo], settings: MineSettings, seed: int, memory: Path, work: Workspace) -> Mined:
    """Mine `repos` into `work.out`; results are remembered under `memory`."""
    started = time.monotonic()
    with open_books(work.out) as books, Workers() as workers:
        room = MOST_HELD // len(repos)
        ledgers = [read_ledger(repo, settings, books, work.progress, room) for repo in repos]
        names = {name for ledger in ledgers for name in ledger.names}
        books.people = People(names)
        workers.expect(sum(len(ledger.code) for ledger in ledgers), FEW_COMMITS)
        splits = choose_cuts(ledgers, settings)
        draws = draw(ledgers, splits, settings, seed, work.progress)
        known: list[RepoNames] = []
        for ledger, split, drawn in zip(ledgers, splits, draws, strict=True):
            decides = settings.model_dump_json(exclude=DECIDES_NO_FACT)
            place = memory / f"{slug(ledger.repo.name)}-{content_id(ledger.repo.path)[:8]}.sqlite"
            with Memo(place, _program(), ledger.repo.name, decides, str(seed)) as memo:
                known.append(_mine(ledger, split, drawn, settings, seed, names, memo, workers, books, work))
        if not books.counts["files_kept"]:
            raise RepoError(
                f"{', '.join(repo.name for repo in repos)}: holds no code that passes the gates "
                f"(commit {_common(splits).commit[:12]}, {_leading(books)})",
                "is this the right REPO=? mine.include and mine.exclude choose the files, mine.cut the commit",
            )
        books.flush()
        write_names(work.out / NAMES, known)
        with work.progress.track("searching what was written", total=3, unit="file") as track:
            for name in (PAIRS, ADDITIONS, REJECTED):
                require_clean([work.out / name], books.people, settings.scanner, workers)
                track.advance(1)
    seconds = time.monotonic() - started
    metrics = {
        "mine.seconds": round(seconds, 3),
        "mine.commits": float(books.counts["commits_read"]),
        "mine.commits_per_second": round(books.counts["commits_read"] / max(seconds, 1e-9), 1),
        "mine.files": float(books.counts["files_kept"]),
        "mine.pairs": float(sum(books.counts[kind] for kind in PAIR_KINDS)),
        "mine.additions": float(books.counts["additions"]),
        "mine.remembered": float(books.counts.pop("files_remembered") + books.counts.pop("commits_remembered")),
    }
    mined = [MinedRepo(repo.name, repo.revision, split.cut) for repo, split in zip(repos, splits, strict=True)]
    counts, reasons = dict(sorted(books.counts.items())), dict(sorted(books.reasons.items()))
    return Mined(PAIRS, ADDITIONS, REJECTED, _common(splits), mined, counts, reasons, metrics, NAMES)


def _mine(
    ledger: Ledger,
    split: Split,
    drawn: Draw,
    settings: MineSettings,
    seed: int,
    names: set[str],
    memo: Memo,
    workers: Workers,
    books: Books,
    work: Workspace,
) -> RepoNames:
    """Mine one repository: its files first, since commits are judged by what is left of them. Give its names."""
    cut, snapshot = split.cut, None
    if cut is not None:
        snapshot = Snapshot(ledger.repo, cut.commit, settings, seed, memo, books, work.scratch)
        snapshot.read(names, workers, work.progress)
    changes = Changes(ledger, split, drawn, snapshot, settings, books)
    changes.mine(memo, workers, work.progress)
    if cut is not None and snapshot is not None:
        weights = changes.warmth.weights(snapshot.kept)

        def origin(path: str) -> Provenance:
            touch = changes.touched.get(path, Touch(cut.commit, cut.committed_at))
            return Provenance(ledger.repo.name, touch.commit, min(touch.committed_at, cut.committed_at), weights[path])

        snapshot.write(origin, workers, work.progress)
    commit = cut.commit if cut is not None else None
    with work.progress.track(f"noting names of {ledger.repo.name}", total=None, unit="step") as track:
        found = names_of(ledger.repo, commit, changes.after, changes.past, books.people, workers)
        track.advance(1)
    return found


def _program() -> str:
    """Name this room's program by its source, so that what an older one found is not taken for what this one finds."""
    sources = (path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.rglob("*.py")))
    return content_id(__version__, *sources)


def _common(splits: list[Split]) -> Cut:
    """Give the cut of all repositories together: one moment, and the commits on both sides of it."""
    cuts = [split.cut for split in splits if split.cut is not None]
    if len(cuts) == 1:
        return cuts[0]
    return Cut(
        "+".join(cut.commit for cut in cuts),
        max(cut.committed_at for cut in cuts),
        sum(cut.commits_before for cut in cuts),
        sum(cut.commits_after for cut in cuts),
        cuts[0].note,
    )


def _leading(books: Books) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in books.reasons.most_common(3))
    return f"dropped: {reasons}" if reasons else "it is empty"
