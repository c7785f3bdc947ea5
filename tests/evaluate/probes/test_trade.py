"""Where the adapter forgets too much, a weaker one is chosen on validation rows, and really lies in its folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.evaluate.conftest import CODE
from tests.evaluate.probes.forgetful import PIECES, forgetful
from tuner.evaluate.probes import trade
from tuner.evaluate.probes.library import sample
from tuner.evaluate.probes.scales import rescale, scaled
from tuner.models import load_model
from tuner.probing import Point, Trade
from tuner.progress import Progress
from tuner.recipe import ProbeSettings
from tuner.records import Adapter, Base, Interval, from_json
from tuner.render import Renderer
from tuner.rundir import Workspace

GAIN = Interval(-0.1, -0.15, -0.05, 9)


@pytest.fixture(scope="module")
def made(renderer: Renderer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Base, Path]:
    return forgetful(renderer, tmp_path_factory.mktemp("forgetful"))


def logits(base: Base, adapter: Path | None, renderer: Renderer, factor: float = 1.0) -> torch.Tensor:
    model = load_model(base, adapter, torch.float32)
    with torch.no_grad(), scaled(model, factor):
        return model(torch.tensor([renderer.encode(CODE)])).logits


def weakened(
    made: tuple[Base, Path], renderer: Renderer, folder: Path, limit: float, scales: list[float]
) -> tuple[Adapter, Trade, Path]:
    base, adapter = made
    work = Workspace(folder, folder, folder / "scratch", Progress())
    shutil.copytree(adapter, folder / "adapter")
    (folder / "adapter/README.md").write_text("# Card\n", encoding="utf-8")
    early = folder / "scratch/checkpoint-1"
    early.mkdir(parents=True)
    shutil.copyfile(adapter / trade.WEIGHTS, early / trade.WEIGHTS)
    later = folder / "scratch/checkpoint-5"
    later.mkdir()
    (later / trade.WEIGHTS).write_bytes(b"no weights")  # behind the best step: it is not even read
    steps = {"train.steps": 8.0, "train.best_step": 2.0}
    record = Adapter("adapter", base.name, base.revision, "s", steps, ["no native bf16"])
    settings = ProbeSettings(max_increase=limit, scales=scales)

    def load() -> object:
        return load_model(base, folder / "adapter", torch.float32)

    chosen, valid = sample(PIECES, "choice"), adapter.parent / "valid.jsonl"
    found = trade.weaken(record, load, renderer, chosen, valid, settings, work)
    values = json.loads((folder / trade.FILE).read_text(encoding="utf-8"))
    return found, from_json(Trade, values, trade.FILE), folder / "adapter"


def test_scale_0_is_the_base_and_a_scale_is_taken_back(made: tuple[Base, Path], renderer: Renderer) -> None:
    base, adapter = made
    of_base, tuned = logits(base, None, renderer), logits(base, adapter, renderer)
    assert torch.allclose(logits(base, adapter, renderer, 0.0), of_base, atol=1e-5)
    model = load_model(base, adapter, torch.float32)
    with scaled(model, 0.25):
        pass
    with torch.no_grad():
        assert torch.equal(model(torch.tensor([renderer.encode(CODE)])).logits, tuned)
    assert not torch.allclose(tuned, of_base, atol=0.1)


@pytest.mark.parametrize("factor", [0.5, 0.3])
def test_a_scale_put_into_the_folder_is_the_scale_that_was_tried(
    made: tuple[Base, Path], renderer: Renderer, tmp_path: Path, factor: float
) -> None:
    base, adapter = made
    copied = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    assert rescale(copied, factor) == pytest.approx(8 * factor)
    tried = logits(base, adapter, renderer, factor)
    assert torch.allclose(logits(base, copied, renderer), tried, atol=1e-5)
    assert (copied / trade.WEIGHTS).read_bytes() == (adapter / trade.WEIGHTS).read_bytes()


def test_a_forgetful_adapter_is_made_weaker_and_says_so(
    made: tuple[Base, Path], renderer: Renderer, tmp_path: Path
) -> None:
    scales = [0.75, 0.5, 0.25, 0.1, 0.05, 0.02]
    found, curve, folder = weakened(made, renderer, tmp_path, 0.05, scales)
    assert [(each.scale, each.step) for each in curve.points] == [*((each, None) for each in (1.0, *scales)), (1.0, 1)]
    assert curve.points[0].increase.low > 0.05
    assert curve.points[-2].increase.high < 0.05
    assert curve.points[-1].increase == curve.points[0].increase  # the checkpoint holds the same weights here
    assert all(each.gain is not None and each.gain.value < 0 for each in curve.points)
    assert curve.best is not None and curve.applied
    point = curve.points[curve.best]
    alpha = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["lora_alpha"]
    assert point.scale < 1.0 and alpha == pytest.approx(8 * point.scale)
    assert found.metrics["train.adapter_scale"] == point.scale
    assert found.fallbacks == ["no native bf16", f"forgetting: {curve.reason}"]
    assert "Made weaker after training" in (folder / "README.md").read_text(encoding="utf-8")


def test_an_adapter_that_passes_stays_as_it_was(made: tuple[Base, Path], renderer: Renderer, tmp_path: Path) -> None:
    before = (made[1] / "adapter_config.json").read_bytes()
    found, curve, folder = weakened(made, renderer, tmp_path, 1e6, [0.5])
    assert (curve.best, curve.applied, found.metrics["train.adapter_scale"]) == (0, False, 1.0)
    assert (folder / "adapter_config.json").read_bytes() == before


def point(scale: float, low: float, high: float, gain: Interval | None = GAIN, step: int | None = None) -> Point:
    return Point(step, scale, Interval((low + high) / 2, low, high, 9), 1.0, gain)


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([point(1.0, -0.01, 0.005), point(0.5, -0.02, 0.0)], 0),
        ([point(1.0, -0.01, 0.05), point(0.5, -0.02, 0.0)], 1),  # the gate's own rule: the figure, not its interval
        ([point(1.0, 0.02, 0.05), point(0.75, 0.005, 0.02), point(0.5, 0.0, 0.009), point(0.25, 0.0, 0.002)], 2),
        ([point(1.0, 0.02, 0.05), point(0.5, 0.0, 0.009, Interval(-0.1, -0.3, 0.1, 9)), point(0.25, 0.0, 0.002)], 2),
        ([point(1.0, 0.02, 0.05), point(0.5, 0.0, 0.009, None)], None),
        ([point(1.0, 0.02, 0.05), point(0.5, 0.02, 0.04)], None),
        ([point(1.0, 0.02, 0.05), point(1.0, 0.0, 0.009, step=20), point(1.0, 0.0, 0.009, step=40)], 2),
        ([point(1.0, 0.02, 0.05), point(0.5, 0.0, 0.009), point(1.0, 0.0, 0.009, step=20)], 1),
    ],
)
def test_the_strongest_adapter_that_passes_is_chosen(points: list[Point], best: int | None) -> None:
    assert trade.choose(points, 0.01)[0] == best


def test_the_reason_says_what_was_given_up_for_what() -> None:
    points = [point(1.0, 0.02, 0.05), point(0.5, 0.0, 0.008)]
    assert trade.choose(points, 0.01)[1] == (
        "scale 0.5 in place of the adapter as trained: forgetting +0.4 % [+0.0, +0.8] instead of +3.5 % [+2.0, +5.0], "
        "bits per byte on validation -10.0 % against base"
    )
