"""Requests in words, and the base's own chat template around them: what training, evaluation and serving share.

In: messages, a Jinja template and the infilling form of a base. Out: the text of the prompt up to where the answer
begins, and what the template writes after an answer. Bases that think before they answer are asked not to: what a
repository teaches holds no thoughts, so that an open thought is closed at once, in training as in serving.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tuner.fim_forms import FimForm

FENCE = re.compile(r"`{3,}")
MARK = "\x00request\x00"
THOUGHT, NO_THOUGHT = "<think>\n", "\n</think>\n\n"


def rendered(template: str, messages: Sequence[tuple[str, str]], form: FimForm, asks: bool = True) -> str:
    """Render messages, each a role and a text; `asks` ends with where the answer begins. Refusals are TemplateError."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    text = environment.from_string(template).render(
        messages=[{"role": role, "content": content} for role, content in messages],
        add_generation_prompt=asks,
        enable_thinking=False,
        bos_token=form.begin,
        eos_token=form.end,
    )
    return text + NO_THOUGHT if asks and text.endswith(THOUGHT) else text


def frame(template: str, form: FimForm) -> tuple[str, str] | None:
    """Give what stands before and after a request; None where the template does not show it once."""
    before, found, after = rendered(template, [("user", MARK)], form).partition(MARK)
    return (before, after) if found and MARK not in after and before + after else None


def answer_end(template: str | None, form: FimForm, control: Collection[str]) -> str:
    """Give what ends an answer: the first control token that the template writes after one, and what precedes it."""
    if template is None:
        return form.end
    try:
        text = rendered(template, [("user", "a"), ("assistant", MARK), ("user", "b")], form, asks=False)
    except TemplateError:  # a template for a single request
        return form.end
    after = text.partition(MARK)[2]
    found = re.search("|".join(map(re.escape, sorted(control, key=len, reverse=True))), after) if control else None
    return after[: found.end()] if found else form.end


def chat_request(instruction: str, context: str) -> str:
    """Write a request in words and, if there is any, the code that it is about, as training and serving show it."""
    if not context:
        return instruction
    fence, line_end = fence_for(context), "" if context.endswith("\n") else "\n"
    return f"{instruction}\n\n{fence}\n{context}{line_end}{fence}"


def fence_for(*texts: str) -> str:
    """Give a Markdown fence that is longer than any in `texts`, so that none of them can end it."""
    runs = (len(run) for text in texts for run in FENCE.findall(text))
    return "`" * max(3, 1 + max(runs, default=0))


def read_chat_template(folder: Path) -> str | None:
    """Find a base's chat template where transformers saves it; None for a base that has none."""
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    config = folder / "tokenizer_config.json"
    if config.is_file():
        template = json.loads(config.read_text(encoding="utf-8")).get("chat_template")
        return template if isinstance(template, str) else None
    return None


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
