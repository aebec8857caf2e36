"""The documented substitutes of the stage ``dem``: their codes, and when they are recorded."""

from __future__ import annotations

from typing import Final

from tasks.common.artefacts import StageWriter
from tasks.dem.layers import level_figures
from tasks.dem.mosaic import Mosaic
from tasks.dem.parameters import DemParameters, DemSurvey
from tasks.dem.provenance import describe_survey

FLAT_CODE: Final = "L2A-DEM-FLAT"
CELLS_CODE: Final = "L2A-DEM-CELLS"
DOWNLOAD_CODE: Final = "L2A-DEM-DOWNLOAD"
COARSER_CODE: Final = "L2A-DEM-GLO90"
VOIDS_CODE: Final = "L2A-DEM-VOIDS"
SURROUNDINGS_CODE: Final = "L2A-DEM-SURROUNDINGS"


def record_substitutes(out: StageWriter, survey: DemSurvey, mosaic: Mosaic) -> None:
    """Record what stands for cells of the tile that are missing or have holes."""
    if survey.missing:
        out.fall_back(CELLS_CODE, f"DEM cells found nowhere and taken for sea: {', '.join(survey.missing)}")
    if survey.coarser:
        out.fall_back(COARSER_CODE, f"90 m instead of 30 m elevation model in cells {', '.join(survey.coarser)}")
    if mosaic.filled_percentage:
        out.fall_back(VOIDS_CODE, f"{mosaic.filled_percentage:.3g} % of the elevation model interpolated over voids")


def record_surroundings(out: StageWriter, survey: DemSurvey, mosaic: Mosaic) -> None:
    """Record that terrain beyond the tile's edge is not known."""
    reasons = [f"cells {', '.join(survey.outer_missing)} are not there"] if survey.outer_missing else []
    reasons += [survey.outer_problem] if survey.outer_problem else []
    reasons += mosaic.unread
    if reasons:
        out.fall_back(SURROUNDINGS_CODE, f"terrain beyond the tile's edge shades nothing: {'; '.join(reasons)}")


def flat_terrain(out: StageWriter, parameters: DemParameters, reason: str) -> None:
    """Record level ground at the configured altitude for want of anything better."""
    out.fall_back(FLAT_CODE, f"flat terrain at {parameters.altitude:g} km: {reason}")
    out.statistics.update(**describe_survey(DemSurvey()), **level_figures(1000.0 * parameters.altitude))
