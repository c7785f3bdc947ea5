"""Answers are computed, and agree with what the syntax trees say; doubtful names are not asked about."""

from __future__ import annotations

import ast
import random
import re

from tests.mine.in_memory import SHOP, around, source_file
from tuner.mine.drafts import Draft
from tuner.mine.kinds.question import callers, defines, drafts, importers, signature, where
from tuner.mine.symbol_index import Site

PRICES, BASKET = "src/shop/prices.py", "src/shop/basket.py"


def made(path: str, files: dict[str, str] = SHOP, seed: int = 17, **settings: float) -> list[Draft]:
    return list(drafts(source_file(files, path, seed, **settings), around(files)))


def site(name: str, files: dict[str, str] = SHOP) -> Site:
    (found,) = around(files).index.definitions(name)
    return found


def test_where_answers_with_path_kind_and_signature() -> None:
    asked = where(site("Price"), around(SHOP), random.Random(0))
    assert asked is not None
    assert "shop" in asked[0] and "`Price`" in asked[0]
    assert asked[1] == "`Price` is a class in `src/shop/prices.py`: `class Price`. An amount of money in cents."


def test_a_method_is_asked_for_with_its_class() -> None:
    asked = signature(site("as_text"), around(SHOP), random.Random(0))
    assert asked is not None
    assert "`Price.as_text`" in asked[0]
    assert asked[1] == "`def as_text(self) -> str`, a method in `src/shop/prices.py`."


def test_a_signature_is_the_one_that_python_reads() -> None:
    tree = ast.parse(SHOP[PRICES])
    (function,) = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "add_tax"]
    asked = signature(site("add_tax"), around(SHOP), random.Random(0))
    assert asked is not None
    assert ast.unparse(function.args).replace("=", " = ") in asked[1]


def test_callers_are_those_that_the_trees_have() -> None:
    wanted = set()
    for path, text in SHOP.items():
        for top in ast.walk(ast.parse(text)):
            for function in ast.iter_child_nodes(top):
                if isinstance(function, ast.FunctionDef) and any(
                    isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "add_tax"
                    for each in ast.walk(function)
                ):
                    owner = f"{top.name}." if isinstance(top, ast.ClassDef) else ""
                    wanted.add(f"- `{path}`: `{owner}{function.name}`")
    asked = callers(site("add_tax"), around(SHOP), random.Random(0))
    assert asked is not None
    head, *lines = asked[1].split("\n")
    assert head == "2 places call `add_tax`:"
    assert set(lines) == wanted and lines == sorted(lines)


def test_a_call_that_may_be_of_something_else_silences_the_question() -> None:
    files = SHOP | {"src/shop/other.py": "def f(thing):\n    return thing.add_tax(1)\n"}
    assert callers(site("add_tax", files), around(files), random.Random(0)) is None


def test_a_file_that_did_not_parse_silences_questions_about_the_names_in_it() -> None:
    files = SHOP | {"src/shop/broken.py": "print add_tax(\n"}
    surroundings = around(SHOP)
    surroundings.index.add("src/shop/broken.py", type(surroundings.index.symbols(""))())
    broken = type(surroundings)(surroundings.repo, surroundings.index, files.get)
    assert callers(site("add_tax"), broken, random.Random(0)) is None
    assert importers(site("add_tax"), broken, random.Random(0)) is None
    assert importers(site("Basket"), broken, random.Random(0)) is not None


def test_importers_follow_the_package_that_hands_a_name_on() -> None:
    asked = importers(site("Price"), around(SHOP), random.Random(0))
    assert asked is not None
    paths = re.findall(r"- `([^`]+)`", asked[1])
    assert paths == ["src/shop/__init__.py", BASKET, "src/shop/discounts.py", "tests/test_basket.py"]
    assert asked[1].startswith("4 files import `Price`")


def test_long_lists_show_five_and_the_total() -> None:
    files = SHOP | {f"src/shop/user_{n}.py": "from .prices import Price\n" for n in range(9)}
    asked = importers(site("Price", files), around(files), random.Random(0))
    assert asked is not None
    assert asked[1].startswith("13 files import `Price`, the first 5 by path:\n") and asked[1].count("\n") == 5


