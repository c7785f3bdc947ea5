"""How much memory a training takes at its highest moment, worked out before anything is loaded.

In: a model's shape, the settings of `train`, the longest row, and the machine. Out: bytes by what they are for. The
terms follow what the layers of transformers, PEFT and TRL keep for the backward pass; `benchmarks/memory.py` compares
the sum with what real trainings took on a CPU, and docs/planning.md says how near it came. No GPU was measured.

Of several processes each holds a whole training of its share of the batch; on a CPU they all take this machine's
memory, while on GPUs each takes that of its own. What `fsdp` saves was not measured anywhere.

Letters as in the code of models: t tokens of a forward pass, d width, f width of the feed-forward part, r rank.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from tuner.machine import Machine
from tuner.recipe import TrainSettings
from tuner.recipe_processes import share_of_batch
from tuner.shape import Block, Shape

FLOAT = 4
# Measured on a CPU: the program with its libraries before a base is loaded, and what nf4 loads on top of it.
PROGRAM_BYTES = 560 << 20
GPU_PROGRAM_BYTES = 600 << 20  # not measured: the driver's context and the libraries' own buffers
NF4_BITS = 4 + 8 / 64 + 32 / (64 * 256)  # a scale for 64 weights in 8 bits, and one for 256 scales in 32
LOSS_WIDTH = 32768  # on a GPU TRL computes the loss in tiles of so many words of the vocabulary
LOSS_ROWS = 4096
LOSS_TILE = 1 << 22  # logits that a processor makes at once: 16 MiB, which its last cache holds with a part of the head
# Of what each step makes and frees: the holes between tensors that glibc cannot use again, measured over two steps.
ALLOCATOR_SHARE = 0.42
GPU_ALLOCATOR_SHARE = 0.10  # not measured


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at the highest moment, by what they are for."""

    program: int
    weights: int
    quantisation: int
    adapters: int
    optimizer: int
    activations: int
    logits: int
    allocator: int

    @property
    def total(self) -> int:
        return sum(getattr(self, each.name) for each in fields(self))


def plan_memory(shape: Shape, settings: TrainSettings, max_tokens: int, machine: Machine) -> Memory:
    """Add up what a training takes."""
    size, on_gpu = machine.weight_bytes, machine.gpu is not None
    sequences, _ = share_of_batch(settings.sequences_per_batch, settings.accumulation, settings.processes)
    t = sequences * max_tokens  # packed: a batch is one long row
    trainable = shape.trainable(settings.rank)
    weights, quantisation = weight_bytes(shape, settings.quantization, size)
    if settings.sharding == "fsdp":
        weights = _spread_weights(shape, settings.processes, size)
    kept = [block_activations(shape, block, t, size, settings.rank) for block in shape.blocks]
    inputs = len(kept) * t * shape.width * size
    activations = inputs + max(kept) if settings.gradient_checkpointing else sum(kept)
    activations += max(_passing(shape, block, t, size) for block in shape.blocks)
    logits = loss_bytes(shape, t, size, on_gpu)
    made = activations + logits
    one = Memory(
        program=GPU_PROGRAM_BYTES if on_gpu else PROGRAM_BYTES,
        weights=weights,
        quantisation=quantisation,
        adapters=2 * trainable * size,  # and their gradients
        optimizer=trainable * (3 * FLOAT + (FLOAT if size != FLOAT else 0)),  # master, two moments, float32 gradient
        activations=activations,
        logits=logits,
        allocator=int((GPU_ALLOCATOR_SHARE if on_gpu else ALLOCATOR_SHARE) * made),
    )
    here = 1 if on_gpu else settings.processes // settings.nodes
    return Memory(**{each.name: here * getattr(one, each.name) for each in fields(one)})


def block_activations(shape: Shape, block: Block, t: int, size: int, rank: int) -> int:
    """Count what one layer keeps for its backward pass, in bytes; attention within rows keeps no mask."""
    d, f = shape.width, block.feed_width
    residuals = 2 * d * FLOAT  # a norm keeps its input in float32
    if shape.normed_heads:
        residuals += (shape.query_width + shape.key_width) * FLOAT
    inputs = 2 * d  # what a norm gives, which each adapter's first matrix needs
    attention = (
        4 * shape.query_width if shape.value_width <= shape.query_width else 0
    )  # q, k and v for all heads, output
    feed = 4 * f  # gate, its activation, up, and their product
    adapters = rank * len(block.linears)
    return int(t * (residuals + (inputs + attention + feed + adapters) * size + shape.heads * FLOAT))


def loss_bytes(shape: Shape, t: int, size: int, on_gpu: bool) -> int:
    """Count what the loss takes: tiles of the logits, never all of them, and the last hidden states with gradient."""
    states = t * shape.width * (2 * size + 2 * FLOAT)
    if on_gpu:
        return min(t, LOSS_ROWS) * min(shape.vocabulary, LOSS_WIDTH) * size + states
    return min(t * shape.vocabulary, LOSS_TILE) * (FLOAT + size) + states


def weight_bytes(shape: Shape, quantization: str, size: int) -> tuple[int, int]:
    """Give the bytes of the frozen weights, and what unpacking quantised ones takes for a moment."""
    if quantization == "none":
        return shape.parameters * size, 0
    packed = int(shape.linear_weights * NF4_BITS / 8)
    largest = max(each.weights for each in shape.linears())
    return packed + (shape.parameters - shape.linear_weights) * size, largest * size


def _spread_weights(shape: Shape, processes: int, size: int) -> int:
    """Give the bytes of one process's part of the weights, and of what is whole at once: two layers, and the rest."""
    layers = [block.parameters for block in shape.blocks]
    whole = shape.parameters - sum(layers) + 2 * max(layers)
    return (shape.parameters // processes + whole) * size


def _passing(shape: Shape, block: Block, t: int, size: int) -> int:
    """Count the gradients that pass through one layer at once: of the residual, and of the feed-forward part."""
    return t * (2 * shape.width + 3 * block.feed_width) * size
