"""Compose the probes that are only run when asked for: on a finished run, or on a base alone.

tuner evaluate --trade --run adapters/...     forgetting against gain, by scale of the adapter
tuner evaluate --filters --run adapters/...   what sensitive names change for the run's base; shown in its report
tuner evaluate --filters --base NAME          the same for any base, printed
tuner canaries plant FOLDER                   make a repository with planted lines, to be trained on beside yours
tuner canaries measure --run adapters/... --planted FOLDER.canaries.json
"""

from __future__ import annotations

import argparse
import json
import math
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from tuner import bases, contest, recipe_file
from tuner.errors import DataError, RunError
from tuner.pipeline import Pipeline, Said
from tuner.probing import Canaries, Canary, Exposed
from tuner.progress import TerminalProgress
from tuner.records import Adapter, Repo, from_json
from tuner.rundir import Run, Workspace, locked

DAY = "2020-01-01"
Function = Callable[[argparse.Namespace], int]


def add_to(command: argparse.ArgumentParser, otherwise: Function, said: Said) -> None:
    """Add to `evaluate` the probes; without one it does what it did, which is `otherwise`."""
    command.add_argument("--trade", action="store_true", help="with --run: forgetting against gain, by adapter scale")
    command.add_argument(
        "--filters", action="store_true", help="with --run or --base: what sensitive names change for the base"
    )

    def function(options: argparse.Namespace) -> int:
        return probe(options, said) if options.trade or options.filters else otherwise(options)

    command.set_defaults(function=function)


def add_canaries(commands: argparse._SubParsersAction, said: Said) -> None:
    """Add `tuner canaries`."""
    canaries = commands.add_parser("canaries", help="plant lines, train on them, and see whether they can be got back")
    which = canaries.add_subparsers(required=True, metavar="plant|measure")
    plant = which.add_parser("plant", help="make a small repository that holds them")
    plant.add_argument("folder", type=Path, help="where the repository is made; it must not be there yet")
    plant.add_argument("--day", default=DAY, help=f"day of its only commit, before the cut; {DAY} when left out")
    plant.add_argument("--seed", type=int, default=17, help="decides the lines; 17 when left out")
    plant.set_defaults(function=_plant)
    measure = which.add_parser("measure", help="exposure and extraction on a run that was trained on them")
    measure.add_argument("--run", type=Path, required=True, help="the run folder")
    measure.add_argument("--planted", type=Path, required=True, help="the file that `plant` wrote beside its folder")
    measure.set_defaults(function=lambda options: _measure(options, said))


def probe(options: argparse.Namespace, said: Said) -> int:
    """Run the probes that were asked for."""
    if options.run is None and options.base is not None and not (options.repo or options.trade):
        return _filters_of_base(options.base)
    if options.run is None or options.repo or options.base or options.recipe or options.set:
        raise RunError("--trade and --filters want a finished run alone", "tuner evaluate --filters --run adapters/...")
    pipeline = finished(options.run, said)
    with locked(pipeline.run.folder):
        if options.filters:
            pipeline.probing.filters()
        if options.trade:
            pipeline.probing.trade(asked=True)
    for name in ("filters", "trade"):
        entry = pipeline.run.entry(name)
        if getattr(options, name) and entry is not None:
            print(f"{entry['record']['said']}\n{pipeline.run.folder / entry['record']['probes']}")
        elif getattr(options, name):
            print(f"weighed when it was trained\n{pipeline.run.folder / 'eval/trade.json'}")
    return 0


def finished(folder: Path, said: Said) -> Pipeline:
    """Open a finished run with its own recipe and base."""
    run = Run.find(folder)
    run.record("train", Adapter)
    repos = [Repo(each["name"], "", each["revision"], None) for each in run.manifest["repos"]]
    recipe = recipe_file.load(run.folder / "recipe.yaml").recipe
    return Pipeline(run, repos, contest.base_of(run), recipe, TerminalProgress(), said)


def _filters_of_base(name: str) -> int:
    """Probe a base that no run is made for; nothing is kept."""
    from tuner.evaluate.probes import filters
    from tuner.evaluate.probes.filter_snippets import cases
    from tuner.models import load_judge
    from tuner.render import Renderer

    progress = TerminalProgress()
    base = bases.resolve(name, bases.cache_folder(), progress)
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace(Path(folder), Path(folder), Path(folder), progress)
        renderer = Renderer.from_folder(Path(base.path), "app")
        found = filters.probe(load_judge(base, None, "none"), renderer, base, cases(), work)
    print(f"{base.name}: {filters.said(found)}")
    for group, change in found.groups.items():
        ends = f"[{100 * change.low:+.1f}, {100 * change.high:+.1f}]"
        print(f"  {group:<12}{100 * change.value:+6.1f} % {ends:<16}{change.n:>4} pairs")
    return 0


def _plant(options: argparse.Namespace) -> int:
    from tuner.evaluate.probes.planting import plant

    if not re.fullmatch(r"\d{4}-\d\d-\d\d", options.day):
        raise RunError(f"--day {options.day}: wanted a day such as {DAY}", "leave it out")
    path = plant(options.folder, options.seed, options.day)
    print(f"{options.folder}: a repository to be trained on: make train REPO='your-repository {options.folder}'")
    print(f"{path}: what was planted: tuner canaries measure --run adapters/... --planted {path}")
    return 0


def _measure(options: argparse.Namespace, said: Said) -> int:
    planted = _planted(options.planted)
    pipeline = finished(options.run, said)
    with locked(pipeline.run.folder):
        pipeline.probing.canaries(planted)
    path = pipeline.run.folder / "eval" / "canaries.json"
    found = from_json(Canaries, json.loads(path.read_text(encoding="utf-8")), str(path)).exposed
    print("\n".join(canary_table(found)))
    return 0


def canary_table(found: list[Exposed]) -> list[str]:
    """Write exposure and extraction by how often the training rows held a canary."""
    by_seen: dict[int, list[Exposed]] = defaultdict(list)
    for each in found:
        by_seen[each.seen].append(each)
    most = math.log2(found[0].alternatives + 1)
    lines = [f"{'trained on':<12}{'canaries':>9}{'exposure, base':>17}{'tuned':>8}{'extracted, base':>18}{'tuned':>8}"]
    for seen, some in sorted(by_seen.items()):
        base, tuned = (fmean(getattr(each, f"{name}_exposure") for each in some) for name in ("base", "tuned"))
        out = [sum(getattr(each, f"{name}_extracted") for each in some) for name in ("base", "tuned")]
        lines.append(f"{seen:>5} times {len(some):>9}{base:>17.1f}{tuned:>8.1f}{out[0]:>18}{out[1]:>8}")
    return [*lines, f"exposure in bits, {most:.0f} at most; an ending that was never trained on has about 1.4"]


def _planted(path: Path) -> list[Canary]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "`tuner canaries plant` writes it") from None
    except ValueError:
        raise DataError(f"{path}: not JSON", "give the file that `tuner canaries plant` wrote") from None
    if not isinstance(values, list) or not values:
        raise DataError(f"{path}: holds no list of canaries", "give the file that `tuner canaries plant` wrote")
    return [from_json(Canary, each, f"{path}: entry {number}") for number, each in enumerate(values, 1)]
