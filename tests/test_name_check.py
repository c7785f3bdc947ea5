"""A name that exists nowhere is called invented, one that existed once stale, and nothing else is."""

from __future__ import annotations

import pytest

from tests.names import decisions, item, judged, known
from tuner.name_check import check_names
from tuner.repo_names import Timeline

TILL = known("count", "Till", "refund")


def test_an_invented_call_is_found_and_known_ones_are_not() -> None:
    question = item("    total = ", "count(parts)")
    found = decisions(judged(question, "sum_up_everything(count(parts), len(parts), load(path, 1))", TILL))
    assert found == {"sum_up_everything": "invented", "count": "known", "len": "known", "load": "known"}


def test_the_authors_own_line_has_no_invented_name_even_if_it_brings_one_in() -> None:
    question = item("    total = ", "brand_new(parts)")
    assert decisions(judged(question, question.target, TILL)) == {"brand_new": "known"}
    assert decisions(judged(question, question.target, TILL, own=True)) == {"brand_new": "invented"}


def test_a_name_is_known_from_the_commit_that_brings_it_on_and_not_before() -> None:
    question = item("    ", "pass")
    for commits, decision in ((1, "known"), (2, "known"), (3, "invented")):
        names = known(added={"discount": commits})
        assert decisions(judged(question, "discount(path)", names)) == {"discount": decision}, commits


def test_a_name_that_was_taken_away_is_stale_from_then_on() -> None:
    question = item("    ", "pass")
    assert decisions(judged(question, "pay(path)", known("pay", gone={"pay": 2}))) == {"pay": "stale"}
    assert decisions(judged(question, "pay(path)", known("pay", gone={"pay": 3}))) == {"pay": "known"}
    assert decisions(judged(question, "pay(path)", known(stale={"pay": "d" * 12}))) == {"pay": "stale"}


def test_a_name_that_came_back_after_the_cut_is_known() -> None:
    names = known(stale={"pay": "d" * 12}, added={"pay": 1})
    assert decisions(judged(item("    ", "pass"), "pay(path)", names)) == {"pay": "known"}


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("self.reconcile(path)", {"reconcile": "invented"}),
        ("path.frobnicate()", {"frobnicate": "invented"}),
        ("os.path.joined(path)", {"path": "known", "joined": "invented"}),
        ('"".joined(parts)', {"joined": "invented"}),
        ("load(path, partz=1)", {"load": "known", "partz": "invented"}),
        ("dict(colour=1)", {"dict": "known", "colour": "undecided"}),
        ("later = 1; later()", {"later": "known"}),
        ("self.later = later.earlier", {"later": "known", "earlier": "invented"}),
        ("x = 1  # frobnicate(path)", {}),
        ('x = "frobnicate(path)"', {}),
    ],
)
def test_positions_that_count(answer: str, wanted: dict[str, str]) -> None:
    found = decisions(judged(item("    ", "pass"), answer, TILL))
    assert found == wanted


def test_what_a_declared_package_has_is_not_decided() -> None:
    names = known("count", dependencies=["requests"])
    file = "import requests\nfrom requests import Session as Own\n\n\ndef load(path):\n"
    question = item("    ", "pass", file=file)
    answer = "requests.fetch_it(path); Own().send_it(); path.whatever(); plain_call()"
    assert decisions(judged(question, answer, names)) == {
        "fetch_it": "undecided", "Own": "known", "send_it": "undecided", "whatever": "undecided",
        "plain_call": "invented",
    }  # fmt: skip


def test_the_imports_of_a_file_count_where_its_head_lies_beyond_the_prefix() -> None:
    question = item("    ", "pass")
    answer = "path.whatever()"
    assert decisions(judged(question, answer, known())) == {"whatever": "invented"}
    names = known(foreign={"shop/a.py": ["requests", "shop.till"]})
    assert decisions(judged(question, answer, names)) == {"whatever": "undecided"}


def test_imports() -> None:
    names = known("Till", "requests", dependencies=["flask"])
    question = item("", "pass", file="")
    answer = (
        "import json, nonsuch\nfrom .till import Till, Tell\nfrom .tell import Till\nfrom flask import Anything\n"
        "from shop.till import Tool\nimport requests\nfrom os import pathlike_thing\n"
    )
    assert decisions(judged(question, answer, names)) == {
        "json": "known", "nonsuch": "invented", ".till": "known", "Till": "known", "Tell": "invented",
        ".tell": "invented", "flask": "known", "Anything": "undecided", "shop.till": "known", "Tool": "invented",
        "requests": "known", "os": "known", "pathlike_thing": "invented",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("from shop.till import Till", {"shop.till": "known", "Till": "known"}),
        ("from shop.cellar.racks import Till", {"shop.cellar.racks": "invented", "Till": "known"}),
        ("from shop.tools import Tell", {"shop.tools": "invented", "Tell": "invented"}),
        ("from .tools import Tell", {".tools": "invented", "Tell": "invented"}),
        ("from shop._version import Till", {"shop._version": "known", "Till": "known"}),
        ("from nonsuch.tools import Tell", {"nonsuch.tools": "invented"}),
    ],
)
def test_each_part_of_a_path_into_ones_own_package_must_exist(answer: str, wanted: dict[str, str]) -> None:
    # `tools` and `_version` are words of the code, not files; examples declare the repository itself.
    names = known("Till", "tools", "_version", dependencies=["shop"])
    assert decisions(judged(item("", "pass", file=""), answer, names)) == wanted


