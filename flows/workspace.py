"""The work folder of one product's run: the one that was asked for, or one of its own below the home."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from flows.archive.claims import take
from tasks.common.errors import TransientIO
from tasks.common.stage import stage_logger

FOLDER: Final = "work"
"""Folder of the home that holds the work folders nobody chose."""

_CLAIMS: Final = ".claims"
_LONGEST_NAME: Final = 80


@contextmanager
def work_folder(chosen: Path | None, input_path: Path, home: Path) -> Iterator[Path]:
    """Yield the folder for stages and extracted archives of a run.

    A chosen folder is kept. Otherwise the folder is named after the input, so that an interrupted run is taken up; it
    belongs to one run at a time and is removed when the run is complete. A second run of the same input at the same
    time works in a folder of its own, which is always removed: neither can take anything away from the other.

    Args:
        chosen: the work folder asked for; None for none.
        input_path: the Level-1C product.
        home: the Sen2Cor home.

    Raises:
        TransientIO: the home cannot be written.
    """
    if chosen is not None:
        yield chosen.absolute()
        return
    parent, name = home.absolute() / FOLDER, _name(input_path)
    try:
        claim = take(parent / _CLAIMS, name)
    except OSError as error:
        raise TransientIO(
            f"{parent}: cannot be written ({error.strerror or error}): give a work folder (--work_dir)"
        ) from error
    if claim is not None:
        with claim:
            yield parent / name
            shutil.rmtree(parent / name, ignore_errors=True)
        return
    alone = parent / f"{name}.{uuid.uuid4().hex[:8]}"
    stage_logger().info("another run has this product: working in %s", alone)
    try:
        yield alone
    finally:
        shutil.rmtree(alone, ignore_errors=True)


def _name(input_path: Path) -> str:
    """Return a folder name that tells the input, and differs for inputs of one name at different places."""
    place = os.path.realpath(input_path)
    digest = hashlib.blake2b(os.fsencode(place), digest_size=4).hexdigest()
    words = re.sub(r"[^A-Za-z0-9_-]", "_", Path(place).name)[:_LONGEST_NAME]
    return f"{words}_{digest}"
