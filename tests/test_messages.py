"""Every mistake a user can make ends in what is wrong and what to do, exit status 2, and no traceback.

The messages are compared whole. None of these mistakes costs more than a look: no run folder is made, no torch loaded.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines import ROOT, Answer, Finished, arguments, finished_run, hashes, tuner, write_mistakes
from tests.tiny_repo import git
from tuner.errors import MachineError
from tuner.rundir import check_disk, locked

SETTINGS = "hint: docs/recipes.md lists every setting"
CHOOSE_BASE = "hint: give a GGUF file, a folder, a hub id such as Qwen/Qwen2.5-Coder-1.5B, or smollm2-135m-instruct"
# What follows `tuner train`, and what it says; {here} is the folder of the test's own files.
MISTAKES = {
    "": "error: REPO is missing\nhint: for example: make train REPO=../your-repository",
    "--repo {here}/nothing": (
        "error: {here}/nothing: no such folder\nhint: give REPO= the path of a git repository, or its URL"
    ),
    "--repo {here}/plain": (
        "error: {here}/plain: not a git repository\nhint: give REPO= a folder that `git status` accepts, or a git URL"
    ),
    "--repo {here}/file": (
        "error: {here}/file:1: 'text' is no folder and no git URL\n"
        "hint: REPO= takes the folder of a repository, or a text file with one repository in each line"
    ),
    "--repo {here}/empty": (
        "error: {here}/empty: the repository has no commits yet\nhint: commit something first, or choose another branch"
    ),
    "--repo {here}/one": (
        "error: {here}/one: the repository has 1 commit, wanted at least 2: "
        "older to learn from, newer to be judged by\n"
        "hint: give REPO= a repository with history, or a clone made without --depth"
    ),
    "--repo {here}/shallow": (
        "error: {here}/shallow: a shallow clone, only the newest 3 commits are here, so most edits are lost\n"
        "hint: git -C {here}/shallow fetch --unshallow"
    ),
    "--repo {here}/ledger --recipe recipes/qwen2.5-coder-7b-lore.yaml": (
        "error: recipes/qwen2.5-coder-7b-lore.yaml: no such recipe\n"
        "hint: did you mean recipes/qwen2.5-coder-7b-lora.yaml?"
    ),
    "--repo {here}/ledger --recipe {here}/nowhere.yaml": (
        "error: {here}/nowhere.yaml: no such recipe\nhint: `make recipes` lists them"
    ),
    "--repo {here}/ledger --recipe {here}/faulty/two.yaml": (
        "error: {here}/faulty/two.yaml:3: `train.epochs` is 0: wanted greater than 0\n"
        "{here}/faulty/two.yaml:4: `train.learning_rte` is not a setting; did you mean `train.learning_rate`?\n"
        f"{SETTINGS}"
    ),
    "--repo {here}/ledger --set train.epoch=2": (
        f"error: SET=train.epoch=2: `train.epoch` is not a setting; did you mean `train.epochs`?\n{SETTINGS}"
    ),
    "--repo {here}/ledger --set train.rank=0 --set train.epochs=many": (
        "error: SET=train.rank=0: `train.rank` is 0: wanted greater than or equal to 1\n"
        f"SET=train.epochs=many: `train.epochs` is 'many': wanted a number\n{SETTINGS}"
    ),
    "--repo {here}/ledger --set train.epochs": (
        'error: SET=train.epochs: wanted key=value\nhint: for example SET="train.epochs=2"'
    ),
    "--repo {here}/ledger --base {here}/nothing": (
        f"error: BASE={{here}}/nothing: no such file or folder, and not a hub id\n{CHOOSE_BASE}"
    ),
    "--repo {here}/ledger --base Qwen/Nowhere": (
        "error: BASE=Qwen/Nowhere: not a local file or folder, and the hub did not give it: "
        "HF_HUB_OFFLINE is set, and the hub's cache does not hold it\n"
        "hint: check the name and the network, or use a local copy; BASE=smollm2-135m-instruct needs neither"
    ),
    "--repo {here}/ledger --base {here}/formless": (
        "error: BASE={here}/formless: no known infilling form, its vocabulary holds the control tokens of none of: "
        "qwen, r1_qwen, deepseek, glm, prefix_only, plain_glm, plain_deepseek, plain_llama, plain\n"
        "hint: choose a Qwen2.5-Coder, Qwen3, DeepSeek-Coder or SmolLM2 base"
    ),
    "--repo {here}/ledger --base ''": (
        "error: BASE is empty\nhint: give a GGUF file, a folder, a hub id, or smollm2-135m-instruct"
    ),
    "--repo {here}/ledger --run {here}/plain": (
        "error: RUN= shows a finished run; REPO=, BASE=, RECIPE= and SET= would change nothing\n"
        "hint: leave out RUN=, or leave out the others"
    ),
    "--run {here}/plain": ("error: {here}/plain: not a run, it has no manifest.json\nhint: `make runs` lists the runs"),
}
# The same through the user's own door.
AT_THE_DOOR = {
    ("train",): MISTAKES[""],
    ("train", "REPO=/no such/place"): (
        "error: /no such/place: no such folder\nhint: give REPO= the path of a git repository, or its URL"
    ),
    ("train", "REPO=.", "SET=train.epochs=1 train.epoch=2"): MISTAKES["--repo {here}/ledger --set train.epoch=2"],
    ("serve", "RUN=nobody"): (
        "error: adapters: no run, channel or tag is named `nobody`\nhint: `tuner adapters list` shows all"
    ),
    ("report", "RUN=tests"): "error: tests: not a run, it has no manifest.json\nhint: `make runs` lists the runs",
}
ONE_BY_ONE = """
import json, sys
from tuner.cli import main
print([main(each) for each in json.loads(sys.argv[1])])
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, finished: Finished) -> Path:
    """A folder with one example of everything that cannot be used."""
    return write_mistakes(tmp_path_factory.mktemp("mistakes"), finished.inputs.base)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def train(mistake: str, here: Path) -> list[str]:
    return ["train", "--adapters", f"{here}/adapters", *shlex.split(mistake.format(here=here))]


