"""Fill templates: the pages and settings that an export writes for engines and editors.

In: a template below `templates/` and its values. Out: text. The signs are `<<` and `>>`, `<%` and `%>`, since the
languages that are written here have taken all the usual ones. A name that a template asks for and nobody gave is an
error.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name("templates")
ENDING = ".j2"


def fill(template: str, /, **values: Any) -> str:
    """Fill one template, named by its path below `templates/`."""
    return _environment().get_template(template + ENDING).render(**values)


def templates_in(folder: str) -> list[str]:
    """Name the templates of a folder, by their paths below it."""
    home = TEMPLATES / folder
    return [path.relative_to(home).as_posix().removesuffix(ENDING) for path in sorted(home.rglob(f"*{ENDING}"))]


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # no page is HTML
    )
    environment.filters["json"] = _as_json
    environment.filters["toml"] = _as_json  # a basic string of TOML is a string of JSON
    environment.filters["lua"] = _as_lua
    environment.filters["lisp"] = _as_lisp
    environment.filters["vim"] = _as_vim
    return environment


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _as_lua(text: str) -> str:
    return '"' + _escaped(text) + '"'


def _as_lisp(text: str) -> str:
    return '"' + _escaped(text) + '"'


def _as_vim(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
