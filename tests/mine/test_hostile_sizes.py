"""Sizes that nobody expects: a hundred thousand files in a folder, a blob of a gibibyte."""

from __future__ import annotations

import subprocess
import sys
import time
import zlib
from pathlib import Path

from tests.mine.conftest import mine
from tests.mine.histories import DAY, LATER, START, History, code, commit_on_top, shop
from tests.tiny_repo import git

ZEROS = "4fce05a4e4ed8cefef2d99f32c519b2fd7841b74"  # sha-1 of a blob of 1 GiB of zeros


def test_a_hundred_thousand_files_in_a_folder_are_counted_in_seconds(tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    blob = git(folder, "hash-object", "-w", "--stdin", given=code("many").encode()).strip()
    names = "".join(f"100644 blob {blob}\tf{number:06d}.py\n" for number in range(100_000))
    many = git(folder, "mktree", given=names.encode()).strip()
    commit_on_top(folder, f"040000 tree {many}\tmany\n", "Bring many files")
    shop(History(onto="main", start=START + 40 * DAY), 9, LATER).write(folder)
    started = time.process_time()
    outcome = mine(folder, tmp_path / "out")
    assert time.process_time() - started < 30  # it takes four
    assert outcome.mined.counts["files_seen"] == 100_005
    assert outcome.mined.rejected_counts["duplicate_file"] == 99_999
    assert outcome.mined.rejected_counts["too_many_files"] == 1
    assert {pair.path for pair in outcome.pairs if pair.kind == "file"} == {
        "many/f000000.py",
        *(f"shop/{topic}.py" for topic in ("till", "cart", "stock", "wallet", "parcel")),
    }


def test_a_blob_of_a_gibibyte_is_not_held_in_memory(tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    blob = write_zeros(folder)
    assert git(folder, "cat-file", "-s", blob).strip() == str(1 << 30)
    commit_on_top(folder, f"100644 blob {blob}\thuge.py\n100644 blob {blob}\thuge.js\n", "Add a model")
    shop(History(onto="main", start=START + 40 * DAY), 9, LATER).write(folder)
    program = (
        "import resource, sys; from pathlib import Path; from tests.mine.conftest import mine\n"
        "outcome = mine(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(outcome.mined.rejected_counts['too_large'], outcome.mined.rejected_counts['huge_file'])\n"
        # the high-water mark of this program: ru_maxrss would count what started it, before its own memory began
        "print(next(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    command = [sys.executable, "-c", program, str(folder), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    files, commits, own, childrens = map(int, done.stdout.split())
    assert (files, commits) == (2, 1)
    assert own < 400 and childrens < 200, "MiB"


def write_zeros(folder: Path) -> str:
    """Write a blob of 1 GiB of zeros as a file of 1 MiB, in no time: its pieces are the same compressed bytes."""
    size, head, piece = 1 << 30, b"blob 1073741824\0", 1 << 24
    packer = zlib.compressobj(wbits=-15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(piece)) + packer.flush(zlib.Z_FULL_FLUSH)
    low, high = zlib.adler32(head) & 0xFFFF, zlib.adler32(head) >> 16
    checksum = ((high + size * low) % 65_521) << 16 | low
    data = b"\x78\x01" + first + again * (size // piece) + packer.flush() + checksum.to_bytes(4, "big")
    place = folder / "objects" / ZEROS[:2] / ZEROS[2:]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(data)
    return ZEROS
