from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.grams import gram_set, jaccard, runs_of, word_hashes

WORDS = st.lists(st.sampled_from(["a", "b", "c", "total", "x_1"]), max_size=30)


@given(WORDS, WORDS)
def test_jaccard_of_hashes_is_jaccard_of_the_runs_of_words(one: list[str], other: list[str]) -> None:
    plain = [{tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (one, other)]
    union = len(plain[0] | plain[1])
    expected = len(plain[0] & plain[1]) / union if union else 0.0
    assert jaccard(gram_set(" ".join(one)), gram_set("\n\t".join(other))) == expected


@given(WORDS, st.integers(1, 8))
def test_there_is_one_run_for_each_place_where_it_fits(words: list[str], length: int) -> None:
    assert len(runs_of(word_hashes(" ".join(words)), length)) == max(0, len(words) - length + 1)


def test_layout_and_punctuation_do_not_count() -> None:
    assert (word_hashes("total = sum(a, b)") == word_hashes("total=sum (\n\ta,\n\tb,\n)")).all()
