"""What a name means follows imports; the answers do not depend on the order in which files came."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mine.in_memory import SHOP, index_of
from tuner.mine.symbols import Call

BASKET, PRICES = "src/shop/basket.py", "src/shop/prices.py"


@given(st.integers(0, 1000))
def test_any_order_of_files_gives_the_same_answers(seed: int) -> None:
    one, other = index_of(SHOP), index_of(SHOP, seed=seed)
    assert one.paths() == other.paths()
    assert one.in_import_order(one.paths()) == other.in_import_order(reversed(other.paths()))
    assert one.definitions("Price") == other.definitions("Price")
    assert one.callers("Price") == other.callers("Price")


def test_an_imported_file_comes_before_the_file_that_imports_it() -> None:
    order = index_of(SHOP).in_import_order(SHOP)
    assert order.index(PRICES) < order.index(BASKET) < order.index("src/shop/discounts.py")


def test_a_cycle_of_imports_is_broken_the_same_way_each_time() -> None:
    files = {"b.py": "from a import f\ndef g(): pass\n", "a.py": "from b import g\ndef f(): pass\n"}
    assert index_of(files).in_import_order(files) == index_of(files, seed=5).in_import_order(files) == ["b.py", "a.py"]


def test_a_name_is_followed_through_a_package_that_hands_it_on() -> None:
    found = index_of(SHOP).meaning("tests/test_basket.py", Call("Price", "", "test_a_receipt_ends_with_the_total"))
    assert [site.path for site in found] == [PRICES]


def test_a_call_on_a_variable_means_nothing() -> None:
    index = index_of(SHOP)
    assert index.meaning(BASKET, Call("append", "lines", "receipt_lines")) == ()
    assert index.meaning(BASKET, Call("as_text", "price", "receipt_lines")) == ()


def test_who_imports_a_file_mirrors_what_it_imports() -> None:
    index = index_of(SHOP)
    for path in index.paths():
        for target in index.imports_of(path):
            assert path in index.importers_of(target)
    assert index.importers_of("tests/test_basket.py") == ()


FILES = {
    "src/pkg/core.py": "", "src/pkg/types.py": "", "src/pkg/__init__.py": "", "tests/conftest.py": "",
    "web/src/a.ts": "", "web/src/deep/index.ts": "", "packages/zed/src/v4/index.ts": "",
    "cmd/main.go": 'package main\nimport "x.io/me/tool/store"\n',
    "store/store.go": "package store\n", "store/more.go": "", "store/store_test.go": "", "root.go": "",
    "j/src/main/java/a/b/C.java": "", "j/src/main/java/a/b/D.java": "",
    "crates/deep/src/lib.rs": "", "crates/deep/src/one.rs": "",
    "crates/deep/src/one/two.rs": "", "crates/deep/src/three/mod.rs": "",
    "inc/fmt/base.h": "", "src/x.c": "", "src/x.h": "", "other/x.h": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "module", "wanted"),
    [
        ("src/pkg/__init__.py", ".core", "src/pkg/core.py"),
        ("tests/conftest.py", "pkg.core", "src/pkg/core.py"),
        ("tests/conftest.py", "pkg", "src/pkg/__init__.py"),
        ("src/pkg/core.py", "types", None),  # the standard library's, not the file beside
        ("src/pkg/core.py", "core", None),  # a file inside a package is no top-level module
        ("web/src/a.ts", "./deep", "web/src/deep/index.ts"),
        ("web/src/deep/index.ts", "../a.js", "web/src/a.ts"),
        ("web/src/a.ts", "zed/v4", "packages/zed/src/v4/index.ts"),
        ("web/src/a.ts", "react", None),
        ("cmd/main.go", "x.io/me/tool/store", "store/more.go"),
        ("store/store.go", "x.io/me/tool", "root.go"),
        ("store/store.go", "other.io/you/store", None),
        ("j/src/main/java/a/b/C.java", "a.b.D", "j/src/main/java/a/b/D.java"),
        ("j/src/main/java/a/b/C.java", "a.b.D.Inner", "j/src/main/java/a/b/D.java"),
        ("j/src/main/java/a/b/C.java", "java.util.List", None),
        ("crates/deep/src/one/two.rs", "crate::three", "crates/deep/src/three/mod.rs"),
        ("crates/deep/src/one/two.rs", "super", "crates/deep/src/one.rs"),
        ("crates/deep/src/lib.rs", "self::one", "crates/deep/src/one.rs"),
        ("crates/deep/src/lib.rs", "crate::one::two::Item", "crates/deep/src/one/two.rs"),
        ("crates/deep/src/lib.rs", "std::io", None),
        ("src/x.c", "x.h", "src/x.h"),
        ("src/x.c", "<fmt/base.h>", "inc/fmt/base.h"),
        ("src/x.c", "<x.h>", None),
        ("inc/fmt/base.h", "x.h", None),  # two of them are as near
    ],
)
def test_an_import_is_found_where_its_language_looks(path: str, module: str, wanted: str | None) -> None:
    assert index_of(FILES).resolve(path, module) == wanted


def test_crates_that_share_a_prefix_take_their_folders_from_crates_of_that_bare_name() -> None:
    crates = {"crates/regex/src/lib.rs": "", "crates/printer/src/lib.rs": ""}
    user = {"crates/core/src/main.rs": "use grep_regex::A;\nuse grep_printer::B;\nuse regex::Regex;\n"}
    index = index_of(crates | user)
    assert index.resolve("crates/core/src/main.rs", "grep_regex") == "crates/regex/src/lib.rs"
    assert index.resolve("crates/core/src/main.rs", "regex") is None
    assert index_of(crates).resolve("crates/printer/src/lib.rs", "regex") == "crates/regex/src/lib.rs"


def test_a_static_c_function_is_seen_in_its_own_file_only() -> None:
    files = {
        "src/a.c": "static int own(int n) { return n; }\nint open_(int n) { return own(n); }\n",
        "src/b.c": "int use(int n) { return own(n) + open_(n); }\n",
    }
    index = index_of(files)
    assert index.meaning("src/a.c", Call("own", "", "open_")) != ()
    assert index.meaning("src/b.c", Call("own", "", "use")) == ()
    assert [each.path for each in index.meaning("src/b.c", Call("open_", "", "use"))] == ["src/a.c"]


def test_an_index_goes_to_another_process_whole() -> None:
    index = index_of(SHOP)
    index.chunks(SHOP.get)
    again = pickle.loads(pickle.dumps(index))
    assert again.imports_of(BASKET) == index.imports_of(BASKET)
    query = "total with tax of the basket"
    assert again.chunks(SHOP.get).search(query, 3, bool) == index.chunks(SHOP.get).search(query, 3, bool) != []


def test_a_file_added_later_is_found() -> None:
    index = index_of(SHOP)
    assert index.definitions("refund") == ()
    other = index_of({"src/shop/refund.py": "def refund(): pass\n"})
    index.add("src/shop/refund.py", other.symbols("src/shop/refund.py"))
    assert [site.path for site in index.definitions("refund")] == ["src/shop/refund.py"]
