"""What a commit teaches is found with as little reading as its message and its patch allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mine.histories import History
from tuner.mine.commit_facts import CommitMiner
from tuner.mine.history import read_commits
from tuner.mine.languages import Language
from tuner.mine.plumbing import Git
from tuner.mine.texts import Read, Texts
from tuner.recipe import MineSettings

CODE = "def post(cents: int) -> int:\n    return round(cents * 100)\n" * 3
TEST = "def test_post() -> None:\n    assert post(1) == 100\n    assert post(2) == 200\n\n\n"


@pytest.mark.parametrize(
    ("message", "files", "is_read"),
    [
        ("wip", {"till.py": CODE.replace("100", "10")}, False),
        ("wip", {"till.py": CODE.replace("100", "10"), "test_till.py": TEST + TEST.replace("post()", "more()")}, True),
        ("Round to the tenth part of a cent", {"till.py": CODE.replace("100", "10")}, True),
    ],
)
def test_a_commit_that_says_nothing_and_adds_no_test_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, files: dict[str, str], is_read: bool
) -> None:
    history = History()
    history.commit("Add the till", {"till.py": CODE, "test_till.py": TEST})
    history.commit(message, files)
    shop = history.write(tmp_path / "shop")
    asked: list[str] = []
    read = Texts.read

    def noted(self: Texts, sha: str, path: str, language: Language) -> Read:
        asked.append(path)
        return read(self, sha, path, language)

    monkeypatch.setattr(Texts, "read", noted)
    newest = next(iter(read_commits(Git(shop), "HEAD", 1)))
    (facts,) = CommitMiner("shop", str(shop), MineSettings())([(newest, "before")])
    assert ("till.py" in asked) == is_read
    if not is_read:
        assert asked == [] and facts["reason"] == "poor_message"
        assert facts["dropped"] == [["till.py", "poor_message"]]
