"""Runs get names that a team can rely on: changes are whole or not there, and no name is ever guessed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.registered import finished
from tuner import registry, registry_changes
from tuner.errors import DataError, RunError
from tuner.registry import read, resolve, served_by_default, verify
from tuner.registry_changes import promote, remove, rollback, tag, untag
from tuner.rundir import locked, runs_in

ROOT = Path(__file__).parent.parent


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    for name in ("alpha", "beta", "gamma"):
        finished(tmp_path, name)
    return tmp_path


def run(adapters: Path, beginning: str) -> str:
    return next(each.folder.name for each in runs_in(adapters) if each.folder.name.startswith(beginning))


def test_a_channel_points_at_a_run_and_back_at_the_one_before(adapters: Path) -> None:
    alpha, beta = run(adapters, "alpha"), run(adapters, "beta")
    assert promote(adapters, "alpha", "team", 1) == ""
    assert promote(adapters, beta, "team", 2) == alpha
    assert resolve(adapters, "team") == adapters / beta
    assert rollback(adapters, "team", 3) == (alpha, beta)
    assert resolve(adapters, "team") == adapters / alpha
    said = [(event.at, event.action, event.run, event.before) for event in read(adapters).history]
    assert said == [(1, "promote", alpha, ""), (2, "promote", beta, alpha), (3, "rollback", alpha, beta)]


def test_names_stand_for_channels_tags_runs_beginnings_and_paths(adapters: Path) -> None:
    beta = adapters / run(adapters, "beta")
    tag(adapters, "beta", "v1", 1)
    promote(adapters, "v1", "team", 2)
    for name in ("team", "v1", beta.name, "be", str(beta)):
        assert resolve(adapters, name) == beta
    assert read(adapters).names_of(beta.name) == ["team", "v1"]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("temu", "no run, channel or tag is named `temu`", "did you mean `team`?"),
        ("zzz", "no run, channel or tag is named `zzz`", "`tuner adapters list` shows all"),
        ("", "no run, channel or tag is named ``", "`tuner adapters list` shows all"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(adapters: Path, name: str, message: str, hint: str) -> None:
    promote(adapters, "alpha", "team", 1)
    with pytest.raises(RunError) as caught:
        resolve(adapters, name)
    assert caught.value.message == f"{adapters}: {message}"
    assert caught.value.hint == hint


def test_a_beginning_that_fits_two_runs_names_both(adapters: Path) -> None:
    finished(adapters, "alphabet")
    with pytest.raises(RunError) as caught:
        resolve(adapters, "alph")
    assert caught.value.message == f"`alph` could be `{run(adapters, 'alpha-')}` or `{run(adapters, 'alphabet')}`"


@pytest.mark.parametrize("name", ["Team", "7b", "a b", "../up", "", "x" * 41, "tag/one"])
def test_a_malformed_name_is_refused(adapters: Path, name: str) -> None:
    wanted = "wanted small letters, digits, `.`, `_` and `-`, a letter first, 40 at most"
    for change in (promote, tag):
        with pytest.raises(RunError) as caught:
            change(adapters, "alpha", name, 1)
        assert caught.value.message == f"`{name}` cannot be a name: {wanted}"
    assert read(adapters).history == []


def test_one_name_means_one_thing(adapters: Path) -> None:
    promote(adapters, "alpha", "team", 1)
    tag(adapters, "alpha", "v1", 2)
    alpha, beta = run(adapters, "alpha"), run(adapters, "beta")
    for change, name, message in (
        (promote, "v1", f"`v1` is a tag of {alpha}"),
        (promote, beta, f"`{beta}` is the name of a run"),
        (tag, "team", "`team` is a channel"),
        (tag, beta, f"`{beta}` is the name of a run"),
        (tag, "v1", f"tag `v1` names {alpha}"),
    ):
        with pytest.raises(RunError) as caught:
            change(adapters, "beta", name, 3)
        assert caught.value.message == message
    with pytest.raises(RunError, match=f"channel `team` points at {alpha} already"):
        promote(adapters, "alpha", "team", 3)
    assert tag(adapters, "beta", "v1", 3, move=True) == alpha
    assert untag(adapters, "v1", 4) == beta
    with pytest.raises(RunError, match="no tag is named `v1`"):
        untag(adapters, "v1", 5)


def test_what_cannot_be_served_is_not_promoted(adapters: Path) -> None:
    finished(adapters, "worse", verdict="harm")
    finished(adapters, "broken", passed=False)
    finished(adapters, "latent", missing=("adapter-gguf",))
    for name, message in (
        ("worse", "the verdict is harm: the tuned model is worse than its base"),
        ("broken", "`base-gguf` or `adapter-gguf` failed the parity check"),
        ("latent", "there is no merged-gguf to serve: it was not exported"),
    ):
        with pytest.raises(RunError) as caught:
            promote(adapters, name, "team", 1)
        assert caught.value.message == f"{adapters / run(adapters, name)}: {message}"
    promote(adapters, "worse", "team", 2, anyway=True)
    weights = adapters / run(adapters, "gamma") / "adapter/adapter_model.safetensors"
    weights.write_bytes(b"others")
    with pytest.raises(RunError, match="missing, or altered since it was trained"):
        promote(adapters, "gamma", "team", 3)


def test_there_is_no_step_back_from_the_first_promotion_nor_in_an_unknown_channel(adapters: Path) -> None:
    with pytest.raises(RunError) as caught:
        rollback(adapters, "team", 1)
    assert caught.value.hint == "there is none; tuner adapters promote makes one"
    promote(adapters, "alpha", "team", 1)
    with pytest.raises(RunError, match=f"channel `team` has pointed at {run(adapters, 'alpha')} alone"):
        rollback(adapters, "team", 2)
    with pytest.raises(RunError) as caught:
        rollback(adapters, "taem", 2)
    assert caught.value.hint == "there are `team`; tuner adapters promote makes one"
    promote(adapters, "beta", "team", 3)
    shutil.rmtree(adapters / run(adapters, "alpha"))
    with pytest.raises(RunError, match=r"channel `team`, one step back, points at alpha-.*, which is not in"):
        rollback(adapters, "team", 4)


def test_what_a_channel_points_at_is_not_removed_and_the_rest_leaves_no_trace(adapters: Path) -> None:
    alpha, beta = run(adapters, "alpha"), run(adapters, "beta")
    for at, name in enumerate(("alpha", "beta", "alpha"), 1):
        promote(adapters, name, "team", at)
    tag(adapters, "beta", "v1", 4)
    with pytest.raises(RunError) as caught:
        remove(adapters, "alpha", 5)
    assert caught.value.message == f"{adapters / alpha}: channel `team` points at it"
    assert caught.value.hint == "tuner adapters rollback team, or promote another run, then remove it"
    with locked(adapters / beta), pytest.raises(RunError, match="another command is working on this run"):
        remove(adapters, "beta", 5)
    assert remove(adapters, "v1", 5) == adapters / beta
    assert not (adapters / beta).exists()
    known = read(adapters)
    assert known.tags == {}
    assert [each.run for each in known.channels["team"]] == [alpha]  # twice the same is one step, not two
    assert verify(adapters) == []


def test_damage_to_runs_channels_and_tags_is_found(adapters: Path) -> None:
    assert verify(adapters) == []
    promote(adapters, "alpha", "team", 1)
    tag(adapters, "beta", "v1", 2)
    alpha, beta, gamma = (run(adapters, name) for name in ("alpha", "beta", "gamma"))
    (adapters / gamma / "adapter/adapter_model.safetensors").write_bytes(b"others")
    shutil.rmtree(adapters / beta)
    path = adapters / registry.FILE
    values = json.loads(path.read_text())
    values["channels"]["team"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(values))
    assert verify(adapters) == [
        f"{gamma}: train: adapter/adapter_model.safetensors was altered",
        f"channel `team`: {alpha} holds another adapter than was promoted",
        f"tag `v1`: {beta} is missing",
    ]
    assert verify(adapters, "alpha") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema": 1,', "not JSON"),
        ('{"schema": 2}', "schema is 2, wanted 1"),
        ('{"schema": 1, "channels": {}, "tags": {}}', "missing key `history`"),
        ('{"schema": 1, "channels": {"team": [{"run": 7}]}, "tags": {}, "history": []}', "missing key `sha256`"),
    ],
)
def test_a_damaged_registry_is_refused_with_the_place(adapters: Path, text: str, message: str) -> None:
    (adapters / registry.FILE).write_text(text)
    with pytest.raises(DataError) as caught:
        resolve(adapters, "team")
    assert str(adapters / registry.FILE) in caught.value.message and message in caught.value.message


def test_without_a_name_the_teams_channel_is_served_and_else_the_adapter_that_came_along(adapters: Path) -> None:
    with pytest.raises(RunError) as caught:
        served_by_default(adapters)
    assert caught.value.message == f"RUN and REPO are missing, and {adapters}/ has no channel `team`"
    (adapters / "tuner-own").mkdir()
    (adapters / "tuner-own" / registry.SHIPPED).write_text("{}")
    assert served_by_default(adapters) == resolve(adapters, "tuner-own") == adapters / "tuner-own"
    for change in (lambda: promote(adapters, "tuner-own", "team", 1), lambda: remove(adapters, "tuner-own", 1)):
        with pytest.raises(RunError, match="it came with the program and is no run"):
            change()
    promote(adapters, "gamma", "team", 2)
    assert served_by_default(adapters).name == run(adapters, "gamma")


KILLED = """
import os, signal, sys
from pathlib import Path
from tuner.registry_changes import promote
adapters, event, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def hook(name, arguments):
    global count
    if name == event and "registry" in str(arguments):
        count -= 1
        if count < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
promote(adapters, "beta", "team", 2)
"""


@pytest.mark.parametrize(("event", "count"), [("open", 0), ("open", 2), ("os.rename", 0)])
def test_a_kill_leaves_the_state_before_and_no_lock(adapters: Path, event: str, count: int) -> None:
    promote(adapters, "alpha", "team", 1)
    before = (adapters / registry.FILE).read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, adapters, event, str(count)], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert (adapters / registry.FILE).read_bytes() == before
    promote(adapters, "beta", "team", 2)  # does not wait for the dead one
    assert resolve(adapters, "team").name == run(adapters, "beta")


def test_changes_at_the_same_time_are_all_kept(adapters: Path) -> None:
    names = [f"v{number}" for number in range(12)]
    threads = [threading.Thread(target=tag, args=(adapters, "alpha", name, 1)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read(adapters).tags) == sorted(names)
    assert len(read(adapters).history) == len(names)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    with pytest.raises(RunError) as caught:
        rollback(missing, "team", 1)
    assert caught.value.message == f"{missing}: no such folder"
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(Exception, match="cannot be written"):
            registry_changes.untag(tmp_path, "v1", 1)
