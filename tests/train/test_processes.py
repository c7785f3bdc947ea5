"""Several processes learn what one learns: the same rows in each step, the same losses, the same resume.

Two trainings are started in processes of their own, which takes most of the time of this file: one in which a process
is killed on the way, and one whose weights are spread, started as launchers of two machines would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from tuner import recipe_file as recipes
from tuner.errors import RecipeError, TrainError
from tuner.models import load_model, training_dtype
from tuner.progress import Progress
from tuner.recipe import Recipe, TrainSettings
from tuner.recipe_processes import share_of_batch
from tuner.records import Adapter, Repo, Row
from tuner.render import MASKED
from tuner.rundir import Run
from tuner.train import launch
from tuner.train.batches import Blank, ShareOfBatches
from tuner.train.fast_paths import take_fast_paths
from tuner.train.job import JOB
from tuner.train.methods import add_adapter
from tuner.train.together import begin_alike, share_gradients
from tuner.train.watch import last_checkpoint

from .examples import DATASET, MAX_TOKENS, SETTINGS, base_record, code_rows, packed_batch, train, workspace
from .test_crew import is_gone, workers_of
from .test_resume import StopAt

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="lists processes by Linux's /proc")
EPOCHS = 8.0  # three steps each: the processes have five sequences, so that one is left over in the last
KILLED_AT = 8  # checkpoints are written at 3 and 6
# Spread weights leave the halves of layers to transformers, which rounds elsewhere: in bf16 that is seen.
NEAR = 1e-4 if training_dtype() == torch.float32 else 3e-2


@pytest.fixture(scope="module")
def odd_rows(base: Path) -> list[Row]:
    """Rows for five packed sequences."""
    return code_rows(base, 15)


@pytest.fixture(scope="module")
def alone(base: Path, odd_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Adapter]:
    """The training of one process."""
    folder = tmp_path_factory.mktemp("alone")
    return folder, train(folder, base, odd_rows, odd_rows[:9], epochs=EPOCHS)


def train_in(folder: Path, base: Path, rows: list[Row], progress: Progress, **settings: Any) -> Adapter:
    """Train as the pipeline does."""
    chosen = TrainSettings(**(SETTINGS | {"epochs": EPOCHS} | settings))
    work = workspace(folder, rows, rows[:9], progress)
    return launch.run(base_record(base), DATASET, chosen, MAX_TOKENS, "<|im_end|>", 17, work)


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def require_same(found: list[dict[str, float]], wanted: list[dict[str, float]], near: float = 1e-4) -> None:
    """Compare the logs of two trainings, step for step."""
    assert [(line["step"], line.get("tokens")) for line in found] == [
        (line["step"], line.get("tokens")) for line in wanted
    ]
    for key in ("loss", "learning_rate", "valid_loss"):
        ours, theirs = ([line[key] for line in lines if key in line] for lines in (found, wanted))
        assert ours == pytest.approx(theirs, rel=near) and ours


class KillAt(StopAt):
    """Kill the second of two processes, and go on listening."""

    pids: list[int]

    def stop(self) -> None:
        if not hasattr(self, "pids"):
            told = {}
            for pid in workers_of(os.getpid()):
                with suppress(ProcessLookupError, FileNotFoundError):  # an ended child of another test
                    told[pid] = Path(f"/proc/{pid}/environ").read_bytes()
            self.pids = [pid for pid, environment in told.items() if b"\0RANK=" in environment]
            os.kill(next(pid for pid in self.pids if b"\0RANK=1\0" in told[pid]), signal.SIGKILL)


@LINUX
def test_a_killed_process_ends_the_stage_and_the_training_goes_on_as_that_of_one(
    alone: tuple[Path, Adapter], base: Path, odd_rows: list[Row], tmp_path: Path
) -> None:
    killer = KillAt("training", KILLED_AT)
    with pytest.raises(TrainError) as caught:
        train_in(tmp_path, base, odd_rows, killer, processes=2)
    assert caught.value.message == ("process 1 of 2 was ended from outside by SIGKILL, most likely for want of memory")
    assert len(killer.pids) == 2 and all(map(is_gone, killer.pids))
    checkpoint = last_checkpoint(tmp_path / "scratch")
    assert checkpoint is not None and int(checkpoint.name.rpartition("-")[2]) >= 6
    assert not (tmp_path / "out/metrics.jsonl").exists()
    resumed = train_in(tmp_path, base, odd_rows, Progress())
    require_same(log(tmp_path / "out"), log(alone[0] / "out"))
    assert resumed.metrics["train.resumed_at_step"] >= 6
    for key in ("train.valid_loss_base", "train.valid_loss_final"):
        assert resumed.metrics[key] == pytest.approx(alone[1].metrics[key], rel=1e-4)


@pytest.fixture(scope="module")
def on_two_machines(base: Path, odd_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Adapter]:
    """A training of spread weights, started by two launchers that know nothing of each other."""
    folder = tmp_path_factory.mktemp("machines")
    settings: dict[str, Any] = {"processes": 2, "nodes": 2, "sharding": "fsdp", "sequences_per_batch": 2}
    settings |= {"accumulation": 1}
    with pytest.raises(TrainError) as caught:
        train_in(folder, base, odd_rows, Progress(), **settings)
    run = folder / "run"
    assert str(caught.value) == (
        f"{run}: 2 processes on 2 machines have not trained yet\n"
        "hint: on each machine: torchrun --nnodes=2 --nproc-per-node=1 --rdzv-backend=c10d --rdzv-endpoint=HOST:29500 "
        f"-m tuner.train.worker {run}; then repeat this command (docs/launch.md)"
    )
    command = [sys.executable, "-m", "tuner.train.worker", str(folder / "scratch" / JOB), "--store", str(folder / "s")]
    told = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "GLOO_SOCKET_IFNAME": "lo"}
    started = [
        subprocess.Popen(
            command, env=os.environ | told | {"RANK": rank}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for rank in ("0", "1")
    ]
    said = [process.communicate(timeout=900)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    return folder, train_in(folder, base, odd_rows, Progress(), **settings)


@LINUX
def test_spread_weights_on_two_machines_learn_what_one_process_learns(
    alone: tuple[Path, Adapter], on_two_machines: tuple[Path, Adapter]
) -> None:
    folder, adapter = on_two_machines
    require_same(log(folder / "out"), log(alone[0] / "out"), NEAR)
    wanted = alone[1].metrics
    cost = {"train.seconds", "train.tokens_per_second", "train.peak_memory_gib"}
    assert adapter.metrics.keys() == wanted.keys() | {"train.processes"}
    kept = wanted.keys() - cost
    assert {key: adapter.metrics[key] for key in kept} == pytest.approx({key: wanted[key] for key in kept}, rel=NEAR)
    assert adapter.metrics["train.processes"] == 2
    files = {path.name for path in (folder / "out/adapter").iterdir()}
    assert files == {"README.md", "adapter_config.json", "adapter_model.safetensors"}
    assert not list((folder / "scratch").glob("checkpoint-*/rng_state_1.pth"))  # only the first writes checkpoints


def test_a_stage_that_no_launcher_started_refuses_to_train_alone(
    base: Path, odd_rows: list[Row], tmp_path: Path
) -> None:
    with pytest.raises(TrainError) as caught:
        train(tmp_path, base, odd_rows, processes=2)
    assert str(caught.value) == (
        "train.processes is 2, accelerate found 1 (NO)\n"
        "hint: `make train PROCS=n` starts them; docs/launch.md shows how other launchers do"
    )


@pytest.fixture
def group_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process group with this process alone."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("group_of_one")
def test_frozen_weights_are_spread_and_only_the_adapter_is_shared(base: Path, rows: list[Row], tmp_path: Path) -> None:
    batch = packed_batch(rows[:3])
    gradients, found = {}, {}
    for sharding in ("none", "fsdp"):
        record, settings = base_record(base), TrainSettings(rank=4)
        torch.manual_seed(9)
        model = add_adapter(load_model(record, None, torch.float32), record, settings, [], 8, tmp_path)
        begin_alike(model, sharding)
        take_fast_paths(model, torch.device("cpu"))
        shared = share_gradients(model)
        for name, weight in model.named_parameters():
            assert isinstance(weight, DTensor) == (sharding == "fsdp" and not weight.requires_grad), name
            assert (name in shared.parameters_to_ignore) == (not weight.requires_grad), name
        total, count = shared(**batch, use_cache=False, labelled_loss=True)
        (total / count).backward()
        found[sharding] = float(total.detach())
        gradients[sharding] = {name: each.grad for name, each in model.named_parameters() if each.requires_grad}
    assert found["fsdp"] == pytest.approx(found["none"], rel=1e-6)
    assert gradients["none"].keys() == gradients["fsdp"].keys() and len(gradients["none"]) == 28
    torch.testing.assert_close(gradients["fsdp"], gradients["none"])


@pytest.mark.parametrize(
    ("count", "sequences", "accumulation", "processes"), [(5, 1, 2, 2), (23, 4, 3, 3), (4, 2, 2, 4)]
)
def test_in_each_step_the_processes_train_on_the_rows_of_one(
    count: int, sequences: int, accumulation: int, processes: int
) -> None:
    size, passes = share_of_batch(sequences, accumulation, processes)
    assert size * passes * processes == sequences * accumulation and size <= sequences
    one = ShareOfBatches(count, 1, 0, 1, seed=3)
    shares = [ShareOfBatches(count, size, number, processes, seed=3) for number in range(processes)]
    orders = []
    for epoch in (0, 1):
        for each in (one, *shares):
            each.set_epoch(epoch)
        order = [row for batch in one for row in batch]
        batches = [list(share) for share in shares]
        assert {len(each) for each in batches} == {len(shares[0])}  # or one would wait for the others for ever
        whole = sequences * accumulation
        steps = [order[start : start + whole] for start in range(0, count, whole)]
        for step, wanted in enumerate(steps):
            places = slice(step * passes, (step + 1) * passes)
            assert sorted(row for each in batches for batch in each[places] for row in batch) == sorted(wanted)
        orders.append(order)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(count)) and orders[0] != orders[1]


def test_an_empty_batch_has_the_shape_of_one_and_no_label() -> None:
    def collate(rows: list[Any]) -> dict[str, torch.Tensor]:
        return {"input_ids": torch.tensor(rows), "labels": torch.tensor(rows)}

    blank = Blank(collate, [7, 8])([])
    assert blank["input_ids"].tolist() == [[7, 8]] and blank["labels"].tolist() == [[MASKED, MASKED]]
    assert Blank(collate, [7, 8])([[1, 2]])["labels"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"processes": 2, "accumulation": 3},
            "sequences_per_batch x accumulation is 3, wanted a multiple of processes, which is 2",
        ),
        ({"processes": 2, "nodes": 4}, "processes is 2, wanted a multiple of nodes, which is 4"),
        ({"sharding": "fsdp"}, "sharding fsdp spreads weights over processes: wanted processes 2 at least"),
        (
            {"processes": 2, "sharding": "fsdp", "quantization": "nf4"},
            "sharding fsdp takes plain weights under a plain LoRA, not method lora with quantization nf4: "
            "wanted lora and none",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused_before_anything_is_read(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipes.load(None, None, [f"train.{name}={value}" for name, value in settings.items()])
    assert message in caught.value.message


def test_the_number_of_processes_leaves_a_run_the_same_run(base: Path, tmp_path: Path) -> None:
    folder_of: Callable[[Recipe], Path] = lambda recipe: Run.folder_of(  # noqa: E731
        tmp_path, Repo("ledger", "", "1", "main"), base_record(base), recipe
    )
    plain = folder_of(Recipe())
    assert folder_of(Recipe(train=TrainSettings(processes=2, nodes=2, sharding="fsdp"))) == plain
    assert folder_of(Recipe(train=TrainSettings(rank=8))) != plain
