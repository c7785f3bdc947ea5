"""The batches of one process among several: in each step they train together on the rows that one process would.

In: the number of packed sequences, sequences in a forward pass, this process's number, how many there are, a seed.
Out: batches of places. The order is that of a single process, so that step for step the same rows are trained on.
Where an epoch's last step has no batch left for a process, it gets an empty one, and `Blank` makes a batch without
labels of it: libraries would give it rows of the epoch's beginning, which would then be learned twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from accelerate.data_loader import SeedableRandomSampler
from torch.utils.data import DataLoader, Sampler

from tuner.render import MASKED


class ShareOfBatches(Sampler[list[int]]):
    """Every n-th batch of an epoch."""

    def __init__(self, rows: int, size: int, process: int, processes: int, seed: int) -> None:
        self.order = SeedableRandomSampler(range(rows), data_seed=seed)
        self.rows, self.size, self.process, self.processes = rows, size, process, processes

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, whose number decides the order."""
        self.order.set_epoch(epoch)

    def __len__(self) -> int:
        return -(-self.rows // (self.size * self.processes))

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.order)
        starts = range(self.process * self.size, self.rows, self.processes * self.size)
        yield from (order[start : start + self.size] for start in starts)
        if len(starts) < len(self):
            yield []


class Blank:
    """Collates as `collate` does, and gives an empty batch the shape of one and no label."""

    def __init__(self, collate: Callable[[list[Any]], dict[str, Any]], example: Any) -> None:
        self.collate = collate
        self.example = example

    def __call__(self, rows: list[Any]) -> dict[str, Any]:
        if rows:
            return self.collate(rows)
        batch = self.collate([self.example])
        return {**batch, "labels": torch.full_like(batch["labels"], MASKED)}


class SharedLoader(DataLoader[Any]):
    """A loader that passes the epoch on."""

    batch_sampler: ShareOfBatches

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.batch_sampler.set_epoch(epoch)
