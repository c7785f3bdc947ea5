"""A recipe says what differs: precedence, origins, and every fault at once with its file and line."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import RecipeError
from tuner.recipe import ItemShares, Recipe, Section, Shares
from tuner.recipe_file import find_for, flatten, load, settings_table, to_yaml
from tuner.records import ITEM_KINDS, PAIR_KINDS

ROOT = Path(__file__).parent.parent
SHIPPED = sorted((ROOT / "recipes").rglob("*.yaml"))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path | None, base: str | None = None, overrides: list[str] | None = None) -> list[str]:
    """Give the lines of the message, with the recipe's folder left out."""
    with pytest.raises(RecipeError) as caught:
        load(path, base, overrides)
    return [line.replace(f"{path.parent}/", "") if path else line for line in caught.value.message.splitlines()]


def test_set_beats_base_beats_recipe_beats_default_and_each_value_has_its_origin(tmp_path: Path) -> None:
    path = write(tmp_path, "base: from-recipe\nseed: 3\ntrain:\n  rank: 4\n  epochs: 2\n")
    resolved = load(path, "from-base", ["seed=5", "train.rank=6"])
    values = flatten(resolved.recipe)
    assert (values["base"], values["seed"], values["train.rank"], values["train.epochs"]) == ("from-base", 5, 6, 2.0)
    assert values["train.alpha"] == Recipe().train.alpha
    assert resolved.origins == {
        "base": "BASE=",
        "seed": "SET=seed=5",
        "train": f"{path}:3",
        "train.rank": "SET=train.rank=6",
        "train.epochs": f"{path}:5",
    }
    assert load(path, "from-base", ["base=from-set"]).recipe.base == "from-set"
    assert load(path).recipe.base == "from-recipe"


def test_no_recipe_and_an_empty_one_are_the_defaults(tmp_path: Path) -> None:
    for resolved in (load(None), load(write(tmp_path, "")), load(write(tmp_path, "# nothing\n"))):
        assert resolved.recipe == Recipe()
        assert resolved.origins == {}


def test_every_fault_is_reported_at_once_with_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "sed: 3\ntrain:\n  learning_rte: 1e-4\n  epochs: -1\nmine:\n  include: [1]\n")
    assert sorted(faults(path, overrides=["train.rank=0", "dataset.items=x"])) == [
        "SET=dataset.items=x: `dataset.items` is 'x': wanted a whole number",
        "SET=train.rank=0: `train.rank` is 0: wanted greater than or equal to 1",
        "mine.yaml:1: `sed` is not a setting; did you mean `seed`?",
        "mine.yaml:3: `train.learning_rte` is not a setting; did you mean `train.learning_rate`?",
        "mine.yaml:4: `train.epochs` is -1: wanted greater than 0",
        "mine.yaml:6: `mine.include.0` is 1: wanted a valid string",
    ]


def test_a_misspelt_key_is_refused_with_a_guess_and_a_strange_one_without(tmp_path: Path) -> None:
    assert faults(None, overrides=["train.learning_rte=1"]) == [
        "SET=train.learning_rte=1: `train.learning_rte` is not a setting; did you mean `train.learning_rate`?"
    ]
    assert faults(write(tmp_path, "zzz: 1\n")) == ["mine.yaml:1: `zzz` is not a setting"]


