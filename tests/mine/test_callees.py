"""A call means the function of its own class, and never one inside another function."""

from __future__ import annotations

from tuner.mine.callees import callees
from tuner.mine.languages import language_of
from tuner.mine.parsed import parsed

CODE = """\
def pay(key):
    def decorator(f):
        return f

    return decorator(audit(key))


def audit(key):
    return key


def charge(key):
    def decorator(f):
        return audit(f)

    return decorator


class Till:
    def open(self):
        return self.count()

    def count(self):
        return 1


class Drawer:
    def count(self):
        return 2

    def close(self):
        return self.lock()


class Safe:
    def lock(self):
        return 3
"""


def of(name: str) -> tuple[list[str], bool]:
    language = language_of("till.py")
    assert language is not None
    file = parsed(CODE, language)
    return callees(file, next(each for each in file.functions if each[0].endswith(name)))


def test_a_function_within_another_one_is_nobody_elses() -> None:
    texts, is_whole = of("pay")
    assert texts == ["def audit(key):\n    return key"] and is_whole


def test_a_method_of_the_own_class_goes_before_its_namesakes() -> None:
    assert [text.strip() for text in of("open")[0]] == ["def count(self):\n        return 1"]


def test_an_inherited_method_may_stand_in_another_class() -> None:
    assert [text.strip() for text in of("close")[0]] == ["def lock(self):\n        return 3"]
