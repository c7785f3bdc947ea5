"""The command line: parse, compose, print, and turn errors into exit statuses.

Results go to stdout, talk and progress to stderr. Exit 0 done, 1 a stage failed, 2 the user can mend it.
`--gate` adds 3 no benefit shown, 4 harm.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from tuner import (
    __version__,
    bases,
    contest,
    editor_commands,
    executing,
    plan_commands,
    probe_commands,
    registry_commands,
    reproduce,
    screen,
    serve_commands,
    sweep_commands,
    verdict_commands,
    watch_commands,
)
from tuner import recipe_file as recipes
from tuner.arena import commands as arena
from tuner.errors import ExportError, MachineError, RecipeError, RunError, TunerError
from tuner.evaluate.copilot import commands as copilot
from tuner.pipeline import Pipeline
from tuner.progress import TerminalProgress
from tuner.recipe import EMBEDDED
from tuner.records import Base, Dataset
from tuner.render import Renderer
from tuner.rundir import Run, State, disk_errors_named, locked, runs_in, write_atomically
from tuner.training_log import require_viewers

# What a command ends with. `train` is the main job and goes to the end.
LAST_STAGE = {
    "train": "report",
    "mine": "mine",
    "dataset": "dataset",
    "evaluate": "compare",
    "compare": "trade",
    "export": "export",
    "report": "report",
}
HELP = {
    "train": "everything: mine, dataset, train, evaluate, compare, export, report",
    "mine": "read a repository into pairs",
    "dataset": "up to the training rows and the frozen evaluation items",
    "evaluate": "up to base against tuned and the verdict",
    "compare": "base, tuned and every other system of the recipe on the same items",
    "export": "up to the exported files and their parity check",
    "report": "up to one offline page with all results",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # How long idle threads spin before they sleep. At once (OMP_WAIT_POLICY=PASSIVE) trains a fifth slower; the default
    # of some milliseconds makes every step several times as long as soon as another program runs beside this one.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    options = _parser().parse_args(arguments)
    try:
        return int(options.function(options) or 0)
    except TunerError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tuner", description="Tune a code model on a repository, and prove whether it helps."
    )
    parser.add_argument("--version", action="version", version=f"tuner {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text)
        _run_arguments(command)
        command.set_defaults(function=_run, command=name)
        if name == "export":
            editor_commands.add_to(command, _run)
        if name == "evaluate":
            verdict_commands.add_to(command, _pipeline, _run)
            probe_commands.add_to(command, command.get_default("function"), _say_stage)
        if name == "compare":
            contest.add_arguments(command)
            command.set_defaults(function=_compare)
        if name == "dataset":
            command.add_argument("what", nargs="?", choices=["audit"], help="look at the dataset before training on it")
            command.add_argument("folder", nargs="?", type=Path, metavar="RUN", help="audit: the run, as --run")
            command.set_defaults(function=_dataset)
    serve = commands.add_parser("serve", help="serve base and adapter of a finished run on loopback")
    _run_arguments(serve)
    serve_commands.add_to(serve, _finished_run)
    arena.add_to(commands)
    copilot.add_to(commands)
    probe_commands.add_canaries(commands, _say_stage)
    base = commands.add_parser("base", help="prepare a base and show where it lies")
    base.add_argument("name", nargs="?", default="auto", help="hub id, folder, GGUF file, or auto")
    base.set_defaults(function=_base)

    registry_commands.add_to(commands)
    plan_commands.add_to(commands, _run_arguments, _choose_recipe)
    reproduce.add_to(commands)
    sweep_commands.add_to(commands, _run_arguments, _choose_recipe, _say_stage)
    watch_commands.add_to(commands)
    runs = commands.add_parser("runs", help="ls, show or verify runs").add_subparsers(
        required=True, metavar="ls|show|verify"
    )
    for name, text, function in (
        ("ls", "list the runs", _runs_ls),
        ("show", "show a run's last screen", _runs_show),
        ("verify", "hash every file of a run again", _runs_verify),
    ):
        command = runs.add_parser(name, help=text)
        command.add_argument("--adapters", type=Path, default=Path("adapters"), help="folder of the runs")
        if name != "ls":
            command.add_argument("run", type=Path, help="run folder")
        command.set_defaults(function=function)

    recipe = commands.add_parser("recipe", help="ls, show or check recipes").add_subparsers(
        required=True, metavar="ls|show|check"
    )
    command = recipe.add_parser("ls", help="list the recipes")
    command.set_defaults(function=_recipe_ls)
    for name, text, function in (
        ("show", "show every setting and its origin", _recipe_show),
        ("check", "report all faults", _recipe_check),
    ):
        command = recipe.add_parser(name, help=text)
        command.add_argument("recipe", nargs="?", type=Path, help="recipe file; the defaults when left out")
        command.add_argument("--base", help="base in place of the recipe's")
        command.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="setting in place of the recipe's"
        )
        command.set_defaults(function=function)
    return parser


def _run_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--repo", help="path or git URL; several in quotes, or a file with one in each line")
    command.add_argument("--run", type=Path, help="an existing run folder, in place of --repo")
    command.add_argument("--base", help="hub id, folder or GGUF file")
    command.add_argument("--recipe", type=Path, help="recipe file")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, such as train.epochs=2"
    )
    command.add_argument("--adapters", type=Path, default=Path("adapters"), help="folder of the runs")


def _run(options: argparse.Namespace) -> int:
    if options.run is not None:
        return _show_finished(options)
    pipeline = _pipeline(options)
    last = LAST_STAGE[options.command]
    with locked(pipeline.run.folder):
        pipeline.upto(last)
    if pipeline.run.entry("compare") and last in ("compare", "report", "export"):
        print(screen.final_screen(pipeline.run))
    else:
        print(f"\n  run         {pipeline.run.folder}")
    return verdict_commands.ended(pipeline.run, options)


def _pipeline(options: argparse.Namespace) -> Pipeline:
    from tuner.mine.repositories import open_repositories, together

    if not options.repo:
        raise RunError("REPO is missing", "for example: make train REPO=../your-repository")
    chosen, why = _choose_recipe(options)
    resolved = recipes.load(chosen, options.base, options.set)
    require_viewers(resolved.recipe.train.log_to)
    progress = TerminalProgress()
    repos = open_repositories(options.repo, bases.cache_folder() / "clones", progress)
    for repo in repos:
        print(f"repository {repo.name} at {repo.revision[:12]}", file=sys.stderr)
    base = plan_commands.base_that_fits(options, resolved.recipe, together(repos), progress)
    print(f"base       {base.name} ({base.fim_form})", file=sys.stderr)
    _say_if_not_served(base)
    print(f"recipe     {chosen or 'defaults'}{why}", file=sys.stderr)
    run = Run.create(options.adapters, together(repos), base, resolved.recipe, repos)
    log_to = resolved.recipe.train.log_to
    for notice in [*executing.notices(resolved.recipe.evaluate), *watch_commands.notices(run, log_to)]:
        print(f"note       {notice}", file=sys.stderr)
    print(f"run        {run.folder}\n", file=sys.stderr)
    return Pipeline(run, repos, base, resolved.recipe.model_copy(update={"base": base.name}), progress, _say_stage)


def _say_if_not_served(base: Base) -> None:
    """Say before hours of training, not after, that the local engine will not be able to serve the result."""
    from tuner.export.architectures import MERGED_INSTEAD, require_supported

    try:
        known = require_supported(json.loads((Path(base.path) / "config.json").read_text(encoding="utf-8")))
    except ExportError as refusal:
        print(f"note       `make serve` will not work: {refusal.message}; {refusal.hint}", file=sys.stderr)
        return
    if known.no_adapter:
        print(f"note       no adapter file for llama.cpp: {known.no_adapter}; {MERGED_INSTEAD}", file=sys.stderr)


def _choose_recipe(options: argparse.Namespace) -> tuple[Path | None, str]:
    """Take the recipe given, or the one written for the base, or the one that fits the GPU; say which and why."""
    if options.recipe is not None:
        return options.recipe, ""
    folder, memory_gib = plan_commands.recipes_folder(), bases.gpu_memory_gib()
    if options.base is None:
        names = bases.gpu_recipes(memory_gib)
        if not names:
            return None, " (embedded base, no GPU that holds a larger one)"
        return folder / f"{names[0]}.yaml", f" (chosen for {memory_gib:.0f} GiB of GPU memory)"
    if options.base in ("auto", EMBEDDED):
        return None, ""
    written = {path.stem: path for path in recipes.find_for(options.base, folder)}
    if not written:
        return None, (
            " (those of the embedded base; a larger one wants a lower train.learning_rate, about 2e-4, and one with"
            " infilling tokens more infilling in dataset.shares, as in recipes/qwen2.5-coder-7b-lora.yaml)"
        )
    fitting = [written[name] for name in bases.gpu_recipes(memory_gib) if name in written]
    if len(written) > 1 and fitting:
        return fitting[0], f" (of {len(written)} for this base, the one for {memory_gib:.0f} GiB of GPU memory)"
    # with no GPU known, the last by name: -qlora comes after -lora and needs the least memory
    return list(written.values())[-1], " (written for this base)"


def _say_stage(name: str, state: State, entry: dict) -> None:
    print(screen.stage_line(name, state, entry), file=sys.stderr, flush=True)


def _show_finished(options: argparse.Namespace) -> int:
    """Answer a command on a finished run without its repository: nothing is computed, the result is shown."""
    _refuse_beside_run(options)
    run = Run.find(options.run)
    last = LAST_STAGE[options.command]
    if run.entry(last) is None:
        raise RunError(
            f"{run.folder}: stage `{last}` has not finished", "repeat the `make train REPO=...` command of this run"
        )
    print(screen.final_screen(run) if run.entry("compare") else screen.run_line(run))
    return verdict_commands.ended(run, options)


def _refuse_beside_run(options: argparse.Namespace) -> None:
    if options.repo or options.base or options.recipe or options.set:
        raise RunError(
            "RUN= shows a finished run; REPO=, BASE=, RECIPE= and SET= would change nothing",
            "leave out RUN=, or leave out the others",
        )


def _compare(options: argparse.Namespace) -> int:
    if options.run is not None:
        pipeline = contest.finished_pipeline(options, _say_stage)
    else:
        options.set = contest.settings_of(options)
        pipeline = _pipeline(options)
    for notice in contest.notices(pipeline):
        print(f"note       {notice}", file=sys.stderr)
    with locked(pipeline.run.folder):
        if options.run is None:
            pipeline.upto(LAST_STAGE["compare"])
        pipeline.contest()
    print(screen.contest_screen(pipeline.run))
    return verdict_commands.ended(pipeline.run, options)


def _dataset(options: argparse.Namespace) -> int:
    if options.what is None:
        return _run(options)
    options.run = options.folder or options.run
    if options.run is None:
        pipeline = _pipeline(options)
        with locked(pipeline.run.folder):
            pipeline.upto("dataset")
        return _audit(pipeline.run, pipeline.base)
    _refuse_beside_run(options)
    run = Run.find(options.run)
    run.record("dataset", Dataset)  # before a base is looked for
    return _audit(run, contest.base_of(run))


def _audit(run: Run, base: Base) -> int:
    """Write the audit's page and text into the run, print the text, and fail when there is a fault."""
    from tuner.dataset.audit import make_audit
    from tuner.dataset.audit_page import as_page
    from tuner.dataset.audit_text import as_text

    found = make_audit(run, Renderer.from_folder(Path(base.path), run.manifest["repo"]["name"]), TerminalProgress())
    page, text = run.folder / "audit" / "index.html", run.folder / "audit" / "audit.txt"
    try:
        with disk_errors_named("audit"):
            page.parent.mkdir(exist_ok=True)
            write_atomically(page, as_page(found))
            write_atomically(text, as_text(found, colour=False))
    except OSError as error:
        raise MachineError(f"{page.parent}: cannot be written: {error.strerror}", "audit a copy of the run") from None
    shown = as_text(found, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    encoding = sys.stdout.encoding or "utf-8"
    print(shown.encode(encoding, "backslashreplace").decode(encoding))
    print(f"  page        {page}")
    return 1 if found.faults else 0


def _finished_run(options: argparse.Namespace) -> Run:
    """Find the run of a repository as it stands; a repository that moved on has another run."""
    from tuner.mine.repositories import open_repositories, together

    recipe = recipes.load(_choose_recipe(options)[0], options.base, options.set).recipe
    repo = together(open_repositories(options.repo, bases.cache_folder() / "clones", TerminalProgress()))
    base = bases.resolve(recipe.base, bases.cache_folder(), TerminalProgress())
    folder = Run.folder_of(options.adapters, repo, base, recipe)
    if not (folder / "manifest.json").is_file():
        others = [run.folder for run in runs_in(options.adapters) if run.manifest["repo"]["name"] == repo.name]
        hint = f"make serve RUN={others[-1]} is a run of another state of it" if others else "make train REPO=... first"
        raise RunError(f"no run of {repo.name} at {repo.revision[:12]} with this base and recipe", hint)
    return Run.find(folder)


def _base(options: argparse.Namespace) -> int:
    base = bases.resolve(options.name, bases.cache_folder(), TerminalProgress())
    print(f"{base.name}: {base.path} (infilling form {base.fim_form}, revision {base.revision[:12]})")
    return 0


def _runs_ls(options: argparse.Namespace) -> int:
    runs = runs_in(options.adapters)
    for run in runs:
        print(screen.run_line(run))
    if not runs:
        print(f"no runs in {options.adapters}/; make train REPO=... makes one", file=sys.stderr)
    return 0


def _runs_show(options: argparse.Namespace) -> int:
    run = Run.find(options.run)
    print(screen.final_screen(run) if run.entry("compare") else screen.run_line(run))
    return 0


def _runs_verify(options: argparse.Namespace) -> int:
    run = Run.find(options.run)
    faults = run.verify()
    for fault in faults:
        print(f"{run.folder}: {fault}")
    if not faults:
        files = sum(len(entry["outputs"]) for entry in run.stages)
        print(f"{run.folder}: {len(run.stages)} stages, {files} files, all as recorded")
    return 1 if faults else 0


def _recipe_ls(options: argparse.Namespace) -> int:
    for path in sorted(plan_commands.recipes_folder().glob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        print(f"{path.as_posix():<44}{first}")
    return 0


def _recipe_show(options: argparse.Namespace) -> int:
    resolved = recipes.load(options.recipe, options.base, options.set)
    for key, value in recipes.flatten(resolved.recipe).items():
        print(f"{key:<32}{'null' if value is None else value!s:<28}{resolved.origins.get(key, 'default')}")
    return 0


def _recipe_check(options: argparse.Namespace) -> int:
    if options.recipe is None:
        raise RecipeError("which recipe?", "tuner recipe check recipes/x.yaml")
    recipes.load(options.recipe, options.base, options.set)
    print(f"{options.recipe}: no fault")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
