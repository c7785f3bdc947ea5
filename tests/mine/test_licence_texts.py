"""Licences in a file's own text are found at its top and in its strings, and nothing is completed in them."""

from __future__ import annotations

import random

from tests.mine.kinds.files import file_of
from tuner.mine.holes import choose_lines, choose_nodes
from tuner.mine.licence_texts import (
    copyright_head,
    head_range,
    is_licence_text,
    licence_head,
    licences_in_strings,
    without_licence,
)

LICENCE = "# Copyright 2020 Ledger\n# Licensed under the MIT License\n"
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software.
"""
CODE = "".join(f"\nfunc add{name}(total int) int {{\n\tsum := total + {name}\n\treturn sum\n}}\n" for name in range(20))


def go(text: str, code: str = "") -> str:
    return f"package ledger\n\nconst Text = `{text}`\n{code}"


def test_a_licence_header_is_not_learned_and_other_headers_are() -> None:
    assert without_licence("#!/bin/sh\n" + LICENCE + "\necho\n") == "#!/bin/sh\necho\n"
    assert without_licence("/* SPDX-License-Identifier: MIT */\nint x;\n") == "int x;\n"
    assert without_licence("# Adds up totals\nx = 1\n") == "# Adds up totals\nx = 1\n"


def test_the_head_is_given_apart_so_that_its_owner_can_be_asked_for() -> None:
    assert licence_head("#!/bin/sh\n" + LICENCE + "\necho\n") == LICENCE
    assert licence_head("# Adds up totals\nx = 1\n") == ""


def test_no_cursor_stands_in_the_head() -> None:
    file = file_of("a.py", LICENCE + "\ntotal = first + second\nprint(total, first, second)\n")
    ((_, end),) = head_range(file.text)
    found = choose_lines(file, random.Random(1), 20, to_block_end=False)
    assert found and all(start >= end for start, _ in found)


def test_a_file_of_a_licence_in_a_string_is_a_licence_text_and_one_with_code_is_not() -> None:
    assert is_licence_text(file_of("a.go", go(MIT)))
    assert not is_licence_text(file_of("a.go", go(MIT, CODE)))
    assert not is_licence_text(file_of("a.go", go(MIT.replace("Permission", "Leave").replace("granted", "given"))))


def test_no_hole_stands_in_a_licence_or_cursor_in_a_long_string() -> None:
    for text in (MIT, "Usage:\n  ledger add\n  ledger sum\n  ledger list all of them\n"):
        file = file_of("a.go", go(text, CODE))
        string = range(file.data.index(b"`"), file.data.rindex(b"`"))
        holes = choose_lines(file, random.Random(1), 100, to_block_end=False)
        if licences_in_strings(file):
            holes += choose_nodes(file, random.Random(1), 100)
        assert holes and not any(start in string or end in string for start, end in holes)


def test_a_docstring_with_a_line_of_copyright_names_its_holder_as_a_comment_does() -> None:
    notice = " * Copyright (c) 2013 Zora Quillfeather\n"
    assert notice in copyright_head(f'"""Parses options.\n\n{notice}"""\nimport sys\n')
    assert notice in copyright_head(f"#!/usr/bin/env python\n'''Parses options.\n\n{notice}'''\nimport sys\n")
    assert copyright_head('"""Parses options. See the licence."""\nimport sys\n') == ""
    assert copyright_head(f'import sys\n"""{notice}"""\n') == ""
