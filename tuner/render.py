"""Turn text into token ids: the one renderer that training, evaluation, parity and serving share.

In: a tokenizer and the infilling form of its base. Out: prompts, and training rows with labels on the completion only.
What does not fit is left out from where it matters least: other files from the farthest on, then the beginning of the
text before the cursor; a completion that does not fit gives no row.

A cursor stands anywhere, also inside a word, where the text before it is not tokenized as the whole word would be. So a
prompt ends before the last pre-token of the text (`Prompt.ids`), and that pre-token (`Prompt.healed`) is what the
completion must begin with. Byte-pair merges never cross pre-tokens, so that the tokens of healed + completion are those
of the uncut text (token healing; https://github.com/guidance-ai/guidance). Training rows are cut the same way. The one
exception: where a family takes several blank lines as one pre-token, a cursor in the indented last of them cuts it.

Control tokens that occur as text in code are encoded as plain characters, so that no file can end its own prompt.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jinja2 import TemplateError
from tokenizers import Tokenizer

from tuner.byte_tokens import added_tokens, token_bytes
from tuner.chat_form import answer_end, chat_request, frame, read_chat_template
from tuner.errors import BaseError
from tuner.fim_forms import FORMS, find_form
from tuner.records import CHAT_KINDS, Neighbour, Pair, Row

MASKED = -100
SUFFIX_SHARE = 4  # a quarter of the prompt goes to the text after the cursor, as llama.cpp's /infill has it
NAME_SHARE = 4  # a path or repository name that fills more of the prompt than a quarter loses its beginning
CHARS_PER_TOKEN = 12  # more text than this per token is never needed to fill a prompt
CHARS_PER_TOKEN_MOSTLY = 5  # this much fills most prompts
SHORTEST_WINDOW = 16  # tokens; a shorter rest of a file teaches nothing
OPENING = 16  # tokens by which a prompt whose beginning was left out is recognised when the user has typed on
KNOWN_LINES = 64  # texts above a cursor's line whose ids are remembered
FIRST_LETTER = re.compile(r"[ \t]*?(?P<word>[ \t]?[A-Za-z])")


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids to feed, and the bytes that the first generated tokens must spell before anything new.

    `cut` names what did not fit: `before` and `after` the cursor, `files`. `opening` holds the first ids of the text
    before the cursor where its beginning was left out, else nothing.
    """

    ids: list[int]
    healed: bytes
    cut: tuple[str, ...] = ()
    opening: tuple[int, ...] = ()


