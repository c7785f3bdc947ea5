"""Texts of blobs are redacted as each would be alone, whatever was read before, and few are held at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_repo import git
from tuner.mine import texts
from tuner.mine.history import Change, Patch
from tuner.mine.languages import language_of
from tuner.mine.plumbing import Git
from tuner.mine.sources import read_text
from tuner.mine.texts import Texts

PYTHON = language_of("a.py")
KEY = "ghp_" + "Zx8Qv3" * 6  # in pieces, so that no scanner takes this file for a leak
BODY = [f"def function_{number}(value):\n    return value + {number}\n" for number in range(60)]
VERSIONS = [
    "\n".join(BODY),
    "\n".join([*BODY[:30], f'token = "{KEY}"\n', *BODY[30:]]),
    "\n".join([*BODY[:10], "# by ann@" + "corp.dev\n", *BODY[10:30], f'token = "{KEY}"\n', *BODY[30:]]),
    "\n".join([*BODY[5:30], *BODY[40:]]),
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("versions")
    git(folder, "init", "--quiet")
    for number, version in enumerate(VERSIONS):
        (folder / f"{number}.py").write_text(version)
    return folder, git(folder, "hash-object", "-w", *(f"{number}.py" for number in range(len(VERSIONS)))).split()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 1, 0, 3)])
def test_a_version_is_the_same_whatever_was_read_before(stored: tuple[Path, list[str]], order: tuple[int, ...]) -> None:
    folder, shas = stored
    assert PYTHON is not None
    reader = Texts(Git(folder), 100_000, "none")
    for number in order:
        raw = VERSIONS[number].encode()
        alone = read_text(raw, len(raw), PYTHON, 100_000)
        assert reader.read(shas[number], "a.py", PYTHON) == (alone, b"" if alone.redactions else raw)
        assert KEY not in reader.read(shas[number], "a.py", PYTHON)[0].text


def test_a_scanner_is_given_only_what_is_new(stored: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, shas = stored
    assert PYTHON is not None
    seen: list[str] = []
    monkeypatch.setattr("tuner.mine.novelty.redact", lambda text, scanner: _noted(seen, text, scanner))
    monkeypatch.setattr(texts, "open_scanner", lambda setting: lambda text: [])
    reader = Texts(Git(folder), 100_000, "betterleaks")
    reader.read(shas[0], "a.py", PYTHON)
    patch = Patch(Change("R090", "b.py", "a.py", "100644", shas[0], shas[1]), [])
    old, new = reader.read_sides(patch, PYTHON)
    assert old is not None and old[0].text == VERSIONS[0] and KEY not in new[0].text
    assert seen[0] == VERSIONS[0] and len(seen) == 2  # nothing is known of b.py
    reader.read(shas[2], "a.py", PYTHON)
    assert sum(map(len, seen[2:])) < len(VERSIONS[2]) / 2


def test_few_texts_are_held(stored: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, shas = stored
    assert PYTHON is not None
    monkeypatch.setattr(texts, "MOST_BYTES", 3 * len(VERSIONS[0]))
    reader = Texts(Git(folder), 100_000, "none")
    for _ in range(3):
        for number, sha in enumerate(shas):
            assert reader.read(sha, f"{number}.py", PYTHON)[0].text.startswith(
                BODY[0][:20] if number < 3 else BODY[5][:20]
            )
            assert len(reader._read) == 1 or reader._size <= texts.MOST_BYTES


def _noted(seen: list[str], text: str, scanner: object) -> object:
    from tuner.mine.redact import redact

    seen.append(text)
    return redact(text)


def test_bytes_that_are_not_those_of_the_text_are_given_as_they_are(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    raw = b"\xef\xbb\xbf" + VERSIONS[0].replace("\n", "\r\n").encode()
    (tmp_path / "a.py").write_bytes(raw)
    sha = git(tmp_path, "hash-object", "-w", "--no-filters", "a.py").strip()
    assert PYTHON is not None
    reader = Texts(Git(tmp_path), 100_000, "none")
    for _ in range(2):
        text, given = reader.read(sha, "a.py", PYTHON)
        assert (text.text, given) == (VERSIONS[0], raw)
