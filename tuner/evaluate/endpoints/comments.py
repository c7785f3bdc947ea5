"""Write text as comments of a language, so that an API that takes only a prefix can be shown other files.

In: text and a language's name, as `Item.language` states it. Out: each line as a comment; None for a language whose
comments are not known, in which nothing but its own code can be shown. Where a comment needs an end, lines that hold
that end are left out, since they would close it too early.
"""

from __future__ import annotations

_SIGNS = {
    "# ": "python ruby perl r julia nim elixir shell powershell terraform graphql cmake make nix dockerfile yaml toml",
    "// ": "javascript typescript tsx go java rust c cpp cuda objective-c php csharp fsharp kotlin swift scala groovy "
    "dart zig d solidity verilog protobuf thrift asciidoc",
    "-- ": "sql lua haskell ada vhdl",
    "; ": "clojure assembly ini",
    "% ": "erlang latex",
    "' ": "visual-basic",
    "! ": "fortran",
    "*> ": "cobol",
    "REM ": "batch",
    ".. ": "restructuredtext",
}
_PAIRS = {
    ("<!-- ", " -->"): "html vue svelte astro markdown",
    ("/* ", " */"): "css",
    ("(* ", " *)"): "ocaml",
    ("{# ", " #}"): "jinja",
}
_MARKS: dict[str, tuple[str, str]] = {
    **{name: (sign, "") for sign, names in _SIGNS.items() for name in names.split()},
    **{name: marks for marks, names in _PAIRS.items() for name in names.split()},
}


def as_comment(text: str, language: str) -> str | None:
    """Write every line of `text` as a comment, with a line end after each; None if the language has none."""
    marks = _MARKS.get(language)
    if marks is None:
        return None
    begin, end = marks
    lines = [line for line in text.rstrip("\n").split("\n") if not end or end.strip() not in line]
    return "".join(f"{begin}{line}{end}".rstrip() + "\n" for line in lines)
