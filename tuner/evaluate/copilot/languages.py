"""The names that LSP has for languages, from a path; ours where LSP has none.

The server tells the language from the path as well; the name decides where it cannot.
"""

from __future__ import annotations

from pathlib import PurePosixPath

BY_ENDING = {
    "py": "python", "pyi": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript",
    "jsx": "javascriptreact", "ts": "typescript", "mts": "typescript", "cts": "typescript", "tsx": "typescriptreact",
    "go": "go", "java": "java", "rs": "rust", "c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hh": "cpp",
    "hpp": "cpp", "hxx": "cpp", "cs": "csharp", "rb": "ruby", "php": "php", "kt": "kotlin", "swift": "swift",
    "scala": "scala", "sh": "shellscript", "sql": "sql", "html": "html", "css": "css", "json": "json", "yaml": "yaml",
    "yml": "yaml", "md": "markdown", "m": "objective-c", "mm": "objective-cpp", "cu": "cuda-cpp", "vb": "vb",
}  # fmt: skip


def language_id(path: str, language: str) -> str:
    """Name the language of a file; `language` is what it is called here, and may be empty."""
    ending = PurePosixPath(path).suffix.lstrip(".").lower()
    return BY_ENDING.get(ending) or language.lower() or "plaintext"