def test_a_name_of_the_same_letters_from_the_standard_library_is_no_import_of_ours() -> None:
    files = SHOP | {"a.py": "class Path: pass\n", "b.py": "from pathlib import Path\n", "c.py": "from a import Path\n"}
    asked = importers(site("Path", files), around(files), random.Random(0))
    assert asked is not None and asked[1] == "One file imports `Path`: `c.py`."
    unknown = files | {"d.py": "from elsewhere import Path\n"}
    assert importers(site("Path", unknown), around(unknown), random.Random(0)) is None


def test_what_a_file_defines_is_asked_only_where_the_answer_leaves_nothing_out() -> None:
    assert defines(source_file(SHOP, PRICES), around(SHOP), random.Random(0)) is None  # it has a private name
    public = SHOP | {PRICES: SHOP[PRICES].replace("_hidden", "round_up")}
    asked = defines(source_file(public, PRICES), around(public), random.Random(0))
    assert asked is not None
    assert asked[1].startswith(f"`{PRICES}` defines `TAX_RATE` (constant), `Price` (class), `add_tax` (function)")
    assert "`round_up` (function)" in asked[1]


def test_doubtful_names_are_never_asked_about() -> None:
    files = SHOP | {"src/shop/twin.py": "def add_tax(price):\n    return price\n\n\ndef ab():\n    def inner(): pass\n"}
    for seed in range(30):
        for path in files:
            for draft in made(path, files, seed, questions_per_file=50):
                assert not re.search(r"`(add_tax|_hidden|ab|inner|__init__|Basket\.__init__)`", draft.instruction)


def test_tests_are_not_asked_about() -> None:
    assert made("tests/test_basket.py", questions_per_file=50) == []


def test_at_most_three_questions_about_a_name_and_as_many_in_all_as_the_setting_says() -> None:
    assert len(made(PRICES, questions_per_file=2)) == 2
    assert made(PRICES, questions_per_file=0) == []
    for seed in range(20):
        about = [
            re.findall(r"`([^`]+)`", draft.instruction)[0] for draft in made(PRICES, seed=seed, questions_per_file=99)
        ]
        assert max(about.count(name) for name in about) <= 3


def test_questions_are_worded_in_several_ways_and_the_same_seed_words_them_alike() -> None:
    assert made(PRICES) == made(PRICES)
    worded = {draft.instruction for seed in range(40) for draft in made(PRICES, seed=seed)}
    assert len([each for each in worded if "`Price`" in each]) >= 5
    assert all("shop" in each for each in worded)
    assert all(not draft.context and draft.kind == "question" for draft in made(PRICES))


def test_signatures_that_nobody_asks_for_are_not_asked_for() -> None:
    files = {
        "shop.go": "package shop\n\nfunc initAll() {}\n\nfunc sumUp(total int) int { return total }\n",
        "Till.java": "class Till {\n  public int getTotal() { return 1; }\n"
        "  public int add(int more) { return more; }\n}\n",
    }
    for name, is_asked in (("initAll", False), ("sumUp", True), ("getTotal", False), ("add", True)):
        assert (signature(site(name, files), around(files), random.Random(0)) is not None) == is_asked


def test_a_decorated_function_is_not_asked_for_as_a_plain_one() -> None:
    text = (
        "import click\n\n\nclass Till:\n    @property\n    def total(self) -> int:\n        return 1\n\n"
        "    @classmethod\n    def opened(cls, at: int) -> int:\n        return at\n\n\n"
        "@click.command()\ndef count(till: int) -> None:\n    print(till)\n"
    )
    files = {"src/till.py": text}
    asked = {
        draft.instruction for seed in range(30) for draft in made("src/till.py", files, seed, questions_per_file=9)
    }
    assert any("`Till.opened`" in each for each in asked) and not any("`Till.total`" in each for each in asked)
    assert signature(site("opened", files), around(files), random.Random(0)) is not None
    assert signature(site("count", files), around(files), random.Random(0)) is None


TILL = "src/Till.java"


