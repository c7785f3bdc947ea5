"""Compose `tuner serve`: answer the editors of this machine, or check that every client is answered.

In: what the user named, which is a finished run, or with `--check` the address of a running server. Out: a server until
it is told to stop; with `--check` a table of what each client sends and what came back, and exit status 1 if one of
them was not answered as it reads. For the check a server is started on a free port and ended again.

    tuner serve --run team
    tuner serve --check --run team
    tuner serve --check http://127.0.0.1:8012
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from tuner import recipe_file
from tuner.errors import RunError
from tuner.recipe import ServeSettings
from tuner.records import Bundle
from tuner.rundir import Run
from tuner.served import say_record, served

_OWN = "a server of its own"  # what --check without an address asks
_SHOWN = 44  # characters of an answer
Finder = Callable[[argparse.Namespace], Run]


def add_to(command: argparse.ArgumentParser, of_repository: Finder) -> None:
    """Add what `serve` takes; `of_repository` finds the run of a repository as it stands."""
    command.add_argument(
        "--check",
        nargs="?",
        const=_OWN,
        metavar="URL",
        help="send what each client sends, say what came back, and end; to a running server, or to one of its own",
    )
    command.set_defaults(
        function=lambda options: _check(options, of_repository) if options.check else _serve(options, of_repository)
    )


def _serve(options: argparse.Namespace, of_repository: Finder) -> int:
    from tuner.serve import stage

    run, settings = _run(options, of_repository), _settings(options)

    def ready(url: str) -> None:
        name = run.folder.name
        print(f"serving {name} at {url}/v1 (loopback only); stop with Ctrl-C")
        print(f'try: curl {url}/v1/completions -H "Content-Type: application/json" \\')
        print("""       -d '{"prompt": "def main(", "suffix": "", "max_tokens": 32}'""", flush=True)

    stage.serve(run.record("export", Bundle), run.folder, settings, ready, say_record)
    return 0


def _check(options: argparse.Namespace, of_repository: Finder) -> int:
    from tuner.serve import stage

    settings = _settings(options)
    if options.check != _OWN:
        if options.run or options.repo:
            raise RunError(
                f"--check {options.check} asks a running server; --run and --repo would change nothing",
                "leave out the address, or leave out the others",
            )
        return _table(options.check, settings)
    run = _run(options, of_repository)
    print(f"starting a server for {run.folder.name}", file=sys.stderr, flush=True)
    beside = settings.model_copy(update={"port": 0})  # the usual one may be in use
    with stage.running(run.record("export", Bundle), run.folder, beside) as url:
        return _table(url, settings)


def _table(url: str, settings: ServeSettings) -> int:
    """Print a line as soon as each answer has come."""
    from tuner.serve.check import check, served_names
    from tuner.serve.stage import key_of

    key = key_of(settings)
    print(f"{served_names(url, key)[0]} at {url}\n")
    print(f"{'client':<28}{'request':<27}{'status':>6}{'ms':>8}  answer")
    faults = count = 0
    for each in check(url, key):
        count += 1
        faults += bool(each.fault)
        shown = "" if each.text is None else json.dumps(each.text[:_SHOWN], ensure_ascii=False)
        verdict = f"FAILED {each.fault}" if each.fault else f"ok {shown}".rstrip()
        print(f"{each.sent.client:<28}{each.sent.endpoint:<27}{each.status:>6}{each.ms:>8.0f}  {verdict}", flush=True)
    print(f"\n{count - faults} of {count} requests were answered as their clients read them")
    return 1 if faults else 0


def _run(options: argparse.Namespace, of_repository: Finder) -> Run:
    if options.repo and options.run is None:
        return of_repository(options)
    return served(options.adapters, None if options.run is None else str(options.run))


def _settings(options: argparse.Namespace) -> ServeSettings:
    return recipe_file.load(options.recipe, None, options.set).recipe.serve
