"""The names that mining notes: what the cut knew, what came and went after it, and what was gone before."""

from __future__ import annotations

import pytest

from tests.mine.conftest import Outcome, mine
from tests.mine.histories import History, code
from tests.tiny_repo import git
from tuner.mine.definitions import DEFINITION
from tuner.repo_names import PLACE, Timeline, read_names

SECRET = "ghp_" + "a1B2" * 9
SHOP = code("till") + "\n\ndef early_name(path):\n    return path\n"


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Timeline, list[str]]:
    """Mine a history of nine commits, cut at the fourth; give its names and its commits, oldest first."""
    history = History()
    history.commit("Add the till", {"shop/till.py": SHOP, "pyproject.toml": '[project]\ndependencies = ["flask"]\n'})
    history.commit("Add an old rule", {"shop/old.py": "import flask\n\n\ndef bygone_rule(part):\n    return part\n"})
    history.commit("Drop the old rule", {"shop/old.py": "def other_rule(part):\n    return part.size\n"})
    history.commit("Take in a library", {"vendor/lib.py": "def vendored_name(part):\n    return part.weight\n"})
    history.commit("Add the cart", {"shop/cart.py": code("cart") + "\n\ndef late_name(part):\n    return part\n"})
    history.commit("Rename", {"shop/till.py": SHOP.replace("early_name", "newer_name")})
    history.commit("Explain", {"shop/notes.py": "# unsaid_word in a comment\nnoted = 1\n"})
    history.commit("Add a token", {"shop/token.py": f"def {SECRET}(part):\n    return part.token_of_part\n"})
    history.commit("Add a last rule", {"shop/last.py": "import flask\n\n\ndef last_rule(part):\n    return part.end\n"})
    folder = history.write(tmp_path_factory.mktemp("names") / "shop")
    shas = git(folder, "rev-list", "--reverse", "main").split()
    outcome = mine(folder, tmp_path_factory.mktemp("of_names"), cut=shas[3])
    return read_names(outcome.folder / PLACE)["shop"], shas


def test_a_name_is_known_after_the_commit_that_brings_it(timeline: tuple[Timeline, list[str]]) -> None:
    names, shas = timeline
    assert [names.before(sha).knows("late_name") for sha in shas[4:]] == [False, True, True, True, True]
    assert [names.before(sha).has_module("cart") for sha in shas[4:]] == [False, True, True, True, True]


def test_a_name_that_was_renamed_away_is_stale_afterwards(timeline: tuple[Timeline, list[str]]) -> None:
    names, shas = timeline
    assert [names.before(sha).knows("early_name") for sha in shas[4:]] == [True, True, False, False, False]
    assert [names.before(sha).is_stale("early_name") for sha in shas[4:]] == [False, False, True, True, True]


def test_a_name_that_was_gone_before_the_cut_is_stale_with_the_commit_that_took_it(
    timeline: tuple[Timeline, list[str]],
) -> None:
    names, shas = timeline
    assert names.names.stale["bygone_rule"] == shas[2][:12]
    assert names.before(shas[4]).is_stale("bygone_rule")
    assert "other_rule" not in names.names.stale


def test_names_of_files_that_teach_nothing_are_known_and_words_of_comments_are_not(
    timeline: tuple[Timeline, list[str]],
) -> None:
    names, shas = timeline
    last = names.before(shas[-1])
    assert last.knows("vendored_name") and last.knows("weight") and last.knows("noted")
    assert not last.knows("unsaid_word") and not last.is_stale("unsaid_word")


def test_the_cut_knows_nothing_of_the_future(timeline: tuple[Timeline, list[str]]) -> None:
    names, _ = timeline
    assert not {"late_name", "newer_name", "cart", "noted", "last_rule"} & {*names.names.names, *names.names.modules}


def test_what_looks_like_a_secret_is_no_name(timeline: tuple[Timeline, list[str]]) -> None:
    names, shas = timeline
    last = names.before(shas[-1])
    assert not last.knows(SECRET) and last.knows("token_of_part")
    assert SECRET not in str(names.names)


def test_dependencies_and_imports_from_outside_are_noted(timeline: tuple[Timeline, list[str]]) -> None:
    names, _ = timeline
    assert names.names.dependencies == ["flask"]
    assert names.names.foreign["shop/last.py"] == ["flask"]
    assert names.before("").declares("flask") and not names.before("").declares("fla")


def test_the_tiny_repository_gives_names_for_every_addition(mined: Outcome) -> None:
    found = read_names(mined.folder / PLACE)
    for each in mined.additions:
        assert each.commit[:12] in found[each.repo].names.commits


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("+def load(path):", "load"), ("-    async def load(self):", "load"), ("+class Till(Base):", "Till"),
        ("+export default function load() {", "load"), ("+export const RATE = 3", "RATE"), ("-RATE: int = 3", "RATE"),
        ("+func (t *Till) Load() error {", "Load"), ("+pub(crate) fn load<T>(x: T) {", "load"),
        ("+    public static <T> List<T> load(T x) {", "load"), ("+static int load(char *s)", "load"),
        ("+#define LOAD_MAX 3", "LOAD_MAX"), ("+interface Loader {", "Loader"),
        ("+    local = 3", ""), ("+    return load(path)", ""), ("     def context():", ""),
        ("+// class of its own", ""),
    ],
)  # fmt: skip
def test_how_a_definition_begins(line: str, name: str) -> None:
    found = [b"".join(names).decode() for _, *names in DEFINITION.findall(line.encode())]
    assert found == ([name] if name else [])