def complaint(answer: Answer) -> str:
    """Leave out what was said before the mistake was met."""
    return answer.err[answer.err.index("error: ") :]


def altered_copy(finished: Finished, folder: Path, name: str) -> Path:
    """Copy a run and change the last byte of one of its files."""
    run = Path(shutil.copytree(finished.folder, folder / finished.folder.name))
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return run


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_says_what_is_wrong_and_what_to_do(mistake: str, here: Path, own_cache: Path) -> None:
    answer = tuner(*train(mistake, here))
    assert complaint(answer) == MISTAKES[mistake].format(here=here) + "\n"
    assert (answer.status, answer.out) == (2, "")
    assert not (here / "adapters").exists() and not own_cache.exists()


def test_no_mistake_costs_a_start_of_torch(here: Path) -> None:
    given = json.dumps([train(mistake, here) for mistake in MISTAKES])
    shown = subprocess.run([sys.executable, "-c", ONE_BY_ONE, given], cwd=ROOT, capture_output=True, text=True)
    statuses, loaded = shown.stdout.splitlines()
    assert json.loads(statuses) == [2] * len(MISTAKES)
    assert "Traceback" not in shown.stderr
    assert set(loaded.split()) & {"torch", "transformers", "trl", "peft"} == set()
    assert "tokenizers" in loaded.split()  # the look at the base did take place


@pytest.mark.parametrize("words", AT_THE_DOOR, ids=" ".join)
def test_make_says_the_same(words: tuple[str, ...]) -> None:
    ready = [f"VENV={sys.prefix}", f"TUNER={sys.executable} -m tuner.cli", "-o", f"{sys.prefix}/.ready"]
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", *ready, *words], cwd=ROOT, env=outside, capture_output=True, text=True)
    message, _, rest = done.stderr.partition("\nmake: ***")
    assert message == AT_THE_DOOR[words]
    assert rest.endswith(f"{words[0]}] Error 2\n")
    assert (done.returncode, done.stdout) == (2, "")


