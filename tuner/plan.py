"""Say before anything heavy what a training takes, whether it fits this machine, and what would fit if it does not.

In: a base's config.json, a recipe, the machine, and for the time the number of training tokens and the machine's speed.
Out: a `Plan`. Time is an estimate; memory is worked out, and compared with measurements in docs/planning.md. A training
is refused only where the plan would have to be wrong by more than its known error for it to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tuner.base_config import Found
from tuner.errors import MachineError
from tuner.evaluation_memory import EvaluationMemory, plan_evaluation
from tuner.machine import Machine
from tuner.memory import FLOAT, Memory, plan_memory
from tuner.recipe import Recipe, TrainSettings
from tuner.shape import Shape, read_shape

KNOWN_ERROR = 0.15  # docs/planning.md
# Share of the probe's speed that a whole training step reached: on two cores, SmolLM2-135M. On a GPU not measured.
CPU_SHARE, GPU_SHARE = 0.45, 0.35
SHORTEST_ROW = 256
GIB = 1 << 30
Verdict = Literal["fits", "tight", "too large"]


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes that a run leaves, or needs on its way; `base` is what must still be downloaded."""

    base: int
    checkpoints: int
    adapter: int
    export: int

    @property
    def total(self) -> int:
        return self.base + self.checkpoints + self.adapter + self.export


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training takes, and the evaluation after it; `verdict` is of the training.

    `seconds` is None where the tokens or the speed are not known.
    """

    base: str
    source: str
    parameters: int
    trainable: int
    memory: Memory
    evaluation: EvaluationMemory
    room: int
    verdict: Verdict
    disk: Disk
    tokens: int | None
    seconds: float | None


def make_plan(
    found: Found, recipe: Recipe, machine: Machine, tokens: int | None = None, speed: float | None = None
) -> Plan:
    """Plan the training of a recipe on a base; `tokens` and `speed` (operations a second) are for the time alone."""
    shape = read_shape(found.config, found.name)
    settings = recipe.train
    memory = plan_memory(shape, settings, recipe.dataset.max_tokens, machine)
    trainable = shape.trainable(settings.rank)
    parameters = found.parameters or shape.parameters
    seconds = None
    if tokens is not None and speed is not None:
        share = GPU_SHARE if machine.gpu else CPU_SHARE
        seconds = settings.epochs * tokens * operations(shape, settings, recipe.dataset.max_tokens) / (speed * share)
    return Plan(
        base=found.name,
        source=found.source,
        parameters=parameters,
        trainable=trainable,
        memory=memory,
        evaluation=plan_evaluation(shape, recipe.evaluate, settings.rank, machine),
        room=machine.room,
        verdict=judge(memory, machine),
        disk=_disk(found, parameters, trainable, recipe, machine),
        tokens=tokens,
        seconds=seconds,
    )


def judge(memory: Memory, machine: Machine) -> Verdict:
    """Say whether a training fits: `tight` where the plan's own error decides."""
    if memory.total <= machine.room:
        return "fits"
    if machine.gpu is None:
        certain = memory.total * (1 - KNOWN_ERROR)
    else:  # not measured there: what cannot be otherwise
        certain = memory.weights + memory.adapters + memory.optimizer
    return "too large" if certain > machine.room else "tight"


def operations(shape: Shape, settings: TrainSettings, length: float, labelled: float = 1.0) -> float:
    """Count the floating-point operations of one training token: no weight gradients but those of the adapter.

    `length` is how many tokens see each other; logits are made for the `labelled` share of the positions.
    """
    products = 2 * (shape.active() - shape.head * (1 - labelled))
    frozen = products + len(shape.blocks) * 2 * length * (shape.query_width + shape.value_width) / 2
    passes = 3 if settings.gradient_checkpointing else 2
    return passes * frozen + 6 * shape.trainable(settings.rank)


def lighter(recipe: Recipe, on_gpu: bool) -> Iterator[tuple[str, Recipe]]:
    """Give settings that take less memory, those that change the least of what is learned first."""
    batch, longest = recipe.train.sequences_per_batch, recipe.dataset.max_tokens
    steps: list[dict[str, Any]] = []
    if recipe.train.processes > 1 and recipe.train.sharding == "none" and not on_gpu:
        steps.append({"train.processes": 1, **({"train.nodes": 1} if recipe.train.nodes > 1 else {})})
    if batch > 1:
        steps.append({"train.sequences_per_batch": 1, "train.accumulation": batch * recipe.train.accumulation})
    if not recipe.train.gradient_checkpointing:
        steps.append({"train.gradient_checkpointing": True})
    if recipe.train.quantization == "none":
        steps.append({"train.quantization": "nf4"})
    while longest // 2 >= SHORTEST_ROW:
        longest //= 2
        steps.append({"dataset.max_tokens": longest})
    yield from ((_as_set(step), _changed(recipe, step)) for step in steps)
    together: dict[str, Any] = {}
    for step in steps:
        together |= step
        yield _as_set(together), _changed(recipe, together)


