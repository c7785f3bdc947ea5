"""What the processes of a training do with each other: join, agree, add up, share gradients, spread frozen weights.

In: how many there are to be. Out: nothing here returns before it holds what was asked for: libraries go on with one
process where a launcher failed, and say nothing. In a training of one process each function gives back what it got.

Only what is trained travels: the adapter's gradients, once a step and in one piece. Frozen weights are the same
everywhere, since each process loads them from the same files; under `fsdp` each keeps a part of them and fetches a
layer when it is needed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from accelerate import Accelerator, DistributedType
from peft import PeftModel
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from tuner.errors import TrainError
from tuner.models import device

T = TypeVar("T")


def join(processes: int, store: Path | None) -> None:
    """Meet the others: by a file, or at the address that a launcher of several machines gave."""
    local, here, where = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"]), device()
    if where.type == "cuda":
        cards = torch.cuda.device_count()
        if cards < here:
            raise TrainError(
                f"{here} processes on this machine, which has {cards} GPU{'s' * (cards != 1)}: each wants its own",
                f'SET="train.processes={processes * cards // here}"',
            )
        torch.cuda.set_device(local)
    else:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if store is not None:  # accelerate wants an address, though everybody is met by then
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    dist.init_process_group(
        "nccl" if where.type == "cuda" else "gloo",
        init_method="env://" if store is None else f"file://{store}",
        rank=int(os.environ["RANK"]),
        world_size=processes,
    )


def require_processes(accelerator: Accelerator, wanted: int) -> None:
    """Refuse a training in fewer processes than were asked for, or in more."""
    kinds = {DistributedType.NO} if wanted == 1 else {DistributedType.MULTI_CPU, DistributedType.MULTI_GPU}
    if accelerator.num_processes != wanted or accelerator.distributed_type not in kinds:
        raise TrainError(
            f"train.processes is {wanted}, accelerate found {accelerator.num_processes} "
            f"({accelerator.distributed_type.value})",
            "`make train PROCS=n` starts them; docs/launch.md shows how other launchers do",
        )


def agreed(value: T) -> T:
    """Give every process what the first one has: the others cannot see its files, or not yet."""
    if not dist.is_initialized():
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, device=device())
    return box[0]


def added(*numbers: float) -> list[float]:
    """Add numbers up over all processes."""
    if not dist.is_initialized():
        return list(numbers)
    sums = torch.tensor(numbers, dtype=torch.float64, device=device())
    dist.all_reduce(sums)
    return sums.tolist()


def begin_alike(model: PeftModel, sharding: str) -> None:
    """Give every process the first one's adapter, and spread the frozen weights if that is asked for."""
    if not dist.is_initialized():
        return
    trained = {each for each in model.parameters() if each.requires_grad}
    for weight in model.parameters():  # not the set, whose order is another in each process
        if weight.requires_grad:
            weight.data = weight.data.to(device())
            dist.broadcast(weight.data, src=0)
    if sharding == "fsdp":
        mesh = init_device_mesh(device().type, (dist.get_world_size(),))
        for layer in _layers(model):
            fully_shard(layer, mesh=mesh, ignored_params=trained)
        fully_shard(model, mesh=mesh, ignored_params=trained)


def hold_own_parts(model: torch.nn.Module) -> None:
    """Let go of spread weights that a forward pass fetched and no backward pass gave back.

    Otherwise a process that then writes a checkpoint alone lets go of them alone, and has to fetch them where the
    others do not: each waits for another exchange.
    """
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def share_gradients(model: PeftModel) -> DistributedDataParallel:
    """Let a model average its adapter's gradients over all processes, once a step and in one piece."""
    trained = [each for each in model.parameters() if each.requires_grad]
    size = sum(each.numel() * each.element_size() for each in trained)
    frozen = [name for name, each in model.named_parameters() if not each.requires_grad]
    # DDP would send them all from the first process to the others when it starts
    names = [*frozen, *(name for name, _ in model.named_buffers())]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, names)
    return DistributedDataParallel(
        model,
        init_sync=False,  # `begin_alike` did
        forward_sync_buffers=False,
        find_unused_parameters=False,
        gradient_as_bucket_view=True,
        bucket_cap_mb=size // 2**20 + 1,
    )


def _layers(model: PeftModel) -> list[torch.nn.Module]:
    """List the layers that are fetched one at a time: those that transformers never splits."""
    base = model.get_base_model()
    kinds = set(base._no_split_modules or [])
    found = [each for each in base.modules() if type(each).__name__ in kinds]
    if not found:
        raise TrainError(
            f"{type(base).__name__} does not say what its layers are, so that its weights cannot be spread",
            'SET="train.sharding=none"',
        )
    return found
