"""A whole file is read without the licence that every file repeats."""

from __future__ import annotations

from tests.mine.kinds.files import file_of
from tuner.mine import licence_texts
from tuner.mine.kinds import file

LICENCE = "# Copyright 2020 Ledger\n# Licensed under the MIT License\n"


def test_a_licence_header_is_not_learned_and_other_headers_are() -> None:
    assert licence_texts.without_licence("#!/bin/sh\n" + LICENCE + "\necho\n") == "#!/bin/sh\necho\n"
    assert licence_texts.without_licence("/* SPDX-License-Identifier: MIT */\nint x;\n") == "int x;\n"
    assert licence_texts.without_licence("# Adds up totals\nx = 1\n") == "# Adds up totals\nx = 1\n"


def test_the_head_is_given_apart_so_that_its_owner_can_be_asked_for() -> None:
    assert licence_texts.licence_head("#!/bin/sh\n" + LICENCE + "\necho\n") == LICENCE
    assert licence_texts.licence_head("# Adds up totals\nx = 1\n") == ""


def test_a_file_of_nothing_but_a_licence_gives_no_pair() -> None:
    assert list(file.drafts(file_of("a.py", LICENCE))) == []
    assert [draft.response for draft in file.drafts(file_of("a.py", LICENCE + "x = 1\n"))] == ["x = 1\n"]
