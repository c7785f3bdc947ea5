"""How each family writes infilling and repository context: the strings around a hole, and nothing that computes.

In: a vocabulary. Out: the form whose control tokens it holds, or None. `tuner.render` turns forms into token ids.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FimForm:
    """How a family writes infilling. `begin` opens the prompt; None marks what a family lacks.

    `repo` names the repository once, `file` each file; `between` ends a file that is followed by another one.
    `files_inside` is set where the files stand after the prefix token, because their names are comments in the code.
    """

    name: str
    begin: str
    repo: str
    file: str
    between: str
    files_inside: bool
    prefix: str | None
    suffix: str | None
    middle: str | None
    end: str
    stops: tuple[str, ...]


# Qwen2.5-Coder technical report (arXiv 2409.12186) figure 4: prefix, suffix, middle inside the repository form. Its
# README ends each file with a newline of its own, so that a blank line stands before the next separator.
QWEN = FimForm(
    "qwen",
    begin="",
    repo="<|repo_name|>{repo}\n",
    file="<|file_sep|>{path}\n",
    between="\n",
    files_inside=False,
    prefix="<|fim_prefix|>",
    suffix="<|fim_suffix|>",
    middle="<|fim_middle|>",
    end="<|endoftext|>",
    stops=("<|endoftext|>", "<|im_end|>", "<|fim_pad|>", "<|fim_prefix|>", "<|repo_name|>", "<|file_sep|>"),
)
# DeepSeek-Coder README, sections 2 and 4: begin, hole, end; files are introduced by a comment line with their name, and
# follow each other without anything between them.
DEEPSEEK = FimForm(
    "deepseek",
    begin="<｜begin▁of▁sentence｜>",
    repo="",
    file="#{path}\n",
    between="",
    files_inside=True,
    prefix="<｜fim▁begin｜>",
    suffix="<｜fim▁hole｜>",
    middle="<｜fim▁end｜>",
    end="<｜end▁of▁sentence｜>",
    stops=("<｜end▁of▁sentence｜>", "<｜fim▁begin｜>", "<|EOT|>"),
)
# No infilling tokens, but StarCoder's file separator: text after the cursor is not used. A form made of spare tokens
# with the suffix first gave no better bits per byte at equal compute, and is unknown to the untuned base.
PREFIX_ONLY = FimForm(
    "prefix_only",
    begin="",
    repo="",
    file="<file_sep>{path}\n",
    between="",
    files_inside=False,
    prefix=None,
    suffix=None,
    middle=None,
    end="<|endoftext|>",
    stops=("<|endoftext|>", "<|im_end|>", "<file_sep>", "<repo_name>"),
)
FORMS = (QWEN, DEEPSEEK, PREFIX_ONLY)


def find_form(vocabulary: dict[str, int]) -> FimForm | None:
    """Recognise the infilling form by the control tokens that a vocabulary holds."""
    for form in FORMS:
        needed = [form.prefix, form.suffix, form.middle] if form.prefix else [form.file.split("{")[0]]
        if all(token in vocabulary for token in [*needed, form.end]):
            return form
    return None
