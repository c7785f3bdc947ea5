"""Say what is served under which name: the base, and every adapter of it that may be served.

In: a run folder with its bundle, and the other runs beside it. Out: a `Roster`: the base file, the adapters, and the
names under which each answers.

    tuned          the adapter of the run that `serve` was given
    RUN            the adapter of the run with this folder name
    base           the base without any adapter
    ...+bm25       one of these with what retrieval finds in the run's repository, where the run has its index

A base for which the engine knows no adapters is exported merged: then that file answers as `tuned`, without a `base`.

Left out: a run of another base, one whose export has not finished, did not pass parity or was altered since, and those
beyond `serve.adapters`, oldest first. Each is named with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import RunError, ServeError, TunerError
from tuner.recipe import EvaluateSettings, ServeSettings
from tuner.records import Artefact, Bundle, sha256_file
from tuner.rundir import Run, runs_in

BASE, TUNED, WITH_RETRIEVAL = "base", "tuned", "+bm25"
_EXPORT_AGAIN = "repeat the `make export` command"
Hasher = Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class Served:
    """A run that is served. `evaluate` is how it was evaluated, which is how it is asked.

    `adapter` is None where the file that the engine loads is the tuned model itself.
    """

    name: str
    folder: Path
    adapter: Path | None
    sha256: str
    repo: str
    evaluate: EvaluateSettings
    pairs: Path | None


@dataclass(frozen=True, slots=True)
class Model:
    """What a name stands for: the run that it is asked as, and whether its adapter and retrieval are on."""

    name: str
    run: Served
    is_tuned: bool
    is_retrieving: bool


@dataclass(frozen=True, slots=True)
class Roster:
    """All that one engine serves: the base, and the adapters in the order in which the engine numbers them."""

    base: Path
    base_sha256: str
    tokenizer: Path
    runs: tuple[Served, ...]

    def model(self, name: str | None) -> Model:
        """Find a model by the name that a client sends; no name means the adapter of the run that is served."""
        asked = (name or TUNED).removesuffix(":latest")
        stem = asked.removesuffix(WITH_RETRIEVAL)
        run = self._stems().get(stem)
        if run is None or (stem != asked and run.pairs is None):
            raise UnknownModel(f"there is no model {asked[:80]!r} here; known are {', '.join(self.names())}")
        return Model(asked, run, stem != BASE, stem != asked)

    def names(self) -> list[str]:
        """List the names that are known, that of the served run first."""
        stems = self._stems()
        return [*stems, *(f"{stem}{WITH_RETRIEVAL}" for stem, run in stems.items() if run.pairs)]

    def adapters(self) -> list[Path]:
        """List the adapters in the order in which the engine numbers them."""
        return [run.adapter for run in self.runs if run.adapter is not None]

    def number(self, run: Served) -> int | None:
        """Give the engine's number of a run's adapter; None where this engine has not loaded it."""
        return next((number for number, each in enumerate(self.runs) if each.sha256 == run.sha256), None)

    def _stems(self) -> dict[str, Served]:
        first, *others = self.runs
        base = {} if first.adapter is None else {BASE: first}
        return {first.name: first, TUNED: first, **base, **{run.name: run for run in others}}


class UnknownModel(ServeError):
    """A client asked for a model that is not served."""


class Hashes:
    """Remember the hash of files that did not change, so that looking for new adapters costs nothing."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, int, int], str] = {}

    def __call__(self, path: Path) -> str:
        """Hash a file, or give its hash again."""
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in self._known:
            self._known[key] = sha256_file(path)
        return self._known[key]


def find_roster(
    folder: Path, bundle: Bundle, settings: ServeSettings, hasher: Hasher = sha256_file
) -> tuple[Roster, dict[str, str]]:
    """Find what a run and the runs beside it can serve; name those that are left out with the reason."""
    first = _served(folder, bundle, _manifest(folder), hasher)
    left_out: dict[str, str] = {}
    if first.adapter is None:
        merged = verified(bundle, folder, "merged-gguf", hasher)
        return Roster(merged, first.sha256, _tokenizer(folder, bundle), (first,)), left_out
    base = verified(bundle, folder, "base-gguf", hasher)
    others = _others(folder, hasher, left_out)
    for each in others[settings.adapters - 1 :]:
        left_out[each.name] = f"only {settings.adapters} adapters are served at once (serve.adapters)"
    runs = (first, *others[: settings.adapters - 1])
    return Roster(base, hasher(base), _tokenizer(folder, bundle), runs), left_out


