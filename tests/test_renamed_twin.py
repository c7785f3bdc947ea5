"""A renamed twin has the history of its repository, commit by commit and line by line, and none of its names."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import renamed_twin
from benchmarks.twin_check import check
from benchmarks.twin_history import check_paths, copy_history
from benchmarks.twin_text import Rewriter, names_in, pieces_of
from benchmarks.twin_words import Words, inflect, lists, parts_of, vocabulary
from tests.mine.histories import Entry, History
from tests.tiny_repo import git
from tuner.errors import RepoError
from tuner.mine.plumbing import Git

CORE = '''"""Draw meters; see `draw_meter` and gauges.core.Meter for more."""

import os
import subprocess as sp
from shutil import get_terminal_size

__all__ = ["Meter", "draw_meter"]


class Meter:
    """A meter with a limit.

    :param label_text: what stands before draw_meter's dots
    """

    def __init__(self, label_text, *, limit=10, color=None):
        self.label_text = label_text
        self._limit = limit
        self.color = color

    def write(self, out_stream):
        out_stream.write(f"{self.label_text!r:>{self._limit}} {{label_text}} {self.__dict__['label_text']:color}")
        return getattr(self, "label_text"), "no label_text here", "%(limit)s {color}" % {"limit": 1}


def draw_meter(meter: "Meter", widest=None):  # draw_meter is slow
    width = min(widest or meter._limit, get_terminal_size().columns)
    sp.run(["echo", os.environ.get("GAUGES_COLOR", "--no-color")], check=True)
    text = """not a docstring: label_text \\
    {label_text}"""
    return text.format(label_text=meter.label_text) * width
'''
TESTS = """import gauges
from gauges.core import Meter, draw_meter


def test_draw_meter(monkeypatch, capsys):
    meter = gauges.Meter("x", limit=3, color="red")
    assert draw_meter(meter).strip()
