"""Stage ``esa_cci``: water bodies, land cover and snow condition on the tile's 20 m grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tasks.common.artefacts import StageWriter
from tasks.common.errors import AuxiliaryUnavailable
from tasks.common.grid import Grid
from tasks.common.provenance import describe
from tasks.common.records import StageResult, TileRef
from tasks.common.stage import stage_task
from tasks.dem.footprint import geographic_box
from tasks.esa_cci.maps import for_tile, map_on_grid, map_path, snow_condition_path, snow_is_possible
from tasks.esa_cci.parameters import EsaCciParameters

NO_DEM_CODE: Final = "L2A-CCI-NO-DEM"
CLIMATOLOGY_CODE: Final = "L2A-CCI-SNOW-CLIMATOLOGY"


@stage_task("esa_cci", version="2")
def look_up_esa_cci(
    out: StageWriter, tile: TileRef, parameters: EsaCciParameters, l1c: StageResult, dem: StageResult
) -> None:
    """Write the global maps as far as they exist.

    Arrays ``[rows, cols]`` uint8, nearest neighbour, 255 outside a map; a map that is missing has no array:

    - ``water_bodies_20m``: 0 ocean, 1 land, 2 inland water (ESA CCI, 150 m);
    - ``land_cover_20m``: LCCS codes, 190 urban, 200-202 bare, 210 water, 220 snow and ice (2015, 300 m);
    - ``snow_condition_20m``: 0-100 % snow occurrence in the month, 254 water, 255 no value (500 m).

    Statistics: ``maps`` {array or ``snow_climatology``: file name, which holds the edition}; ``files`` (name and
    SHA-256 of each map used); ``snow_possible``, whether the snow climatology
    has snow in the tile's box: None without that map, and then snow has to be looked for. As in Sen2Cor the three ESA
    CCI maps are read only when an elevation model is loaded.

    Fall-backs: ``L2A-CCI-NO-DEM``, or ``L2A-CCI-WATER-BODIES``, ``L2A-CCI-LAND-COVER``, ``L2A-CCI-SNOW-CONDITION`` for
    each map that is missing or damaged; ``L2A-CCI-SNOW-CLIMATOLOGY``.

    Source: Sen2Cor 2.8 sources and 2.11 configuration guide.
    """
    grid = Grid.model_validate(l1c.statistics["grid"]).at(20)
    out.statistics["maps"] = {}
    used: list[Path] = []
    try:
        climatology = map_path(parameters, parameters.snow_map)
        out.statistics["snow_possible"] = snow_is_possible(climatology, geographic_box(grid))
        out.statistics["maps"]["snow_climatology"] = climatology.name
        used.append(climatology)
    except AuxiliaryUnavailable as error:
        out.statistics["snow_possible"] = None
        out.fall_back(CLIMATOLOGY_CODE, f"the global snow map is not used: {error}")
    if dem.statistics["source"] == "NONE":
        out.statistics["files"] = describe(used, parameters.home)
        out.fall_back(NO_DEM_CODE, "ESA CCI maps are not used: they need an elevation model (DEM_Directory)")
        return
    month, day = month_and_day(l1c)
    places: dict[str, Callable[[], Path]] = {
        "water_bodies": lambda: map_path(parameters, parameters.esacci_waterbodies_map),
        "land_cover": lambda: map_path(parameters, parameters.esacci_landcover_map),
        "snow_condition": lambda: snow_condition_path(parameters, month, day),
    }
    for name, place in places.items():
        try:
            path = place()
            out.save(f"{name}_20m", map_on_grid(path, grid))
        except AuxiliaryUnavailable as error:
            out.fall_back(f"L2A-CCI-{name.upper().replace('_', '-')}", f"classified without this map: {error}")
        else:
            out.statistics["maps"][f"{name}_20m"] = path.name
            used.append(path)
    out.statistics["files"] = describe(used, parameters.home)


def month_and_day(l1c: StageResult) -> tuple[int, int]:
    """Return month and day of the sensing time, an ISO time such as ``2022-10-05T11:54:11.024Z``."""
    sensing_time = str(l1c.statistics["sensing_time"])
    return int(sensing_time[5:7]), int(sensing_time[8:10])


def esa_cci_of_tile(parameters: EsaCciParameters, l1c: StageResult, dem: StageResult) -> EsaCciParameters:
    """Return the parameters with the identity of the maps that a tile needs, for :func:`look_up_esa_cci`."""
    return for_tile(parameters, *month_and_day(l1c), with_dem=dem.statistics["source"] != "NONE")
