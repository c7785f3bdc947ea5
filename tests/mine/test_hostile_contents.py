"""Odd names, dates and encodings: each ends as a pair or as a counted rejection, and the rest is mined."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mine.conftest import Outcome, mine
from tests.mine.histories import DAY, LATER, START, VERBS, Content, Entry, History, code, commit_on_top, shop
from tests.tiny_repo import git
from tuner.errors import RepoError
from tuner.records import COMMIT_KINDS

ODD_NAMES = {
    b"shop/new\nline.py": "shop/new\nline.py",
    b"shop/tab\there.py": "shop/tab\there.py",
    b'shop/"quoted".py': 'shop/"quoted".py',
    b"-rf.py": "-rf.py",
    b":(exclude)all.py": ":(exclude)all.py",
    b"shop/st\xc3\xa4nde.py": "shop/stände.py",
    b"shop/\xf0\x9f\xa6\x8a.py": "shop/\U0001f98a.py",
    b"shop/back\\slash.py": "shop/back\\slash.py",
    b"shop/space .py": "shop/space .py",
    b"*.py": "*.py",
}


def mined_with(files: dict[bytes, Content], tmp_path: Path) -> tuple[Outcome, dict[str, str]]:
    """Mine the shop with more files in it; also give the reasons of all that was rejected."""
    history = History()
    history.commit("Begin with what is odd", files)
    folder = shop(history).write(tmp_path / "shop")
    outcome = mine(folder, tmp_path / "out")
    assert {"shop/till.py", "shop/cart.py", "shop/stock.py"} <= kept(outcome) and outcome.additions
    assert {"edit", "message"} <= {pair.kind for pair in outcome.pairs}
    return outcome, {each.source: each.reason for each in outcome.rejected}


def kept(outcome: Outcome) -> set[str]:
    return {pair.path for pair in outcome.pairs if pair.kind == "file"}


def test_files_with_odd_names_are_mined(tmp_path: Path) -> None:
    outcome, _ = mined_with({name: code(f"odd{number}") for number, name in enumerate(ODD_NAMES)}, tmp_path)
    assert kept(outcome) >= set(ODD_NAMES.values())


def test_changes_of_files_with_odd_names_are_mined(tmp_path: Path) -> None:
    history = shop(History(), 4)
    names = [name for name in ODD_NAMES]
    for number, name in enumerate(names):
        history.commit("Begin a file", {name: code(f"odd{number}")})
    for number, name in enumerate(names):
        history.commit(
            "Let customers have a bonus as well", {name: code(f"odd{number}", ("refund", "discount", "bonus"))}
        )
    shop(history, 15)
    outcome = mine(history.write(tmp_path / "shop"), tmp_path / "out")
    assert {pair.path for pair in outcome.pairs if pair.kind == "edit"} >= set(ODD_NAMES.values())


def test_a_name_that_is_no_utf8_is_counted_and_written_readably(tmp_path: Path) -> None:
    _, reasons = mined_with({b"shop/caf\xe9.py": code("cafe"), b"\xff\xfe/x.py": code("folder")}, tmp_path)
    assert reasons["shop/caf\\udce9.py"] == reasons["\\udcff\\udcfe/x.py"] == "path_not_utf8"


def test_a_path_of_four_thousand_characters_and_of_many_folders_is_mined(tmp_path: Path) -> None:
    long, deep = "a" * 3_996 + ".py", "d/" * 1_990 + "deep.py"
    outcome, _ = mined_with({long.encode(): code("long"), deep.encode(): code("deep")}, tmp_path)
    assert kept(outcome) >= {long, deep}


def test_names_that_differ_in_case_only_are_different_files(tmp_path: Path) -> None:
    outcome, _ = mined_with({b"Shop/Box.py": code("upper"), b"Shop/box.py": code("lower")}, tmp_path)
    assert kept(outcome) >= {"Shop/Box.py", "Shop/box.py"}


def test_links_submodules_and_pointers_are_counted(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "4d7a" * 16 + "\nsize 12345\n"
    files: dict[bytes, Content] = {
        b"loop/one.py": Entry("120000", b"two.py"),
        b"loop/two.py": Entry("120000", b"one.py"),
        b"loop/self": Entry("120000", b"."),
        b"loop/out.py": Entry("120000", b"/etc/passwd"),
        b"part": Entry("160000", b"1" * 40),
        b"part.py": Entry("160000", b"2" * 40),
        b"model.py": pointer,
        b"empty.py": "",
    }
    _, reasons = mined_with(files, tmp_path)
    assert reasons["model.py"] == "lfs_pointer"
    assert {reasons[f"loop/{name}"] for name in ("one.py", "two.py", "self", "out.py")} == {"symlink"}
    assert reasons["part"] == reasons["part.py"] == "submodule"


def test_a_folder_that_links_to_itself_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(RepoError, match="no such folder"):
        mine(tmp_path / "loop", tmp_path / "out")
    folder = shop(History()).write(tmp_path / "shop", bare=False)
    (folder / "inside").symlink_to(folder)
    assert mine(folder / "inside/inside", tmp_path / "out").additions


def test_utf16_and_other_encodings_are_counted(tmp_path: Path) -> None:
    text = code("letters")
    files: dict[bytes, Content] = {
        b"utf16.py": text.encode("utf-16"),
        b"utf16be.py": text.encode("utf-16-be"),
        b"latin1.py": f"# caf\xe9\n{text}".encode("latin-1"),
        b"nul.py": text.replace("refund", "re\0fund").encode(),
        b"mark.py": b"\xef\xbb\xbf" + code("marked").encode(),
        b"control.py": code("control").replace("a refund", "a \x0c\x1b[0m\x85\u2028 refund").encode(),
        b"lone.py": code("lone").encode() + b"\n# \xed\xa0\x80\n",
    }
    outcome, reasons = mined_with(files, tmp_path)
    found = {name.decode(): reasons.get(name.decode()) for name in files}
    assert found == {
        "utf16.py": "utf16",
        "utf16be.py": "binary",  # nothing at its start says what it is
        "latin1.py": "not_utf8",
        "nul.py": "binary",
        "lone.py": "not_utf8",
        "mark.py": None,
        "control.py": None,
    }
    assert {"mark.py", "control.py"} <= kept(outcome)


def test_a_message_may_hold_any_bytes(tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    shas = []
    for number, message in enumerate(
        (b"Bring \0 a NUL", b"\x01Begin oddly", b"caf\xe9 opens", b":100644 is no change", b"")
    ):
        blob = git(folder, "hash-object", "-w", "--stdin", given=code(f"odd{number}").encode()).strip()
        shas.append(commit_on_top(folder, f"100644 blob {blob}\todd{number}.py\n", message))
    shop(History(onto="main", start=START + 40 * DAY), 12, LATER).write(folder)
    outcome = mine(folder, tmp_path / "out")
    assert {pair.path for pair in outcome.pairs if pair.kind == "file"} >= {f"odd{number}.py" for number in range(5)}
    assert outcome.mined.counts["commits_read"] == 9 + 5 + 12


def test_windows_line_ends_give_pairs_with_plain_ones(tmp_path: Path) -> None:
    history = History()
    for count in range(2, 10):
        text = code("crate", VERBS[:count])
        history.commit(f"Give the crate a {VERBS[count - 1]} of its own", {"crate.py": text.replace("\n", "\r\n")})
    outcome = mine(shop(history, 3).write(tmp_path / "shop"), tmp_path / "out", cut="main~5")
    edits = [pair for pair in outcome.pairs if pair.kind == "edit" and pair.path == "crate.py"]
    assert len(edits) == 5 and "does_not_reproduce" not in outcome.mined.rejected_counts
    assert any(each.path == "crate.py" for each in outcome.additions)
    assert not [pair for pair in outcome.pairs if "\r" in pair.context + pair.response + pair.suffix]
    assert not [each for each in outcome.additions if "\r" in each.prefix + each.added + each.suffix]


DATES = {
    "1970": "0 +0000",
    "2100": "4102444800 +0000",
    "the year 5138": "99999999999 +0000",
    "the end of time": "9223372036854775807 +0000",
    "more than git can hold": "99999999999999999999 +0000",
    "negative": "-1 +0000",
    "no date": "",
    "no number": "yesterday",
    "zone": "1700000000 +9999",
}


@pytest.mark.parametrize("date", DATES.values(), ids=DATES)
@pytest.mark.parametrize("then", [0, 12], ids=["newest", "old"])
def test_a_commit_with_an_impossible_date_is_mined_or_counted(date: str, then: int, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    blob = git(folder, "hash-object", "-w", "--stdin", given=code("crate").encode()).strip()
    sha = commit_on_top(folder, f"100644 blob {blob}\tcrate.py\n", "Stack the crates", date)
    if then:
        shop(History(onto="main", start=START + 40 * DAY), then, LATER).write(folder)
    outcome = mine(folder, tmp_path / "out")
    reasons = {each.source: each.reason for each in outcome.rejected}
    taught = [pair for pair in outcome.pairs if pair.kind in COMMIT_KINDS]
    dates = {each.committed_at for each in [*taught, *outcome.additions] if each.commit == sha}
    assert dates <= {0, 1_700_000_000, 4_102_444_800, 99_999_999_999}
    assert outcome.pairs and outcome.additions
    assert max(pair.committed_at for pair in outcome.pairs) <= outcome.mined.cut.committed_at
    assert min(each.committed_at for each in outcome.additions) > outcome.mined.cut.committed_at
    assert (sha in reasons) != bool(dates)
