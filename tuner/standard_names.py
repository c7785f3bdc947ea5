"""The names that a language brings itself: its keywords, built-in names, and its standard library.

In: a language's name. Out: sets of names and of modules, read when first asked from `standard_library/<language>.txt`.
The first line of each file says where it is from; `[names]` and `[modules]` head its two lists. The lists are data
rather than what this machine has installed, so that one answer is judged alike everywhere. Python's come from CPython
3.11, together with the modules that the running interpreter names.
"""

from __future__ import annotations

import functools
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tuner.identifiers import family_of

FOLDER = Path(__file__).parent / "standard_library"
# Test frameworks, whose objects are hardly asked for more than the names listed here, and what names only types.
TESTING = {
    "python": {"pytest", "unittest", "nose", "_pytest", "typing_extensions", "_typeshed"},
    "javascript": {"vitest", "jest", "mocha", "@jest", "bun", "node:test"},
    "java": {"org.junit", "junit"},
    "go": {"testing", "github.com/stretchr/testify"},
    "c": {"gtest", "gmock", "doctest", "catch2"},
}
TESTING_NAMES = {
    "python": """fixture mark parametrize raises skip skipif xfail importorskip approx param warns fail usefixtures
        monkeypatch setattr delattr setitem delitem setenv delenv syspath_prepend chdir capsys capfd readouterr disabled
        caplog records record_tuples at_level set_level clear messages text tmp_path tmpdir tmp_path_factory mktemp
        request param addfinalizer getfixturevalue node config recwarn pytester excinfo match pytestmark filterwarnings
        hookimpl deprecated_call exit main timeout getoption addoption addini getini""",
    "javascript": """describe it test expect beforeEach afterEach beforeAll afterAll vi jest fn mock spyOn toBe toEqual
        toStrictEqual toThrow toThrowError toBeDefined toBeUndefined toBeNull toBeTruthy toBeFalsy toBeNaN toContain
        toContainEqual toMatch toMatchObject toMatchSnapshot toMatchInlineSnapshot toThrowErrorMatchingInlineSnapshot
        toHaveLength toHaveProperty toBeInstanceOf toBeGreaterThan toBeGreaterThanOrEqual toBeLessThan
        toBeLessThanOrEqual toBeCloseTo toHaveBeenCalled toHaveBeenCalledTimes toHaveBeenCalledWith
        toHaveBeenLastCalledWith toHaveBeenNthCalledWith toHaveReturned toHaveReturnedWith resolves rejects not skip
        only each todo concurrent assertions hasAssertions objectContaining arrayContaining stringContaining
        stringMatching anything any expectTypeOf toEqualTypeOf toMatchTypeOf assertType mockReturnValue
        mockImplementation mockResolvedValue mockRejectedValue mockReturnValueOnce mockClear mockReset mockRestore
        useFakeTimers useRealTimers advanceTimersByTime bench""",
    "java": """assertEquals assertTrue assertFalse assertNull assertNotNull assertSame assertNotSame assertThrows
        assertArrayEquals assertThat fail Test Before After BeforeClass AfterClass BeforeEach AfterEach BeforeAll
        AfterAll Ignore Disabled RunWith ParameterizedTest Rule expected""",
    "c": """TEST TEST_F TEST_P EXPECT_EQ EXPECT_NE EXPECT_TRUE EXPECT_FALSE EXPECT_LT EXPECT_LE EXPECT_GT EXPECT_GE
        EXPECT_STREQ EXPECT_STRNE EXPECT_THROW EXPECT_NO_THROW EXPECT_ANY_THROW EXPECT_NEAR EXPECT_DOUBLE_EQ
        EXPECT_FLOAT_EQ EXPECT_DEATH ASSERT_EQ ASSERT_NE ASSERT_TRUE ASSERT_FALSE ASSERT_LT ASSERT_LE ASSERT_GT
        ASSERT_GE ASSERT_STREQ ASSERT_THROW ASSERT_NO_THROW FAIL SUCCEED SCOPED_TRACE TYPED_TEST EXPECT_CALL
        EXPECT_THAT ASSERT_THAT Return testing""",
}
KEYWORDS = {
    "python": "print exec match case type self cls super",
    "javascript": "this super constructor prototype arguments undefined require module exports default",
    "go": "init main",
    "java": "this super length class String Override Deprecated SuppressWarnings",
    "rust": "self Self super crate vec new into from main",
    "c": "sizeof defined main this typeof alignof _Alignof __builtin_expect __attribute__ __declspec",
}
_FILES = {"cpp": ("c", "cpp"), "cuda": ("c", "cpp"), "typescript": ("javascript",), "tsx": ("javascript",)}


@dataclass(frozen=True, slots=True)
class StandardNames:
    """The names and modules of one language."""

    names: frozenset[str]
    modules: frozenset[str]


@functools.cache
def standard_names(language: str) -> StandardNames | None:
    """Give a language's own names; None for a language without a list."""
    places = [FOLDER / f"{each}.txt" for each in _FILES.get(language, (language,))]
    if not all(place.is_file() for place in places):
        return None
    family = family_of(language)
    names = {*KEYWORDS.get(family, "").split(), *TESTING_NAMES.get(family, "").split()}
    modules = set(sys.stdlib_module_names) if family == "python" else set()
    for place in places:
        _, listed, own_modules = re.split(r"\[names\]|\[modules\]", place.read_text(encoding="utf-8"))
        names.update(listed.split())
        modules.update(own_modules.split())
    return StandardNames(frozenset(names), frozenset(modules))


def is_standard_import(module: str, language: str) -> bool:
    """Tell whether an import is of the language's own library or of a test framework, by the module as written."""
    standard = standard_names(language)
    if standard is None:
        return False
    family = family_of(language)
    if module in standard.modules or module in TESTING.get(family, ()):
        return True
    if family == "javascript":
        return module.startswith(("node:", ".")) or module.split("/")[0] in TESTING["javascript"]
    if family == "java":
        return module.startswith(("java.", "javax.", *TESTING["java"]))
    if family == "c":
        return module.partition(".")[0].partition("/")[0] in TESTING["c"]
    if family == "go":
        return any(module.startswith(each) for each in TESTING["go"])
    root = module.replace("::", ".").partition(".")[0]
    return root == "" or root in standard.modules or root in TESTING.get(family, ())
