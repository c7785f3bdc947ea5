"""What a test leans on is found in its file, and what comes from elsewhere is told."""

from __future__ import annotations

import pytest

from tuner.mine import syntax, test_code
from tuner.mine.fixtures import declarations, hidden_names, used_by, words
from tuner.mine.languages import language_of
from tuner.mine.parsed import Parsed

FILES = {
    "a_test.go": (
        'var cmdEcho = &Command{}\n\nfunc emptyRun() {}\n\nfunc TestIt(t *testing.T) {\n\tgot, err := cmdEcho.Do("x")\n'
        "\tfor key, value := range got {\n\t\temptyRun()\n\t\tshowAll(flagOne)\n\t}\n}\n",
        ["var cmdEcho = &Command{}", "func emptyRun() {}"],
        {"showAll", "flagOne"},
    ),
    "ATest.java": (
        "class ATest {\n  private Gson gson;\n  private int other;\n"
        "  @Before public void setUp() {\n    gson = make();\n  }\n"
        "  static class User {\n    int gson;\n  }\n"
        "  @Test public void it() {\n    assertEquals(gson.to(User.class), LIMIT, reader(1));\n  }\n}\n",
        ["private Gson gson;", "@Before public void setUp()", "static class User"],
        {"LIMIT", "reader"},
    ),
    "test_a.py": (
        "CLOCK = 1\nOTHER = 2\n\n\nclass Fake:\n    pass\n\n\ndef test_it(runner, cents):\n"
        "    one = [each for each in runner]\n"
        "    assert Fake(CLOCK, one) == len(make(cents))\n",
        ["CLOCK = 1", "class Fake:"],
        {"make"},
    ),
    "a.test.ts": (
        'const data = { a: 1 };\ndescribe("a", () => {\n  const near = 2;\n  it("does", () => {\n'
        "    expect(parse(data, near)).toBe(1);\n  });\n});\n",
        ["const data = { a: 1 };", "const near = 2;"],
        {"parse"},
    ),
    "tests/a.rs": (
        'const SHERLOCK: &str = "a";\n\nfn hay() {}\n\n#[test]\nfn it() {\n    let got = hay();\n'
        "    assert_eq_printed!(SHERLOCK, got);\n    assert_eq!(got, 1);\n}\n",
        ['const SHERLOCK: &str = "a";', "fn hay() {}"],
        {"assert_eq_printed"},
    ),
    "test/a-test.cc": (
        "int helper(int c) { return c; }\n\nTEST(a, b) {\n  EXPECT_EQ(helper(1), other_helper(2));\n}\n",
        ["int helper(int c)"],
        {"other_helper"},
    ),
}


def read(path: str, text: str) -> Parsed:
    language = language_of(path)
    assert language is not None
    return Parsed(text, language)


@pytest.mark.parametrize("path", FILES)
def test_fixtures_are_shown_and_hidden_helpers_are_named(path: str) -> None:
    text, shown, hidden = FILES[path]
    file = read(path, text)
    (test,) = test_code.test_functions(file)
    found = used_by(file, test, declarations(file), [test])
    assert [each.strip().startswith(start) for each, start in zip(found, shown, strict=True)] == [True] * len(shown)
    assert hidden_names(file, test, "\n".join(["testing", *found])) == hidden


def test_what_is_shown_is_not_hidden() -> None:
    file = read("a_test.go", FILES["a_test.go"][0])
    (test,) = test_code.test_functions(file)
    assert hidden_names(file, test, "testing cmdEcho emptyRun showAll flagOne") == set()


def test_strings_and_comments_name_nothing() -> None:
    file = read("a_test.py", "CLOCK = 1\n\n\ndef test_it():\n    # CLOCK\n    assert 'CLOCK'\n")
    (test,) = test_code.test_functions(file)
    assert used_by(file, test, declarations(file), [test]) == []
    assert "CLOCK" not in words(file, test.start, test.end)


def test_the_comment_above_ends_at_the_first_other_line() -> None:
    lines = ["#  if X", "// One.", "// Two.", "int f();", "/* a", " b */", "int g();"]
    assert syntax.comment_above(lines, 3, "//") == "// One.\n// Two.\n"
    assert syntax.comment_above(lines, 6, "//") == "/* a\n b */\n"
    assert syntax.comment_above(lines, 1, "//") == ""
