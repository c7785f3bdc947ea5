"""The whole pipeline on a tiny repository and a tiny base, for the tests that go from a repository to its report.

    run = finished_run(tmp_path_factory.getbasetemp())     # made once, and never altered by a test
    answer = tuner("train", *arguments(run.inputs, adapters))

The repository is `tiny_repo`, the base a random Llama two layers deep with the first thousand tokens of SmolLM2's own
tokenizer: what it says means nothing, but every stage does all that it does for a real one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.export.checkpoints import tiny_checkpoint
from tests.once import once
from tests.tiny_repo import build_tiny_repo, git
from tuner.cli import main
from tuner.rundir import Run

ROOT = Path(__file__).parent.parent
COMMITS = 40
SMALL = {
    "seed": 3,
    "mine.line_infilling_per_file": 2,
    "mine.body_per_file": 2,
    "dataset.items": 16,
    "dataset.valid_share": 0.4,  # a share that makes enough of a dozen later commits
    "dataset.max_tokens": 128,
    "dataset.max_train_tokens": 1000,
    "train.rank": 2,
    "train.checkpoint_steps": 1,
    "evaluate.max_prompt_tokens": 64,
    "evaluate.max_new_tokens": 8,
    "evaluate.max_new_tokens_block": 16,
    "evaluate.latency_items": 2,
    "evaluate.probes.library_pieces": 3,
    "evaluate.probes.max_increase": 100.0,
    "evaluate.probes.recall_windows": 2,
    "compare.resamples": 100,
    "export.parity_prompts": 1,
    "export.quantized": [],
    "export.metric_items": 2,
}
# What `write_mistakes` writes as a recipe.
TWO_FAULTS = """# a recipe with two faults
train:
  epochs: 0
  learning_rte: 1.0e-3
"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a command is given."""

    repo: Path
    base: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gave back."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that went to its end undisturbed."""

    inputs: Inputs
    adapters: Path
    folder: Path
    answer: Answer

    @property
    def run(self) -> Run:
        return Run.find(self.folder)


def tuner(*given: object) -> Answer:
    """Run one command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(each) for each in given])
    return Answer(status, out.getvalue(), err.getvalue())


def arguments(inputs: Inputs, adapters: Path, **other: object) -> list[str]:
    """Write the arguments of a command; `other` are settings, with two underscores for the dot."""
    settings = SMALL | {name.replace("__", "."): value for name, value in other.items()}
    given = ["--repo", inputs.repo, "--base", inputs.base, "--adapters", adapters]
    return [*map(str, given), *(f"--set={key}={value}" for key, value in settings.items())]


def inputs(folder: Path) -> Inputs:
    """Make the repository and the base."""
    repo = build_tiny_repo(folder / "ledger", commits=COMMITS)
    return Inputs(repo, tiny_checkpoint(folder / "base", "llama", short=True))


@functools.cache
def finished_run(home: Path) -> Finished:
    """Go from repository to report once, for all processes of the suite; `home` is one process's own folder."""

    def train(whole: Path) -> None:
        answer = tuner("train", *arguments(inputs(whole), whole / "adapters"))
        assert answer.status == 0, answer.err
        (whole / "said.json").write_text(json.dumps(asdict(answer)), encoding="utf-8")

    whole = once(home, "pipeline", train)
    adapters, said = whole / "adapters", (whole / "said.json").read_text(encoding="utf-8")
    (folder,) = (path for path in adapters.iterdir() if not path.name.startswith("."))
    return Finished(Inputs(whole / "ledger", whole / "base"), adapters, folder, Answer(**json.loads(said)))


def write_mistakes(folder: Path, base: Path) -> Path:
    """Write one example of everything that cannot be used, beside the tiny repository, and return `folder`."""
    build_tiny_repo(folder / "ledger")
    (folder / "plain").mkdir()
    (folder / "file").write_text("text", encoding="utf-8")
    for name, commits in (("empty", 0), ("one", 1), ("prose", 3)):
        (folder / name).mkdir()
        git(folder / name, "init", "--quiet", "--initial-branch=main")
        for number in range(commits):
            (folder / name / f"{number}.txt").write_text("All that was said that day.\n" * 20, encoding="utf-8")
            git(folder / name, "add", ".")
            who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.test"]
            git(folder / name, *who, "commit", "--quiet", "-m", f"Add note {number}")
    git(folder, "clone", "--quiet", "--depth=3", f"file://{folder}/ledger", "shallow")
    (folder / "faulty").mkdir()
    (folder / "faulty/two.yaml").write_text(TWO_FAULTS, encoding="utf-8")
    shutil.copytree(base, folder / "formless")
    tokenizer = folder / "formless/tokenizer.json"
    text = tokenizer.read_text(encoding="utf-8").replace("<|endoftext|>", "<nothing>")
    tokenizer.write_text(text, encoding="utf-8")
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# Files that show how long steps and answers took: the same work never takes the same time.
TIMED = {"timings.jsonl", "eval/comparison.json", "eval/comparison.md", "report/index.html", "report/report.md"}


def untimed(folder: Path) -> dict[str, Any]:
    """Give a run's comparison without what was timed; all else in it must be the same each time."""
    values: dict[str, Any] = json.loads((folder / "eval/comparison.json").read_text(encoding="utf-8"))
    for system in values["systems"]:
        for name in ("latency_p50_ms", "latency_p95_ms", "within_500_ms"):
            del system[name]
    return values


def differing(one: Path, other: Path) -> set[str]:
    """Name the files that are not the same in two folders, or stand in only one."""
    return {name for name, _ in hashes(one).items() ^ hashes(other).items()}
