"""TRL's trainer as we use it: its settings from ours, our loss in place of its own, and our resume.

In: the settings of `train`, a PEFT model and packed rows. Out: an `SFTTrainer`. This is the only module that knows TRL.
Several processes divide the batch of each step: the same rows and the same average as in one.
Dropped: the entropy and the token accuracy that TRL computes at each step, which nobody here looks at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from tuner.models import device
from tuner.recipe import TrainSettings
from tuner.recipe_processes import share_of_batch
from tuner.render import MASKED
from tuner.train.batches import Blank, SharedLoader, ShareOfBatches
from tuner.train.fast_paths import FastPaths
from tuner.train.together import added, share_gradients

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # TRL reports each trainer it builds, unless told not to
from trl import SFTConfig, SFTTrainer


class PackedTrainer(SFTTrainer):
    """Trains on packed rows; `paths` says what the model computes in our own way."""

    paths = FastPaths()
    tokens_seen = 0

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        """Average the loss over the labels of a whole step, of all its forward passes and all processes."""
        if not self.paths.labelled_loss:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        total, count = model(**inputs, use_cache=False, labelled_loss=True)
        if model.training and self.accelerator.num_processes == 1:
            self.tokens_seen += inputs["input_ids"].numel()
        if num_items_in_batch is None:
            return total / count.clamp(min=1)
        processes = self.accelerator.num_processes if self.args.average_tokens_across_devices else 1
        return total / torch.as_tensor(num_items_in_batch).clamp(min=1) * processes

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        """Give each of several processes its share of the batches that one would go through."""
        loader = super().get_train_dataloader()
        processes = self.accelerator.num_processes
        if processes == 1:
            return loader
        rows, size = len(loader.dataset), self.args.per_device_train_batch_size
        share = ShareOfBatches(rows, size, self.accelerator.process_index, processes, self.args.data_seed)
        return SharedLoader(loader.dataset, batch_sampler=share, collate_fn=Blank(loader.collate_fn, loader.dataset[0]))

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """Take a step's batches and count its labels, and its tokens in the same exchange between processes."""
        if self.accelerator.num_processes == 1:
            return super().get_batch_samples(epoch_iterator, num_batches, device)
        batches = list(islice(epoch_iterator, num_batches))
        labels = [int((batch["labels"][..., 1:] != MASKED).sum()) for batch in batches]
        tokens = [batch["input_ids"].numel() for batch, count in zip(batches, labels, strict=True) if count]
        all_labels, all_tokens = added(sum(labels), sum(tokens))
        self.tokens_seen += int(all_tokens)
        return batches, torch.tensor(int(all_labels), device=device)

    def _wrap_model(self, model: torch.nn.Module, training: bool = True, dataloader: Any = None) -> torch.nn.Module:
        """Share gradients in our way, which knows what is frozen; Accelerate's sends everything around first."""
        if training and self.accelerator.num_processes > 1 and model is self.model:
            return share_gradients(self.model)
        return super()._wrap_model(model, training, dataloader)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the tokens trained on so far, in place of what TRL would count."""
        if "loss" in logs and (self.paths.labelled_loss or self.accelerator.num_processes > 1):
            self._metrics["train"].pop("num_tokens", None)  # counts an empty batch as full, and would be shown instead
            logs["num_tokens"] = self.tokens_seen
        super().log(logs, start_time)

    def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
        """Leave the weights to the optimizer, whose state holds them exactly; PEFT's loader would make them float32."""


def sft_config(settings: TrainSettings, max_tokens: int, seed: int, folder: Path) -> SFTConfig:
    """Translate our settings to TRL's: the only place that knows its names."""
    sequences, accumulation = share_of_batch(settings.sequences_per_batch, settings.accumulation, settings.processes)
    return SFTConfig(
        output_dir=str(folder),
        seed=seed,
        data_seed=seed,
        max_length=max_tokens,
        packing=True,
        packing_strategy="bfd",
        eval_packing=True,
        per_device_train_batch_size=sequences,
        per_device_eval_batch_size=1,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        activation_checkpointing=settings.gradient_checkpointing,
        bf16=False,  # weights are bf16 already; autocast would only add casts
        router_aux_loss_coef=0.0,  # routers are frozen: balancing them would only blur the loss that is watched
        use_cpu=device().type == "cpu",
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would log 0 in place of a loss that is not a number
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=2,
        eval_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        push_to_hub=False,
    )
