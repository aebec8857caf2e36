"""Which files of the world outside the product a result was made from."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.xml import shown

_CHUNK_BYTES: Final = 4 << 20
_REMEMBERED: Final = 256
_CACHE: Final = "cache/sha256"


def file_sha256(path: Path, home: str | None = None) -> str:
    """Return the SHA-256 hex digest of a file.

    It is remembered, in the process and in a folder of the home, while the file's size, its times and its inode stay
    the same: the maps of the world have hundreds of megabytes, and every product is a process of its own.

    Args:
        path: the file.
        home: the Sen2Cor home; None to remember nothing beyond this process.

    Raises:
        AuxiliaryUnavailable: it cannot be read.
    """
    try:
        status = path.stat()
        stamp = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        return _sha256(str(path.absolute()), stamp, home)
    except OSError as error:
        raise AuxiliaryUnavailable(f"{shown(path)}: cannot be read ({error.strerror})") from error


@functools.lru_cache(maxsize=_REMEMBERED)
def _sha256(path: str, stamp: tuple[int, ...], home: str | None) -> str:
    note = None
    if home is not None:
        note = Path(home) / _CACHE / f"{hashlib.blake2b(path.encode(), digest_size=16).hexdigest()}.json"
        known = _recall(note, path, stamp)
        if known is not None:
            return known
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    found = digest.hexdigest()
    if note is not None:
        # A home that cannot be written costs the same work again next time, nothing else.
        with suppress(OSError):
            _remember(note, path, stamp, found)
    return found


def _recall(note: Path, path: str, stamp: tuple[int, ...]) -> str | None:
    """Return the digest that was noted for a file in this state, None when there is none."""
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
        if (
            noted["path"] == path
            and noted["stamp"] == list(stamp)
            and len(noted["sha256"]) == hashlib.sha256().digest_size * 2
        ):
            return str(noted["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def _remember(note: Path, path: str, stamp: tuple[int, ...], digest: str) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    part = note.with_name(f".{note.name}.{os.uname().nodename}.{os.getpid()}")
    part.write_text(json.dumps({"path": path, "stamp": stamp, "sha256": digest}), encoding="utf-8")
    os.replace(part, note)


def describe(paths: Iterable[Path], home: str | None = None) -> list[dict[str, str]]:
    """Return name and SHA-256 of each file; of one that cannot be read, an empty hash."""
    found = []
    for path in paths:
        try:
            digest = file_sha256(path, home)
        except AuxiliaryUnavailable:
            digest = ""
        found.append({"file": path.name, "sha256": digest})
    return found


def identified(paths: Iterable[Path], home: str | None = None) -> tuple[str, ...]:
    """Return name and SHA-256 of each file in one word each, for the identity of a stage's parameters."""
    return tuple(f"{entry['file']} {entry['sha256']}" for entry in describe(paths, home))
