"""Read the code cells of a Jupyter notebook as one program.

In: the bytes of an `.ipynb` file (nbformat 3 or 4). Out: its code cells in jupytext's percent format (`# %%` before
each) and the name of their language; or the reason why there is none. Outputs and text cells are never read: they hold
pictures, data and people. Magics and shell commands become comments, so that what is left parses as Python.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_NOTEBOOK_BYTES = 10_000_000  # outputs make notebooks large; the cells pass the usual gate on size afterwards
MARKER = "# %%"
LANGUAGES = {"python": "python", "ipython": "python", "r": "r", "ir": "r", "julia": "julia"}
# Cell magics whose cell still is Python; under any other one the whole cell is another language.
PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "python", "python3", "pypy", "lprun"})
MAGIC = re.compile(r"(\s*)(%{1,2}[A-Za-z_]\S*|!{1,2}\S.*|\?{1,2}[\w.%*]+|[\w.%*]+\?{1,2}\s*$)")
ASSIGNED_MAGIC = re.compile(r"(\s*)[\w.,\s]+=\s*(![^=]|%[A-Za-z_])")
STRING_OR_COMMENT = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*")
CELL_MAGIC = re.compile(r"\s*%%([A-Za-z_]\w*)")


def code_of(data: bytes) -> tuple[str, str] | str:
    """Give the program in a notebook and its language's name, or the reason why it has none."""
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError):  # ValueError: no JSON, no UTF-8, or an absurd number
        return "bad_notebook"
    cells = _cells(notebook)
    if cells is None:
        return "bad_notebook"
    language = _language(notebook, cells)
    if language is None:
        return "notebook_language"
    sources = [source for cell in cells if (source := _source(cell)).strip()]
    if not sources:
        return "too_small"
    if language == "python":
        sources = [_without_magics(source) for source in sources]
    text = "\n\n".join(f"{MARKER}\n{source.strip(chr(10)).rstrip()}" for source in sources) + "\n"
    # JSON can escape half a surrogate pair, which no encoding can write.
    return "not_utf8" if any("\ud800" <= character <= "\udfff" for character in text) else (text, language)


def _cells(notebook: Any) -> list[dict[str, Any]] | None:
    """Give the code cells of either format; None where it has not the shape of a notebook."""
    if not isinstance(notebook, dict):
        return None
    found = notebook.get("cells")
    if found is None and isinstance(sheets := notebook.get("worksheets"), list):  # nbformat 3
        inside = [sheet.get("cells") if isinstance(sheet, dict) else None for sheet in sheets]
        if all(isinstance(each, list) for each in inside):
            found = [cell for each in inside for cell in each or []]
    if not isinstance(found, list) or not all(isinstance(cell, dict) for cell in found):
        return None
    return [cell for cell in found if cell.get("cell_type") == "code"]


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str)).replace("\r\n", "\n")


def _language(notebook: dict[str, Any], cells: list[dict[str, Any]]) -> str | None:
    """Name the language that the notebook states; one that states none is Python's, as Jupyter's first was."""
    metadata = notebook.get("metadata")
    sections = metadata if isinstance(metadata, dict) else {}
    info, kernel = (
        each if isinstance(each := sections.get(name), dict) else {} for name in ("language_info", "kernelspec")
    )
    stated = [info.get("name"), kernel.get("language"), *(cell.get("language") for cell in cells)]
    for name in stated:
        if isinstance(name, str) and name:
            return _known(name)
    kernel_name = kernel.get("name")
    if not isinstance(kernel_name, str) or not kernel_name:
        return "python"
    return _known(kernel_name) or ("python" if "py" in kernel_name.lower() else None)  # `conda-env-data-py`


def _known(name: str) -> str | None:
    return LANGUAGES.get(re.sub(r"[-_ ]?\d[\d.]*$", "", name.lower()))  # `julia-1.9`


def _without_magics(source: str) -> str:
    """Turn the lines that only IPython understands into comments."""
    lines = source.split("\n")
    first = next(line for line in lines if line.strip())
    if (magic := CELL_MAGIC.match(first)) and magic[1] not in PYTHON_CELLS:
        return "\n".join(f"# {line}" if line.strip() else line for line in lines)
    kept: list[str] = []
    is_continued = False
    for line in lines:
        matched = MAGIC.match(line) or ASSIGNED_MAGIC.match(line)
        if is_continued:  # a shell command goes on over a backslash
            kept.append(f"# {line}")
        elif matched and not _is_open(kept):
            # Indented, it may be all that a block holds.
            kept.append(f"{matched[1]}pass  # {line.strip()}" if matched[1] else f"# {line}")
        else:
            kept.append(line)
            continue
        is_continued = line.endswith("\\")
    return "\n".join(kept)


def _is_open(before: list[str]) -> bool:
    """Tell whether a bracket or a long string is open, so that the next line goes on with an expression."""
    text = "\n".join(before)
    if text.count('"""') % 2 or text.count("'''") % 2:
        return True
    text = STRING_OR_COMMENT.sub("", text)
    return sum(text.count(each) for each in "([{") > sum(text.count(each) for each in ")]}")
