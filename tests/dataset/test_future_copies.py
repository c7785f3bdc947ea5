import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuner.dataset.future_copies import FutureCopies
from tuner.dataset.grams import WORD
from tuner.records import CHAT_KINDS, PAIR_KINDS, Neighbour, PairKind

from .examples import code, edit_pair, file_pair, infilling_pair, pair_of

ADDED = code("wallet", 2)
OLD = code("tax")


def relaid(text: str) -> str:
    return re.sub(r"\n +", "\n\t\t  ", text).replace("(", "( ").replace(", ", ",\n      ")


@pytest.mark.parametrize(
    "planted", [ADDED, relaid(ADDED), ADDED.replace("above", "over", 1)], ids=["same", "relaid", "edited"]
)
def test_a_planted_leak_is_cut_out_of_a_file_and_the_rest_stays(planted: str) -> None:
    before, after = code("cart"), code("price")
    pair = file_pair("shop/cart.py", before + "\n" + planted + "\n" + after)
    cleaned = FutureCopies([ADDED], 0.7).clean(pair)
    left = "".join(each.response for each in cleaned.pairs)
    assert cleaned.lines_cut > 0
    assert len(set(WORD.findall(left)) & {"wallet_ledger", "wallet_total", "wallet_balance_limit"}) <= 1
    assert "parcel" not in left
    assert "cart_deposit" in left and "price_invoice" in left
    for each in cleaned.pairs:
        assert each.response in pair.response
        assert (each.path, each.commit, each.committed_at) == (pair.path, pair.commit, pair.committed_at)


def test_unrelated_code_of_the_same_shape_is_kept_whole() -> None:
    pair = file_pair("shop/tax.py", OLD)
    assert FutureCopies([ADDED], 0.7).clean(pair).pairs == [pair]


def test_an_infilling_pair_whose_hole_is_the_addition_is_dropped() -> None:
    pair = infilling_pair("shop/a.py", "import shop\n", ADDED, "\nLAST = 1\n")
    assert FutureCopies([ADDED], 0.7).clean(pair).pairs == []


def test_an_edit_that_holds_forty_words_of_the_addition_is_dropped() -> None:
    long = code("wallet", 6)
    stretch = " ".join(WORD.findall(long)[20:62])
    pair = edit_pair("a" * 40, "Move the wallet", "old = 1\n", OLD + stretch + OLD)
    assert FutureCopies([long], 0.7).clean(pair).pairs == []


def test_around_a_hole_the_text_ends_where_a_copy_begins() -> None:
    near, far = code("cart", 1), code("price", 1)
    pair = infilling_pair("shop/a.py", far + "\n" + ADDED + near, "return cart_total\n", near + ADDED + far, weight=0.5)
    cleaned = FutureCopies([ADDED], 0.7).clean(pair)
    (kept,) = cleaned.pairs
    assert (kept.context, kept.response, kept.suffix) == (near, pair.response, near)
    assert cleaned.lines_cut == (pair.context + pair.suffix).count("\n") - 2 * near.count("\n")
    assert (kept.repo, kept.path, kept.commit, kept.weight) == (pair.repo, pair.path, pair.commit, 0.5)
    assert kept.id != pair.id


def test_a_hole_with_nothing_left_before_it_is_dropped() -> None:
    pair = infilling_pair("shop/a.py", ADDED, "return cart_total\n", "")
    assert FutureCopies([ADDED], 0.7).clean(pair).pairs == []


def test_a_hole_in_the_middle_of_a_copy_is_dropped() -> None:
    lines = ADDED.splitlines(keepends=True)
    pair = infilling_pair("shop/a.py", OLD + "".join(lines[:4]), lines[4], "".join(lines[5:]) + OLD)
    assert FutureCopies([ADDED], 0.7).clean(pair).pairs == []


@pytest.mark.parametrize("kind", CHAT_KINDS)
@pytest.mark.parametrize("name", ["instruction", "context", "response"])
def test_a_request_that_shows_a_copy_anywhere_is_dropped(kind: PairKind, name: str) -> None:
    said = {"instruction": "Move the tax", "context": OLD, "response": "tax = 1\n"}
    clean, copy = pair_of(kind, **said), pair_of(kind, **(said | {name: f"{OLD}\n{relaid(ADDED)}"}))
    search = FutureCopies([ADDED], 0.7)
    assert search.clean(clean).pairs == [clean]
    assert search.clean(copy).pairs == []


