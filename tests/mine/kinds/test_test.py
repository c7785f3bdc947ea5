"""A test pair shows the function under test, and its answer is the test that the same commit added."""

from __future__ import annotations

import pytest

from tests.mine.hunks import changed, commit
from tests.mine.kinds.test_edit import only, reasons
from tuner.mine.drafts import ChangedFile
from tuner.mine.kinds.test import drafts
from tuner.mine.test_code import is_test_path

CODE = "class Ledger:\n    def post_entry(self, cents):\n        return round(cents)\n"
TESTS = "from ledger import Ledger\n\n\ndef test_old():\n    assert Ledger()\n"
ADDED = "@pytest.mark.slow\ndef test_post_entry():\n    assert Ledger().post_entry(1) == 1\n"
SOURCE = changed("ledger.py", None, CODE)


def beside(text: str, path: str = "tests/test_ledger.py") -> ChangedFile:
    return changed(path, TESTS, TESTS + "\n\n" + text)


LANGUAGES = {
    "go": ("a.go", "func PostEntry(c int) int {\n\treturn abs(c)\n}\n", "a_test.go",
           'import "testing"\n', "func TestPostEntry(t *testing.T) {\n\tPostEntry(1)\n}"),
    "java": ("src/main/java/Ledger.java", "class Ledger {\n  int postEntry(int c) {\n    return abs(c);\n  }\n}\n",
             "src/test/java/LedgerTest.java", "import org.junit.Test;\n",
             "class LedgerTest {\n  @Test\n  public void testPostEntry() {\n    new Ledger().postEntry(1);\n  }\n}"),
    "typescript": ("a.ts", "export const postEntry = (c: number) => {\n  return abs(c);\n};\n", "a.test.ts",
                   'import { postEntry } from "./a";\n',
                   'test("post entry", () => {\n  expect(postEntry(1)).toBe(1);\n});'),
    "cpp": ("a.cc", "int post_entry(int c) {\n  return abs(c);\n}\n", "test/a-test.cc",
            '#include "a.h"\n', "TEST(ledger_test, post_entry) {\n  EXPECT_EQ(post_entry(1), 1);\n}"),
    "rust": ("src/a.rs", "pub fn post_entry(c: i64) -> i64 {\n    abs(c)\n}\n", "tests/a.rs",
             "use a::post_entry;\n", "#[test]\nfn test_post_entry() {\n    assert_eq!(post_entry(1), 1);\n}"),
}  # fmt: skip


def test_the_function_its_class_and_the_imports_are_shown() -> None:
    draft = only(drafts(commit(SOURCE, beside(ADDED))))
    assert draft.response == ADDED.rstrip("\n") and draft.path == "tests/test_ledger.py"
    assert draft.context == (
        "# ledger.py\nclass Ledger:\n    def post_entry(self, cents):\n        return round(cents)\n\n"
        "# tests/test_ledger.py\nfrom ledger import Ledger"
    )
    assert draft.instruction == (
        "Write the test `test_post_entry` of `post_entry` (`ledger.py`) for `tests/test_ledger.py`. "
        "Answer with the whole test."
    )


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_language_has_its_own_tests(name: str) -> None:
    path, code, test_path, imports, test = LANGUAGES[name]
    draft = only(drafts(commit(changed(path, None, code), changed(test_path, None, f"{imports}\n{test}\n"))))
    assert draft.response in test and "(1" in draft.response
    assert code.strip().split("\n")[0] in draft.context and imports.strip() in draft.context


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_changed_test_is_none_that_was_added(name: str) -> None:
    path, code, test_path, imports, test = LANGUAGES[name]
    old = f"{imports}\n{test}\n"
    changed_test = changed(test_path, old, old.replace("(1", "(2").replace("PostEntry(t ", "PostEntry(tt "))
    assert list(drafts(commit(changed(path, None, code), changed_test))) == []


def test_a_test_that_is_put_before_another_of_python_is_told_from_it() -> None:
    old = "from ledger import Ledger\n\n\ndef test_post_entry_twice():\n    assert Ledger()\n"
    new = old.replace("def test_post_entry_twice", f"{ADDED}\n\ndef test_post_entry_twice")
    assert only(drafts(commit(SOURCE, changed("tests/test_ledger.py", old, new)))).response == ADDED.rstrip("\n")


def test_rust_tests_may_stand_beside_the_function() -> None:
    old = "pub fn post_entry(c: i64) -> i64 {\n    c + 1\n}\n"
    mod = "\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn test_post_entry() {\n"
    new = old.replace("c + 1", "c + 0") + mod + "        assert_eq!(post_entry(1), 1);\n    }\n}\n"
    draft = only(drafts(commit(changed("a.rs", old, new))))
    assert draft.response.startswith("    #[test]\n    fn test_post_entry()")


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ("def test_other():\n    assert Ledger().balance() == 1\n", "no_function_tested"),
        ("def test_text():\n    assert 'post_entry('\n    # post_entry(1)\n", "no_function_tested"),
        ("def test_post_entry_long():\n    post_entry(1)\n" + "    assert 1\n" * 60, "too_long_test"),
        ("def test_own():\n    def post_entry(x):\n        return x\n    assert post_entry(1)\n", "no_function_tested"),
    ],
)
def test_what_is_no_test_of_a_changed_function_is_dropped(added: str, reason: str) -> None:
    assert reasons(drafts(commit(SOURCE, beside(added)))) == [reason]


def test_a_test_that_was_there_before_is_none_that_was_asked_for() -> None:
    old = TESTS + "\n\n" + ADDED
    assert list(drafts(commit(SOURCE, changed("tests/test_ledger.py", old, old.replace("== 1", "== 2  # test"))))) == []


