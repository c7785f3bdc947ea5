"""A run folder: its name, its manifest, and the wrapper that makes every stage atomic, resumable and skippable.

In: a repository revision, a base revision, a resolved recipe. Out: `adapters/<repo>-<base>-<id>/`, where the id is the
hash of those and of this program's version, so that the same command finds the same folder.

A stage writes into a temporary folder; its files are hashed, moved, and only then is the manifest entry appended. So a
kill at any instant leaves the finished stage or none. Each entry holds the hash of the one before it, and the manifest
that of the last. What a stage may need again after a kill (checkpoints, finished predictions) goes into its scratch
folder, which lives until it finishes.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from tuner import __version__, recipe_file
from tuner.environment import read_environment
from tuner.errors import DataError, MachineError, RunError
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.recipe_execution import EXECUTION_FIELDS
from tuner.recipe_processes import PROCESS_FIELDS
from tuner.records import Base, Repo, content_id, from_json, sha256_file, to_json

MANIFEST = "manifest.json"
SCHEMA = 1
# Settings that leave a run the same run: serving, sweeps, for whom the training is logged and how many processes share
# it, the systems that `make compare` asks beside base and tuned, and which answers are run.
OTHER_SYSTEMS = {"systems", "control", "endpoints", "copilot", "imported", "prices", "prices_as_of", "team"}
DECIDES_NOTHING: Any = {
    "serve": True,
    "sweep": True,
    "train": {"log_to", *PROCESS_FIELDS},
    "compare": OTHER_SYSTEMS,
    "evaluate": set(EXECUTION_FIELDS),
}
R = TypeVar("R")
State = Literal["done", "kept", "reused"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a stage works.

    A file written as `out / "mined/pairs.jsonl"` lies at `run / "mined/pairs.jsonl"` once the stage has finished.
    `run` is only read. `scratch` survives a kill, and is removed when the stage finishes.
    """

    run: Path
    out: Path
    scratch: Path
    progress: Progress


