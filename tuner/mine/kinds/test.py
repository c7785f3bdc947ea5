"""Make test pairs: a function that a commit changed or added, and a test of it that the same commit added.

In: a commit's change. Out: one draft an added test, or the reason why it gives none. What is shown is the function with
its documentation, the line of its class and the short functions of its file that it calls; of the test file the imports
and what the test leans on; and what it leans on in other files of the repository (`leaned_on`). The answer is the whole
test.

Dropped: tests that call no changed function by name, or several without naming one in their own name; functions that
many tests of the file call (a fixture's `invoke`) or that anything could have (`create`), unless the test or its file
names them; methods of a type that the test does not know; one overload of several; getters without documentation, and
functions that leave the work to a long one; tests that lean on much or on what is not shown, such as files that they do
not make; tests of Python 2; long tests and functions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tuner.mine import syntax
from tuner.mine.built import is_unbuilt
from tuner.mine.callees import callees, class_line, last_part
from tuner.mine.checks import checks_nothing, expects_unsaid
from tuner.mine.commit_tree import CommitTree
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.fixtures import declarations, given_counts, hidden_names, used_by, words
from tuner.mine.leaned_on import Elsewhere, elsewhere
from tuner.mine.parsed import Parsed, parsed
from tuner.mine.preconditions import asserted_methods, unmet
from tuner.mine.receivers import is_namesake_called
from tuner.mine.search_replace import Fault, changed_regions
from tuner.mine.test_code import (
    SCRIPTS,
    TestFunction,
    called_names,
    is_test_path,
    may_add_tests,
    names_of_tests,
    own_test_ranges,
    roughly_called,
    test_functions,
)

REQUEST = "Write the test `{title}` of `{name}` (`{path}`) for `{test_path}`. Answer with the whole test."
MAX_TEST_LINES, MAX_FUNCTION_LINES, MAX_IMPORT_LINES = 60, 80, 40
MAX_FIXTURE_LINES, MAX_FIXTURES_LINES = 15, 40  # of one declaration that a test leans on, and of all together
MIN_TEST_LINES = 2
DELEGATE_LINES = 5  # a function this short that calls a long one leaves the work to that
COMMON_CALLS, COMMON_SHARE = 3, 0.2  # a name that so many other tests call is a tool of theirs
MIN_NAME_CHARS = 3
COMPOUND = re.compile(r"[a-z0-9][A-Z]|\w_\w")
WORK_WORDS = "( if for while match switch ? + - / % == != < > <= >= === !== && || ! and or not in ?? ?."
WORK = frozenset(WORK_WORDS.split())
SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
STEM = 4  # letters of a word that its forms have in common
WEAK_WORDS = frozenset({"test", "with", "get", "set", "from", "for", "the", "and", "not", "new", "all", "has"})
TYPED = ("java", "rust", "go", "c", "cpp")  # whose tests nearly always name the types that they use
OVERLOADING = ("java", "cpp")


@dataclass(frozen=True, slots=True)
class _Tested:
    """A changed function: the name that a call of it shows, its type's, and what is shown of it."""

    name: str
    owner: str
    path: str
    family: str
    is_short: bool
    file: ChangedFile
    function: tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of a function under test, or why that is not enough."""

    source: str
    taken: int | None  # how many values an overload takes; None where the name says which it is
    fault: str | None


def drafts(change: CommitChange) -> Iterator[Draft | Dropped]:
    """Give the tests that a commit added for the functions that it changed, or why they give nothing."""
    with_grammar = [file for file in change.files if file.language.grammar is not None]
    tests = [
        (file, found)
        for file in with_grammar
        if may_add_tests(file.path, file.language, file.old, file.hunks) and (found := _found(file)) is not None
    ]
    if not tests:  # as of most commits: the code itself need not be parsed
        return
    families = {_family(file) for file, _ in tests}
    code = [file for file in with_grammar if not is_test_path(file.path) and _family(file) in families]
    changed = [each for file in code for each in _changed(file)]
    for file, found in tests:
        near = [each for each in changed if each.family == _family(file)]
        if near:
            yield from _tests(file, *found, near, change.tree)
        else:
            yield Dropped(file.path, "no_function_tested")


def title_of(draft: Draft) -> str:
    """Give the title of the test that a draft asks for."""
    return draft.instruction.partition("`")[2].partition("` of `")[0]


def _found(file: ChangedFile) -> tuple[list[TestFunction], list[TestFunction]] | None:
    """Give all tests of a file and those that the commit added; None where it added none."""
    found = test_functions(parsed(file.new, file.language))
    known = names_of_tests(file.old, file.language)
    added = [each for each in found if each.name not in known]
    return (found, added) if added else None


def _tests(
    file: ChangedFile,
    found: list[TestFunction],
    added: list[TestFunction],
    changed: list[_Tested],
    tree: CommitTree | None,
) -> Iterator[Draft | Dropped]:
    new = parsed(file.new, file.language)
    times = Counter(each.name for each in found)
    fresh = set(added)
    calls = {each: called_names(new, each) if each in fresh else roughly_called(new, each) for each in found}
    often = Counter(name for names in calls.values() for name in names)
    tools = {name for name, count in often.items() if count - 1 > max(COMMON_CALLS, COMMON_SHARE * (len(found) - 1))}
    head = "\n".join(dict.fromkeys(syntax.imports(new.tree, new.data, file.language)))
    declared = declarations(new)
    siblings = {each.name for each in changed}
    for test in added:
        text = new.text(test.start, test.end)
        tested = _tested(file.path, test.name, calls[test], changed, tools)
        if isinstance(tested, str):
            yield Dropped(file.path, tested)
            continue
        shown, fixtures = _shown(tested), used_by(new, test, declared, found)
        reason = (
            _form(text, head)
            or ("checks_nothing" if checks_nothing(new, test) else None)
            or ("title_twice" if times[test.name] > 1 else None)
            or _fit(tested, shown, new, test, fixtures, head)
            or _unseen(shown.source, new, test, fixtures, head, siblings)
        )
        others = Elsewhere({}, frozenset(), True, frozenset())
        if reason is None and tree is not None:
            said = "\n\n".join([shown.source, *fixtures])
            checked = asserted_methods(new, test, tested.name)
            others = elsewhere(new, test, file.path, tested.path, said, tree, checked)
            reason = _unexplained(others, _family(file))
            if reason is None and expects_unsaid(text, "\n".join([said, *others.pieces.values()])):
                reason = "unsaid_message"
        if reason is None:
            all_shown = "\n".join([shown.source, *fixtures, *others.pieces.values()])
            reason = unmet(text, file.language.name, fixtures, all_shown)
            tokens = words(new, test.start, test.end)
            if is_unbuilt(tokens, file.language.name, others.types, f"{all_shown}\n{text}"):
                reason = "helpers_not_shown"
        if reason is not None:
            yield Dropped(file.path, reason)
            continue
        mark = "#" if file.language.name == "python" else "//"
        parts = [f"{mark} {tested.path}\n{shown.source}"]
        parts += [f"{mark} {place}\n{piece}" for place, piece in others.pieces.items()]
        if head or fixtures:
            parts.append(f"{mark} {file.path}\n" + "\n\n".join(filter(None, [head, *fixtures])))
        asked = REQUEST.format(title=test.name, name=tested.name, path=tested.path, test_path=file.path)
        yield file.draft("test", text, instruction=asked, context="\n\n".join(parts))


def _form(text: str, head: str) -> str | None:
    """Say what is wrong with a test by its looks."""
    lines = text.count("\n") + 1
    if not MIN_TEST_LINES <= lines <= MAX_TEST_LINES:
        return "too_long_test" if lines > MAX_TEST_LINES else "too_short_test"
    if head.count("\n") >= MAX_IMPORT_LINES:
        return "too_long_function"
    return None


def _tested(path: str, title: str, calls: set[str], changed: list[_Tested], tools: set[str]) -> _Tested | str:
    """Choose the function that a test is about, or say why none can be named."""
    called = [each for each in changed if each.name in calls]
    if not called:
        return "no_function_tested"
    in_title = [each for each in called if _names(title, each.name)]
    in_path = [each for each in called if _names(path.rsplit("/", 1)[-1], each.name)]
    special = in_title or in_path or [each for each in called if each.name not in tools]
    if not special:
        return "function_of_all_tests"
    if in_title:  # of `add` and `add_all`, both in the title, the longer one is meant
        longest = max(len(each.name) for each in special)
        special = [each for each in special if len(each.name) == longest]
    elif any(COMPOUND.search(each) and _names(title, each) for each in calls):
        return "function_not_named"  # the title names one that the commit left alone
    if len({(each.path, each.owner, each.name) for each in special}) > 1:
        return "several_functions_tested"
    name = special[0].name
    if not in_title and (special[0].is_short or not (COMPOUND.search(name) and _share_a_word(title, name))):
        return "function_not_named"  # `create` may be anybody's, and of three lines more tests can be written than one
    return special[0] if len(special) == 1 else "overloaded_function"  # the call does not tell which one is meant


def _fit(
    tested: _Tested, source: _Shown, file: Parsed, test: TestFunction, fixtures: list[str], head: str
) -> str | None:
    """Say why the function is not the one that the test calls."""
    tokens = words(file, test.start, test.end)
    if tested.owner and file.language.name in TYPED:
        shown = {*tokens, *re.findall(r"\w+", "\n".join(fixtures))}
        if tested.owner not in shown and not _names(test.name, tested.owner):
            return "another_type_tested"
    if is_namesake_called(tokens, tested.name, tested.owner, file.language.name, head):
        return "another_type_tested"
    if file.language.name in OVERLOADING and any(_is_another(each, tokens) for each in fixtures):
        return "fixtures_not_shown"
    if source.taken is not None and source.taken not in given_counts(tokens, tested.name):
        return "overloaded_function"
    return source.fault


def _is_another(fixture: str, tokens: list[str]) -> bool:
    """Tell a helper that needs more values than the test gives: another one of its name is meant."""
    found = re.match(r"[\w:<>&*\s]*?(\w+)\s*\(([^()]*)\)\s*(?:const\s*)?\{", fixture)
    if found is None or found.group(1) not in tokens:
        return False
    needed = sum(bool(each.strip()) and "=" not in each for each in found.group(2).split(","))
    given = given_counts(tokens, found.group(1))
    return bool(given) and "..." not in found.group(2) and needed > max(given)


def _unseen(
    source: str, file: Parsed, test: TestFunction, fixtures: list[str], head: str, siblings: set[str]
) -> str | None:
    """Say whether the test leans on what is not shown."""
    lines = [each.count("\n") + 1 for each in fixtures]
    if sum(lines) > MAX_FIXTURES_LINES or max(lines, default=0) > MAX_FIXTURE_LINES:
        return "fixtures_not_shown"
    shown = "\n".join([head, *fixtures, source])
    return "helpers_not_shown" if hidden_names(file, test, shown) - siblings else None


def _unexplained(others: Elsewhere, family: str) -> str | None:
    """Say whether other files, too, leave open what a test leans on; only C++ writes it all out."""
    if others.missing:
        return "helpers_not_shown"
    return "fixtures_not_shown" if family == "c" and not others.is_whole else None


def _changed(file: ChangedFile) -> Iterator[_Tested]:
    """Yield the functions of a file that the commit changed or added, without its own tests."""
    try:
        regions = changed_regions(file.old or "", file.new, file.hunks)
    except Fault:  # the edit of this file is dropped for it, with the reason
        return
    new = parsed(file.new, file.language)
    own_tests = own_test_ranges(new)
    for function in new.functions:
        whole, start, end = function
        first, last = new.line_at(start), new.line_at(end)
        name = last_part(whole)
        is_touched = any(each.new_start <= last and first < max(each.new_end, each.new_start + 1) for each in regions)
        is_test = any(from_ <= first < to for from_, to in own_tests)
        if not is_touched or is_test or len(name) < MIN_NAME_CHARS or name.startswith("__"):
            continue
        source = new.text(start, end)
        owner = _owner(whole, source, class_line(new, start))
        if name != owner:  # nearly every test makes its objects by a constructor
            yield _Tested(name, owner, file.path, _family(file), last - first < DELEGATE_LINES, file, function)


def _shown(tested: _Tested) -> _Shown:
    """Put together what is shown of a function: documentation, the line of its class, and its short callees."""
    file, function = parsed(tested.file.new, tested.file.language), tested.function
    _, start, end = function
    mark = "#" if file.language.name == "python" else "//"
    remarks = syntax.comment_above(tested.file.new.split("\n"), file.line_at(start), mark)
    called, is_whole = callees(file, function)
    tokens = words(file, start, end)
    fault = None
    if file.line_at(end) - file.line_at(start) >= MAX_FUNCTION_LINES:
        fault = "too_long_function"
    elif _says_little(tokens, tested.name) and (not remarks or _takes_some(tokens, tested.name)):
        fault = "function_says_little"
    elif not is_whole and tested.is_short:
        fault = "work_done_elsewhere"
    taken, same = None, [each for each in file.functions if last_part(each[0]) == tested.name]
    if len(same) > 1 and file.language.name in OVERLOADING:
        taken = _taken(file, function)
        if fault is None and [_taken(file, each) for each in same].count(taken) > 1:
            fault = "overloaded_function"
    above = class_line(file, start)
    source = f"{above}\n" if above else ""
    source += remarks + file.text(start, end) + "".join(f"\n\n{each}" for each in called)
    return _Shown(source, taken, fault)


def _says_little(tokens: list[str], name: str) -> bool:
    """Tell a getter or setter, whose body neither calls nor decides nor computes."""
    at = tokens.index(name) if name in tokens else 0
    depth = 0
    for place in range(at + 1, len(tokens)):
        depth += (tokens[place] in "([") - (tokens[place] in ")]") if tokens[place] else 0
        if depth == 0 and tokens[place] in ("{", ":", "=>", "="):
            return WORK.isdisjoint(tokens[place + 1 :])
    return False


def _takes_some(tokens: list[str], name: str) -> bool:
    """Tell a function that is given more than its object."""
    given = next(iter(given_counts(tokens, name)), 0)
    return given > 1 or (given == 1 and "self" not in tokens[: tokens.index(name) + 6])


def _taken(file: Parsed, function: tuple[str, int, int]) -> int:
    """Count the values that a function takes."""
    name = last_part(function[0])
    return next(iter(given_counts(words(file, *function[1:]), name)), -1)


def _owner(name: str, source: str, above: str | None) -> str:
    """Name the type whose method a function is; empty for one of none."""
    if found := re.match(r"\s*func\s*\(\s*\w*\s*\*?\s*(\w+)", source):
        return found.group(1)
    if "::" in name:
        return name.split("::")[-2].split("<")[0].strip()
    if above is None:
        return ""
    if found := re.match(r"\s*(?:unsafe\s+)?impl\b", above):
        target = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", above[found.end() :])).split(" where ")[0]
        return re.sub(r"\W*\{.*", "", target.split(" for ")[-1]).strip().split("::")[-1].lstrip("&")
    named = re.search(r"\b(?:class|interface|enum|struct|record|trait)\s+(?:class\s+)?(\w+)", above)
    return named.group(1) if named else ""


def _names(title: str, name: str) -> bool:
    """Tell whether the words of a name stand in a title, one after the other."""
    said, asked = ([each.lower() for each in SPLIT.findall(text)] for text in (title, name))
    if " " in title and "TEST" not in title:  # in prose `ZodPreprocess` is another thing than `preprocess`
        whole = [[each.lower() for each in SPLIT.findall(text)] for text in re.findall(r"\w+", title)]
        said = [each for words_ in whole for each in (words_ if len(words_) == 1 or words_ == asked else [""])]
    return any(said[at : at + len(asked)] == asked for at in range(len(said) - len(asked) + 1)) if asked else False


def _share_a_word(title: str, name: str) -> bool:
    """Tell whether a word of a name, or one with the same beginning, stands in a title."""
    said, asked = ({each.lower()[:STEM] for each in SPLIT.findall(text) if len(each) > 2} for text in (title, name))
    return not (said & asked) <= WEAK_WORDS


def _family(file: ChangedFile) -> str:
    """Name the languages whose files call each other by one name."""
    name = file.language.name
    return "script" if name in SCRIPTS else "c" if name == "cpp" else name
