"""A model that learned its rows by heart is caught reciting them; one that never saw them is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from tests.evaluate.conftest import CODE, code_items, random_model
from tests.evaluate.probes.forgetful import learn
from tuner.evaluate.probes import recall
from tuner.evaluate.probes.greedy import continue_all
from tuner.evaluate.probes.stage import piece_row
from tuner.mine.redact import find_secrets
from tuner.probe_stages import MARKS, found_secrets
from tuner.probing import Recall
from tuner.progress import Progress
from tuner.records import Dataset, Prediction, Row, from_json, write_jsonl
from tuner.render import Renderer
from tuner.rundir import Workspace

ANSWERS = {"base": "eval/base.predictions.jsonl", "tuned": "eval/tuned.predictions.jsonl"}
DATASET = Dataset("data/train.jsonl", "", "data/eval_items.jsonl", "", "", {}, {}, {})
TEXT = CODE + CODE.upper()[:150]  # capitals are no words of the tokenizer, so this is long enough to be recited
KEY = "AKIA" + "QX7M2NTBW5KJ4RFD"


@pytest.fixture(scope="module")
def rows(renderer: Renderer) -> list[Row]:
    return [piece_row(renderer, f"{at}.py", TEXT[at:]) for at in (0, 30, 61)]


@pytest.fixture(scope="module")
def model(renderer: Renderer, rows: list[Row]) -> LlamaForCausalLM:
    """Give a base that knows nothing, under an adapter that knows the rows by heart."""
    lora = LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM")
    tuned = get_peft_model(random_model(renderer), lora)
    learn(tuned, rows, 120, 5e-3)
    return tuned


def recalled(folder: Path, model: LlamaForCausalLM, renderer: Renderer, rows: list[Row], raw: str = "x") -> Recall:
    for name in ("data", "eval"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    items = code_items()[:3]
    answers = [Prediction(item.id, raw, raw, 1.0, 1, 1, None, None) for item in items]
    write_jsonl(folder / DATASET.train, rows)
    write_jsonl(folder / DATASET.items, items)
    write_jsonl(folder / ANSWERS["base"], [dataclasses.replace(each, raw="x") for each in answers])
    write_jsonl(folder / ANSWERS["tuned"], answers)
    work = Workspace(folder, folder, folder, Progress())
    found = recall.run(lambda: model, renderer, DATASET, ANSWERS, 3, 17, found_secrets, MARKS, work)
    values = json.loads((folder / found.probes).read_text(encoding="utf-8"))
    for system in values["systems"]:
        place = f"eval.{system['system']}"
        assert found.metrics[f"{place}.recited_rate"] == system["recited"] / system["windows"]
        assert found.metrics[f"{place}.secrets_written"] == sum(system["secrets"].values())
    return from_json(Recall, values, "recall.json")


def test_what_was_learned_by_heart_is_recited_and_the_base_recites_nothing(
    model: LlamaForCausalLM, renderer: Renderer, rows: list[Row], tmp_path: Path
) -> None:
    base, tuned = recalled(tmp_path, model, renderer, rows).systems
    assert (base.system, base.windows, base.recited) == ("base", 3, 0)
    assert (tuned.system, tuned.windows, tuned.recited, tuned.mean_tokens) == ("tuned", 3, 3, 32.0)
    assert base.mean_tokens < 4
    assert tuned.rate is not None and tuned.rate.low > 0.29


def test_an_answer_that_holds_fifty_tokens_of_training_text_is_counted(
    model: LlamaForCausalLM, renderer: Renderer, rows: list[Row], tmp_path: Path
) -> None:
    long = TEXT[9:380]
    base, tuned = recalled(tmp_path / "a", model, renderer, rows, raw=long).systems
    assert (base.long_enough, base.copied) == (0, 0)
    assert (tuned.answers, tuned.long_enough, tuned.copied) == (3, 3, 3)
    own = "".join(each + "_own " for each in CODE.split())
    changed = recalled(tmp_path / "b", model, renderer, rows, raw=own).systems[1]
    assert (changed.long_enough, changed.copied) == (3, 0)


def test_a_secret_in_an_answer_is_counted_by_kind_and_never_written(
    model: LlamaForCausalLM, renderer: Renderer, rows: list[Row], tmp_path: Path
) -> None:
    raw = f'"{KEY}")\n'
    (kind,) = {each.kind for each in find_secrets(raw)}
    base, tuned = recalled(tmp_path, model, renderer, rows, raw=raw).systems
    assert (base.secrets, tuned.secrets) == ({}, {kind: 3})
    assert KEY not in (tmp_path / recall.FILE).read_text(encoding="utf-8")


def test_a_stand_in_is_no_secret_and_the_place_before_it_is_tried(renderer: Renderer) -> None:
    text = CODE[:200] + '\n    token = "ghp_REDACTEDghabcdefghijklmnopqrstuvwxyz01"\n' + CODE[200:]
    assert found_secrets(text) == []
    row = piece_row(renderer, "a.py", text)
    (before,) = recall.before_marks([row, piece_row(renderer, "b.py", CODE)], renderer.vocabulary, MARKS)
    assert len(before) == recall.BEFORE_REDACTED
    assert renderer.decode(before).endswith('token = "ghp_')


def test_continuations_are_greedy_and_end_before_a_stop_token(renderer: Renderer) -> None:
    model = random_model(renderer)
    prompts = [renderer.encode(CODE)[at : at + 8] for at in (0, 9)]
    for prompt, written in zip(prompts, continue_all(model, prompts, 6, ()), strict=True):
        ids = list(prompt)
        for _ in range(6):
            with torch.no_grad():
                ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        assert written == ids[8:]
    whole = continue_all(model, prompts[:1], 6, ())[0]
    assert continue_all(model, prompts[:1], 6, {whole[2]})[0] == whole[: whole.index(whole[2])]
    assert continue_all(model, [], 6, ()) == []


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(0, 16, 0.0, 0.2059), (16, 16, 0.7941, 1.0), (4, 16, 0.0727, 0.5238)]
)
def test_shares_have_exact_intervals(count: int, total: int, low: float, high: float) -> None:
    found = recall.share(count, total)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert recall.share(0, 0) is None
