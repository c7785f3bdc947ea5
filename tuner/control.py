"""Find the run whose adapter answers as the control, and refuse one that would prove nothing.

In: the run that is compared, and the folder of another finished run. Out: that run's adapter, whose it is and its dose.
Refused: a run of another base, whose answers would differ for other reasons, and one that has a commit in common with
this run, since it learned from the same repository (an earlier state of it, a fork, a copy under another name).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import RunError
from tuner.records import Adapter, Mined
from tuner.rundir import Run


@dataclass(frozen=True, slots=True)
class ControlRun:
    """Another run's adapter: its folder, the hash that decides the answers, and what is recorded of it."""

    folder: Path
    sha256: str
    about: dict[str, str]


def open_control(run: Run, folder: str) -> ControlRun:
    """Open the run in `folder` as the control of `run`."""
    other = Run.find(Path(folder))
    theirs, ours = other.manifest, run.manifest
    if theirs["base"]["revision"] != ours["base"]["revision"]:
        raise RunError(
            f"compare.control={folder}: its base is {theirs['base']['name']} at {theirs['base']['revision'][:12]}, "
            f"this run's is {ours['base']['name']} at {ours['base']['revision'][:12]}",
            "train the control on the same base",
        )
    adapter, own = other.record("train", Adapter), run.record("train", Adapter)
    shared = _commits(other) & _commits(run)
    if shared:
        raise RunError(
            f"compare.control={folder}: {len(shared)} of its commits are commits of this run's repository too, "
            f"such as {min(shared)[:12]}",
            "the control must have learned from another repository",
        )
    entry = other.entry("train")
    assert entry is not None
    for path in entry["outputs"]:
        other.verified(path)
    about = {
        "repository": theirs["repo"]["name"],
        "run": other.folder.name,
        "revision": theirs["repo"]["revision"][:12],
        "training_tokens": f"{adapter.metrics['train.tokens']:.0f}",
        "tuned_training_tokens": f"{own.metrics['train.tokens']:.0f}",
    }
    return ControlRun(other.folder / adapter.folder, adapter.sha256, about)


def _commits(run: Run) -> set[str]:
    """List the commits that a run's pairs and additions are from, and the revisions that it was made of."""
    mined = run.record("mine", Mined)
    found = {each["revision"] for each in run.manifest["repos"]}
    for name in (mined.pairs, mined.additions):
        run.verified(name)
        with (run.folder / name).open(encoding="utf-8") as stream:
            found |= {json.loads(line)["commit"] for line in stream}
    return found
