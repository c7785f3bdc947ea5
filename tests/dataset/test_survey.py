from pathlib import Path

from tuner.dataset.pair_file import PairFile
from tuner.dataset.survey import Survey, survey_pairs
from tuner.progress import Progress
from tuner.records import Pair, write_jsonl

from .examples import CUT, code, file_pair, infilling_pair


def survey(folder: Path, written: list[Pair], asked: set[str] = frozenset()) -> Survey:  # type: ignore[assignment]
    write_jsonl(folder / "pairs.jsonl", written)
    with PairFile(folder / "pairs.jsonl") as pairs:
        return survey_pairs(pairs, CUT, set(), set(asked), 0.7, Progress())


def test_of_equal_texts_the_first_by_path_is_kept_whatever_the_order(tmp_path: Path) -> None:
    copies = [file_pair(f"{name}.py", code("tax")) for name in "bac"]
    for written in (copies, copies[::-1]):
        found = survey(tmp_path, written)
        assert [entry.path for entry in found.entries["file"]] == ["a.py"]
        assert sorted(found.duplicates) == sorted(pair.id for pair in copies if pair.path != "a.py")
        assert found.pairs == 3


def test_a_near_copy_among_files_is_left_out(tmp_path: Path) -> None:
    near = file_pair("b.py", code("tax").replace("Return the", "Compute the", 2))
    found = survey(tmp_path, [near, file_pair("a.py", code("tax")), file_pair("c.py", code("cart"))])
    assert [entry.path for entry in found.entries["file"]] == ["a.py", "c.py"]
    assert found.near_duplicates == [near.id]


def test_a_line_is_known_wherever_it_stands_in_a_pair(tmp_path: Path) -> None:
    pair = infilling_pair("a.py", "  before = 1\n", "inside = 2", "\n\tafter = 3\n")
    asked = {"before = 1", "inside = 2", "after = 3", "never = 4"}
    assert survey(tmp_path, [pair], asked).known_lines == asked - {"never = 4"}


def test_dates_and_languages_are_counted(tmp_path: Path) -> None:
    found = survey(tmp_path, [file_pair("a.py", "a = 1\n", at=0), file_pair("b.py", "b = 1\n", at=5)])
    assert (found.oldest, found.newest, dict(found.languages)) == (0, 5, {"python": 2})
