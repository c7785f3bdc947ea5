"""A method is called on a value and a free function is not; where either may be, there is no verdict."""

from __future__ import annotations

import re

import pytest

from tuner.mine.receivers import is_namesake_called

IMPORTS = {
    "python": "import click\nimport click.utils as tools\nfrom click import termui, (Editor)\n",
    "go": 'import (\n\t"testing"\n\tpaths "path/filepath"\n\t"example.com/ledger/v2"\n)\n',
    "typescript": 'import * as z from "zod";\nimport { total } from "./total";\n',
}


@pytest.mark.parametrize(
    ("language", "call", "owner", "is_namesake"),
    [
        ("python", "click . edit (", "Editor", True),
        ("python", "edit (", "Editor", True),
        ("python", "tools . edit (", "Editor", True),
        ("python", "Editor ( ) . edit (", "Editor", False),
        ("python", "click . Editor . edit (", "Editor", False),
        ("python", "editor . edit (", "Editor", False),
        ("python", "termui . edit (", "Editor", False),  # a module, or a value that a module holds
        ("python", "cli . edit (", "", True),
        ("python", "cli . edit ( ) ; edit (", "", False),
        ("python", "click . utils . edit (", "", False),
        ("python", "termui . edit (", "", False),
        ("go", "ledger . edit (", "Editor", True),
        ("go", "e . edit (", "Editor", False),
        ("go", "e . edit (", "", True),
        ("go", "paths . edit (", "", False),
        ("rust", "editor :: edit (", "Editor", True),
        ("rust", "Editor :: edit (", "Editor", False),
        ("rust", "e . edit (", "", True),
        ("rust", "edit (", "", False),
        ("typescript", "z . edit (", "Editor", True),
        ("typescript", "schema . edit (", "", False),
        ("java", "edit (", "Editor", False),
        ("cpp", "e . edit (", "", False),
        ("python", "edit = 1", "Editor", False),  # not called at all: other rules speak of that
    ],
)
def test_a_call_that_cannot_mean_the_function_is_of_a_namesake(
    language: str, call: str, owner: str, is_namesake: bool
) -> None:
    assert is_namesake_called(call.split(), "edit", owner, language, IMPORTS.get(language, "")) == is_namesake
    assert not is_namesake_called(re.sub("edit", "other", call).split(), "edit", owner, language, "")
