"""What vLLM would refuse is known before it is tried, and several adapters of one base make one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.registered import BASE, finished
from tuner.errors import RunError
from tuner.rundir import Run
from tuner.vllm_rules import fleet_command, rank_limit, refusals

PLAIN: dict[str, Any] = {"peft_type": "LORA", "r": 20, "bias": "none", "target_modules": ["q_proj", "down_proj"]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"r": 513}, "rank 513 is above 512, the largest that --max-lora-rank can be"),
        ({"rank_pattern": {"q_proj": 600}}, "rank 600 is above 512"),
        ({"use_dora": True}, "`use_dora` is set: DoRA is not supported"),
        ({"bias": "all"}, "`bias` is 'all', wanted 'none'"),
        ({"lora_bias": True}, "`lora_bias` is set"),
        ({"modules_to_save": ["lm_head", "score"]}, "`modules_to_save` has lm_head: whole trained modules"),
        ({"init_lora_weights": "pissa_niter_16"}, "`init_lora_weights` is 'pissa_niter_16'"),
        ({"init_lora_weights": "olora"}, "it changed the base's weights too"),
        ({"layer_replication": [[0, 2]]}, "`layer_replication` is set"),
        ({"alora_invocation_tokens": [1]}, "`alora_invocation_tokens` is set"),
        ({"target_parameters": ["gate_up_proj"]}, "an adapter on parameters, such as fused experts"),
        ({"target_modules": ["q_proj", "conv"]}, "`target_modules` has conv, which it does not know"),
    ],
)
def test_what_vllm_would_refuse_is_known_before(change: dict[str, Any], reason: str) -> None:
    found = refusals(PLAIN | change)
    assert len(found) == 1 and reason in found[0]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"use_rslora": True, "alpha_pattern": {"q_proj": 3}, "rank_pattern": {"q_proj": 40}},
        {"init_lora_weights": "gaussian"},
        {"init_lora_weights": True},
        {"modules_to_save": ["score"]},
        {"target_modules": "all-linear"},
    ],
)
def test_what_vllm_takes_is_not_refused(change: dict[str, Any]) -> None:
    assert refusals(PLAIN | change) == []


def test_the_limit_that_a_server_needs_is_one_that_vllm_knows() -> None:
    assert [rank_limit(PLAIN | {"r": rank}) for rank in (1, 8, 9, 32, 300, 512, 513)] == [1, 8, 16, 32, 320, 512, None]
    assert rank_limit(PLAIN | {"rank_pattern": {"q_proj": 33}}) == 64


def exported(adapters: Path, name: str, **config: Any) -> Run:
    folder = finished(adapters, name)
    (folder / "export/peft").mkdir(parents=True)
    (folder / "export/peft/adapter_config.json").write_text(json.dumps(PLAIN | config))
    return Run.find(folder)


def test_several_adapters_of_one_base_make_one_command(tmp_path: Path) -> None:
    runs = {"team": exported(tmp_path, "alpha"), "next": exported(tmp_path, "beta", r=48)}
    paths = {name: run.folder.resolve() / "export/peft" for name, run in runs.items()}
    assert fleet_command(runs, BASE.name) == (
        f"vllm serve {BASE.name} --host 127.0.0.1 --enable-lora --max-lora-rank 64 --max-loras 2 "
        f"--lora-modules team={paths['team']} next={paths['next']}"
    )


def test_a_rank_above_the_servers_limit_is_refused_with_both_figures(tmp_path: Path) -> None:
    runs = {"team": exported(tmp_path, "alpha")}
    with pytest.raises(RunError) as caught:
        fleet_command(runs, BASE.name, limit=16)
    assert caught.value.message == "`team`: rank 20 is above the server's --max-lora-rank 16"
    assert caught.value.hint == 'start the server with --max-lora-rank 32, or train with SET="train.rank=16"'
    assert "--max-lora-rank 256" in fleet_command(runs, BASE.name, limit=256)


def test_what_does_not_fit_one_server_is_refused(tmp_path: Path) -> None:
    alpha, dora = exported(tmp_path, "alpha"), exported(tmp_path, "dora", use_dora=True)
    with pytest.raises(RunError, match="`new`: vLLM would not take it: `use_dora` is set: DoRA is not supported"):
        fleet_command({"team": alpha, "new": dora}, BASE.name)
    other = exported(tmp_path, "other")
    other.manifest["base"] = {"name": "org/Other", "revision": "c" * 64}
    with pytest.raises(RunError) as caught:
        fleet_command({"team": alpha, "new": other}, BASE.name)
    assert caught.value.message == "`team` is for org/Tiny-Base, `new` for org/Other, and one server has one base"
    with pytest.raises(RunError, match="there is no run to serve"):
        fleet_command({}, "")
    with pytest.raises(RunError, match=r"adapter_config\.json: no such file"):
        fleet_command({"team": Run.find(finished(tmp_path, "bare"))}, BASE.name)
