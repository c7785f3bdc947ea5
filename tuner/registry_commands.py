"""The commands of `tuner adapters`: the folder of the runs as a registry.

    tuner adapters list
    tuner adapters show team
    tuner adapters promote shop-smollm2-135m-instruct-1a2b3c4d team
    tuner adapters rollback team
    tuner adapters tag shop-smollm2-135m-instruct-1a2b3c4d v1
    tuner adapters verify
    tuner adapters remove shop-smollm2-135m-instruct-1a2b3c4d
    tuner adapters vllm team other-team --max-lora-rank 32

In: a parsed command line. Out: lines on stdout. Wherever a run is wanted, a channel, a tag, or the beginning of a name
that only one run has will do.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from tuner import bases, registry, registry_changes
from tuner.rundir import Run, runs_in
from tuner.shipped import pack, read_shipped
from tuner.vllm_rules import fleet_command


def add_to(commands: Any) -> None:
    """Add `adapters` and its own commands to the command line."""
    parser = commands.add_parser("adapters", help="list, show, tag, promote, roll back, remove or verify adapters")
    own = parser.add_subparsers(required=True, metavar="list|show|tag|promote|rollback|remove|verify|vllm|ship")
    run = ("run", {"help": "channel, tag, run name or the beginning of one"})
    channel = ("channel", {"help": "name that a server is pointed at, such as team"})
    for name, text, function, arguments in (
        ("list", "list runs with their channels and tags", _list, []),
        ("show", "show one run, and what happened to it", _show, [run]),
        ("tag", "give a run another name", _tag, [run, ("tag", {"help": "the other name"})]),
        ("promote", "point a channel at a run", _promote, [run, channel]),
        ("rollback", "point a channel at the run before", _rollback, [channel]),
        ("remove", "delete a run that no channel points at", _remove, [run]),
        ("verify", "hash files again, and check channels and tags", _verify, [("run", {**run[1], "nargs": "?"})]),
        ("vllm", "write the command that serves several with vLLM", _vllm, [("run", {**run[1], "nargs": "*"})]),
        ("ship", "make a run's adapter the one that comes with the program", _ship, [run]),
    ):
        command = own.add_parser(name, help=text)
        for argument, options in arguments:
            command.add_argument(argument, **options)
        command.add_argument("--adapters", type=Path, default=Path("adapters"), help="folder of the runs")
        command.set_defaults(function=function)
        if name == "tag":
            command.add_argument("--move", action="store_true", help="take the tag from the run that has it")
            command.add_argument("--delete", action="store_true", help="take the tag away")
        if name == "vllm":
            command.add_argument("--max-lora-rank", type=int, help="a running server's limit; the least that fits else")
        if name == "promote":
            command.add_argument("--anyway", action="store_true", help="also where the verdict is harm")


def _list(options: argparse.Namespace) -> int:
    adapters: Path = options.adapters
    known = registry.read(adapters)
    runs = runs_in(adapters)
    for run in runs:
        print(_line(run, known))
    for path in sorted(adapters.glob(f"*/{registry.SHIPPED}")):
        shipped = read_shipped(path.parent)
        print(f"{path.parent.name:<52} {shipped.verdict:<20} comes with the program, rank {shipped.rank}")
    if not runs:
        print(f"no runs in {adapters}/; make train REPO=... makes one")
    return 0


def _line(run: Run, known: registry.Registry) -> str:
    verdict = next((each["record"]["verdict"] for each in run.stages if each["name"] == "compare"), "not compared")
    return f"{run.folder.name:<52} {verdict:<20} {', '.join(known.names_of(run.folder.name))}".rstrip()


def _show(options: argparse.Namespace) -> int:
    folder = registry.resolve(options.adapters, options.run)
    if registry.is_shipped(folder):
        print((folder / "README.md").read_text(encoding="utf-8"), end="")
        return 0
    run, known = Run.find(folder), registry.read(options.adapters)
    name = folder.name
    print(_line(run, known))
    for label, value in (
        ("base", f"{run.manifest['base']['name']} {run.manifest['base']['revision'][:12]}"),
        ("repository", f"{run.manifest['repo']['name']} at {run.manifest['repo']['revision'][:12]}"),
        ("stages", ", ".join(entry["name"] for entry in run.stages)),
        ("exported", ", ".join(_artefacts(run)) or "nothing yet"),
    ):
        print(f"  {label:<12}{value}")
    for event in known.history:
        if name in (event.run, event.before):
            before = f", before: {event.before}" if event.before and event.before != name else ""
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(event.at))
            print(f"  {day}  {event.action} {event.name}: {event.run or 'nothing'}{before}")
    return 0


def _artefacts(run: Run) -> list[str]:
    entry = run.entry("export")
    artefacts = entry["record"]["artefacts"] if entry else []
    return [each["name"] + (" (FAILED)" if each["passed"] is False else "") for each in artefacts]


def _tag(options: argparse.Namespace) -> int:
    if options.delete:
        print(f"tag {options.tag} no longer names {registry_changes.untag(options.adapters, options.tag, _now())}")
        return 0
    before = registry_changes.tag(options.adapters, options.run, options.tag, _now(), options.move)
    print(f"tag {options.tag} names {registry.resolve(options.adapters, options.tag).name}{_instead_of(before)}")
    return 0


def _promote(options: argparse.Namespace) -> int:
    before = registry_changes.promote(options.adapters, options.run, options.channel, _now(), options.anyway)
    now = registry.resolve(options.adapters, options.channel).name
    print(f"channel {options.channel} points at {now}{_instead_of(before)}")
    print(f"next: make serve RUN={options.channel}; back: tuner adapters rollback {options.channel}")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    now, left = registry_changes.rollback(options.adapters, options.channel, _now())
    print(f"channel {options.channel} points at {now}{_instead_of(left)}")
    return 0


def _remove(options: argparse.Namespace) -> int:
    print(f"removed {registry_changes.remove(options.adapters, options.run, _now())}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    faults = registry.verify(options.adapters, options.run)
    for fault in faults:
        print(fault)
    if not faults:
        what = options.run or f"{len(runs_in(options.adapters))} runs, their channels and tags"
        print(f"{what}: all as recorded")
    return 1 if faults else 0


def _vllm(options: argparse.Namespace) -> int:
    names = options.run or sorted(registry.read(options.adapters).channels)
    runs = {name: Run.find(registry.resolve(options.adapters, name)) for name in names}
    base = next((run.manifest["base"]["name"] for run in runs.values()), "")
    if "/" not in base and base:  # a name of ours and no hub id
        base = bases.resolve(base, bases.cache_folder()).path
    print(fleet_command(runs, base, options.max_lora_rank))
    return 0


def _ship(options: argparse.Namespace) -> int:
    folder = pack(Run.find(registry.resolve(options.adapters, options.run)), options.adapters)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size / 1e6:.1f} MB; its card is {folder}/README.md")
    return 0


def _instead_of(before: str) -> str:
    return f", before: {before}" if before else ""


def _now() -> int:
    return round(time.time())
