"""Where the heights of a tile came from: names, editions and hashes of the cells' files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from tasks.common.provenance import file_sha256
from tasks.dem.parameters import DemSurvey

_EDITION: Final = re.compile(r"(?<!\d)(20\d\d)_(\d)(?!\d)")


def edition_of(address: str | None) -> str:
    """Return the edition that a Copernicus address or folder names (``2021_1`` in ``COP-DEM_GLO-90-DGED__2021_1``).

    Empty where it names none: the cells themselves do not carry it.
    """
    found = _EDITION.search(address or "")
    return found[0] if found else ""


def describe_survey(survey: DemSurvey) -> dict[str, Any]:
    """Return the statistics that say which cells were used; of an empty survey, that none was.

    Raises:
        AuxiliaryUnavailable: a file cannot be read.
    """
    return {
        "source": survey.kind or "NONE",
        "cells": [file.cell for file in survey.files],
        "outer_cells": [file.cell for file in survey.outer],
        "sea_cells": list(survey.sea) if survey.kind else [],
        "files": [
            {"cell": file.cell, "file": Path(file.path).name, "sha256": file_sha256(Path(file.path))}
            for file in (*survey.files, *survey.outer)
        ],
    }
