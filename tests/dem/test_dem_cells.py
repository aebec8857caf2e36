"""Names of elevation-model cells against figures worked out by hand."""

from __future__ import annotations

import pytest

from tasks.common.grid import Grid
from tasks.dem.cells import Box, cells_covering, file_names
from tasks.dem.footprint import geographic_box


def test_inside_one_cell() -> None:
    assert cells_covering(Box(11.2, 47.1, 11.4, 47.3), "COPERNICUS_30") == ("N47_00_E011_00",)
    assert cells_covering(Box(11.2, 47.1, 11.4, 47.3), "DTED_90") == ("e011_n47",)
    assert cells_covering(Box(11.2, 47.1, 11.4, 47.3), "SRTM_90") == ("srtm_39_03",)


def test_south_and_west_count_from_the_lower_left_corner() -> None:
    assert cells_covering(Box(-9.5, -72.6, -9.3, -72.4), "COPERNICUS_90") == ("S73_00_W010_00",)
    assert cells_covering(Box(-8.9, -72.6, -8.8, -72.4), "DTED_90") == ("w009_s73",)
    assert cells_covering(Box(-0.5, -0.5, -0.4, -0.4), "COPERNICUS_30") == ("S01_00_W001_00",)


def test_four_cells_around_the_origin() -> None:
    assert cells_covering(Box(-0.1, -0.1, 0.1, 0.1), "COPERNICUS_30") == (
        "S01_00_W001_00",
        "S01_00_E000_00",
        "N00_00_W001_00",
        "N00_00_E000_00",
    )


def test_date_line() -> None:
    assert cells_covering(Box(179.5, 52.1, 180.4, 52.3), "COPERNICUS_30") == ("N52_00_E179_00", "N52_00_W180_00")
    assert cells_covering(Box(179.5, 52.1, 180.4, 52.3), "SRTM_90") == ("srtm_72_02", "srtm_01_02")


def test_a_border_within_the_kernel_asks_for_the_neighbour() -> None:
    assert cells_covering(Box(11.2, 47.00001, 11.4, 47.2), "COPERNICUS_30") == ("N46_00_E011_00", "N47_00_E011_00")
    assert cells_covering(Box(11.2, 47.01, 11.4, 47.2), "COPERNICUS_30") == ("N47_00_E011_00",)


@pytest.mark.parametrize(
    ("lon", "lat", "name"),
    [
        (-179.9, 59.9, "srtm_01_01"),
        (11.3, 47.2, "srtm_39_03"),
        (-75.6, 37.7, "srtm_21_05"),
        (151.9, -29.8, "srtm_67_18"),
        (179.9, -59.9, "srtm_72_24"),
    ],
)
def test_srtm_numbers(lon: float, lat: float, name: str) -> None:
    assert cells_covering(Box(lon, lat, lon + 0.01, lat + 0.01), "SRTM_90") == (name,)


def test_srtm_ends_at_60_degrees() -> None:
    assert cells_covering(Box(10.0, 61.0, 11.0, 62.0), "SRTM_90") == ()
    assert cells_covering(Box(11.0, 59.5, 12.0, 60.5), "SRTM_90") == ("srtm_39_01",)


def test_file_names() -> None:
    names = file_names("COPERNICUS_30", "N47_00_E011_00")
    assert "Copernicus_DSM_10_N47_00_E011_00_DEM.tif" in names
    assert "Copernicus_DSM_COG_10_N47_00_E011_00_DEM/Copernicus_DSM_COG_10_N47_00_E011_00_DEM.tif" in names
    assert "Copernicus_DSM_10_N47_00_E011_00.tar" in names
    assert "Copernicus_DSM_30_N47_00_E011_00.tar" in file_names("COPERNICUS_90", "N47_00_E011_00")
    assert file_names("DTED_90", "w009_s73") == ("w009_s73.dt1", "w009/s73.dt1")
    assert file_names("DTED_30", "e000_n00")[1] == "e000/n00.dt2"
    assert file_names("SRTM_90", "srtm_39_03")[-1] == "srtm_39_03.zip"


def full_tile(epsg: int, ulx: float, uly: float) -> Grid:
    return Grid(epsg=epsg, ulx=ulx, uly=uly, resolution=10, rows=10980, cols=10980)


def test_box_of_a_tile_on_the_central_meridian() -> None:
    """T29UNU: the west edge lies 20 m west of 9 W; 1 degree of latitude is about 111.2 km."""
    box = geographic_box(full_tile(32629, 499980, 5900040))
    assert box.west == pytest.approx(-9.0003, abs=5e-5)
    assert box.north == pytest.approx(53.2506, abs=2e-3)
    assert 109.8 / 111.3 - 1e-3 < box.north - box.south < 1.0
    assert -7.4 < box.east < -7.3


def test_box_across_the_date_line_and_south() -> None:
    box = geographic_box(full_tile(32701, 199980, 5900020))
    assert 177.0 < box.west < 180.0 < box.east < 180.9
    assert -39.0 < box.south < box.north < -36.0
