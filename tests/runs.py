"""A run folder with three tiny stages, for the tests of the run folder: words, then their count, then a verdict.

chain = Chain(tmp_path / "adapters")
chain.go()                      # [("words", "done"), ("count", "done"), ("judge", "done")]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.records import Base, Repo
from tuner.rundir import Run, State, Workspace

REPO = Repo("Shop.git", "/somewhere/Shop.git", "a" * 40, "main")
BASE = Base("org/Tiny-Base", "/somewhere/else", "b" * 64, "qwen")


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """What the first stage leaves."""

    path: str
    metrics: dict[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """What the last stage leaves."""

    verdict: str


def write_words(work: Workspace) -> Words:
    """Write two files, in two folders."""
    for name in ("mined/words.txt", "log.txt"):
        path = work.out / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name}: one two three\n", encoding="utf-8")
    return Words("mined/words.txt", {"words.count": 3.0})


def count_words(work: Workspace) -> Words:
    """Read what the first stage wrote."""
    count = len((work.run / "mined/words.txt").read_text(encoding="utf-8").split())
    (work.out / "count.txt").write_text(f"{count}\n", encoding="utf-8")
    return Words("count.txt", {"count.words": float(count)})


def judge(work: Workspace) -> Judged:
    """Write no file at all."""
    return Judged("ship")


class Chain:
    """One run, whose stages are called one after another."""

    def __init__(self, adapters: Path, recipe: Recipe | None = None, repo: Repo = REPO) -> None:
        self.run = Run.create(adapters, repo, BASE, recipe or Recipe())
        self.folder = self.run.folder

    def words(self, first: Callable[[Workspace], Words] = write_words, **settings: object) -> State:
        """Run the first stage."""
        given = {"size": 3, **settings}
        return self.run.stage("words", Words, first, settings=given, inputs=[], progress=Progress())[1]

    def rest(self) -> list[State]:
        """Run the second and the third stage."""
        inputs = ["mined/words.txt"]
        count = self.run.stage("count", Words, count_words, settings={}, inputs=inputs, progress=Progress())
        last = self.run.stage("judge", Judged, judge, settings={}, inputs=["count.txt"], progress=Progress())
        return [count[1], last[1]]

    def go(self) -> list[State]:
        """Run all stages."""
        return [self.words(), *self.rest()]

    def reopened(self) -> Run:
        """Read the run from its folder again."""
        return Run.find(self.folder)

    def files(self) -> dict[str, bytes]:
        """Give all that lies in the folder; the manifest and the copies of it say when, and are left out."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file() and path.name != "manifest.json")
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}
