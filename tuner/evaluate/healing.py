"""Which tokens may come next while the text that the user has typed is not yet spelled (token healing).

In: the bytes of each token, and the typed bytes that the prompt leaves out (`Prompt.healed`). Out: the allowed ids: the
tokens that begin with what is left to spell, and those that spell a part of it. Control tokens spell nothing and are
never allowed here. Serving must allow the same tokens, since the bits of a target are those under this decoding.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_BIGGEST_BYTE = b"\xff"


class Healer:
    """Look up allowed tokens; every answer is kept, since typed parts such as an indent come again and again."""

    def __init__(self, vocabulary: Sequence[bytes]) -> None:
        self.vocabulary = vocabulary
        order = sorted((spelling, ident) for ident, spelling in enumerate(vocabulary) if spelling)
        self._spellings = [spelling for spelling, _ in order]
        self._ids = [ident for _, ident in order]
        self._longest = max(map(len, self._spellings), default=0)
        self._known: dict[bytes, NDArray[np.int64]] = {}

    def allowed(self, left: bytes) -> NDArray[np.int64]:
        """List the ids, ascending, that may come next while `left` (not empty) is still to be spelled."""
        found = self._known.get(left)
        if found is None:
            ids = self._ids[bisect_left(self._spellings, left) : bisect_left(self._spellings, _after(left))]
            for length in range(1, min(len(left), self._longest + 1)):
                part = left[:length]
                first = bisect_left(self._spellings, part)
                while first < len(self._spellings) and self._spellings[first] == part:
                    ids.append(self._ids[first])
                    first += 1
            found = self._known[left] = np.sort(np.asarray(ids, dtype=np.int64))
        return found

    def spelling(self, ident: int) -> bytes:
        """Give a token's bytes; a model's output layer may have more rows than the tokenizer has tokens."""
        return self.vocabulary[ident] if ident < len(self.vocabulary) else b""

    def path(self, healed: bytes, ids: Sequence[int]) -> list[bytes] | None:
        """Give, for each of the first ids, what is still to be spelled before it; None if they do not spell `healed`.

        They do not where the tokenizer changes text before cutting it, as a Unicode normaliser does.
        """
        left, steps = healed, []
        for ident in ids:
            if not left:
                break
            steps.append(left)
            spelled = self.spelling(ident)
            if not spelled or not (spelled.startswith(left) or left.startswith(spelled)):
                return None
            left = left[len(spelled) :]
        return None if left else steps


def _after(start: bytes) -> bytes:
    """Give the least bytes that sort after everything that begins with `start`."""
    stripped = start.rstrip(_BIGGEST_BYTE)
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else start + _BIGGEST_BYTE * 64
