"""Holes with other files beside them: cut from the file, in its order, some of them bare."""

from __future__ import annotations

from tests.mine.in_memory import SHOP, around, source_file
from tuner.mine.drafts import Draft
from tuner.mine.kinds.repository_infilling import drafts
from tuner.mine.neighbours import used_sites

BASKET = "src/shop/basket.py"


def made(path: str = BASKET, seed: int = 17, files: dict[str, str] = SHOP, **settings: float) -> list[Draft]:
    return list(drafts(source_file(files, path, seed, **settings), around(files)))


def test_context_response_and_suffix_stand_next_to_each_other_in_the_file() -> None:
    found = [draft for seed in range(20) for draft in made(seed=seed)]
    assert found
    for draft in found:
        assert draft.context + draft.response + draft.suffix == SHOP[BASKET]
        assert draft.kind == "repository_infilling"


def test_there_are_at_most_as_many_as_the_setting_says_in_the_order_of_the_file() -> None:
    for count in (0, 1, 3):
        found = made(repository_infilling_per_file=count)
        assert len(found) == count
        assert found == sorted(found, key=lambda draft: len(draft.context))


def test_holes_that_use_another_file_come_first() -> None:
    index = around(SHOP).index
    found = [draft for seed in range(30) for draft in made(seed=seed, repository_infilling_per_file=1)]
    share = sum(bool(used_sites(BASKET, draft.response, index)) for draft in found) / len(found)
    assert share > 0.5


def test_the_bare_share_is_shown_without_other_files() -> None:
    assert all(not draft.neighbours for seed in range(5) for draft in made(seed=seed, bare_share=1.0))
    assert all(draft.neighbours for seed in range(5) for draft in made(seed=seed, bare_share=0.0))
    some = [draft for seed in range(60) for draft in made(seed=seed, bare_share=0.25)]
    assert 0.1 < sum(not draft.neighbours for draft in some) / len(some) < 0.4


def test_neighbours_keep_to_the_setting() -> None:
    assert max(len(draft.neighbours) for draft in made(bare_share=0.0, neighbours=2)) == 2


def test_no_neighbour_shows_a_line_of_the_response() -> None:
    for path in SHOP:
        for seed in range(10):
            for draft in made(path, seed, bare_share=0.0):
                lines = {"".join(line.split()) for line in draft.response.split("\n")}
                beside = "".join("".join(each.text.split()) for each in draft.neighbours)
                assert not any(line in beside for line in lines if len(line) >= 20)


def test_a_repository_of_one_file_has_nothing_that_helps() -> None:
    assert made(files={BASKET: SHOP[BASKET]}) == []


def test_the_same_seed_gives_the_same_pairs_and_another_one_others() -> None:
    assert made() == made() != made(seed=18)
