"""Change the registry of runs: promote, roll back, tag, remove.

In: the folder `adapters/`, names, and the time. Out: `adapters/registry.json` in its new state. A change is made under
a lock that a killed process lets go of, and the file is replaced in one step, so that a kill at any instant leaves the
state before or the state after. The runs themselves are not touched, `remove` excepted.
Refused: a run that does not exist or cannot be served, a name that is taken or malformed, the removal of what a channel
points at.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tuner.errors import MachineError, RunError
from tuner.records import Adapter, Bundle, sha256_file, to_json
from tuner.registry import (
    FILE,
    Event,
    Promotion,
    Registry,
    existing,
    is_shipped,
    listed,
    read,
    resolve,
    run_names,
)
from tuner.rundir import Run, disk_errors_named, locked, write_atomically

LOCK = ".registry.lock"
REMOVED = ".removed"  # where a removed run waits to be deleted: nothing in there looks like a run
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}")


def promote(adapters: Path, name: str, channel: str, at: int, anyway: bool = False) -> str:
    """Let a channel point at a run; return the name of the run that it pointed at before, or nothing."""
    _require_name(channel)
    run = Run.find(_only_run(resolve(adapters, name)))
    if channel in (run.folder.name, *run_names(adapters)):
        raise RunError(f"`{channel}` is the name of a run", "choose another name for the channel, such as team")
    sha256 = _servable(run, anyway)
    with _changing(adapters) as registry:
        if channel in registry.tags:
            raise RunError(f"`{channel}` is a tag of {registry.tags[channel]}", "choose another name for the channel")
        stack = registry.channels.get(channel, [])
        before = stack[-1].run if stack else ""
        if before == run.folder.name and stack[-1].sha256 == sha256:
            raise RunError(f"channel `{channel}` points at {before} already", "nothing was changed")
        channels = {**registry.channels, channel: [*stack, Promotion(run.folder.name, sha256, at)]}
        event = Event(at, "promote", channel, run.folder.name, before)
        _write(adapters, replace(registry, channels=channels, history=[*registry.history, event]))
    return before


def rollback(adapters: Path, channel: str, at: int) -> tuple[str, str]:
    """Let a channel point at what it pointed at before; return that run and the one it leaves."""
    with _changing(adapters) as registry:
        stack = registry.channels.get(channel, [])
        if not stack:
            known = f"there are {listed(sorted(registry.channels))}" if registry.channels else "there is none"
            raise RunError(f"{adapters}: no channel is named `{channel}`", f"{known}; tuner adapters promote makes one")
        if len(stack) == 1:
            raise RunError(
                f"channel `{channel}` has pointed at {stack[0].run} alone", "promote another run in its place"
            )
        left, now = stack[-1].run, stack[-2].run
        existing(adapters, now, f"channel `{channel}`, one step back,")
        channels = {**registry.channels, channel: stack[:-1]}
        event = Event(at, "rollback", channel, now, left)
        _write(adapters, replace(registry, channels=channels, history=[*registry.history, event]))
    return now, left


def tag(adapters: Path, name: str, label: str, at: int, move: bool = False) -> str:
    """Give a run another name; return the run that had it before, or nothing."""
    _require_name(label)
    run = _only_run(resolve(adapters, name)).name
    if label in run_names(adapters):
        raise RunError(f"`{label}` is the name of a run", "choose another tag")
    with _changing(adapters) as registry:
        if label in registry.channels:
            raise RunError(f"`{label}` is a channel", "choose another tag")
        before = registry.tags.get(label, "")
        if before and before != run and not move:
            raise RunError(f"tag `{label}` names {before}", f"tuner adapters tag {run} {label} --move takes it over")
        event = Event(at, "tag", label, run, before)
        tags = {**registry.tags, label: run}
        _write(adapters, replace(registry, tags=tags, history=[*registry.history, event]))
    return before


def untag(adapters: Path, label: str, at: int) -> str:
    """Take a tag away; return the run that had it."""
    with _changing(adapters) as registry:
        if label not in registry.tags:
            raise RunError(f"{adapters}: no tag is named `{label}`", "`tuner adapters list` shows all")
        before = registry.tags[label]
        tags = {name: run for name, run in registry.tags.items() if name != label}
        event = Event(at, "untag", label, "", before)
        _write(adapters, replace(registry, tags=tags, history=[*registry.history, event]))
    return before


def remove(adapters: Path, name: str, at: int) -> Path:
    """Delete a run that no channel points at, with its tags; return its folder."""
    folder = _only_run(resolve(adapters, name))
    if folder.resolve().parent != adapters.resolve():
        raise RunError(f"{folder}: not a run of {adapters}", "give --adapters, or remove the folder yourself")
    run = folder.name
    with locked(folder), _changing(adapters) as registry:
        serving = [channel for channel, stack in registry.channels.items() if stack and stack[-1].run == run]
        if serving:
            hint = f"tuner adapters rollback {serving[0]}, or promote another run, then remove it"
            raise RunError(f"{folder}: channel `{serving[0]}` points at it", hint)
        channels = {channel: _without(stack, run) for channel, stack in registry.channels.items()}
        tags = {label: tagged for label, tagged in registry.tags.items() if tagged != run}
        event = Event(at, "remove", run, "", run)
        removed = adapters / REMOVED
        shutil.rmtree(removed, ignore_errors=True)
        removed.mkdir()
        folder.rename(removed / run)  # in one step: a kill from here on leaves nothing that looks like a run
        _write(adapters, replace(registry, channels=channels, tags=tags, history=[*registry.history, event]))
    shutil.rmtree(removed, ignore_errors=True)
    return folder


def _without(stack: list[Promotion], run: str) -> list[Promotion]:
    """Take a run out of a channel's past; two steps to the same run that meet then become one."""
    kept = [each for each in stack if each.run != run]
    return [each for place, each in enumerate(kept) if place == 0 or kept[place - 1].sha256 != each.sha256]


