"""Checksums of ``manifest.safe``: tells an image that its producer wrote from one that was damaged since.

A JPEG 2000 decoder notices few damages inside a packet: it returns wrong pixels without a word.
Source: SAFE 1.1 (XFDU ``dataObject/byteStream``), MD5 before processing baseline 04.00, SHA3-256 since.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from tasks.common.errors import InvalidInput, TransientIO
from tasks.common.xml import Node, parse_xml, shown

MANIFEST: Final = "manifest.safe"
_ALGORITHMS: Final = {"MD5": "md5", "SHA3-256": "sha3_256", "SHA-256": "sha256"}
_CHUNK_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class Checksum:
    """What the manifest says of a file: the algorithm's name there, and lower-case hexadecimal digits."""

    algorithm: str
    digest: str


def manifest_checksums(product_dir: Path) -> dict[Path, Checksum]:
    """Return the checksums of a product's files by path; empty without a manifest.

    Files without checksum, with one of an unknown algorithm, or that lie outside the product are left out.

    Raises:
        InvalidInput: the manifest is no XML, or an element of it lacks its attributes.
        TransientIO: it cannot be read.
    """
    file = product_dir / MANIFEST
    if not file.is_file():
        return {}
    found = {}
    for stream in parse_xml(file).descendants("byteStream"):
        reference, checksum = stream.find("fileLocation"), stream.find("checksum")
        if reference is None or checksum is None:
            continue
        inside = PurePosixPath(reference.attribute("href"))
        algorithm = _algorithm(checksum)
        if algorithm and not inside.is_absolute() and ".." not in inside.parts:
            found[(product_dir / inside).resolve()] = Checksum(algorithm, checksum.text().lower())
    return found


def _algorithm(checksum: Node) -> str | None:
    name = checksum.attribute("checksumName").upper()
    return name if name in _ALGORITHMS else None


def check_unchanged(file: Path, expected: Checksum) -> None:
    """Check that a file is the one that the manifest was written for.

    Raises:
        InvalidInput: it is another.
        TransientIO: it cannot be read.
    """
    digest = hashlib.new(_ALGORITHMS[expected.algorithm], usedforsecurity=False)
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise TransientIO(f"{shown(file)}: cannot be read ({error.strerror})") from error
    if digest.hexdigest() != expected.digest:
        raise InvalidInput(
            f"{shown(file)}: damaged or changed: its {expected.algorithm} is not that of {MANIFEST}; fetch the product "
            f"again, or take {MANIFEST} out of one that was changed on purpose"
        )
