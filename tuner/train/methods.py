"""Put an adapter on a base by the recipe's method, and save it as what every engine takes: a plain LoRA, or a DoRA.

In: a loaded base, `recipe.train` and the training rows. Out: a PEFT model, and `adapter/` in PEFT layout.
    lora    random A, B at 0
    eva     A from the principal directions of the layer's inputs over the first rows; saved as a plain LoRA
    pissa   A and B from the weight's own principal part, which the frozen weight loses; saved as a plain LoRA of twice
            the rank, which adds what training changed to the untouched base
    dora    a learned length for each row of a weight beside the LoRA; only the merged model can be exported
The fused experts of a mixture are adapted too, each with the rank over the number of experts that a token visits, as
"LoRA Without Regret" has it; the routers stay as they are. Refused on a mixture: a method beside `lora`, which PEFT
does not know there; nf4, which leaves fused experts in 16 bits; and experts whose names are not known, which would
stay frozen without a word.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import EvaConfig, LoraConfig, PeftModel, get_peft_model, initialize_lora_eva_weights
from transformers import PreTrainedModel

from tuner.errors import TrainError
from tuner.families import find_family
from tuner.recipe import TrainSettings
from tuner.records import Base

INITIAL = "initial"  # PiSSA's adapter before training, in the scratch folder
# The names by which PEFT 0.21 takes a mixture's layers for the experts of transformers 4, wherever they stand: dense
# layers and shared experts would stay frozen without a word. As parameters they are left in peace.
TAKEN_FOR_EXPERTS = ("gate_proj", "up_proj", "down_proj", "gate", "w1", "w2", "w3")
EVA_BATCHES = 32  # EVA stops earlier, when the directions no longer turn


def add_adapter(
    model: PreTrainedModel, base: Base, settings: TrainSettings, rows: list[list[int]], size: int, scratch: Path
) -> PeftModel:
    """Wrap a model with a new adapter of its own number type; `size` is the length of a training sequence."""
    config = lora_config(settings, _targets(model, base, settings))
    dtype = model.get_input_embeddings().weight.dtype
    with warnings.catch_warnings():
        # PEFT looks for the ranks of parameters among the modules alone, and then uses them all the same
        warnings.filterwarnings("ignore", "The following rank_pattern keys", RuntimeWarning)
        peft = get_peft_model(model, config, autocast_adapter_dtype=False)
    if settings.method == "eva":
        with torch.no_grad():
            initialize_lora_eva_weights(peft, list(_batches(rows, size, model.device)), show_progress_bar=False)
    for parameter in peft.parameters():  # PEFT makes some adapters float32
        if parameter.requires_grad:
            parameter.data = parameter.data.to(dtype)
    if settings.method == "pissa":
        peft.save_pretrained(scratch / INITIAL)
    return peft


@dataclass(frozen=True, slots=True)
class Targets:
    """What is adapted: modules, parameters, and the rank of parameters that have one of their own."""

    modules: str | list[str] = "all-linear"
    parameters: list[str] | None = None
    ranks: dict[str, int] = field(default_factory=dict)


def lora_config(settings: TrainSettings, targets: Targets = Targets()) -> LoraConfig:
    """Translate our settings to PEFT's."""
    start: dict[str, Any] = {"eva": {"init_lora_weights": "eva", "eva_config": EvaConfig(rho=1.0)}}
    start["pissa"] = {"init_lora_weights": "pissa"}
    start["dora"] = {"use_dora": True}
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=0.0,
        use_rslora=settings.rslora,
        target_modules=targets.modules,
        target_parameters=targets.parameters,
        rank_pattern=dict(targets.ranks),
        bias="none",
        task_type="CAUSAL_LM",
        **start.get(settings.method, {}),
    )


def save_adapter(model: PeftModel, base: Base, settings: TrainSettings, folder: Path, scratch: Path) -> None:
    """Write the adapter and name its base by what the user called it, not by a folder of this machine."""
    initial = str(scratch / INITIAL) if settings.method == "pissa" else None
    model.save_pretrained(folder, path_initial_model_for_weight_conversion=initial)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base.name
    config["revision"] = base.revision
    config["init_lora_weights"] = True  # how it began matters to no reader, and some refuse what they do not know
    config["eva_config"] = None
    for key in ("target_modules", "target_parameters"):
        config[key] = sorted(config[key]) if config[key] else config[key]
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _targets(model: PreTrainedModel, base: Base, settings: TrainSettings) -> Targets:
    """Choose all linear layers but the head; in a mixture, name its experts and make sure that nothing is left out."""
    fused = [name for name, weight in model.named_parameters() if weight.ndim == 3]
    if not fused:
        return Targets()
    known = find_family(model.config.to_dict(), base.fim_form).experts
    strange = [name for name in fused if not name.endswith(known)] if known else fused
    if strange and settings.experts:
        raise TrainError(
            f"{base.name}: {strange[0]}: fused experts of no known family, which would stay frozen",
            'SET="train.experts=false" trains the linear layers alone',
        )
    for given, wanted in ((settings.method, "lora"), (settings.quantization, "none")):
        if given != wanted:
            raise TrainError(
                f"{base.name}: {given} is not possible on a mixture of experts, whose experts are fused tensors",
                f'SET="train.{"method" if wanted == "lora" else "quantization"}={wanted}"',
            )
    head = model.get_output_embeddings()
    linear = [name for name, each in model.named_modules() if isinstance(each, torch.nn.Linear) and each is not head]
    apart = [name for name in linear if name.rsplit(".", 1)[-1] in TAKEN_FOR_EXPERTS]
    rank = max(1, settings.rank // int(getattr(model.config, "num_experts_per_tok", 1) or 1))
    ranks = dict.fromkeys(known, rank) if settings.experts else {}
    parameters = {re.sub(r"^model\.layers\.\d+\.", "", f"{name}.weight") for name in apart}
    return Targets([name for name in linear if name not in apart], sorted({*parameters, *ranks}), ranks)


def _batches(rows: list[list[int]], size: int, where: torch.device) -> Iterator[dict[str, torch.Tensor]]:
    """Cut the first rows, one after the other, into whole sequences; EVA wants as many positions as directions."""
    ids: list[int] = []
    given = 0
    for row in rows:
        ids += row
        while len(ids) >= size and given < EVA_BATCHES:
            yield {"input_ids": torch.tensor([ids[:size]], device=where)}
            ids, given = ids[size:], given + 1
    if given == 0:
        yield {"input_ids": torch.tensor([ids], device=where)}
