"""One worker at a time on a file, across threads and processes of one or several machines."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.1
_WITHOUT_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})

_threads_guard = threading.Lock()
_threads: dict[str, threading.Lock] = {}


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[bool]:
    """Hold the lock of a path while the block runs.

    The operating system frees the lock of a process that ends in any way, also by a kill; Linux passes it on to NFS
    servers. The empty lock file is removed when the lock is given back.

    Args:
        path: the lock file; its folder exists.
        wait_s: longest time to wait for another holder.

    Yields:
        True when the lock is held; False when the file system has no locks, so that others may be at work too.

    Raises:
        TimeoutError: another holder kept it for longer than ``wait_s``.
        OSError: the lock file cannot be made.
    """
    deadline = time.monotonic() + wait_s
    with _threads_guard:
        own = _threads.setdefault(str(path), threading.Lock())
    if not own.acquire(timeout=wait_s):
        raise TimeoutError(f"{path}: locked for longer than {wait_s:g} s")
    try:
        handle = _acquire(path, deadline, wait_s)
        try:
            yield handle is not None
        finally:
            if handle is not None:
                path.unlink(missing_ok=True)
                os.close(handle)
    finally:
        own.release()


def _acquire(path: Path, deadline: float, wait_s: float) -> int | None:
    """Return the descriptor that holds the lock, None where the file system has no locks."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno in _WITHOUT_LOCKS:
                path.unlink(missing_ok=True)
                return None
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK):
                raise
        else:
            # The last holder may have removed the file between our opening and our locking it.
            if _is_file(path, handle):
                return handle
            os.close(handle)
            continue
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path}: locked for longer than {wait_s:g} s")
        time.sleep(_POLL_S)


def _is_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