def test_a_fault_ends_with_where_the_settings_are_listed(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load(write(tmp_path, "zzz: 1\n"))
    assert caught.value.hint == "docs/recipes.md lists every setting"
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("train:\n  rank: yes\n", "mine.yaml:2: `train.rank` is True: wanted a value, not yes or no"),
        ("train:\n  quantization: int8\n", "mine.yaml:2: `train.quantization` is 'int8': wanted 'none' or 'nf4'"),
        ("train:\n  epochs: .nan\n", "mine.yaml:2: `train.epochs` is nan: wanted a finite number"),
        ("train:\n  rank: 1.5\n", "mine.yaml:2: `train.rank` is 1.5: wanted a whole number"),
        ("train: 3\n", "mine.yaml:1: `train` is 3: wanted a mapping of settings"),
        ("train:\n", "mine.yaml:1: `train` is None: wanted a mapping of settings"),
        ("mine:\n  cut: 1234567\n", "mine.yaml:2: `mine.cut` is 1234567: wanted a valid string"),
        ("dataset:\n  shares:\n    file: 0.9\n", "mine.yaml:2: `dataset.shares`: the shares sum to 0.95, wanted 1"),
        ("dataset:\n  shares:\n    file: 2\n",
         "mine.yaml:3: `dataset.shares.file` is 2: wanted less than or equal to 1"),
        ("dataset:\n  shares:\n    test: yes\n",
         "mine.yaml:3: `dataset.shares.test` is True: wanted a value, not yes or no"),
        ("dataset:\n  shares:\n    tests: 0.1\n", "mine.yaml:3: `dataset.shares.tests` is not a setting; "
         "did you mean `dataset.shares.test`?"),
        ("dataset:\n  shares: 1\n", "mine.yaml:2: `dataset.shares` is 1: wanted a mapping of settings"),
        ("dataset:\n  shares:\n    file: 0.1\n    file: 0.2\n",
         "mine.yaml:4: `dataset.shares.file` stands here again, first at mine.yaml:3"),
        ("train:\n  decay_share: 0.97\n", "mine.yaml:1: `train`: warmup_share + decay_share is 1.02, wanted 1 at most"),
        ("train:\n  rank: 8\n  rank: 9\n", "mine.yaml:3: `train.rank` stands here again, first at mine.yaml:2"),
        ("- seed\n", "mine.yaml:1: wanted a mapping of settings, found list"),
        ("seed\n", "mine.yaml:1: wanted a mapping of settings, found str"),
        ("seed: [1\n", "mine.yaml:2: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: b: c\n", "mine.yaml:1: not YAML: mapping values are not allowed here"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(write(tmp_path, text)) == [fault]


def test_shares_that_only_set_spoils_are_laid_to_set() -> None:
    wanted = "SET=dataset.shares.file=0.9: `dataset.shares`: the shares sum to 0.95, wanted 1"
    assert faults(None, overrides=["dataset.shares.file=0.9"]) == [wanted]


def test_a_share_can_be_moved_from_one_kind_to_another_by_set(tmp_path: Path) -> None:
    path = write(tmp_path, "dataset:\n  shares:\n    file: 0.855\n    edit: 0.1\n")
    moved = ["dataset.shares.file=0.755", "dataset.shares.test=0.1025"]
    for resolved in (
        load(None, None, ["dataset.shares.file=0.85", "dataset.shares.test=0.1025"]),
        load(path, None, moved),
    ):
        assert resolved.recipe.dataset.shares.test == 0.1025
    assert resolved.recipe.dataset.shares.edit == 0.1
    assert resolved.origins["dataset.shares.file"] == "SET=dataset.shares.file=0.755"
    assert resolved.origins["dataset.shares.edit"] == f"{path}:4"


def test_every_kind_of_pair_and_of_item_has_a_share_and_nothing_else_has() -> None:
    assert tuple(Shares.model_fields) == PAIR_KINDS
    assert tuple(ItemShares.model_fields) == ITEM_KINDS


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("train.rank", "SET=train.rank: wanted key=value"),
        ("=3", "SET==3: wanted key=value"),
        ("train.rank=[", "SET=train.rank=[: the value is not YAML"),
        ("seed.rank=3", "SET=seed.rank=3: `seed` is 2, which holds no settings"),
    ],
)
def test_a_setting_that_is_no_key_and_value_is_refused(tmp_path: Path, override: str, fault: str) -> None:
    assert faults(write(tmp_path, "seed: 2\n"), overrides=[override]) == [fault]


@pytest.mark.parametrize("written", ["1e-4", "1.0e-4", "0.0001", "'1e-4'"])
def test_a_number_may_be_written_with_an_exponent(tmp_path: Path, written: str) -> None:
    path = write(tmp_path, f"train:\n  learning_rate: {written}\n")
    assert load(path).recipe.train.learning_rate == 1e-4
    assert load(None, None, [f"train.learning_rate={written}"]).recipe.train.learning_rate == 1e-4


def test_a_commit_of_digits_may_be_given_in_quotes(tmp_path: Path) -> None:
    assert load(write(tmp_path, 'mine:\n  cut: "0012345"\n')).recipe.mine.cut == "0012345"
    assert load(None, None, ["mine.cut='12e4567'"]).recipe.mine.cut == "12e4567"


