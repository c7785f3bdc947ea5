"""A plan is made without loading anything, says what fits, and `make train` refuses what does not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines import ROOT, arguments, inputs, tuner
from tuner import bases
from tuner.base_config import PUBLISHED, Found, find_config, is_hub_id
from tuner.errors import BaseError, MachineError
from tuner.export.gguf_base import write_gguf
from tuner.machine import Gpu, Machine
from tuner.memory import plan_memory
from tuner.plan import fitting_settings, make_plan, operations, require_room
from tuner.recipe import Recipe
from tuner.recipe_file import load
from tuner.shape import read_shape

GIB = 1 << 30
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
CPU = Machine(cores=8, total=64 * GIB, free=64 * GIB, limit="free memory", has_bf16=True, gpu=None)
QWEN = Found("Qwen/Qwen2.5-Coder-7B", PUBLISHED["Qwen/Qwen2.5-Coder-7B"], None, "the table of known bases", False)


def recipe_of(**settings: Any) -> Recipe:
    values: dict[str, Any] = {"dataset": {"max_tokens": 2048}, "train": {}}
    for name, value in settings.items():
        section, key = name.split("__")
        values[section][key] = value
    return Recipe.model_validate(values)


def memory(machine: Machine = CPU, **settings: Any) -> Any:
    recipe = recipe_of(**settings)
    return plan_memory(read_shape(QWEN.config, QWEN.name), recipe.train, recipe.dataset.max_tokens, machine)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return inputs(tmp_path_factory.mktemp("plan"))


def test_weights_take_their_number_format() -> None:
    assert memory().weights == 2 * 7_615_616_512
    assert memory(replace(CPU, has_bf16=False)).weights == 4 * 7_615_616_512
    packed = memory(train__quantization="nf4")
    assert 4.5e9 < packed.weights < 6e9 and packed.quantisation > 0 == memory().quantisation


def test_the_adapter_costs_its_gradients_its_masters_and_two_moments() -> None:
    assert memory(train__rank=8).adapters == 4 * 80_740_352 // 4
    assert memory(train__rank=8).optimizer == 16 * 80_740_352 // 4
    assert memory(train__rank=16).optimizer == 2 * memory(train__rank=8).optimizer


def test_activations_grow_with_tokens_and_checkpointing_keeps_few() -> None:
    whole = memory()
    assert memory(train__sequences_per_batch=2).activations == 2 * whole.activations
    assert memory(train__accumulation=64) == whole
    assert memory(train__gradient_checkpointing=True).activations < whole.activations / 8


def test_a_plan_judges_what_fits_and_what_its_own_error_decides() -> None:
    plan = make_plan(QWEN, recipe_of(), CPU)
    total = plan.memory.total
    rooms = {total: "fits", int(total * 0.9): "tight", int(total * 0.8): "too large"}
    assert {room: make_plan(QWEN, recipe_of(), replace(CPU, free=room)).verdict for room in rooms} == rooms


def test_on_a_card_that_was_not_measured_only_what_is_certain_is_refused() -> None:
    card = Gpu("Card", 24 * GIB, 18 * GIB, True)
    machine = replace(CPU, gpu=card)
    assert make_plan(QWEN, recipe_of(train__sequences_per_batch=8), machine).verdict == "tight"
    assert make_plan(QWEN, recipe_of(), replace(machine, gpu=replace(card, free=12 * GIB))).verdict == "too large"


def test_what_would_fit_is_found_with_the_least_change_first() -> None:
    recipe = recipe_of(train__sequences_per_batch=2)
    alone = {"train__sequences_per_batch": 1, "train__accumulation": 4}
    lighter = alone | {"train__gradient_checkpointing": True}
    lightest = lighter | {"train__quantization": "nf4"}
    words = "train.sequences_per_batch=1 train.accumulation=4"
    wanted = {
        words: alone,
        f"{words} train.gradient_checkpointing=true": lighter,
        f"{words} train.gradient_checkpointing=true train.quantization=nf4": lightest,
    }
    for given, settings in wanted.items():
        takes = make_plan(QWEN, recipe_of(**settings), CPU).memory
        assert fitting_settings(QWEN, recipe, replace(CPU, free=takes.total)) == (given, takes)
    assert fitting_settings(QWEN, recipe, replace(CPU, free=2 * GIB)) is None


def test_what_cannot_fit_is_refused_with_what_would() -> None:
    machine = replace(CPU, free=24 * GIB)
    plan = make_plan(QWEN, recipe_of(), machine)
    lighter = make_plan(QWEN, recipe_of(train__gradient_checkpointing=True), machine)
    with pytest.raises(MachineError) as caught:
        require_room(QWEN, recipe_of(), machine, lambda: [("recipes/a.yaml", plan), ("recipes/b.yaml", lighter)])
    takes = f"{lighter.memory.total / GIB:.1f} GiB"
    assert caught.value.message == (
        f"BASE=Qwen/Qwen2.5-Coder-7B: training takes {plan.memory.total / GIB:.1f} GiB at its highest moment, "
        "24.0 GiB are free (free memory)"
    )
    assert caught.value.hint == (
        f'SET="train.gradient_checkpointing=true" takes {takes}; '
        f"or RECIPE=recipes/b.yaml (Qwen/Qwen2.5-Coder-7B) takes {takes}"
    )
    assert caught.value.exit_status == 2
    with pytest.raises(MachineError) as caught:
        require_room(QWEN, recipe_of(), replace(machine, free=GIB), lambda: [("recipes/a.yaml", plan)])
    assert caught.value.hint == "no recipe fits; end other programs, or take a machine with more memory"


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_the_base_of_every_recipe_is_known_without_asking_anybody(file: Path, tmp_path: Path) -> None:
    base = load(file).recipe.base
    if is_hub_id(base):
        assert find_config(base, tmp_path, asks_hub=False).source == "the table of known bases"


def test_what_fits_is_let_through_without_a_look_at_other_recipes() -> None:
    assert require_room(QWEN, recipe_of(), CPU, lambda: pytest.fail("asked")) == ""
    total = make_plan(QWEN, recipe_of(), CPU).memory.total
    remark = require_room(QWEN, recipe_of(), replace(CPU, free=int(total * 0.95)), lambda: [])
    assert remark.startswith("BASE=Qwen/Qwen2.5-Coder-7B: training takes ") and "; SET=" in remark


def test_time_follows_tokens_and_speed_and_is_not_made_up_without_them() -> None:
    recipe = recipe_of(train__epochs=2.0)
    plan = make_plan(QWEN, recipe, CPU, tokens=1_000_000, speed=1e13)
    each = operations(read_shape(QWEN.config, ""), recipe.train, recipe.dataset.max_tokens)
    assert plan.seconds == pytest.approx(2 * 1e6 * each / 1e13 / 0.45)
    assert make_plan(QWEN, recipe, CPU, tokens=None, speed=1e13).seconds is None


def test_a_folder_a_bare_config_a_gguf_file_and_a_published_name_are_read(tiny: Any, tmp_path: Path) -> None:
    folder = find_config(str(tiny.base), tmp_path)
    shape = read_shape(folder.config, "tiny")
    assert folder.parameters == shape.parameters
    bare = tmp_path / "config.json"
    shutil.copy(tiny.base / "config.json", bare)
    found = find_config(str(bare), tmp_path)
    assert (found.config, found.parameters, found.source) == (folder.config, None, str(bare))
    write_gguf(tiny.base, tmp_path / "tiny.gguf", "f16", "tiny")
    gguf = find_config(str(tmp_path / "tiny.gguf"), tmp_path)
    assert read_shape(gguf.config, "tiny") == shape and gguf.parameters == shape.parameters
    assert find_config("Qwen/Qwen2.5-Coder-7B-Instruct", tmp_path).config == QWEN.config
    assert not (tmp_path / "bases").exists()  # nothing was dequantised


def test_a_base_whose_config_is_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    wanted = {
        f"{tmp_path}/empty": f"{tmp_path}/empty has no config.json",
        "no such thing": "no such file or folder, and not a hub id",
    }
    for name, reason in wanted.items():
        with pytest.raises(BaseError) as caught:
            find_config(name, tmp_path)
        assert caught.value.message == f"BASE={name}: {reason}"
    with pytest.raises(BaseError, match=r"^BASE=acme/odd: not in the hub's cache, and the hub did not give its config"):
        find_config("acme/odd", tmp_path)


def test_the_command_shows_a_table_and_the_same_as_json_without_torch(tiny: Any) -> None:
    given = ["plan", "--base", str(tiny.base), "--repo", str(tiny.repo), "--no-time"]
    program = "import sys\nfrom tuner.cli import main\nmain(sys.argv[1:])\nassert 'torch' not in sys.modules"
    shown = subprocess.run([sys.executable, "-c", program, *given], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    values = json.loads(tuner(*given, "--json").out)
    assert values["trainable_parameters"] == read_shape(find_config(str(tiny.base), ROOT).config, "").trainable(32)
    parts = values["memory_bytes"]
    assert parts["total"] == sum(size for name, size in parts.items() if name != "total")
    assert 0 < values["train_tokens"] < 60_000 and values["estimated_seconds"] is None
    assert {each["recipe"] for each in values["recipes"]} >= {"recipes/qwen2.5-coder-7b-qlora.yaml"}
    rows = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    trained = f"{values['trainable_parameters']:,}"
    assert [row for row in rows if row.startswith(f"parameters {values['parameters']:,}, of which {trained} are ")]
    assert [row for row in rows if row.startswith("optimizer, with float32 masters ")]
    assert "verdict fits" in rows and [
        row for row in rows if re.match(r"recipes/\S+7b-lora.yaml Qwen/\S+ \d+\.\d ", row)
    ]


def test_training_what_cannot_fit_stops_before_any_work(tiny: Any, tmp_path: Path) -> None:
    given = arguments(tiny, tmp_path, dataset__max_tokens=4096, train__sequences_per_batch=4096)
    answer = tuner("train", *given)
    number = r"\d+\.\d GiB"
    message = rf"BASE={tiny.base}: training takes {number} at its highest moment, {number} are free \(.+\)"
    hint = rf'SET="[^"]+" takes {number}; or RECIPE=recipes/\S+ \(\S+\) takes {number}'
    assert answer.status == 2
    assert re.search(rf"^error: {message}\nhint: {hint}\n$", answer.err, re.MULTILINE)
    assert not list(tmp_path.iterdir())
    assert bases.resolve(str(tiny.base), tmp_path).fim_form == "prefix_only"  # the base itself is sound
    assert tuner("dataset", *arguments(tiny, tmp_path)).status == 0  # and one that does fit goes on


def test_rows_and_prompts_longer_than_the_context_are_refused(tiny: Any, tmp_path: Path) -> None:
    asked = "evaluate.max_prompt_tokens + retrieved_tokens + max_new_tokens"
    wanted = {
        "dataset.max_tokens": ("dataset.max_tokens", 4097, {"dataset__max_tokens": 4097}),
        "evaluate.max_prompt_tokens": (asked, 4104, {"evaluate__max_prompt_tokens": 3840}),
    }
    for setting, (name, length, given) in wanted.items():
        answer = tuner("dataset", *arguments(tiny, tmp_path, **given))
        message = f"error: BASE={tiny.base}: reads 4096 tokens at most, {name} is {length}\n"
        hint = f'hint: SET="{setting}=..." with less, or a base with a longer context\n'
        assert answer.status == 2 and answer.err.endswith(message + hint)
    assert not list(tmp_path.iterdir())


def test_processes_on_a_cpu_take_this_machines_memory_together_and_on_gpus_their_own() -> None:
    one, share = memory(train__accumulation=4), {"train__accumulation": 4, "train__processes": 4}
    assert memory(**share).total == 4 * one.total
    card = replace(CPU, gpu=Gpu("Card", 80 * GIB, 80 * GIB, True))
    assert memory(card, **share) == memory(card)
    assert memory(train__processes=4, train__nodes=2, train__accumulation=4).total == 2 * one.total
    halves = memory(train__sequences_per_batch=2, train__accumulation=1, train__processes=2)
    assert halves.activations == 2 * one.activations  # a sequence each
    spread = memory(card, **share, train__sharding="fsdp")
    assert one.weights / 4 < spread.weights < one.weights / 2 and spread.optimizer == one.optimizer
    tight = replace(CPU, free=one.total)
    assert fitting_settings(QWEN, recipe_of(**share), tight) == ("train.processes=1", one)


def cards() -> list[tuple[Path, int]]:
    """List the recipes that name a card in their first line, with its GiB."""
    named = [(file, re.search(r"one GPU from (\d+) GB", file.read_text().splitlines()[0])) for file in RECIPES]
    return [(file, int(found[1])) for file, found in named if found is not None]


@pytest.mark.parametrize(("file", "gib"), cards(), ids=lambda value: getattr(value, "stem", value))
def test_training_and_evaluation_of_a_recipe_fit_the_card_that_it_names(file: Path, gib: int, tmp_path: Path) -> None:
    free = int((gib - 0.6) * GIB)  # what a screen and the driver hold is not free
    machine = replace(CPU, gpu=Gpu("Card", gib * GIB, free, True))
    recipe = load(file).recipe
    plan = make_plan(find_config(recipe.base, tmp_path, asks_hub=False), recipe, machine)
    assert plan.verdict == "fits" and plan.evaluation.total <= free
    larger = recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update={"batch": 512})})
    found = find_config(recipe.base, tmp_path, asks_hub=False)
    assert make_plan(found, larger, machine).evaluation.total > free


def test_an_evaluation_that_cannot_fit_is_refused_before_the_training(tmp_path: Path) -> None:
    card = replace(CPU, gpu=Gpu("Card", 16 * GIB, 14 * GIB, True))
    recipe = load(ROOT / "recipes/qwen2.5-coder-7b-qlora.yaml").recipe
    whole = recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update={"quantization": "none"})})
    assert require_room(QWEN, recipe, card, list) == ""
    with pytest.raises(MachineError) as caught:
        require_room(QWEN, whole, card, list)
    takes, lighter = (make_plan(QWEN, each, card).evaluation.total / GIB for each in (whole, recipe))
    assert str(caught.value) == (
        f"BASE=Qwen/Qwen2.5-Coder-7B: evaluation takes {takes:.1f} GiB at its highest moment, "
        "14.0 GiB are free (GPU memory of Card)\n"
        f'hint: SET="evaluate.quantization=nf4" takes {lighter:.1f} GiB'
    )
    many = recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update={"batch": 32})})
    remark = require_room(QWEN, many, card, list)  # a smaller batch would do: it is said, and the training begins
    assert remark.endswith(f'SET="evaluate.batch=8" takes {lighter:.1f} GiB')


def test_on_a_processor_answers_are_computed_in_float32_whatever_it_trains_in() -> None:
    plan = make_plan(QWEN, recipe_of(), CPU)
    assert plan.evaluation.weights == 2 * plan.memory.weights
    assert make_plan(QWEN, recipe_of(), replace(CPU, has_bf16=False)).evaluation.weights == plan.evaluation.weights
