"""Where the heights of a tile came from: names and hashes of the cells' files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.provenance import file_sha256
from tasks.dem.parameters import DemFile, DemSurvey


def with_hashes(survey: DemSurvey, home: str | None) -> DemSurvey:
    """Return a survey whose files have their hashes; without those beyond the tile's edge that cannot be read.

    Raises:
        AuxiliaryUnavailable: a file of the tile cannot be read.
    """
    outer, problems = [], [survey.outer_problem] if survey.outer_problem else []
    for file in survey.outer:
        try:
            outer.append(_hashed(file, home))
        except AuxiliaryUnavailable as error:
            problems.append(str(error))
    files = tuple(_hashed(file, home) for file in survey.files)
    changes = {"files": files, "outer": tuple(outer), "outer_problem": "; ".join(problems)}
    return survey.model_copy(update=changes)


def _hashed(file: DemFile, home: str | None) -> DemFile:
    return file.model_copy(update={"sha256": file_sha256(Path(file.path), home)})


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
