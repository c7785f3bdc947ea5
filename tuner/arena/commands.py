"""The command `tuner arena`: serve the vote, show its results, or export it.

tuner arena --run adapters/...                      # a page on 127.0.0.1, until Ctrl-C
tuner arena --run adapters/... --results            # ratings with intervals; writes arena/ratings.json
tuner arena --run adapters/... --export votes.jsonl # every vote, with voter numbers in place of names
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.errors import MachineError, RunError

if TYPE_CHECKING:
    from tuner.arena.stage import Arena
    from tuner.arena.votes import Votes


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line's parser."""
    command = commands.add_parser("arena", help="let engineers judge two anonymous answers side by side, on loopback")
    command.add_argument("--run", type=Path, help="run folder whose systems were compared")
    command.add_argument("--systems", default="", metavar="A,B,...", help="only these; all when left out")
    command.add_argument("--port", type=int, default=0, help="loopback port; a free one when left out")
    command.add_argument("--results", action="store_true", help="show the ratings, and write arena/ratings.json")
    command.add_argument("--export", type=Path, metavar="FILE", help="write every vote to a file, without names")
    command.set_defaults(function=arena)


def arena(options: argparse.Namespace) -> int:
    """Do what the command line asks."""
    from tuner.rundir import Run

    if options.run is None:
        raise RunError("RUN is missing", "make arena RUN=adapters/...; `make runs` lists them")
    if not 0 <= options.port <= 65535:
        raise RunError(f"--port is {options.port}, wanted 0 to 65535", "leave it out: a free one is taken")
    from tuner.arena.stage import open_arena

    opened = open_arena(Run.find(options.run), [name for name in options.systems.split(",") if name])
    votes = opened.open_votes()
    try:
        if options.export is not None:
            _export(opened, votes, options.export)
        if options.results:
            _results(opened, votes)
        if options.export is None and not options.results:
            _serve(opened, votes, options)
    finally:
        votes.close()
    return 0


def _results(opened: Arena, votes: Votes) -> None:
    from tuner.arena.stage import write_ratings
    from tuner.arena.wording import as_text

    found = opened.preferences(votes.all())
    print(as_text(found))
    print(f"\n  written       {write_ratings(opened, found)}")


def _export(opened: Arena, votes: Votes, path: Path) -> None:
    from tuner.arena.export import exported
    from tuner.records import to_json
    from tuner.rundir import write_atomically

    lines = [to_json(each) + "\n" for each in exported(votes.all(), opened.duels)]
    try:
        write_atomically(path, "".join(lines))
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror}", "choose another file") from None
    print(f"{path}: {len(lines)} vote{'' if len(lines) == 1 else 's'}", file=sys.stderr)


def _serve(opened: Arena, votes: Votes, options: argparse.Namespace) -> None:
    from tuner.arena.booth import Booth
    from tuner.arena.server import serve

    def ready(url: str) -> None:
        print(f"{len(opened.duels):,} duels between {', '.join(opened.systems)}; votes go to {votes.path}")
        print(f"vote at {url} (this machine only); stop with Ctrl-C, everything voted is kept")
        print(f"then: tuner arena --run {options.run} --results", flush=True)

    serve(Booth(opened, votes, time.time), options.port, ready)
