"""Replay a stored run: the predictions file that evaluation wrote, without a server, a sign-in or a network.

In: `eval/copilot.predictions.jsonl` of a run, and the frozen items. Out: the stored predictions as they are, voids
included. Refused: predictions of other items, of items with another target, two of one item, and void classes that are
not ours. What answered is read from the scores file beside it, where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tuner.errors import DataError
from tuner.evaluate.replay import Replay, target_bytes
from tuner.evaluate.system import VOIDS
from tuner.records import Item, Prediction, read_jsonl

ENDING = ".predictions.jsonl"


class Recorded(Replay):
    """A stored run under the name `name`."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name, _about(path))
        self._path = path

    def read(self, items: Mapping[str, Item]) -> Mapping[str, Prediction]:
        """Read the stored predictions."""
        return _read(self._path, items)


def _read(path: Path, items: Mapping[str, Item]) -> dict[str, Prediction]:
    hint = "replay a run over the same items, or leave compare.copilot.recording out to ask again"
    known: dict[str, Prediction] = {}
    for number, prediction in enumerate(read_jsonl(path, Prediction), 1):
        where, ident = f"{path}:{number}", prediction.item_id
        item = items.get(ident)
        if item is None:
            raise DataError(f"{where}: item {ident} is none of the {len(items)} frozen items", hint)
        if ident in known:
            raise DataError(f"{where}: item {ident} has a prediction already", hint)
        if prediction.target_bytes != target_bytes(item):
            found, wanted = prediction.target_bytes, target_bytes(item)
            raise DataError(f"{where}: item {ident}: its target had {found} bytes, the frozen one has {wanted}", hint)
        if prediction.void is not None and prediction.void not in VOIDS:
            raise DataError(f"{where}: void is {prediction.void!r}, wanted one of {', '.join(VOIDS)}", hint)
        known[ident] = prediction
    return known


def _about(path: Path) -> dict[str, str]:
    about = {"replayed": path.name}
    scores = path.with_name(path.name.removesuffix(ENDING) + ".scores.json")
    if path.name.endswith(ENDING) and scores.is_file():
        try:
            stored = json.loads(scores.read_bytes())
        except ValueError:
            raise DataError(f"{scores}: not JSON", "restore it, or move it away: it only says what answered") from None
        about = {**{str(key): str(value) for key, value in stored.get("about", {}).items()}, **about}
    return about
