"""`tuner arena` as it is typed: its results, its export, and what it says to every mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arena.arenas import compared_run, item, items, neutral_answers
from tuner.arena.stage import Arena, open_arena
from tuner.arena.votes import Choice, Vote, Votes
from tuner.cli import main
from tuner.preference import Preferences
from tuner.records import from_json, write_jsonl
from tuner.rundir import Run

SYSTEMS = ("base", "tuned", "copilot")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = items(60)
    answers = neutral_answers(SYSTEMS, found)
    answers["copilot"] |= {each.id: None for each in found[:6]}
    answers["tuned"] |= {each.id: answers["base"][each.id] for each in found[6:21]}
    return compared_run(tmp_path / "adapters", found, answers)


@pytest.fixture
def opened(run: Run) -> Iterator[tuple[Arena, Votes]]:
    arena = open_arena(run)
    votes = arena.open_votes()
    yield arena, votes
    votes.close()


def say(arena: Arena, votes: Votes, name: str, favourite: str, count: int = 60) -> None:
    """Let a voter prefer one system wherever it is shown, and find the others equal."""
    from tuner.arena.duels import ballot

    voter = votes.enter(name, 1.0).number
    for shown in ballot(list(arena.duels.values()), voter, arena.seed)[:count]:
        left, right = shown.systems
        choice: Choice = "left" if left == favourite else "right" if right == favourite else "equal"
        votes.cast(Vote(voter, shown.duel.id, shown.duel.item, left, right, choice, 4.5), 2.0)


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["arena", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.strip()


def test_results_say_ratings_pairs_and_how_much_was_voted(
    run: Run, opened: tuple[Arena, Votes], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Anna Ohm", "ben"):
        say(*opened, name, "tuned")
    assert main(["arena", "--run", str(run.folder), "--results"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"votes +120 votes by 2 voters on \d+ items of \d+ commits; 0 skipped; median 4\.5 s a vote", said)
    assert re.search(r"agreement +Krippendorff's alpha 1\.00 over \d+ duels: two voters say the same in 100 %", said)
    assert re.search(r"^  tuned +\+\d+ \[\+\d+, \+\d+\] +\d+$", said, re.M)
    assert re.search(r"tuned : base +0 % +25 % +\d+ : 0 +0 +0 +\d+ % \[\d+, 100\] +tuned preferred", said)
    assert re.search(r"copilot : base +10 % +0 % +0 : 0 +\d+ +0 +\d+ % \[\d+, \d+\] +inconclusive", said)
    assert f"written       {run.folder}/arena/ratings.json" in said
    assert "Anna" not in said


def test_ratings_json_is_a_record_that_the_report_can_read(run: Run, opened: tuple[Arena, Votes]) -> None:
    say(*opened, "anna", "tuned")
    assert main(["arena", "--run", str(run.folder), "--results"]) == 0
    path = run.folder / "arena/ratings.json"
    found = from_json(Preferences, json.loads(path.read_text(encoding="utf-8")), str(path))
    arena, votes = opened
    assert found == arena.preferences(votes.all())
    assert run.verify() == []  # it is no part of the run


def test_results_without_a_vote_say_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["arena", "--run", str(run.folder), "--results"]) == 0
    said = capsys.readouterr().out
    assert "0 votes by 0 voters" in said and "no votes" in said
    assert "agreement     unknown: no duel was judged by two voters" in said


def test_the_export_has_every_vote_but_no_name_and_no_code(
    run: Run, opened: tuple[Arena, Votes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Anna Ohm", "ben"):
        say(*opened, name, "tuned", count=5)
    path = tmp_path / "votes.jsonl"
    assert main(["arena", "--run", str(run.folder), "--export", str(path)]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"{path}: 10 votes\n")
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [each["voter"] for each in lines] == ["voter-1"] * 5 + ["voter-2"] * 5
    assert "Anna" not in text and "basket" not in text
    for each in lines:
        preferred = {"left": each["left"], "right": each["right"]}.get(each["choice"])
        assert each["preferred"] == preferred and each["counted"]


def test_votes_about_answers_that_were_replaced_are_kept_but_not_counted(
    run: Run, opened: tuple[Arena, Votes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(*opened, "anna", "tuned", count=30)
    found = items(60)
    compared_run(run.folder.parent, found, neutral_answers(SYSTEMS, found, seed=6))
    path = tmp_path / "votes.jsonl"
    assert main(["arena", "--run", str(run.folder), "--results", "--export", str(path)]) == 0
    assert "not counted   30 votes about answers that the run no longer holds" in capsys.readouterr().out
    assert not any(json.loads(line)["counted"] for line in path.read_text(encoding="utf-8").splitlines())


def test_only_the_systems_asked_for_meet(run: Run) -> None:
    arena = open_arena(run, ["tuned", "copilot"])
    assert {(each.a, each.b) for each in arena.duels.values()} == {("copilot", "tuned")}


def test_no_run_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(capsys) == "error: RUN is missing\nhint: make arena RUN=adapters/...; `make runs` lists them"


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(capsys, "--run", str(tmp_path)) == (
        f"error: {tmp_path}: not a run, it has no manifest.json\nhint: `make runs` lists the runs"
    )


def test_a_port_that_is_none(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(capsys, "--run", str(run.folder), "--port", "70000") == (
        "error: --port is 70000, wanted 0 to 65535\nhint: leave it out: a free one is taken"
    )


def test_a_run_whose_systems_were_not_compared(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.manifest["stages"] = run.stages[:1]
    run._write()
    assert failed(capsys, "--run", str(run.folder)) == (
        f"error: {run.folder}: its systems have not been compared\nhint: repeat the `make train` command of this run"
    )


def test_a_run_without_predictions(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "eval/tuned.predictions.jsonl").unlink()
    assert failed(capsys, "--run", str(run.folder)) == (
        f"error: {run.folder}/eval/tuned.predictions.jsonl: missing, or altered since it was written\n"
        f"hint: `make verify RUN={run.folder}` lists all damage; remove the folder to start over"
    )


@pytest.mark.parametrize("path", ["data/eval_items.jsonl", "eval/comparison.json", "eval/base.predictions.jsonl"])
def test_a_file_that_was_altered(run: Run, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (run.folder / path).open("a", encoding="utf-8") as stream:
        stream.write("\n")
    assert failed(capsys, "--run", str(run.folder)).startswith(
        f"error: {run.folder}/{path}: missing, or altered since it was written"
    )


def test_predictions_that_lack_items(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = items(6)
    answers = neutral_answers(SYSTEMS, found)
    del answers["tuned"][found[0].id]
    run = compared_run(tmp_path, found, answers)
    assert failed(capsys, "--run", str(run.folder)) == (
        f"error: {run.folder}/eval/tuned.predictions.jsonl: 5 answers for 6 items, 1 items have none\n"
        "hint: repeat the `make compare` command"
    )


def test_a_comparison_of_other_items(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    entry = next(each for each in run.stages if each["name"] == "dataset")
    path = run.folder / "data/eval_items.jsonl"
    write_jsonl(path, [item(1)])
    from tuner.records import sha256_file

    before, after = entry["outputs"]["data/eval_items.jsonl"]["sha256"], sha256_file(path)
    entry["outputs"]["data/eval_items.jsonl"]["sha256"] = after
    run._write()
    assert failed(capsys, "--run", str(run.folder)) == (
        f"error: {run.folder}/eval/comparison.json: it is about items {before[:12]}, the run has {after[:12]}\n"
        "hint: repeat the `make compare` command"
    )


def test_one_system_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = items(4)
    run = compared_run(tmp_path, found, neutral_answers(["base"], found))
    assert failed(capsys, "--run", str(run.folder)) == (
        f"error: {run.folder}: an arena needs two systems, found 1: base\n"
        f"hint: name others in `compare.systems` of a recipe, then make compare RUN={run.folder} RECIPE=..."
    )


def test_a_system_that_did_not_answer(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(capsys, "--run", str(run.folder), "--systems", "tuned,gpt") == (
        f"error: {run.folder}: no system `gpt` answered the items, those that did are base, tuned, copilot\n"
        "hint: choose among these, or name it in `compare.systems` of the recipe and compare again"
    )


def test_systems_that_never_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = items(4)
    same = neutral_answers(["base"], found)["base"]
    run = compared_run(tmp_path, found, {"base": same, "tuned": dict(same)})
    assert failed(capsys, "--run", str(run.folder)) == (
        f"error: {run.folder}: base, tuned give the same answer wherever both answer: nothing to vote on\n"
        'hint: compare systems that differ, or more items: SET="dataset.items=..."'
    )


def test_votes_of_another_run(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "arena").mkdir()
    Votes(run.folder / "arena/votes.sqlite", "7" * 64).close()
    wanted = open_arena(run).items_sha256[:12]
    assert failed(capsys, "--run", str(run.folder), "--results") == (
        f"error: {run.folder}/arena/votes.sqlite: its votes are about items 777777777777, this run has {wanted}\n"
        "hint: the file is another run's; move it away to begin anew"
    )


def test_an_export_that_cannot_be_written(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nowhere/votes.jsonl"
    assert failed(capsys, "--run", str(run.folder), "--export", str(path)) == (
        f"error: {path}: cannot be written: No such file or directory\nhint: choose another file"
    )
