"""Tell languages by file name.

In: a path. Out: a `Language`, or None for files that hold no code (data, pictures: their text teaches nothing that an
editor would complete). Languages without a grammar are treated by lines. A notebook's own language stands in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tuner.grammars import GRAMMARS


@dataclass(frozen=True, slots=True)
class Language:
    """A language. `grammar` names the package and its function; None is treated by lines.

    `is_code` is false for configuration: it gives whole files, but no commit that touches only it is a code commit.
    `is_notebook` marks JSON around code cells: the cells are read by `notebooks`, and its diffs are of no use.
    """

    name: str
    grammar: tuple[str, str] | None = None
    is_code: bool = True
    is_notebook: bool = False


EXTENSIONS = {
    "python": "py pyi pyw",
    "javascript": "js jsx mjs cjs",
    "typescript": "ts mts cts",
    "tsx": "tsx",
    "go": "go",
    "java": "java",
    "rust": "rs",
    "c": "c h",
    "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp inl tpp",
    "cuda": "cu cuh",
    "objective-c": "m mm",
    "ruby": "rb rake gemspec",
    "php": "php",
    "csharp": "cs",
    "fsharp": "fs fsx",
    "visual-basic": "vb",
    "kotlin": "kt kts",
    "swift": "swift",
    "scala": "scala sc",
    "groovy": "groovy gradle",
    "clojure": "clj cljs cljc",
    "dart": "dart",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "haskell": "hs",
    "ocaml": "ml mli",
    "lua": "lua",
    "perl": "pl pm",
    "r": "r",
    "julia": "jl",
    "nim": "nim",
    "zig": "zig",
    "d": "d",
    "fortran": "f f90 f95",
    "ada": "adb ads",
    "cobol": "cob cbl",
    "solidity": "sol",
    "verilog": "v sv",
    "vhdl": "vhd vhdl",
    "assembly": "s asm",
    "shell": "sh bash zsh ksh fish",
    "powershell": "ps1 psm1",
    "batch": "bat cmd",
    "sql": "sql",
    "graphql": "graphql gql",
    "protobuf": "proto",
    "thrift": "thrift",
    "terraform": "tf hcl",
    "html": "html htm",
    "vue": "vue",
    "svelte": "svelte",
    "astro": "astro",
    "jinja": "j2 jinja jinja2",
    "css": "css scss sass less",
    "cmake": "cmake",
    "make": "mk",
    "nix": "nix",
}
FILE_NAMES = {
    "makefile": "make",
    "dockerfile": "dockerfile",
    "cmakelists.txt": "cmake",
    "rakefile": "ruby",
    "gemfile": "ruby",
}
CONFIGURATION = {"yaml": "yaml yml", "toml": "toml", "ini": "ini cfg"}
PROSE = {"markdown": "md mdx markdown", "restructuredtext": "rst", "asciidoc": "adoc", "text": "txt", "latex": "tex"}


# What no C compiler accepts, at the beginning of a line.
CPP_SIGNS = re.compile(
    r"^[ \t]*(template[ \t]*<|namespace[ \t]+[\w:]+[ \t]*\{|using[ \t]+(namespace[ \t]|\w+[ \t]*=)"
    r"|class[ \t]+\w+[^;(){}]*\{)",
    re.MULTILINE,
)
CPP_WORDS = ("template", "namespace", "using", "class")  # one of them begins each of these signs
# A section, or a key with its value; a `.cfg` without either is the configuration of a program with its own language.
INI_SIGNS = re.compile(r"^[ \t]*(\[[^\]\n]+\][ \t]*$|[\w.-]+[ \t]*=)", re.MULTILINE)


def _table() -> dict[str, Language]:
    table = {}
    for names, is_code in ((EXTENSIONS, True), (CONFIGURATION, False), (PROSE, False)):
        for name, endings in names.items():
            for ending in endings.split():
                table[ending] = Language(name, GRAMMARS.get(name), is_code)
    return table | {"ipynb": Language("jupyter", is_code=False, is_notebook=True)}


BY_EXTENSION = _table()
CODE_ENDINGS = tuple(f".{ending}" for ending, language in BY_EXTENSION.items() if language.is_code)
BY_NAME = {language.name: language for language in BY_EXTENSION.values()}


def language_of(path: str) -> Language | None:
    """Name the language of a path, by its last component only."""
    name = path.rsplit("/", 1)[-1].lower()
    if name in FILE_NAMES:
        return Language(FILE_NAMES[name])
    stem, dot, ending = name.rpartition(".")
    return BY_EXTENSION.get(ending) if dot and stem else None


def language_named(name: str) -> Language:
    """Give a language by its own name, as a notebook or a record states it."""
    return BY_NAME.get(name) or Language(name, is_code=name != "configuration")


def dialect_of(language: Language, text: str) -> Language:
    """Tell a C++ header from a C header, since both may end in `.h`, and an INI file from another one in `.cfg`."""
    if language.name == "ini" and not INI_SIGNS.search(text):
        return language_named("configuration")
    return language_named("cpp") if language.name == "c" and _has_cpp_sign(text) else language


def _has_cpp_sign(text: str) -> bool:
    """Look for the words first, which is ten times as fast as trying the pattern on every line."""
    for word in CPP_WORDS:
        at = text.find(word)
        while at >= 0:
            start = text.rfind("\n", 0, at) + 1
            if not text[start:at].strip(" \t") and CPP_SIGNS.match(text, start):
                return True
            at = text.find(word, at + 1)
    return False


def is_prose(language: Language) -> bool:
    """Tell documentation from what a machine reads."""
    return language.name in PROSE


def code_globs() -> list[str]:
    """Give git pathspecs that match every code file, so that git leaves data files out of its patches."""
    return [f":(icase)*{ending}" for ending in CODE_ENDINGS] + [f":(icase,glob)**/{name}" for name in FILE_NAMES]


def is_globbed(path: str) -> bool:
    """Tell whether `code_globs` match a path."""
    path = path.lower()
    return path.endswith(CODE_ENDINGS) or path.rpartition("/")[2] in FILE_NAMES
