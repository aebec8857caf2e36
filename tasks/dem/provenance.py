"""Where the heights of a tile came from: names and hashes of the cells' files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tasks.common.provenance import file_sha256
from tasks.dem.parameters import DemFile, DemSurvey


def with_hashes(survey: DemSurvey, home: str | None) -> DemSurvey:
    """Return a survey whose files have their hashes.

    Raises:
        AuxiliaryUnavailable: a file cannot be read.
    """
    return survey.model_copy(update={"files": _hashed(survey.files, home), "outer": _hashed(survey.outer, home)})


def _hashed(files: Iterable[DemFile], home: str | None) -> tuple[DemFile, ...]:
    return tuple(file.model_copy(update={"sha256": file_sha256(Path(file.path), home)}) for file in files)


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
            {
                "cell": file.cell,
                "file": Path(file.path).name,
                "sha256": file.sha256 or file_sha256(Path(file.path)),
            }
            for file in (*survey.files, *survey.outer)
        ],
    }
