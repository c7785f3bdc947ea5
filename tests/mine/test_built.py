"""What a test makes of given values needs a constructor that is shown and takes as many."""

from __future__ import annotations

import re

import pytest

from tuner.mine.built import is_unbuilt

JAVA = (
    "class Till {\n  public Till(Reader reader) {\n    new Till(1, 2);\n  }\n  Till(String name, int... cents) {}\n}\n"
)


@pytest.mark.parametrize(
    ("language", "test", "shown", "is_hidden"),
    [
        ("java", "new Till(a)", JAVA, False),
        ("java", "new Till(a, 1, 2)", JAVA, False),
        ("java", "new Till(a)", "class Till {\n}", True),
        ("java", "new Till(a)", "Till(String a, int b) {", True),
        ("java", "new Till<Map<K, V>>(a, 1)", "Till(String a, int b) {", False),
        ("java", "new Till(new Drawer(a, b))", "Till(Drawer drawer) {", False),
        ("java", "new Till()", "class Till {\n}", False),
        ("java", "new Drawer(a)", "class Till {\n}", False),  # a library's
        ("java", "new Shop.Till(a)", "class Till {\n}", True),
        ("typescript", "new Till(a)", "class Till {\n}", True),
        ("typescript", "new Till(a)", "class Till {\n  constructor(a) {}\n}", False),
        ("python", "Till(a)", "class Till:\n    def post(self):\n", True),
        ("python", "Till(a)", "class Till:\n    def __init__(self, a):\n", False),
        ("python", "Till(a)", "@dataclass\nclass Till:\n    a: int\n", False),
        ("python", "Till(a)", "class Till(Drawer):\n    pass\n", False),
        ("python", "Till()", "class Till:\n    pass\n", False),
        ("go", "Till(a)", "", False),
    ],
)
def test_a_constructor_that_is_called_is_shown(language: str, test: str, shown: str, is_hidden: bool) -> None:
    assert is_unbuilt(re.findall(r"\w+|\S", test), language, {"Till"}, shown) == is_hidden
