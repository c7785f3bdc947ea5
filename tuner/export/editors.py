"""Write the settings of an editor for a served model, and a page that says what to click.

In: the editor's name, the model's name at the server, the server's address and what the base can do. Out: the files of
the editor's template folder, filled. No editor is left to choose a template by the model's name. Where it can
send the texts before and after the cursor apart, it does, and the server writes the prompt. Where there is another way
too, its file holds the base's own template.
A server's key is never written: an editor reads it from the environment, or has a place to put it.
Refused: an editor that is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tuner.errors import ExportError
from tuner.export.infill_templates import form_named, infill_template
from tuner.export.pages import fill, templates_in
from tuner.rundir import write_atomically

MODEL_NAME = "tuned"

EDITORS = ("continue", "llama.vscode", "llama.vim", "tabby", "zed", "neovim", "jetbrains", "emacs")
# What stands where a client insists on a key and the server wants none. It is no secret.
NO_KEY = "none"
_CHARS_PER_TOKEN = 3  # of code, with room to spare
_CHUNK_TOKENS = 500  # what an editor of llama.cpp's family sends of another file at most: 64 lines
_ZED_FORMATS = {"qwen": "qwen", "deepseek": "deepseek_coder"}


@dataclass(frozen=True, slots=True)
class Served:
    """A model as a server offers it. `key_name` is the environment variable with the server's key; None without one."""

    model: str
    url: str
    fim_form: str
    context_tokens: int
    max_new_tokens: int
    key_name: str | None = None


def write_editor(editor: str, served: Served, folder: Path) -> list[Path]:
    """Write one editor's files into `folder`, and return them, the page first."""
    if editor not in EDITORS:
        raise ExportError(f"--editor {editor}: wanted one of {', '.join(EDITORS)}", "tuner export --editor continue")
    values = _values(served)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in templates_in(f"editors/{editor}"):
        text = fill(f"editors/{editor}/{name}", **values)
        path = folder / name
        if text.strip():  # a template for what this base cannot do comes out empty
            write_atomically(path, text)
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    return sorted(written, key=lambda path: (path.name != "README.md", path.name))


def _values(served: Served) -> dict[str, Any]:
    form = form_named(served.fim_form)
    room = served.context_tokens - served.max_new_tokens
    return {
        "model": served.model,
        "url": served.url,
        "key": NO_KEY,
        "key_name": served.key_name,
        "key_here": f"PUT THE VALUE OF {served.key_name} HERE" if served.key_name else "",
        "infills": form.prefix is not None,
        "template": partial(infill_template, form),
        "stops": list(form.stops),
        "zed_format": _ZED_FORMATS.get(form.name, ""),
        "context_tokens": served.context_tokens,
        "prompt_tokens": room // 2,
        "context_chars": room // 2 * _CHARS_PER_TOKEN,
        "chunks": min(16, room // 2 // _CHUNK_TOKENS),
        "max_tokens": served.max_new_tokens,
    }
