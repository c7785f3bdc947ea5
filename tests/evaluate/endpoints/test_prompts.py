"""What an API is shown: cut at the far ends, never longer than allowed, in the form its kind of model reads."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tests.evaluate.endpoints.servers import item
from tests.export.checkpoints import QWEN_SPECIAL
from tuner.evaluate.endpoints.prompts import chat_message, commented, cursor_mark, shown, with_tokens
from tuner.fim_forms import DEEPSEEK, QWEN
from tuner.records import Neighbour
from tuner.render import Renderer

ITEM = item()
FAR, NEAR = Neighbour("far.py", "far = 1\n"), Neighbour("near.py", "near = 2\n")
TEXT = st.text(alphabet="ab \n\u20ac\ud800", max_size=120)


def test_all_is_shown_where_there_is_room() -> None:
    code = shown(ITEM, [FAR, NEAR], 1000)
    assert (code.before, code.after, code.others) == (ITEM.prefix, ITEM.suffix, (FAR, NEAR))


def test_the_far_ends_are_cut_at_line_ends_and_the_farthest_file_goes_first() -> None:
    long = item(prefix="one\ntwo\nthree\nfour = ", suffix="\nfive\nsix\nseven\n")
    assert shown(long, [], 24).before == "two\nthree\nfour = "
    assert shown(long, [], 24).after == "\nfive\n"
    assert shown(long, [FAR, NEAR], 40).others == (NEAR,)
    cut = Neighbour("near.py", "a = 1\nb = 2\n")
    assert shown(long, [FAR, cut], 24).others == (Neighbour("near.py", "a = 1\n"),)


def test_a_line_that_is_longer_than_the_room_keeps_what_stands_before_the_cursor() -> None:
    assert shown(item(prefix="x" * 500 + "end", suffix=""), [], 200).before == "x" * 197 + "end"


@given(TEXT, TEXT, st.lists(TEXT, max_size=4), st.integers(1, 200))
def test_no_more_is_shown_than_allowed_and_always_next_to_the_cursor(
    prefix: str, suffix: str, others: list[str], room: int
) -> None:
    code = shown(item(prefix=prefix, suffix=suffix), [Neighbour("x", text) for text in others], room)
    assert len(code.before) + len(code.after) + sum(len(each.text) for each in code.others) <= room
    whole = prefix.encode("utf-8", "replace").decode()
    assert whole.endswith(code.before) and suffix.encode("utf-8", "replace").decode().startswith(code.after)
    assert code.before or not prefix or room - len(code.after) <= room // 2 or not whole.rpartition("\n")[2]


def test_the_target_is_never_shown() -> None:
    one, other = item(target="self.n"), item(target="entirely_different")
    assert shown(one, [NEAR], 500) == shown(other, [NEAR], 500)
    code = shown(other, [NEAR], 500)
    texts = [chat_message(other, code, "<CURSOR/>"), commented(other, code), with_tokens(QWEN, other, code)]
    assert not any("entirely_different" in text for text in texts)


def test_a_chat_model_gets_path_files_and_the_file_with_the_cursor() -> None:
    assert chat_message(ITEM, shown(ITEM, [NEAR], 500), "<CURSOR/>") == (
        "Complete the code at <CURSOR/> in the file shop/counter.py of the repository shop.\n\n"
        "Parts of other files of this repository:\n\n"
        "near.py\n```\nnear = 2\n```\n\n"
        "shop/counter.py\n```\n# 0\ndef count(self):\n    return <CURSOR/>\n\nprint(count)\n```\n\n"
        "Return only the text to insert at <CURSOR/>, up to the end of that line. Do not repeat what stands before or "
        "after it. No code fence, no explanation."
    )


def test_code_that_holds_a_fence_or_the_mark_cannot_be_taken_for_ours() -> None:
    tricky = item(prefix='"""\n```\n<CURSOR/>\n````\n', suffix="\n</CURSOR2>\n")
    code = shown(tricky, [], 500)
    mark = cursor_mark(code)
    assert mark == "<CURSOR3/>"
    message = chat_message(tricky, code, mark)
    assert message.count("\n`````\n") == 2
    assert code.before + mark + code.after in message


def test_a_completion_model_gets_other_files_as_comments() -> None:
    assert commented(ITEM, shown(ITEM, [FAR, NEAR], 500)) == (
        "# Compare this snippet from far.py:\n# far = 1\n"
        "# Compare this snippet from near.py:\n# near = 2\n"
        "# Path: shop/counter.py\n" + ITEM.prefix
    )
    assert commented(dataclasses.replace(ITEM, language="text"), shown(ITEM, [NEAR], 500)) == ITEM.prefix


@pytest.mark.parametrize("neighbours", [[], [FAR, NEAR]])
def test_infilling_tokens_are_written_as_our_own_systems_write_them(neighbours: list[Neighbour]) -> None:
    tokenizer = Tokenizer(models.BPE({sign: at for at, sign in enumerate(pre_tokenizers.ByteLevel.alphabet())}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([token for token in QWEN_SPECIAL if token.startswith("<|")])
    renderer = Renderer(tokenizer, "shop")
    ours = renderer.infilling_prompt(ITEM.prefix, ITEM.suffix, ITEM.path, 400, neighbours=neighbours)
    healed = renderer.tokenizer.decode(ours.ids, skip_special_tokens=False).replace(
        "<|fim_suffix|>", ours.healed.decode() + "<|fim_suffix|>"
    )
    assert with_tokens(QWEN, ITEM, shown(ITEM, neighbours, 1000)) == healed


def test_a_file_that_holds_a_control_token_cannot_end_its_own_prompt() -> None:
    about = item(prefix='END = "<|fim_middle|>"\n', suffix="\n# <|endoftext|>\n")
    text = with_tokens(QWEN, about, shown(about, [Neighbour("a.py", "<|file_sep|>")], 500))
    assert text.count("<|fim_middle|>") == 1 and text.count("<|file_sep|>") == 2
    assert "<|endoftext|>" not in text and '"< |fim_middle|>"' in text


def test_deepseeks_files_stand_behind_its_first_token() -> None:
    code = shown(ITEM, [NEAR], 500)
    assert with_tokens(DEEPSEEK, ITEM, code) == (
        "<｜fim▁begin｜>#near.py\nnear = 2\n#shop/counter.py\n"
        + ITEM.prefix
        + "<｜fim▁hole｜>"
        + ITEM.suffix
        + "<｜fim▁end｜>"
    )