class Renderer:
    """Render prompts and rows for one base.

    `repo_name` is the repository of a prompt that names none; a pair is rendered under its own repository's name.
    """

    def __init__(self, tokenizer: Tokenizer, repo_name: str, chat_template: str | None = None) -> None:
        self.tokenizer = tokenizer
        self.repo_name = repo_name
        self.chat_template = chat_template
        self.control = set(added_tokens(tokenizer))
        form = find_form(tokenizer.get_vocab(with_added_tokens=True))
        if form is None:
            known = ", ".join(each.name for each in FORMS)
            raise BaseError(
                "this base has no known infilling form: its vocabulary holds the control tokens of none",
                f"known forms are {known}; choose such a base with BASE=",
            )
        self.form = form
        self.end_id = self._control_id(form.end)
        stops = [tokenizer.token_to_id(token) for token in form.stops]
        self.stop_ids = frozenset([ident for ident in stops if ident is not None] + self.answer_end[-1:])
        escaped = sorted((re.escape(token) for token in self.control), key=len, reverse=True)
        self._control_pattern = re.compile("|".join(escaped)) if escaped else None
        self._known_lines: OrderedDict[tuple[str, str], tuple[int, ...] | None] = OrderedDict()

    @classmethod
    def from_folder(cls, folder: Path, repo_name: str) -> Renderer:
        """Load the tokenizer and the chat template of a base folder."""
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise BaseError(f"{folder}: it has no tokenizer.json", "save the base with its fast tokenizer")
        return cls(Tokenizer.from_file(str(path)), repo_name, read_chat_template(folder))

    @cached_property
    def vocabulary(self) -> list[bytes]:
        """The bytes that each token id stands for; empty for control tokens, which stand for no text."""
        return token_bytes(self.tokenizer, self.control)

    def encode(self, text: str) -> list[int]:
        """Encode text, in which nothing is a control token."""
        if self._control_pattern is None or not self._control_pattern.search(text):
            return self.tokenizer.encode(text, add_special_tokens=False).ids
        ids: list[int] = []
        start = 0
        for match in self._control_pattern.finditer(text):
            for piece in (text[start : match.start()], match.group()[:1], match.group()[1:]):
                ids += self.tokenizer.encode(piece, add_special_tokens=False).ids if piece else []
            start = match.end()
        return ids + self.tokenizer.encode(text[start:], add_special_tokens=False).ids

    def holds_control(self, text: str) -> bool:
        """Tell whether a control token is spelled out in a text."""
        return self._control_pattern is not None and self._control_pattern.search(text) is not None

    def decode(self, ids: list[int]) -> str:
        """Decode generated ids to text; control tokens are dropped."""
        vocabulary, size = self.vocabulary, len(self.vocabulary)
        return b"".join([vocabulary[ident] for ident in ids if ident < size]).decode("utf-8", "replace")

    def infilling_prompt(
        self,
        prefix: str,
        suffix: str,
        path: str,
        max_tokens: int,
        *,
        repo: str | None = None,
        neighbours: Sequence[Neighbour] = (),
        neighbour_tokens: int | None = None,
        openings: Collection[tuple[int, ...]] = (),
        slack: int = 0,
    ) -> Prompt:
        """Render the prompt for a cursor: other files, the file's name, the text before it, and after it if used.

        `neighbours` stand as in `Pair`, the nearest last. They take what the text before the cursor leaves, and half
        of the room at most where that text is long. Those that do not fit are left out from the first on, and the last
        of these is cut at a line's end. `neighbour_tokens` gives them room of their own on top of `max_tokens`, so that
        the text around the cursor is what it would be without them.

        A prompt that begins elsewhere at every keystroke is read anew by the engine each time. So a text before the
        cursor that is too long begins with one of `openings`, those of earlier prompts, if that adds `slack` tokens at
        most.
        """
        before, healed, is_whole = self._heal_end(prefix, max_tokens + slack)
        name = repo or self.repo_name
        ids, kept, cut = self._infilling_ids(
            before, suffix, path, max_tokens, name, neighbours, neighbour_tokens, openings, slack
        )
        if kept < len(before) or not is_whole:
            return Prompt(ids, healed, ("before", *cut), tuple(before[len(before) - kept :][:OPENING]))
        return Prompt(ids, healed, cut)

    def _infilling_ids(
        self,
        before: list[int],
        suffix: str,
        path: str,
        max_tokens: int,
        repo: str,
        neighbours: Sequence[Neighbour],
        neighbour_tokens: int | None = None,
        openings: Collection[tuple[int, ...]] = (),
        slack: int = 0,
    ) -> tuple[list[int], int, tuple[str, ...]]:
        """Lay a prompt out; say how many ids of `before` are in it, and what else of it is not whole."""
        form = self.form
        start = self._control(form.begin + form.asking) + self._named(form.repo, repo, max_tokens)
        prefix: list[int] = []
        hole: list[int] = []
        cut: tuple[str, ...] = ()
        if form.prefix is not None:
            after = self.encode(suffix[: max_tokens * CHARS_PER_TOKEN])
            if len(after) > max_tokens // SUFFIX_SHARE or len(suffix) > max_tokens * CHARS_PER_TOKEN:
                cut = ("after",)
            after = after[: max_tokens // SUFFIX_SHARE]
            prefix, end = [self._control_id(form.prefix)], [self._control_id(form.middle)]
            if form.order == "spm":
                prefix = [self._control_id(form.suffix), *after, *prefix]
            else:
                end = [self._control_id(form.suffix), *after, *end]
            hole = end + self._control(form.answering)
        file = self._named(form.here or form.file, path, max_tokens)
        room = max_tokens - len(start) - len(file) - len(prefix) - len(hole)
        if neighbour_tokens is None:
            others, whole = self._other_files(neighbours, room - min(len(before), room - room // 2), max_tokens)
            room -= len(others)
        else:
            others, whole = self._other_files(neighbours, neighbour_tokens, max_tokens)
        files = [*prefix, *others, *file] if form.files_inside else [*others, *file, *prefix]
        kept = _last(before, _opened(before, room, openings, slack))
        return start + files + kept + hole, len(kept), cut if whole else (*cut, "files")

    def _other_files(self, neighbours: Sequence[Neighbour], room: int, max_tokens: int) -> tuple[list[int], bool]:
        """Lay out as many files as fit, and say whether all are whole."""
        between = self._control(self.form.between)
        ids: list[int] = []
        for each in reversed(neighbours):
            name = self._named(self.form.file, each.path, max_tokens)
            text, whole = self._first_lines(each.text, room - len(ids) - len(name) - len(between))
            if text:
                ids = [*name, *text, *between, *ids]
            if not whole:
                return ids, False
        return ids, True

    def _first_lines(self, text: str, count: int) -> tuple[list[int], bool]:
        """Encode as many whole lines as `count` tokens hold, and say whether these are all."""
        if count <= 0:
            return [], False
        lines = text.rstrip("\n").split("\n")
        ids = self.encode("\n".join(lines)[: count * CHARS_PER_TOKEN] + "\n")
        if len(ids) <= count and len(text) <= count * CHARS_PER_TOKEN:
            return ids, True
        fitting = b"".join(self.vocabulary[ident] for ident in ids[:count]).count(b"\n")
        for kept in range(min(fitting, len(lines) - 1), 0, -1):
            ids = self.encode("\n".join(lines[:kept]) + "\n")
            if len(ids) <= count:  # a cut can split a token, and then the same text takes more of them
                return ids, False
        return [], False

    def completion_ids(self, healed: bytes, text: str) -> list[int]:
        """Encode a completion as it continues a healed prompt."""
        return self.encode(healed.decode("utf-8") + text)

    def chat_prompt(self, request: str) -> list[int]:
        """Render a user's request in the base's own chat template, up to where its answer begins."""
        if self.chat_template is None:
            return self._control(self.form.begin) + self.encode(request + "\n")
        before, after = self._chat_frame
        return before + self.encode(request) + after

    @cached_property
    def _chat_frame(self) -> tuple[list[int], list[int]]:
        """Render the chat template once, as the ids before and after a user's request."""
        try:
            found = frame(self.chat_template or "", self.form)
        except TemplateError as error:
            raise BaseError(f"the base's chat template refuses a user message: {error.message}") from None
        if found is None:
            raise BaseError("the base's chat template does not render a user message", "choose another base with BASE=")
        return self._control(found[0]), self._control(found[1])

    def rows(self, pair: Pair, max_tokens: int) -> list[Row]:
        """Render a pair as training rows of at most `max_tokens`; empty when its completion does not fit."""
        if pair.kind == "file":
            return list(self._file_rows(pair, max_tokens))
        if pair.kind in CHAT_KINDS:
            prompt = self.chat_prompt(chat_request(pair.instruction, pair.context))
            completion = [*self.encode(pair.response), *self.answer_end]
            if len(prompt) + len(completion) > max_tokens:
                return []
        else:
            before = pair.context + pair.instruction
            kept, healed = self._heal(before[-max_tokens * CHARS_PER_TOKEN :])
            completion = [*self.completion_ids(healed, pair.response), self.end_id]
            if len(completion) > max_tokens // 2:
                return []
            room = max_tokens - len(completion)
            prompt, _, _ = self._infilling_ids(kept, pair.suffix, pair.path, room, pair.repo, pair.neighbours)
            if len(prompt) > room:  # the form's own words take more than is left
                return []
        return [_row(pair, prompt, completion)]

    def _file_rows(self, pair: Pair, max_tokens: int) -> Iterator[Row]:
        head = self._control(self.form.begin) + self._named(self.form.repo, pair.repo, max_tokens)
        head += self._named(self.form.file, pair.path, max_tokens)
        ids = [*self.encode(pair.response), self.end_id]
        size = max_tokens - len(head)
        for start in range(0, len(ids), size):
            window = ids[start : start + size]
            if start == 0 or len(window) >= SHORTEST_WINDOW:
                yield _row(pair, head, window)

    def _heal_end(self, text: str, wanted: int) -> tuple[list[int], bytes, bool]:
        """Split a text as `_heal` does, or no more of its end than gives the `wanted` last ids; say whether it is all.

        An editor sends whole files at every keystroke. What is read from the first letter of a line on is split as it
        is when the file is read from its beginning, since no form's rules join a letter with the line before.
        """
        window = text[-wanted * CHARS_PER_TOKEN :]
        start = _last_line_before(window, len(window) - wanted * CHARS_PER_TOKEN_MOSTLY)
        if start:
            ids, healed = self._heal_typed(window[start:])
            if len(ids) >= wanted:
                return ids, healed, False
        return *self._heal(window), len(window) == len(text)

    def _heal_typed(self, text: str) -> tuple[list[int], bytes]:
        """Split a text as `_heal` does, and remember all but its last line for the next keystroke."""
        start = _last_line_before(text, len(text))
        if not start or self.holds_control(text):
            return self._heal(text)
        word = FIRST_LETTER.match(text, start)
        assert word is not None
        head = self._lines_before(text[:start], word["word"])
        if head is None:
            return self._heal(text)
        ids, healed = self._heal(text[start:])
        return [*head, *ids], healed

    def _lines_before(self, text: str, word: str) -> tuple[int, ...] | None:
        """Encode lines as they are when `word`, the beginning of the next one, follows; None if it is no word then.

        What follows them decides how the blanks and line ends before it are split.
        """
        key = (text, word)
        if key in self._known_lines:
            self._known_lines.move_to_end(key)
            return self._known_lines[key]
        encoding = self.tokenizer.encode(text + word, add_special_tokens=False)
        words = encoding.word_ids
        count = len(words) - sum(each == words[-1] for each in words)
        spelled = b"".join(self.vocabulary[ident] for ident in encoding.ids[count:])
        self._known_lines[key] = tuple(encoding.ids[:count]) if spelled == word.encode() else None
        if len(self._known_lines) > KNOWN_LINES:
            self._known_lines.popitem(last=False)
        return self._known_lines[key]

    def _heal(self, text: str) -> tuple[list[int], bytes]:
        """Split text into the ids before its last pre-token and that pre-token's bytes."""
        if not text:
            return [], b""
        if self.holds_control(text):
            return self.encode(text), b""  # rare: code that spells out a control token is not healed
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        words = encoding.word_ids
        keep = len(words)
        while keep and words[keep - 1] == words[-1]:
            keep -= 1
        healed = b"".join(self.vocabulary[ident] for ident in encoding.ids[keep:])
        try:
            healed.decode("utf-8")
        except UnicodeDecodeError:
            return encoding.ids, b""
        return encoding.ids[:keep], healed

    def _named(self, literal: str, name: str, max_tokens: int) -> list[int]:
        """Encode a form's literal around a repository's name or a path, in which nothing is a control token."""
        before, field, after = re.split(r"({\w+})", literal) if literal else ("", "", "")
        names = _last(self.encode(name), max_tokens // NAME_SHARE) if field else []
        return self._control(before) + names + self._control(after)

    def _control(self, text: str) -> list[int]:
        """Encode text of our own, in which control tokens count as such."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids if text else []

    def _control_id(self, token: str | None) -> int:
        ident = self.tokenizer.token_to_id(token) if token else None
        if ident is None:
            raise BaseError(f"the tokenizer has no token {token!r}", "choose another base with BASE=")
        return ident

    @cached_property
    def answer_end(self) -> list[int]:
        """The ids that end an answer in the base's own chat template."""
        return self._control(answer_end(self.chat_template, self.form, self.control))


def _row(pair: Pair, prompt: list[int], completion: list[int]) -> Row:
    return Row(pair.id, pair.kind, prompt + completion, [MASKED] * len(prompt) + completion)


def _last(ids: list[int], count: int) -> list[int]:
    return ids[-count:] if count > 0 else []


def _last_line_before(text: str, limit: int) -> int:
    """Find the last place up to `limit` at which a line's first letter stands, its last blank included; 0 for none."""
    found = limit + 1
    while found > 0:
        found = text.rfind("\n", 0, found)
        letter = FIRST_LETTER.match(text, found + 1) if found >= 0 else None
        if letter:
            return letter.start("word")
    return 0


def _opened(ids: list[int], room: int, openings: Collection[tuple[int, ...]], slack: int) -> int:
    """Say how many of the last ids to keep: `room`, or up to `slack` more, so that they begin with an opening."""
    if room < len(ids):
        first = len(ids) - max(room, 0)
        for start in range(first, max(first - slack, 0) - 1, -1):
            if tuple(ids[start : start + OPENING]) in openings:
                return len(ids) - start
    return room