class Run:
    """One run folder. Open it with `create` or `find`; do its work with `stage`."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest

    @property
    def stages(self) -> list[dict[str, Any]]:
        return self.manifest["stages"]

    @classmethod
    def folder_of(cls, adapters: Path, repo: Repo, base: Base, recipe: Recipe) -> Path:
        """Give the folder that belongs to a repository, a base and a recipe, whether it exists or not."""
        ident = content_id(canonical(_decides(repo, base, recipe)))[:8]
        return adapters / f"{slug(repo.name)}-{slug(base.name)}-{ident}"

    @classmethod
    def create(cls, adapters: Path, repo: Repo, base: Base, recipe: Recipe, repos: Sequence[Repo] = ()) -> Run:
        """Find the folder of this command, or make it; `repo` stands for `repos` where there are several."""
        folder = cls.folder_of(adapters, repo, base, recipe)
        if (folder / MANIFEST).is_file():
            return cls.find(folder)
        resolved = recipe.model_copy(update={"base": base.name})
        manifest = {
            "schema": SCHEMA,
            "id": folder.name.rpartition("-")[2],
            "decides": _decides(repo, base, recipe),
            "repo": {"name": repo.name, "revision": repo.revision, "branch": repo.branch},
            "repos": [{"name": each.name, "revision": each.revision} for each in repos or [repo]],
            "base": {"name": base.name, "revision": base.revision, "fim_form": base.fim_form},
            "stages": [],
        }
        run = cls(folder, manifest)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with disk_errors_named("starting the run"):
                write_atomically(folder / "recipe.yaml", recipe_file.to_yaml(resolved))
                run._write()
        except OSError as error:
            raise MachineError(
                f"{folder}: cannot be written: {error.strerror}", "choose another folder with --adapters"
            ) from None
        return run

    @classmethod
    def find(cls, folder: Path) -> Run:
        """Open an existing run."""
        path = folder / MANIFEST
        if not path.is_file():
            raise RunError(f"{folder}: not a run, it has no {MANIFEST}", "`make runs` lists the runs")
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise RunError(f"{path}:{error.lineno}: not JSON: {error.msg}", "remove the folder and run again") from None
        if manifest.get("schema") != SCHEMA:
            raise RunError(
                f"{path}: schema is {manifest.get('schema')!r}, wanted {SCHEMA}", "remove the folder and run again"
            )
        return cls(folder, manifest)

    def entry(self, name: str) -> dict[str, Any] | None:
        """Give a finished stage's manifest entry."""
        return next((each for each in self.stages if each["name"] == name), None)

    def record(self, name: str, record_type: type[R]) -> R:
        """Give what a finished stage returned."""
        entry = self.entry(name)
        if entry is None:
            raise RunError(f"{self.folder}: stage `{name}` has not finished", "repeat the `make train` command")
        return from_json(record_type, entry["record"], f"{self.folder / MANIFEST}: {name}")

    def stage(
        self,
        name: str,
        record_type: type[R],
        function: Callable[[Workspace], R],
        *,
        settings: dict[str, Any],
        inputs: list[str],
        progress: Progress,
    ) -> tuple[R, State]:
        """Run a stage, or skip it because the same work is done here or in a sibling run.

        `settings` is all that decides the outcome beside the files in `inputs` (relative to the run).
        """
        hashes = {path: self.verified(path) for path in inputs}
        key = content_id(name, __version__, canonical(settings), canonical(hashes))
        state = self._find_finished(name, key)
        out = self.folder / f".partial-{name}"
        scratch = self.folder / f".scratch-{name}-{key[:8]}"
        for stale in [out, *self.folder.glob(f".scratch-{name}-*")]:  # what a kill left
            if stale != scratch or state is not None:
                shutil.rmtree(stale, ignore_errors=True)
        if state is not None:
            return self.record(name, record_type), state
        out.mkdir()
        scratch.mkdir(exist_ok=True)
        try:
            with disk_errors_named(name):
                record = self._work(name, key, hashes, function, Workspace(self.folder, out, scratch, progress))
        finally:
            shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)
        return record, "done"

    def _find_finished(self, name: str, key: str) -> State | None:
        """Find the same work, here or in a sibling run; an entry of other work is dropped, with all that read it."""
        entry = self.entry(name)
        if entry is not None:
            if entry["key"] == key and not self._damage(entry, full=False):
                return "kept"
            self._drop(entry)
        return "reused" if self._reuse(name, key) else None

    def _drop(self, entry: dict[str, Any]) -> None:
        """Take out an entry and those that read its files; what another system answered stays."""
        gone, kept, previous = set(entry["outputs"]), [], ""
        for each in self.stages:
            if each is entry or gone & set(each["inputs"]):
                gone |= set(each["outputs"])
            else:
                kept.append({**each, "previous": previous})
                previous = _digest(kept[-1])
        self.manifest["stages"] = kept

    def _work(self, name: str, key: str, hashes: dict, function: Callable[[Workspace], R], work: Workspace) -> R:
        started, clock = time.time(), time.monotonic()
        record = function(work)
        seconds = round(time.monotonic() - clock, 3)
        times = {"started_at": round(started), "seconds": seconds, "environment": read_environment()}
        outputs: dict[str, dict[str, Any]] = {}
        readable = work.out.stat().st_mode & 0o444  # as far as the user's umask allows
        for path in sorted(path for path in work.out.rglob("*") if path.is_file()):
            relative = path.relative_to(work.out).as_posix()
            outputs[relative] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
            target = self.folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            path.chmod(path.stat().st_mode | readable)  # some libraries write what only their user can read
            os.replace(path, target)
        self._append(name, key, hashes, outputs, json.loads(to_json(record)), times)
        return record

    def verify(self) -> list[str]:
        """Hash every file again and check the chain; return the faults found."""
        faults, previous = [], ""
        for entry in self.stages:
            if entry["previous"] != previous:
                faults.append(f"{entry['name']}: the manifest entry before it was changed")
            previous = _digest(entry)
            faults += [f"{entry['name']}: {fault}" for fault in self._damage(entry, full=True)]
        if self.manifest.get("last") != previous:
            faults.append("the last manifest entry was changed, or one behind it was removed")
        if self.manifest["id"] != content_id(canonical(self.manifest["decides"]))[:8]:
            faults.append("what decides the run was changed in the manifest")
        metrics = self.folder / "metrics.json"
        if not metrics.is_file() or metrics.read_text(encoding="utf-8") != self._metrics():
            faults.append("metrics.json is missing, or says other than the manifest")
        return faults

    def _append(self, name: str, key: str, hashes: dict, outputs: dict, record: dict, extra: dict) -> None:
        self.stages.append(
            {
                "name": name,
                "key": key,
                "previous": _digest(self.stages[-1]) if self.stages else "",
                "inputs": hashes,
                "outputs": outputs,
                "record": record,
                **extra,
            }
        )
        self._write()

    def verified(self, path: str) -> str:
        """Hash a file that a finished stage wrote; one that is missing or was altered since is refused."""
        recorded = next((each["outputs"][path] for each in reversed(self.stages) if path in each["outputs"]), None)
        if recorded is None:
            raise DataError(f"{self.folder / path}: no finished stage wrote it", "repeat the `make train` command")
        if not (self.folder / path).is_file() or sha256_file(self.folder / path) != recorded["sha256"]:
            raise DataError(
                f"{self.folder / path}: missing, or altered since it was written",
                f"`make verify RUN={self.folder}` lists all damage; remove the folder to start over",
            )
        return recorded["sha256"]

    def _damage(self, entry: dict[str, Any], full: bool) -> list[str]:
        faults = []
        for relative, recorded in entry["outputs"].items():
            path = self.folder / relative
            if not path.is_file():
                faults.append(f"{relative} is missing")
            elif path.stat().st_size != recorded["bytes"] or (full and sha256_file(path) != recorded["sha256"]):
                faults.append(f"{relative} was altered")
        return faults

    def _reuse(self, name: str, key: str) -> bool:
        for sibling in runs_in(self.folder.parent):
            entry = sibling.entry(name)
            if (
                sibling.folder == self.folder
                or entry is None
                or entry["key"] != key
                or sibling._damage(entry, full=True)
            ):
                continue
            for relative in entry["outputs"]:
                target = self.folder / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                try:
                    os.link(sibling.folder / relative, target)
                except OSError:  # another file system, or one without hard links
                    shutil.copyfile(sibling.folder / relative, target)
            times: dict[str, Any] = {
                key: entry[key] for key in ("started_at", "seconds", "environment") if key in entry
            }
            times["reused_from"] = sibling.folder.name
            self._append(name, key, entry["inputs"], entry["outputs"], entry["record"], times)
            return True
        return False

    def _write(self) -> None:
        self.manifest["last"] = _digest(self.stages[-1]) if self.stages else ""
        write_atomically(self.folder / "metrics.json", self._metrics())
        write_atomically(self.folder / MANIFEST, json.dumps(self.manifest, indent=1, sort_keys=True) + "\n")

    def _metrics(self) -> str:
        metrics: dict[str, float] = {}
        for entry in self.stages:
            metrics.update(entry["record"].get("metrics", {}))
            if "verdict" in entry["record"]:
                metrics["verdict"] = entry["record"]["verdict"]
        return json.dumps(metrics, indent=2, sort_keys=True) + "\n"


