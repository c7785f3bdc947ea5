"""Prompts that editors put together are read back, whichever family's form they chose."""

from __future__ import annotations

import pytest

from tuner.records import Neighbour
from tuner.serve.cursor import Cursor
from tuner.serve.templates import read_template

PREFIX, SUFFIX = "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n"


@pytest.mark.parametrize(
    "template",
    [
        "<|fim_prefix|>{p}<|fim_suffix|>{s}<|fim_middle|>",  # Qwen, CodeGemma; Continue: "qwen" and "coder"
        "<fim_prefix>{p}<fim_suffix>{s}<fim_middle>",  # StarCoder; Continue's choice for unknown names
        "<fim-prefix>{p}<fim-suffix>{s}<fim-middle>",
        "<｜fim▁begin｜>{p}<｜fim▁hole｜>{s}<｜fim▁end｜>",  # DeepSeek
        "<PRE> {p} <SUF>{s} <MID>",  # CodeLlama
        "[SUFFIX]{s}[PREFIX]{p}",  # Codestral
        "<|fim_suffix|>{s}<|fim_prefix|>{p}<|fim_middle|>",  # the suffix first
        "<|user|>\n###PATH:a.py\n###LANGUAGE:\n###MODE:BLOCK\n<|code_suffix|>{s}<|code_prefix|>{p}<|code_middle|>"
        "<|assistant|>\n",  # GLM
    ],
)
def test_every_family_s_template_gives_its_cursor(template: str) -> None:
    assert read_template(template.format(p=PREFIX, s=SUFFIX)) == Cursor(PREFIX, SUFFIX)


def test_other_files_become_neighbours_and_the_last_name_the_path() -> None:
    head = "<|repo_name|>shop\n<|file_sep|>a.py\nx = 1\n<|file_sep|>b.py\n"
    cursor = read_template(f"{head}<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>")
    assert cursor == Cursor(PREFIX, SUFFIX, "b.py", "shop", (Neighbour("a.py", "x = 1\n"),))


@pytest.mark.parametrize("prompt", ["def f():", "x < fim_y", "<|fim_prefix|>only", "", "[PREFIX] of a list"])
def test_a_prompt_in_no_such_form_is_left_alone(prompt: str) -> None:
    assert read_template(prompt) is None