def test_an_unreachable_url_quotes_git(own_cache: Path, tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/x.git"  # the port to which nothing answers
    answer = tuner("train", "--repo", url, "--adapters", tmp_path / "adapters")
    first, hint = complaint(answer).splitlines()
    assert re.fullmatch(rf"error: {url}: cannot be reached: fatal: unable to access '{url}/': .+", first)
    assert hint == "hint: check the address and your access; a path to a clone on this machine works without network"
    assert answer.status == 2
    assert not list((own_cache / "tuner/clones").iterdir()) and not (tmp_path / "adapters").exists()


def test_a_repository_without_code_says_what_there_was(here: Path, finished: Finished, tmp_path: Path) -> None:
    answer = tuner("train", "--repo", here / "prose", "--base", finished.inputs.base, "--adapters", tmp_path)
    assert answer.status == 2
    cut = git(here / "prose", "rev-parse", "main~1").strip()
    assert complaint(answer) == (
        f"error: prose: holds no code that passes the gates (commit {cut[:12]}, dropped: 3 no_code, 2 prose)\n"
        "hint: is this the right REPO=? mine.include and mine.exclude choose the files, mine.cut the commit\n"
    )


def test_a_run_that_another_command_works_on_is_left_alone(finished: Finished) -> None:
    before = hashes(finished.folder)
    with locked(finished.folder):
        answer = tuner("train", *arguments(finished.inputs, finished.adapters))
    assert complaint(answer) == (
        f"error: {finished.folder}: another command is working on this run\nhint: wait for it, or stop it\n"
    )
    assert answer.status == 2 and hashes(finished.folder) == before


def test_a_disk_that_is_too_small_is_named_before_the_work_starts(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        check_disk(tmp_path, 2**70)
    assert re.fullmatch(rf"{tmp_path}: \d+\.\d GiB of disk free, wanted 1099511627776\.0 GiB", caught.value.message)
    assert caught.value.hint == "free some space, or choose another folder with --adapters"
    assert caught.value.exit_status == 2
    check_disk(tmp_path, 1)


def test_a_disk_that_fills_up_is_named_and_the_same_command_goes_on(finished: Finished, tmp_path: Path) -> None:
    given = arguments(finished.inputs, tmp_path)
    assert tuner("mine", *given).status == 0
    (folder,) = (path for path in tmp_path.iterdir() if not path.name.startswith("."))
    (folder / ".metrics.json.partial").symlink_to("/dev/full")  # every write to it fails as on a full disk
    answer = tuner("dataset", *given)
    assert complaint(answer) == (
        "error: dataset: the disk is full\nhint: free some space and repeat the command; finished stages are kept\n"
    )
    assert answer.status == 2
    (folder / ".metrics.json.partial").unlink()
    assert tuner("dataset", *given).status == 0
    assert tuner("runs", "verify", folder).status == 0


def test_an_unfinished_run_names_the_stage_that_is_missing(finished: Finished, tmp_path: Path) -> None:
    assert tuner("mine", *arguments(finished.inputs, tmp_path)).status == 0
    (folder,) = (path for path in tmp_path.iterdir() if not path.name.startswith("."))
    answer = tuner("report", "--run", folder)
    assert complaint(answer) == (
        f"error: {folder}: stage `report` has not finished\n"
        "hint: repeat the `make train REPO=...` command of this run\n"
    )
    assert answer.status == 2


def test_an_altered_file_is_found_by_verify_and_not_served(finished: Finished, tmp_path: Path) -> None:
    name = "export/gguf/adapter-f32.gguf"
    run = altered_copy(finished, tmp_path, name)
    assert tuner("runs", "verify", run) == Answer(1, f"{run}: export: {name} was altered\n", "")
    answer = tuner("serve", "--run", run)
    assert answer.status == 1  # a stage failed: the export is to be made again
    assert re.fullmatch(
        rf"error: {run}/{name}: altered since the export: sha256 is \w{{12}}…, wanted \w{{12}}…\nhint: .+\n",
        complaint(answer),
    )
