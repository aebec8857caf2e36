"""Is there room for one more product: disk and memory, looked at before a start."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from tasks.common.errors import TransientIO

_MB = 1 << 20


def free_disk_mb(folder: Path) -> int:
    """Return the free space of the disk on which a folder is or will be."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free // _MB


def require_disk(folder: Path, wanted_mb: int) -> None:
    """Check that a disk has room.

    Raises:
        TransientIO: it has not; the message says how much is missing and what frees some.
    """
    free = free_disk_mb(folder)
    if free < wanted_mb:
        raise TransientIO(
            f"{folder}: {free} MB free, {wanted_mb} MB wanted before a product is started; "
            "free some (sen2flow clean) or lower the limit (--disk-mb)"
        )


def await_memory(wanted_mb: int, patience_s: float = 600.0, pause_s: float = 5.0) -> None:
    """Wait until this machine has memory for a product; other products free theirs when they end.

    Raises:
        TransientIO: it has not within the time.
    """
    until = time.monotonic() + patience_s
    while wanted_mb and (available := available_memory_mb()) is not None and available < wanted_mb:
        if time.monotonic() > until:
            raise TransientIO(
                f"{available} MB of memory free on {os.uname().nodename}, {wanted_mb} MB wanted before a product is "
                "started; fewer products at a time (--limit of the worker) or a lower limit (--memory-mb)"
            )
        time.sleep(pause_s)


def available_memory_mb(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the memory that a new process can have: of the machine, or of its container when that is less.

    None where neither is known.
    """
    found: list[int] = []
    try:
        lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        pass
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        stats = dict(line.split() for line in (cgroup / "memory.stat").read_text(encoding="ascii").splitlines())
        if limit != "max":
            found.append((int(limit) - used + int(stats.get("inactive_file", 0))) // _MB)
    except (OSError, ValueError):
        pass
    return min(found) if found else None
