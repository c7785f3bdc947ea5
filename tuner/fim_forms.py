"""How each family writes infilling and repository context: the strings around a hole, and nothing that computes.

In: a vocabulary. Out: the form whose control tokens it holds, or None. `tuner.render` turns forms into token ids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class FimForm:
    """How a family writes infilling. `begin` opens the prompt; None marks what a family lacks.

    `repo` names the repository once, `file` each file; `between` ends a file that is followed by another one.
    `files_inside` is set where the files stand after the prefix token, because their names are comments in the code.
    `order` is psm where the text before the cursor comes first, spm where the text after it does. `asking` stands
    before all files and `answering` after the middle token, where infilling is a turn of a conversation; `here` names
    the file of the cursor where that is written otherwise than `file`.
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
    order: Literal["psm", "spm"] = "psm"
    asking: str = ""
    here: str | None = None
    answering: str = ""


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
# The R1 distillations have Qwen's vocabulary, in which DeepSeek's begin and end took the places of Qwen's.
R1_QWEN = replace(
    QWEN,
    name="r1_qwen",
    begin="<｜begin▁of▁sentence｜>",
    end="<｜end▁of▁sentence｜>",
    stops=("<｜end▁of▁sentence｜>", "<|fim_pad|>", "<|fim_prefix|>", "<|repo_name|>", "<|file_sep|>", "<｜User｜>"),
)
# CodeGeeX4's infilling guideline: a turn of a conversation, the text after the cursor first, the language left blank as
# it allows. A GLM of another line that holds the same tokens is asked the same way; its makers have published no form.
GLM = FimForm(
    "glm",
    begin="[gMASK]<sop>",
    repo="",
    file="###REFERENCE:\n###PATH:{path}\n",
    between="",
    files_inside=False,
    prefix="<|code_prefix|>",
    suffix="<|code_suffix|>",
    middle="<|code_middle|>",
    end="<|endoftext|>",
    stops=("<|endoftext|>", "<|user|>", "<|observation|>", "<|code_prefix|>", "<|code_suffix|>"),
    order="spm",
    asking="<|user|>\n",
    here="###PATH:{path}\n###LANGUAGE:\n###MODE:BLOCK\n",
    answering="<|assistant|>\n",
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
# Neither infilling tokens nor a separator: a comment names the file. One form for each pair of begin and end tokens.
PLAIN = replace(PREFIX_ONLY, name="plain", file="#{path}\n", stops=("<|endoftext|>", "<|im_end|>"))
PLAIN_GLM = replace(PLAIN, name="plain_glm", begin=GLM.begin, stops=("<|endoftext|>", "<|user|>", "<|observation|>"))
PLAIN_DEEPSEEK = replace(
    PLAIN, name="plain_deepseek", begin=DEEPSEEK.begin, end=DEEPSEEK.end, stops=(DEEPSEEK.end, "<｜User｜>", "<|EOT|>")
)
PLAIN_LLAMA = replace(
    PLAIN,
    name="plain_llama",
    begin="<|begin_of_text|>",
    end="<|end_of_text|>",
    stops=("<|end_of_text|>", "<|eot_id|>"),
)
_CONTROL = re.compile(r"\[\w+\]|<[^>]+>")
FORMS = (QWEN, R1_QWEN, DEEPSEEK, GLM, PREFIX_ONLY, PLAIN_GLM, PLAIN_DEEPSEEK, PLAIN_LLAMA, PLAIN)


def find_form(vocabulary: dict[str, int]) -> FimForm | None:
    """Recognise the infilling form by the control tokens that a vocabulary holds; the richest comes first."""
    for form in FORMS:
        own = [form.prefix, form.suffix, form.middle] if form.prefix else _CONTROL.findall(form.file)
        if all(token in vocabulary for token in [*own, *_CONTROL.findall(form.begin), form.end]):
            return form
    return None
