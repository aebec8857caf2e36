"""Frees the work folder: finished stages, extracted archives and downloads that were not used for a while."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.archive.fetch import DOWNLOAD_FOLDER
from tasks.common.errors import InvalidConfiguration
from tasks.l1c.archive import EXTRACTION_FOLDER

SAFE_AGE_S: Final = 24 * 3600.0
"""What was used more recently may belong to a run that works on it, and is never removed."""

_STAGES: Final = ("l1c", "dem", "images")
"""A folder that holds one of these is a tile's artefact store."""


@dataclass(frozen=True)
class Stored:
    """One thing that can be removed as a whole."""

    path: Path
    size: int
    """Bytes on the disk; a hard link that a product shares counts too."""
    used: float
    """When it was last used, as seconds since 1970."""


@dataclass(frozen=True)
class CleanRules:
    """What is to go. A thing goes when any of the rules says so."""

    older_than_s: float | None = None
    max_bytes: int | None = None
    keep_last: int | None = None
    safe_age_s: float = SAFE_AGE_S


def stored_things(work_dir: Path) -> list[Stored]:
    """Return the artefact stores, extractions and downloads of a work folder, the most recently used first.

    Raises:
        InvalidConfiguration: it is no folder.
    """
    if not work_dir.is_dir():
        raise InvalidConfiguration(f"{work_dir}: no such folder")
    paths = [path for path in work_dir.iterdir() if path.is_dir() and (_is_store(path) or _is_run(path))]
    for name in (EXTRACTION_FOLDER, DOWNLOAD_FOLDER):
        folder = work_dir / name
        paths += list(folder.iterdir()) if folder.is_dir() else []
    return sorted((_measured(path) for path in paths), key=lambda thing: -thing.used)


def _is_store(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in _STAGES)


def _is_run(folder: Path) -> bool:
    """Tell whether it is what an interrupted run without a chosen work folder left."""
    return any(
        _is_store(inner) or inner.name == EXTRACTION_FOLDER
        for inner in folder.iterdir()
        if folder.name not in (EXTRACTION_FOLDER, DOWNLOAD_FOLDER) and inner.is_dir()
    )


def _measured(path: Path) -> Stored:
    size, used = 0, path.lstat().st_mtime
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            try:
                status = os.lstat(os.path.join(folder, name))
            except OSError:
                continue
            size += status.st_blocks * 512
            used = max(used, status.st_mtime)
    return Stored(path, size or path.lstat().st_blocks * 512, used)


def to_remove(things: Sequence[Stored], rules: CleanRules, now: float) -> list[Stored]:
    """Return what the rules remove; ``things`` are ordered, the most recently used first."""
    chosen: list[Stored] = []
    kept_bytes = 0
    for number, thing in enumerate(things):
        age = now - thing.used
        kept_bytes += thing.size
        goes = (
            (rules.older_than_s is not None and age > rules.older_than_s)
            or (rules.keep_last is not None and number >= rules.keep_last)
            or (rules.max_bytes is not None and kept_bytes > rules.max_bytes)
        )
        if goes and age > rules.safe_age_s:
            chosen.append(thing)
            kept_bytes -= thing.size
    return chosen


def clean(work_dir: Path, rules: CleanRules, *, dry_run: bool = False) -> list[Stored]:
    """Remove what the rules say and return it. A thing is renamed first, so that no half of it is ever used."""
    chosen = to_remove(stored_things(work_dir), rules, time.time())
    if not dry_run:
        for thing in chosen:
            doomed = thing.path.with_name(f".{thing.path.name}.{os.getpid()}.removed")
            thing.path.rename(doomed)
            if doomed.is_dir():
                shutil.rmtree(doomed, ignore_errors=True)
            else:
                doomed.unlink(missing_ok=True)
    return chosen
