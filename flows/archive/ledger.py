"""The ledger: one small file per Level-1C product in the output folder, written atomically.

It says what was made of a product, from which content and with which configuration. It is believed only as far as the
Level-2A product it names exists.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from flows.archive.request import Item
from tasks.common.errors import TransientIO
from tasks.common.records import Record

FOLDER: Final = ".sen2flow"
"""Folder of ledger, claims and summaries inside the output folder; hidden, so that no reader takes it for a product."""

_PRODUCT_FILES: Final = ("MTD_MSIL2A.xml", "manifest.safe")


class Status(StrEnum):
    """What the ledger says of a product."""

    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CRASHED = "crashed"


class Entry(Record):
    """What is known of one Level-1C product."""

    key: str
    status: Status
    item: Item
    """What was asked for; a retry asks for the same."""
    stamp: str = ""
    """Names, sizes and times of the input's files: equal stamps are equal inputs without reading them."""
    content: str = ""
    """Digest of the input's content, wherever it lies and whenever it was copied."""
    configuration: str = ""
    """Digest of the effective configuration and of the editions of the global maps."""
    auxiliary: dict[str, str] = {}
    """Elevation files used, with size and time."""
    product: Path | None = None
    fallbacks: tuple[str, ...] = ()
    message: str = ""
    retriable: bool = True
    """Whether trying the same again can help."""
    attempt: int = 1
    """Attempts with this content and configuration, this one included."""
    started: datetime
    ended: datetime | None = None
    seconds: float = 0.0
    processor: str = ""
    former: Entry | None = None
    """The good result that this attempt is to better; None for a first result."""
    flow_run: str | None = None


class Ledger:
    """The ledger of one output folder."""

    def __init__(self, output_dir: Path) -> None:
        self.folder = output_dir.absolute() / FOLDER / "ledger"
        self.claims = output_dir.absolute() / FOLDER / "claims"

    def read(self, key: str) -> Entry | None:
        """Return the entry of a product; None when there is none or it is damaged."""
        return _read(self.folder / f"{key}.json")

    def write(self, entry: Entry) -> None:
        """Replace an entry; a reader sees the old or the new one, never a part.

        Raises:
            TransientIO: the folder cannot be written.
        """
        write_atomically(self.folder / f"{entry.key}.json", entry.model_dump_json(indent=1))

    def entries(self) -> Iterator[Entry]:
        """Yield all sound entries in the order of their keys."""
        for path in sorted(self.folder.glob("*.json")):
            entry = _read(path)
            if entry is not None:
                yield entry


def _read(path: Path) -> Entry | None:
    try:
        return Entry.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def write_atomically(path: Path, text: str) -> None:
    """Write a file under a temporary name, flush it and rename it.

    Raises:
        TransientIO: the folder cannot be written.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise TransientIO(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def product_exists(entry: Entry) -> bool:
    """Tell whether the Level-2A product of an entry is there with its metadata and manifest."""
    return entry.product is not None and all((entry.product / name).is_file() for name in _PRODUCT_FILES)


def now() -> datetime:
    """Return the time for entries."""
    return datetime.now(UTC)


def auxiliary_changed(entry: Entry) -> bool:
    """Tell whether an elevation file that was used is now another one."""
    for name, stamp in entry.auxiliary.items():
        try:
            status = os.stat(name)
        except OSError:
            continue  # gone: what was made with it stays valid
        if f"{status.st_size} {status.st_mtime_ns}" != stamp:
            return True
    return False
