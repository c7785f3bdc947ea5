"""A run folder: its name says what decides it, each stage runs once, and what was altered is found."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs import BASE, REPO, Chain, Words, count_words, write_words
from tuner import __version__, rundir
from tuner.errors import DataError, MachineError, RunError
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.recipe_file import flatten, load
from tuner.records import Base, Repo
from tuner.rundir import Run, Workspace, check_disk, runs_in, slug, write_atomically


def folder_name(repo: Repo = REPO, base: Base = BASE, overrides: tuple[str, ...] = ()) -> str:
    return Run.folder_of(Path("adapters"), repo, base, load(None, None, list(overrides)).recipe).name


def edit_manifest(folder: Path, *keys: Any, value: Any) -> None:
    """Change one value in the manifest, as a hand with an editor would."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    inner = manifest
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_the_same_inputs_give_the_same_folder_and_it_names_repository_and_base() -> None:
    assert folder_name() == folder_name()
    assert folder_name().startswith("shop-tiny-base-")
    assert len(folder_name().rpartition("-")[2]) == 8


@pytest.mark.parametrize("override", [
    "seed=18", "mine.future_share=0.2", "dataset.items=5", "train.rank=3", "evaluate.batch=2", "compare.min_items=7",
    "export.gguf=f32",
])  # fmt: skip
def test_every_deciding_section_gives_another_folder(override: str) -> None:
    assert folder_name(overrides=(override,)) != folder_name()


def test_revisions_of_repository_and_base_decide_and_where_they_lie_does_not() -> None:
    assert folder_name(repo=dataclasses.replace(REPO, revision="c" * 40)) != folder_name()
    assert folder_name(base=dataclasses.replace(BASE, revision="c" * 64)) != folder_name()
    assert folder_name(repo=dataclasses.replace(REPO, path="/x", branch=None)) == folder_name()
    assert folder_name(base=dataclasses.replace(BASE, path="/x")) == folder_name()


@pytest.mark.parametrize("override", ["serve.port=1", "serve.threads=3", "sweep.repeats=3"])
def test_how_a_run_is_served_and_what_a_sweep_costs_decide_nothing(override: str) -> None:
    assert folder_name(overrides=(override,)) == folder_name()


def test_every_section_but_serve_and_sweep_is_covered() -> None:
    decided = rundir._decides(REPO, BASE, Recipe())
    assert {key.partition(".")[0] for key in flatten(Recipe())} - set(decided["recipe"]) == {"serve", "sweep"}
    assert decided["version"] == __version__