"""
OLD_PYTHON = "def draw_meter(meter):\n    print 'a', meter\n"
SETTINGS = '[project]\nname = "gauges"\nlimit = 1\nscript = "gauges.core:draw_meter"\nfiles = ["src/gauges/core.py"]\n'


def gauges(folder: Path, core: str = CORE) -> Path:
    """Write a history with a merge, a rename, a link, a picture, old Python, and a commit that names another."""
    history = History()
    first = history.commit(
        "Add draw_meter to Gauges",
        {
            "src/gauges/core.py": core,
            "src/gauges/__init__.py": "from .core import Meter as Meter\n",
            "old.py": OLD_PYTHON,
            "pyproject.toml": SETTINGS,
            "dot.png": b"\x89PNG\0draw_meter\n",
            'docs/odd "draw_meter" ü.md': "Use `draw_meter`, see https://gauges.test/draw_meter\r\nNo draw_meter",
            "link.py": Entry("120000", b"src/gauges/core.py"),
        },
    )
    side = history.commit("Test draw_meter (in gauges)", {"tests/test_core.py": TESTS}, parents=[first])
    main = history.commit(
        "Meter: say more", {"src/gauges/core.py": core + "# end\n"}, parents=[first], at="1700090000 +0530"
    )
    history.commit("Merge it", {}, parents=[main, side])
    history.write(folder)
    told = history.shas(folder)[side]
    history.commit(f"Take back\n\nThis reverts commit {told}, not deadbee.", {"tests/test_core.py": None})
    history.commit("Bring back\n", {"tests/test_core.py": TESTS, "old.py": None, "older.py": OLD_PYTHON})
    return history.write(folder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("twins")
    old, new = gauges(place / "gauges"), place / "twin"
    assert renamed_twin.main(["--repo", str(old), "--out", str(new), "--seed", "3"]) == 0
    return old, new


def paths(folder: Path, tree: str = "main") -> list[str]:
    return git(folder, "ls-tree", "-r", "-z", "--name-only", tree).split("\0")[:-1]


def at(folder: Path, path: str) -> str:
    return git(folder, "cat-file", "blob", f"main:{path}")


def core_of(folder: Path) -> str:
    return at(folder, next(each for each in paths(folder) if each.startswith("src/") and "__init__" not in each))


def numbered(text: str) -> list[tuple[int, object]]:
    """Give the tokens of code with a number for each name, by when it first came."""
    seen: dict[str, int] = {}
    kinds = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
        plain = token.string if token.type in (tokenize.OP, tokenize.NUMBER) else ""
        kinds.append((token.type, seen.setdefault(token.string, len(seen)) if is_name else plain))
    return kinds


def test_code_is_the_same_but_for_its_names(pair: tuple[Path, Path]) -> None:
    before, after = (core_of(each) for each in pair)
    assert numbered(before) == numbered(after)
    names = {token.string for token in tokenize.generate_tokens(io.StringIO(after).readline)}
    for own in ("draw_meter", "label_text", "Meter", "_limit", "gauges", "out_stream", "widest"):
        assert own not in names and f'"{own}"' not in names
    for stays in (
        "write",
        "get_terminal_size",
        "columns",
        "environ",
        "__init__",
        "run",
        "shutil",
        "__dict__",
        "check=True",
    ):
        assert stays in after


def test_history_is_the_same_commit_by_commit_and_line_by_line(pair: tuple[Path, Path]) -> None:
    facts = ("log", "--format=%at %aI %cI %an %ae %cn", "--numstat", "--no-renames", "-m", "main")
    before, after = ([line.split("\t")[:2] for line in git(each, *facts).splitlines()] for each in pair)
    assert before == after and len(before) > 20
    parents = [[len(line.split()) for line in git(each, "log", "--format=%p", "main").split("\n")] for each in pair]
    assert parents[0] == parents[1] and 2 in parents[0]
    sizes = [Counter(at(each, path).count("\n") for path in paths(each) if "png" not in path) for each in pair]
    assert sizes[0] == sizes[1]


def test_a_string_is_renamed_where_it_is_a_name_and_no_prose(pair: tuple[Path, Path]) -> None:
    names = renaming(pair[0])
    after = core_of(pair[1])
    label, limit, color = names["label_text"], names["limit"], names["color"]
    assert f'getattr(self, "{label}"), "no label_text here", "%({limit})s {{{color}}}" % {{"{limit}": 1}}' in after
    assert f"!r:>{{self.{names['_limit']}}}}} {{{{label_text}}}} {{self.__dict__['{label}']:color}}" in after
    assert f'"""not a docstring: label_text \\\n    {{{label}}}"""' in after
    assert f'"--no-{color}"' in after and f'"{names["gauges"].upper()}_COLOR"' in after
    assert f"# {names['draw_meter']} is slow" in after and f":param {label}: what stands before" in after


def test_prose_is_renamed_word_by_word_and_its_articles_agree() -> None:
    rewriter = Rewriter(
        {"option": "preference", "meter": "ammeter", "no_dots": "no_ink", "Meter": "Ammeter"}, ("gauges", "dials")
    )
    assert (
        rewriter.prose("An option of a `meter`, a word, an `option`.\n")
        == "A preference of an `ammeter`, a word, a `preference`.\n"
    )
    assert rewriter.prose("Option --no-dots of Meter: options, mail@meter.test") == (
        "Preference --no-ink of Ammeter: options, mail@meter.test"
    )
    assert rewriter.prose("Gauges, GAUGES_DOTS and gaugeses at http://gauges.test/meter/") == (
        "Dials, DIALS_DOTS and gaugeses at http://dials.test/meter/"
    )
    assert rewriter.other('meter = "option"  # no_dots') == 'meter = "option"  # no_ink'


def test_paths_settings_documents_and_messages_follow_and_a_picture_stays(pair: tuple[Path, Path]) -> None:
    names = renaming(pair[0])
    project, draw = names["gauges"], names["draw_meter"]
    there = paths(pair[1])
    assert f"src/{project}/__init__.py" in there and 'docs/odd "draw_meter" ü.md' in there and "old.py" not in there
    shown = at(pair[1], 'docs/odd "draw_meter" ü.md')
    assert shown == f"Use `{draw}`, see https://{project}.test/draw_meter\r\nNo {draw}"
    assert at(pair[1], "link.py") in there
    settings = at(pair[1], "pyproject.toml")
    assert f'name = "{project}"\nlimit = 1\n' in settings and f":{draw}" in settings and f"src/{project}/" in settings
    assert git(pair[1], "rev-parse", "main:dot.png") == git(pair[0], "rev-parse", "main:dot.png")
    assert f"Add {draw} to {project.capitalize()}" in git(pair[1], "log", "--format=%s")


def test_a_message_names_the_new_sha_of_a_commit(pair: tuple[Path, Path]) -> None:
    for folder in pair:
        reverted = git(folder, "rev-parse", "main~2^2").strip()
        assert f"This reverts commit {reverted}, not deadbee." in git(folder, "log", "--format=%B")


def test_a_seed_decides_the_twin(pair: tuple[Path, Path], tmp_path: Path) -> None:
    heads = {git(pair[1], "rev-parse", "main"): "3"}
    for seed in ("3", "4"):
        assert renamed_twin.main(["--repo", str(pair[0]), "--out", str(tmp_path / seed), "--seed", seed]) == 0
        heads.setdefault(git(tmp_path / seed, "rev-parse", "main"), seed)
    assert list(heads.values()) == ["3", "4"]


@pytest.mark.parametrize(
    ("core", "found"),
    [
        (CORE.replace("meter._limit", "meter._other"), "_limit became _other"),
        (CORE.replace("or meter._limit", ""), "BoolOp became Name in line"),
        (CORE.replace("self.color = color", "self.color = limit"), "color became limit"),
    ],
)
def test_the_check_finds_a_twin_that_is_none(core: str, found: str, pair: tuple[Path, Path], tmp_path: Path) -> None:
    checked = check(Git(pair[0]), "main", Git(gauges(tmp_path / "other", core)), str)
    assert not checked.is_twin() and any(found in each for each in checked.broken), checked.broken
    assert check(Git(pair[0]), "main", Git(pair[0]), str).is_twin()


def test_the_check_finds_a_line_and_a_commit_that_are_lost(pair: tuple[Path, Path], tmp_path: Path) -> None:
    fewer = check(Git(pair[0]), "main", Git(gauges(tmp_path / "other", CORE.replace("import os\n", ""))), str)
    assert fewer.files_of_same_lines == fewer.files - 1 and not fewer.is_twin()
    folder = gauges(tmp_path / "gauges")
    git(folder, "branch", "before", "main~1")
    lost = History("before")
    lost.commit("Bring back", {"tests/test_core.py": TESTS}, at=1)
    found = check(Git(pair[0]), "main", Git(lost.write(folder)), str)
    assert found.commits_alike == found.commits - 1


def test_words_go_one_to_one_in_their_case_and_form() -> None:
    flat = [word for group in lists().groups for word in group]
    assert len(flat) == len(set(flat)) and all(len(group) > 1 for group in lists().groups)
    assert not set(flat) & lists().kept and not set(lists().spare) & (set(flat) | lists().kept)
    names = ["get_size", "getSizes", "GET_SIZE", "Progressbar2", "_zorb", "zorbs", "json_test", *flat]
    words = Words(vocabulary(names), 5)
    new = [words.of_name(name) for name in names]
    assert len(set(new)) == len(names) and new[names.index("json_test")] == "json_test"
    get, size = words.of_word("get"), words.of_word("size")
    assert new[:3] == [f"{get}_{size}", f"{get}{inflect(size, 's').capitalize()}", f"{get}_{size}".upper()]
    assert new[5] == inflect(new[4].strip("_"), "s")
    assert all(len(parts_of(old)) == len(parts_of(other)) for old, other in zip(names, new, strict=True))
    shown = [inflect(*each) for each in (("stop", "ed"), ("copy", "s"), ("parse", "er"), ("carry", "ed"), ("fix", "s"))]
    assert shown == ["stopped", "copies", "parser", "carried", "fixes"]


def test_a_taken_name_is_given_to_nothing(tmp_path: Path) -> None:
    own = renamed_twin.own_names(Git(gauges(tmp_path / "gauges")), "refs/heads/main")
    plain = renamed_twin.plan_names(own, set(), 1, "gauges")
    other = renamed_twin.plan_names(own, {plain.names["draw_meter"]}, 1, "gauges")
    assert other.otherwise == plain.otherwise + 1
    assert other.names["draw_meter"] != plain.names["draw_meter"]
    assert len(set(other.names.values())) == len(other.names)


def test_names_are_taken_that_stand_in_a_string_alone() -> None:
    found = names_in("""f"{error.msg!r:>{wide}}" + "a.label" + "no name here" + plain  # nor here""")
    assert found == {"error", "msg", "wide", "r", "a", "label", "plain"}


