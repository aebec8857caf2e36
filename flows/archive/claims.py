"""Claims: who is working on a product. They need no lock service and no locks of the file system.

A claim is a file ``<key>.<n>.claim`` that is linked into place: exactly one process succeeds, on a local disk and over
NFS (versions 3 and 4). Its owner touches it at short intervals. A claim that was not touched for long, or whose process
is known to be gone, is taken over by making number n + 1, at which again exactly one succeeds; nobody ever removes or
renames a claim that may have become another's. Ages are measured with the file server's clock only.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

HEARTBEAT_S: Final = 15.0
STALE_AFTER_S: Final = 300.0
"""A claim that old without a heartbeat is given up, whatever machine it is from."""


def _me() -> dict[str, Any]:
    """Describe this process so that another one of the same machine, and no other, can tell whether it lives."""
    return {"space": _process_space(), "pid": os.getpid(), "born": _birth(os.getpid()), "host": os.uname().nodename}


def _process_space() -> str:
    """Name the set of process numbers: machine boot and PID namespace (containers may share a host name)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _birth(pid: int) -> str:
    """Return a process's start time in clock ticks, empty when it does not run (or is a zombie)."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if words[0] in ("Z", "X") else words[19]


class Claim:
    """A claim that this process holds; its heartbeat runs until the block ends."""

    def __init__(self, path: Path, heartbeat_s: float = HEARTBEAT_S) -> None:
        self.path = path
        self._number = _number_of(path)
        self._heartbeat_s = heartbeat_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="claim")

    @property
    def lost(self) -> bool:
        """True when another process took the claim over because this one had stopped for too long."""
        return _newest(self.path.parent, _key_of(self.path)) != self.path

    def __enter__(self) -> Claim:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        key = _key_of(self.path)
        for path in sorted(self.path.parent.glob(f"{glob_safe(key)}.*.claim"), key=_number_of):
            if _number_of(path) <= self._number:  # the predecessors first: the newest one decides until the end
                with suppress(OSError):
                    path.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(self._heartbeat_s):
            with suppress(OSError):
                os.utime(self.path)


def glob_safe(text: str) -> str:
    """Return a text whose characters mean themselves in a glob."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _key_of(path: Path) -> str:
    return path.name.rsplit(".", 2)[0]


def _number_of(path: Path) -> int:
    return int(path.name.rsplit(".", 2)[1])


def _newest(folder: Path, key: str) -> Path | None:
    return max(folder.glob(f"{glob_safe(key)}.*.claim"), key=_number_of, default=None)


def take(
    folder: Path, key: str, heartbeat_s: float = HEARTBEAT_S, stale_after_s: float = STALE_AFTER_S
) -> Claim | None:
    """Claim a product, or return None when another process holds it.

    Args:
        folder: the same for all who compete; made when missing.
        key: the product, safe as a file name.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _draft(folder) as draft:
        present = _newest(folder, key)
        before = None if present is None else _content(present)
        if present is not None and is_alive(present, stale_after_s, draft.stat().st_mtime):
            return None
        number = 1 if present is None else _number_of(present) + 1
        final = folder / f"{key}.{number}.claim"
        with suppress(OSError):
            os.link(draft, final)
        # Over NFS a link may succeed and its answer be lost: the count of links tells.
        if draft.stat().st_nlink != 2:
            return None
        # Only the successor of a claim that is still there unchanged is the newest one for certain.
        if _newest(folder, key) != final or (present is not None and _content(present) != before):
            final.unlink(missing_ok=True)
            return None
    return Claim(final, heartbeat_s)


def _content(claim: Path) -> str:
    try:
        return claim.read_text(encoding="utf-8")
    except OSError:
        return ""


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    draft = folder / f".{uuid.uuid4().hex}.draft"
    draft.write_text(json.dumps({**_me(), "token": uuid.uuid4().hex}), encoding="utf-8")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def is_alive(claim: Path, stale_after_s: float, now: float) -> bool:
    """Tell whether a claim's owner still works.

    Args:
        now: time of the file server.
    """
    try:
        age = now - claim.stat().st_mtime
        owner = json.loads(claim.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True  # it cannot be read just now: leave it to its owner
    if age > stale_after_s:
        return False
    mine = _me()
    if owner.get("space") and owner.get("space") == mine["space"]:
        return bool(_birth(int(owner["pid"])) == owner.get("born"))
    return True


def is_claimed(folder: Path, key: str, stale_after_s: float = STALE_AFTER_S) -> bool:
    """Tell whether a living process holds a product."""
    present = _newest(folder, key) if folder.is_dir() else None
    if present is None:
        return False
    with _draft(folder) as draft:
        return is_alive(present, stale_after_s, draft.stat().st_mtime)
