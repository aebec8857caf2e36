"""Extraction of zip archives that nobody vouches for: nothing leaves the target folder and nothing is unbounded."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.xml import shown

_CHUNK_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold. A whole old product of 13 granules has about 8 GB in 2000 files."""

    entries: int = 20_000
    bytes: int = 32 << 30
    ratio: int = 100
    """Unpacked to packed size; imagery hardly shrinks, a product's metadata by a factor of 10 to 20."""
    free_bytes: int = 64 << 20
    """Unpacked size up to which the ratio does not matter."""
    name_length: int = 400
    part_length: int = 255
    depth: int = 12


LIMITS: Final = ArchiveLimits()


def extract_archive(path: Path, target_root: Path, limits: ArchiveLimits = LIMITS) -> Path:
    """Extract a zip archive into a folder of its own, or return the folder of an earlier complete extraction.

    The folder is named by the archive's table of contents, is written under a temporary name and renamed.

    Args:
        path: the archive; it is only read.
        target_root: folder in which the extraction's folder is made.
        limits: what is accepted.

    Returns:
        The folder with the archive's content.

    Raises:
        InvalidInput: no zip archive, damaged, encrypted, an entry that is a link or would leave the folder, or beyond
            the limits.
        TransientIO: the target cannot be written or has not enough room.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked_entries(archive, path, limits)
            target = target_root / f"{path.stem[:100]}-{_contents_key(entries)}"
            if _is_complete(target, entries):
                return target
            _extract(archive, path, entries, target)
            return target
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, zlib.error, EOFError, UnicodeError) as error:
        raise InvalidInput(f"{shown(path)}: damaged or unsupported zip archive ({shown(str(error))})") from error
    except RuntimeError as error:
        raise InvalidInput(f"{shown(path)}: encrypted zip archive, decrypt it first") from error
    except OSError as error:
        raise TransientIO(f"{shown(error.filename or path)}: {error.strerror or error} while extracting") from error


def _checked_entries(archive: zipfile.ZipFile, path: Path, limits: ArchiveLimits) -> list[zipfile.ZipInfo]:
    entries = archive.infolist()
    if not entries:
        raise InvalidInput(f"{shown(path)}: zip archive without entries")
    if len(entries) > limits.entries:
        raise InvalidInput(f"{shown(path)}: zip archive of {len(entries)} entries, the limit is {limits.entries}")
    total = sum(entry.file_size for entry in entries)
    packed = max(path.stat().st_size, 1)
    if total > limits.bytes or (total > limits.free_bytes and total > limits.ratio * packed):
        raise InvalidInput(
            f"{shown(path)}: zip archive would unpack {packed} to {total} bytes, "
            f"the limits are {limits.bytes} bytes and a factor of {limits.ratio}"
        )
    seen: set[str] = set()
    for entry in entries:
        _check_entry(entry, path, limits)
        key = entry.filename.rstrip("/")
        if key in seen:
            raise InvalidInput(f"{shown(path)}: zip archive holds {shown(key)} twice")
        seen.add(key)
    files = {entry.filename for entry in entries if not entry.is_dir()}
    for name in seen:
        if any(str(parent) in files for parent in PurePosixPath(name).parents):
            raise InvalidInput(f"{shown(path)}: zip entry {shown(name)} lies below a file")
    return entries


def _check_entry(entry: zipfile.ZipInfo, path: Path, limits: ArchiveLimits) -> None:
    name = entry.filename
    parts = PurePosixPath(name).parts
    outside = name.startswith("/") or ".." in parts or "\\" in name or ":" in name or not parts
    if outside or not name.isprintable() or entry.orig_filename != name:
        raise InvalidInput(f"{shown(path)}: zip entry {shown(name)} would leave the folder it is extracted to")
    longest = max(len(part.encode(errors="surrogateescape")) for part in parts)
    if len(name) > limits.name_length or longest > limits.part_length or len(parts) > limits.depth:
        raise InvalidInput(f"{shown(path)}: zip entry {shown(name)} has too long a name")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InvalidInput(f"{shown(path)}: zip entry {shown(name)} is a link or a device")
    if entry.flag_bits & 0x1:
        raise InvalidInput(f"{shown(path)}: encrypted zip archive, decrypt it first")


def _contents_key(entries: list[zipfile.ZipInfo]) -> str:
    digest = hashlib.blake2b(digest_size=6)
    for entry in sorted(entries, key=lambda e: e.filename):
        digest.update(f"{entry.filename}\0{entry.file_size}\0{entry.CRC}\0".encode())
    return digest.hexdigest()


def _is_complete(target: Path, entries: list[zipfile.ZipInfo]) -> bool:
    """Tell whether every file of the archive is in the folder with its size and checksum."""
    if not target.is_dir():
        return False
    for entry in entries:
        file = target / entry.filename
        if entry.is_dir():
            continue
        if file.is_symlink() or not file.is_file() or file.stat().st_size != entry.file_size:
            return False
        checksum = 0
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                checksum = zlib.crc32(chunk, checksum)
        if checksum != entry.CRC:
            return False
    return True


def _extract(archive: zipfile.ZipFile, path: Path, entries: list[zipfile.ZipInfo], target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{time.monotonic_ns():x}.part")
    try:
        temporary.mkdir(parents=True)
        total = sum(entry.file_size for entry in entries)
        if total > shutil.disk_usage(temporary).free:
            raise TransientIO(f"{shown(target)}: no room for the {total} bytes of {shown(path.name)}")
        for entry in entries:
            file = temporary / entry.filename
            if entry.is_dir():
                file.mkdir(parents=True, exist_ok=True)
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, file.open("xb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK_BYTES)
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
