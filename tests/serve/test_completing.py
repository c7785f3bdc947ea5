"""The front answers what evaluation answers: the same prompt, the same healing, the same cut."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.serve.asking import ask
from tests.serve.conftest import Served
from tests.serve.runs import CODE, EVALUATE, PATH, REPO, cursors, item
from tuner.evaluate.local import LocalSystem
from tuner.models import load_model
from tuner.records import Item
from tuner.render import Renderer

TIE = 0.02  # nats: what the engine's 16-bit cache of keys and values can turn over


def evaluated(served: Served, name: str, items: list[Item]) -> tuple[LocalSystem, dict[str, str]]:
    """Answer items as `make train` does, in PyTorch."""
    adapter = served.run.folder / "adapter" if name == "tuned" else None
    renderer = Renderer.from_folder(Path(served.base.path), REPO)
    system = LocalSystem(name, load_model(served.base, adapter, torch.float32), renderer, EVALUATE)
    return system, {each.item_id: each.text for each in system.answer(items)}


def front_answer(served: Served, name: str, hole: Item, **more: object) -> str:
    body = {"model": name, "prompt": hole.prefix, "suffix": hole.suffix, "path": hole.path, "boundary": "line"}
    reply = ask(served.url, "/v1/completions", body | more)
    assert reply.status == 200, reply.content
    return str(reply.json["choices"][0]["text"]).rstrip()


def is_tie(system: LocalSystem, hole: Item) -> bool:
    """Tell whether PyTorch itself hardly preferred one of the tokens that it chose."""
    prompt = system._prompt(hole)
    prefilled = system.decoder.prefill([prompt.ids])
    ids = system.decoder.generate_until(prefilled, [prompt.healed], [system._stop(hole)])[0].ids
    logits = system.decoder.model(torch.tensor([prompt.ids + ids])).logits[0, len(prompt.ids) - 1 : -1]
    best = torch.log_softmax(logits.float(), dim=-1).topk(2).values
    return bool((best[:, 0] - best[:, 1]).min() < TIE)


@pytest.mark.parametrize("name", ["base", "tuned"])
@pytest.mark.parametrize("kind", ["served", "infilling"])
def test_an_answer_at_any_cursor_is_that_of_the_evaluation(
    kind: str, name: str, request: pytest.FixtureRequest
) -> None:
    served: Served = request.getfixturevalue(kind)
    holes = [item(at, suffix=kind == "infilling") for at in cursors(5)]
    system, expected = evaluated(served, name, holes)
    sayable = [hole for hole in holes if "\ufffd" not in expected[hole.id]]  # see tuner/serve/healing.py
    differing = [hole for hole in sayable if front_answer(served, name, hole) != expected[hole.id]]
    assert [hole.id for hole in differing if not is_tie(system, hole)] == []
    assert len(differing) <= len(holes) // 50
    if name == "base":  # it knows the file by heart, so that most answers say something
        assert sum(expected[hole.id] == hole.target for hole in holes) > len(holes) // 2


def test_without_healing_an_answer_inside_a_word_is_another_one(served: Served) -> None:
    """Show that the test above can fail: the same hole, its text cut as it stands."""
    hole = item(CODE.index("connection(self.number") + 4, suffix=False)
    assert front_answer(served, "base", hole) == hole.target
    renderer = Renderer.from_folder(Path(served.base.path), REPO)
    naive = renderer.infilling_prompt("", "", PATH, 512).ids + renderer.encode(hole.prefix)
    reply = ask(served.url, "/v1/completions", {"model": "base", "prompt": naive, "stop": "\n", "max_tokens": 24})
    assert reply.json["choices"][0]["text"].rstrip() != hole.target


def test_a_prompt_that_is_too_long_is_cut_from_the_far_sides_and_says_so(infilling: Served) -> None:
    long = {"model": "base", "prompt": "x = 1\n" * 2000 + CODE[:200], "suffix": CODE[200:] + "y = 2\n" * 2000}
    reply = ask(
        infilling.url, "/v1/completions", long | {"input_extra": [{"filename": "z.py", "text": "z = 3\n" * 900}]}
    )
    assert reply.headers["x-tuner-prompt-cut"] == "before, after, files"
    assert reply.json["usage"]["prompt_tokens"] <= EVALUATE.max_prompt_tokens + EVALUATE.retrieved_tokens
    short = ask(infilling.url, "/v1/completions", {"model": "base", "prompt": "x = ", "suffix": "\n"})
    assert "x-tuner-prompt-cut" not in short.headers
    raw = ask(infilling.url, "/v1/completions", {"prompt": [5] * 5000, "max_tokens": 2})
    assert raw.headers["x-tuner-prompt-cut"] == "before" and raw.json["usage"]["prompt_tokens"] < 1024


def test_a_request_may_ask_for_a_longer_prompt(served: Served) -> None:
    body = {"model": "base", "prompt": "x = 1\n" * 300, "max_tokens": 1}
    usual, longer = (
        ask(served.url, "/v1/completions", body | more).json["usage"]["prompt_tokens"]
        for more in ({}, {"max_prompt_tokens": 640})
    )
    assert usual == EVALUATE.max_prompt_tokens and longer == 640


def test_while_the_user_types_the_engine_reads_only_what_is_new(served: Served) -> None:
    text = "".join(f"value_{number} = compute({number})\n" for number in range(200))
    read = []
    for typed in ("", "v", "va", "val", "value"):
        body = {"model": "tuned", "prompt": text + typed, "suffix": "", "path": PATH, "max_tokens": 2}
        usage = ask(served.url, "/v1/completions", body).json["usage"]
        read.append(usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"])
    assert read[0] > 400 and max(read[1:]) < 20
    exact = ask(served.url, "/v1/completions", body | {"max_prompt_tokens": 512}).json["usage"]  # as in evaluation
    assert exact["prompt_tokens"] == 512


def test_retrieval_shows_the_model_what_evaluation_shows_it(served: Served) -> None:
    hole = item(CODE.index("wait_seconds: float"), suffix=False)
    body = {"prompt": "def show(spec):\n    volume = tank_volume(spec.", "suffix": "\n", "path": "shop/ui.py"}
    bare, shown = (
        ask(served.url, "/v1/completions", {"model": name, **body}).json["usage"]["prompt_tokens"]
        for name in ("base", "base+bm25")
    )
    assert shown > bare + 20
    assert front_answer(served, "base+bm25", hole) == hole.target  # its own lines are not shown to it again


@pytest.mark.parametrize(
    ("suffix", "more", "text"),
    [
        (":\n        pass\n", {}, " -> int"),  # in the middle of a line
        ("\n", {"boundary": "line"}, " -> int:"),
        ("\n", {"stop": "->"}, ""),
        ("\n", {}, " -> int:\n        connection = self.open_connection(self.number_of_retries)"),
    ],
)
def test_an_answer_ends_where_the_cursor_says(served: Served, suffix: str, more: dict[str, str], text: str) -> None:
    at = CODE.index(" -> int:")
    body = {"model": "base", "prompt": CODE[:at], "suffix": suffix, "path": PATH, "max_tokens": 24, **more}
    answer = ask(served.url, "/v1/completions", body).json["choices"][0]["text"]
    assert answer.startswith(text) if text else answer == text
    if "boundary" in more or not suffix.startswith("\n"):
        assert "\n" not in answer


def test_a_word_that_the_engine_cannot_spell_is_put_into_the_prompt(served: Served, infilling: Served) -> None:
    for server in (served, infilling):
        reply = ask(server.url, "/v1/completions", {"prompt": CODE[:200] + "a\0b", "suffix": "\n", "max_tokens": 4})
        assert reply.status == 200