def _digest(entry: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(entry).encode()).hexdigest()


def _decides(repo: Repo, base: Base, recipe: Recipe) -> dict[str, Any]:
    """List all that decides a run's adapter and verdict; serving and the other systems asked do not."""
    resolved = recipe.model_copy(update={"base": base.name})
    return {
        "repo_revision": repo.revision,
        "base_revision": base.revision,
        "recipe": resolved.model_dump(mode="json", exclude=DECIDES_NOTHING),
        "version": __version__,
    }


def runs_in(adapters: Path) -> list[Run]:
    """List the runs of a folder by name; a folder whose manifest is missing or unreadable is none."""
    runs = []
    for path in sorted(adapters.glob(f"*/{MANIFEST}")):
        with suppress(RunError):  # one broken run must not stop the work on another
            runs.append(Run.find(path.parent))
    return runs


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder, so that a second command on it stops at once instead of mixing files."""
    with (folder / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder}: another command is working on this run", "wait for it, or stop it") from None
        yield


@contextmanager
def disk_errors_named(stage: str) -> Iterator[None]:
    """Turn a full disk into a message; what had finished stays."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise MachineError(
                f"{stage}: a file grew larger than this account may write",
                "`ulimit -f` shows the limit; finished stages are kept",
            ) from None
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" at {error.filename}" if error.filename else ""
        raise MachineError(
            f"{stage}: the disk is full{where}", "free some space and repeat the command; finished stages are kept"
        ) from None


def check_disk(folder: Path, wanted_bytes: int) -> None:
    """Stop before the work starts when the disk cannot hold its outcome."""
    free = shutil.disk_usage(folder).free
    if free < wanted_bytes:
        raise MachineError(
            f"{folder}: {free / 2**30:.1f} GiB of disk free, wanted {wanted_bytes / 2**30:.1f} GiB",
            "free some space, or choose another folder with --adapters",
        )


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step that survives a power cut."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def canonical(value: Any) -> str:
    """Write JSON in the one form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def slug(name: str) -> str:
    """Make a name safe and short for a folder: the last path component in lower case."""
    last = re.sub(r"\.(git|gguf)$", "", name.rstrip("/").rsplit("/", 1)[-1])
    return re.sub(r"[^a-z0-9.]+", "-", last.lower()).strip("-.")[:40] or "repo"
