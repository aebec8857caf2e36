"""Sun and view geometry of simulated products against published and hand-computed values."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tasks.common.bands import BANDS
from tasks.common.grid import Grid
from tasks.simulation.place import footprint, metadata_sun, metadata_view, mgrs_tile
from tasks.simulation.push_broom import (
    BAND_DELAY_S,
    Track,
    descending_heading,
    detector_angles,
    detector_of,
    view_angles,
)
from tasks.simulation.solar import earth_sun_correction, earth_sun_distance, solar_position


@pytest.mark.parametrize(
    ("time", "latitude", "longitude", "zenith", "azimuth", "tolerance"),
    [
        # The example of NREL's solar position algorithm (doi:10.2172/15003974, table A5.1).
        (datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), 39.742476, -105.1786, 50.11162, 194.34024, 0.02),
        # The sun over Virginia in the demonstration's scene.
        (datetime(2016, 1, 12, 15, 55, tzinfo=UTC), 37.7, -75.6, 62.0, 160.0, 0.1),
        # Mean sun angles in the metadata of tile T48LWP, 13 July 2021.
        (datetime(2021, 7, 13, 3, 21, 4, tzinfo=UTC), -10.439, 105.502, 40.9277, 37.8903, 0.1),
        # Equinox (20 March 2024, 03:06 UTC): noon on the equator lies at 12 h minus the equation of time, -7.4 min.
        (datetime(2024, 3, 20, 12, 7, 24, tzinfo=UTC), 0.0, 0.0, 0.15, None, 0.1),
    ],
)
def test_solar_position_agrees_with_known_values(time, latitude, longitude, zenith, azimuth, tolerance) -> None:
    found_zenith, found_azimuth = solar_position(time, latitude, longitude)
    assert found_zenith == pytest.approx(zenith, abs=tolerance)
    if azimuth is not None:
        assert found_azimuth == pytest.approx(azimuth, abs=tolerance)


def test_solar_position_takes_arrays_and_times_without_zone_as_utc() -> None:
    latitude, longitude = np.meshgrid([40.0, 41.0, 42.0], [8.0, 9.0], indexing="ij")
    zenith, azimuth = solar_position(datetime(2023, 6, 21, 11, 0), latitude, longitude)
    assert zenith.shape == azimuth.shape == (3, 2)
    assert np.all(np.diff(zenith[:, 0]) > 0)
    aware = solar_position(datetime(2023, 6, 21, 11, 0, tzinfo=UTC), latitude, longitude)
    assert np.array_equal(aware[0], zenith)


def test_earth_sun_distance_of_the_textbook() -> None:
    # Meeus, Astronomical Algorithms, example 25.a: 13 October 1992, R = 0.99766.
    assert earth_sun_distance(datetime(1992, 10, 13, tzinfo=UTC)) == pytest.approx(0.99766, abs=1e-5)


def test_earth_sun_correction_is_close_to_that_of_products() -> None:
    # U of real metadata: T30NWM on 1 January 2024 and the demonstration's day.
    assert earth_sun_correction(datetime(2024, 1, 1, 10, 24, 31)) == pytest.approx(1.034107, abs=3e-4)
    assert earth_sun_correction(datetime(2016, 1, 12, 15, 55)) == pytest.approx(1.0339, abs=1e-4)


def test_nadir_of_the_middle_of_the_swath_and_zenith_at_its_edge() -> None:
    along_km = 7.0  # B02 looks seven kilometres ahead or astern
    zenith, _ = view_angles(0.0, 1, "B02", 190.0)
    flat = np.degrees(np.arctan(along_km / 786.0))
    assert zenith == pytest.approx(flat, abs=0.08)
    edge, _ = view_angles(145.0, 1, "B02", 190.0)
    # Law of sines in the triangle of Earth's centre, ground and satellite.
    arc = np.hypot(145.0, along_km) / 6371.0
    distance = np.sqrt(6371.0**2 + 7157.0**2 - 2 * 6371.0 * 7157.0 * np.cos(arc))
    assert edge == pytest.approx(
        np.degrees(np.pi - np.arccos((6371.0**2 + distance**2 - 7157.0**2) / (2 * 6371.0 * distance))), abs=1e-4
    )
    assert 11.0 < edge < 12.0


@pytest.mark.parametrize(("across", "expected"), [(100.0, 90.0), (-100.0, 270.0)])
def test_the_satellite_stands_on_the_other_side(across: float, expected: float) -> None:
    # Flying due south, the right of the flight is west: from there the satellite is in the east.
    ahead, astern = (view_angles(across, detector, "B02", 180.0)[1] for detector in (1, 2))
    assert np.mean([ahead, astern]) == pytest.approx(expected, abs=1e-6)
    # A detector that looks ahead sees places south of the satellite: it stands in the north.
    assert np.cos(np.radians(ahead)) > 0 > np.cos(np.radians(astern))


def test_every_place_in_the_swath_has_one_of_twelve_detectors() -> None:
    across = np.linspace(-144.99, 144.99, 2000)
    assert sorted(set(detector_of(across).tolist())) == list(range(1, 13))
    assert detector_of(144.9) == 1
    assert detector_of(-144.9) == 12
    assert detector_of([145.1, -145.1]).tolist() == [0, 0]


def test_detector_grids_are_nan_outside_their_footprint_and_cover_the_swath() -> None:
    easting, northing = np.meshgrid(np.arange(0.0, 60e3, 5e3), np.arange(0.0, -50e3, -5e3))
    track = Track(190.0, 0.0, 0.0, 20.0)
    grids = detector_angles(easting, northing, track, "B03")
    assert len(grids) > 1
    seen = np.stack([np.isfinite(zenith) for zenith, _ in grids.values()])
    assert np.all(seen.sum(axis=0) == 1)
    for zenith, azimuth in grids.values():
        assert np.array_equal(np.isnan(zenith), np.isnan(azimuth))
        assert np.isnan(zenith).any()


def test_band_delays_put_b09_last_and_b02_first() -> None:
    assert BAND_DELAY_S["B02"] == 0.0
    assert max(BAND_DELAY_S, key=lambda band: BAND_DELAY_S[band]) == "B09"
    # Mean view zenith of a real tile (T48LWP) rises in the same order.
    assert BAND_DELAY_S["B08"] < BAND_DELAY_S["B03"] < BAND_DELAY_S["B04"] < BAND_DELAY_S["B12"] < BAND_DELAY_S["B01"]


def test_heading_at_the_equator() -> None:
    assert descending_heading(0.0) == pytest.approx(188.62)
    assert descending_heading(60.0) > descending_heading(45.0)


@pytest.mark.parametrize(
    ("epsg", "ulx", "uly", "tile"),
    [
        (32618, 399960, 4200000, "18SVG"),
        (32632, 399960, 5000040, "32TMQ"),
        (32748, 499980, 8900020, "48LWP"),
        (32601, 199980, 5800020, "01UBT"),
        (32630, 499980, 700020, "30NWM"),
        (32629, 499980, 5900040, "29UNU"),
    ],
)
def test_tile_names_of_real_tiles(epsg: int, ulx: float, uly: float, tile: str) -> None:
    assert mgrs_tile(Grid(epsg=epsg, ulx=ulx, uly=uly, resolution=10, rows=10980, cols=10980)) == tile


def test_metadata_grids_reach_beyond_the_tile() -> None:
    grid = Grid(epsg=32632, ulx=399960, uly=5000040, resolution=10, rows=600, cols=1200)
    time = datetime(2025, 6, 15, 10, 20, tzinfo=UTC)
    sun = metadata_sun(grid, time)
    assert sun.zenith_deg.shape == (3, 4)
    full = grid.model_copy(update={"rows": 10980, "cols": 10980})
    assert metadata_sun(full, time).zenith_deg.shape == (23, 23)
    view = metadata_view(grid, Track(192.0, grid.ulx, grid.uly, 70.0))
    assert list(view) == list(BANDS)
    ring = footprint(grid)
    assert ring[0] == ring[-1]
    assert len(ring) == 5
