import random

from tuner.dataset.near_duplicates import NearDuplicates

from .examples import code


def copies_among(texts: dict[str, str], threshold: float = 0.7) -> dict[str, str]:
    search = NearDuplicates(threshold)
    for text in texts.values():
        search.count(text)
    for path, text in texts.items():
        search.offer(path, f"id of {path}", text)
    return search.copies()


def test_a_near_copy_of_a_file_is_found_and_the_first_by_path_is_kept() -> None:
    text = code("tax")
    texts = {
        "z.py": text.replace("Return the", "Compute the", 2),
        "a.py": text,
        "m.py": code("cart"),
        "n.py": code("price"),
    }
    assert copies_among(texts) == {"id of z.py": "a.py"}


def test_files_that_share_less_than_the_threshold_are_kept() -> None:
    assert copies_among({"a.py": code("tax") + code("cart"), "b.py": code("tax") + code("price")}) == {}


def test_the_order_of_the_files_does_not_matter() -> None:
    words = [f"word{number}" for number in range(300)]
    texts = {f"{number:02}.py": " ".join(words[number : number + 200]) for number in range(0, 60, 6)}
    expected = copies_among(texts)
    assert expected
    for seed in range(3):
        shuffled = list(texts.items())
        random.Random(seed).shuffle(shuffled)
        assert copies_among(dict(shuffled)) == expected


def test_empty_files_are_no_copies_of_each_other_here() -> None:
    assert copies_among({"a.py": "", "b.py": "\n"}) == {}
