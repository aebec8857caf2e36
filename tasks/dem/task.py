"""Stage ``dem``: heights on the tile's 20 m grid, or flat terrain."""

from __future__ import annotations

from prefect import task

from tasks.common.artefacts import StageWriter, open_array
from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import RETRY_DELAYS_S, is_retriable, stage_task
from tasks.dem.bands import MovingBand, always, whole_surface
from tasks.dem.cells import Box
from tasks.dem.download import fetch_cells
from tasks.dem.footprint import geographic_box
from tasks.dem.layers import TerrainSettings, height_figures, level_figures, write_light, write_slopes
from tasks.dem.mosaic import build_mosaic
from tasks.dem.parameters import DemParameters, DemSurvey, edition_of, nothing_found
from tasks.dem.provenance import describe_survey, with_hashes
from tasks.dem.substitutes import DOWNLOAD_CODE, flat_terrain, record_substitutes, record_surroundings
from tasks.dem.surroundings import Margin, margin_of, with_margin
from tasks.dem.terrain import SunGrid


@task(
    name="dem-fetch",
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=list(RETRY_DELAYS_S),
    retry_condition_fn=is_retriable,
    persist_result=False,
)
def fetch_dem(parameters: DemParameters, l1c: StageResult) -> DemParameters:
    """Bring the cells of the tile and of the ground that shades it into the DEM folder; return the list of them.

    Called before :func:`prepare_dem`, so that the stored result of that stage depends on the files themselves: cells
    that arrive later, or change, make a new result instead of the old flat terrain.

    Raises:
        AuxiliaryUnavailable: the download failed, or nothing is there, and ``force_exit_on_dem_error`` is set.
        TransientIO: the folder failed in a way that may pass.
    """
    if parameters.dem_directory is None:
        return parameters
    box, around = _boxes(Grid.model_validate(l1c.statistics["grid"]).at(20), margin_of(_sun_of(l1c)))
    try:
        survey = with_hashes(_survey(box, around, parameters), parameters.home)
    except AuxiliaryUnavailable as error:
        if parameters.force_exit_on_dem_error:
            raise
        survey = DemSurvey(problem=str(error))
    return parameters.model_copy(update={"survey": survey})


@stage_task("dem", version="3")
def prepare_dem(out: StageWriter, tile: TileRef, parameters: DemParameters, l1c: StageResult) -> None:
    """Write the heights of the tile and what follows from them; nothing is written for flat terrain.

    ``height_20m`` ``[rows, cols]`` float32 [m above sea level, EGM2008 for Copernicus] at the pixel centres, by cubic
    spline from the joined cells. ``slope_20m``, ``aspect_20m`` uint16 in 0.01 degree (aspect clockwise from north,
    level ground 0). ``illumination_20m``, ``illumination_10m`` int16: 10000 times the cosine between the sun and the
    normal, negative where turned away; averaged over 5 x 5 and 9 x 9 pixels for the Copernicus 30 m model.
    ``shadow_20m``, ``shadow_10m`` uint8: 1 in self or cast shadow. ``sky_view_20m``, ``sky_view_10m`` uint8: 250 times
    the sky view factor. The layers of 10 m are made from the joined cells again, not from those of 20 m; terrain
    beyond the tile's edge shades it and hides its sky as that inside does.

    Statistics: ``source`` (``COPERNICUS_30`` | ``COPERNICUS_90`` | ``DTED_30`` | ``DTED_90`` | ``SRTM_90`` |
    ``NONE``), ``reference``, ``edition``, ``flat``, ``mean_height_m``, ``min_height_m``, ``max_height_m``,
    ``mean_slope_deg``, ``cells``, ``sea_cells``, ``files`` (name and SHA-256 by cell),
    ``void_percentage``; ``outer_cells``, beyond the tile's edge.

    Fall-backs: ``L2A-DEM-FLAT`` level ground at ``altitude``; ``L2A-DEM-DOWNLOAD`` a download failed;
    ``L2A-DEM-CELLS`` cells found nowhere were taken for sea; ``L2A-DEM-GLO90`` cells of the 90 m model stand for
    missing ones of 30 m; ``L2A-DEM-VOIDS`` heights were interpolated over voids; ``L2A-DEM-SURROUNDINGS`` terrain
    beyond the tile's edge is not known and shades nothing.

    Raises:
        AuxiliaryUnavailable: the configured elevation model gives nothing and ``force_exit_on_dem_error`` is set.

    Source: Sen2Cor 2.8 and 3.x sources (cubic spline, voids to 0, an all-zero model counts as flat).
    """
    grid = Grid.model_validate(l1c.statistics["grid"]).at(20)
    edition = edition_of(parameters.dem_reference) or edition_of(parameters.dem_directory)
    out.statistics.update(reference=parameters.dem_reference or "", edition=edition)
    if parameters.dem_directory is None:
        flat_terrain(out, parameters, "no DEM is configured: set DEM_Directory in L2A_GIPP.xml to a folder of cells")
        return
    sun = _sun_of(l1c)
    margin = margin_of(sun)
    box, around = _boxes(grid, margin)
    try:
        survey = _survey(box, around, parameters) if parameters.survey is None else parameters.survey
        if survey.problem:
            out.fall_back(DOWNLOAD_CODE, f"{survey.problem}; the local cells are used as they are")
        if survey.kind is None:
            raise AuxiliaryUnavailable(nothing_found(survey, parameters))
        if not survey.files:
            out.statistics.update(**describe_survey(survey), **level_figures(0.0))
            return
        mosaic = build_mosaic(survey.files, box, around, survey.outer)
    except AuxiliaryUnavailable as error:
        if parameters.force_exit_on_dem_error:
            raise
        flat_terrain(out, parameters, str(error))
        return
    record_substitutes(out, survey, mosaic)
    surface = whole_surface(mosaic, grid, margin)
    heights = surface.heights[surface.place(slice(0, grid.rows))]
    flat = not heights.any()
    out.statistics.update(
        **describe_survey(survey),
        flat=flat,
        mean_slope_deg=0.0,
        void_percentage=round(mosaic.void_percentage, 6),
        **height_figures(heights),
    )
    if not flat:
        out.save("height_20m", heights)
        record_surroundings(out, survey, mosaic)
        settings = TerrainSettings(parameters.sky_view, survey.kind == "COPERNICUS_30")
        out.statistics["mean_slope_deg"] = write_slopes(out.create_rows, surface)
        write_light(out.create_rows, always(surface), grid, sun, settings)
        del surface, heights
        fine = grid.at(10)
        write_light(out.create_rows, MovingBand(mosaic, fine, margin, sun), fine, sun, settings)


def _sun_of(l1c: StageResult) -> SunGrid:
    nodes = open_array(l1c, "sun_zenith"), open_array(l1c, "sun_azimuth")
    return SunGrid(*nodes, float(l1c.statistics["angle_step_m"]))


def _boxes(grid: Grid, margin: Margin) -> tuple[Box, Box]:
    """Return the box of the tile, and that of the tile with the ground around it."""
    return geographic_box(grid), geographic_box(with_margin(grid, margin))


def _survey(box: Box, around: Box, parameters: DemParameters) -> DemSurvey:
    """Fetch what is missing; with ``force_exit_on_dem_error`` an incomplete answer is an error."""
    survey = fetch_cells(box, parameters, around=around)
    if parameters.force_exit_on_dem_error and (survey.problem or survey.kind is None):
        raise AuxiliaryUnavailable(survey.problem or nothing_found(survey, parameters))
    return survey
