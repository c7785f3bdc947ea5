"""What this machine has: memory that a training may take, its number format, and how fast it multiplies matrices.

In: nothing but the machine. Out: a `Machine`. A container's own limit counts before the machine's memory, what others
hold now is not counted as free, and swap is left out: training from swap would take weeks. Only `measure_speed` needs
torch.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

BF16_CAPABILITY = 8.0  # NVIDIA's compute capability from which bf16 is native
PROBE_SECONDS = 1.0
PROBE_WIDTH = 1024


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics card: bytes in all and free, and whether it computes bf16."""

    name: str
    total: int
    free: int
    has_bf16: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes in all and free for this process; `limit` says what sets the free ones; `gpu` None where there is none."""

    cores: int
    total: int
    free: int
    limit: str
    has_bf16: bool
    gpu: Gpu | None

    @property
    def room(self) -> int:
        """Give the free bytes of the device that models run on."""
        return self.gpu.free if self.gpu else self.free

    @property
    def weight_bytes(self) -> int:
        """Give the size of a weight in the number format that training takes here."""
        return 2 if (self.gpu.has_bf16 if self.gpu else self.has_bf16) else 4


def read_machine(root: Path = Path("/")) -> Machine:
    """Look at this machine; `root` is where its `proc` and `sys` lie."""
    total, free, limit = _memory(root)
    for bound, used in _group_limits(root):
        left = max(0, bound - used)
        total = min(total, bound)
        if left < free:
            free, limit = left, "the container's memory limit"
    return Machine(usable_cores(), total, free, limit, cpu_has_bf16(root), _gpu())


def cpu_has_bf16(root: Path = Path("/")) -> bool:
    """Look for hardware bf16 products; oneDNN also says yes where it emulates them."""
    cpuinfo = root / "proc/cpuinfo"
    if not cpuinfo.is_file():  # Apple silicon computes bf16 natively from M2 on; float32 is safe everywhere
        return False
    return "bf16" in cpuinfo.read_text(encoding="utf-8", errors="replace")  # avx512_bf16, amx_bf16, Arm's bf16


def measure_speed(dtype_bytes: int) -> float:
    """Multiply matrices for about a second as training would, and give floating-point operations per second."""
    import torch

    where = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if dtype_bytes == 2 else torch.float32
    one = torch.ones(PROBE_WIDTH, PROBE_WIDTH, dtype=dtype, device=where)
    best, started, work = 0.0, time.monotonic(), 2.0 * PROBE_WIDTH**3
    repeats = 1 if where == "cpu" else 50
    while time.monotonic() - started < PROBE_SECONDS:
        clock = time.perf_counter()
        for _ in range(repeats):
            product = one @ one
        product[0, 0].item()  # waits for a GPU
        best = max(best, repeats * work / (time.perf_counter() - clock))
    return best


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory(root: Path) -> tuple[int, int, str]:
    """Give all and free bytes, and what says so."""
    meminfo = root / "proc/meminfo"
    if meminfo.is_file():
        lines = (line.split(":") for line in meminfo.read_text(encoding="ascii").splitlines())
        figures = {name: int(value.split()[0]) * 1024 for name, value in lines}
        return figures["MemTotal"], figures["MemAvailable"], "free memory"
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return pages, pages, f"all memory; what is free {platform.system()} does not say"


def _group_limits(root: Path) -> list[tuple[int, int]]:
    """List limit and use of every control group that this process is in, of version 2 and 1."""
    found = []
    listed = root / "proc/self/cgroup"
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    for line in lines:
        _, kinds, place = line.split(":", 2)
        if kinds == "":
            names, mount = ("memory.max", "memory.current", "inactive_file"), root / "sys/fs/cgroup"
        elif "memory" in kinds.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            mount = root / "sys/fs/cgroup/memory"
        else:
            continue
        inner = mount / place.lstrip("/")
        for folder in (inner, *inner.parents):
            if folder == mount.parent:
                break
            figures = _limit_of(folder, *names)
            if figures is not None:
                found.append(figures)
    return found


def _limit_of(folder: Path, limit: str, use: str, reclaimable: str) -> tuple[int, int] | None:
    try:
        text = (folder / limit).read_text(encoding="ascii").strip()
        used = int((folder / use).read_text(encoding="ascii"))
        rows = (line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        cached = next((int(value) for name, value in rows if name == reclaimable), 0)
    except (OSError, ValueError):
        return None
    return (int(text), used - cached) if text.isdigit() else None


def _gpu() -> Gpu | None:
    """Ask the driver for the card with the most memory."""
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", "--query-gpu=memory.total,memory.free,compute_cap,name", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    cards = []
    for line in answer.splitlines():
        parts = [part.strip() for part in line.split(",", 3)]
        if len(parts) == 4 and parts[0].isdigit() and parts[1].isdigit():
            capability = float(parts[2]) if parts[2].replace(".", "").isdigit() else 0.0
            total, free = int(parts[0]) << 20, int(parts[1]) << 20
            cards.append(Gpu(parts[3], total, free, capability >= BF16_CAPABILITY))
    return max(cards, key=lambda card: card.total, default=None)
