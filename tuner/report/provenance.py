"""List all that one needs to check a run and to make it again: revisions, hashes, recipe, commands, exported files.

In: the run's manifest and the folder's name. Out: rows of text. Paths are relative to the run folder, and the
repository's own path is left to the reader, since neither tells anything on another machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tuner.comparison import Contest
from tuner.records import Adapter, Bundle
from tuner.report import figures

PASSED = {True: "yes", False: "NO", None: "not judged"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A finished stage: when, how long, from what, and the hash of each file that it wrote."""

    name: str
    day: str
    seconds: str
    key: str
    files: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported file and whether an engine answered from it as the evaluated model did."""

    path: str
    difference: str
    kl: str
    same: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """All of it."""

    identity: list[tuple[str, str]]
    commands: list[str]
    recipe: list[tuple[str, str]]
    stages: list[Stage]
    exported: list[Exported]
    skipped: list[tuple[str, str]]


def provenance(
    manifest: dict[str, Any], folder: str, contest: Contest, adapter: Adapter, bundle: Bundle | None
) -> Provenance:
    """Collect it from the manifest."""
    return Provenance(
        identity=list(_identity(manifest, contest, adapter)),
        commands=_commands(folder),
        recipe=[(key, _written(value)) for key, value in _flat(manifest["decides"].get("recipe", {}), "")],
        stages=[_stage(each) for each in manifest["stages"]],
        exported=[
            Exported(
                each.path,
                "not run" if each.max_abs_difference is None else f"{each.max_abs_difference:.4f}",
                "not run" if each.mean_kl is None else f"{each.mean_kl:.2e}",
                PASSED[each.passed],
            )
            for each in (bundle.artefacts if bundle else [])
        ],
        skipped=sorted(bundle.skipped.items()) if bundle else [],
    )


def _identity(manifest: dict[str, Any], contest: Contest, adapter: Adapter) -> Iterator[tuple[str, str]]:
    for each in manifest.get("repos") or [manifest["repo"]]:
        yield f"repository {each['name']}", each["revision"]
    yield f"base {manifest['base']['name']}", manifest["base"]["revision"]
    yield "adapter, SHA-256", adapter.sha256
    yield "frozen items, SHA-256", contest.items_sha256
    yield "prices as of", contest.prices_as_of
    yield "tuner", manifest["decides"]["version"]


def _commands(folder: str) -> list[str]:
    return [
        f"make verify RUN=adapters/{folder}",
        f"make train REPO=path-to-the-repository RECIPE=adapters/{folder}/recipe.yaml",
        f"make compare REPO=path-to-the-repository RECIPE=adapters/{folder}/recipe.yaml",
        f"make serve RUN=adapters/{folder}",
    ]


def _stage(entry: dict[str, Any]) -> Stage:
    seconds, started = entry.get("seconds"), entry.get("started_at")
    return Stage(
        entry["name"],
        figures.NONE if started is None else datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d"),
        figures.NONE if seconds is None else f"{seconds:,.1f} s",
        entry.get("key", figures.NONE),
        [(path, each["sha256"], f"{each['bytes']:,}") for path, each in sorted(entry.get("outputs", {}).items())],
    )


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _written(value: Any) -> str:
    return "null" if value is None else str(value)