def test_two_functions_need_a_name() -> None:
    two = changed("ledger.py", None, CODE + "\n\ndef read_all(x):\n    return list(x)\n")
    both = "def test_it():\n    assert read_all(post_entry(1))\n"
    assert reasons(drafts(commit(two, beside(both)))) == ["several_functions_tested"]
    assert "`read_all`" in only(drafts(commit(two, beside(both.replace("it", "read_all"))))).instruction


def test_a_plain_word_must_be_named_by_the_test() -> None:
    code = changed("ledger.py", None, CODE.replace("post_entry", "create"))
    test = "def test_it():\n    assert Ledger().create(1)\n"
    assert reasons(drafts(commit(code, beside(test)))) == ["function_not_named"]
    assert only(drafts(commit(code, beside(test.replace("test_it", "test_create")))))


def test_what_all_tests_call_is_a_tool() -> None:
    old = TESTS + "".join(f"\n\ndef test_{n}():\n    post_entry({n})\n" for n in range(5))
    assert reasons(
        drafts(
            commit(
                SOURCE, changed("tests/test_ledger.py", old, old + "\n\n" + ADDED.replace("test_post_entry", "test_it"))
            )
        )
    ) == ["function_of_all_tests"]


LONG = "".join(f"    x{n} = {n}\n" for n in range(20))
RUN = CODE.replace("return round(cents)", "return self.run(cents)")


@pytest.mark.parametrize(
    ("code", "added", "reason"),
    [
        (CODE.replace("round(cents)", "cents"), ADDED, "function_says_little"),
        (
            RUN + "\n    def run(self, cents):\n" + LONG.replace("    ", "        ") + "        return 1\n",
            ADDED,
            "work_done_elsewhere",
        ),
        (CODE, ADDED + "    check_all(1)\n", "helpers_not_shown"),
        (CODE, f"def helper():\n{LONG}\n\n{ADDED}    helper()\n", "fixtures_not_shown"),
        (CODE, f"{ADDED}\n\n{ADDED}", "title_twice"),
        (CODE, ADDED.replace("test_post_entry", "test_booked"), "function_not_named"),
        (CODE, "def test_read_entry():\n    assert Ledger().post_entry(read_entry(1))\n", "function_not_named"),
        (CODE, "def test_post_entry():\n    print(Ledger().post_entry(1))\n", "checks_nothing"),
        (CODE, ADDED.replace("assert ", ""), "checks_nothing"),
    ],
)
def test_what_is_shown_must_be_enough(code: str, added: str, reason: str) -> None:
    found = reasons(drafts(commit(changed("ledger.py", None, code), beside(added))))
    assert set(found) == {reason}


def test_documentation_callees_and_fixtures_are_shown() -> None:
    path, code, test_path, imports, test = LANGUAGES["go"]
    code = "// PostEntry books.\n" + code.replace("abs(c)", "half(c)") + "\nfunc half(c int) int {\n\treturn c / 2\n}\n"
    tests = f"{imports}\nvar one = 1\n\n{test.replace('(1)', '(one)')}\n"
    draft = only(drafts(commit(changed(path, None, code), changed(test_path, None, tests))))
    assert "// PostEntry books.\nfunc PostEntry" in draft.context and "func half(c int)" in draft.context
    assert draft.context.endswith("var one = 1")


@pytest.mark.parametrize(
    ("code", "call", "reason"),
    [
        (
            "class Other {\n  int postEntry(int c) {\n    return abs(c);\n  }\n}\n",
            "ledger.postEntry(1)",
            "another_type_tested",
        ),
        (
            "class Ledger {\n  int postEntry(int c) {\n    return abs(c);\n  }\n}\n",
            "new Ledger().postEntry(1, 2)",
            None,
        ),
        (
            "class Ledger {\n  int postEntry(int c) {\n    return abs(c);\n  }\n"
            "  int postEntry(String c) {\n    return size(c);\n  }\n}\n",
            "new Ledger().postEntry(1)",
            "overloaded_function",
        ),
    ],
)
def test_the_method_must_be_the_one_that_is_called(code: str, call: str, reason: str | None) -> None:
    test = f"class LedgerTest {{\n  @Test\n  public void testPostEntry() {{\n    {call};\n  }}\n}}\n"
    found = drafts(commit(changed("src/main/java/L.java", None, code), changed("src/test/java/LTest.java", None, test)))
    assert reasons(found) == ([reason] if reason else [])


def test_tests_alone_give_nothing() -> None:
    assert reasons(drafts(commit(beside(ADDED)))) == ["no_function_tested"]
    assert list(drafts(commit(SOURCE))) == []


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/test_a.py", True),
        ("src/test_a.py", True),
        ("a/conftest.py", True),
        ("pkg/a_test.go", True),
        ("src/a.test.ts", True),
        ("src/a.spec.tsx", True),
        ("src/__tests__/a.js", True),
        ("x/src/test/java/a/BTest.java", True),
        ("test/format-test.cc", True),
        ("src/latest.py", False),
        ("src/contest/a.py", False),
        ("src/main/java/Testimony.java", False),
        ("testimony.go", False),
    ],
)
def test_paths_of_tests_are_known(path: str, is_test: bool) -> None:
    assert is_test_path(path) is is_test


def test_a_test_that_calls_a_namesake_is_dropped() -> None:
    test = "def test_post_entry():\n    assert ledger.post_entry(1) == 1\n"
    tests = changed("tests/test_ledger.py", None, f"import ledger\nfrom ledger import Ledger\n\n\n{test}")
    assert reasons(drafts(commit(SOURCE, tests))) == ["another_type_tested"]
    meant = changed("tests/test_ledger.py", None, f"import ledger\n\n\n{test}".replace("ledger.post", "Ledger().post"))
    assert only(drafts(commit(SOURCE, meant))).response