def _servable(run: Run, anyway: bool) -> str:
    """Refuse a run that no server would take; return the hash of its adapter."""
    bundle = run.record("export", Bundle)
    names = {each.name: each for each in bundle.artefacts}
    served = ["base-gguf", "adapter-gguf"] if "adapter-gguf" in names else ["merged-gguf"]
    missing = [name for name in served if name not in names]
    failed = [name for name in served if name in names and names[name].passed is False]
    if missing:
        why = bundle.skipped.get("gguf") or bundle.skipped.get(missing[0]) or "it was not exported"
        raise RunError(f"{run.folder}: there is no {missing[0]} to serve: {why}", "see export/README.md in its folder")
    if failed:
        hint = f"read {run.folder}/export/parity.json"
        raise RunError(f"{run.folder}: {listed(failed)} failed the parity check", hint)
    compared = run.entry("compare")
    verdict = compared["record"]["verdict"] if compared else "none yet"
    if verdict == "harm" and not anyway:
        said = "the verdict is harm: the tuned model is worse than its base"
        raise RunError(f"{run.folder}: {said}", "--anyway promotes it all the same")
    adapter = run.record("train", Adapter)
    weights = run.folder / adapter.folder / "adapter_model.safetensors"
    if not weights.is_file() or sha256_file(weights) != adapter.sha256:
        raise RunError(
            f"{weights}: missing, or altered since it was trained", f"make verify RUN={run.folder} says more"
        )
    return adapter.sha256


@contextmanager
def _changing(adapters: Path) -> Iterator[Registry]:
    """Hold the registry while it is changed; a second command waits for the few milliseconds that this takes."""
    if not adapters.is_dir():
        raise RunError(f"{adapters}: no such folder", "make train REPO=... makes a run, and the folder with it")
    try:
        stream = (adapters / LOCK).open("w")
    except OSError as error:
        raise MachineError(f"{adapters}: cannot be written: {error.strerror}", "ask who owns the folder") from None
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield read(adapters)


def _write(adapters: Path, registry: Registry) -> None:
    with disk_errors_named("registry"):
        text = json.dumps(json.loads(to_json(registry)), indent=1, sort_keys=True, ensure_ascii=False)
        write_atomically(adapters / FILE, text + "\n")


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        wanted = "wanted small letters, digits, `.`, `_` and `-`, a letter first, 40 at most"
        raise RunError(f"`{name}` cannot be a name: {wanted}", "for example: tuner adapters promote RUN team")


def _only_run(folder: Path) -> Path:
    if is_shipped(folder):
        raise RunError(
            f"{folder}: it came with the program and is no run", "its name can be served as it is: RUN=" + folder.name
        )
    return folder
