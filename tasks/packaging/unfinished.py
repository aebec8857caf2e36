"""A product folder, or a file beside it, that appears complete or not at all."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tasks.common.errors import InvalidConfiguration, TransientIO

_PART: Final = re.compile(r"\..+\.(?P<pid>\d+)\.part")


@contextmanager
def unfinished_product(target: Path, stem: str) -> Iterator[Path]:
    """Give a hidden folder beside ``target`` to fill; at the end it is flushed to disk and renamed to ``target``.

    When the block fails the folder is removed. A process that is killed leaves it behind: the next run for the same
    product removes it. A lock on the folder tells the two apart, also between machines that share a disk.

    Args:
        target: the product's folder; it must not exist.
        stem: beginning of the names of all runs of the same product.

    Raises:
        InvalidConfiguration: ``target`` exists.
        TransientIO: a file or folder cannot be written.
    """
    if target.exists():
        raise InvalidConfiguration(f"{target}: exists already; remove it or choose another output folder")
    folder = target.with_name(f".{target.name}.{os.getpid()}.part")
    descriptor = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(target.parent, stem)
        folder.mkdir()
        descriptor = os.open(folder, os.O_RDONLY)
        _lock(descriptor)
        yield folder
        _flush(folder)
        if target.exists():
            raise InvalidConfiguration(f"{target}: another run made it meanwhile")
        folder.rename(target)
        _flush_entry(target.parent)
    except OSError as error:
        raise TransientIO(f"{error.filename or folder}: {error.strerror or error} while writing the product") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def write_complete(target: Path, content: bytes) -> None:
    """Write a file beside a product under a hidden name, flush it to disk and rename it; an older file is replaced.

    What a killed process leaves behind is removed by the next run for the same product.

    Raises:
        OSError: it cannot be written.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _remove_stale(target.parent, target.name)
        with part.open("wb") as stream:
            _lock(stream.fileno())
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(part, target)
        _flush_entry(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _lock(descriptor: int) -> bool:
    """Lock an open folder; False when another process holds it or the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_stale(parent: Path, stem: str) -> None:
    """Remove the folders and files of runs for the same product that were killed."""
    for part in parent.glob(f".{stem}*.part"):
        match = _PART.fullmatch(part.name)
        if match is None or _runs(int(match["pid"])):
            continue
        descriptor = os.open(part, os.O_RDONLY)
        try:
            if not _lock(descriptor):
                continue
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _runs(pid: int) -> bool:
    """Tell whether a process of that number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _flush(folder: Path) -> None:
    """Flush every file and folder to the disk."""
    for path in sorted(folder.rglob("*")):
        _flush_entry(path)
    _flush_entry(folder)


def _flush_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
