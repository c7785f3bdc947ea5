"""Read an infilling prompt that an editor has put together back into the cursor that it stands for.

In: a prompt in the form of any family: Qwen and CodeGemma, DeepSeek, StarCoder and SmolLM, GLM, CodeLlama, Codestral.
Editors choose it by the model's name, often wrongly: a StarCoder template in front of a Qwen model is text that it has
never seen. Out: the cursor, which is then rendered as the served base learned it; None for a prompt in no such form.
Files before the cursor, as Qwen and StarCoder write them, become its neighbours, and a file's name in front of the
prefix its path.
"""

from __future__ import annotations

import re

from tuner.records import Neighbour
from tuner.serve.cursor import Cursor

_P, _S = "(?P<prefix>.*)", "(?P<suffix>.*)"
_FORMS = (
    (f"(?P<before>.*?)<|fim_prefix|>{_P}<|fim_suffix|>{_S}<|fim_middle|>", "<|file_sep|>"),
    (f"(?P<before>.*?)<|fim_suffix|>{_S}<|fim_prefix|>{_P}<|fim_middle|>", "<|file_sep|>"),
    (f"(?P<before>.*?)<fim_prefix>{_P}<fim_suffix>{_S}<fim_middle>", "<file_sep>"),
    (f"(?P<before>.*?)<fim-prefix>{_P}<fim-suffix>{_S}<fim-middle>", "<file_sep>"),
    (f"(?P<before>.*?)<｜fim▁begin｜>{_P}<｜fim▁hole｜>{_S}<｜fim▁end｜>", None),
    (f"(?P<before>.*?)<|code_suffix|>{_S}<|code_prefix|>{_P}<|code_middle|>(?:<|assistant|>)?", None),
    (f"(?P<before>)(?:<s>)? ?<PRE> ?{_P} <SUF>{_S} <MID>", None),
    (f"(?P<before>)(?:<s>)?[SUFFIX]{_S}[PREFIX]{_P}", None),
)
_LITERAL = re.compile(r"<\|\w+\|>|<fim[_-]\w+>|<｜fim▁\w+｜>|<PRE>|<SUF>|<MID>|\[SUFFIX\]|\[PREFIX\]")


def _compiled(form: str) -> re.Pattern[str]:
    escaped = _LITERAL.sub(lambda found: re.escape(found.group()), form)
    return re.compile(escaped, re.DOTALL)


_PATTERNS = tuple((_compiled(form), separator) for form, separator in _FORMS)
_MARKS = ("fim_", "code_middle", "fim-", "fim▁", "<PRE>", "[SUFFIX]")


def read_template(prompt: str) -> Cursor | None:
    """Give the cursor that a templated prompt stands for."""
    if not any(mark in prompt for mark in _MARKS):
        return None
    for pattern, separator in _PATTERNS:
        found = pattern.fullmatch(prompt.removesuffix("\n") if prompt.endswith(">\n") else prompt)
        if found is None:
            continue
        repo, files = _files(found["before"], separator)
        path = ""
        if files and not files[-1].text.strip():  # a name right in front of the prefix is that of the cursor's file
            path = files.pop().path
        return Cursor(found["prefix"], found["suffix"], path, repo, tuple(files))
    return None


def _files(before: str, separator: str | None) -> tuple[str | None, list[Neighbour]]:
    """Read a repository's name and other files, as they stand before a prefix."""
    if separator is None or not before.strip():
        return None, []
    head, *pieces = before.split(separator)
    named = re.fullmatch(r"(?:<\|repo_name\|>|<repo_name>)(.*?)\n?", head.strip("\n"), re.DOTALL)
    files = []
    for piece in pieces:
        path, _, text = piece.partition("\n")
        files.append(Neighbour(path.strip(), text))
    return (named.group(1).strip() or None) if named else None, files
