"""Tell tests that check nothing, and those that expect words which nothing shown says.

In: a test with its tree, and what is shown beside it. Out: yes or no. Nothing is checked by a test that only prints, by
a comparison that stands alone, by a promise that nobody waits for, by what the compiler alone refuses, and in Python by
assertions that stand in a function which is only handed on, since who calls it may swallow them.
"""

from __future__ import annotations

import re
from collections import Counter

from tree_sitter import Node

from tuner.mine import syntax
from tuner.mine.parsed import Parsed
from tuner.mine.test_code import TestFunction

EMPTY_CHECK = re.compile(r"\)\s*\.(?:rejects|resolves|not|to|be)\s*(?:;|$)", re.MULTILINE)
PRINTS = re.compile(r"\bprint(?:ln|f)?!?\s*\(|console\.log|System\.out|\bPrint(?:ln|f)?\(")
CHECKS = re.compile(r"assert|expect|should|raises|fail|Error|panic|check|verify|match|want", re.IGNORECASE)
MESSAGE = re.compile(r"[mM]essage|getLocalizedMessage|match=|\.Error\(\)|what\(\)|toThrow|FORMAT_ERROR|THROW_MSG")
# What the test itself says.
OWN_WORDS = re.compile(r"\bt\.(?:Error|Fatal|Log|Skip|Run)f?\(|\bfail\(|\bthrow new\b|\bpanic\w*!?\(")
LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`([^`]*)`")
WORD = re.compile(r"[A-Za-z]{4,}")
MIN_WORDS, MIN_SAID = 5, 0.5
MIN_COPIED = 0.4  # of the runs of three words; what is put in between breaks some


def checks_nothing(file: Parsed, test: TestFunction) -> bool:
    """Tell whether a test cannot fail for what it seems to check."""
    text = file.text(test.start, test.end)
    if PRINTS.search(text) and not CHECKS.search(text):
        return True
    if EMPTY_CHECK.search(text) or "@ts-expect-error" in text:
        return True
    return file.language.name == "python" and _python_checks_nothing(file, test)


def _python_checks_nothing(file: Parsed, test: TestFunction) -> bool:
    nodes = syntax.nodes_between(
        file.tree, file.language, "expression_statement assert_statement call", test.start, test.end
    )
    inside = [each for each in nodes if test.start <= each.start_byte and each.end_byte <= test.end]
    statements = [each for each in inside if each.type == "expression_statement"]
    if any([child.type for child in each.named_children] == ["comparison_operator"] for each in statements):
        return True
    checks = [each for each in inside if each.type == "assert_statement" or _is_checking_call(each)]
    return bool(checks) and all(_depth(each, test) > 1 for each in checks)


def _is_checking_call(node: Node) -> bool:
    called = node.child_by_field_name("function") if node.type == "call" else None
    return called is not None and re.search(rb"raises|warns|fail$|assert|check|expect", called.text or b"") is not None


def _depth(node: Node, test: TestFunction) -> int:
    """Count the functions of a test around a node."""
    depth, above = 0, node.parent
    while above is not None and above.start_byte >= test.start:
        depth += above.type == "function_definition"
        above = above.parent
    return depth


def expects_unsaid(text: str, shown: str) -> bool:
    """Tell whether a test compares a message word by word with one that nothing shown says."""
    said = {word.lower() for word in WORD.findall(shown)}
    lines = text.split("\n")
    runs = _runs("\n".join([shown, text])) if MESSAGE.search(text) else Counter()
    for number, line in enumerate(lines):
        if OWN_WORDS.search(line) or not MESSAGE.search("\n".join(lines[max(0, number - 2) : number + 2])):
            continue
        rest = {word.lower() for each in (*lines[:number], *lines[number + 1 :]) for word in WORD.findall(each)}
        for groups in LITERAL.findall(line):
            literal = "".join(groups)
            words = {word.lower() for word in WORD.findall(literal)}
            if len(words) < MIN_WORDS:
                continue
            own = _runs(literal)
            copied = sum(runs[run] > count for run, count in own.items())
            if copied < MIN_COPIED * len(own) or len(words & (said | rest)) < MIN_SAID * len(words):
                return True
    return False


def _runs(text: str) -> Counter[tuple[str, str, str]]:
    """Count the runs of three words of a text: a message is said where one of its runs stands somewhere else."""
    words = [word.lower() for word in re.findall(r"[A-Za-z]+", text)]
    return Counter(zip(words, words[1:], words[2:], strict=False))
