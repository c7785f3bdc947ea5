"""The variants of a sweep: what differs from the baseline, what cannot, and how shares make room for each other."""

from __future__ import annotations

import pytest

from tuner import recipe_file
from tuner.errors import RecipeError
from tuner.recipe import Recipe
from tuner.records import PAIR_KINDS
from tuner.variants import Variants, make_variants

EXAMPLE = 'hint: for example OVER="train.learning_rate=2e-4,1e-3 without=edit"'


def resolve(changes: list[str]) -> Recipe:
    return recipe_file.load(None, None, changes).recipe


def variants(*given: str, grid: bool = False) -> Variants:
    return make_variants(given, grid, resolve)


def names(made: Variants) -> list[str]:
    return [each.name for each in made.all]


def shares(recipe: Recipe) -> dict[str, float]:
    return recipe.dataset.shares.model_dump()


def test_one_setting_changes_at_a_time_and_a_grid_changes_all() -> None:
    given = ("train.rank=8,16", "train.learning_rate=2e-4,3e-3")
    made = variants(*given)
    assert names(made) == [
        *("baseline", "train.rank=8", "train.rank=16"),
        *("train.learning_rate=2e-4", "train.learning_rate=3e-3"),
    ]
    assert [each.recipe.train.rank for each in made.all] == [Recipe().train.rank, 8, 16, *[Recipe().train.rank] * 2]
    assert made.baseline.recipe == Recipe()
    grid = variants(*given, grid=True)
    assert [(each.recipe.train.rank, each.recipe.train.learning_rate) for each in grid.all[1:]] == [
        *((8, 2e-4), (8, 3e-3), (16, 2e-4), (16, 3e-3)),
    ]
    assert grid.all[1].name == "train.rank=8 train.learning_rate=2e-4"


def test_what_is_the_baseline_already_is_no_variant_of_its_own() -> None:
    made = variants(f"train.rank={Recipe().train.rank},8,8.0", "without=file")
    assert names(made) == ["baseline", "train.rank=8", "without=file"]
    assert made.same == [f"train.rank={Recipe().train.rank}", "train.rank=8.0"]


def test_a_kind_that_is_left_out_leaves_its_share_to_the_others_in_proportion() -> None:
    made = variants("without=file,edit+body")
    before = shares(Recipe())
    assert names(made) == ["baseline", "without=file", "without=edit+body"]
    for variant, gone in zip(made.all[1:], ({"file"}, {"edit", "body"}), strict=True):
        now = shares(variant.recipe)
        assert {kind for kind in PAIR_KINDS if now[kind] == 0} == gone
        assert sum(now.values()) == pytest.approx(1)
        left = 1 - sum(before[kind] for kind in gone)
        assert all(now[kind] == pytest.approx(before[kind] / left) for kind in PAIR_KINDS if kind not in gone)


def test_a_share_that_is_set_scales_the_others() -> None:
    made = variants("dataset.shares.edit=0.52", "without=file", grid=True)
    now = shares(made.all[1].recipe)
    assert (now["edit"], now["file"]) == (0.52, 0)
    assert sum(now.values()) == pytest.approx(1)
    # of 1 - file - edit = 0.045 there are 0.48 to take
    assert now["body"] == pytest.approx(0.48 / 0.045 * Recipe().dataset.shares.body)
    assert names(variants("dataset.shares.edit=0.005,0.5")) == ["baseline", "dataset.shares.edit=0.5"]


VARIED = (
    "hint: it varies without, train.*, dataset.shares.*, dataset.max_tokens, dataset.max_train_tokens, "
    "dataset.folder_share, dataset.replay_share, dataset.replay_answer_tokens, dataset.replay_rounds"
)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), f"OVER is missing: what is to be tried?\n{EXAMPLE}"),
        (("train.rank",), f"OVER=train.rank: wanted key=value,value\n{EXAMPLE}"),
        (("train.rank=8,",), f"OVER=train.rank=8,: wanted key=value,value\n{EXAMPLE}"),
        (
            ("train.rank=8", "train.rank=16"),
            "OVER=train.rank: stands there more than once\nhint: one list of values: train.rank=a,b",
        ),
        *(
            (
                (f"{key}=1",),
                f"OVER={key}: a sweep cannot vary this: all variants are mined once and judged on the same rows\n"
                f"{VARIED}",
            )
            for key in ("mine.neighbours", "seed", "dataset.valid_share", "dataset.items", "train.forgetting")
        ),
        (
            ("train.rank=0",),
            "SET=train.rank=0: `train.rank` is 0: wanted greater than or equal to 1\n"
            "hint: docs/recipes.md lists every setting",
        ),
        (
            ("train.rnk=8",),
            "SET=train.rnk=8: `train.rnk` is not a setting; did you mean `train.rank`?\n"
            "hint: docs/recipes.md lists every setting",
        ),
        (
            ("without=commit",),
            f"OVER=without=commit: `commit` is no kind of pair\nhint: the kinds are {', '.join(PAIR_KINDS)}",
        ),
        (("dataset.shares.edit=2",), f"OVER=dataset.shares.edit=2: wanted a share from 0 to 1\n{EXAMPLE}"),
        (
            (f"without={'+'.join(PAIR_KINDS)}",),
            f"OVER: shares of {', '.join(f'{kind} 0' for kind in PAIR_KINDS)} leave the other kinds 1, "
            f"which they cannot take\n{EXAMPLE}",
        ),
        (
            (f"train.rank={Recipe().train.rank}",),
            f"OVER=train.rank={Recipe().train.rank}: that is what the recipe says already\nhint: name other values",
        ),
    ],
)
def test_what_cannot_be_varied_is_refused_with_what_can(given: tuple[str, ...], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        variants(*given)
    assert str(caught.value) == message


def test_a_recipe_that_chooses_by_the_rows_that_judge_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        make_variants(["train.rank=8"], False, lambda changes: resolve(["train.forgetting=scale", *changes]))
    assert str(caught.value) == (
        "train.forgetting is 'scale': it would choose by the rows that judge a sweep\n"
        'hint: SET="train.forgetting=report" for the sweep'
    )
