"""The adapter that comes with the program, so that `make serve` works before anything was trained.

It lies in `adapters/tuner-own/`: `adapter_model.safetensors` in 16-bit floats, `adapter_config.json`, a card, and
`shipped.json` with its base, the hash of its weights, its figures, and a few prompts. `pack` takes it out of a finished
run of this project's own history; `servable` makes a run of it in the cache, with the two GGUF files that the engine
loads, checked against PyTorch on those prompts.
Refused: an adapter larger than `MOST_BYTES`, weights that are not those of `shipped.json`, another base.

    tuner adapters ship RUN
"""

from __future__ import annotations

import fcntl
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tuner import bases
from tuner.errors import DataError, RunError
from tuner.progress import Progress
from tuner.recipe import ExportSettings, Recipe
from tuner.records import (
    Adapter,
    Bundle,
    Dataset,
    Item,
    Repo,
    from_json,
    read_jsonl,
    sha256_file,
)
from tuner.registry import SHIPPED
from tuner.render import Renderer
from tuner.rundir import Run, Workspace, disk_errors_named, write_atomically

FOLDER = "tuner-own"
MOST_BYTES = 6_000_000
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
PROMPTS = 4
PROMPT_CHARS = 400
FIGURES = ("bits_per_byte", "exact_match", "edit_similarity", "identifier_f1", "chars_saved_ratio")


@dataclass(frozen=True, slots=True)
class Prompt:
    """Text before a cursor, and the file that it is from."""

    path: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """What `shipped.json` holds. `figures` are base, tuned, difference and its interval, by metric."""

    base: str
    base_revision: str
    fim_form: str
    repo: str
    repo_revision: str
    version: str
    sha256: str
    rank: int
    items: int
    verdict: str
    figures: dict[str, list[float]]
    prompts: list[Prompt]


def pack(run: Run, adapters: Path, most_bytes: int = MOST_BYTES) -> Path:
    """Write the adapter of a finished run as the one that comes with the program; return its folder."""
    from tuner.export.weights import Weights, read_json, write_safetensors

    adapter, source = run.record("train", Adapter), run.folder / run.record("train", Adapter).folder
    config, weights = read_json(source / CONFIG), Weights(source)
    size, rank = 2 * sum(math.prod(tensor.shape) for tensor in weights.tensors.values()), int(config["r"])
    if size > most_bytes:
        fitting = rank * most_bytes // size
        raise RunError(
            f"{source}: {size / 1e6:.1f} MB in 16-bit floats at rank {rank}, wanted {most_bytes / 1e6:g} MB at most",
            f'train it again with SET="train.rank={fitting} train.alpha={fitting}"',
        )
    folder = adapters / FOLDER
    partial = adapters / f".{FOLDER}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with disk_errors_named("ship"):
        halves = [(name, replace(tensor, dtype="F16")) for name, tensor in sorted(weights.tensors.items())]
        write_safetensors(partial / WEIGHTS, halves, weights.read)
        shutil.copyfile(source / CONFIG, partial / CONFIG)
        facts = _facts(run, sha256_file(partial / WEIGHTS), rank)
        write_atomically(partial / SHIPPED, json.dumps(asdict(facts), indent=1, ensure_ascii=False) + "\n")
        write_atomically(partial / "README.md", _card(facts, (partial / WEIGHTS).stat().st_size, adapter))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return folder


def read_shipped(folder: Path) -> Shipped:
    """Read what is recorded of a shipped adapter, and make sure that its weights are the recorded ones."""
    path = folder / SHIPPED
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise DataError(f"{path}: missing, or not JSON", f"git checkout -- {folder}") from None
    shipped = from_json(Shipped, values, str(path))
    weights = folder / WEIGHTS
    if not weights.is_file() or sha256_file(weights) != shipped.sha256:
        raise DataError(f"{weights}: missing, or altered since it was packed", f"git checkout -- {folder}")
    return shipped


