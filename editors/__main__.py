"""Let the real clients ask a server on this machine, and write down what they sent and what came back.

In: a finished run, or none for a tiny model made on the spot; a folder with the editors' plug-ins, since these are in
no package registry. Out: `docs/editors-checked.md`, and with `--record` the requests themselves, for the tests and for
`tuner serve --check`. Exit status 1 if a client failed, was answered wrongly, or did not show the answer.

    make check-editors [RUN=adapters/...] [PLUGINS=folder] [RECORD=yes]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from editors.clients import CLIENTS, Client
from editors.install import install
from editors.place import MOST_TOKENS, SECONDS, Failed, Place, Skipped
from editors.recorder import recording
from editors.table import Outcome, as_page
from tuner.export.editors import Served, write_editor
from tuner.recipe import ServeSettings
from tuner.records import Bundle
from tuner.rundir import Run
from tuner.serve import recorded, stage

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "editors-checked.md"


def main(arguments: list[str] | None = None) -> int:
    """Run the whole check."""
    options = _options(arguments)
    tools = options.tools.resolve()
    if options.install:
        install(tools)
    chosen = [each for each in CLIENTS if not options.only or each.name in options.only]
    with _served(options.run) as (url, about):
        outcomes = [_outcome(each, url, tools, options.plugins) for each in chosen]
    if not options.only:
        options.results.write_text(as_page(outcomes, about), encoding="utf-8")
        print(options.results)
    if options.record:
        _record(outcomes, options.record)
    return 1 if any(map(_is_bad, outcomes)) else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m editors", description="Drive real clients against `tuner serve`.")
    parser.add_argument("--run", type=Path, help="a finished run; a tiny model of its own when left out")
    parser.add_argument("--plugins", type=Path, help="folder with llama.vim, minuet-ai.nvim and plenary.nvim")
    parser.add_argument("--tools", type=Path, default=ROOT / ".editors", help="where the clients are installed")
    parser.add_argument("--no-install", dest="install", action="store_false", help="take what is installed")
    parser.add_argument("--only", nargs="*", help="these clients; the page is not written")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--record", type=Path, help="folder to keep the requests in")
    return parser.parse_args(arguments)


@contextmanager
def _served(folder: Path | None) -> Iterator[tuple[str, str]]:
    """Serve a run, or a tiny model, on a free port; say what it is."""
    if folder is not None:
        run = Run.find(folder)
        about = f"Model: the run on {run.manifest['repo']['name']}, base {run.manifest['base']['name']}."
        yield from _at(run, about)
        return
    from tests.serve.runs import taught_base, taught_run

    print("making a tiny model", file=sys.stderr, flush=True)
    with TemporaryDirectory() as made:
        run = taught_run(Path(made) / "adapters", taught_base(Path(made) / "base", "qwen"), spread=0.1)
        yield from _at(run, "Model: a tiny one that knows one file by heart.")


def _at(run: Run, about: str) -> Iterator[tuple[str, str]]:
    # One thread: beside editors that are being started, several would wait for each other most of the time.
    settings = ServeSettings(port=0, threads=1, watch_seconds=0, timeout_seconds=SECONDS)
    with stage.running(run.record("export", Bundle), run.folder, settings) as url:
        yield url, about


def _outcome(client: Client, url: str, tools: Path, plugins: Path | None) -> Outcome:
    outcome = Outcome(client.name)
    started = time.monotonic()
    with recording(url) as (address, exchanges), TemporaryDirectory() as settings:
        outcome.exchanges = exchanges
        place = Place(tools, client.name.replace(", ", "-").replace(" ", "-"), address, Path(settings))
        if client.editor:
            served = Served("tuned", address, "qwen", ServeSettings().context_tokens, MOST_TOKENS)
            write_editor(client.editor, served, place.settings)
        try:
            outcome.version = client.version(tools, plugins)
            outcome.shown = client.drive(place, plugins)
        except Skipped as reason:
            outcome.state, outcome.reason = "skipped", str(reason)
        except Failed as reason:
            outcome.state, outcome.reason = "failed", str(reason)
    if outcome.state == "answered" and (faults := outcome.faults()):
        outcome.state, outcome.reason = "failed", faults[0]
    said = outcome.reason or f"{len(exchanges)} requests, shown: {outcome.shown[:60]!r}"
    print(f"{client.name:<24}{outcome.state:<10}{time.monotonic() - started:6.1f} s  {said}", flush=True)
    return outcome


def _is_bad(outcome: Outcome) -> bool:
    return outcome.state == "failed" or (outcome.state == "answered" and not outcome.is_seen())


def _record(outcomes: list[Outcome], folder: Path) -> None:
    """Keep the different requests of each client that may be kept, unless they name a path of this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {each.name for each in CLIENTS if each.is_recorded}
    for outcome in outcomes:
        if outcome.state != "answered" or outcome.client not in kept:
            continue
        sents = [
            recorded.Sent(
                outcome.client, outcome.version, "recorded", each.method, each.path, tuple(each.headers), each.body
            )
            for each in outcome.exchanges
        ]
        text = recorded.as_text(list(dict.fromkeys(sents)))
        if str(ROOT) in text or str(Path.home()) + "/" in text:
            print(f"{outcome.client}: not kept, its requests name a path of this machine", file=sys.stderr)
            continue
        name = outcome.client.lower().replace(", ", "-").replace(" ", "-")
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
