"""A base is found and, where it is a GGUF file, prepared once and whole, whatever was killed or damaged before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from gguf import GGUFReader
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from tests.export.checkpoints import smollm_tokenizer
from tests.train.examples import small_base
from tuner import bases
from tuner.export.gguf_base import write_gguf
from tuner.progress import Progress, Track
from tuner.recipe import EMBEDDED

NUMBERS = "for year in range(1999, 2026):\n    total += 0x1F3 * 1_000_000 + 3.14159e-10  # 42 of 12345\n"
COLUMNS = "sizes = [\n    12,  345,   6,\n     7,   89,  10,\n]  # \u00bd \u0663\u0664\n"  # spaces before digits decide


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_base(tmp_path_factory.mktemp("bases") / "base")


@pytest.fixture(scope="module")
def gguf(folder: Path) -> Path:
    path = folder.parent / "small.gguf"
    write_gguf(folder, path, "f16", "small")
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "base"))


class Interrupted(Exception):
    pass


class StopAtPart(Progress):
    """Stop when `count` parts are done, as a kill does."""

    def __init__(self, count: int) -> None:
        self.left = count

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        yield self

    def advance(self, count: float = 1) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interrupted

    def note(self, text: str) -> None:
        pass


def test_a_folder_is_used_where_it_lies_and_its_revision_follows_its_bytes(copy: Path, tmp_path: Path) -> None:
    first = bases.resolve(str(copy), tmp_path / "cache")
    assert (first.name, first.path, first.fim_form) == (str(copy), str(copy), "prefix_only")
    assert bases.resolve(str(copy), tmp_path / "cache") == first
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert bases.resolve(str(copy), tmp_path / "cache").revision != first.revision
    assert not (tmp_path / "cache").exists()


def test_a_gguf_file_is_dequantised_once(gguf: Path, tmp_path: Path) -> None:
    first = bases.resolve(str(gguf), tmp_path)
    written = (Path(first.path) / "model.safetensors").stat()
    assert bases.resolve(str(gguf), tmp_path) == first
    assert (Path(first.path) / "model.safetensors").stat().st_mtime_ns == written.st_mtime_ns
    assert bases.source_gguf(first) == gguf
    assert first.revision == bases.sha256_file(gguf)
    assert sorted(path.name for path in (tmp_path / "bases").iterdir()) == [
        Path(first.path).name,
        f"{Path(first.path).name}.lock",
    ]


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


@pytest.mark.parametrize(
    "damage",
    [
        cut_weights,
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "tokenizer.json").write_text("{}"),
        lambda folder: (folder / bases.NOTE).write_text('{"gguf": "'),
        lambda folder: (folder / bases.NOTE).unlink(),
    ],
)
def test_a_damaged_copy_is_made_again_and_never_used(
    damage: Callable[[Path], object], gguf: Path, tmp_path: Path
) -> None:
    first = bases.resolve(str(gguf), tmp_path)
    whole = {path.name: path.read_bytes() for path in Path(first.path).iterdir()}
    damage(Path(first.path))
    assert bases.resolve(str(gguf), tmp_path) == first
    assert {path.name: path.read_bytes() for path in Path(first.path).iterdir()} == whole


def test_the_header_of_a_gguf_file_is_read_once(gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    class Counted(GGUFReader):
        def __init__(self, path: str) -> None:
            read.append(path)
            super().__init__(path)

    monkeypatch.setattr("gguf.GGUFReader", Counted)
    bases.resolve(str(gguf), tmp_path / "cache")
    assert read == [str(gguf)]
    AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    assert len(read) > 1  # the negative control, and nothing is kept from then on


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_wherever_dequantising_stops_the_next_call_makes_a_whole_base(parts: int, gguf: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        bases.resolve(str(gguf), tmp_path, StopAtPart(parts))
    ready = [path for path in (tmp_path / "bases").iterdir() if path.is_dir()]
    assert len(ready) == (1 if parts == 4 else 0)  # all or nothing
    base = bases.resolve(str(gguf), tmp_path)
    assert Tokenizer.from_file(f"{base.path}/tokenizer.json").encode("x1").ids


def test_what_a_killed_process_left_behind_is_replaced(gguf: Path, tmp_path: Path) -> None:
    first = bases.resolve(str(gguf), tmp_path)
    partial = Path(first.path).with_name(f".{Path(first.path).name}.partial")
    shutil.move(first.path, partial)
    cut_weights(partial)
    assert bases.resolve(str(gguf), tmp_path) == first
    assert not partial.exists()


def test_two_that_dequantise_at_once_wait_for_each_other(gguf: Path, tmp_path: Path) -> None:
    parts: list[str] = []

    class Recorder(Progress):
        @contextmanager
        def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
            parts.append(label)
            with super().track(label, total, unit) as track:
                yield track

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: bases.resolve(str(gguf), tmp_path, Recorder()), range(3)))
    assert found[0] == found[1] == found[2]
    assert parts == [f"preparing {gguf}"]  # one did the work


def test_numbers_are_cut_into_digits_which_transformers_forgets(gguf: Path, folder: Path, tmp_path: Path) -> None:
    def pieces(tokenizer: Tokenizer) -> tuple[list[int], list[int | None]]:
        encoding = tokenizer.encode(NUMBERS, add_special_tokens=False)
        return encoding.ids, encoding.word_ids  # what a cursor may cut is decided by the words

    wanted = pieces(Tokenizer.from_file(str(folder / "tokenizer.json")))
    base = bases.resolve(str(gguf), tmp_path)
    assert pieces(Tokenizer.from_file(f"{base.path}/tokenizer.json")) == wanted
    unrepaired = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).backend_tokenizer
    assert pieces(unrepaired) != wanted  # once this is equal, the repair can go


def test_the_embedded_base_reads_numbers_as_smollm_does() -> None:
    base = bases.resolve("auto", bases.cache_folder())  # `make setup` has prepared it
    assert base.name == EMBEDDED and base.fim_form == "prefix_only"
    ours, real = Tokenizer.from_file(f"{base.path}/tokenizer.json"), Tokenizer.from_str(smollm_tokenizer())
    texts = [NUMBERS, COLUMNS, Path(__file__).read_text(), "naïve 东京 ½ 12345 ٣٤ 1e9"]
    assert [ours.encode(text).ids for text in texts] == [real.encode(text).ids for text in texts]
    unrepaired = Tokenizer.from_str(smollm_tokenizer())
    unrepaired.pre_tokenizer = Tokenizer.from_file(f"{base.path}/tokenizer.json").pre_tokenizer[1]
    assert unrepaired.encode(COLUMNS).ids != real.encode(COLUMNS).ids  # the negative control
