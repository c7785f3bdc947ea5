import random
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.dataset.grams import gram_set, jaccard
from tuner.dataset.near_duplicates import Candidate, NearDuplicates, compared_text
from tuner.records import CHAT_KINDS, INFILLING_KINDS, PairKind

from .examples import code, each_kind


def copies_among(
    texts: dict[str, str],
    threshold: float = 0.7,
    dates: dict[str, int] | None = None,
    kinds: dict[str, PairKind] | None = None,
) -> dict[str, str]:
    search = NearDuplicates(threshold)
    stored = list(texts.values())
    kind_of = lambda path: (kinds or {}).get(path, "file")  # noqa: E731
    compared = [path for path, text in texts.items() if search.count(kind_of(path), text)]
    for number, (path, text) in enumerate(texts.items()):
        if path in compared:
            search.offer(Candidate(number, kind_of(path), f"id of {path}", path, (dates or {}).get(path, 0)), text)
    return search.copies(stored.__getitem__)


def test_of_near_copies_the_first_by_path_is_kept_when_all_are_equally_new() -> None:
    text = code("tax")
    texts = {
        "z.py": text.replace("Return the", "Compute the", 2),
        "a.py": text,
        "m.py": code("cart"),
        "n.py": code("price"),
    }
    assert copies_among(texts) == {"id of z.py": "a.py"}


def test_the_newest_of_near_copies_is_kept_wherever_it_lies() -> None:
    texts = {"a.py": code("tax"), "z.py": code("tax").replace("Return the", "Compute the", 2)}
    assert copies_among(texts, dates={"a.py": 1, "z.py": 2}) == {"id of a.py": "z.py"}
    assert copies_among(texts, dates={"a.py": 2, "z.py": 1}) == {"id of z.py": "a.py"}


def test_copies_of_different_kinds_are_none() -> None:
    texts = {"a.py": code("tax"), "z.py": code("tax")}
    assert copies_among(texts, kinds={"a.py": "edit", "z.py": "edit"}) == {"id of z.py": "a.py"}
    assert copies_among(texts, kinds={"a.py": "edit", "z.py": "bugfix"}) == {}


def test_short_texts_are_not_compared_since_they_are_alike_by_chance() -> None:
    short = " ".join(f"word{number}" for number in range(19))
    assert copies_among({"a.py": short, "b.py": short}) == {}
    assert copies_among({"a.py": short + " last", "b.py": short + " last"}) == {"id of b.py": "a.py"}


def test_a_pair_is_compared_by_what_it_is_about() -> None:
    for pair in each_kind("tax", "a" * 40):
        text = compared_text(pair)
        assert pair.response in text
        assert (pair.context in text) == (pair.kind in CHAT_KINDS or not pair.context)
        assert (pair.suffix in text) == (not pair.suffix)
        assert pair.instruction in text and (pair.kind not in INFILLING_KINDS or text.endswith(pair.response))


def test_files_that_share_less_than_the_threshold_are_kept() -> None:
    assert copies_among({"a.py": code("tax") + code("cart"), "b.py": code("tax") + code("price")}) == {}


def test_the_order_of_the_files_does_not_matter() -> None:
    words = [f"word{number}" for number in range(300)]
    texts = {f"{number:02}.py": " ".join(words[number : number + 200]) for number in range(0, 60, 6)}
    dates = {path: number % 4 for number, path in enumerate(texts)}
    expected = copies_among(texts, dates=dates)
    assert expected
    for seed in range(3):
        shuffled = list(texts.items())
        random.Random(seed).shuffle(shuffled)
        assert copies_among(dict(shuffled), dates=dates) == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(25, 90)), min_size=2, max_size=8))
def test_every_copy_is_alike_to_a_kept_text_and_kept_texts_are_not_alike(places: list[tuple[int, int]]) -> None:
    words = [f"word{number}" for number in range(200)]
    texts = {f"{n:02}.py": " ".join(words[at : at + length]) for n, (at, length) in enumerate(places)}
    found = copies_among(texts)
    kept = [path for path in texts if f"id of {path}" not in found]
    grams = {path: gram_set(text) for path, text in texts.items()}
    for ident, original in found.items():
        assert original in kept
        assert jaccard(grams[ident.removeprefix("id of ")], grams[original]) >= 0.7
    # proposals are drawn by MinHash, which may miss a pair close to the threshold, but none far above it
    assert all(jaccard(grams[one], grams[other]) < 0.85 for one in kept for other in kept if one < other)


def test_empty_files_are_no_copies_of_each_other_here() -> None:
    assert copies_among({"a.py": "", "b.py": "\n"}) == {}


def test_memory_does_not_grow_with_the_length_of_the_texts() -> None:
    def held(words: int) -> int:
        search = NearDuplicates(0.7)
        text = " ".join(f"w{number}" for number in range(words))
        search.count("edit", text)
        search.count("edit", text)
        tracemalloc.start()
        for number in range(10):
            search.offer(Candidate(number, "edit", f"{number}", "a.py", number), text)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(search._offered) == 10
        return size

    held(100)
    assert held(5_000) < held(200) + 20 * 1024