def fitting_settings(found: Found, recipe: Recipe, machine: Machine) -> tuple[str, Memory] | None:
    """Find the first lighter settings with which the training fits."""
    for words, changed in lighter(recipe, machine.gpu is not None):
        memory = make_plan(found, changed, machine).memory
        if memory.total <= machine.room:
            return words, memory
    return None


def require_room(found: Found, recipe: Recipe, machine: Machine, others: Callable[[], list[tuple[str, Plan]]]) -> str:
    """Refuse a training that cannot fit, and name what would; give a remark where it is not certain to fit.

    A training whose evaluation cannot fit is refused too: it would end in nothing that can be told.
    `others` gives recipes with their plans, best first; it is called only if there is something to say.
    """
    plan = make_plan(found, recipe, machine)
    where = f"GPU memory of {machine.gpu.name}" if machine.gpu else machine.limit
    if plan.verdict == "fits":
        return _require_room_to_evaluate(found, recipe, machine, where)
    message = (
        f"BASE={found.name}: training takes {gib(plan.memory.total)} GiB at its highest moment, "
        f"{gib(plan.room)} GiB are free ({where})"
    )
    ways = []
    settings = fitting_settings(found, recipe, machine)
    if settings is not None:
        ways.append(f'SET="{settings[0]}" takes {gib(settings[1].total)} GiB')
    fitting = next(((name, other) for name, other in others() if other.verdict == "fits"), None)
    if fitting is not None:
        ways.append(f"RECIPE={fitting[0]} ({fitting[1].base}) takes {gib(fitting[1].memory.total)} GiB")
    hint = "; or ".join(ways) or "no recipe fits; end other programs, or take a machine with more memory"
    if plan.verdict == "too large":
        raise MachineError(message, hint)
    return f"{message}; {hint}"


def lighter_evaluation(found: Found, recipe: Recipe, machine: Machine) -> tuple[str, EvaluationMemory] | None:
    """Find the first settings with which the evaluation fits: a smaller batch, then a 4-bit base, then both."""
    fewer = {"evaluate.batch": max(1, recipe.evaluate.batch // 4)}
    for step in (fewer, {"evaluate.quantization": "nf4"}, fewer | {"evaluate.quantization": "nf4"}):
        takes = make_plan(found, _changed(recipe, step), machine).evaluation
        if takes.total <= machine.room:
            return _as_set(step), takes
    return None


def _require_room_to_evaluate(found: Found, recipe: Recipe, machine: Machine, where: str) -> str:
    takes = make_plan(found, recipe, machine).evaluation
    if takes.total <= machine.room:
        return ""
    message = (
        f"BASE={found.name}: evaluation takes {gib(takes.total)} GiB at its highest moment, "
        f"{gib(machine.room)} GiB are free ({where})"
    )
    lighter = lighter_evaluation(found, recipe, machine)
    hint = f'SET="{lighter[0]}" takes {gib(lighter[1].total)} GiB' if lighter else "choose a smaller base with BASE="
    if takes.weights + takes.adapter > machine.room:  # no batch is small enough
        raise MachineError(message, hint)
    return f"{message}; {hint}"


def gib(size: float) -> str:
    """Write bytes as GiB."""
    return f"{size / GIB:.1f}"


def _disk(found: Found, parameters: int, trainable: int, recipe: Recipe, machine: Machine) -> Disk:
    half = 2 * parameters  # 16-bit copies
    export = half * (1 + (recipe.export.merged != "none"))
    if parameters <= recipe.export.copies_up_to_billions * 1e9:
        export += half + 2 * parameters * len(recipe.export.quantized)  # of base and merged model, 4 to 8 bits each
    checkpoint = trainable * (machine.weight_bytes + 3 * FLOAT)
    return Disk(0 if found.on_this_machine else half, 2 * checkpoint, trainable * machine.weight_bytes, export)


def _as_set(step: dict[str, Any]) -> str:
    return " ".join(f"{key}={str(value).lower()}" for key, value in step.items())


def _changed(recipe: Recipe, step: dict[str, Any]) -> Recipe:
    for key, value in step.items():
        section, name = key.split(".")
        changed = getattr(recipe, section).model_copy(update={name: value})
        recipe = recipe.model_copy(update={section: changed})
    return recipe
