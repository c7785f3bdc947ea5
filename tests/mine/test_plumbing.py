"""Blobs come as git holds them, in the order asked for, however many are asked for and whatever becomes of git."""

from __future__ import annotations

import itertools
import os
import select
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_repo import git
from tuner.errors import RepoError
from tuner.mine.plumbing import REQUESTS, Blobs, Git

LIMIT = 50_000
MISSING = "1" * 40


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Store more blobs than two full pipes hold: empty ones, ones that look like git's answers, and large ones."""
    folder = tmp_path_factory.mktemp("blobs")
    git(folder, "init", "--quiet")
    contents = [b"", b"\n", f"{MISSING} blob 7\nno blob\n".encode(), bytes(range(256))]
    contents += [f"{number}".encode() * (number % 7 * 4_000 + 1) for number in range(4 * REQUESTS)]
    for number, content in enumerate(contents):
        (folder / f"{number:04}").write_bytes(content)
    shas = git(folder, "hash-object", "-w", *(f"{number:04}" for number in range(len(contents)))).split()
    return folder, dict(zip(shas, contents, strict=True))


def expected(sha: str, blobs: dict[str, bytes]) -> tuple[str, bytes | None, int]:
    if sha not in blobs:
        return sha, None, -1
    return sha, blobs[sha] if len(blobs[sha]) <= LIMIT else None, len(blobs[sha])


@given(data=st.data())
def test_many_blobs_are_what_each_is_alone(data: st.DataObject, stored: tuple[Path, dict[str, bytes]]) -> None:
    folder, blobs = stored
    asked = data.draw(st.lists(st.sampled_from([*blobs, MISSING, "", "no-name"]), max_size=3 * REQUESTS))
    with Blobs(Git(folder)) as reader:
        assert list(reader.read_many(asked, LIMIT)) == [expected(sha, blobs) for sha in asked]
        for sha in asked[:3]:
            assert (sha, *reader.read(sha, LIMIT)) == expected(sha, blobs)


def test_only_blobs_are_read(stored: tuple[Path, dict[str, bytes]]) -> None:
    folder, blobs = stored
    git(folder, "add", "0002")
    tree = git(folder, "write-tree").strip()
    asked = [tree, next(iter(blobs))]
    with Blobs(Git(folder)) as reader:
        assert list(reader.read_many(asked, LIMIT)) == [(tree, None, -1), expected(asked[1], blobs)]


def test_a_reader_that_stops_early_leaves_nothing_for_the_next(stored: tuple[Path, dict[str, bytes]]) -> None:
    folder, blobs = stored
    shas = list(blobs)
    with Blobs(Git(folder)) as reader:
        for sha, _, _ in reader.read_many(shas, LIMIT):
            if sha == shas[5]:
                break
        assert list(reader.read_many(shas[::-1], LIMIT)) == [expected(sha, blobs) for sha in shas[::-1]]


def test_a_second_reading_before_the_end_of_the_first_is_refused(stored: tuple[Path, dict[str, bytes]]) -> None:
    folder, blobs = stored
    with Blobs(Git(folder)) as reader:
        first = reader.read_many(blobs, LIMIT)
        next(first)
        with pytest.raises(AssertionError, match="not read yet"):
            reader.read(MISSING, LIMIT)


def test_a_full_pipe_delays_a_request(stored: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, blobs = stored
    write, has_room = os.write, itertools.cycle([True, False])
    refused = []

    def full_at_times(descriptor: int, request: bytes) -> int:
        if next(has_room):
            return write(descriptor, request)
        refused.append(request)
        raise BlockingIOError

    monkeypatch.setattr("tuner.mine.plumbing.os.write", full_at_times)
    with Blobs(Git(folder)) as reader:
        assert list(reader.read_many(blobs, LIMIT)) == [expected(sha, blobs) for sha in blobs]
    assert len(refused) > 1


def test_a_request_is_written_whole_or_not_at_all() -> None:
    assert REQUESTS >= 1 and REQUESTS * (64 + 1) <= select.PIPE_BUF


def test_a_damaged_blob_costs_no_other(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    for number in range(REQUESTS * 2):
        (tmp_path / f"{number:04}").write_bytes(os.urandom(20_000))
    shas = git(tmp_path, "hash-object", "-w", *(f"{number:04}" for number in range(REQUESTS * 2))).split()
    blobs = {sha: (tmp_path / f"{number:04}").read_bytes() for number, sha in enumerate(shas)}
    for sha, left in ((shas[0], 0), (shas[3], 9_000), (shas[-1], 2)):
        place = tmp_path / ".git" / "objects" / sha[:2] / sha[2:]
        place.chmod(0o600)
        place.write_bytes(place.read_bytes()[:left])
        del blobs[sha]
    with Blobs(Git(tmp_path)) as reader:
        assert list(reader.read_many(shas, LIMIT)) == [expected(sha, blobs) for sha in shas]
        assert reader.read(shas[1], LIMIT)[0] == blobs[shas[1]]


def test_a_git_that_was_ended_from_outside_is_begun_anew(stored: tuple[Path, dict[str, bytes]]) -> None:
    folder, blobs = stored
    shas = list(blobs)
    with Blobs(Git(folder)) as reader:
        reader.process.kill()
        reader.process.wait()
        answers = list(reader.read_many(shas, LIMIT))
        assert answers[0] == (shas[0], None, -1)
        assert answers[1:] == [expected(sha, blobs) for sha in shas[1:]]


def test_a_command_that_fails_half_way_is_an_error(stored: tuple[Path, dict[str, bytes]]) -> None:
    with pytest.raises(RepoError, match="git log failed"), Git(stored[0]).stream("log", MISSING) as stream:
        stream.read()