def servable(folder: Path, cache: Path, progress: Progress) -> Run:
    """Give a run in the cache that holds a shipped adapter with its GGUF files, made and checked at the first call."""
    shipped = read_shipped(folder)
    base = bases.resolve(shipped.base, bases.cache_folder(), progress)
    if base.revision != shipped.base_revision:
        raise RunError(
            f"{folder}: made for revision {shipped.base_revision[:12]} of {base.name}, this machine has "
            f"{base.revision[:12]}",
            "make setup installs the base that it was made for",
        )
    settings = ExportSettings(quantized=[], merged="none", copies_up_to_billions=0, metric_items=0)
    recipe = Recipe(export=settings)
    run = Run.create(cache / "shipped", Repo(shipped.repo, "", shipped.repo_revision, None), base, recipe)

    def copy(work: Workspace) -> Adapter:
        (work.out / "adapter").mkdir()
        for name in (WEIGHTS, CONFIG):
            shutil.copyfile(folder / name, work.out / "adapter" / name)
        return Adapter("adapter", base.name, base.revision, shipped.sha256, {})

    def export(work: Workspace) -> Bundle:
        from tuner.export import stage

        renderer = Renderer.from_folder(Path(base.path), shipped.repo)
        limit = recipe.evaluate.max_prompt_tokens
        prompts = [renderer.infilling_prompt(each.prefix, "", each.path, limit).ids for each in shipped.prompts]
        return stage.run(base, adapter, prompts, settings, work)

    with _alone(run.folder):
        made_of = {"shipped": shipped.sha256}
        adapter, _ = run.stage("train", Adapter, copy, settings=made_of, inputs=[], progress=progress)
        inputs = [f"adapter/{WEIGHTS}", f"adapter/{CONFIG}"]
        run.stage("export", Bundle, export, settings=made_of, inputs=inputs, progress=progress)
    return run


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process makes the same files; a killed one lets go at once."""
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _facts(run: Run, sha256: str, rank: int) -> Shipped:
    from tuner.comparison import Comparison

    base, repo = run.manifest["base"], run.manifest["repo"]
    compared, dataset = run.record("compare", Comparison), run.record("dataset", Dataset)
    whole = {each.metric: each for each in compared.differences if each.stratum == "all"}
    figures = {
        name: [each.b, each.a, each.delta, each.low, each.high]
        for name in FIGURES
        if (each := whole.get(name)) is not None
    }
    items = list(read_jsonl(run.folder / dataset.items, Item))
    prompts = [Prompt(item.path, item.prefix[-PROMPT_CHARS:]) for item in items[:PROMPTS]]
    return Shipped(
        base["name"], base["revision"], base["fim_form"], repo["name"], repo["revision"],
        run.manifest["decides"]["version"], sha256, rank, len(items), compared.verdict, figures, prompts,
    )  # fmt: skip


def _card(shipped: Shipped, size: int, adapter: Adapter) -> str:
    rows = [
        f"| {name} | {base:.3f} | {tuned:.3f} | {delta:+.3f} [{low:+.3f}, {high:+.3f}] |"
        for name, (base, tuned, delta, low, high) in shipped.figures.items()
    ]
    tokens, minutes = adapter.metrics.get("train.tokens", 0), adapter.metrics.get("train.seconds", 0) / 60
    return _CARD.format(
        base=shipped.base, repo=shipped.repo, revision=shipped.repo_revision[:12], rank=shipped.rank,
        megabytes=size / 1e6, tokens=int(tokens), minutes=minutes, items=shipped.items, verdict=shipped.verdict,
        rows="\n".join(rows), version=shipped.version, batch=Recipe().evaluate.max_prompt_tokens,
    )  # fmt: skip


_CARD = """# The adapter that comes along

A LoRA adapter for `{base}`, trained by this program on its own repository, {repo} at {revision}. `make serve` serves it
when no run is named, so that an editor can be tried before anything was trained. It knows this project's code and
nobody else's: train your own for yours.

Rank {rank}, {megabytes:.1f} MB in 16-bit floats; {tokens:,} tokens in {minutes:.0f} minutes, tuner {version}. Its
figures are those of the run's manifest, over {items} cursors in commits after the cut that training did not see, with
prompts of up to {batch} tokens. Verdict: {verdict}.

| metric | base | tuned | tuned - base [95 %] |
|---|---|---|---|
{rows}

`tuner adapters verify tuner-own` checks the weights against `shipped.json`. Licence: that of this project; the base is
Apache-2.0.
"""
