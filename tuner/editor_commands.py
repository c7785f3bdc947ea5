"""Compose `tuner export --editor NAME`: an editor's settings for a run, with a page that says what to click.

In: a finished run, the editor's name and how the server will be started. Out: `<run>/export/editors/<name>/`. Writing
again replaces the files. The address and the lengths are those of `recipe.serve` and of the run's own evaluation.

    tuner export --editor zed --run team
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tuner import recipe_file, registry
from tuner.errors import RunError
from tuner.export.editors import EDITORS, MODEL_NAME, Served, write_editor
from tuner.records import Bundle
from tuner.rundir import Run, disk_errors_named

HOST = "127.0.0.1"


def add_to(command: argparse.ArgumentParser, otherwise: Callable[[argparse.Namespace], int]) -> None:
    """Add to `export` what it takes for an editor; without `--editor` it does what it did, which is `otherwise`."""
    command.add_argument("--editor", choices=EDITORS, help="write this editor's settings for the run of --run")
    command.add_argument("--model", help=f"with --editor: a model's name at the server; {MODEL_NAME} when left out")
    command.add_argument(
        "--key-name", metavar="VARIABLE", help="with --editor: environment variable that holds the server's key"
    )
    command.set_defaults(function=lambda options: write(options) if options.editor else otherwise(options))


def write(options: argparse.Namespace) -> int:
    """Write the files of one editor, and say where they are."""
    if options.run is None:
        raise RunError("--editor wants a finished run", f"tuner export --editor {options.editor} --run adapters/...")
    if options.repo or options.base:
        raise RunError("--run names the run; --repo and --base would change nothing", "leave them out")
    run = Run.find(registry.resolve(options.adapters, str(options.run)))
    run.record("export", Bundle)  # nothing to serve before that
    serve = recipe_file.load(options.recipe, None, options.set).recipe.serve
    served = Served(
        model=options.model or MODEL_NAME,
        url=f"http://{HOST}:{serve.port}",
        fim_form=run.manifest["base"]["fim_form"],
        context_tokens=serve.context_tokens,
        max_new_tokens=int(run.manifest["decides"]["recipe"]["evaluate"]["max_new_tokens"]),
        key_name=options.key_name,
    )
    with disk_errors_named("editor settings"):
        page, *files = write_editor(options.editor, served, run.folder / "export" / "editors" / options.editor)
    print(f"{page}: what to click")
    for path in files:
        print(path)
    return 0
