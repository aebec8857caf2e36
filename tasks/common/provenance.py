"""Which files of the world outside the product a result was made from."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.xml import shown

_CHUNK_BYTES: Final = 4 << 20
_REMEMBERED: Final = 256


def file_sha256(path: Path) -> str:
    """Return the SHA-256 hex digest of a file; remembered while its size and time stay the same.

    Raises:
        AuxiliaryUnavailable: it cannot be read.
    """
    try:
        status = path.stat()
        return _sha256(str(path), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise AuxiliaryUnavailable(f"{shown(path)}: cannot be read ({error.strerror})") from error


@functools.lru_cache(maxsize=_REMEMBERED)
def _sha256(path: str, _size: int, _modified_ns: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def describe(paths: Iterable[Path]) -> list[dict[str, str]]:
    """Return name and SHA-256 of each file; of one that cannot be read, an empty hash."""
    found = []
    for path in paths:
        try:
            digest = file_sha256(path)
        except AuxiliaryUnavailable:
            digest = ""
        found.append({"file": path.name, "sha256": digest})
    return found
