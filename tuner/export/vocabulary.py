"""Say a tokenizer in the engine's words, so that it splits every text exactly as the tokenizer of training does.

In: a folder with tokenizer.json, tokenizer_config.json and config.json. Out: the `tokenizer.*` fields of a GGUF file.
How text is cut before merging is known to the engine by a name. The name follows from the definition in tokenizer.json,
not from the model's name. Refused: an unknown definition, a tokenizer that is not byte-level BPE, a token without an
embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf

from tuner.errors import ExportError
from tuner.export.weights import read_json

_HINT = (
    "serve the PEFT folder with vLLM or transformers; the engine would split text in another way than the training did"
)
_CJK = "[一-龥ࠀ-一가-퟿]+"
_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "bytes",
)
_LLAMA3 = (_QWEN[0].replace(r"\p{N}|", r"\p{N}{1,3}|"), "bytes")
_DEEPSEEK_V3 = (
    r"\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
    " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    "bytes",
)
_DEEPSEEK_CODER = ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _CJK, "digit", "bytes")

# The steps of a pre-tokenizer, as `_steps` lists them, and the name under which llama.cpp knows them.
_CUTS = {
    ("words and bytes",): "gpt-2",
    ("digit", "words and bytes"): "smollm",
    _QWEN: "qwen2",
    _DEEPSEEK_V3: "deepseek-v3",
    _DEEPSEEK_CODER: "deepseek-coder",
}

_KEYS = gguf.Keys.Tokenizer
# Tokens that the engine gives a meaning to, by their text in the families that have them.
_MEANINGS = {
    _KEYS.EOT_ID: ("<|im_end|>", "<|eot_id|>"),
    _KEYS.FIM_PRE_ID: ("<|fim_prefix|>", "<｜fim▁begin｜>", "<fim_prefix>"),
    _KEYS.FIM_SUF_ID: ("<|fim_suffix|>", "<｜fim▁hole｜>", "<fim_suffix>"),
    _KEYS.FIM_MID_ID: ("<|fim_middle|>", "<｜fim▁end｜>", "<fim_middle>"),
    _KEYS.FIM_PAD_ID: ("<|fim_pad|>", "<fim_pad>"),
    _KEYS.FIM_REP_ID: ("<|repo_name|>", "<reponame>", "<repo_name>"),
    _KEYS.FIM_SEP_ID: ("<|file_sep|>", "<file_sep>"),
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer as GGUF fields. `ids` holds the tokens with a meaning: {field: id}."""

    pre: str
    tokens: list[str]
    types: list[int]
    merges: list[str]
    ids: dict[str, int]
    add_bos: bool
    chat_template: str | None

    def write(self, writer: gguf.GGUFWriter) -> None:
        """Add the fields to a file that is being written."""
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.types)
        writer.add_token_merges(self.merges)
        for key in sorted(self.ids):
            writer.add_uint32(key, self.ids[key])
        writer.add_add_bos_token(self.add_bos)
        writer.add_add_space_prefix(False)
        if self.chat_template is not None:
            writer.add_chat_template(self.chat_template)


def read_vocabulary(folder: Path, rows: int) -> Vocabulary:
    """Read the tokenizer of `folder` for a model with `rows` embeddings; rows without a token are named and unused."""
    path = folder / "tokenizer.json"
    definition, named, config = (
        read_json(path),
        read_json(folder / "tokenizer_config.json"),
        read_json(folder / "config.json"),
    )
    model, added = definition["model"], definition.get("added_tokens") or []
    if model.get("type") != "BPE" or model.get("byte_fallback"):
        kind = "BPE with byte fallback" if model.get("byte_fallback") else model.get("type")
        raise ExportError(f"{path}: the tokenizer is {kind}, wanted byte-level BPE", _HINT)
    pre = _cut_name(path, definition)

    tokens = [f"[PAD{i}]" for i in range(rows)]
    types = [int(gguf.TokenType.UNUSED)] * rows
    added_ids = {each["content"]: each["id"] for each in added}
    for text, ident in [*model["vocab"].items(), *added_ids.items()]:
        if ident >= rows:
            raise ExportError(
                f"{path}: token {text!r} has id {ident}, the model has {rows} embeddings",
                "tokenizer and weights do not belong together",
            )
        tokens[ident], types[ident] = text, int(gguf.TokenType.NORMAL)
    for each in added:
        types[each["id"]] = int(gguf.TokenType.CONTROL if each["special"] else gguf.TokenType.USER_DEFINED)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    ids = _named_ids(named, config, {**model["vocab"], **added_ids})
    for key, texts in _MEANINGS.items():
        found = next((added_ids[text] for text in texts if text in added_ids), None)
        if found is not None:
            ids[key] = found
    add_bos = _adds_bos(path, definition, ids.get(_KEYS.BOS_ID))
    return Vocabulary(pre, tokens, types, merges, ids, add_bos, _chat_template(folder, named))


