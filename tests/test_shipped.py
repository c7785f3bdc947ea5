"""The adapter that comes along is packed out of a run, small, and can be served after one preparation."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.pipelines import ROOT, Finished, finished_run, tuner
from tuner.errors import DataError, RunError
from tuner.progress import Progress
from tuner.records import Bundle
from tuner.registry import resolve, served_by_default, verify
from tuner.rundir import Run
from tuner.shipped import MOST_BYTES, WEIGHTS, pack, read_shipped, servable


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def packed(finished: Finished, tmp_path: Path) -> Path:
    return pack(finished.run, tmp_path)


def test_it_is_packed_in_16_bits_with_a_card_of_the_runs_own_figures(finished: Finished, packed: Path) -> None:
    assert packed.name == "tuner-own"
    assert sorted(path.name for path in packed.iterdir()) == [
        *("README.md", "adapter_config.json", WEIGHTS, "shipped.json"),
    ]
    trained = load_file(finished.folder / "adapter" / WEIGHTS)
    for name, values in load_file(packed / WEIGHTS).items():
        assert values.dtype == torch.float16
        torch.testing.assert_close(values.float(), trained[name].float(), rtol=1e-3, atol=1e-7)
    metrics = json.loads((finished.folder / "metrics.json").read_text())
    card = (packed / "README.md").read_text()
    tuned, delta = metrics["eval.tuned.bits_per_byte"], metrics["eval.tuned_vs_base.bits_per_byte.delta"]
    assert f"| {tuned:.3f} | {delta:+.3f} [" in card
    assert f"Verdict: {metrics['verdict']}." in card
    assert read_shipped(packed).rank == 2


def test_it_is_served_from_the_cache_after_one_preparation(packed: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    run = servable(packed, tmp_path / "cache", Progress())
    bundle = run.record("export", Bundle)
    assert {each.name: each.passed for each in bundle.artefacts} == {
        "peft": None,
        "base-gguf": True,
        "adapter-gguf": True,
    }
    assert (run.folder / "export/tokenizer/tokenizer.json").is_file()
    assert run.verify() == []
    written = (run.folder / "manifest.json").stat().st_mtime_ns
    again = servable(packed, tmp_path / "cache", Progress())
    assert again.folder == run.folder
    assert (run.folder / "manifest.json").stat().st_mtime_ns == written  # nothing was done twice
    assert Run.find(run.folder).record("export", Bundle) == bundle


def test_altered_weights_and_another_base_are_refused(packed: Path, tmp_path: Path) -> None:
    path = packed / "shipped.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"base_revision": "0" * 64}))
    with pytest.raises(RunError, match=r"made for revision 000000000000 of .*, this machine has"):
        servable(packed, tmp_path / "cache", Progress())
    (packed / WEIGHTS).write_bytes((packed / WEIGHTS).read_bytes()[:-1])
    with pytest.raises(DataError) as caught:
        read_shipped(packed)
    assert caught.value.message == f"{packed / WEIGHTS}: missing, or altered since it was packed"
    assert caught.value.hint == f"git checkout -- {packed}"
    assert verify(tmp_path) == [f"tuner-own: {WEIGHTS} was altered"]
    path.write_text("{")
    with pytest.raises(DataError, match=r"shipped\.json: missing, or not JSON"):
        read_shipped(packed)


def test_one_that_is_too_large_is_refused_with_the_rank_that_fits(finished: Finished, tmp_path: Path) -> None:
    size = 2 * sum(values.numel() for values in load_file(finished.folder / "adapter" / WEIGHTS).values())
    with pytest.raises(RunError) as caught:
        pack(finished.run, tmp_path, most_bytes=size - 1)
    assert "at rank 2, wanted " in caught.value.message
    assert caught.value.hint == 'train it again with SET="train.rank=1 train.alpha=1"'
    assert not (tmp_path / "tuner-own").exists()
    per_rank = 2 * 30 * (2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1536))  # SmolLM2-135M, all linear layers
    assert 8 * per_rank == 4_884_480 and 9 * per_rank < MOST_BYTES < 10 * per_rank


def test_git_tracks_it_and_no_other_run() -> None:
    command = ["git", "check-ignore", "adapters/tuner-own/shipped.json", "adapters/shop-1a2b/manifest.json"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if shown.returncode > 1:
        pytest.skip("the tests do not stand in a git work tree")
    assert shown.stdout.split() == ["adapters/shop-1a2b/manifest.json"]


def test_the_commands_show_what_they_did(finished: Finished, tmp_path: Path) -> None:
    name = finished.folder.name
    shutil.copytree(finished.folder, tmp_path / name)
    given = ("--adapters", tmp_path)
    assert tuner("adapters", "promote", name[:6], "team", "--anyway", *given).out.splitlines() == [
        f"channel team points at {name}",
        "next: make serve RUN=team; back: tuner adapters rollback team",
    ]
    assert tuner("adapters", "tag", "team", "v1", *given).out == f"tag v1 names {name}\n"
    (line,) = tuner("adapters", "list", *given).out.splitlines()
    assert line.startswith(name) and line.endswith("team, v1")
    shown = tuner("adapters", "show", "v1", *given).out
    assert "promote team: " in shown and "exported    peft, base-gguf, adapter-gguf, merged, merged-gguf" in shown
    assert tuner("adapters", "verify", *given).out == "1 runs, their channels and tags: all as recorded\n"
    assert "tuner-own: 0." in tuner("adapters", "ship", "team", *given).out
    assert served_by_default(tmp_path) == resolve(tmp_path, "team")
    assert tuner("adapters", "list", *given).out.splitlines()[1].startswith("tuner-own")
    assert "# The adapter that comes along" in tuner("adapters", "show", "tuner-own", *given).out
    refused = tuner("adapters", "rollback", "team", *given)
    assert refused.status == 2
    assert refused.err == (
        f"error: channel `team` has pointed at {name} alone\nhint: promote another run in its place\n"
    )
    assert tuner("adapters", "tag", "v1", "v1", "--delete", *given).out == f"tag v1 no longer names {name}\n"
    assert tuner("adapters", "remove", name, *given).status == 2


def test_an_editors_settings_are_written_for_a_run_by_any_of_its_names(finished: Finished, tmp_path: Path) -> None:
    name = finished.folder.name
    shutil.copytree(finished.folder, tmp_path / name)
    tuner("adapters", "promote", name, "team", "--anyway", "--adapters", tmp_path)
    given = ("export", "--editor", "zed", "--run", "team", "--adapters", tmp_path, "--set", "serve.port=9000")
    answer = tuner(*given)
    assert answer.status == 0
    folder = tmp_path / name / "export/editors/zed"
    assert answer.out.splitlines() == [f"{folder}/README.md: what to click", f"{folder}/settings.json"]
    found = json.loads((folder / "settings.json").read_text())["edit_predictions"]["codestral"]
    assert found == {"api_url": "http://127.0.0.1:9000", "model": "tuned", "max_tokens": 8}
    assert Run.find(tmp_path / name).verify() == []  # the run itself is as it was
    assert tuner("export", "--editor", "zed").err.startswith("error: --editor wants a finished run")
    assert tuner(*given, "--model", "base").status == 0
    assert json.loads((folder / "settings.json").read_text())["edit_predictions"]["codestral"]["model"] == "base"
