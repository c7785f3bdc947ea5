from pathlib import Path

import pytest

from tuner.dataset.pair_file import PairFile
from tuner.dataset.survey import Survey, survey_pairs
from tuner.progress import Progress
from tuner.records import PAIR_KINDS, Neighbour, Pair, PairKind, write_jsonl

from .examples import CUT, code, file_pair, infilling_pair, pair_of


def survey(folder: Path, written: list[Pair], asked: set[str] = frozenset()) -> Survey:  # type: ignore[assignment]
    write_jsonl(folder / "pairs.jsonl", written)
    with PairFile(folder / "pairs.jsonl") as pairs:
        return survey_pairs(pairs, CUT, set(), set(asked), set(), 0.7, Progress())


def test_of_equal_texts_the_first_by_path_is_kept_whatever_the_order(tmp_path: Path) -> None:
    copies = [file_pair(f"{name}.py", code("tax")) for name in "bac"]
    for written in (copies, copies[::-1]):
        found = survey(tmp_path, written)
        assert [entry.path for entry in found.entries["file"]] == ["a.py"]
        assert sorted(found.duplicates) == sorted(pair.id for pair in copies if pair.path != "a.py")
        assert found.pairs == 3


def test_of_equal_texts_the_newest_is_kept_before_the_first_by_path(tmp_path: Path) -> None:
    copies = [file_pair(path, code("tax"), at=at) for path, at in (("a.py", 1), ("b.py", 3), ("c.py", 2))]
    for written in (copies, copies[::-1]):
        found = survey(tmp_path, written)
        assert [entry.path for entry in found.entries["file"]] == ["b.py"]


@pytest.mark.parametrize(("at", "kept"), [((5, 5), "a.py"), ((5, 6), "b.py")])
def test_a_near_copy_among_files_is_left_out(tmp_path: Path, at: tuple[int, int], kept: str) -> None:
    near = file_pair("b.py", code("tax").replace("Return the", "Compute the", 2), at=at[1])
    pairs = [near, file_pair("a.py", code("tax"), at=at[0]), file_pair("c.py", code("cart"))]
    found = survey(tmp_path, pairs)
    assert sorted(entry.path for entry in found.entries["file"]) == [kept, "c.py"]
    assert found.near_duplicates == [pair.id for pair in pairs[:2] if pair.path != kept]
    assert found.pairs == 3


@pytest.mark.parametrize("kind", [kind for kind in PAIR_KINDS if kind != "file"])
def test_near_copies_of_every_kind_are_left_out_within_the_kind(tmp_path: Path, kind: PairKind) -> None:
    changed = code("tax").replace("Return the", "Compute the", 2)
    old, new = (pair_of(kind, text, f"{at}.py", committed_at=at) for text, at in ((code("tax"), 1), (changed, 2)))
    other = pair_of("message" if kind != "message" else "edit", code("tax"), "3.py")
    found = survey(tmp_path, [old, new, other])
    assert found.near_duplicates == [old.id]
    assert [entry.id for entry in found.entries[kind]] == [new.id]


def test_holes_of_one_file_are_no_copies_of_each_other_though_their_surroundings_are(tmp_path: Path) -> None:
    lines = code("tax").splitlines(keepends=True)
    pairs = [
        infilling_pair("a.py", "".join(lines[:at]), lines[at] * 3, "".join(lines[at + 1 :])) for at in (20, 22, 23)
    ]
    assert survey(tmp_path, pairs).near_duplicates == []


def test_what_is_taken_from_a_copied_file_goes_with_it(tmp_path: Path) -> None:
    for text in (code("tax"), code("tax").replace("Return the", "Compute the", 2)):
        hole = infilling_pair("a.py", "x = ", "1", "\n", committed_at=1)
        edit = pair_of("edit", "x = 2\n", "a.py", committed_at=1)
        other = infilling_pair("b.py", "y = ", "1", "\n")
        files = [file_pair("a.py", code("tax"), at=1), file_pair("b.py", text, at=2)]
        found = survey(tmp_path, [hole, edit, other, *files])
        assert hole.id in found.near_duplicates
        assert [entry.id for kind in ("line_infilling", "edit") for entry in found.entries[kind]] == [other.id, edit.id]


def test_a_line_is_known_wherever_it_stands_in_a_pair(tmp_path: Path) -> None:
    pair = infilling_pair("a.py", "  before = 1\n", "inside = 2", "\n\tafter = 3\n")
    beside = infilling_pair("a.py", "", "x", "", neighbours=[Neighbour("b.py", "beside = 5\n")])
    diff = pair_of("message", "Change it", context="-removed = 6\n+    added = 7\n")
    asked = {"before = 1", "inside = 2", "after = 3", "never = 4", "beside = 5", "removed = 6", "added = 7"}
    assert survey(tmp_path, [pair, beside, diff], asked).known_lines == asked - {"never = 4"}


def test_dates_and_languages_are_counted(tmp_path: Path) -> None:
    found = survey(tmp_path, [file_pair("a.py", "a = 1\n", at=0), file_pair("b.py", "b = 1\n", at=5)])
    assert (found.oldest, found.newest, dict(found.languages)) == (0, 5, {"python": 2})
