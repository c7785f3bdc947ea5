"""The settings of `train` that say how many processes share the work: they change what is learned by rounding alone.

In: nothing. Out: a section that `TrainSettings` takes over, with the defaults of `tuner/recipe.py`'s kind, and how a
global batch is divided.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tuner.recipe_section import Section


class ProcessSettings(Section):
    processes: int = Field(
        default=1,
        ge=1,
        le=4096,
        description="processes that share each batch: one for each GPU, or for a part of the cores",
    )
    nodes: int = Field(
        default=1, ge=1, le=512, description="machines they run on; above 1 a launcher of yours starts them"
    )
    sharding: Literal["none", "fsdp"] = Field(
        default="none",
        description="fsdp spreads the frozen weights over the processes, where one GPU cannot hold them",
    )


PROCESS_FIELDS = frozenset(ProcessSettings.model_fields)


def share_of_batch(sequences: int, accumulation: int, processes: int) -> tuple[int, int]:
    """Divide a batch: sequences in a forward pass of one process, and its forward passes in a step."""
    share, rest = divmod(sequences * accumulation, processes)
    if rest:
        raise ValueError(
            f"sequences_per_batch x accumulation is {sequences * accumulation}, "
            f"wanted a multiple of processes, which is {processes}"
        )
    most = next(each for each in range(min(sequences, share), 0, -1) if share % each == 0)
    return most, share // most


def refuse_misfits(processes: int, nodes: int, sharding: str, method: str, quantization: str) -> None:
    """Refuse what several processes cannot do together."""
    if processes % nodes:
        raise ValueError(f"processes is {processes}, wanted a multiple of nodes, which is {nodes}")
    if sharding == "fsdp":
        if processes == 1:
            raise ValueError("sharding fsdp spreads weights over processes: wanted processes 2 at least")
        if method != "lora" or quantization != "none":
            raise ValueError(
                f"sharding fsdp takes plain weights under a plain LoRA, not method {method} with quantization "
                f"{quantization}: wanted lora and none"
            )
