"""Write text of a repository so that a reader sees all of it: nothing invisible, nothing that turns its surroundings.

In: any text. Out: the same, with characters that cannot be seen, or that steer a terminal or the direction of writing,
as their code point, such as `<U+202E>`. Nothing is dropped. It is no escaping for HTML: that comes after it.
"""

from __future__ import annotations

import unicodedata

SHOWN_AS_IS = "\n\t"
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidi marks, surrogates, private, line separators


def visible(text: str) -> str:
    """Write out every character that cannot be seen or that steers its surroundings; `\\n` and tab stay."""
    if text.isprintable():
        return text
    return "".join(
        f"<U+{ord(each):04X}>" if each not in SHOWN_AS_IS and unicodedata.category(each) in INVISIBLE else each
        for each in text
    )