def test_a_stage_runs_once_and_the_same_command_keeps_it(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    assert chain.go() == ["done", "done", "done"]
    before = chain.files()
    again = Chain(tmp_path)
    assert again.folder == chain.folder
    assert again.go() == ["kept", "kept", "kept"]
    assert again.files() == before
    assert sorted(before) == ["count.txt", "log.txt", "metrics.json", "mined/words.txt", "recipe.yaml"]
    assert json.loads(before["metrics.json"]) == {"count.words": 4.0, "verdict": "ship", "words.count": 3.0}
    assert chain.reopened().record("words", Words) == Words("mined/words.txt", {"words.count": 3.0})
    assert load(chain.folder / "recipe.yaml").recipe == Recipe(base=BASE.name)


def test_a_sibling_that_did_the_same_work_is_reused_by_hard_link(tmp_path: Path) -> None:
    first, second = Chain(tmp_path), Chain(tmp_path, Recipe(seed=18))
    first.go()
    assert second.go() == ["reused", "reused", "reused"]
    for name in ("mined/words.txt", "log.txt", "count.txt"):
        assert (first.folder / name).samefile(second.folder / name)
    assert second.reopened().stages[0]["reused_from"] == first.folder.name
    assert second.reopened().verify() == []


def test_a_sibling_whose_files_are_damaged_is_not_reused(tmp_path: Path) -> None:
    first, second = Chain(tmp_path), Chain(tmp_path, Recipe(seed=18))
    first.words()
    (first.folder / "log.txt").write_text("log.txt: one two THREE\n", encoding="utf-8")
    assert second.words() == "done"
    assert b"three" in second.files()["log.txt"]


def test_other_settings_run_the_stage_again_and_drop_what_came_after(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.go()
    assert chain.words(size=4) == "done"
    assert [entry["name"] for entry in chain.reopened().stages] == ["words"]
    assert chain.rest() == ["done", "done"]
    assert chain.reopened().verify() == []


def test_what_does_not_read_a_dropped_stage_stays_and_the_chain_stays_whole(tmp_path: Path) -> None:
    def alone(work: Workspace) -> Words:
        (work.out / "alone.txt").write_text("paid for\n", encoding="utf-8")
        return Words("alone.txt", {"alone.words": 2.0})

    chain = Chain(tmp_path)
    chain.go()
    chain.run.stage("alone", Words, alone, settings={}, inputs=["log.txt"], progress=Progress())
    chain.run.stage("count", Words, count_words, settings={"twice": True}, inputs=["log.txt"], progress=Progress())
    assert [entry["name"] for entry in chain.reopened().stages] == ["words", "alone", "count"]
    assert chain.reopened().verify() == []


def test_other_inputs_run_a_stage_again(tmp_path: Path) -> None:
    def longer(work: Workspace) -> Words:
        words = write_words(work)
        (work.out / "mined/words.txt").write_text("one\n", encoding="utf-8")
        return words

    chain = Chain(tmp_path)
    chain.go()
    chain.words(longer, size=5)
    assert chain.rest() == ["done", "done"]
    assert chain.files()["count.txt"] == b"1\n"


@pytest.mark.parametrize("name", ["log.txt", "mined/words.txt"])
def test_a_stage_whose_output_is_gone_runs_again(tmp_path: Path, name: str) -> None:
    chain = Chain(tmp_path)
    chain.words()
    before = chain.files()
    (chain.folder / name).unlink()
    assert chain.reopened().verify() == [f"words: {name} is missing"]
    assert chain.words() == "done"
    assert chain.files() == before


def test_an_altered_output_is_found_by_verify_and_by_the_next_stage(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.words()
    path = chain.folder / "mined/words.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("two", "2wo"), encoding="utf-8")
    assert chain.reopened().verify() == ["words: mined/words.txt was altered"]
    with pytest.raises(DataError) as caught:
        chain.rest()
    assert caught.value.message == f"{path}: missing, or altered since it was written"
    assert caught.value.hint == f"`make verify RUN={chain.folder}` lists all damage; remove the folder to start over"


def test_an_input_that_no_stage_wrote_is_refused(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    (chain.folder / "mined").mkdir()
    (chain.folder / "mined/words.txt").write_text("planted\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        chain.rest()
    assert caught.value.message == f"{chain.folder / 'mined/words.txt'}: no finished stage wrote it"


@pytest.mark.parametrize(
    ("keys", "value", "fault"),
    [
        (("stages", 0, "record", "path"), "x", "count: the manifest entry before it was changed"),
        (("stages", 1, "key"), "x", "judge: the manifest entry before it was changed"),
        (("stages", 2, "seconds"), 1e9, "the last manifest entry was changed, or one behind it was removed"),
        (("decides", "version"), "9", "what decides the run was changed in the manifest"),
    ],
)
def test_an_edited_manifest_is_found_by_verify(tmp_path: Path, keys: tuple, value: Any, fault: str) -> None:
    chain = Chain(tmp_path)
    chain.go()
    assert chain.reopened().verify() == []
    edit_manifest(chain.folder, *keys, value=value)
    assert chain.reopened().verify() == [fault]


def test_a_removed_entry_and_other_metrics_are_found_by_verify(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.go()
    (chain.folder / "metrics.json").write_text('{"verdict": "harm"}\n', encoding="utf-8")
    assert chain.reopened().verify() == ["metrics.json is missing, or says other than the manifest"]
    edit_manifest(chain.folder, "stages", value=chain.run.stages[:2])
    assert "the last manifest entry was changed, or one behind it was removed" in chain.reopened().verify()


def test_a_run_may_be_moved(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "here")
    chain.go()
    moved = shutil.move(chain.folder, tmp_path / "there")
    assert Run.find(Path(moved)).verify() == []


def test_a_folder_that_is_no_run_or_of_another_schema_is_refused(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    with pytest.raises(RunError) as caught:
        Run.find(tmp_path)
    assert str(caught.value) == f"{tmp_path}: not a run, it has no manifest.json\nhint: `make runs` lists the runs"
    with pytest.raises(RunError, match="stage `count` has not finished"):
        chain.run.record("count", Words)
    edit_manifest(chain.folder, "schema", value=0)
    with pytest.raises(RunError, match=r"manifest\.json: schema is 0, wanted 1"):
        chain.reopened()
    (chain.folder / "manifest.json").write_text('{"schema":\n', encoding="utf-8")
    with pytest.raises(RunError, match=r"manifest\.json:2: not JSON: Expecting value"):
        chain.reopened()


def test_runs_are_listed_by_name_and_other_folders_are_none(tmp_path: Path) -> None:
    names = sorted(Chain(tmp_path, Recipe(seed=seed)).folder.name for seed in (1, 2, 3))
    (tmp_path / "notes").mkdir()
    assert [run.folder.name for run in runs_in(tmp_path)] == names


def test_too_little_disk_stops_before_the_work_starts(tmp_path: Path) -> None:
    check_disk(tmp_path, 1)
    with pytest.raises(MachineError) as caught:
        check_disk(tmp_path, 2**60)
    free = caught.value.message.removeprefix(f"{tmp_path}: ").partition(" ")[0]
    assert caught.value.message == f"{tmp_path}: {free} GiB of disk free, wanted 1073741824.0 GiB"
    assert 0 < float(free) < 2**30
    assert caught.value.hint == "free some space, or choose another folder with --adapters"


def test_a_file_is_replaced_in_one_step_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_atomically(path, "old")
    with path.open(encoding="utf-8") as reader:
        write_atomically(path, "new ✓")
        assert reader.read() == "old"
    assert path.read_text(encoding="utf-8") == "new ✓"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "short"),
    [("Qwen/Qwen2.5-Coder-7B", "qwen2.5-coder-7b"), ("../My Shop.git/", "my-shop"), ("/a/b.gguf", "b"), ("..", "repo")],
)
def test_a_slug_is_the_last_part_of_a_name(name: str, short: str) -> None:
    assert slug(name) == short


@given(st.text(max_size=80))
def test_a_slug_is_always_a_safe_folder_name(name: str) -> None:
    assert 1 <= len(slug(name)) <= 40
    assert set(slug(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert slug(name)[0] not in ".-"
