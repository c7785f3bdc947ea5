"""Say whether vLLM takes a PEFT folder as it is, and with which rank limit, before anybody tries.

In: the parsed `adapter_config.json`. Out: the reasons why vLLM would refuse it; none where it would not. The rules are
those of vLLM's own reader of PEFT folders (`peft_helper`, versions 0.32 and 0.33). Every `rank_pattern` counts.
`fleet_command` writes the one command that serves several adapters of a base.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.rundir import Run

# What --max-lora-rank may be. A server that was started without it takes adapters up to DEFAULT_RANK.
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
DEFAULT_RANK = 16
_SPECIAL_STARTS = ("pissa", "olora", "corda", "loftq")  # they change the base's weights too
_HEADS = {"classifier", "score"}
_REFUSED = {
    "use_dora": "DoRA is not supported",
    "lora_bias": "biases in the adapter are not supported",
    "alora_invocation_tokens": "an adapter that switches on in mid-text is not supported",
    "layer_replication": "repeated layers are not supported",
    "use_qalora": "QALoRA is not supported",
    "use_bdlora": "block-diagonal matrices are not supported",
    "target_parameters": "an adapter on parameters, such as fused experts, is not supported",
    "trainable_token_indices": "single trained embeddings are not supported",
}
_TARGETS = {
    *("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head", "embed_tokens"),
    *("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj"),
}


def largest_rank(adapter: dict[str, Any]) -> int:
    """Give the largest rank of an adapter."""
    return max([int(adapter["r"]), *map(int, (adapter.get("rank_pattern") or {}).values())])


def rank_limit(adapter: dict[str, Any]) -> int | None:
    """Give the --max-lora-rank that a server needs for an adapter; None where there is none so large."""
    return next((each for each in RANKS if each >= largest_rank(adapter)), None)


def refusals(adapter: dict[str, Any]) -> list[str]:
    """List why vLLM would not take an adapter."""
    found = []
    if rank_limit(adapter) is None:
        found.append(f"rank {largest_rank(adapter)} is above {RANKS[-1]}, the largest that --max-lora-rank can be")
    if adapter.get("bias", "none") != "none":
        found.append(f"`bias` is {adapter['bias']!r}, wanted 'none'")
    found += [f"`{key}` is set: {reason}" for key, reason in _REFUSED.items() if adapter.get(key)]
    modules = sorted(set(adapter.get("modules_to_save") or ()) - _HEADS)
    if modules:
        found.append(f"`modules_to_save` has {', '.join(modules)}: whole trained modules are not supported")
    start = adapter.get("init_lora_weights")
    if isinstance(start, str) and start.startswith(_SPECIAL_STARTS):
        found.append(f"`init_lora_weights` is {start!r}: it changed the base's weights too")
    targets = adapter.get("target_modules")
    if isinstance(targets, list):
        unknown = sorted(name for name in targets if name.rsplit(".", 1)[-1] not in _TARGETS)
        if unknown:
            found.append(f"`target_modules` has {', '.join(unknown)}, which it does not know")
    return found


def fleet_command(runs: dict[str, Run], base: str, limit: int | None = None) -> str:
    """Write the command that serves several runs of one base, a hub id or a folder; `limit` is a server's own limit."""
    if not runs:
        raise RunError("there is no run to serve", "name some, or promote one: tuner adapters promote RUN team")
    bases = {run.manifest["base"]["revision"]: (name, run) for name, run in runs.items()}
    if len(bases) > 1:
        (one, first), (other, second) = list(bases.values())[:2]
        said = f"`{one}` is for {first.manifest['base']['name']}, `{other}` for {second.manifest['base']['name']}"
        raise RunError(f"{said}, and one server has one base", "start a server for each base")
    folders = {name: run.folder.resolve() / "export" / "peft" for name, run in runs.items()}
    needed = max(_accepted(name, folder, limit) for name, folder in folders.items())
    modules = [f"{name}={folder}" for name, folder in folders.items()]
    rank = ["--max-lora-rank", str(limit or needed), "--max-loras", str(len(runs))]
    served = ["vllm", "serve", base, "--host", "127.0.0.1"]
    return shlex.join([*served, "--enable-lora", *rank, "--lora-modules", *modules])


def _accepted(name: str, folder: Path, limit: int | None) -> int:
    """Give the rank limit that an adapter needs, or say why vLLM would not take it."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise RunError(f"{path}: no such file", "repeat the `make export` command of this run")
    adapter = json.loads(path.read_text(encoding="utf-8"))
    faults = refusals(adapter)
    if faults:
        raise RunError(
            f"`{name}`: vLLM would not take it: {faults[0]}", "serve its merged model, on a server of its own"
        )
    needed = rank_limit(adapter)
    assert needed is not None  # else there is a fault
    if limit is not None and largest_rank(adapter) > limit:
        raise RunError(
            f"`{name}`: rank {largest_rank(adapter)} is above the server's --max-lora-rank {limit}",
            f'start the server with --max-lora-rank {needed}, or train with SET="train.rank={limit}"',
        )
    return needed