def test_a_module_counts_as_written_in_the_file_only_where_it_is_imported() -> None:
    for file, decision in (
        ("import nonsuch_more\n", "invented"),
        ("nonsuch = 1\n", "invented"),
        ("import nonsuch.more\n", "known"),
    ):
        found = decisions(judged(item("", "pass", file=file), "import nonsuch", known()))
        assert found == {"nonsuch": decision}, file


def test_of_an_import_that_the_author_began_only_the_rest_is_judged() -> None:
    question = item("from shop.cellar import Racks, T", "ill", file="")
    found = judged(question, "ill, Bottles", TILL)
    assert decisions(found) == {"Till": "known", "Bottles": "invented"}


def test_an_unfinished_statement_is_read_as_far_as_it_goes() -> None:
    question = item("    self.", "x = 1", suffix="\n\n\ndef other() -> None:\n    return (1)\n")
    assert decisions(judged(question, "newly_set = count(", TILL)) == {"newly_set": "known", "count": "known"}
    assert decisions(judged(question, "newly_set == sum_up(", TILL)) == {"newly_set": "invented", "sum_up": "invented"}


def test_the_author_may_import_from_a_file_that_the_same_commit_adds() -> None:
    question = item("from shop.cel", "lar import Rack", file="")
    assert decisions(judged(question, question.target, known("Rack"))) == {"shop.cellar": "known", "Rack": "known"}
    assert decisions(judged(question, question.target, known("Rack"), own=True))["shop.cellar"] == "invented"


def test_a_word_under_the_cursor_counts_whole_and_one_that_was_cut_off_not_at_all() -> None:
    question = item("    read_fi", "le(path)")
    assert decisions(judged(question, "re(path)", TILL)) == {"read_fire": "invented"}
    assert decisions(judged(question, "le(path)", TILL)) == {"read_file": "known"}
    ended = judged(item("    ", "x"), "path.frobni", TILL)
    assert decisions(ended) == {"frobni": "invented"}
    assert decisions(judged(item("    ", "x"), "path.frobni", TILL, is_cut_off=True)) == {}


def test_an_answer_of_several_lines_is_read_as_one() -> None:
    question = item("    ", "pass")
    answer = "def helper(part):\n        return part.frobnicate()\n    return helper(count(parts))"
    assert decisions(judged(question, answer, TILL)) == {"helper": "known", "frobnicate": "invented", "count": "known"}


def test_a_prefix_that_begins_inside_a_docstring_is_read_as_one() -> None:
    file = (
        'and the caller doesn\'t wait.\n    """\n    return 1\n\n\ndef load(path):\n    """Load it, don\'t wait."""\n'
    )
    question = item("    ", "pass", file=file)
    assert decisions(judged(question, "path.frobnicate()", TILL)) == {"frobnicate": "invented"}


def test_more_syntax_errors_than_with_the_authors_text_are_counted() -> None:
    question = item("    total = ", "count(parts)")
    assert judged(question, "count(parts))", TILL).faults > judged(question, "count(parts)", TILL).faults == 0


@pytest.mark.parametrize(
    ("language", "file", "answer", "wanted"),
    [
        ("typescript", "import { a } from './a';\nfunction f(x: number) {\n", "x.frobnicate(); Math.max(1); a();",
         {"frobnicate": "invented", "max": "known", "a": "known"}),
        ("typescript", "",
         "import { count } from './till';\nimport { b } from './nonsuch';\nimport c from 'left-pad';\n",
         {"./till": "known", "count": "known", "./nonsuch": "invented", "b": "known", "left-pad": "invented"}),
        ("typescript", "import * as core from './till';\nfunction f(x: number) {\n",
         "new core.$Till(x); x.$frobnicate();",
         {"$Till": "known", "$frobnicate": "invented"}),
        ("go", 'package shop\n\nimport "strings"\n\nfunc f(s string) {\n', "strings.ToUpper(s)\n\tstrings.Upcase(s)\n",
         {"ToUpper": "known", "Upcase": "invented"}),
        ("rust", "use std::fmt;\n\nfn f(s: &str) {\n", "    let t = s.trim().frobnicate();\n    Vec::with_room(t);\n",
         {"trim": "known", "frobnicate": "invented", "with_room": "invented"}),
        ("java", "import java.util.List;\n\nclass A {\n  void f(List<String> s) {\n",
         "    s.add(this.frobnicate(s));\n",
         {"add": "known", "frobnicate": "invented"}),
        ("c", "#include <stdio.h>\n\nint f(char *s) {\n", '    printf("x", frobnicate(s));\n',
         {"printf": "known", "frobnicate": "invented"}),
        ("cpp", "#include <vector>\n\nint f(std::vector<int> v) {\n",
         "    v.push_back(1); v.frobnicate(); std::nonsuch(v);\n",
         {"push_back": "known", "frobnicate": "invented", "nonsuch": "invented"}),
    ],
)  # fmt: skip
def test_every_language_with_a_grammar(language: str, file: str, answer: str, wanted: dict[str, str]) -> None:
    suffix = "\n}\n" if file else ""
    found = decisions(judged(item("", "x", language=language, file=file, suffix=suffix, path="shop/a"), answer, TILL))
    assert {name: found.get(name) for name in wanted} == wanted


def test_a_language_without_a_grammar_is_not_judged() -> None:
    question = item("", "x", language="ruby")
    assert check_names(question, "frobnicate()", Timeline(TILL).before("c"), is_cut_off=False) is None
