"""Joining elevation pieces: planes must stay planes across every border."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.dem.blend import Lattice, Piece, join


def plane(lattice: Lattice) -> Piece:
    """300 m + 20 m/degree east + 50 m/degree north: reproduced exactly by linear interpolation."""
    lon = lattice.west + lattice.dx * np.arange(lattice.cols)
    lat = lattice.north - lattice.dy * np.arange(lattice.rows)
    return Piece(lattice, (300.0 + 20.0 * lon[None, :] + 50.0 * lat[:, None]).astype(np.float32))


def test_covering_encloses_the_box_in_step() -> None:
    phase = Lattice(10.0, 48.0, 0.25, 0.5, 3, 3)
    lattice = Lattice.covering(10.3, 46.9, 11.1, 48.2, phase)
    assert (lattice.west, lattice.north, lattice.rows, lattice.cols) == (10.25, 48.5, 5, 5)
    assert lattice.in_step_with(phase)


def test_neighbours_in_step_are_pasted_unchanged() -> None:
    left, right = (plane(Lattice(west, 1.0, 0.1, 0.1, 10, 10)) for west in (0.0, 1.0))
    joined = join([left, right], Lattice(0.0, 1.0, 0.1, 0.1, 10, 20))
    np.testing.assert_array_equal(joined, np.hstack((left.heights, right.heights)))


def test_outside_is_nan_and_the_first_piece_wins() -> None:
    lattice = Lattice(0.0, 1.0, 0.5, 0.5, 2, 2)
    first = Piece(lattice, np.array([[1, np.nan], [3, 4]], np.float32))
    second = Piece(lattice, np.full((2, 2), 9, np.float32))
    joined = join([first, second], Lattice(-0.5, 1.0, 0.5, 0.5, 2, 3))
    np.testing.assert_array_equal(joined, np.array([[np.nan, 1, 9], [np.nan, 3, 4]], np.float32))


@pytest.mark.parametrize("step", [0.15, 0.2, 0.3])
def test_no_seam_where_the_longitude_spacing_changes(step: float) -> None:
    """As at 50 degrees north, where Copernicus cells change from 1 to 1.5 arc seconds."""
    south = plane(Lattice(0.0, 1.0, 0.1, 0.1, 10, 61))
    north = plane(Lattice(0.0, 2.0, step, 0.1, 10, round(6.0 / step) + 1))
    target = Lattice(0.3, 1.9, 0.1, 0.1, 18, 50)
    np.testing.assert_allclose(join([south, north], target), plane(target).heights, atol=2e-4)


def test_no_seam_between_pieces_out_of_step() -> None:
    west = plane(Lattice(0.0, 2.0, 0.1, 0.1, 21, 11))
    east = plane(Lattice(1.07, 2.03, 0.1, 0.1, 22, 11))
    target = Lattice(0.2, 1.9, 0.1, 0.1, 18, 16)
    joined = join([west, east], target)
    assert not np.isnan(joined).any()
    np.testing.assert_allclose(joined, plane(target).heights, atol=2.0)
    assert np.abs(np.diff(joined, axis=1) - 2.0).max() < 2.5
