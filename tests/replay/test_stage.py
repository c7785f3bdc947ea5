"""A base answers general requests before it is tuned, resumably, and training on them keeps it nearer to itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.export.checkpoints import CHATML
from tests.test_bases import Interrupted, StopAtPart
from tests.train.examples import MAX_TOKENS, base_record, code_rows, hand_loss, small_base, train
from tuner.models import load_model
from tuner.progress import Progress
from tuner.recipe import DatasetSettings
from tuner.records import Row, read_jsonl
from tuner.render import MASKED, Renderer
from tuner.replay import stage
from tuner.replayed import Replay
from tuner.rundir import Workspace

SETTINGS = DatasetSettings(max_tokens=192, replay_answer_tokens=12, replay_rounds=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small_base(tmp_path_factory.mktemp("replay") / "base")
    (folder / "chat_template.jinja").write_text(CHATML, encoding="utf-8")
    return folder


def go(
    base: Path, folder: Path, tokens: int, settings: DatasetSettings = SETTINGS, progress: Progress | None = None
) -> tuple[Replay, list[Row]]:
    shutil.rmtree(folder / "out", ignore_errors=True)  # as the run folder does with what a kill left
    work = Workspace(folder / "run", folder / "out", folder / "scratch", progress or Progress())
    for each in (work.run, work.out, work.scratch):
        each.mkdir(parents=True, exist_ok=True)
    record = stage.run(base_record(base), Renderer.from_folder(base, "shop"), settings, "none", tokens, 17, work)
    return record, list(read_jsonl(work.out / record.rows, Row))


@pytest.fixture(scope="module")
def answered(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Replay, list[Row]]:
    return go(base, tmp_path_factory.mktemp("answered"), 3000)


def test_each_row_is_a_request_in_the_bases_template_and_its_own_answer(
    base: Path, answered: tuple[Replay, list[Row]]
) -> None:
    renderer, (record, rows) = Renderer.from_folder(base, "shop"), answered
    prompts = {tuple(renderer.chat_prompt(request)) for request in stage.anchors()}
    assert len(prompts) == len(stage.anchors()) == 100
    model = load_model(base_record(base), None, torch.float32)
    for row in rows[:3]:
        masked = row.labels.count(MASKED)
        assert row.kind == "replay" and tuple(row.input_ids[:masked]) in prompts
        assert row.labels[masked:] == row.input_ids[masked:] and len(row.input_ids) <= SETTINGS.max_tokens
        assert renderer.tokenizer.decode(row.input_ids[:5], skip_special_tokens=False).startswith("<|im_start|>user\n")
    greedy = model(input_ids=torch.tensor([rows[0].input_ids])).logits[0].argmax(-1)
    first = rows[0].labels.count(MASKED)
    assert int(greedy[first - 1]) == rows[0].input_ids[first]  # what the base itself says next
    assert sum(len(row.input_ids) for row in rows) == record.metrics["replay.tokens"]
    assert record.counts["greedy"] == len(rows) and record.counts["sampled"] == 0


def test_no_more_is_generated_than_is_wanted(answered: tuple[Replay, list[Row]]) -> None:
    record = answered[0]
    assert 3000 <= record.metrics["replay.tokens"] < 3000 + SETTINGS.max_tokens
    assert record.metrics["replay.tokens_wanted"] == 3000


def test_a_killed_run_goes_on_and_gives_the_same_rows(
    base: Path, answered: tuple[Replay, list[Row]], tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        go(base, tmp_path, 3000, progress=StopAtPart(2))
    path = tmp_path / "scratch/answers.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    with path.open("a", encoding="utf-8") as stream:
        stream.write('["0/16", [[1, 2')  # a line that the kill cut short
    shutil.copytree(tmp_path / "scratch", tmp_path / "altered/scratch")
    assert go(base, tmp_path, 3000)[1] == answered[1]
    place, answers = json.loads(lines[0])
    lines[0] = json.dumps([place, [[31, 32, 33, 34, 35]] * len(answers)])
    (tmp_path / "altered/scratch/answers.jsonl").write_text("\n".join(lines), encoding="utf-8")
    first = go(base, tmp_path / "altered", 3000)[1][0]
    assert first.input_ids[-5:] == [31, 32, 33, 34, 35]  # what was answered already is not asked again


def test_further_rounds_are_sampled_and_their_number_is_a_limit(base: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"replay_answer_tokens": 6})
    record, rows = go(base, tmp_path, 1_000_000, settings)
    assert record.counts["sampled"] > 50
    assert record.counts["greedy"] + record.counts["sampled"] + sum(record.rejected_counts.values()) == 200
    assert len({row.pair_id for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("answered", "reason"),
    [([5, 6, 7, 2], "short"), ([5, 6, 7, 8, 2], ""), ([5, 6] * 20, "repetitive"), (list(range(5, 45)), "")],
)
def test_what_teaches_nothing_is_dropped(answered: list[int], reason: str) -> None:
    assert stage._fault(answered, frozenset({2})) == reason


def test_training_with_replay_moves_the_base_less(
    base: Path, answered: tuple[Replay, list[Row]], tmp_path: Path
) -> None:
    """The base's own answers to requests that are not trained on stay likelier when others were replayed."""
    rows = [row for row in answered[1] if len(row.input_ids) <= MAX_TOKENS]
    held, replayed = rows[:6], rows[6:]
    before = hand_loss(load_model(base_record(base), None, torch.float32), held)
    losses = {}
    for name, mixed in (("without", []), ("with", replayed)):
        train(tmp_path / name, base, [*code_rows(base), *mixed], epochs=3.0)
        tuned = load_model(base_record(base), tmp_path / name / "out/adapter", torch.float32)
        losses[name] = hand_loss(tuned, held)
    assert losses["without"] > before + 0.1
    assert losses["with"] - before < 0.5 * (losses["without"] - before)
