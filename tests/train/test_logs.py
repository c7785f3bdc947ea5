"""Logs for other viewers: what is written is what the training said, in the run folder, and nothing is sent.

The packages are no part of the usual installation: pip install -e '.[watch]'. Without them these tests are skipped.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import MachineError, TrainError
from tuner.records import Row
from tuner.train.logs import keep_logs, open_logs
from tuner.training_log import require_viewers

from .examples import train


def needs(name: str) -> Any:
    return pytest.mark.skipif(
        importlib.util.find_spec(name) is None, reason=f"{name} is not installed: pip install -e '.[watch]'"
    )


def events(folder: Path) -> Iterator[tuple[int, str, float]]:
    """Read step, name and value of every figure in event files, without TensorBoard's own reader."""
    from tensorboard.compat.proto.event_pb2 import Event

    for path in sorted(folder.iterdir()):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)  # a length and its sum, the event and its sum
            event = Event.FromString(data[at + 12 : at + 12 + size])
            at += size + 16
            for each in event.summary.value:
                yield event.step, each.tag, each.simple_value or each.tensor.float_val[0]


@needs("tensorboard")
def test_what_tensorboard_reads_is_what_the_training_logged(base: Path, rows: list[Row], tmp_path: Path) -> None:
    train(tmp_path, base, rows, log_to=["tensorboard"], epochs=1.0)
    out = tmp_path / "out"
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    found = {(step, name): value for step, name, value in events(out / "tensorboard")}
    for line in lines:
        assert found[line["step"], "train/loss"] == pytest.approx(line["loss"])
        assert found[line["step"], "train/learning_rate"] == pytest.approx(line["learning_rate"])
        assert found[line["step"], "speed/tokens_per_second"] > 0
    assert [path.name for path in (out / "tensorboard").iterdir()] == ["events.out.tfevents.0"]
    assert socket.gethostname() not in "".join(path.as_posix() for path in (out / "tensorboard").iterdir())


@needs("trackio")
def test_trackio_writes_a_database_and_hears_of_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        monkeypatch.setenv("TRACKIO_SERVER_URL", f"http://127.0.0.1:{server.getsockname()[1]}/?write_token=x")
        monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "elsewhere"))
        with open_logs(["trackio"], tmp_path, "shop", 0) as (log,):
            for step in (1, 2):
                log.add(step, {"train/loss": 1.0 / step})
        with pytest.raises(TimeoutError):
            server.accept()
    assert not (tmp_path / "elsewhere").exists()
    with sqlite3.connect(tmp_path / "trackio/training.db") as database:
        found = database.execute("select step, metrics from metrics order by step").fetchall()
    assert [(step, json.loads(text)) for step, text in found] == [(1, {"train/loss": 1.0}), (2, {"train/loss": 0.5})]


def test_a_trackio_that_fails_stops_the_training_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trackio.py").write_text("raise SystemExit('no room')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parent.parent.parent}")
    (tmp_path / "scratch").mkdir()
    with pytest.raises(TrainError) as caught, open_logs(["trackio"], tmp_path / "scratch", "shop", 0):
        pass
    assert caught.value.message == "trackio ended with exit status 1 and said: no room"
    assert caught.value.hint == "SET=train.log_to=[]"


def test_a_folder_that_is_worked_in_gives_trackios_process_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "installed").mkdir()
    silent = "def init(**_): pass\ndef log(*_, **__): pass\ndef finish(): pass\n"
    (tmp_path / "installed/trackio.py").write_text(silent, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the repository ran')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scratch").mkdir()
    with open_logs(["trackio"], tmp_path / "scratch", "shop", 0) as (log,):
        log.add(1, {"train/loss": 1.0})
    found = subprocess.run([sys.executable, "-c", "import json"], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (1, "a file of the repository ran\n")  # the negative control


def test_a_viewer_that_is_not_installed_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_viewers([])
    require_viewers(["json"])
    with pytest.raises(MachineError) as caught:
        require_viewers(["json", "no_such_viewer"])
    assert caught.value.message == "train.log_to names no_such_viewer, but the package is not installed"
    assert caught.value.hint == "install it with .venv/bin/pip install -e '.[watch]', or set SET=train.log_to=[]"
    assert caught.value.exit_status == 2


def test_the_picture_is_drawn_from_the_log_that_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    lines = [{"step": 1, "loss": 2.0, "learning_rate": 1e-3, "tokens": 9}, {"step": 1, "valid_loss": 1.5}]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "timings.jsonl").write_text("")
    keep_logs([], tmp_path, out)
    assert sorted(path.name for path in out.iterdir()) == ["loss.svg", "metrics.jsonl", "timings.jsonl"]
    assert "of 1 validation the lowest loss is 1.500, at step 1" in (out / "loss.svg").read_text()
