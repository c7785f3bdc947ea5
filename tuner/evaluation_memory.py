"""How much memory answering the items takes at its highest moment, worked out before anything is loaded.

In: a model's shape, the settings of `evaluate`, the adapter's rank, and the machine. Out: bytes by what they are for.
Counted is what `make train` asks, base and tuned; retrieved pieces make prompts longer, and a control takes no more.
docs/planning.md says how near it comes on a CPU. No GPU was measured.

    tuner plan --base Qwen/Qwen2.5-Coder-7B --set evaluate.batch=8
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from tuner.machine import Machine
from tuner.memory import FLOAT, GPU_PROGRAM_BYTES, PROGRAM_BYTES, weight_bytes
from tuner.recipe import EvaluateSettings
from tuner.shape import Shape

TARGET_POSITIONS = 32  # of each row, whose logits are made at once
ROOM_TOKENS = 64  # that the cache holds beyond what is in use


@dataclass(frozen=True, slots=True)
class EvaluationMemory:
    """Bytes at the highest moment, by what they are for."""

    program: int
    weights: int
    quantisation: int
    adapter: int
    cache: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        return sum(getattr(self, each.name) for each in fields(self))


def plan_evaluation(shape: Shape, settings: EvaluateSettings, rank: int, machine: Machine) -> EvaluationMemory:
    """Add up what answering a batch takes; a processor computes answers in float32 whatever it trains in."""
    size = machine.weight_bytes if machine.gpu else FLOAT
    weights, quantisation = weight_bytes(shape, settings.quantization, size)
    answered = max(settings.max_new_tokens, settings.max_new_tokens_block)
    held = settings.batch * (settings.max_prompt_tokens + answered + ROOM_TOKENS)
    feed = max(block.feed_width for block in shape.blocks)
    return EvaluationMemory(
        program=GPU_PROGRAM_BYTES if machine.gpu else PROGRAM_BYTES,
        weights=weights,
        quantisation=quantisation,
        adapter=shape.trainable(rank) * size,
        cache=held * len(shape.blocks) * (shape.key_width + shape.value_width) * size,
        activations=settings.batch
        * settings.max_prompt_tokens
        * (2 * shape.width + 3 * feed + 4 * shape.query_width)
        * size,
        logits=settings.batch * TARGET_POSITIONS * shape.vocabulary * size,
    )
