"""The folder of the runs as a registry: channels, tags, and a history, in one small file.

In: the folder `adapters/`, and names. Out: `adapters/registry.json` with
    channels   {"team": [promotions, the current one last]}     what `tuner serve` of a whole team points at
    tags       {"v1": run}                                      other names for one run
    history    every change, oldest first
This module reads it; `registry_changes` writes it. No name is ever guessed: one that fits several runs is an error that
lists them, and one that fits none names the nearest.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.errors import DataError, RunError
from tuner.records import Adapter, from_json, sha256_file
from tuner.rundir import MANIFEST, Run, runs_in
from tuner.strict import ALTERED

FILE = "registry.json"
SHIPPED = "shipped.json"  # marks an adapter that came with the program, and is no run
DEFAULT_CHANNEL = "team"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One run that a channel pointed at: since when, and the hash of its adapter's weights."""

    run: str
    sha256: str
    at: int


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `name` is the channel or the tag; `run` what it names then, `before` what it named."""

    at: int
    action: str
    name: str
    run: str
    before: str


@dataclass(frozen=True, slots=True)
class Registry:
    """What the file holds."""

    schema: int = 1
    channels: dict[str, list[Promotion]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    history: list[Event] = field(default_factory=list)

    def names_of(self, run: str) -> list[str]:
        """List the channels that point at a run, then its tags."""
        channels = [name for name, stack in sorted(self.channels.items()) if stack and stack[-1].run == run]
        return [*channels, *sorted(tag for tag, tagged in self.tags.items() if tagged == run)]


def read(adapters: Path) -> Registry:
    """Read the registry of a folder; one that has none yet is empty."""
    path = adapters / FILE
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Registry()
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {getattr(error, 'msg', 'not UTF-8')}", ALTERED) from None
    if isinstance(values, dict) and values.get("schema") != 1:
        raise DataError(f"{path}: schema is {values.get('schema')!r}, wanted 1", "use the program that wrote it")
    return from_json(Registry, values, str(path))


def resolve(adapters: Path, name: str) -> Path:
    """Find the folder that a channel, a tag, a run's name or its beginning, or a path stands for."""
    path = Path(name)
    if is_run(path) or is_shipped(path):
        return path
    registry = read(adapters)
    stack = registry.channels.get(name)
    if stack:
        return existing(adapters, stack[-1].run, f"channel `{name}`")
    if name in registry.tags:
        return existing(adapters, registry.tags[name], f"tag `{name}`")
    if "/" not in name and (is_run(adapters / name) or is_shipped(adapters / name)):
        return adapters / name
    found = [each for each in run_names(adapters) if each.startswith(name)] if name else []
    if len(found) == 1:
        return adapters / found[0]
    if found:
        raise RunError(f"`{name}` could be {listed(found)}", "give more of the name; `tuner adapters list` shows all")
    known = [*registry.channels, *registry.tags, *run_names(adapters)]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean `{near[0]}`?" if near else "`tuner adapters list` shows all"
    raise RunError(f"{adapters}: no run, channel or tag is named `{name}`", hint)


def served_by_default(adapters: Path) -> Path:
    """Find what is served where no run is named: the run of the team's channel, else the adapter that came along."""
    if read(adapters).channels.get(DEFAULT_CHANNEL):
        return resolve(adapters, DEFAULT_CHANNEL)
    shipped = sorted(path.parent for path in adapters.glob(f"*/{SHIPPED}"))
    if len(shipped) == 1:
        return shipped[0]
    hint = f"make serve RUN=adapters/..., or once: tuner adapters promote RUN {DEFAULT_CHANNEL}"
    raise RunError(f"RUN and REPO are missing, and {adapters}/ has no channel `{DEFAULT_CHANNEL}`", hint)


def is_shipped(folder: Path) -> bool:
    """Tell whether a folder holds an adapter that came with the program."""
    return (folder / SHIPPED).is_file()


def verify(adapters: Path, name: str | None = None) -> list[str]:
    """Hash a run again, or all of them with what channels and tags point at; return the faults found."""
    folders = [resolve(adapters, name)] if name else [run.folder for run in runs_in(adapters)]
    faults = [
        f"{folder.name}: {fault}" for folder in folders if not is_shipped(folder) for fault in Run.find(folder).verify()
    ]
    shipped = [folder for folder in folders if is_shipped(folder)]
    shipped += [] if name else [path.parent for path in sorted(adapters.glob(f"*/{SHIPPED}"))]
    faults += [fault for folder in shipped for fault in _shipped_faults(folder)]
    if name:
        return faults
    registry = read(adapters)
    for channel, stack in sorted(registry.channels.items()):
        faults += [f"channel `{channel}`: {fault}" for each in stack for fault in _promotion_faults(adapters, each)]
    for label, run in sorted(registry.tags.items()):
        if not is_run(adapters / run):
            faults.append(f"tag `{label}`: {run} is missing")
    return faults


def existing(adapters: Path, run: str, what: str) -> Path:
    """Give a run's folder, or say that what points at it points at nothing."""
    if not is_run(adapters / run):
        raise RunError(f"{what} points at {run}, which is not in {adapters}", "put it back, or promote another run")
    return adapters / run


def is_run(folder: Path) -> bool:
    """Tell whether a folder holds a run."""
    return (folder / MANIFEST).is_file()


def run_names(adapters: Path) -> list[str]:
    """List the runs of a folder by name, also those that cannot be read."""
    return sorted(path.parent.name for path in adapters.glob(f"*/{MANIFEST}"))


def listed(names: list[str]) -> str:
    """Write some names into a message, four at most."""
    return " or ".join(f"`{name}`" for name in names[:4]) + (" or others" if len(names) > 4 else "")


def _shipped_faults(folder: Path) -> list[str]:
    recorded = json.loads((folder / SHIPPED).read_text(encoding="utf-8"))
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        return [f"{folder.name}: {weights.name} is missing"]
    return [] if sha256_file(weights) == recorded["sha256"] else [f"{folder.name}: {weights.name} was altered"]


def _promotion_faults(adapters: Path, promotion: Promotion) -> list[str]:
    folder = adapters / promotion.run
    if not is_run(folder):
        return [f"{promotion.run} is missing"]
    found = Run.find(folder).record("train", Adapter).sha256
    return [] if found == promotion.sha256 else [f"{promotion.run} holds another adapter than was promoted"]