def verified(bundle: Bundle, run_folder: Path, name: str, hasher: Hasher = sha256_file) -> Path:
    """Find an artefact's file and make sure that it is the one that passed."""
    artefact = next((each for each in bundle.artefacts if each.name == name), None)
    if artefact is None:
        reason = bundle.skipped.get("gguf", "the bundle does not list it")
        raise ServeError(
            f"{run_folder / bundle.folder}: there is no {name} to serve: {reason}",
            "serve the PEFT folder with vLLM; see export/README.md",
        )
    path = run_folder / artefact.path
    if artefact.passed is False:
        raise ServeError(
            f"{path}: {_failure(artefact)}", f"read {run_folder / bundle.folder / 'parity.json'}, then {_EXPORT_AGAIN}"
        )
    if not path.is_file():
        raise ServeError(f"{path}: no such file", _EXPORT_AGAIN)
    found = hasher(path)
    if found != artefact.sha256:
        raise ServeError(
            f"{path}: altered since the export: sha256 is {found[:12]}…, wanted {artefact.sha256[:12]}…", _EXPORT_AGAIN
        )
    return path


def _others(folder: Path, hasher: Hasher, left_out: dict[str, str]) -> list[Served]:
    """Find the other runs of the same base, newest export first."""
    manifest = _manifest(folder)
    if manifest is None:
        return []
    found = []
    for run in runs_in(folder.parent):
        entry = run.entry("export")
        if run.folder.name == folder.name or run.manifest["base"]["revision"] != manifest.manifest["base"]["revision"]:
            continue
        if entry is None:
            left_out[run.folder.name] = "its export has not finished"
            continue
        try:
            served = _served(run.folder, run.record("export", Bundle), run, hasher)
        except TunerError as error:
            left_out[run.folder.name] = error.message
            continue
        if served.adapter is not None:
            found.append((-entry["started_at"], run.folder.name, served))
    return [served for _, _, served in sorted(found, key=lambda each: each[:2])]


def _served(folder: Path, bundle: Bundle, run: Run | None, hasher: Hasher) -> Served:
    names = {each.name for each in bundle.artefacts}
    is_merged = "merged-gguf" in names and "adapter-gguf" not in names
    tuned = verified(bundle, folder, "merged-gguf" if is_merged else "adapter-gguf", hasher)
    adapter, sha256 = None if is_merged else tuned, hasher(tuned)
    if run is None:  # a bundle that was copied without its run
        return Served(folder.name, folder, adapter, sha256, folder.name, EvaluateSettings(), None)
    pairs = folder / "mined/pairs.jsonl"
    return Served(
        name=folder.name,
        folder=folder,
        adapter=adapter,
        sha256=sha256,
        repo=run.manifest["repos"][0]["name"],
        evaluate=EvaluateSettings.model_validate(run.manifest["decides"]["recipe"]["evaluate"]),
        pairs=pairs if pairs.is_file() else None,
    )


def _manifest(folder: Path) -> Run | None:
    try:
        return Run.find(folder)
    except RunError:
        if (folder / "manifest.json").is_file():
            raise
        return None


def _tokenizer(folder: Path, bundle: Bundle) -> Path:
    """Find the base's tokenizer, which the export writes."""
    found = folder / bundle.folder / "tokenizer"
    if not (found / "tokenizer.json").is_file():
        raise ServeError(f"{found / 'tokenizer.json'}: no such file", _EXPORT_AGAIN)
    return found


def _failure(artefact: Artefact) -> str:
    if artefact.max_abs_difference is None or artefact.mean_kl is None:
        return "failed its parity check: the engine could not answer from it"
    return (
        f"failed its parity check: log-probabilities differ by up to {artefact.max_abs_difference:.3g} "
        f"from the evaluated model, mean KL {artefact.mean_kl:.3g} nats"
    )
