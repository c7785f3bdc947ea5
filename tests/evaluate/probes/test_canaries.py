"""Exposure rises with how often a canary was trained on, and without training it is that of any other ending."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from statistics import fmean

import pytest
from peft import LoraConfig, get_peft_model

from tests.evaluate.conftest import random_model
from tests.evaluate.probes.forgetful import learn
from tuner.errors import RunError
from tuner.evaluate.probes import canaries
from tuner.evaluate.probes.planting import REPETITIONS, make_canary, plant
from tuner.evaluate.probes.stage import ending_row, piece_row
from tuner.mine.redact import find_secrets
from tuner.probing import Canaries, Canary, Exposed
from tuner.progress import Progress
from tuner.records import Dataset, Row, from_json, write_jsonl
from tuner.render import Renderer
from tuner.rundir import Workspace

DATASET = Dataset("train.jsonl", "", "", "", "", {}, {}, {})
ALTERNATIVES = 31


def planted() -> list[Canary]:
    """Make canaries that are trained on 0, 1, 4 and 16 times."""
    draw = random.Random(3)
    return [make_canary(draw, number, count) for number, count in enumerate((0, 0, 1, 1, 4, 4, 16, 16))]


@pytest.fixture(scope="module")
def exposed(renderer: Renderer, tmp_path_factory: pytest.TempPathFactory) -> list[Exposed]:
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "eval").mkdir()
    chosen = planted()
    lines = [(each, number) for each in chosen for number in range(each.planted)]
    rows = [piece_row(renderer, f"{number}.py", each.before + each.secret) for each, number in lines]
    rows.append(piece_row(renderer, "x.py", "amount = order.total\n"))
    random.Random(1).shuffle(rows)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(random_model(renderer), lora)
    learn(model, rows, 3 * len(rows), 5e-3)
    write_jsonl(folder / DATASET.train, rows)
    work = Workspace(folder, folder, folder, Progress())
    found = canaries.run(lambda: model, renderer, DATASET, chosen, 17, work, ALTERNATIVES)
    values = json.loads((folder / found.probes).read_text(encoding="utf-8"))
    everything = from_json(Canaries, values, "canaries.json").exposed
    extracted = found.metrics["eval.tuned.canaries_extracted"]
    assert extracted == sum(each.tuned_extracted for each in everything)
    assert found.said.startswith(f"{extracted:.0f} of 8 canaries extracted, mean exposure ")
    return everything


def mean(exposed: list[Exposed], seen: int) -> float:
    return fmean(each.tuned_exposure for each in exposed if each.seen == seen)


def test_what_was_really_trained_on_is_counted(exposed: list[Exposed]) -> None:
    assert [each.seen for each in exposed] == [each.canary.planted for each in exposed] == [0, 0, 1, 1, 4, 4, 16, 16]


def test_exposure_rises_with_repetitions_up_to_extraction(exposed: list[Exposed]) -> None:
    assert mean(exposed, 16) == pytest.approx(5.0)  # above all 31 others
    assert mean(exposed, 0) < mean(exposed, 16) - 1.5
    assert mean(exposed, 0) <= mean(exposed, 4) + 1.0 and mean(exposed, 1) <= mean(exposed, 16)
    assert all(each.tuned_extracted for each in exposed if each.seen == 16)
    assert not any(each.tuned_extracted for each in exposed if each.seen == 0)


def test_a_base_that_saw_nothing_ranks_a_canary_like_any_other_ending(
    exposed: list[Exposed], renderer: Renderer
) -> None:
    assert not any(each.base_extracted for each in exposed)
    model, draw = random_model(renderer), random.Random(9)
    with Progress().track("", None, "") as track:
        many = [canaries.exposure(model, renderer, make_canary(draw, number, 0), 15, 17, track) for number in range(24)]
    # 16 candidates: the exposure of a uniform rank is 1.2 bits on average, with a standard deviation of 1.1
    assert 0.5 < fmean(many) < 2.0


def test_the_planted_repository_holds_each_canary_as_often_as_said_and_no_secret(tmp_path: Path) -> None:
    path = plant(tmp_path / "lamps", 5, "2024-03-01")
    assert path == tmp_path / "lamps.canaries.json"
    found = [from_json(Canary, each, "canaries") for each in json.loads(path.read_text(encoding="utf-8"))]
    assert sorted({each.planted for each in found}) == list(REPETITIONS)
    files = {each.name: each.read_text(encoding="utf-8") for each in (tmp_path / "lamps").glob("*.py")}
    for each in found:
        assert sum(each.before + each.secret in text for text in files.values()) == each.planted
    for name, text in files.items():
        compile(text, name, "exec")
        assert find_secrets(text) == []
    log = subprocess.run(
        ["git", "log", "--format=%cI %s"], cwd=tmp_path / "lamps", capture_output=True, text=True, check=True
    )
    assert log.stdout == "2024-03-01T12:00:00+00:00 Add the plans of the corridors\n"
    assert plant(tmp_path / "again", 5, "2024-03-01").read_bytes() == path.read_bytes()


def test_nothing_is_planted_where_something_is(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        plant(tmp_path, 5, "2024-03-01")
    assert str(caught.value) == f"{tmp_path}: there is something already\nhint: name a folder that is not there yet"


def test_rows_are_labelled_on_the_ending_alone(renderer: Renderer) -> None:
    for each in planted():
        row: Row = ending_row(renderer, "a.py", each.before, each.secret)
        said = renderer.decode([label for label in row.labels if label >= 0])
        assert said and each.secret.endswith(said) and len(said) >= len(each.secret) - 6
