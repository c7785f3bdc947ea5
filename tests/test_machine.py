"""The memory that counts is the least of what is free, of the container's limit, and of the graphics card."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.machine import Gpu, Machine, read_machine

GIB = 1 << 30
MEMINFO = "MemTotal:       {total} kB\nMemFree:        1 kB\nMemAvailable:   {free} kB\nSwapFree:       99999999 kB\n"


def machine_of(root: Path, total: int = 32, free: int = 20, cgroup: str = "", flags: str = "avx2") -> Path:
    files = {
        "proc/meminfo": MEMINFO.format(total=total << 20, free=free << 20),
        "proc/cpuinfo": f"flags\t: fpu {flags}\n",
        "proc/self/cgroup": cgroup,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def limit(folder: Path, most: str, used: int, cached: int = 0, old: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if old else ("memory.max", "memory.current")
    (folder / names[0]).write_text(f"{most}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{'total_' if old else ''}inactive_file {cached}\n")


@pytest.fixture(autouse=True)
def no_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_without_a_limit_free_memory_counts_and_swap_does_not(tmp_path: Path) -> None:
    found = read_machine(machine_of(tmp_path))
    assert (found.total, found.free, found.limit) == (32 * GIB, 20 * GIB, "free memory")
    assert (found.room, found.weight_bytes, found.gpu) == (20 * GIB, 4, None)


def test_a_container_of_either_kind_sets_the_limit(tmp_path: Path) -> None:
    new = machine_of(tmp_path / "new", cgroup="0::/jobs/mine\n")
    limit(new / "sys/fs/cgroup/jobs/mine", str(8 * GIB), used=3 * GIB, cached=1 * GIB)
    found = read_machine(new)
    assert (found.total, found.free, found.limit) == (8 * GIB, 6 * GIB, "the container's memory limit")
    old = machine_of(tmp_path / "old", cgroup="5:cpu,memory:/mine\n4:pids:/mine\n")
    limit(old / "sys/fs/cgroup/memory/mine", str(4 * GIB), used=1 * GIB, old=True)
    assert read_machine(old).free == 3 * GIB


def test_the_tightest_group_above_counts_and_one_without_limit_does_not(tmp_path: Path) -> None:
    root = machine_of(tmp_path, cgroup="0::/jobs/mine\n")
    limit(root / "sys/fs/cgroup/jobs", str(2 * GIB), used=0)
    limit(root / "sys/fs/cgroup/jobs/mine", "max", used=0)
    assert read_machine(root).free == 2 * GIB
    limit(root / "sys/fs/cgroup/jobs", str(40 * GIB), used=0)  # the negative control
    assert read_machine(root).limit == "free memory"


@pytest.mark.parametrize(("flags", "size"), [("avx512_bf16", 2), ("amx_bf16 avx2", 2), ("avx512f avx2", 4)])
def test_a_weight_has_two_bytes_where_the_processor_computes_bf16(flags: str, size: int, tmp_path: Path) -> None:
    assert read_machine(machine_of(tmp_path, flags=flags)).weight_bytes == size


def test_the_largest_card_is_read_from_the_driver(tmp_path: Path) -> None:
    program = tmp_path / "bin/nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '8192, 8000, 7.5, Small, old'\necho '24576, 20480, 8.6, Large'\n")
    program.chmod(0o755)
    found = read_machine(machine_of(tmp_path))
    assert found.gpu == Gpu("Large", 24 * GIB, 20 * GIB, True)
    assert (found.room, found.weight_bytes) == (20 * GIB, 2)


def test_a_card_without_bf16_takes_float32() -> None:
    assert Machine(2, 0, 0, "", True, Gpu("old", 0, 0, False)).weight_bytes == 4
