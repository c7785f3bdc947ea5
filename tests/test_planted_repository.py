"""A repository full of planted secrets is mined and sampled: none of them is in any file that was written."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.dataset.examples import renderer
from tests.mine.conftest import Outcome, mine
from tests.mine.histories import History, code
from tests.mine.planted import Planted, planted
from tuner.dataset import stage as dataset
from tuner.mine.redact import Redacted
from tuner.pipeline import require_clean
from tuner.progress import Progress
from tuner.recipe import DatasetSettings
from tuner.records import Row, read_jsonl
from tuner.rundir import Workspace

PER_COMMIT = 4


def planted_repository(folder: Path, secrets: list[Planted]) -> Path:
    """Write files, then commits that bring the secrets in (and take those of `history` out again), before and after."""
    history = History()
    plain = {_path(number, each): _surroundings(number, each) for number, each in enumerate(secrets)}
    history.commit("Add the services", plain)
    numbered = list(enumerate(secrets))
    # Every other file gets its secret late, so that both sides of the cut have all kinds.
    for some in _batches(numbered[::2] + numbered[1::2]):
        brought = {_path(number, each): _with_secret(number, each) for number, each in some}
        said = "\n\n".join(each.text for _, each in some if each.where == "message")
        history.commit(f"Connect the services with their accounts\n\n{said}", brought)
        gone = {_path(number, each): plain[_path(number, each)] for number, each in some if each.where == "history"}
        if gone:
            history.commit("Read the accounts of the services elsewhere", gone)
    return history.write(folder)


def _batches(numbered: list[tuple[int, Planted]]) -> Iterator[list[tuple[int, Planted]]]:
    for start in range(0, len(numbered), PER_COMMIT):
        yield numbered[start : start + PER_COMMIT]


def _path(number: int, each: Planted) -> str:
    suffix = each.suffix if each.suffix.startswith(".") else f"/{each.suffix}"
    return f"services/{each.where}{number}{suffix}" if each.where != "message" else f"services/said{number}.py"


def _surroundings(number: int, each: Planted) -> str:
    if each.suffix == ".ipynb":
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": code(f"part{number}").splitlines(True)}
        return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    if each.suffix == ".json":
        return json.dumps(
            {f"service_{number}_{name}": f"the {name} of it" for name in ("title", "region", "owner", "use")}
        )
    return code(f"part{number}")


def _with_secret(number: int, each: Planted) -> str:
    if each.where == "message":
        return _surroundings(number, each) + f"\n\nSERVICE_ACCOUNT_{number} = {number}\n"
    if each.suffix in (".ipynb", ".json"):
        return each.text
    named = f"SERVICE_ACCOUNT_{number} = {number}\n" if each.suffix == ".py" else ""  # what the commit speaks of
    return _surroundings(number, each) + "\n\n" + named + each.text


def written(outcome: Outcome, memory: Path) -> dict[str, str]:
    """Give the text of all that was written: files, decoded rows, and what is remembered for the next run."""
    texts = {path.name: path.read_text() for path in outcome.folder.rglob("*") if path.suffix in (".jsonl", ".md")}
    texts |= {name: "\n".join(_strings(text)) for name, text in list(texts.items()) if name.endswith(".jsonl")}
    rows = read_jsonl(outcome.folder / "data/train.jsonl", Row)
    texts["rows"] = "\n".join(renderer().decode(row.input_ids) for row in rows)
    for path in memory.glob("*.sqlite"):
        with sqlite3.connect(path) as database:
            kept = [zlib.decompress(value).decode() for (value,) in database.execute("SELECT value FROM facts")]
        texts[path.name] = "\n".join(line for value in kept for line in _strings(value))
    return texts


def _strings(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from _inside(json.loads(line))


def _inside(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _inside(each)


def sampled(folder: Path, secrets: list[Planted]) -> tuple[Outcome, dict[str, str]]:
    repo = planted_repository(folder / "services", secrets)
    outcome = mine(repo, folder / "out", memory=folder / "memory")
    work = Workspace(outcome.folder, outcome.folder, folder, Progress())
    dataset.run(outcome.mined, renderer(), DatasetSettings(max_train_tokens=None), 17, work, 256, require_clean)
    return outcome, written(outcome, folder / "memory")


def survivors(secrets: list[Planted], texts: Iterable[str]) -> list[str]:
    whole = "\n".join(texts)
    return [f"{each.kind} in {each.where}" for each in secrets if each.survives_in(whole)]


def test_no_planted_secret_is_in_any_written_file(tmp_path: Path) -> None:
    secrets = planted()
    assert len(secrets) >= 200 and len({each.kind for each in secrets}) >= 25
    assert {each.where for each in secrets} == {"code", "config", "history", "message", "notebook"}
    outcome, texts = sampled(tmp_path, secrets)
    assert survivors(secrets, texts.values()) == []
    found = sum(count for kind, count in outcome.mined.counts.items() if kind.startswith("redacted."))
    assert found >= 200  # they were read, and not left out with their files
    assert {"pairs.jsonl", "additions.jsonl", "rows", "eval_items.jsonl"} <= texts.keys()
    assert any(name.endswith(".sqlite") for name in texts)


def test_without_redaction_they_are_found_in_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuner.mine.sources.redact_beside", lambda text, known, scanner: Redacted(text, {}, 0))
    monkeypatch.setattr("tuner.mine.commit_facts.redact", lambda text: Redacted(text, {}, 0))
    monkeypatch.setattr("tuner.mine.books.find_secrets", lambda text: [])
    monkeypatch.setattr("tuner.mine.stage.require_clean", lambda *given: None)
    secrets = [each for each in planted() if each.where in ("code", "message")][:40]
    repo = planted_repository(tmp_path / "services", secrets)
    outcome = mine(repo, tmp_path / "out")
    text = "\n".join(_strings((outcome.folder / "mined/pairs.jsonl").read_text()))
    assert len(survivors(secrets, [text])) >= 10
