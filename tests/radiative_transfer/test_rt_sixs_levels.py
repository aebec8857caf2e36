"""The vertical levels of 6SV: cases by hand, and the difference between its two versions, which the levels explain."""

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nanodisort")

from tasks.radiative_transfer.build.sixs_levels import layers, molecular_share

DATA = Path(__file__).parent / "data"
NEAR_INFRARED = ("B04", "B05", "B06", "B07", "B08", "B8A")


def test_levels_without_a_step_to_halve_are_even() -> None:
    depths, shares = molecular_share(0.2, 0.1, "2.1")
    np.testing.assert_allclose(depths, np.linspace(0.0, 0.3, 31), atol=1e-12)
    assert shares[0] == 1.0
    assert shares[-1] == pytest.approx(0.1 / 8.0 / (0.1 / 8.0 + 0.2 / 2.0))  # scale heights 8 and 2 km
    assert (np.diff(shares) < 0).all()


@pytest.mark.parametrize(("version", "share"), [("1.1", 0.25), ("2.1", 0.05)])
def test_steep_steps_are_halved(version: str, share: float) -> None:
    """B8A at sea level, AOT 2.2: the molecules' share would fall from 1 to 0.041 over an even step."""
    depths, shares = molecular_share(1.314, 0.0156, version)
    assert depths[1] < 1.3296 / 30.0
    assert shares[1] >= share
    assert depths[-1] == pytest.approx(1.3296)


@pytest.mark.parametrize(
    ("version", "aerosol", "excess"),
    [("1.1", 0.06, 0.0), ("2.1", 0.06, 0.0), ("1.1", 0.597, 0.04), ("2.1", 0.597, 0.33)],
)
def test_molecules_held_by_the_levels(version: str, aerosol: float, excess: float) -> None:
    """B8A at sea level, AOT 0.1 and 1."""
    molecules, particles = layers(aerosol, 0.0156, version)
    assert molecules.sum() + particles.sum() == pytest.approx(aerosol + 0.0156)
    assert molecules.sum() / 0.0156 - 1.0 == pytest.approx(excess, abs=0.01)


def _rows(name: str) -> dict[str, np.ndarray]:
    with (DATA / f"{name}.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["band"] in NEAR_INFRARED]
    return {
        column: np.array([float(row[column]) for row in rows])
        for column in rows[0]
        if column not in ("platform", "band")
    }


@pytest.mark.parametrize("column", ["spherical_albedo", "transmittance_down", "transmittance_up"])
def test_the_versions_of_6sv_differ_by_their_levels(column: str) -> None:
    """Both versions at the same 60 points, B04 to B8A: what the levels leave of their difference is a tenth (RMS)."""
    old, new = _rows("sixs_s2a_v11"), _rows("sixs_s2a")
    apart = new[column] - old[column]
    left = apart - (new[f"levels_{column}"] - old[f"levels_{column}"])
    assert np.abs(apart).max() > 8e-4
    assert np.sqrt(np.mean(left**2)) < 0.1 * np.sqrt(np.mean(apart**2))
