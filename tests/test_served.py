from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.pipelines import Finished, finished_run, tuner
from tuner.errors import RunError
from tuner.served import say_record, served


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


def test_a_run_is_found_by_folder_name_channel_and_default(finished: Finished, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished.folder, tmp_path / finished.folder.name))
    assert served(tmp_path, str(folder)).folder == folder
    assert served(tmp_path, folder.name).folder == folder
    with pytest.raises(RunError, match=r"^RUN and REPO are missing, and .* has no channel `team`\n"):
        served(tmp_path, None)
    promoted = tuner("adapters", "promote", folder.name, "team", "--adapters", tmp_path)
    assert promoted.status == 0, promoted.err
    assert served(tmp_path, "team").folder == served(tmp_path, None).folder == folder


def test_a_record_is_one_line_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    say_record({"event": "engine runs", "pid": 7})
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record.pop("at").endswith("+00:00")
    assert record == {"event": "engine runs", "pid": 7}
