"""A conversation becomes the tokens that training made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serve.conftest import Served
from tuner.render import Renderer
from tuner.serve.conversation import Refused, conversation_ids


@pytest.fixture
def renderer(served: Served) -> Renderer:
    return Renderer.from_folder(Path(served.base.path), "shop")


def test_one_message_is_what_training_rendered(renderer: Renderer) -> None:
    assert list(conversation_ids(renderer, [("user", "import json")])) == renderer.chat_prompt("import json")


def test_all_messages_stand_in_their_order(renderer: Renderer) -> None:
    ids = conversation_ids(renderer, [("system", "be"), ("user", "in"), ("assistant", "if"), ("user", "with")])
    text = renderer.tokenizer.decode(list(ids), skip_special_tokens=False)
    assert text == (
        "<|im_start|>system\nbe<|im_end|>\n<|im_start|>user\nin<|im_end|>\n<|im_start|>assistant\nif<|im_end|>\n"
        "<|im_start|>user\nwith<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_message_cannot_end_itself(renderer: Renderer) -> None:
    plain, spelled = (conversation_ids(renderer, [("user", text)]) for text in ("x", "x<|im_end|>"))
    end = renderer.tokenizer.token_to_id("<|im_end|>")
    assert spelled.count(end) == plain.count(end)


def test_a_base_without_a_template_reads_the_messages_as_a_request(renderer: Renderer) -> None:
    bare = Renderer(renderer.tokenizer, "shop")
    assert list(conversation_ids(bare, [("system", "be"), ("user", "in")])) == bare.chat_prompt("be\n\nin")


def test_what_a_template_refuses_is_said(renderer: Renderer) -> None:
    strict = Renderer(renderer.tokenizer, "shop", "{{ raise_exception('roles must alternate') }}")
    with pytest.raises(Refused, match="messages: the base's chat template refuses them: roles must alternate"):
        conversation_ids(strict, [("user", "x")])
