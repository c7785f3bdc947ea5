"""What a test leans on in other files is shown as it stands at its commit; C++ tests that lean on more are dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mine.histories import History
from tuner.mine.commit_tree import CommitTree
from tuner.mine.languages import language_of
from tuner.mine.leaned_on import Elsewhere, elsewhere
from tuner.mine.parsed import parsed
from tuner.mine.plumbing import Git
from tuner.mine.test_code import test_functions as functions_of
from tuner.mine.texts import Texts
from tuner.recipe import MineSettings

LONG = "".join(f"  int unused_{number} = {number};\n" for number in range(20))
C_FILES = {
    "include/till.h": '#include "base.h"\n'
    "class till {\n public:\n  explicit till(int cents);\n" + LONG + "  int total() const;\n  enum { OPEN = 1 };\n};\n",
    "include/base.h": "inline int open_all(int count) {\n  return count + 1;\n}\n",
    "test/checks.h": "#define EXPECT_CENTS(till, cents) \\\n  EXPECT_EQ(cents, till.total())\n",
    "test/till-test.cc": '#include "till.h"\n#include "checks.h"\n#include "gtest/gtest.h"\n\n',
}
PADDING = "// What follows says nothing.\n" * 4, "# What follows says nothing.\n" * 4
PYTHON_FILES = {
    "shop/__init__.py": "from .till import Till as Till\n",
    "shop/till.py": 'class Till:\n    """Counts cents."""\n\n    def post_entry(self, cents):\n        return cents\n',
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef drawer():\n    return [1, 2]\n",
    "tests/test_till.py": "import shop\n\n\n",
}


def shown(folder: Path, files: dict[str, str], path: str, test: str, said: str = "") -> Elsewhere:
    history = History()
    texts = {place: text + PADDING[place.endswith(".py")] for place, text in files.items()}  # less than 100 bytes go
    history.commit("Add the shop", {**texts, path: files[path] + test + PADDING[path.endswith(".py")]})
    git = Git(history.write(folder))
    language = language_of(path)
    assert language is not None
    file = parsed(files[path] + test, language)
    tree = CommitTree(Texts(git, 100_000, "none"), "main", MineSettings())
    return elsewhere(file, functions_of(file)[0], path, "include/base.h", said, tree)


def c_test(body: str) -> str:
    return "TEST(till_test, total) {\n" + body + "}\n"


def test_types_macros_and_functions_of_headers_are_shown_with_the_members_that_are_used(tmp_path: Path) -> None:
    body = "  till t(open_all(till::OPEN));\n  EXPECT_CENTS(t, 2);\n  EXPECT_EQ(2, t.total());\n"
    found = shown(tmp_path / "shop", C_FILES, "test/till-test.cc", c_test(body))
    assert found.is_whole and not found.missing
    assert "class till {" in found.pieces["include/till.h"] and "till(int cents);" in found.pieces["include/till.h"]
    assert "int total() const;" in found.pieces["include/till.h"] and "OPEN" in found.pieces["include/till.h"]
    assert "unused_7" not in found.pieces["include/till.h"]
    assert "return count + 1;" in found.pieces["include/base.h"]
    assert "#define EXPECT_CENTS" in found.pieces["test/checks.h"]


@pytest.mark.parametrize("body", ["  EXPECT_SAFE(1, 2);\n", "  Drawer d;\n", "  shop::close_all(1);\n"])
def test_what_stands_in_no_header_of_the_repository_is_missing(tmp_path: Path, body: str) -> None:
    assert shown(tmp_path / "shop", C_FILES, "test/till-test.cc", c_test(body)).missing


def test_the_libraries_of_the_language_and_the_runner_need_no_explanation(tmp_path: Path) -> None:
    body = "  std::string s = std::to_string(1);\n  EXPECT_STREQ(s.c_str(), NULL);\n  size_t n = INT_MAX;\n"
    found = shown(tmp_path / "shop", C_FILES, "test/till-test.cc", c_test(body))
    assert not found.missing and not found.pieces


def test_what_is_shown_already_is_not_shown_again(tmp_path: Path) -> None:
    body = "  EXPECT_EQ(2, open_all(1));\n"
    said = "inline int open_all(int count) {\n  return count + 1;\n}\n"
    assert "include/base.h" in shown(tmp_path / "one", C_FILES, "test/till-test.cc", c_test(body)).pieces
    assert not shown(tmp_path / "two", C_FILES, "test/till-test.cc", c_test(body), said).pieces


def test_fixtures_of_conftest_and_re_exported_classes_are_found(tmp_path: Path) -> None:
    test = "def test_post_entry(drawer):\n    assert shop.Till().post_entry(drawer[0]) == 1\n"
    found = shown(tmp_path / "shop", PYTHON_FILES, "tests/test_till.py", test)
    assert "def drawer():" in found.pieces["tests/conftest.py"] and "class Till:" in found.pieces["shop/till.py"]


def test_a_method_that_several_types_have_is_not_guessed(tmp_path: Path) -> None:
    more = PYTHON_FILES["shop/till.py"] + "\n\nclass Cart:\n    def post_entry(self, item):\n        return item\n"
    files = PYTHON_FILES | {"shop/till.py": more}
    test = "def test_it(drawer):\n    assert drawer.post_entry(1) == 1\n"
    assert "shop/till.py" not in shown(tmp_path / "shop", files, "tests/test_till.py", test).pieces


def test_a_member_of_a_type_with_parameters_is_not_all_that_is_needed(tmp_path: Path) -> None:
    assert not shown(tmp_path / "shop", C_FILES, "test/till-test.cc", c_test("  box<int>::type t;\n")).is_whole


def test_of_two_functions_of_one_name_the_one_that_takes_the_values_is_shown(tmp_path: Path) -> None:
    one, more = "int add_all(int one)", "int add_all(int one, int two = 0, int three = 0)"
    files = {**C_FILES, "include/base.h": f"{one} {{\n  return one;\n}}\n{more} {{\n  return two;\n}}\n"}
    found = shown(tmp_path / "a", files, "test/till-test.cc", c_test("  EXPECT_EQ(1, add_all(1, 2));\n"))
    assert more in found.pieces["include/base.h"] and one not in found.pieces["include/base.h"]
    none = shown(tmp_path / "b", files, "test/till-test.cc", c_test("  EXPECT_EQ(1, add_all(1, 2, 3, 4));\n"))
    assert none.missing == {"add_all"}


JAVA_FILES = {
    **{f"src/main/java/shop/A{number}.java": f"package shop;\n\nclass A{number} {{\n}}\n" for number in range(60)},
    "src/main/java/shop/Till.java": "package shop;\n\npublic class Till<T> {\n"
    "  /**\n   * Makes a till.\n   */\n  public Till(String name) {\n    this(new Drawer(name));\n  }\n"
    "  /**\n   * Counts. As new Till (total) says.\n   */\n" + LONG + "  public int total() {\n    return 1;\n  }\n}\n",
    "src/test/java/shop/TillTest.java": "package shop;\n\n",
}
JAVA_TEST = (
    "class TillTest {\n  @Test\n  public void testTotal() {\n"
    '    Till in = new Till("a");\n    assertEquals(1, in.total());\n  }\n}\n'
)


def test_of_a_large_package_the_file_of_a_type_that_is_named_is_seen(tmp_path: Path) -> None:
    said = "class TillBook<T> {\n  /**\n   * Makes a till.\n   */\n  }"
    found = shown(tmp_path / "shop", JAVA_FILES, "src/test/java/shop/TillTest.java", JAVA_TEST, said)
    piece = found.pieces["src/main/java/shop/Till.java"]
    assert "public Till(String name) {" in piece and "public int total() {" in piece
    assert "says" not in piece and found.types == {"Till"}


def test_a_fixture_says_whose_method_is_called(tmp_path: Path) -> None:
    files = {
        "tests/conftest.py": "import pytest\nfrom shop.till import Runner\n\n\n@pytest.fixture\n"
        "def runner(request):\n    return Runner()\n",
        "shop/__init__.py": "",
        "shop/till.py": "class Runner:\n    def invoke_all(self, *names):\n        return names\n\n\n"
        "class Context:\n    def invoke_all(self, callback):\n        return callback()\n",
        "tests/test_till.py": "import pytest\n\n\n",
    }
    test = '@pytest.mark.parametrize("name", ("a", "b"))\ndef test_all(runner, name):\n    runner.invoke_all(name)\n'
    found = shown(tmp_path / "shop", files, "tests/test_till.py", test)
    assert "def runner(request)" in found.pieces["tests/conftest.py"]
    assert "*names" in found.pieces["shop/till.py"] and "callback" not in found.pieces["shop/till.py"]