def _cut_name(path: Path, definition: dict[str, Any]) -> str:
    steps = tuple(_steps(definition.get("pre_tokenizer") or {}))
    ignore_merges = bool(definition["model"].get("ignore_merges"))
    if steps == _LLAMA3 and ignore_merges:
        return "llama-bpe"
    if steps in _CUTS and not ignore_merges:
        return _CUTS[steps]
    if len(steps) == 7 and steps[1].startswith("\\s?[A-Za-zµ") and steps[4:] == (_CJK, "digit", "bytes"):
        return "deepseek-llm"
    shown = " then ".join(repr(step) for step in steps) or "nothing"
    raise ExportError(f"{path}: `pre_tokenizer` cuts text by {shown:.300}, which has no known name in llama.cpp", _HINT)


def _steps(step: dict[str, Any]) -> list[str]:
    """List a pre-tokenizer's steps: a pattern, or `digit`, `bytes`, `words and bytes`."""
    kind = step.get("type")
    if kind == "Sequence":
        return [name for each in step["pretokenizers"] for name in _steps(each)]
    if kind == "Digits":
        return ["digit" if step.get("individual_digits") else "digits"]
    if kind == "ByteLevel" and not step.get("add_prefix_space"):
        return ["words and bytes" if step.get("use_regex", True) else "bytes"]
    if kind == "Split" and step.get("behavior") == "Isolated" and not step.get("invert"):
        return [str(step["pattern"].get("Regex", step["pattern"]))]
    return [f"{kind} {sorted(step.items())}"]


def _named_ids(named: dict[str, Any], config: dict[str, Any], ids: dict[str, int]) -> dict[str, int]:
    """Find begin, end, unknown and padding: the tokenizer's word counts before the model's."""
    found = {}
    for role, key in (("bos", _KEYS.BOS_ID), ("eos", _KEYS.EOS_ID), ("unk", _KEYS.UNK_ID), ("pad", _KEYS.PAD_ID)):
        token = named.get(f"{role}_token")
        text = token.get("content") if isinstance(token, dict) else token
        ident = ids.get(text) if text else config.get(f"{role}_token_id")
        if isinstance(ident, list):
            ident = ident[0] if ident else None
        if ident is not None:
            found[key] = int(ident)
    return found


def _adds_bos(path: Path, definition: dict[str, Any], bos: int | None) -> bool:
    """Say whether the tokenizer puts the begin token before a text; tokenizer.json alone decides that."""
    steps = definition.get("post_processor") or {}
    for step in steps.get("processors", [steps]):
        if step.get("type") == "TemplateProcessing":
            single = step["single"]
            if len(single) == 1:
                continue
            special = single[0].get("SpecialToken")
            if len(single) == 2 and special and step["special_tokens"][special["id"]]["ids"] == [bos]:
                return True
            raise ExportError(f"{path}: `post_processor` adds tokens other than one begin token", _HINT)
    return False


def _chat_template(folder: Path, named: dict[str, Any]) -> str | None:
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    template = named.get("chat_template")
    if isinstance(template, list):
        template = next((each["template"] for each in template if each["name"] == "default"), None)
    return template
