"""Choose what of an item's code an API is shown, and write it in the form that its kind of model reads.

In: an item, pieces of other files (the nearest last) and the room in characters. Out: the text before and after the
cursor and the pieces that fit, and from them a chat message, a prefix with comments, or a prompt with infilling tokens.
The target is never read.

What does not fit is left out at the far ends, at line ends: the text after the cursor keeps a quarter of the room at
most; other files keep what the text before the cursor leaves, and half of the rest at most; the text before the cursor
loses its beginning. Names of files and the signs of comments come on top.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.chat_form import fence_for
from tuner.evaluate.endpoints.comments import as_comment
from tuner.fim_forms import FimForm
from tuner.records import Item, ItemKind, Neighbour

SUFFIX_SHARE = 4  # a quarter goes to the text after the cursor, as in the prompts of our own systems
CURSOR = "CURSOR"
LINE_END = "the end of that line"
ENDS: dict[ItemKind, str] = {  # how far a chat model is asked to write
    "line": LINE_END,
    "call": LINE_END,
    "block": "the end of the block that it stands in, indented as in the file",
    "body": "the end of the function that it stands in, indented as in the file",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What an API is shown of an item: whole lines, the cursor's own aside, and other files, the nearest last."""

    before: str
    after: str
    others: tuple[Neighbour, ...]


def shown(item: Item, neighbours: Sequence[Neighbour], room: int) -> Shown:
    """Choose what fits into `room` characters."""
    after = _first_lines(item.suffix, room // SUFFIX_SHARE)
    room -= len(after)
    others = _nearest(neighbours, room - min(len(item.prefix), room - room // 2))
    room -= sum(len(each.text) for each in others)
    return Shown(_sendable(_last_lines(item.prefix, room)), _sendable(after), others)


def chat_message(item: Item, code: Shown, mark: str) -> str:
    """Ask a chat model for the text at the cursor, which `mark` stands for."""
    fence = fence_for(code.before, code.after, *(each.text for each in code.others))
    parts = [f"Complete the code at {mark} in the file {item.path} of the repository {item.repo}."]
    if code.others:
        parts.append("Parts of other files of this repository:")
        parts += [f"{each.path}\n{fence}\n{_ended(each.text)}{fence}" for each in code.others]
    parts.append(f"{item.path}\n{fence}\n{_ended(code.before + mark + code.after)}{fence}")
    parts.append(
        f"Return only the text to insert at {mark}, up to {ENDS[item.kind]}. Do not repeat what stands before or "
        "after it. No code fence, no explanation."
    )
    return "\n\n".join(parts)


def cursor_mark(code: Shown) -> str:
    """Give a mark for the cursor whose name is in no tag of the code, so that it is known even when mangled."""
    texts = [code.before, code.after, *(each.text for each in code.others)]
    name, number = CURSOR, 1
    while any(f"<{name}" in text or f"</{name}" in text for text in texts):
        number += 1
        name = f"{CURSOR}{number}"
    return f"<{name}/>"


def commented(item: Item, code: Shown) -> str:
    """Write other files and the file's path as comments before the text; the text alone where there are no comments."""
    parts = [f"Compare this snippet from {each.path}:\n{each.text}" for each in code.others]
    comments = [as_comment(part, item.language) for part in (*parts, f"Path: {item.path}")]
    return "".join(each for each in comments if each is not None) + code.before


def with_tokens(form: FimForm, item: Item, code: Shown) -> str:
    """Write the prompt with a family's own infilling tokens, as `tuner.render` does; the server adds what begins it.

    A server reads such a token wherever it stands: one in the code gets a blank, so that no file ends its own prompt.
    """
    tokens = [form.prefix, form.suffix, form.middle, form.repo.split("{")[0], form.file.split("{")[0], *form.stops]
    control = re.compile("|".join(re.escape(each) for each in tokens if each and len(each) > 1))

    def inert(text: str) -> str:
        return control.sub(lambda found: f"{found.group()[0]} {found.group()[1:]}", text)

    files = "".join(form.file.format(path=each.path) + inert(_ended(each.text)) + form.between for each in code.others)
    here = (form.here or form.file).format(path=item.path)
    after = f"{form.suffix}{inert(code.after)}"
    first, last = (after, "") if form.order == "spm" else ("", after)
    opening = f"{first}{form.prefix}{files}{here}" if form.files_inside else f"{files}{here}{first}{form.prefix}"
    hole = f"{inert(code.before)}{last}{form.middle}{form.answering}"
    return f"{form.asking}{form.repo.format(repo=item.repo)}{opening}{hole}"


def _first_lines(text: str, room: int) -> str:
    """Keep whole lines from the beginning."""
    return text if len(text) <= room else text[: text.rfind("\n", 0, room) + 1]


def _last_lines(text: str, room: int) -> str:
    """Keep whole lines at the end; of a last line that is longer than the room, its end."""
    if len(text) <= room:
        return text
    kept = text[len(text) - room :]
    start = kept.find("\n") + 1
    return kept[start:] if text[len(text) - room - 1] != "\n" else kept


def _nearest(neighbours: Sequence[Neighbour], room: int) -> tuple[Neighbour, ...]:
    """Take pieces from the nearest on; the first that does not fit is cut, and ends it."""
    taken: list[Neighbour] = []
    for each in reversed(neighbours):
        text = _first_lines(each.text, room)
        if text.strip():
            taken.append(Neighbour(each.path, _sendable(text)))
        room -= len(text)
        if len(text) < len(each.text):
            break
    return tuple(reversed(taken))


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _sendable(text: str) -> str:
    """Replace half a surrogate pair, which no UTF-8 request can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