def test_pieces_of_code_end_only_where_no_string_goes_on() -> None:
    assert "".join(pieces_of(CORE)) == CORE and max(piece.count("\n") for piece in pieces_of(CORE)) == 4
    assert list(pieces_of("a = '''b\nc''' + 'd\\\ne'\n# it's '''\nf")) == [
        "a = '''b\nc''' + 'd\\\ne'\n",
        "# it's '''\n",
        "f",
    ]


def test_two_paths_never_become_one() -> None:
    with pytest.raises(RepoError) as raised:
        check_paths({"a/core.py", "a/hub.py"}, Rewriter({"core": "hub"}, None))
    assert str(raised.value) == (
        "a/hub.py and a/core.py would both be called a/hub.py; one name for each was wanted\nhint: try another --seed"
    )


def test_bad_input_is_told_and_leaves_nothing(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert renamed_twin.main(["--repo", str(pair[0]), "--out", str(pair[1])]) == 2
    assert f"error: {pair[1]} is there already" in capsys.readouterr().err
    old = Git(pair[0])
    with pytest.raises(RepoError, match="main moved on while it was copied\nhint: repeat the command"):
        copy_history(old, "main", old.run("rev-parse", "main~1").decode().strip(), tmp_path / "out", Rewriter({}, None))
    history = History()
    history.commit("Add", {"a.go": "package a\n"})
    history.commit("Add more", {"b.go": "package a\n"})
    go = history.write(tmp_path / "go")
    assert renamed_twin.main(["--repo", str(go), "--out", str(tmp_path / "out")]) == 2
    assert "no Python file in its history; Python code was wanted" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def renaming(folder: Path) -> dict[str, str]:
    """Give the names of the pair's twin."""
    own = renamed_twin.own_names(Git(folder), "refs/heads/main")
    return renamed_twin.plan_names(own, renamed_twin.code_names(Git(folder), "main"), 3, "gauges").names
