"""Complete at a cursor: the one path that every protocol goes through.

In: a cursor, the model's name and how the answer is wanted. Out: an `Answer`, whose pieces come as the engine writes
them, without what was typed of a word already and cut where a completion ends.

The prompt is what evaluation would ask: the same renderer, the same lengths, the same healing. Two things may differ,
and a request that sends `max_prompt_tokens` gets neither. While the user types on, the prompt's beginning stays where
it was for `serve.keep_beginning_tokens` more, so that the engine reads only what is new; and what retrieval finds stays
the same until the line is done.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.recipe import ServeSettings
from tuner.records import Neighbour
from tuner.render import CHARS_PER_TOKEN, Prompt, Renderer
from tuner.retrieval import Retrieval
from tuner.serve.boundary import Boundary, Ending, boundary_at
from tuner.serve.cursor import Cursor, Text, Wanted
from tuner.serve.fleet import Fleet, late_after
from tuner.serve.healing import Healed, grammar, misleading, spellable, touches
from tuner.serve.models import Model, Served

_OPENINGS, _LINES = 256, 64  # prompts' beginnings, and lines' retrieved pieces, that are remembered
_FINAL = ["stop", "stop_type", "tokens", "content", "tokens_cached", "timings"]
Asked = Cursor | Text


@dataclass(slots=True)
class Answer:
    """An answer on its way. The figures are whole once the last piece has come."""

    model: Model
    prompt_tokens: int
    cut: tuple[str, ...]
    pieces: AsyncIterator[str] = field(init=False)
    tokens: int = 0
    finish: str = "stop"  # or `length`: the token limit came first
    timings: dict[str, Any] = field(default_factory=dict)

    async def text(self) -> str:
        """Wait for the whole answer."""
        return "".join([piece async for piece in self.pieces])


class Completer:
    """Complete for all protocols."""

    def __init__(self, fleet: Fleet, settings: ServeSettings) -> None:
        self.fleet = fleet
        self.settings = settings
        self._renderers: dict[tuple[Path, str], Renderer] = {}
        self._retrievals: dict[Path, asyncio.Task[Retrieval]] = {}
        self._controls: dict[Path, dict[str, int]] = {}
        self._openings: OrderedDict[tuple[int, ...], None] = OrderedDict()
        self._found: OrderedDict[bytes, Sequence[Neighbour]] = OrderedDict()

    def model(self, name: str | None) -> Model:
        """Find a model by the name that a client sent."""
        return self.fleet.roster.model(name)

    def renderer(self, run: Served) -> Renderer:
        """Give the renderer of a run: its base's tokenizer and its repository's name."""
        key = (self.fleet.roster.tokenizer, run.repo)
        if key not in self._renderers:
            same = next((each for (folder, _), each in self._renderers.items() if folder == key[0]), None)
            if same is None:
                self._renderers[key] = Renderer.from_folder(*key)
            else:
                self._renderers[key] = Renderer(same.tokenizer, run.repo, same.chat_template)
        return self._renderers[key]

    @asynccontextmanager
    async def answered(self, asked: Asked, name: str | None, wanted: Wanted) -> AsyncIterator[Answer]:
        """Hold a slot of the engine while it answers; leaving early frees it."""
        deadline = asyncio.get_running_loop().time() + self.settings.timeout_seconds
        model = self.model(name)
        limit = model.run.evaluate.max_new_tokens if wanted.max_tokens is None else wanted.max_tokens
        limit = min(limit, self.settings.max_new_tokens, self.settings.context_tokens // 2)
        prompt = await self._prompt(asked, model, wanted, limit)
        body = self._body(model, prompt, asked, wanted) | {"n_predict": limit}
        async with AsyncExitStack() as held:
            lease = await held.enter_async_context(self.fleet.lease(model, prompt.ids, wanted.scales, deadline))
            body |= {"id_slot": lease.slot, "lora": lease.loras}
            events = await held.enter_async_context(aclosing(lease.client.stream("/completion", body)))
            answer = Answer(model, len(prompt.ids), prompt.cut)
            filters = Healed(prompt.healed), _ending(asked, wanted), self._stop_ids(model)
            answer.pieces = _pieces(events, answer, *filters, deadline, held.aclose)
            yield answer

    async def _prompt(self, asked: Asked, model: Model, wanted: Wanted, limit: int) -> Prompt:
        """Render what is asked, in no more than the context holds beside `limit` new tokens."""
        evaluate, is_exact = model.run.evaluate, wanted.max_prompt_tokens is not None
        renderer = self.renderer(model.run)
        context = self.settings.context_tokens
        if isinstance(asked, Text):
            return _as_it_stands(asked, renderer, context - limit - 1)
        neighbours: Sequence[Neighbour] = asked.neighbours
        if model.is_retrieving:
            neighbours = [*await self._retrieved(asked, model.run, is_exact), *neighbours]
        room = self.settings.neighbour_tokens
        beside = min(evaluate.retrieved_tokens if room is None else room, context // 4)
        slack = 0 if is_exact else self.settings.keep_beginning_tokens
        prompt = renderer.infilling_prompt(
            asked.prefix,
            asked.suffix,
            asked.path,
            min(wanted.max_prompt_tokens or evaluate.max_prompt_tokens, context - limit - beside - slack - 1),
            repo=asked.repo,
            neighbours=neighbours,
            neighbour_tokens=beside,
            openings=self._openings,
            slack=slack,
        )
        if prompt.opening and not is_exact:
            _remember(self._openings, prompt.opening, None, _OPENINGS)
        return spellable(prompt, renderer)

    async def _retrieved(self, cursor: Cursor, run: Served, is_exact: bool) -> Sequence[Neighbour]:
        assert run.pairs is not None
        line = cursor.prefix.rpartition("\n")[0]
        key = hashlib.blake2b(repr((run.name, cursor.path, line, cursor.suffix)).encode("utf-8", "replace")).digest()
        if key in self._found and not is_exact:
            return self._found[key]
        if run.pairs not in self._retrievals:
            count = run.evaluate.retrieved
            self._retrievals[run.pairs] = asyncio.create_task(asyncio.to_thread(Retrieval, run.pairs, count))
        index = await asyncio.shield(self._retrievals[run.pairs])
        found = await asyncio.to_thread(
            index.beside, cursor.prefix, cursor.suffix, cursor.repo or run.repo, index.language_of(cursor.path)
        )
        _remember(self._found, key, found, _LINES)
        return found

    def _body(self, model: Model, prompt: Prompt, asked: Asked, wanted: Wanted) -> dict[str, Any]:
        """Say in the engine's words what is wanted of it."""
        body: dict[str, Any] = {
            **(wanted.sampling or {}),
            "prompt": prompt.ids,
            "temperature": wanted.temperature,
            "stream": True,
            "return_tokens": True,
            "timings_per_token": True,  # the engine is often left before its last word
            "cache_prompt": True,
            "response_fields": _FINAL,
        }
        if wanted.predict_ms is not None:
            body["t_max_predict_ms"] = wanted.predict_ms
        stops = [*wanted.stops, "\n"] if _boundary(asked, wanted) == "line" else list(wanted.stops)
        if prompt.healed:
            body["grammar"] = grammar(prompt.healed)
            body["logit_bias"] = [[ident, False] for ident in misleading(prompt.healed, self._control(model))]
        if not touches(prompt.healed, stops):  # or the engine would stop in what is to be spelled
            body["stop"] = stops
        return body

    def _control(self, model: Model) -> dict[str, int]:
        """Give the control tokens that end no answer, by their text."""
        renderer = self.renderer(model.run)
        folder = self.fleet.roster.tokenizer
        if folder not in self._controls:
            vocabulary = renderer.tokenizer.get_vocab(with_added_tokens=True)
            ids = {text: vocabulary[text] for text in renderer.control}
            self._controls[folder] = {text: ident for text, ident in ids.items() if ident not in renderer.stop_ids}
        return self._controls[folder]

    def _stop_ids(self, model: Model) -> frozenset[int]:
        return self.renderer(model.run).stop_ids


