"""Find which names the lines of a patch define, without parsing the file.

In: hunks. Out: the names that added and removed lines define, by how a definition begins in the languages with a
grammar; Ruby, PHP, Kotlin, Swift and others that share the words are met too. Left out: names of fewer than three
characters, and variables that are indented, which are mostly local.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tuner.mine.history import Patch

FEWEST_CHARS, MOST_CHARS = 3, 80
_BEFORE = (
    rb"(?:(?:export|default|pub(?:\([^)\n]*\))?|public|private|protected|internal|static|final|abstract|async|unsafe|"
    rb"inline|virtual|override|declare|synchronized|sealed|open|typedef)[ \t]+)*"
)
_WORDS = (
    rb"(?:def|class|function\*?|func(?:[ \t]*\([^)\n]*\))?|fn|struct|enum|union|trait|interface|type|macro_rules!|"
    rb"fun|namespace)"
)
DEFINITION = re.compile(
    rb"^([+-])(?:[ \t]*" + _BEFORE + _WORDS + rb"[ \t]+([A-Za-z_$][\w$]*)"
    rb"|[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)"
    rb"|(?:export[ \t]+)?(?:const|let|var|static|pub[ \t]+const|pub[ \t]+static)[ \t]+([A-Za-z_$][\w$]*)[ \t]*[:=]"
    rb"|([A-Za-z_]\w*)(?:[ \t]*:[^=\n]*)?[ \t]*=[^=]"
    rb"|[ \t]*(?:public|private|protected|static)[ \t][\w \t<>\[\],.?&*:]*?([A-Za-z_]\w*)[ \t]*\([^;\n]*$"
    rb"|(?:[A-Za-z_][\w:<>]*[ \t*&]+)+([A-Za-z_]\w*)[ \t]*\([^;\n]*$)",
    re.MULTILINE,
)


def definitions_of(patches: Iterable[Patch]) -> tuple[list[str], list[str]]:
    """Give the names that added lines define, and those that removed lines define and no added line does."""
    sides: dict[bytes, set[str]] = {b"+": set(), b"-": set()}
    for patch in patches:
        for hunk in patch.hunks:
            for sign, *names in DEFINITION.findall(b"\n".join(hunk.lines)):
                name = b"".join(names)
                if FEWEST_CHARS <= len(name) <= MOST_CHARS:
                    sides[sign].add(name.decode("utf-8", "replace"))
    added, removed = sides[b"+"], sides[b"-"]
    return sorted(added - removed), sorted(removed - added)
