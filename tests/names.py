"""Items, answers and repositories' names, for the tests that judge names.

found = judged(item("    total = ", "count(parts)"), "add_up(parts)", known("count"))
"""

from __future__ import annotations

from tuner.name_check import NamesFound, check_names
from tuner.records import Item, Prediction, content_id
from tuner.repo_names import RepoNames, Timeline

FILE = "import os\n\nfrom .till import Till\n\n\ndef load(path, parts):\n"


def item(
    line: str, target: str, *, language: str = "python", file: str = FILE, suffix: str = "\n", path: str = "shop/a.py"
) -> Item:
    """Give an item whose cursor stands behind `line` in `file`."""
    ident = content_id(language, file, line, target, suffix)
    return Item(ident, "shop", path, language, "c" * 40, 9, "boundary", file + line, suffix, target, True)


def known(*names: str, **more: object) -> RepoNames:
    """Give the names of a repository; `more` are other fields of the record."""
    fields: dict[str, object] = {
        "repo": "shop",
        "commits": ["a" * 12, "b" * 12, "c" * 12],
        "names": sorted(names),
        "modules": ["shop", "till", "a"],
        "added": {},
        "added_modules": {},
        "gone": {},
        "stale": {},
        "dependencies": [],
        "foreign": {},
    }
    return RepoNames(**{**fields, **more})  # type: ignore[arg-type]


def prediction(question: Item, text: str, raw: str | None = None) -> Prediction:
    """Give an answer that ended by itself."""
    return Prediction(
        question.id, text + "\n" if raw is None else raw, text, None, len(question.target.encode()), 5, 1.0, None
    )


def judged(question: Item, text: str, names: RepoNames, *, is_cut_off: bool = False, own: bool = False) -> NamesFound:
    """Judge an answer, or the author's own text as if it were one."""
    at = Timeline(names).before(question.commit)
    found = check_names(question, text, at, is_cut_off=is_cut_off, target_counts=not own)
    assert found is not None
    return found


def decisions(found: NamesFound) -> dict[str, str]:
    """Give each name's decision, modules included."""
    return {**{use.name: each for use, each in found.names}, **dict(found.modules)}