def test_a_missing_recipe_is_refused_with_a_guess(tmp_path: Path) -> None:
    near = write(tmp_path, "seed: 1\n")
    with pytest.raises(RecipeError) as caught:
        load(tmp_path / "mne.yaml")
    assert caught.value.message == f"{tmp_path / 'mne.yaml'}: no such recipe"
    assert caught.value.hint == f"did you mean {near}?"
    with pytest.raises(RecipeError) as caught:
        load(tmp_path / "nowhere" / "x.yaml")
    assert caught.value.hint == "`make recipes` lists them"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    assert faults(tmp_path / "x.yaml") == ["x.yaml: not a recipe: it is not UTF-8 text"]


def test_a_recipe_written_out_in_full_loads_as_the_same_recipe(tmp_path: Path) -> None:
    recipe = load(None, "b", ["train.rank=7", "mine.include=[a, b]", "dataset.max_train_tokens=null"]).recipe
    assert load(write(tmp_path, to_yaml(recipe))).recipe == recipe
    assert recipe.dataset.max_train_tokens is None


def test_a_recipe_cannot_be_changed_once_it_is_loaded() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().train.rank = 2  # type: ignore[misc]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_loads_says_for_whom_and_differs_from_the_defaults(path: Path) -> None:
    resolved = load(path)
    defaults, values = flatten(Recipe()), flatten(resolved.recipe)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and f"RECIPE=recipes/{path.name}" in lines[1]
    listed = [key for key in resolved.origins if key in defaults and key in values]
    assert [key for key in listed if values[key] != defaults[key]]
    assert f"(../recipes/{path.name})" in (ROOT / "docs/recipes.md").read_text(encoding="utf-8")


def test_a_base_finds_the_recipes_that_are_written_for_it() -> None:
    folder = ROOT / "recipes"
    found = find_for("Qwen/Qwen2.5-Coder-7B", folder)
    assert [path.name for path in found] == ["qwen2.5-coder-7b-lora.yaml", "qwen2.5-coder-7b-qlora.yaml"]
    assert find_for("someone/else", folder) == []


def test_the_table_in_the_docs_is_the_generated_one() -> None:
    text = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- settings -->\n")
    table, marker, _ = rest.partition("<!-- /settings -->")
    assert marker
    assert table == settings_table(), "write docs/recipes.md's table again; the command stands above it"
    listed = [key for key in flatten(Recipe()) if not key.startswith("compare.prices.")]
    assert [key for key in listed if f"| `{key}` | " not in table] == []
    assert all(f"| `dataset.shares.{kind}` | `{getattr(Shares(), kind)}` |" in table for kind in PAIR_KINDS)


def attributes_read(folder: Path) -> set[str]:
    """Name every attribute that code below a folder reads, the module of the settings itself left out."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py") if path.name != "recipe.py"]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if isinstance(node.ctx, ast.Load)}


def unread(model: type[Section], read: set[str]) -> list[str]:
    fields: dict[str, Any] = model.model_fields
    inner = [each.default for each in fields.values() if isinstance(each.default, Section)]
    return [name for name in fields if name not in read] + [key for each in inner for key in unread(type(each), read)]


def test_every_setting_is_read_somewhere() -> None:
    read = attributes_read(ROOT / "tuner")
    # `_section` of the pipeline takes a stage's settings by its name, and the dataset room kinds' shares by their kind
    sections = {name for name in Recipe.model_fields if isinstance(getattr(Recipe(), name), Section)}
    assert unread(Recipe, read | sections | {*PAIR_KINDS, *ITEM_KINDS}) == []


def test_a_setting_that_nothing_reads_is_found(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text("def run(settings):\n    settings.rank = 1\n    return settings.alpha\n")

    class Made(Section):
        rank: int = 1
        alpha: int = 2

    assert unread(Made, attributes_read(tmp_path)) == ["rank"]


def test_only_one_module_reads_yaml() -> None:
    importers = [path.name for path in (ROOT / "tuner").rglob("*.py") if "import yaml" in path.read_text("utf-8")]
    assert importers == ["recipe_file.py"]