async def _pieces(
    events: AsyncIterator[dict[str, Any]],
    answer: Answer,
    healed: Healed,
    ending: Ending,
    stop_ids: frozenset[int],
    deadline: float,
    release: Callable[[], Awaitable[None]],
) -> AsyncIterator[str]:
    """Yield what is new and belongs to the completion; end as soon as nothing more does.

    The slot is given back before the client learns that the answer has ended: its next keystroke needs this very slot.
    """
    while True:
        async with late_after(deadline):
            event = await anext(events, None)
        if event is None:
            break
        answer.tokens += len(event.get("tokens", []))
        answer.timings = event.get("timings", answer.timings)
        piece = ending.add(healed.new(event.get("content", "")))
        if piece:
            yield piece
        if event.get("stop"):
            answer.finish = "length" if event.get("stop_type") == "limit" and not ending.done else "stop"
            break  # the engine's last word; its connection's end needs no waiting for
        if ending.done or not stop_ids.isdisjoint(event.get("tokens", [])):
            break  # the engine is left before its end, which frees its slot
    await release()
    rest = ending.finish()
    if rest:
        yield rest


def _as_it_stands(text: Text, renderer: Renderer, most: int) -> Prompt:
    """Give the last tokens of a text whose form the client has chosen."""
    if isinstance(text.prompt, tuple):
        ids = list(text.prompt)
    else:
        ids = renderer.tokenizer.encode(text.prompt[-most * CHARS_PER_TOKEN :], add_special_tokens=False).ids
    begin = renderer.tokenizer.token_to_id(renderer.form.begin) if renderer.form.begin else None
    start = [begin] if begin is not None and ids[:1] != [begin] else []
    kept = ids[-(most - len(start)) :]
    return Prompt(start + kept or [renderer.end_id], b"", ("before",) if len(kept) < len(ids) else ())


def _boundary(asked: Asked, wanted: Wanted) -> Boundary:
    if wanted.boundary is not None:
        return wanted.boundary
    return boundary_at(asked.suffix) if isinstance(asked, Cursor) else "none"


def _ending(asked: Asked, wanted: Wanted) -> Ending:
    around = (asked.prefix, asked.suffix) if isinstance(asked, Cursor) else ("", "")
    return Ending(_boundary(asked, wanted), wanted.stops, *around)


def _remember(known: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > most:
        known.popitem(last=False)
