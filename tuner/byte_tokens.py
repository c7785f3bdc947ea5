"""Say which bytes a byte-level tokenizer's tokens stand for, and which texts it cuts out before its own rules apply.

In: a tokenizer. Out: bytes by token id. Only byte-level BPE is supported: its alphabet names every byte.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from tokenizers import Tokenizer

from tuner.errors import BaseError


def token_bytes(tokenizer: Tokenizer, control: Collection[str]) -> list[bytes]:
    """Give the bytes that each token id stands for; empty for control tokens, which stand for no text."""
    table = _byte_alphabet()
    tokens = tokenizer.get_vocab(with_added_tokens=True)
    size = max(tokens.values()) + 1
    found = [b""] * size
    for token, ident in tokens.items():
        if token in control:
            continue
        try:
            found[ident] = bytes(table[character] for character in token)
        except KeyError:
            raise BaseError(
                f"token {token!r} is not written in the byte-level alphabet",
                "only byte-level BPE tokenizers are supported",
            ) from None
    return found


def added_tokens(tokenizer: Tokenizer) -> list[str]:
    """List the tokens that the tokenizer cuts out of text before its own rules apply."""
    return [token["content"] for token in json.loads(tokenizer.to_str())["added_tokens"]]


def _byte_alphabet() -> dict[str, int]:
    """Map the printable characters of byte-level BPE back to bytes (GPT-2's `bytes_to_unicode`)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {chr(byte): byte for byte in printable}
    spare = 0
    for byte in range(256):
        if byte not in printable:
            table[chr(256 + spare)] = byte
            spare += 1
    return table