def test_a_file_beside_a_hole_that_holds_a_copy_is_left_out() -> None:
    files = [Neighbour("a.py", OLD), Neighbour("b.py", "import shop\n" + ADDED), Neighbour("c.py", "x = 1\n")]
    pair = infilling_pair("shop/a.py", OLD, "return 1\n", "", neighbours=files)
    cleaned = FutureCopies([ADDED], 0.7).clean(pair)
    assert [each.path for each in cleaned.pairs[0].neighbours] == ["a.py", "c.py"]
    assert (cleaned.neighbours_cut, cleaned.lines_cut) == (1, 0)
    assert cleaned.pairs[0].response == pair.response and cleaned.pairs[0].id != pair.id


def grams_of(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


def brute_force(text: str, added: str, threshold: float = 0.7) -> bool:
    """Say whether any window of a text, as long as the addition, is a copy of it: no hashes, no filters."""
    words, wanted = re.findall(r"[A-Za-z_0-9]+", text), re.findall(r"[A-Za-z_0-9]+", added)
    theirs = grams_of(wanted)
    for start in range(max(1, len(words) - len(wanted) + 1)):
        ours = grams_of(words[start : start + len(wanted)])
        if len(ours & theirs) / max(1, len(ours | theirs)) >= threshold:
            return True
    runs = {tuple(wanted[at : at + 40]) for at in range(len(wanted) - 39)}
    return any(tuple(words[at : at + 40]) in runs for at in range(len(words) - 39))


@st.composite
def copies(draw: st.DrawFn) -> tuple[str, str]:
    """Draw an addition and a text around a copy of it: moved, laid out anew, partly edited, cut short or repeated."""
    vocabulary = draw(st.sampled_from([8, 40, 400]))  # few words repeat themselves, as tables do
    chance = draw(st.randoms(use_true_random=False))
    added = [f"w{chance.randrange(vocabulary)}" for _ in range(draw(st.integers(20, 70)))]
    copy = list(added)
    for _ in range(draw(st.integers(0, 8))):
        at = chance.randrange(len(copy))
        copy[at : at + chance.randrange(2)] = [f"new{chance.randrange(9)}"] * chance.randrange(3)
        copy = copy or ["new"]
    copy = copy[: len(copy) - draw(st.integers(0, 10))] * draw(st.integers(1, 3))
    around = [[f"v{chance.randrange(30)}" for _ in range(draw(st.integers(0, 60)))] for _ in range(2)]
    whole = [*around[0], *copy, *around[1]]
    width = draw(st.integers(1, 9))
    lines = [" ".join(whole[at : at + width]) for at in range(0, len(whole), width)]
    return " ".join(added), "".join(f"{' ' * chance.randrange(9)}{line};\n" for line in lines)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(copies())
def test_a_copy_is_found_exactly_where_brute_force_finds_one(drawn: tuple[str, str]) -> None:
    added, text = drawn
    assert FutureCopies([added], 0.7).holds_copy(text) == brute_force(text, added)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(copies(), st.sampled_from(PAIR_KINDS), st.data())
def test_no_cleaned_pair_of_any_kind_holds_a_copy_in_any_of_its_texts(
    drawn: tuple[str, str], kind: PairKind, data: st.DataObject
) -> None:
    added, text = drawn
    one, other = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    parts = {"response": text}
    if kind in CHAT_KINDS:
        parts = {"instruction": text[:one], "context": text[one:other], "response": text[other:]}
    elif kind != "file":
        parts = {"context": text[:one], "response": text[one:other], "suffix": text[other:]}
        parts["neighbours"] = data.draw(st.sampled_from([[], [Neighbour("n.py", text)]]))
    for pair in FutureCopies([added], 0.7).clean(pair_of(kind, **parts)).pairs:
        shown = [each.text for each in pair.neighbours]
        shown += [pair.context, pair.instruction, pair.response, pair.suffix]
        beside = "\n" if kind in CHAT_KINDS else ""  # what the parts of a request are joined by at least
        shown.append(beside.join((pair.context, pair.instruction, pair.response, pair.suffix)))
        assert not any(brute_force(each, added) for each in shown)


def test_brute_force_finds_what_was_planted() -> None:
    assert brute_force(OLD + relaid(ADDED) + OLD, ADDED)
    assert not brute_force(OLD, ADDED)


def test_short_additions_cut_nothing_since_idioms_occur_everywhere() -> None:
    pair = file_pair("shop/a.py", "import os\nimport sys\n\n" + OLD)
    assert FutureCopies(["import os\nimport sys\n"], 0.7).clean(pair).pairs == [pair]


def test_without_additions_every_pair_is_kept() -> None:
    pair = file_pair("shop/a.py", OLD)
    assert FutureCopies([], 0.7).clean(pair).pairs == [pair]
