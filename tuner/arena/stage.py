"""Open a finished run for blind voting: which duels there are, what they show, and what the votes say.

In: a run whose systems were compared: `eval/comparison.json`, the frozen items and every system's predictions, each of
which must be the file that its stage wrote. Out: an `Arena`; with votes, `Preferences`, which also go into
`arena/ratings.json`. The votes lie beside it in `arena/votes.sqlite`. Refused: fewer than two systems, systems that the
run does not have, and systems that never differ. Nothing else of the run is touched.

    make arena RUN=adapters/...
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.arena.duels import Duel, Matchup, pair_up
from tuner.arena.ratings import preferences
from tuner.arena.votes import Vote, Votes
from tuner.comparison import Contest
from tuner.errors import DataError, MachineError, RunError
from tuner.preference import Preferences
from tuner.records import Dataset, Item, Prediction, from_json, read_jsonl, to_json
from tuner.rundir import Run, write_atomically

COMPARISON = "eval/comparison.json"
FOLDER = "arena"
_COMPARE_AGAIN = "repeat the `make compare` command"


@dataclass(frozen=True, slots=True)
class Arena:
    """What can be voted on in one run. `items` and `duels` are by id; the duels stand in the order of the deal."""

    folder: Path
    items_sha256: str
    seed: int
    systems: list[str]
    items: dict[str, Item]
    duels: dict[str, Duel]
    matchups: list[Matchup]

    def open_votes(self) -> Votes:
        """Open the run's votes, or begin them."""
        return Votes(self.folder / "votes.sqlite", self.items_sha256)

    def preferences(self, votes: Sequence[Vote]) -> Preferences:
        """Say what the votes say."""
        return preferences(self.systems, self.matchups, self.duels, votes, self.items_sha256, self.seed)


def open_arena(run: Run, only: Sequence[str] = ()) -> Arena:
    """Read and check what the votes will be about; `only` leaves out all other systems."""
    if run.entry("compare") is None:
        raise RunError(
            f"{run.folder}: its systems have not been compared", "repeat the `make train` command of this run"
        )
    run.verified(COMPARISON)
    path = run.folder / COMPARISON
    contest = from_json(Contest, json.loads(path.read_text(encoding="utf-8")), str(path))
    dataset = run.record("dataset", Dataset)
    found = run.verified(dataset.items)
    if found != contest.items_sha256:
        raise DataError(
            f"{path}: it is about items {contest.items_sha256[:12]}, the run has {found[:12]}", _COMPARE_AGAIN
        )
    systems = _chosen([each.name for each in contest.systems], only, run.folder)
    pairs = [(each.a, each.b) for each in contest.pairings if each.a in systems and each.b in systems]
    items = {each.id: each for each in read_jsonl(run.folder / dataset.items, Item)}
    answers = {name: _answers(run, name, items) for name in systems}
    seed = run.manifest["decides"]["recipe"]["seed"]
    duels, matchups = pair_up(pairs, list(items.values()), answers, seed)
    if not duels:
        raise RunError(
            f"{run.folder}: {', '.join(systems)} give the same answer wherever both answer: nothing to vote on",
            'compare systems that differ, or more items: SET="dataset.items=..."',
        )
    return Arena(run.folder / FOLDER, found, seed, systems, items, {each.id: each for each in duels}, matchups)


def write_ratings(arena: Arena, found: Preferences) -> Path:
    """Write `arena/ratings.json`, and give its path."""
    path = arena.folder / "ratings.json"
    text = json.dumps(json.loads(to_json(found)), indent=2, sort_keys=True, ensure_ascii=False)
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, text + "\n")
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror}", "look at a copy of the run") from None
    return path


def _chosen(systems: list[str], only: Sequence[str], folder: Path) -> list[str]:
    for name in only:
        if name not in systems:
            raise RunError(
                f"{folder}: no system `{name}` answered the items, those that did are {', '.join(systems)}",
                "choose among these, or name it in `compare.systems` of the recipe and compare again",
            )
    chosen = [name for name in systems if not only or name in only]
    if len(chosen) < 2:
        raise RunError(
            f"{folder}: an arena needs two systems, found {len(chosen)}: {', '.join(chosen) or 'none'}",
            f"name others in `compare.systems` of a recipe, then make compare RUN={folder} RECIPE=...",
        )
    return chosen


def _answers(run: Run, name: str, items: dict[str, Item]) -> dict[str, Prediction]:
    relative = f"eval/{name}.predictions.jsonl"
    run.verified(relative)
    answers = {each.item_id: each for each in read_jsonl(run.folder / relative, Prediction)}
    if answers.keys() != items.keys():
        lacking = len(items.keys() - answers.keys())
        raise DataError(
            f"{run.folder / relative}: {len(answers)} answers for {len(items)} items, {lacking} items have none",
            _COMPARE_AGAIN,
        )
    return answers