def test_examples_and_private_names_of_java_are_not_asked_about() -> None:
    text = "class Till {\n  private int hide(int more) { return more; }\n  int show(int more) { return more; }\n}\n"
    files = {"src/Till.java": text, "examples/Other.java": text.replace("Till", "Other").replace("show", "tell")}
    asked = {draft.instruction for seed in range(30) for draft in made(TILL, files, seed, questions_per_file=9)}
    assert any("`Till.show`" in each for each in asked) and not any("hide" in each for each in asked)
    assert made("examples/Other.java", files) == []


def test_a_file_with_methods_of_another_files_type_is_not_listed() -> None:
    files = {
        "a.go": "package shop\n\ntype Till struct{}\n\nfunc Open() *Till { return nil }\n",
        "b.go": "package shop\n\nfunc (t *Till) Add(more int) {}\n\nfunc Sum() int { return 1 }\n\n"
        "func Max() int { return 1 }\n",
    }
    assert defines(source_file(files, "a.go"), around(files), random.Random(0)) is not None
    assert defines(source_file(files, "b.go"), around(files), random.Random(0)) is None


def test_javadoc_marks_are_taken_out_of_an_answer() -> None:
    files = {"Till.java": "/** Adds up what {@code items} cost in all. */\nclass Till {}\n"}
    asked = where(site("Till", files), around(files), random.Random(0))
    assert asked is not None and asked[1].endswith("Adds up what items cost in all.")


def test_a_constructor_that_was_read_as_a_function_is_not_asked_about() -> None:
    text = "SHOP_INLINE till_of(int total) { open(total); }\nint sum_of(int total) { return total; }\n"
    files = {"src/till.cc": text}
    asked = {draft.instruction for seed in range(9) for draft in made("src/till.cc", files, seed, questions_per_file=9)}
    assert any("`sum_of`" in each for each in asked) and not any("`till_of`" in each for each in asked)


def test_a_method_that_somebody_elses_trait_asks_for_is_not_asked_about() -> None:
    text = (
        "pub struct Till;\n\nimpl fmt::Display for Till {\n    fn fmt(&self, to: &mut Out) -> Done { write(to) }\n}\n\n"
        "impl From<u8> for Till {\n    /// Opens a till with some cents.\n"
        "    fn from(cents: u8) -> Till { open(cents) }\n}\n"
    )
    files = {"src/till.rs": text}
    asked = {draft.instruction for seed in range(9) for draft in made("src/till.rs", files, seed, questions_per_file=9)}
    assert any("`Till.from`" in each for each in asked) and not any("`Till.fmt`" in each for each in asked)


def test_a_method_that_every_java_class_has_is_not_asked_about() -> None:
    text = (
        "class Till {\n  /** Says whether both hold the same. */\n"
        "  public boolean equals(Object other) { return holds(other); }\n"
        "  /** Says whether there is enough for it. */\n  boolean covers(int price) { return sum >= price; }\n}\n"
    )
    files = {"src/Till.java": text}
    asked = {
        draft.instruction for seed in range(9) for draft in made("src/Till.java", files, seed, questions_per_file=9)
    }
    assert any("covers`" in each for each in asked) and not any("equals`" in each for each in asked)


def test_methods_outside_their_type_are_listed_with_the_file() -> None:
    files = {"a.go": "package shop\n\ntype Till struct{}\n\nfunc (t *Till) Add(more int) {}\n"}
    asked = defines(source_file(files, "a.go"), around(files), random.Random(0))
    assert asked is not None and asked[1] == "`a.go` defines `Till` (struct), `Till.Add` (method)."


def test_answers_fold_no_text_and_show_no_credits() -> None:
    files = {
        "src/till.rs": 'pub const HELP: &str = "\n  open  the till\n";\n\n'
        "// adapted from https://ledger.example/other\npub fn open_all(\n    tills: u8,\n) -> u8 { tills }\n"
    }
    answers = [where(site(name, files), around(files), random.Random(0)) for name in ("HELP", "open_all")]
    assert [asked and asked[1] for asked in answers] == [
        "`HELP` is a constant in `src/till.rs`.",
        "`open_all` is a function in `src/till.rs`: `pub fn open_all(tills: u8) -> u8`.",
    ]
