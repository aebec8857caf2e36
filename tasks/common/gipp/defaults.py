"""Where the GIPPs shipped with the program lie: in a checkout beside the packages, in a wheel below the prefix."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import tasks
from tasks.common.errors import InvalidConfiguration

GIPP_FILES: Final[dict[str, str]] = {
    "l2a": "L2A_GIPP.xml",
    "sc": "L2A_CAL_SC_GIPP.xml",
    "ac": "L2A_CAL_AC_GIPP.xml",
    "pb": "L2A_PB_GIPP.xml",
}
"""File names by the keys of ``Gipp.files``."""


def default_gipp_folder() -> Path:
    """Return the folder of the shipped GIPPs and their schemas.

    Raises:
        InvalidConfiguration: the installation is incomplete.
    """
    checkout = Path(tasks.__path__[0]).resolve().parent / "config" / "gipp"
    installed = Path(sys.prefix) / "share" / "sen2flow" / "config" / "gipp"
    for folder in (checkout, installed):
        if all((folder / name).is_file() for name in GIPP_FILES.values()):
            return folder
    raise InvalidConfiguration(
        f"the default GIPPs are neither in {checkout} nor in {installed}: install sen2flow again"
    )


def default_gipp_files() -> dict[str, Path]:
    """Return the four shipped GIPPs by the keys of ``GIPP_FILES``."""
    folder = default_gipp_folder()
    return {key: folder / name for key, name in GIPP_FILES.items()}
